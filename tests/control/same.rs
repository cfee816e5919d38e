//! One suite over both ends: whatever is asked or ordered, a handle in this process and one over the socket do the same.

use crate::desk::{Desk, End, PATIENCE, customers, done, until};
use std::collections::BTreeSet;
use syncdeck::control::{Answer, Attachment, Refusal, Request};
use syncdeck::model::filter::RunFilter;
use syncdeck::model::{
    Actor, ConnectionId, DeadLetterId, FieldChange, GroupId, JobId, JobState, LetterFilter, LetterPlace, LogFilter,
    PlanFrom, RawJson, RecordId, RewindTo, Selection, Sequence, Timestamp, Via, Whereabouts,
};

/// Each question, some of them in several ways.
fn questions() -> Vec<Request> {
    let all = LetterFilter::default();
    let mail = LetterFilter { words: vec!["email".to_owned()], ..LetterFilter::default() };
    vec![
        Request::DeadGroups { filter: all.clone() },
        Request::DeadGroups { filter: LetterFilter { group: Some(GroupId(u64::MAX)), ..all.clone() } },
        Request::DeadIds { filter: all.clone(), limit: 10 },
        Request::DeadIds { filter: mail, limit: 1 },
        Request::DeadRows { ids: vec![DeadLetterId(1), DeadLetterId(2), DeadLetterId(99)] },
        Request::DeadLetter { id: DeadLetterId(1) },
        Request::DeadLetter { id: DeadLetterId(99) },
        Request::RetryPreview { selection: Selection::Matching(all) },
        Request::RetryCheck { ids: vec![DeadLetterId(1), DeadLetterId(99)] },
        Request::EditForm { id: DeadLetterId(1) },
        Request::EditForm { id: DeadLetterId(99) },
        Request::LetterRequest { id: DeadLetterId(1) },
        Request::LetterRequest { id: DeadLetterId(99) },
        Request::Checkpoints { job: JobId::from("customers"), terms: Vec::new(), before: None, limit: 2 },
        Request::Runs { job: None, terms: Vec::new(), before: None, limit: 10 },
        Request::Bulks { filter: RunFilter::default() },
        Request::History { job: None },
        Request::Logs { filter: LogFilter::default(), before: None, limit: 10 },
        Request::Journal { before: None, limit: 10 },
        Request::JournalVerify,
        Request::Bundle { job: Some(JobId::from("customers")), letter: None },
        Request::RewindPreview { job: JobId::from("customers"), to: RewindTo::Sequence(Sequence(1)) },
        Request::RewindPreview { job: JobId::from("nobody"), to: RewindTo::Start },
        Request::CheckpointExport { job: JobId::from("customers") },
        Request::CheckpointExport { job: JobId::from("orders") },
        Request::Plan {
            job: JobId::from("customers"),
            from: PlanFrom::Rewind(RewindTo::Start),
            max_records: 10,
            max_rows: 10,
            order: None,
        },
        Request::Held { job: JobId::from("customers"), after: None, is_kept: false, limit: 10 },
        Request::Held { job: JobId::from("nobody"), after: None, is_kept: true, limit: 10 },
        Request::Why { job: None, key: "cus_000009".to_owned(), live: false },
        Request::Why { job: Some(JobId::from("customers")), key: "cus_000007".to_owned(), live: false },
        Request::Why { job: Some(JobId::from("nobody")), key: "x".to_owned(), live: false },
    ]
}

/// Each order, refused or with nothing to do, so that it can be given twice.
async fn orders(desk: &Desk) -> Vec<Request> {
    let Ok(Answer::CheckpointFile(Some(file))) =
        desk.local("ops").ask(Request::CheckpointExport { job: JobId::from("customers") }).await
    else {
        panic!("a job that ran has a checkpoint")
    };
    let job = JobId::from("nobody");
    let nobody = vec![JobId::from("nobody")];
    let no_letter = Selection::Ids(vec![DeadLetterId(99)]);
    let connection = ConnectionId::from("nobody");
    vec![
        Request::TestConnection { connection: ConnectionId::from("nobody") },
        Request::Rewind { job: job.clone(), to: RewindTo::Start, reason: "a test".to_owned(), expected: None },
        Request::CheckpointImport { job, file, reason: "a test".to_owned(), force: false, expected: Some(Sequence(1)) },
        Request::Hold { connection: connection.clone(), reason: None },
        Request::Release { connection: connection.clone() },
        Request::LowerBudget { connection: connection.clone(), budget: None, reason: None },
        Request::ResetCircuit { connection },
        Request::SyncOne { job: JobId::from("nobody"), record: RecordId::from("x") },
        Request::Pause { jobs: nobody.clone(), reason: Some("“why”\u{202e}".to_owned()) },
        Request::Resume { jobs: nobody.clone() },
        Request::Trigger { jobs: nobody.clone() },
        Request::Accept { jobs: nobody.clone() },
        Request::Cancel { jobs: nobody },
        Request::Range { job: JobId::from("nobody"), since: Timestamp::ZERO, until: None },
        Request::Forget { job: JobId::from("nobody") },
        Request::Retry { selection: no_letter.clone() },
        Request::RetryCarefully { selection: no_letter.clone(), per_minute: Some(60) },
        Request::StopRetry { job: JobId::from("nobody") },
        Request::Settle {
            id: DeadLetterId(99),
            finding: Whereabouts::There { id: None },
            reason: Some("a test".to_owned()),
        },
        Request::HeldRelease { job: JobId::from("customers"), count: 1, reason: "a test".to_owned() },
        Request::HeldDiscard { job: JobId::from("customers"), reason: "a test".to_owned() },
        Request::Correct {
            id: DeadLetterId(99),
            content: String::new(),
            changes: Vec::new(),
            reason: Some("a test".to_owned()),
            retry: true,
        },
        Request::Discard { selection: no_letter.clone(), reason: String::new() },
        Request::Restore { selection: no_letter },
    ]
}

/// An answer without the moment at which it was given.
fn timeless(answer: Result<Answer, Refusal>) -> Result<Answer, Refusal> {
    match answer {
        Ok(Answer::Why(mut why)) => {
            why.at = Timestamp::ZERO;
            Ok(Answer::Why(why))
        }
        Ok(Answer::CheckpointFile(Some(mut file))) => {
            file.exported_at = Timestamp::ZERO;
            Ok(Answer::CheckpointFile(Some(file)))
        }
        // It tells of this very moment throughout; that it arrives is what matters here.
        Ok(Answer::Bundle { text }) => {
            Ok(Answer::Bundle { text: text.starts_with("{\"syncdeck_bundle\":1").to_string() })
        }
        Ok(Answer::Plan(mut part)) => {
            let next = part.next.iter_mut().filter(|next| next.began.is_some());
            next.for_each(|next| next.began = Some(Timestamp::ZERO));
            Ok(Answer::Plan(part))
        }
        other => other,
    }
}

fn kind(request: &Request) -> String {
    format!("{request:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The kinds of requests that there are, as the source declares them.
fn kinds() -> BTreeSet<String> {
    let source = include_str!("../../src/control/mod.rs");
    let body = source.split("pub enum Request {\n").nth(1).and_then(|rest| rest.split("\n}\n").next());
    let lines = body.expect("the requests are declared there").lines();
    let names = lines.filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
}

#[tokio::test]
async fn every_request_is_answered_the_same_over_the_socket() {
    let desk = Desk::open().await;
    let (here, there) = (desk.local("ops"), desk.handle(End::Socket, "ops").await);
    let mut asked = BTreeSet::new();
    for request in questions().into_iter().chain(orders(&desk).await) {
        let expected = timeless(here.ask(request.clone()).await);
        let answer = timeless(there.ask(request.clone()).await);
        assert_eq!(answer, expected, "{request:?}");
        asked.insert(kind(&request));
    }
    assert_eq!(asked, kinds(), "each kind of request is asked here");
    assert_eq!(here.jobs(), there.jobs());
    assert!(questions().iter().all(|request| !request.changes()) && orders(&desk).await.iter().all(Request::changes));
}

#[tokio::test]
async fn a_record_comes_over_the_socket_digit_for_digit() {
    let desk = Desk::open().await;
    let ask = async |end| match desk.handle(end, "ops").await.ask(Request::DeadLetter { id: DeadLetterId(1) }).await {
        Ok(Answer::Letter(view)) => view.letter.source.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(End::Local).await, ask(End::Socket).await);
}

/// What holds of a handle, whichever end it has.
macro_rules! both_ends {
    ($($name:ident)*) => {
        mod local {
            $(#[tokio::test] async fn $name() { super::$name(super::End::Local).await; })*
        }
        mod socket {
            $(#[tokio::test] async fn $name() { super::$name(super::End::Socket).await; })*
        }
    };
}

both_ends! {
    an_order_is_signed_shown_and_taken_back
    two_handles_see_each_other_s_orders
    the_second_of_two_is_told_who_was_first
    a_job_that_does_not_exist_is_refused_with_a_hint
    a_read_only_handle_refuses_every_order_and_answers_every_question
    letters_are_retried_discarded_and_brought_back
    a_snapshot_is_there_at_once_and_follows_the_engine
}

async fn an_order_is_signed_shown_and_taken_back(end: End) {
    let desk = Desk::open().await;
    let handle = desk.handle(end, "ops").await;
    let reason = Some("quarter end".to_owned());
    let paused = done(&handle, Request::Pause { jobs: customers(), reason: reason.clone() }).await.expect("a pause");
    assert_eq!((paused.text.as_str(), paused.changed), ("paused customers", 1));
    until(&handle, |job| match &job.state {
        JobState::Paused { by, reason: why, .. } => *by == Actor::person("ops", Via::Console) && *why == reason,
        _ => false,
    })
    .await;
    let undo = *paused.undo.expect("a pause can be taken back");
    done(&handle, undo).await.expect("it is taken back");
    until(&handle, |job| !matches!(job.state, JobState::Paused { .. })).await;
    let Ok(Answer::Journal(entries)) = handle.ask(Request::Journal { before: None, limit: 2 }).await else {
        panic!("a journal was asked for")
    };
    let told: Vec<_> = entries.iter().map(|entry| (entry.by.name.as_str(), entry.action.as_str())).collect();
    assert_eq!(told, [("ops", "resume"), ("ops", "pause")]);
}

async fn two_handles_see_each_other_s_orders(end: End) {
    let desk = Desk::open().await;
    let (one, other) = (desk.handle(end, "one").await, desk.handle(End::Socket, "other").await);
    let is_paused_by =
        |name: &'static str| move |state: &JobState| matches!(state, JobState::Paused { by, .. } if by.name == name);
    done(&one, Request::Pause { jobs: customers(), reason: None }).await.expect("a pause");
    until(&other, |job| is_paused_by("one")(&job.state)).await;
    done(&other, Request::Resume { jobs: customers() }).await.expect("a resume");
    until(&one, |job| !matches!(job.state, JobState::Paused { .. })).await;
    done(&other, Request::Pause { jobs: customers(), reason: None }).await.expect("a pause");
    until(&one, |job| is_paused_by("other")(&job.state)).await;
}

async fn the_second_of_two_is_told_who_was_first(end: End) {
    let desk = Desk::open().await;
    let (first, second) = (desk.handle(end, "first").await, desk.handle(end, "second").await);
    done(&first, Request::Pause { jobs: customers(), reason: None }).await.expect("a pause");
    let late = done(&second, Request::Pause { jobs: customers(), reason: None }).await.expect("no refusal");
    assert!(late.text.contains("was paused already, by first ") && late.text.ends_with(" ago"), "{}", late.text);
    // While its job is paused a letter stays where the first one put it.
    let both = Selection::Ids(vec![DeadLetterId(1), DeadLetterId(2)]);
    let one = Selection::Ids(vec![DeadLetterId(1)]);
    done(&first, Request::Retry { selection: one.clone() }).await.expect("a retry");
    let late = done(&second, Request::Retry { selection: one }).await.expect("no refusal");
    assert_eq!(late.changed, 0);
    assert!(late.text.starts_with("nothing to do: already retried by first "), "{}", late.text);
    let reason = "a test".to_owned();
    let late = done(&second, Request::Discard { selection: both.clone(), reason }).await.expect("no refusal");
    assert_eq!(late.changed, 1);
    assert!(late.text.contains("; 1 of the selection: already retried by first "), "{}", late.text);
    let all = Selection::Matching(LetterFilter { places: vec![LetterPlace::Waiting], ..LetterFilter::default() });
    let late = done(&first, Request::Retry { selection: all }).await.expect("no refusal");
    assert!(late.text.starts_with("nothing to do: already discarded by second "), "{}", late.text);
    done(&first, Request::Resume { jobs: customers() }).await.expect("a resume");
    let late = done(&second, Request::Resume { jobs: customers() }).await.expect("no refusal");
    assert!(late.text.contains("was not paused: it was resumed by first "), "{}", late.text);
}

async fn a_job_that_does_not_exist_is_refused_with_a_hint(end: End) {
    let desk = Desk::open().await;
    let handle = desk.handle(end, "ops").await;
    let jobs = vec![JobId::from("custmers")];
    let refusal = done(&handle, Request::Pause { jobs, reason: None }).await.expect_err("no such job");
    assert_eq!(refusal.message, "there is no job `custmers`");
    assert!(refusal.hint.is_some());
}

async fn a_read_only_handle_refuses_every_order_and_answers_every_question(end: End) {
    let desk = Desk::open().await;
    let handle = desk.handle(end, "ops").await.read_only();
    assert!(handle.is_read_only());
    let Ok(Answer::Journal(before)) = handle.ask(Request::Journal { before: None, limit: 10 }).await else {
        panic!("a journal was asked for")
    };
    let real = [
        Request::Pause { jobs: customers(), reason: None },
        Request::Trigger { jobs: customers() },
        Request::Retry { selection: Selection::Ids(vec![DeadLetterId(1)]) },
    ];
    for request in orders(&desk).await.into_iter().chain(real) {
        let refusal = handle.ask(request.clone()).await.expect_err("an order");
        assert!(refusal.message.contains("read-only"), "{request:?}: {refusal}");
    }
    let other = desk.local("ops");
    for request in questions() {
        let expected = timeless(other.ask(request.clone()).await);
        assert_eq!(timeless(handle.ask(request.clone()).await), expected, "{request:?}");
    }
    let Ok(Answer::Journal(after)) = handle.ask(Request::Journal { before: None, limit: 10 }).await else {
        panic!("a journal was asked for")
    };
    assert_eq!(after, before, "nothing happened");
}

async fn letters_are_retried_discarded_and_brought_back(end: End) {
    let desk = Desk::open().await;
    let handle = desk.handle(end, "ops").await;
    let selection = Selection::Ids(vec![DeadLetterId(1)]);
    let discarded = done(&handle, Request::Discard { selection: selection.clone(), reason: "a test".to_owned() }).await;
    assert_eq!(discarded.expect("a discard").changed, 1);
    until(&handle, |job| job.dead_waiting == 1).await;
    assert_eq!(done(&handle, Request::Restore { selection: selection.clone() }).await.expect("back").changed, 1);
    until(&handle, |job| job.dead_waiting == 2).await;
    assert_eq!(done(&handle, Request::Retry { selection }).await.expect("a retry").changed, 1);
    // The record is as bad as before, so it comes back with one attempt more.
    until(&handle, |job| job.run.is_none() && job.dead_waiting == 2).await;
}

async fn a_snapshot_is_there_at_once_and_follows_the_engine(end: End) {
    let desk = Desk::open().await;
    let handle = desk.handle(end, "ops").await;
    let mut watch = handle.watch();
    let first = watch.borrow_and_update().clone();
    assert!(first.at > Timestamp::ZERO && first.engine.is_running && first.jobs.len() == 2);
    let is_own = handle.attachment().borrow().is_own();
    assert_eq!(is_own, matches!(end, End::Local));
    assert!(matches!(
        (end, &*handle.attachment().borrow()),
        (End::Local, Attachment::Own) | (End::Socket, Attachment::Attached(_))
    ));
    done(&handle, Request::Trigger { jobs: customers() }).await.expect("a run");
    let later = tokio::time::timeout(PATIENCE, watch.wait_for(|snapshot| snapshot.notices > first.notices)).await;
    assert!(later.expect("in time").is_ok());
}

#[test]
fn a_null_that_is_a_value_is_still_one_after_the_wire() {
    let null = RawJson::parse("null").expect("JSON");
    let changes = [Some(null), None, Some(RawJson::parse("12345678901234567890.10").expect("JSON"))]
        .map(|value| FieldChange { field: "tier".to_owned(), value });
    let text = serde_json::to_string(&changes).expect("JSON");
    let back: [FieldChange; 3] = serde_json::from_str(&text).expect("what was written");
    assert_eq!(back, changes, "{text}");
}
