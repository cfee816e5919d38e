//! `[serve]` and a source's `webhook`: from checked tables to the model.

use super::instances::Order;
use super::report::Report;
use super::source::{method, pointers};
use super::templates::{mentions, path_of};
use super::tree::{Table, Value};
use crate::model::webhook::{Delivery, Proof, Respond, Scheme, Subscribe, SubscribeCall, SubscriptionList};
use crate::model::{Pointer, Secret, Serve, Webhook};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashMap;
use url::Url;

/// What a name may hold as a step of a path.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where webhooks are taken in. None when a part of it is wrong, which was told.
pub(super) fn serve(table: &Table, report: &mut Report) -> Option<Serve> {
    let listen = table.text("listen")?.text.parse();
    if listen.is_err() {
        let hint = "write address and port, such as `\"127.0.0.1:8787\"` or `\"0.0.0.0:8787\"`".to_owned();
        report.mistake(table.place_of("listen"), "`listen` is no address with a port", hint);
    }
    let public_url = table.text("public_url").map(|text| text.text.trim_end_matches('/').to_owned());
    let is_fine = |text: &String| {
        Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none())
    };
    if public_url.as_ref().is_some_and(|url| !is_fine(url)) {
        let hint = "write it whole, such as `\"https://sync.example.com\"`".to_owned();
        report.mistake(
            table.place_of("public_url"),
            "`public_url` is no address to which a path can be appended",
            hint,
        );
        return None;
    }
    Some(Serve { listen: listen.ok()?, public_url, max_body: table.size("max_body")? })
}

/// What only the whole file shows: two jobs with one path, subscriptions without an address.
pub(super) fn check_together(orders: &[Order], serve: Option<&Serve>, report: &mut Report) {
    let mut paths: HashMap<String, &Order> = HashMap::new();
    for order in orders {
        let Some(source) = order.table().and_then(|job| job.table("source")) else { continue };
        let Some(webhook) = source.table("webhook") else { continue };
        if source.is_written("gather") {
            let hint = "write a job for each connection, each with a webhook of its own".to_owned();
            report.mistake(source.place_of("webhook"), "a source that gathers takes no webhook", hint);
        }
        let Some(path) = webhook.owned_text("path") else { continue };
        let path = of_instance(path, order.instance.as_ref().map(|instance| instance.name.as_str()));
        match paths.get(&path) {
            Some(first) => {
                let problem = format!("the path of this webhook is that of `{}` already", first.id());
                report.mistake(webhook.place_of("path"), problem, "give each job a path of its own".to_owned());
            }
            None => drop(paths.insert(path, order)),
        }
        if webhook.is_written("subscribe") && serve.is_some_and(|serve| serve.public_url.is_none()) {
            let hint = "add `public_url = \"https://sync.example.com\"` to `[serve]`".to_owned();
            report.mistake(webhook.place_of("subscribe"), "`subscribe` needs to know how the source reaches us", hint);
        }
    }
}

/// The path of an instance's own job: where it does not name the instance, the name is appended.
fn of_instance(path: String, instance: Option<&str>) -> String {
    let Some(name) = instance else { return path };
    let name = utf8_percent_encode(name, NAME).to_string();
    if path.split('/').any(|step| step == name) { path } else { format!("{}/{name}", path.trim_end_matches('/')) }
}

/// Builds the webhook of `source`, in the job of `instance` where it has one. None when a part of it is wrong, which was told.
pub(super) fn webhook(table: &Table, source: &Table, instance: Option<&str>, report: &mut Report) -> Option<Webhook> {
    let path = webhook_path(table, report).map(|path| of_instance(path, instance));
    let proof = proof(table, report);
    let delivery = delivery(table);
    let record = table.pointer("record");
    let id = match table.get("id") {
        Some(value) => pointers(value),
        None => (!table.is_written("id")).then(Vec::new),
    };
    let fetch = if table.is_written("fetch") { table.boolean("fetch") } else { record.is_none() };
    if fetch && !source.is_written("one") {
        let (place, hint) = if table.is_written("fetch") {
            (table.place_of("fetch"), "add `one = { path = \"/customers/{{ id }}\" }` to the source")
        } else {
            (table.place, "add `record = \"/data\"`: where the record stands in an event; or `one` to the source")
        };
        report.mistake(place, "the webhook says neither where the record is nor how it is read", hint.to_owned());
    }
    if record.is_none() && !table.is_written("id") && !table.is_written("record") {
        let hint = "add `id = \"/recordId\"`: where an event says which record changed".to_owned();
        report.mistake(table.place, "the webhook holds neither a `record` nor an `id`", hint);
    }
    if !table.list("deletes").is_empty() && !table.is_written("event") {
        let hint = "add `event = \"/type\"`: where an event's type stands".to_owned();
        report.mistake(table.place_of("deletes"), "`deletes` needs to know where an event's type stands", hint);
    }
    if table.is_written("version") && !source.is_written("version") {
        let hint = "add `version` to the source: where a record tells its own".to_owned();
        report.mistake(table.place_of("version"), "the events have a `version` and the records have none", hint);
    }
    let subscribe = table.table("subscribe").map(|inner| subscribe(inner, report));
    let respond = table.table("respond").and_then(|respond| {
        let status = respond.integer("status").and_then(|status| u16::try_from(status).ok());
        Some(Respond { status: status?, body: respond.owned_text("body") })
    });
    let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
    let optional =
        ["record", "version", "deleted", "event", "deletes", "delivery", "fetch", "insecure", "silence", "subscribe"];
    if optional.into_iter().any(is_wrong) {
        return None;
    }
    Some(Webhook {
        path: path?,
        proof: proof?,
        delivery: delivery?,
        record,
        id: id?,
        version: table.pointer("version"),
        deleted: table.pointer("deleted"),
        event: table.pointer("event"),
        deletes: texts(table, "deletes"),
        fetch,
        respond: respond?,
        max_waiting: table.integer("max_waiting")?,
        silence: table.duration("silence"),
        subscribe: match subscribe {
            Some(subscribe) => Some(subscribe?),
            None => None,
        },
    })
}

fn texts(table: &Table, name: &str) -> Vec<String> {
    let texts = table.list(name).iter().filter_map(|node| match &node.value {
        Value::Text(text) => Some(text.text.clone()),
        _ => None,
    });
    texts.collect()
}

fn webhook_path(table: &Table, report: &mut Report) -> Option<String> {
    let path = table.owned_text("path")?;
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%' | '\\');
    let walks = path.split('/').any(|step| matches!(step, "." | ".."));
    if !path.starts_with('/') || path.len() < 2 || path.len() > 500 || !path.chars().all(is_plain) || walks {
        let hint = "write a path of plain characters, such as `\"/hooks/shop\"`".to_owned();
        report.mistake(table.place_of("path"), "`path` can not be a webhook's path", hint);
        return None;
    }
    Some(path)
}

fn proof(table: &Table, report: &mut Report) -> Option<Proof> {
    let scheme = table.text("scheme")?.text.as_str();
    let scheme = Scheme::ALL.iter().find(|(word, _)| *word == scheme).map(|(_, scheme)| *scheme)?;
    let insecure = table.boolean("insecure");
    if !table.is_written("secret") {
        if insecure {
            report.warning(
                table.place_of("insecure"),
                "events are taken without a signature: whoever reaches the address can send them",
                "sign them, and write `secret` in place of `insecure`, where the system can".to_owned(),
            );
            return Some(Proof::Nothing);
        }
        let hint = "add `secret = \"${SHOP_HOOK_SECRET}\"`; a system that signs nothing needs `insecure = true`";
        report.mistake(table.place, "the webhook lacks a `secret`", hint.to_owned());
        return None;
    }
    if insecure {
        let hint = "leave `insecure` out".to_owned();
        report.mistake(table.place_of("insecure"), "a webhook with a `secret` is not `insecure`", hint);
    }
    let secrets: Vec<Secret> = match table.get("secret")? {
        Value::Text(text) => vec![Secret::new(text.text.as_str())],
        _ => {
            let secrets: Vec<_> = texts(table, "secret").into_iter().map(Secret::new).collect();
            if secrets.len() < table.list("secret").len() {
                return None;
            }
            secrets
        }
    };
    if secrets.is_empty() {
        let hint = "add one, or write `insecure = true`".to_owned();
        report.mistake(table.place_of("secret"), "`secret` is an empty list", hint);
    }
    for secret in &secrets {
        if let Err(reason) = scheme.key(secret) {
            report.mistake(table.place_of("secret"), format!("`secret` {reason}"), None);
        }
    }
    let header = table.owned_text("header");
    let header = match scheme {
        Scheme::HmacSha256 if header.is_none() => {
            if !table.is_written("header") {
                let hint = "add `header = \"X-Signature\"`: the header with the signature".to_owned();
                report.mistake(table.place, "`scheme = \"hmac-sha256\"` needs a `header`", hint);
            }
            return None;
        }
        Scheme::HmacSha256 => header?,
        Scheme::StandardWebhooks | Scheme::Github | Scheme::Stripe => {
            for name in ["header", "prefix"].into_iter().filter(|name| table.is_written(name)) {
                let hint = "leave it out, or write `scheme = \"hmac-sha256\"`".to_owned();
                report.mistake(table.place_of(name), format!("this scheme knows its `{name}` itself"), hint);
            }
            String::new()
        }
    };
    Some(Proof::Signature { scheme, header, prefix: table.owned_text("prefix")?, secrets })
}

/// As it is written, else as the scheme knows it.
fn delivery(table: &Table) -> Option<Delivery> {
    match table.get("delivery") {
        Some(Value::Pointer(pointer)) => Some(Delivery::Body(pointer.clone())),
        Some(Value::Table(delivery)) => Some(Delivery::Header(delivery.owned_text("header")?)),
        _ if table.is_written("delivery") => None,
        _ => Some(match table.text("scheme").map(|scheme| scheme.text.as_str()) {
            Some("standard-webhooks") => Delivery::Header("webhook-id".to_owned()),
            Some("github") => Delivery::Header("x-github-delivery".to_owned()),
            Some("stripe") => Delivery::Body(Pointer::parse("/id").ok()?),
            _ => Delivery::Unknown,
        }),
    }
}

fn subscribe(table: &Table, report: &mut Report) -> Option<Subscribe> {
    let create = call(table, report);
    let unsubscribe = id_path(table, "unsubscribe", report);
    let get = id_path(table, "get", report);
    let renew = table.table("renew").map(|renew| call(renew, report));
    let list = table.table("list").map(|list| {
        Some(SubscriptionList {
            path: path_of(list, "path", report)?,
            records: list.pointer("records")?,
            id: list.pointer("id")?,
            url: list.pointer("url")?,
        })
    });
    if renew.is_some() && !table.is_written("expires") && !table.is_written("lifetime") {
        let hint = "add `lifetime = \"24h\"`, or `expires`: where the answer says when it ends".to_owned();
        report.mistake(table.place_of("renew"), "`renew` needs to know how long a subscription lasts", hint);
    }
    let is_wrong = |name: &str| table.is_written(name) && table.get(name).is_none();
    if ["body", "unsubscribe", "get", "list", "expires", "lifetime", "renew"].into_iter().any(is_wrong) {
        return None;
    }
    Some(Subscribe {
        create: create?,
        id: table.pointer("id")?,
        unsubscribe: unsubscribe?,
        get: get?,
        list: match list {
            Some(list) => Some(list?),
            None => None,
        },
        expires: table.pointer("expires"),
        lifetime: table.duration("lifetime"),
        renew: match renew {
            Some(renew) => Some(renew?),
            None => None,
        },
    })
}

fn call(table: &Table, report: &mut Report) -> Option<SubscribeCall> {
    let path = path_of(table, "path", report);
    let method = method(table.text("method").map(|text| text.text.as_str()));
    if table.is_written("body") && table.get("body").is_none() {
        return None;
    }
    Some(SubscribeCall { method: method?, path: path?, body: table.json("body").cloned() })
}

/// The outer option is none when it is wrong, the inner one when it is not configured.
fn id_path(table: &Table, name: &str, report: &mut Report) -> Option<Option<String>> {
    if !table.is_written(name) {
        return Some(None);
    }
    let path = path_of(table, name, report)?;
    if !mentions(&path, &["id"]) {
        let hint = "put the subscription's id into it, such as `\"/webhooks/{{ id }}\"`".to_owned();
        report.mistake(table.place_of(name), format!("`{name}` is the same for every subscription"), hint);
        return None;
    }
    Some(Some(path))
}
