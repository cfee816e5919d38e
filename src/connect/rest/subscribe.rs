//! Subscriptions: how a job's events are ordered at its source, and kept coming.

use super::classify::Asked;
use super::request::{Call, Client, PathTemplate, answer, http_method};
use crate::connect::{Fault, FaultKind, Link, Reply, Signals, Subscribed, Subscriptions};
use crate::model::webhook::{Subscribe, SubscribeCall};
use crate::model::{BodyTemplate, Job, Pointer, RawJson, Timestamp};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Response};
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest number that is taken for seconds and not for milliseconds since 1970.
const SECONDS_MAX: i64 = 100_000_000_000;

/// The subscriptions of one job's source, ready to be asked for.
struct Orders {
    client: Client,
    create: Order,
    renew: Option<Order>,
    unsubscribe: Option<PathTemplate>,
    get: Option<PathTemplate>,
    list: Option<List>,
    id: Pointer,
    expires: Option<Pointer>,
}

struct Order {
    method: Method,
    path: PathTemplate,
    body: Option<BodyTemplate>,
}

struct List {
    path: PathTemplate,
    records: Pointer,
    id: Pointer,
    url: Pointer,
}

/// The subscriptions of `job`, with all templates checked; none where it orders no events.
pub(super) fn subscriptions(job: &Job, link: &Link) -> Result<Option<Arc<dyn Subscriptions>>, String> {
    let Some(subscribe) = job.source.webhook.as_ref().and_then(|webhook| webhook.subscribe.as_ref()) else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Orders::new(subscribe, link)?)))
}

impl Orders {
    fn new(subscribe: &Subscribe, link: &Link) -> Result<Self, String> {
        let path = |path: &Option<String>| path.as_deref().map(PathTemplate::compile).transpose();
        let list = subscribe.list.as_ref().map(|list| {
            Ok::<_, String>(List {
                path: PathTemplate::compile(&list.path)?,
                records: list.records.clone(),
                id: list.id.clone(),
                url: list.url.clone(),
            })
        });
        Ok(Self {
            client: Client::new(link)?,
            create: Order::new(&subscribe.create)?,
            renew: subscribe.renew.as_ref().map(Order::new).transpose()?,
            unsubscribe: path(&subscribe.unsubscribe)?,
            get: path(&subscribe.get)?,
            list: list.transpose()?,
            id: subscribe.id.clone(),
            expires: subscribe.expires.clone(),
        })
    }

    /// Makes a request; `values` are what its templates know.
    async fn send(
        &self,
        asked: Asked,
        method: &Method,
        path: &PathTemplate,
        body: Option<&BodyTemplate>,
        values: &Value,
    ) -> (Result<Response<Bytes>, Fault>, Signals) {
        send(&self.client, asked, method, path, body, values).await
    }

    /// What an answer says of a subscription; `known` is its id where the answer need not say it.
    fn subscribed(&self, request: &str, response: &Response<Bytes>, known: Option<&str>) -> Result<Subscribed, Fault> {
        let told = RawJson::parse(response.body().clone()).ok();
        let find = |pointer: &Pointer| told.as_ref().and_then(|told| pointer.find(told).ok().flatten());
        let id = find(&self.id).and_then(|id| text_of(&id)).or_else(|| known.map(str::to_owned));
        let id = id.ok_or_else(|| {
            let what = format!("the answer holds no id of the subscription at `{}`", self.id);
            self.client.caller.unusable(FaultKind::Fatal, &what, request, answer(response))
        })?;
        let expires_at = self.expires.as_ref().and_then(find).and_then(|at| text_of(&at)).and_then(|at| moment(&at));
        Ok(Subscribed { id, expires_at })
    }
}

impl Order {
    fn new(call: &SubscribeCall) -> Result<Self, String> {
        let body = call.body.as_ref().map(BodyTemplate::compile).transpose();
        Ok(Self {
            method: http_method(call.method),
            path: PathTemplate::compile(&call.path)?,
            body: body.map_err(|reason| format!("body of the subscription: {reason}"))?,
        })
    }
}

async fn send(
    client: &Client,
    asked: Asked,
    method: &Method,
    path: &PathTemplate,
    body: Option<&BodyTemplate>,
    values: &Value,
) -> (Result<Response<Bytes>, Fault>, Signals) {
    let request = format!("{method} {}", path.text());
    let target = path.render(values).and_then(|path| client.target(&path, &[]));
    let body = body.map_or(Ok(String::new()), |body| body.render(values, &[]));
    let (target, body) = match target.and_then(|target| Ok((target, body?))) {
        Ok(made) => made,
        Err(reason) => return (Err(client.caller.unsendable(&reason, &request)), Signals::default()),
    };
    let call = Call { asked, method: method.clone(), target, body: Bytes::from(body), headers: Vec::new() };
    client.send(call).await
}

/// A text, or a number as its text; none where there is neither.
fn text_of(value: &RawJson) -> Option<String> {
    match value.to_value().ok()? {
        Value::String(text) if !text.is_empty() => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time as systems write it: RFC 3339, or seconds or milliseconds since 1970.
fn moment(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(number) if number.abs() <= SECONDS_MAX => Some(Timestamp(number * 1_000)),
        Ok(number) => Some(Timestamp(number)),
        Err(_) => text.parse::<jiff::Timestamp>().ok().map(Timestamp::from),
    }
}

fn is_gone(fault: &Fault) -> bool {
    matches!(fault.status, Some(404 | 410))
}

#[async_trait]
impl Subscriptions for Orders {
    async fn create(&self, url: &str) -> Reply<Subscribed> {
        let Order { method, path, body } = &self.create;
        let (answered, signals) = self.send(Asked::Write, method, path, body.as_ref(), &json!({ "url": url })).await;
        let request = format!("{method} {}", path.text());
        let outcome = answered.and_then(|response| self.subscribed(&request, &response, None));
        Reply { outcome, signals }
    }

    async fn renew(&self, id: &str, url: &str) -> Option<Reply<Option<Subscribed>>> {
        let Order { method, path, body } = self.renew.as_ref()?;
        let values = json!({ "id": id, "url": url });
        let (answered, signals) = self.send(Asked::Write, method, path, body.as_ref(), &values).await;
        let request = format!("{method} {}", path.text());
        let outcome = match answered {
            Ok(response) => self.subscribed(&request, &response, Some(id)).map(Some),
            Err(fault) if is_gone(&fault) => Ok(None),
            Err(fault) => Err(fault),
        };
        Some(Reply { outcome, signals })
    }

    async fn is_there(&self, id: &str) -> Option<Reply<bool>> {
        let path = self.get.as_ref()?;
        let (answered, signals) = self.send(Asked::Record, &Method::GET, path, None, &json!({ "id": id })).await;
        let outcome = match answered {
            Ok(_) => Ok(true),
            Err(fault) if is_gone(&fault) => Ok(false),
            Err(fault) => Err(fault),
        };
        Some(Reply { outcome, signals })
    }

    async fn find(&self, url: &str) -> Option<Reply<Vec<String>>> {
        let list = self.list.as_ref()?;
        let asked = Asked::Page { cursor_sent: false };
        let (answered, signals) = self.send(asked, &Method::GET, &list.path, None, &json!({ "url": url })).await;
        let outcome = answered.and_then(|response| {
            let request = format!("GET {}", list.path.text());
            let told = RawJson::parse(response.body().clone()).ok();
            let all = told.and_then(|told| list.records.find(&told).ok().flatten());
            let all =
                all.and_then(|all| serde_json::from_slice::<Vec<Box<serde_json::value::RawValue>>>(all.bytes()).ok());
            let all = all.ok_or_else(|| {
                self.client.caller.not_json("the answer is no list of subscriptions", &request, answer(&response))
            })?;
            let ours = all.iter().filter_map(|one| {
                let one = RawJson::from_raw(one);
                let text = |pointer: &Pointer| pointer.find(&one).ok().flatten().and_then(|found| text_of(&found));
                (text(&list.url)? == url).then(|| text(&list.id))?
            });
            Ok(ours.collect())
        });
        Some(Reply { outcome, signals })
    }

    async fn remove(&self, id: &str) -> Option<Reply<()>> {
        Some(remove(&self.client, self.unsubscribe.as_ref()?, id).await)
    }
}

/// Ends the subscription of that id by a DELETE of `path`, a template that knows `id`.
pub(super) async fn end(link: &Link, path: &str, id: &str) -> Reply<()> {
    let made = Client::new(link).and_then(|client| Ok((client, PathTemplate::compile(path)?)));
    match made {
        Ok((client, path)) => remove(&client, &path, id).await,
        Err(reason) => Reply { outcome: Err(super::unusable(link, &reason)), signals: Signals::default() },
    }
}

async fn remove(client: &Client, path: &PathTemplate, id: &str) -> Reply<()> {
    let (answered, signals) = send(client, Asked::Write, &Method::DELETE, path, None, &json!({ "id": id })).await;
    let outcome = match answered {
        Ok(_) => Ok(()),
        Err(fault) if is_gone(&fault) => Ok(()),
        Err(fault) => Err(fault),
    };
    Reply { outcome, signals }
}
