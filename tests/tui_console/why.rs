//! Why a record is not there: keys in, questions out, and frames at three sizes.

use crate::stage::{NOW, Stage, World, ago, job, letter, world};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::model::*;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Effect, Msg};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];
const ID: &str = "cus_00917734";

fn version() -> Version {
    Version::read("2026-03-02T09:14:55Z", &VersionKind::Auto).expect("a time")
}

fn evidence(record: &str) -> Evidence {
    let snapshot = world().snapshot;
    Evidence {
        now: NOW,
        record: record.into(),
        matched_by: MatchedBy::SourceId,
        job: snapshot.jobs[0].clone(),
        rules: PositionRules {
            sorted: true,
            incremental: true,
            overlap: Duration::from_secs(60),
            ..PositionRules::default()
        },
        held: None,
        start: None,
        filter: Some("record.status == 'active'".to_owned()),
        refused: None,
        can_ask_source: true,
        can_ask_destination: true,
        in_doubt_since: None,
        is_in_flight: false,
        event: None,
        link: None,
        letters: Vec::new(),
        group_waiting: None,
        asked: None,
        fields: Vec::new(),
    }
}

fn field(name: &str, source: &str, written: Option<&str>, there: Option<&str>) -> FieldNow {
    FieldNow {
        field: name.to_owned(),
        source: Some(source.to_owned()),
        written: written.map(str::to_owned),
        destination: there.map(str::to_owned),
        differs: there.is_some_and(|there| there != source),
    }
}

/// A record that hubspot refused three times.
pub fn refused() -> Evidence {
    let mut letter = letter().letter;
    letter.record = ID.into();
    let found = FoundAtSource {
        version: Some(version()),
        is_deleted: false,
        refused: None,
        accepted: Ok(true),
        is_as_written: None,
    };
    Evidence {
        matched_by: MatchedBy::Field("email".to_owned()),
        letters: vec![letter],
        group_waiting: Some(1_042),
        asked: Some(Asked { source: SourceNow::Found(found), destination: DestinationNow::Gone }),
        ..evidence(ID)
    }
}

/// A record that was written and changed at hubspot afterwards.
fn changed_there() -> Evidence {
    let event = |at, outcome| LinkEvent { at, run: RunId(201), outcome };
    let link = Link {
        destination_id: Some("5518".into()),
        version: Some(version()),
        written: Some(Fingerprint(7)),
        writes: 2,
        history: vec![event(ago(200_000), Outcome::Created), event(ago(3_600), Outcome::Updated)],
        ..Link::default()
    };
    let found = FoundAtSource {
        version: Some(version()),
        is_deleted: false,
        refused: None,
        accepted: Ok(true),
        is_as_written: Some(true),
    };
    let differs = vec!["email".to_owned(), "phone".to_owned()];
    Evidence {
        matched_by: MatchedBy::DestinationId,
        link: Some(link),
        asked: Some(Asked { source: SourceNow::Found(found), destination: DestinationNow::Found { differs } }),
        fields: vec![
            field("email", "sam.lee@example.org", Some("sam.lee@example.org"), Some("sam@lee.example")),
            field("first_name", "Sam", Some("Sam"), Some("Sam")),
            field("phone", "+493012345678", Some("+493012345678"), Some("+4930999")),
            field(
                "note",
                "call\u{1b}[31m back\ntomorrow",
                Some("call\u{1b}[31m back\ntomorrow"),
                Some("call\u{1b}[31m back\ntomorrow"),
            ),
        ],
        ..evidence(ID)
    }
}

pub fn of(evidence: Evidence) -> World {
    let is_live = evidence.asked.is_some();
    let is_known = evidence.matched_by != MatchedBy::Nothing;
    let why = WhyAnswer { key: String::new(), at: NOW, is_live, is_known, answers: vec![ladder(evidence)] };
    World { why, ..world() }
}

/// Takes a picture at each size, in unicode and in ASCII, after an id was looked up and `keys` were pressed.
fn pictures(name: &str, world: impl Fn() -> World, typed: &str, keys: &str) {
    for (width, height) in SIZES {
        for (symbols, suffix) in [(Symbols::Unicode, ""), (Symbols::Ascii, "_ascii")] {
            let mut stage = Stage::with(world(), width, height, symbols);
            stage.press("8").type_text(typed).press(keys);
            let text = stage.text();
            assert!(symbols == Symbols::Unicode || text.is_ascii(), "{text}");
            insta::assert_snapshot!(format!("{name}{suffix}_{width}x{height}"), text);
        }
    }
}

#[test]
fn answers() {
    pictures("why_empty", world, "", "");
    pictures("why_typed", world, "sam.lee@example.org", "");
    pictures("why_dead_letter", || of(refused()), "sam.lee@example.org", "enter");
    pictures("why_changed_there", || of(changed_there()), "5518", "enter down down");
    pictures("why_changed_there_fields", || of(changed_there()), "5518", "enter tab tab");
    pictures("why_changed_there_story", || of(changed_there()), "5518", "enter tab");
    let unknown = || of(Evidence { matched_by: MatchedBy::Nothing, ..evidence("nobody") });
    pictures("why_unknown", unknown, "nobody", "enter");
    pictures("why_sync_one", || of(changed_there()), "5518", "enter n");
}

fn asked_why(stage: &Stage) -> Vec<(Option<String>, String, bool)> {
    let why = |request: &Request| match request {
        Request::Why { job, key, live } => Some((job.as_ref().map(ToString::to_string), key.clone(), *live)),
        _ => None,
    };
    stage.asked.iter().filter_map(why).collect()
}

#[test]
fn an_id_is_typed_or_pasted_and_answered_first_from_here_and_then_by_both_systems() {
    let mut stage = Stage::new(of(refused()), 120, 36);
    stage.press("w").type_text(" cus_");
    stage.send(Msg::Paste("00917734\n".to_owned()));
    stage.press("enter");
    let asked = asked_why(&stage);
    assert_eq!(asked, [(None, ID.to_owned(), false), (None, ID.to_owned(), true)]);
    assert!(
        stage.shows("is not in hubspot, because its last 3 tries failed: 422 email already in use."),
        "{}",
        stage.text()
    );
    assert!(stage.shows("one of 1,042 of this cause"), "{}", stage.text());
    stage.press("t");
    assert_eq!(asked_why(&stage).len(), 3, "only what is known here is asked for");
    stage.press("t");
    assert_eq!(asked_why(&stage).len(), 5);
}

#[test]
fn letters_type_while_the_field_has_the_focus() {
    let mut stage = Stage::new(world(), 80, 24);
    stage.press("8").type_text("q1?/n w8");
    assert!(stage.left.is_none() && stage.asked.iter().all(|request| !request.changes()));
    assert_eq!(stage.app.why.input.value(), "q1?/n w8");
    stage.press("esc");
    assert!(stage.shows("[1 Jobs]"), "{}", stage.text());
}

#[test]
fn the_selected_record_is_looked_up_at_once() {
    let mut stage = Stage::new(of(refused()), 120, 36);
    stage.press("2 enter w");
    let asked = asked_why(&stage);
    assert_eq!(asked.len(), 2, "{:?}", stage.asked);
    assert_eq!((asked[0].0.as_deref(), asked[0].1.starts_with("cus_")), (Some("customers_to_crm"), true));
    stage.press("esc");
    assert!(stage.shows("[2 Dead"), "Esc leads back to the record: {}", stage.text());
}

#[test]
fn what_was_looked_up_comes_back_with_the_arrow() {
    let mut stage = Stage::new(of(refused()), 120, 36);
    stage.press("8").type_text("one").press("enter w").type_text("two").press("enter w up");
    assert_eq!(stage.app.why.input.value(), "two");
    stage.press("up up");
    assert_eq!(stage.app.why.input.value(), "one");
    stage.press("down enter");
    assert_eq!(asked_why(&stage).last().map(|(_, key, _)| key.as_str()), Some("two"));
    stage.press("w down");
    assert_eq!(stage.app.why.input.value(), "");
}

#[test]
fn enter_on_a_finding_goes_to_where_it_can_be_looked_at() {
    let at = |rows: usize, words: &str| {
        let mut stage = Stage::new(of(refused()), 120, 36);
        stage.press("8").type_text(ID).press("enter");
        for _ in 0..rows {
            stage.press("down");
        }
        stage.press("enter");
        assert!(stage.shows(words), "{rows}: {}", stage.text());
    };
    at(0, "customers_to_crm");
    at(2, "[4 Checkpoints]");
    at(3, "[7 Logs]");
    at(5, "[2 Dead letters");
    let mut stage = Stage::new(of(refused()), 120, 36);
    stage.press("8").type_text(ID).press("enter g d");
    assert!(matches!(stage.last_asked(), Request::DeadLetter { id: DeadLetterId(1_042) }), "{:?}", stage.last_asked());
}

#[test]
fn a_record_is_synced_only_after_a_question_and_its_answer_is_asked_for_again() {
    let mut stage = Stage::new(of(changed_there()), 120, 36);
    stage.press("8").type_text("5518").press("enter n");
    assert!(stage.orders().is_empty());
    stage.press("n");
    assert!(stage.orders().is_empty(), "n in the question says no");
    stage.press("n");
    stage.later(200);
    stage.press("y");
    let order = Request::SyncOne { job: "customers_to_crm".into(), record: ID.into() };
    assert_eq!(stage.orders(), [&order]);
    assert!(stage.shows("was written to hubspot"), "{}", stage.text());
    assert_eq!(asked_why(&stage).len(), 4, "its answer may be another one now");
}

#[test]
fn the_answer_is_copied_as_plain_sentences_without_redacted_values() {
    let mut stage = Stage::new(of(changed_there()), 120, 36);
    stage.press("8").type_text("5518").press("enter");
    stage.press("y");
    let key = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
    let effects = syncdeck::tui::update(&mut stage.app, NOW, Msg::Key(key));
    let copied = effects.iter().find_map(|effect| match effect {
        Effect::Copy { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let copied = copied.expect("something is copied");
    assert!(copied.starts_with("`cus_00917734` is in hubspot as `5518`, but it was changed there"), "{copied}");
    assert!(copied.contains("How we know") && copied.contains("(asked now)"), "{copied}");
    assert!(!stage.shows("+493012345678"), "phone is redacted");
    stage.press("tab tab i");
    assert!(stage.shows("+493012345678"), "{}", stage.text());
}

#[test]
fn several_answers_are_stepped_through() {
    let mut other = evidence("5518");
    other.job = job("orders_to_erp", "shop", "netsuite", JobState::Idle);
    let mut world = of(changed_there());
    world.why.answers.push(ladder(other));
    let mut stage = Stage::new(world, 120, 36);
    stage.press("8").type_text("5518").press("enter");
    assert!(stage.shows("1 of 2"), "{}", stage.text());
    stage.press("]");
    assert!(stage.shows("Why › orders_to_erp") && stage.shows("2 of 2"), "{}", stage.text());
    stage.press("]");
    assert!(stage.shows("this is the last answer"));
    stage.press("[ [");
    assert!(stage.shows("this is the first answer"));
}

#[test]
fn nothing_foreign_reaches_the_screen_as_it_is() {
    let hostile = "\u{1b}]52;c;eA==\u{7}\u{202e}gnp.\u{200b}\r\n'; drop";
    let mut evidence = changed_there();
    evidence.record = hostile.into();
    evidence.filter = Some(hostile.to_owned());
    evidence.asked = Some(Asked {
        source: SourceNow::Failed(hostile.to_owned()),
        destination: DestinationNow::Failed(hostile.repeat(50)),
    });
    evidence.fields.push(field(hostile, &hostile.repeat(5_000), None, Some(hostile)));
    for (width, height) in SIZES {
        let mut stage = Stage::new(of(evidence.clone()), width, height);
        stage.press("8");
        stage.send(Msg::Paste(hostile.to_owned()));
        for keys in ["enter", "down down down", "tab", "tab", "tab", "n"] {
            stage.press(keys);
            let text = stage.text();
            assert!(!text.chars().any(|letter| letter != '\n' && is_hidden(letter)), "{text:?}");
            assert!(text.lines().all(|line| line.chars().count() <= usize::from(width)), "{text}");
        }
    }
}
