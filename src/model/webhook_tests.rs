use super::*;
use bytes::Bytes;

fn pointer(text: &str) -> Pointer {
    Pointer::parse(text).expect("a pointer")
}

fn webhook() -> Webhook {
    Webhook {
        path: "/hooks/shop".to_owned(),
        proof: Proof::Nothing,
        delivery: Delivery::Unknown,
        record: Some(pointer("/data")),
        id: vec![pointer("/recordId")],
        version: Some(pointer("/seq")),
        deleted: None,
        event: Some(pointer("/type")),
        deletes: vec!["record.deleted".to_owned()],
        fetch: false,
        respond: Respond { status: 202, body: None },
        max_waiting: 10,
        silence: None,
        subscribe: None,
    }
}

fn read_as(webhook: &Webhook, can_fetch: bool, event: &str) -> Meaning {
    let fields = RecordFields {
        id: vec![pointer("/id")],
        key_type: KeyType::Any,
        prefix: String::new(),
        version: Some((pointer("/v"), VersionKind::Integer)),
        deleted: None,
    };
    EventReader::new(webhook, &fields, can_fetch).read(&Bytes::from(event.to_owned()))
}

fn change(meaning: Meaning) -> Change {
    match meaning {
        Meaning::Item(Item::Change(change)) => change,
        other => panic!("{other:?}"),
    }
}

fn reason(meaning: Meaning) -> String {
    match meaning {
        Meaning::Item(Item::Unreadable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_record_of_an_event_is_taken_as_it_stands_there() {
    let read = change(read_as(&webhook(), false, r#"{"type":"record.updated","data":{"id":7,"v":3,"n":1.10}}"#));
    assert_eq!((read.id.as_str(), read.version, read.deleted), ("7", Some(Version::Integer(3)), false));
    assert_eq!(read.body.as_str(), r#"{"id":7,"v":3,"n":1.10}"#);
}

#[test]
fn a_version_that_only_the_event_tells_counts() {
    let read = change(read_as(&webhook(), false, r#"{"seq":9,"data":{"id":7}}"#));
    assert_eq!(read.version, Some(Version::Integer(9)));
    let read = change(read_as(&webhook(), false, r#"{"seq":9,"data":{"id":7,"v":3}}"#));
    assert_eq!(read.version, Some(Version::Integer(3)), "the record's own is better");
}

#[test]
fn a_delete_event_is_a_tombstone_with_or_without_the_record() {
    let read = change(read_as(&webhook(), false, r#"{"type":"record.deleted","recordId":"7","seq":4}"#));
    assert_eq!((read.id.as_str(), read.version, read.deleted), ("7", Some(Version::Integer(4)), true));
    let read = change(read_as(&webhook(), false, r#"{"type":"record.deleted","recordId":"7","data":{"id":7,"v":5}}"#));
    assert_eq!((read.version, read.deleted), (Some(Version::Integer(5)), true));
    let marked = Webhook { deleted: Some(pointer("/gone")), ..webhook() };
    assert!(change(read_as(&marked, false, r#"{"gone":true,"data":{"id":7}}"#)).deleted);
    assert!(!change(read_as(&marked, false, r#"{"gone":"false","data":{"id":7}}"#)).deleted);
}

#[test]
fn an_event_that_only_names_its_record_asks_for_it() {
    let thin = Webhook { record: None, fetch: true, ..webhook() };
    let meaning = read_as(&thin, true, r#"{"recordId":7}"#);
    assert!(matches!(&meaning, Meaning::Fetch { id, .. } if id.as_str() == "7"), "{meaning:?}");
    // The record is missing in this one event; the source has it.
    let meaning = read_as(&webhook(), true, r#"{"recordId":7,"data":null}"#);
    assert!(matches!(meaning, Meaning::Fetch { .. }), "{meaning:?}");
}

#[test]
fn what_can_not_be_read_says_why_and_keeps_the_event() {
    assert!(reason(read_as(&webhook(), false, "hello")).starts_with("the event can not be read: it is no JSON"));
    assert_eq!(reason(read_as(&webhook(), false, "{}")), "the event can not be read: `/data` holds no record");
    let nameless = Webhook { record: None, fetch: true, ..webhook() };
    assert_eq!(reason(read_as(&nameless, true, "{}")), "in the event: no key: `/recordId` is missing");
    let meaning = read_as(&webhook(), false, "hello");
    assert!(matches!(meaning, Meaning::Item(Item::Unreadable { body, .. }) if body.as_str() == "\"hello\""));
}

#[test]
fn the_usual_rate_decides_which_silence_is_too_long() {
    let mut facts = InboxFacts::default();
    assert_eq!(facts.usual_silence(), Duration::from_secs(3_600));
    for n in 0..100 {
        facts.heard(Timestamp(n * 1_000));
    }
    assert_eq!(facts.usual_silence(), Duration::from_secs(600), "never below ten minutes");
    for n in 0..100 {
        facts.heard(Timestamp(n * 600_000));
    }
    assert!(facts.usual_silence() > Duration::from_secs(3 * 3_600));
    assert_eq!(facts.received, 200);
}
