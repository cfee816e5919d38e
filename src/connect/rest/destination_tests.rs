use super::*;
use crate::connect::RecordFault;
use crate::connect::rest::testing::{self, System, job, link, listing, pointer, upserts, write};
use crate::model::{Auth, Paginate, VersionHeader};

fn of(system: &Arc<System>, rest: RestDestination) -> Arc<dyn Destination> {
    destination(&job(listing(Paginate::None), rest), &link(system)).unwrap()
}

async fn written(system: &Arc<System>, rest: RestDestination, what: &Write) -> Result<Written, Fault> {
    of(system, rest).write(what).await.outcome
}

fn put(path: &str, body: Option<serde_json::Value>) -> RestDestination {
    let request = RestRequest { method: Method::Put, path: path.to_owned(), body };
    RestDestination { write: RestWrite::Upsert(request), ..upserts() }
}

fn versioned(from: &str) -> RestDestination {
    let header = VersionHeader { name: "If-Match".to_owned(), from: pointer(from) };
    RestDestination { version_header: Some(header), id: Some(pointer("/id")), ..upserts() }
}

#[tokio::test]
async fn an_upsert_sends_the_fields_as_they_are_with_its_key() {
    let system = System::answers(201, &[], "");
    let fields = r#"{"n":123456789012345678901234567890,"d":1.10}"#;
    let made = written(&system, upserts(), &write(Operation::Create, "a b", fields)).await.unwrap();
    assert_eq!(made.created, Some(true));
    assert_eq!(system.asked(), ["PUT /api/contacts/a%20b"]);
    assert_eq!(system.last_body(), fields);
    assert_eq!(system.seen.lock()[0].headers()["idempotency-key"], "key-a b");
}

#[tokio::test]
async fn a_body_template_wraps_the_fields_without_touching_them() {
    let system = System::answers(200, &[], "");
    let body = serde_json::json!({ "data": { "id": "{{ id }}", "op": "{{ operation }}", "attributes": "{{ fields }}", "kind": "{{ record.kind }}" } });
    let fields = r#"{"n":1.10,"kind":"x"}"#;
    written(&system, put("/c", Some(body)), &write(Operation::Update, "7", fields)).await.unwrap();
    assert_eq!(
        system.last_body(),
        r#"{"data":{"id":"7","op":"update","attributes":{"n":1.10,"kind":"x"},"kind":"x"}}"#
    );
}

#[tokio::test]
async fn a_delete_goes_to_its_own_address_without_a_body() {
    let system = System::answers(204, &[], "");
    let gone = written(&system, upserts(), &write(Operation::Delete, "7", "{}")).await.unwrap();
    assert_eq!(gone, Written::default());
    assert_eq!(system.asked(), ["DELETE /api/contacts/7"]);
    assert_eq!(system.last_body(), "");
}

#[tokio::test]
async fn the_destinations_id_and_version_are_learnt_from_the_answer() {
    let system = System::answers(200, &[("etag", "\"header\"")], r#"{"id":42,"etag":"body"}"#);
    let update = write(Operation::Update, "7", "{}");
    let told = written(&system, versioned("/etag"), &update).await.unwrap();
    assert_eq!(told.destination_id, Some("42".into()));
    assert_eq!(told.destination_version.as_deref(), Some("body"));
    assert_eq!(told.created, Some(false));
    let other_place = written(&system, versioned("/meta/version"), &update).await.unwrap();
    assert_eq!(other_place.destination_version.as_deref(), Some("\"header\""));
    let root = written(&system, versioned(""), &update).await.unwrap();
    assert_eq!(root.destination_version.as_deref(), Some("\"header\""));
}

// Row 67 of the fault matrix: the version that a blind overwrite is refused by.
#[tokio::test]
async fn the_version_seen_last_is_sent_with_updates_and_never_with_creates() {
    let system = System::answers(412, &[], r#"{"message":"newer"}"#);
    let update = Write { destination_version: Some("\"7\"".to_owned()), ..write(Operation::Update, "7", "{}") };
    let fault = written(&system, versioned("/etag"), &update).await.unwrap_err();
    assert_eq!(fault.record, Some(RecordFault::Conflict));
    written(&system, versioned("/etag"), &Write { operation: Operation::Create, ..update }).await.unwrap_err();
    let seen = system.seen.lock();
    assert_eq!(seen[0].headers()["if-match"], "\"7\"");
    assert!(!seen[1].headers().contains_key("if-match"));
}

// Row 110 of the fault matrix.
#[tokio::test]
async fn a_line_break_in_a_header_is_that_records_fault_and_is_never_sent() {
    let system = System::answers(200, &[], "");
    let evil = Write { destination_version: Some("1\r\nX-Admin: 1".to_owned()), ..write(Operation::Update, "7", "{}") };
    let fault = written(&system, versioned("/etag"), &evil).await.unwrap_err();
    assert_eq!((fault.kind, fault.record), (FaultKind::Record, Some(RecordFault::Rejected)));
    assert!(fault.message.contains("if-match") && !fault.message.contains("X-Admin"), "{}", fault.message);
    assert!(system.asked().is_empty());
}

// Row 49 of the fault matrix.
#[tokio::test]
async fn an_id_that_would_reach_another_place_is_that_records_fault_and_is_never_sent() {
    let system = System::answers(204, &[], "");
    for (operation, id) in [(Operation::Delete, ".."), (Operation::Delete, ""), (Operation::Update, ".")] {
        let fault = written(&system, upserts(), &write(operation, id, "{}")).await.unwrap_err();
        assert_eq!((fault.kind, fault.record), (FaultKind::Record, Some(RecordFault::Rejected)), "{id:?}");
    }
    assert!(system.asked().is_empty());
}

// Row 56 of the fault matrix.
#[tokio::test]
async fn a_write_whose_answer_was_lost_is_unknown_and_the_same_request_can_be_sent_again() {
    let system = System::new(|_| Err(testing::broken(true)));
    let update = write(Operation::Update, "7", r#"{"a":1}"#);
    let destination = of(&system, upserts());
    assert_eq!(destination.write(&update).await.outcome.unwrap_err().kind, FaultKind::Unknown);
    destination.write(&update).await.outcome.unwrap_err();
    let seen = system.seen.lock();
    assert_eq!(seen[0].uri(), seen[1].uri());
    assert_eq!(seen[0].body(), seen[1].body());
    assert_eq!(seen[0].headers(), seen[1].headers());
}

// Row 57 of the fault matrix: a write that never left is not in doubt.
#[tokio::test]
async fn a_write_that_never_left_is_transient() {
    let system = System::new(|_| Err(testing::broken(false)));
    let fault = written(&system, upserts(), &write(Operation::Create, "7", "{}")).await.unwrap_err();
    assert_eq!((fault.kind, fault.request.as_str()), (FaultKind::Transient, "PUT /contacts/7"));
}

// Row 65 of the fault matrix.
#[tokio::test]
async fn an_update_of_a_record_that_is_gone_says_so() {
    let system = System::answers(404, &[], "");
    let fault = written(&system, upserts(), &write(Operation::Update, "7", "{}")).await.unwrap_err();
    assert_eq!(fault.record, Some(RecordFault::Gone));
}

#[tokio::test]
async fn a_destination_without_batches_takes_many_one_by_one() {
    let system = System::new(|request| {
        let status = if request.uri().path().ends_with('2') { 422 } else { 200 };
        Ok(testing::answer(status, &[], ""))
    });
    let destination = of(&system, upserts());
    let writes = ["1", "2", "3"].map(|id| write(Operation::Update, id, "{}"));
    let results = destination.write_batch(&writes).await.outcome.unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!((destination.batch_size(), destination.batches_deletes()), (1, false));
}

#[test]
fn a_destination_that_can_not_do_what_the_job_wants_is_told_when_the_job_is_built() {
    let system = System::answers(200, &[], "");
    let reason = |rest| destination(&job(listing(Paginate::None), rest), &link(&system)).err().unwrap();
    assert!(reason(RestDestination { delete: None, ..upserts() }).contains("`delete = "));
    assert!(reason(put("/{{ id", None)).contains("/{{ id"));
    assert!(
        reason(RestDestination { idempotency_header: Some("no good".to_owned()), ..upserts() }).contains("no good")
    );
}

#[tokio::test]
async fn a_record_that_is_written_in_an_envelope_is_read_out_of_it() {
    let system = System::answers(200, &[], r#"{"data":{"a/b":{"name":"Ada"}},"meta":{"name":"not this"}}"#);
    let body = serde_json::json!({ "kind": "{{ id }}", "data": { "a/b": "{{ fields }}" } });
    let found = of(&system, put("/contacts/{{ id }}", Some(body))).read_one(&"7".into(), None).await.outcome.unwrap();
    let found = found.map(|standing| standing.record);
    assert_eq!(found.unwrap().as_str(), r#"{"name":"Ada"}"#);
    let spelled_out = serde_json::json!({ "full_name": "{{ record.name }}" });
    assert!(
        !of(&system, put("/contacts/{{ id }}", Some(spelled_out))).can_read_one(),
        "nobody knows where its fields stand"
    );
}

#[tokio::test]
async fn the_request_that_is_shown_is_the_one_that_is_sent_without_any_secret() {
    let secret = || crate::model::Secret::new(testing::TOKEN);
    let auths = [
        Auth::Bearer { token: secret() },
        Auth::Basic { user: secret(), password: secret() },
        Auth::Header { name: "X-Api-Key".to_owned(), value: secret() },
        Auth::Query { name: "api_key".to_owned(), value: secret() },
    ];
    for auth in auths {
        let system = System::answers(200, &[], "");
        let link = testing::link_with(&system, Some(auth.clone()), &[("X-Tenant", testing::TOKEN)]);
        let writer = destination(&job(listing(Paginate::None), upserts()), &link).unwrap();
        let what = write(Operation::Create, "a b", &format!(r#"{{"n":1.10,"note":"{}"}}"#, testing::TOKEN));
        writer.write(&what).await.outcome.unwrap();
        let shown = writer.request(&what).unwrap();
        assert!(!format!("{shown:?}").contains(testing::TOKEN), "{shown:?}");
        assert!(shown.url.ends_with("/api/contacts/a%20b"), "{shown:?}");
        assert!(shown.body.starts_with(r#"{"n":1.10,"#), "{shown:?}");
        let seen = system.seen.lock();
        let sent: std::collections::BTreeSet<&str> = seen[0].headers().keys().map(|name| name.as_str()).collect();
        let names: std::collections::BTreeSet<&str> = shown.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, sent, "{auth:?}");
    }
}
