//! The console as lines: snapshots and answers in, lines out; typed words in, requests out.

use crate::stage::{NOW, group, job, world};
use syncdeck::control::{Answer, Done, Refusal, Request};
use syncdeck::model::*;
use syncdeck::tui::plain::{Answered, Plain, Typed};

const PLAIN: Plain = Plain { symbols: syncdeck::tui::text::Symbols::Unicode, is_read_only: false };

fn one(state: JobState) -> Snapshot {
    Snapshot { at: NOW, jobs: vec![job("orders", "shop", "crm", state)], ..Snapshot::default() }
}

fn waiting(what: &str, until: i64) -> JobState {
    JobState::Waiting { what: what.to_owned(), since: NOW, until: Some(Timestamp(NOW.0 + until)) }
}

/// A fact without its time.
fn facts(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split_once(' ').expect("a time").1).collect()
}

fn asked(typed: &str) -> Request {
    match PLAIN.read(typed, &world().snapshot) {
        Typed::Ask(request) => request,
        other => panic!("`{typed}` came to {other:?}"),
    }
}

fn said(typed: &str) -> String {
    match PLAIN.read(typed, &world().snapshot) {
        Typed::Say(lines) => lines.join("\n"),
        other => panic!("`{typed}` came to {other:?}"),
    }
}

#[test]
fn the_opening_tells_every_job_and_finding_once() {
    insta::assert_snapshot!(PLAIN.opening(&world().snapshot).join("\n"));
}

#[test]
fn nothing_is_told_while_nothing_changes() {
    let before = world().snapshot;
    let mut after = before.clone();
    after.at = Timestamp(NOW.0 + 60_000);
    after.jobs[0].total.scanned += 100;
    after.jobs[0].rate = 3.0;
    assert_eq!(PLAIN.changes(&before, &after), Vec::<String>::new());
    let (before, after) = (one(waiting("crm: its limit", 1_000)), one(waiting("crm: its limit", 9_000)));
    assert_eq!(PLAIN.changes(&before, &after), Vec::<String>::new(), "the same wait, a later end");
}

#[test]
fn a_changed_state_is_one_line_with_its_time() {
    let paused =
        JobState::Paused { by: Actor::person("ada", Via::Console), since: NOW, reason: Some("quarter end".to_owned()) };
    let lines = PLAIN.changes(&one(JobState::Running), &one(paused));
    let time = NOW.to_jiff().strftime("%H:%M:%S").to_string();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with(&format!("{time} info orders: paused by ada")), "{lines:?}");
    assert!(lines[0].ends_with(": \"quarter end\"; next: resume orders"), "{lines:?}");
    let lost = JobState::NeedsAttention {
        why: "crm answered 401".to_owned(),
        hint: Some("renew the token, then run `syncdeck resume orders`".to_owned()),
        since: NOW,
    };
    let lines = PLAIN.changes(&one(JobState::Running), &one(lost));
    let wanted =
        "error orders: needs attention: crm answered 401; next: renew the token, then run `syncdeck resume orders`";
    assert_eq!(facts(&lines), [wanted], "no key is named where there are none");
}

#[test]
fn a_finding_is_told_when_it_comes_and_when_it_is_over() {
    let finding = |left: u32| Finding {
        kind: FindingKind::BudgetLow,
        level: Level::Warn,
        text: format!("crm: {left} of 100 requests left"),
        hint: "full again in 18 s".to_owned(),
        target: FindingTarget::Connection("crm".into()),
    };
    let without = one(JobState::Running);
    let with = |left| Snapshot { findings: vec![finding(left)], ..without.clone() };
    assert_eq!(facts(&PLAIN.changes(&without, &with(11))), ["warn crm: 11 of 100 requests left"]);
    assert!(PLAIN.changes(&with(11), &with(10)).is_empty(), "it is the same finding");
    assert_eq!(facts(&PLAIN.changes(&with(10), &without)), ["info over: crm: 10 of 100 requests left"]);
}

#[test]
fn letters_are_counted_by_cause() {
    let cause = |id, waiting| group(id, "orders", Some(422), Some("email"), "email already in use", waiting);
    let told = |before: &[LetterGroup], after: &[LetterGroup]| PLAIN.cause_changes(NOW, before, after);
    let lines = told(&[cause(1, 2), cause(2, 4)], &[cause(1, 3), cause(2, 4)]);
    let id = GroupId(1);
    let wanted = "orders: 422 email already in use, field email:";
    assert_eq!(facts(&lines), [format!("warn {wanted} 3 dead letters wait (group {id}), 2 before")]);
    let lines = told(&[cause(1, 1)], &[]);
    assert_eq!(facts(&lines), [format!("info {wanted} 0 dead letters wait (group {id}), 1 before")]);
}

#[test]
fn the_words_are_the_command_lines() {
    let ids = |ids: &[u64]| Selection::Ids(ids.iter().copied().map(DeadLetterId).collect());
    let job = || JobId::from("customers_to_crm");
    let pause = Request::Pause { jobs: vec![job()], reason: Some("CRM migration until 14:00".to_owned()) };
    for typed in [
        "pause customers_to_crm CRM migration until 14:00",
        "syncdeck pause customers_to_crm --reason \"CRM migration until 14:00\"\r\n",
    ] {
        assert_eq!(asked(typed), pause, "{typed}");
    }
    assert_eq!(asked("pause customers_to_crm"), Request::Pause { jobs: vec![job()], reason: None });
    assert_eq!(asked("resume customers_to_crm"), Request::Resume { jobs: vec![job()] });
    assert_eq!(asked("trigger customers_to_crm other"), Request::Trigger { jobs: vec![job(), "other".into()] });
    let all: Vec<JobId> = world().snapshot.jobs.iter().map(|job| job.id.clone()).collect();
    assert_eq!(asked("cancel --all"), Request::Cancel { jobs: all });
    assert_eq!(asked("retry 7 9"), Request::Retry { selection: ids(&[7, 9]) });
    assert_eq!(asked("dead retry 7"), Request::Retry { selection: ids(&[7]) });
    let filter = LetterFilter { group: Some(GroupId(0xa1)), ..LetterFilter::default() };
    let careful = Request::RetryCarefully { selection: Selection::Matching(filter), per_minute: None };
    assert_eq!(asked("retry --group a1"), careful);
    let why = |job, key: &str, live| Request::Why { job, key: key.to_owned(), live };
    assert_eq!(asked("why customers_to_crm cus_7 --live"), why(Some(job()), "cus_7", true));
    assert_eq!(asked("why Ada Lovelace"), why(None, "Ada Lovelace", false));
    assert_eq!(asked("dead"), Request::DeadGroups { filter: LetterFilter::default() });
    assert_eq!(PLAIN.read("quit", &world().snapshot), Typed::Quit);
    assert_eq!(said(""), "");
    for typed in
        ["retry x", "retry", "retry --group xyz", "pause", "discard 7", "discard x because", "why", "sudo", "dead 7"]
    {
        assert!(!said(typed).is_empty(), "{typed}");
    }
}

#[test]
fn a_discard_asks_first() {
    let Typed::Confirm { question, request } = PLAIN.read("discard 7 gone at the source", &world().snapshot) else {
        panic!("it did not ask");
    };
    assert_eq!(question, "discard dead letter 7, so that it will not be sent, because \"gone at the source\"? y or n");
    let reason = "gone at the source".to_owned();
    assert_eq!(request, Request::Discard { selection: Selection::Ids(vec![DeadLetterId(7)]), reason });
}

#[test]
fn no_order_leaves_a_read_only_console() {
    let plain = Plain { is_read_only: true, ..PLAIN };
    for typed in [
        "pause orders x",
        "resume orders",
        "trigger orders",
        "cancel orders",
        "retry 7",
        "retry --group a1",
        "discard 7 x",
    ] {
        let wanted = Typed::Say(vec!["read-only: nothing was changed".to_owned()]);
        assert_eq!(plain.read(typed, &world().snapshot), wanted, "{typed}");
    }
    assert!(matches!(plain.read("dead", &world().snapshot), Typed::Ask(_)), "a question is answered");
}

#[test]
fn answers_are_told_in_lines() {
    let told = |result| match PLAIN.answered(NOW, result) {
        Answered::Say(lines) => lines,
        Answered::Ask(request) => panic!("asked {request:?}"),
    };
    let done = Done { text: "paused `orders`".to_owned(), changed: 1, undo: None };
    assert_eq!(facts(&told(Ok(Answer::Done(done)))), ["info paused `orders`"]);
    let refusal = Refusal { message: "no job is called `ordrs`".to_owned(), hint: Some("`orders`?".to_owned()) };
    let lines = told(Err(refusal));
    assert_eq!(facts(&lines[..1]), ["error no job is called `ordrs`"]);
    assert_eq!(lines[1], "hint: `orders`?");
    assert_eq!(told(Ok(Answer::Groups(Vec::new()))), ["no dead letters"]);
    let ids = Answer::Ids { ids: vec![DeadLetterId(7)].into(), total: 1 };
    assert_eq!(PLAIN.answered(NOW, Ok(ids)), Answered::Ask(Request::DeadRows { ids: vec![DeadLetterId(7)] }));
}

#[test]
fn nothing_foreign_can_steer_the_terminal_or_make_a_line() {
    let hostile = "\u{1b}[2J\u{9b}31m\r\nfake \u{202e}line\u{7}";
    let mut snapshot = one(waiting(hostile, 5));
    snapshot.engine.workspace = hostile.to_owned();
    let mut lines = PLAIN.opening(&snapshot);
    lines.extend(PLAIN.changes(&one(JobState::Idle), &snapshot));
    lines.extend(PLAIN.cause_changes(NOW, &[], &[group(1, "orders", None, Some(hostile), hostile, 1)]));
    for result in [
        Ok(Answer::Done(Done { text: hostile.to_owned(), changed: 1, undo: None })),
        Err(Refusal { message: hostile.to_owned(), hint: Some(hostile.to_owned()) }),
    ] {
        match PLAIN.answered(NOW, result) {
            Answered::Say(more) => lines.extend(more),
            Answered::Ask(request) => panic!("asked {request:?}"),
        }
    }
    if let Typed::Confirm { question, .. } = PLAIN.read(&format!("discard 7 {hostile}"), &snapshot) {
        lines.push(question);
    }
    for line in lines {
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}
