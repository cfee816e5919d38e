use super::*;
use crate::connect::rest::testing::{System, job, link, listing, pointer, upserts, write};
use crate::connect::{Destination, FaultKind, RecordFault, Written};
use crate::model::{Method, Paginate, RestDestination, RestRequest, RestWrite};
use std::sync::Arc;

fn request(method: Method, path: &str) -> RestRequest {
    RestRequest { method, path: path.to_owned(), body: None }
}

fn linked(method: Method) -> RestLinked {
    RestLinked {
        create: request(Method::Post, "/contacts"),
        external_id: Some(pointer("ours.key")),
        update: request(method, "/contacts/{{ id }}"),
        lookup: Some(RestLookup {
            path: "/contacts".to_owned(),
            query: vec![("key".to_owned(), "{{ id }}".to_owned())],
            records: pointer("/data"),
            id: pointer("/id"),
        }),
    }
}

fn of(system: &Arc<System>, linked: RestLinked) -> Arc<dyn Destination> {
    let rest = RestDestination { write: RestWrite::Linked(linked), id: Some(pointer("/id")), ..upserts() };
    crate::connect::rest::destination(&job(listing(Paginate::None), rest), &link(system)).unwrap()
}

fn known(operation: Operation) -> Write {
    Write { destination_id: Some("rec/1".into()), ..write(operation, "7", r#"{"a":1.10,"ours":{"b":2}}"#) }
}

#[tokio::test]
async fn a_create_carries_the_sources_id_and_tells_the_destinations() {
    let system = System::answers(201, &[], r#"{"id":"rec_1"}"#);
    let made = of(&system, linked(Method::Put)).write(&write(Operation::Create, "7", r#"{"a":1.10}"#)).await;
    let expected = Written { destination_id: Some("rec_1".into()), created: Some(true), ..Written::default() };
    assert_eq!(made.outcome.unwrap(), expected);
    assert_eq!(system.asked(), ["POST /api/contacts"]);
    assert_eq!(system.last_body(), r#"{"a":1.10,"ours":{"key":"7"}}"#);
}

#[tokio::test]
async fn an_update_and_a_delete_go_to_the_linked_id() {
    let system = System::answers(200, &[], "");
    let destination = of(&system, linked(Method::Put));
    assert_eq!(destination.write(&known(Operation::Update)).await.outcome.unwrap().created, Some(false));
    assert_eq!(system.last_body(), r#"{"a":1.10,"ours":{"b":2,"key":"7"}}"#, "a PUT keeps what it is known by");
    destination.write(&known(Operation::Delete)).await.outcome.unwrap();
    of(&system, linked(Method::Patch)).write(&known(Operation::Update)).await.outcome.unwrap();
    assert_eq!(system.last_body(), r#"{"a":1.10,"ours":{"b":2}}"#);
    let asked = ["PUT /api/contacts/rec%2F1", "DELETE /api/contacts/rec%2F1", "PATCH /api/contacts/rec%2F1"];
    assert_eq!(system.asked(), asked);
}

#[tokio::test]
async fn what_has_no_known_id_is_not_sent_anywhere() {
    let system = System::answers(200, &[], "");
    let fault = of(&system, linked(Method::Put)).write(&write(Operation::Update, "7", "{}")).await.outcome.unwrap_err();
    assert_eq!((fault.kind, fault.record), (FaultKind::Record, Some(RecordFault::Rejected)));
    assert!(fault.message.contains("its id at the destination is not known"), "{}", fault.message);
    assert!(system.asked().is_empty());
}

async fn found(status: u16, body: &str) -> Result<Vec<String>, FaultKind> {
    let system = System::answers(status, &[], body);
    let found = of(&system, linked(Method::Put)).find(&write(Operation::Create, "a&b", "{}")).await.outcome;
    assert_eq!(system.asked(), ["GET /api/contacts?key=a%26b"]);
    found.map(|ids| ids.iter().map(ToString::to_string).collect()).map_err(|fault| fault.kind)
}

#[tokio::test]
async fn a_lookup_finds_none_one_or_too_many() {
    assert_eq!(found(200, r#"{"data":[]}"#).await, Ok(vec![]));
    assert_eq!(found(404, "").await, Ok(vec![]));
    assert_eq!(found(200, r#"{"data":null}"#).await, Ok(vec![]));
    assert_eq!(found(200, r#"{"data":[{"id":5}]}"#).await, Ok(vec!["5".to_owned()]));
    assert_eq!(found(200, r#"{"data":{"id":"x"}}"#).await, Ok(vec!["x".to_owned()]));
    let two = found(200, r#"{"data":[{"id":"x"},{"id":"y","ours":{"key":"a&b"}}]}"#).await;
    assert_eq!(two, Ok(vec!["x".to_owned(), "y".to_owned()]));
}

#[tokio::test]
async fn a_record_that_says_it_is_another_one_is_not_found() {
    assert_eq!(found(200, r#"{"data":[{"id":"x","ours":{"key":"a"}}]}"#).await, Ok(vec![]));
}

#[tokio::test]
async fn an_answer_that_is_no_list_of_records_says_nothing() {
    assert_eq!(found(200, r#"{"error":"busy"}"#).await, Err(FaultKind::Transient));
    assert_eq!(found(200, r#"{"data":[{"name":"no id"}]}"#).await, Err(FaultKind::Transient));
    assert_eq!(found(503, "").await, Err(FaultKind::Transient));
    assert_eq!(found(400, "").await, Err(FaultKind::Record));
}
