use crate::connect::rest::testing::{System, job, link, listing, pointer, upserts, write};
use crate::connect::{Destination, Fault, FaultKind, Operation, RecordFault, Write, Written, rest};
use crate::model::{Method, Paginate, RestBatch, RestDestination, RestRequest, RestWrite};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn batch() -> RestBatch {
    RestBatch {
        id: None,
        method: Method::Post,
        path: "/contacts:batch".to_owned(),
        size: 100,
        items: pointer("/data/items"),
        statuses: pointer("/results"),
        status: pointer("/status"),
        error: Some(pointer("/problem/text")),
        each: None,
        each_delete: None,
    }
}

fn of(system: &Arc<System>, batch: RestBatch) -> Arc<dyn Destination> {
    let rest = RestDestination { write: RestWrite::Batch(batch), ..upserts() };
    rest::destination(&job(listing(Paginate::None), rest), &link(system)).unwrap()
}

fn with_own_ids(system: &Arc<System>, batch: RestBatch) -> Arc<dyn Destination> {
    let rest = RestDestination { write: RestWrite::Batch(batch), id: Some(pointer("/id")), ..upserts() };
    rest::destination(&job(listing(Paginate::None), rest), &link(system)).unwrap()
}

fn updates(ids: &[&str]) -> Vec<Write> {
    ids.iter().map(|id| write(Operation::Update, id, &format!(r#"{{"n":"{id}"}}"#))).collect()
}

type Results = Result<Vec<Result<Written, Fault>>, Fault>;

async fn sent(batch: RestBatch, answer: &str, ids: &[&str]) -> Results {
    of(&System::answers(200, &[], answer), batch).write_batch(&updates(ids)).await.outcome
}

/// The status of each result, 0 for a success.
fn statuses(results: &Results) -> Vec<u16> {
    let status =
        |result: &Result<Written, Fault>| result.as_ref().map_or_else(|fault| fault.status.unwrap_or(1), |_| 0);
    results.as_ref().unwrap().iter().map(status).collect()
}

#[tokio::test]
async fn items_are_the_fields_as_they_are_at_their_place() {
    let system = System::answers(200, &[], r#"{"results":[{"status":201},{"status":200}]}"#);
    let results = of(&system, batch()).write_batch(&updates(&["1", "2"])).await.outcome.unwrap();
    assert_eq!(system.last_body(), r#"{"data":{"items":[{"n":"1"},{"n":"2"}]}}"#);
    assert_eq!(system.asked(), ["POST /api/contacts:batch"]);
    let created: Vec<_> = results.into_iter().map(|result| result.unwrap().created).collect();
    assert_eq!(created, [Some(true), Some(false)]);
}

// Row 68 of the fault matrix.
#[tokio::test]
async fn each_part_of_a_mixed_answer_is_classified_alone() {
    let answer = r#"{"results":[
        {"status":200},
        {"status":422,"problem":{"text":"is taken"},"field":"email"},
        {"status":503},
        {"status":"429"},
        {"status":409,"error":"newer"},
        {}
    ]}"#;
    let results = sent(batch(), answer, &["1", "2", "3", "4", "5", "6"]).await.unwrap();
    let fault = |at: usize| results[at].as_ref().unwrap_err();
    assert!(results[0].is_ok());
    assert_eq!((fault(1).record, fault(1).message.as_str()), (Some(RecordFault::Rejected), "is taken"));
    assert_eq!(fault(1).field.as_deref(), Some("email"));
    assert!(fault(1).answer.as_deref().unwrap().contains("is taken"));
    assert_eq!(fault(2).kind, FaultKind::Transient);
    assert_eq!(fault(3).kind, FaultKind::Throttled);
    assert_eq!((fault(4).record, fault(4).message.as_str()), (Some(RecordFault::Conflict), "newer"));
    assert_eq!(fault(5).kind, FaultKind::Unknown);
}

// Row 69 of the fault matrix.
#[tokio::test]
async fn an_answer_with_more_or_fewer_parts_than_records_is_unknown_as_a_whole() {
    for answer in [
        r#"{"results":[{"status":200}]}"#,
        r#"{"results":[{"status":200},{"status":200},{"status":200}]}"#,
        r#"{"results":[]}"#,
        r#"{"results":{}}"#,
        r#"{"ok":true}"#,
        r#"{"results":[{"status":200},{"#,
        "",
    ] {
        assert_eq!(sent(batch(), answer, &["1", "2"]).await.unwrap_err().kind, FaultKind::Unknown, "{answer}");
    }
}

// Row 69 of the fault matrix.
#[tokio::test]
async fn parts_in_another_order_are_matched_by_the_ids_that_they_repeat() {
    let answer = r#"{"results":[{"id":3,"status":200},{"id":"1","status":422},{"id":"2","status":200}]}"#;
    assert_eq!(statuses(&sent(batch(), answer, &["1", "2", "3"]).await), [422, 0, 0]);
}

// Row 69 of the fault matrix.
#[tokio::test]
async fn parts_that_name_some_of_the_records_in_other_places_are_unknown_as_a_whole() {
    for answer in [
        r#"{"results":[{"id":"2","status":200},{"id":"9","status":422}]}"#,
        r#"{"results":[{"id":"2","status":200},{"status":422}]}"#,
        r#"{"results":[{"id":"2","status":200},{"id":"2","status":422}]}"#,
    ] {
        assert_eq!(sent(batch(), answer, &["1", "2"]).await.unwrap_err().kind, FaultKind::Unknown, "{answer}");
    }
}

#[tokio::test]
async fn parts_with_the_destinations_own_ids_are_matched_by_their_place() {
    let foreign = r#"{"results":[{"id":"c9","status":200},{"id":"c8","status":422}]}"#;
    assert_eq!(statuses(&sent(batch(), foreign, &["1", "2"]).await), [0, 422]);
    // An own id may be another record's by chance.
    let overlapping = r#"{"results":[{"id":"2","status":200},{"id":"9","status":422}]}"#;
    let system = System::answers(200, &[], overlapping);
    let results = with_own_ids(&system, batch()).write_batch(&updates(&["1", "2"])).await.outcome;
    assert_eq!(statuses(&results), [0, 422]);
    assert_eq!(results.unwrap()[0].as_ref().unwrap().destination_id, Some("2".into()));
}

#[tokio::test]
async fn without_configured_statuses_a_success_means_that_all_were_written() {
    let silent = || RestBatch { statuses: pointer(""), ..batch() };
    for answer in ["", "OK", "{}", r#"{"errors":[],"n":2}"#] {
        assert_eq!(statuses(&sent(silent(), answer, &["1", "2"]).await), [0, 0], "{answer}");
    }
    assert_eq!(statuses(&sent(silent(), r#"[{"status":200},{"status":400}]"#, &["1", "2"]).await), [0, 400]);
    for answer in [r#"{"errors":[{"message":"x"}]}"#, r#"{"errors":true}"#, r#"{"error":"x"}"#] {
        assert_eq!(sent(silent(), answer, &["1"]).await.unwrap_err().kind, FaultKind::Unknown, "{answer}");
    }
}

// Row 70 of the fault matrix.
#[tokio::test]
async fn a_batch_that_is_too_large_says_so_as_a_whole() {
    let system = System::answers(413, &[], "");
    let fault = of(&system, batch()).write_batch(&updates(&["1", "2"])).await.outcome.unwrap_err();
    assert_eq!(fault.record, Some(RecordFault::TooLarge));
}

#[tokio::test]
async fn an_item_is_what_each_says() {
    let each = |path: &str, body| RestRequest { method: Method::Put, path: path.to_owned(), body };
    for (each, item) in [
        (
            each("/v1/records/{{ id }}", Some(json!({ "data": "{{ fields }}" }))),
            r#"{"method":"PUT","path":"/v1/records/a%2Fb","body":{"data":{"n":"a/b"}}}"#,
        ),
        (each("/v1/{{ id }}", None), r#"{"method":"PUT","path":"/v1/a%2Fb","body":{"n":"a/b"}}"#),
        (each("", Some(json!({ "key": "{{ id }}", "set": "{{ fields }}" }))), r#"{"key":"a/b","set":{"n":"a/b"}}"#),
        (
            each("/v1/{{ id }}", Some(json!({ "url": "{{ path }}", "verb": "{{ method }}" }))),
            r#"{"url":"/v1/a%2Fb","verb":"PUT"}"#,
        ),
    ] {
        let system = System::answers(200, &[], "");
        let batch = RestBatch { each: Some(each), items: pointer(""), statuses: pointer(""), ..batch() };
        of(&system, batch).write_batch(&updates(&["a/b"])).await.outcome.unwrap();
        assert_eq!(system.last_body(), format!("[{item}]"));
    }
}

#[tokio::test]
async fn deletes_go_in_batches_where_the_destination_takes_them() {
    let system = System::answers(200, &[], r#"{"results":[{"status":200},{"status":404}]}"#);
    let each_delete = RestRequest { method: Method::Delete, path: "/c/{{ id }}".to_owned(), body: None };
    let destination = of(&system, RestBatch { each_delete: Some(each_delete), ..batch() });
    assert!(destination.batches_deletes());
    let writes = [write(Operation::Update, "1", "{}"), write(Operation::Delete, "2", "{}")];
    let results = destination.write_batch(&writes).await.outcome.unwrap();
    assert_eq!(system.last_body(), r#"{"data":{"items":[{},{"method":"DELETE","path":"/c/2"}]}}"#);
    assert_eq!(results[1].as_ref().unwrap_err().record, Some(RecordFault::Gone));
}

#[tokio::test]
async fn deletes_go_alone_where_the_destination_takes_none_in_batches() {
    let system = System::answers(204, &[], "");
    let destination = of(&system, batch());
    destination.write(&write(Operation::Delete, "7", "{}")).await.outcome.unwrap();
    assert_eq!(system.asked(), ["DELETE /api/contacts/7"]);
}

// Row 49 of the fault matrix.
#[tokio::test]
async fn a_record_that_can_not_be_an_item_fails_alone_and_the_rest_is_sent() {
    let system = System::answers(200, &[], r#"{"results":[{"status":200},{"status":422}]}"#);
    let each = RestRequest { method: Method::Put, path: "/c/{{ id }}".to_owned(), body: None };
    let destination = of(&system, RestBatch { each: Some(each), ..batch() });
    let results = destination.write_batch(&updates(&["..", "1", ".", "2"])).await.outcome;
    assert_eq!(statuses(&results), [1, 0, 1, 422]);
    assert!(!system.last_body().contains(".."), "{}", system.last_body());
    let none = destination.write_batch(&updates(&[".."])).await.outcome;
    assert_eq!((statuses(&none), system.asked().len()), (vec![1], 1));
}

#[tokio::test]
async fn a_single_write_of_a_batch_destination_is_a_batch_of_one() {
    let system = System::answers(200, &[], r#"{"results":[{"status":422,"problem":{"text":"no"}}]}"#);
    let fault = of(&system, batch()).write(&updates(&["1"])[0]).await.outcome.unwrap_err();
    assert_eq!((fault.record, fault.message.as_str()), (Some(RecordFault::Rejected), "no"));
}

// Row 58 of the fault matrix.
#[tokio::test]
async fn the_same_batch_has_the_same_key_and_another_one_another() {
    let system = System::answers(200, &[], r#"{"results":[{"status":200}]}"#);
    let destination = of(&system, batch());
    for ids in [["1"], ["1"], ["2"]] {
        destination.write_batch(&updates(&ids)).await.outcome.unwrap();
    }
    let seen = system.seen.lock();
    let key = |at: usize| seen[at].headers()["idempotency-key"].clone();
    assert_eq!(key(0), key(1));
    assert_ne!(key(0), key(2));
}

#[tokio::test]
async fn a_throttled_batch_says_when_to_come_back() {
    let system = System::answers(429, &[("retry-after", "3")], "");
    let fault = of(&system, batch()).write_batch(&updates(&["1"])).await.outcome.unwrap_err();
    assert_eq!((fault.kind, fault.retry_after), (FaultKind::Throttled, Some(Duration::from_secs(3))));
}

#[tokio::test]
async fn what_stands_around_the_message_names_the_field_of_a_part() {
    // As Kinto answers: the part repeats the request's path, and the field stands in the details.
    let answer = r#"{"results":[{"path":"/v1/records/1","status":400,"body":{
        "message":"title in body: None is not of type 'string'",
        "details":[{"location":"body","name":"title","description":"None is not of type 'string'"}]}}]}"#;
    let batch = RestBatch { error: Some(pointer("/body/message")), ..batch() };
    let results = sent(batch, answer, &["1"]).await.unwrap();
    let fault = results[0].as_ref().unwrap_err();
    assert_eq!(fault.field.as_deref(), Some("title"));
    assert_eq!(fault.message, "title in body: None is not of type 'string'");
}
