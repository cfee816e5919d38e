//! Text of records that wants to leave its place: escapes, bidi, widths, sheer length; in every field of every screen.

use crate::stage::{Stage, World, text, world};
use syncdeck::control::Refusal;
use syncdeck::model::*;
use syncdeck::tui::text::Symbols;
use unicode_width::UnicodeWidthStr;

const HOSTILE: [&str; 9] = [
    "\x1b[2J\x1b[31mred\x1b]52;c;cGFzdGU=\x07",
    "left\u{202e}thgir\u{2066}\u{200b}",
    "a\tb\nc\r\nd\0e\u{9b}2J\u{7f}",
    "👨\u{200d}👩\u{200d}👧\u{200d}👦 ⚠\u{fe0f} 🇩🇪",
    "東京都東京都東京都東京都東京都東京都東京都東京都東京都東京都東京都東京都",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}",
    "│╮╯─ ╭ Quit? y ╮",
    "   \u{a0}\u{3000}   ",
    "",
];

fn dress(world: &mut World, text: &str) {
    let snapshot = &mut world.snapshot;
    snapshot.engine.workspace = text.to_owned();
    for (at, job) in snapshot.jobs.iter_mut().enumerate() {
        job.id = format!("{at}{text}").into();
        job.source = text.into();
        job.destination = text.into();
        job.description = Some(text.to_owned());
        job.schedule = text.to_owned();
        job.limited_by = Some(text.to_owned());
        let by = Actor::person(text, Via::Console);
        job.state = match at {
            0 => JobState::NeedsAttention { why: text.to_owned(), hint: Some(text.to_owned()), since: snapshot.at },
            1 => JobState::Waiting { what: text.to_owned(), since: snapshot.at, until: Some(snapshot.at) },
            2 => JobState::Stalled { stage: text.to_owned(), since: snapshot.at },
            3 => JobState::Paused { by: by.clone(), since: snapshot.at, reason: Some(text.to_owned()) },
            _ => JobState::Running,
        };
        if let Some(run) = &mut job.run {
            run.by = by;
        }
        for notice in &mut job.events {
            dress_notice(notice, text);
        }
        if let Some(checkpoint) = &mut job.checkpoint {
            dress_checkpoint(checkpoint, text);
        }
    }
    for connection in &mut snapshot.connections {
        connection.id = text.into();
        connection.circuit = Circuit::Open { since: snapshot.at, next: snapshot.at, why: text.to_owned() };
        if let Some(budget) = &mut connection.budget {
            budget.source = text.to_owned();
        }
    }
    for finding in &mut snapshot.findings {
        finding.text = text.to_owned();
        finding.hint = text.to_owned();
    }
    for group in &mut world.groups {
        group.job = format!("0{text}").into();
        dress_reason(&mut group.reason, text);
    }
    world.logs.iter_mut().for_each(|notice| dress_notice(notice, text));
    world.checkpoints.truncate(40);
    world.checkpoints.iter_mut().for_each(|checkpoint| dress_checkpoint(checkpoint, text));
    world.preview.jobs = vec![(text.into(), 7); 6];
    dress_letter(world, text);
}

fn dress_reason(reason: &mut Reason, text: &str) {
    reason.message = text.to_owned();
    reason.field = Some(text.to_owned());
    reason.answer = Some(text.to_owned());
}

fn dress_notice(notice: &mut Notice, text: &str) {
    notice.text = text.to_owned();
    notice.event = text.to_owned();
    notice.job = Some(text.into());
    notice.connection = Some(text.into());
    notice.record = Some(text.into());
    notice.destination_id = Some(text.into());
}

fn dress_checkpoint(checkpoint: &mut Checkpoint, text: &str) {
    checkpoint.position.cursor = Some(Cursor(text.to_owned()));
    if let Some(watermark) = &mut checkpoint.position.watermark {
        watermark.id = text.into();
    }
    checkpoint.moved_by = Some(Actor::person(text, Via::Command));
}

fn dress_letter(world: &mut World, text: &str) {
    let view = &mut world.letter;
    view.source_connection = text.to_owned();
    view.destination_connection = text.to_owned();
    for line in &mut view.fields {
        line.field = text.to_owned();
        line.source = Some(text.to_owned());
        line.sent = Some(text.to_owned());
        line.why = Some(text.to_owned());
    }
    let letter = &mut view.letter;
    letter.record = text.into();
    letter.destination_id = Some(text.into());
    letter.idempotency_key = Some(text.to_owned());
    letter.source = RawJson::from_value(&serde_json::json!({ text: text, "list": [text, { text: text }] }));
    letter.sent = Some(letter.source.clone());
    dress_reason(&mut letter.reason, text);
    letter.attempts.iter_mut().for_each(|attempt| text.clone_into(&mut attempt.message));
    letter.state =
        LetterState::Discarded { at: letter.last_at, by: Actor::person(text, Via::Console), reason: text.to_owned() };
}

const WALKS: [&str; 18] = [
    "",
    "!",
    "z",
    "enter",
    "j enter tab",
    "j enter tab tab",
    "2",
    "2 enter",
    "2 enter enter",
    "2 enter enter enter",
    "2 enter v",
    "2 R",
    "2 enter x",
    "4 j",
    "7",
    "7 enter",
    "P",
    "q",
];

/// No control and nothing hidden in any cell; every row as wide as the screen; every frame's right border in its column.
fn check(stage: &Stage, what: &str) {
    let (buffer, _) = stage.frame();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            assert!(
                !symbol.chars().any(|letter| letter.is_control()
                    || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe0f}')),
                "{what}: {symbol:?} at {x},{y}"
            );
            x += symbol.width().max(1) as u16;
        }
        assert_eq!(x, buffer.area.width, "{what}: row {y} overflows: {}", text(&buffer));
    }
    // The frames of the body: a border at both ends of each row between the first corner and the last.
    let (left, right) = (0, buffer.area.width - 1);
    let mut is_inside = false;
    for y in 2..buffer.area.height - 2 {
        let (first, last) = (buffer[(left, y)].symbol(), buffer[(right, y)].symbol());
        is_inside |= first == "╭";
        let is_straight = ["╭", "│", "╰"].contains(&first) && ["╮", "│", "╯"].contains(&last);
        assert!(!is_inside || is_straight, "{what}: broken border in row {y}:\n{}", text(&buffer));
        is_inside &= first != "╰";
    }
}

// Row 101 of the fault matrix.
#[test]
fn hostile_text_stays_in_its_place_on_every_screen() {
    for hostile in HOSTILE {
        for (width, height) in [(120, 36), (80, 24), (60, 15)] {
            for walk in WALKS {
                let mut world = world();
                dress(&mut world, hostile);
                let mut stage = Stage::new(world, width, height);
                stage.press(walk);
                check(&stage, &format!("{hostile:?} after `{walk}` at {width}x{height}"));
            }
        }
    }
}

#[test]
fn hostile_text_is_ascii_where_only_ascii_is_wanted() {
    for hostile in HOSTILE {
        for walk in WALKS {
            let mut world = world();
            dress(&mut world, hostile);
            let mut stage = Stage::with(world, 80, 24, Symbols::Ascii);
            stage.press(walk);
            let text = stage.text();
            assert!(text.is_ascii() && !text.contains('\x1b'), "{hostile:?} after `{walk}`: {text}");
        }
    }
}

// Row 101 of the fault matrix.
#[test]
fn hostile_answers_and_refusals_are_shown_safely() {
    for hostile in HOSTILE {
        let mut stage = Stage::new(world(), 80, 24);
        stage.world.refusal = Some(Refusal { message: hostile.to_owned(), hint: Some(hostile.to_owned()) });
        stage.press("n n n n");
        check(&stage, "failures");
        stage.press("2");
        check(&stage, "a refused list");
        stage.press("`");
        check(&stage, "the messages");
    }
}

// Row 40 of the fault matrix.
#[test]
fn a_value_of_a_megabyte_is_drawn_as_fast_as_a_short_one() {
    let mut world = world();
    let long = "\x1b[31m東x".repeat(120_000);
    dress_letter(&mut world, &long);
    let mut stage = Stage::new(world, 120, 36);
    stage.press("2 enter");
    check(&stage, "a megabyte");
    stage.press("enter enter");
    check(&stage, "a megabyte opened");
    assert!(stage.shows("␛[31m東x"));
    stage.press("end");
    assert!(stage.shows("bytes)"), "what is cut off is said: {}", stage.text());
}

#[test]
fn five_hundred_fields_scroll() {
    let mut world = world();
    let line = world.letter.fields[2].clone();
    world.letter.fields =
        (0..500).map(|at| syncdeck::control::FieldLine { field: format!("field_{at}"), ..line.clone() }).collect();
    let mut stage = Stage::new(world, 80, 24);
    stage.press("2 enter enter G");
    assert!(stage.shows("field_499"), "{}", stage.text());
    check(&stage, "500 fields");
}
