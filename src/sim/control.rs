//! The workshop behind both systems, by HTTP, for tests that run them in another process.

use super::faults::FaultsOrder;
use super::http::json;
use super::shop::{Churn, Removal, Spoil};
use super::{Side, World};
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What an action answers, or status and reason of a refusal.
type Told = Result<Value, (u16, String)>;

/// `POST /sim/churn`: a change after every `every`-th page; 0 stops all.
#[derive(Deserialize)]
struct ChurnOrder {
    every: u64,
    #[serde(default = "any")]
    what: Churn,
}

/// `POST /sim/token`: what a side demands as its bearer token from now on; none lets everybody in.
#[derive(Deserialize)]
struct TokenOrder {
    side: Side,
    token: Option<String>,
}

fn any() -> Churn {
    Churn::Any
}

pub(super) fn answer(world: &World, parts: &Parts, body: &Bytes) -> Response {
    let path: Vec<&str> = parts.uri.path().trim_start_matches("/sim").trim_matches('/').split('/').collect();
    let told = match (&parts.method, path.as_slice()) {
        (&Method::GET, ["audit"]) => return json(200, &world.audit()),
        (&Method::GET, ["requests"]) => {
            let [source, destination] = world.requests();
            return json(200, &json!({ "source": source, "destination": destination }));
        }
        (&Method::GET, ["collection", side, name]) => return dump(world, side, name),
        (&Method::POST, ["faults"]) => order(world, body),
        (&Method::POST, ["webhooks"]) => webhooks(world, body),
        (&Method::GET, ["webhooks"]) => {
            let hooks = &world.webhooks;
            let figures = (hooks.made(), hooks.taken(), hooks.waiting());
            let (made, taken, waiting) = figures;
            return json(
                200,
                &json!({ "made": made, "taken": taken, "waiting": waiting, "subscribers": hooks.subscribers() }),
            );
        }
        (&Method::POST, ["churn"]) => churn(world, body),
        (&Method::POST, ["token"]) => token(world, body),
        (&Method::POST, ["identity"]) => identity(world, body),
        (&Method::POST, ["shop", collection, action]) => act(world, parts, collection, action, body),
        (&Method::POST, ["crm", collection, "lose"]) => lose(world, parts, collection),
        _ => Err((404, "the workshop has no such tool".to_owned())),
    };
    match told {
        Ok(value) => json(200, &value),
        Err((status, message)) => json(status, &json!({ "error": { "message": message } })),
    }
}

fn dump(world: &World, side: &str, name: &str) -> Response {
    let records = match side {
        "source" => world.shop.dump(name),
        "destination" => world.crm.dump(name),
        _ => {
            return json(404, &json!({ "error": { "message": "a side is `source` or `destination`" } }));
        }
    };
    let raw: BTreeMap<&str, &RawValue> = records
        .iter()
        .filter_map(|(id, body)| Some((id.as_str(), serde_json::from_slice::<&RawValue>(body).ok()?)))
        .collect();
    json(200, &raw)
}

fn order(world: &World, body: &[u8]) -> Told {
    world.faults.order(read::<FaultsOrder>(body)?);
    Ok(json!({ "set": true }))
}

/// `POST /sim/webhooks`: how events go wrong from now on; `{"forget": true}` forgets all subscriptions.
fn webhooks(world: &World, body: &[u8]) -> Told {
    let order: Map<String, Value> = read(body)?;
    if order.get("forget") == Some(&Value::Bool(true)) {
        world.webhooks.forget();
    } else {
        world.webhooks.set(read(body)?);
    }
    Ok(json!({ "set": true }))
}

fn churn(world: &World, body: &[u8]) -> Told {
    let order: ChurnOrder = read(body)?;
    match order.every {
        0 => world.shop.stop_churn(),
        every => world.shop.churn(every, order.what),
    }
    Ok(json!({ "set": true }))
}

/// Removes the record `?id=` at the CRM behind everybody's back.
fn lose(world: &World, parts: &Parts, collection: &str) -> Told {
    let params = super::listing::params(parts.uri.query(), b"");
    let Some(id) = params.get("id") else {
        return Err((400, "say which record: `?id=…`".to_owned()));
    };
    Ok(json!({ "id": id, "changed": world.crm.lose(collection, id) }))
}

fn token(world: &World, body: &[u8]) -> Told {
    let order: TokenOrder = read(body)?;
    match order.side {
        Side::Source => world.shop.set_token(order.token.as_deref()),
        Side::Destination => world.crm.set_token(order.token.as_deref()),
    }
    Ok(json!({ "set": true }))
}

fn identity(world: &World, body: &[u8]) -> Told {
    world.identity.order(read(body)?);
    let (asked, given) = world.identity.figures();
    Ok(json!({ "asked": asked, "given": given }))
}

/// One change in the shop: `fill?n=`, `churn?n=&what=`, `insert` (the body is the record; none makes one), `update` (the body's members),
/// `edit`, `delete`, `delete_bare`, `vanish`, `spoil?how=`, `mend`, `late?seconds=`.
/// The record is named by `?id=`; without it the dice choose one.
fn act(world: &World, parts: &Parts, collection: &str, action: &str, body: &Bytes) -> Told {
    let params = super::listing::params(parts.uri.query(), b"");
    let shop = &world.shop;
    let number = |name: &str| params.get(name).and_then(|text| text.parse::<u64>().ok());
    match action {
        "fill" => {
            shop.fill(collection, number("n").unwrap_or(1), 0.0);
            return Ok(json!({ "changed": true }));
        }
        "churn" => {
            let what = params.get("what").map(|word| serde_json::from_value(word.as_str().into()));
            let what = what.transpose().map_err(|error: serde_json::Error| (400, error.to_string()))?;
            for _ in 0..number("n").unwrap_or(1) {
                shop.churn_once(collection, what.unwrap_or(Churn::Any));
            }
            return Ok(json!({ "changed": true }));
        }
        "late" => {
            let behind = Duration::from_secs(number("seconds").unwrap_or(20));
            return Ok(json!({ "id": shop.late_commit(collection, behind), "changed": true }));
        }
        "insert" if body.is_empty() => {
            return Ok(json!({ "id": shop.insert_new(collection), "changed": true }));
        }
        _ => {}
    }
    let id = params.get("id").cloned().or_else(|| shop.any_id(collection));
    let id = id.ok_or_else(|| (404, format!("there is no record in `{collection}`")))?;
    let changed = match action {
        "insert" => {
            shop.insert(collection, &id, body.clone());
            true
        }
        "update" => {
            let fields: Map<String, Value> = read(body)?;
            shop.update(collection, &id, |record| record.extend(fields))
        }
        "edit" => shop.edit(collection, &id),
        "delete" => shop.remove(collection, &id, Removal::Tombstone),
        "delete_bare" => shop.remove(collection, &id, Removal::BareTombstone),
        "vanish" => shop.remove(collection, &id, Removal::Vanish),
        "spoil" => {
            let how = match params.get("how").map(String::as_str) {
                None | Some("phone") => Spoil::Phone,
                Some("email") => Spoil::Email,
                Some("missing_email") => Spoil::MissingEmail,
                Some("tier") => Spoil::Tier,
                Some(other) => {
                    return Err((400, format!("a record can not be spoiled by `{other}`")));
                }
            };
            shop.spoil(collection, &id, how)
        }
        "mend" => shop.mend(collection, &id),
        _ => return Err((404, format!("`{action}` is no action of the workshop"))),
    };
    Ok(json!({ "id": id, "changed": changed }))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, (u16, String)> {
    serde_json::from_slice(body).map_err(|error| (400, error.to_string()))
}

impl Side {
    /// The side's name in addresses of the workshop.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}
