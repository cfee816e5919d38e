//! Jobs of many customers: the list of all, and all of one.

use crate::stage::{NOW, Stage, ago, job, world};
use std::time::{Duration, Instant};
use syncdeck::control::Request;
use syncdeck::model::*;
use syncdeck::tui::screens::Screen;
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Effect, Msg};

/// So many customers with four jobs each; of `globex` one is paused and one has dead letters.
fn customers(n: usize) -> crate::stage::World {
    let mut world = world();
    let names = ["globex".to_owned(), "initech".to_owned()].into_iter().chain((2..n).map(|n| format!("tenant-{n:03}")));
    let mut jobs = Vec::new();
    for name in names.take(n) {
        for base in ["contacts", "invoices", "orders+eu", "stock"] {
            let (base, part) =
                base.split_once('+').map_or((base, String::new()), |(base, part)| (base, format!("+{part}")));
            let id = format!("{base}@{name}{part}");
            let mut job = job(&id, "shop", &format!("crm@{name}"), JobState::Idle);
            job.total = Counts { scanned: 1_200, created: 1_000, skipped: 200, ..Counts::default() };
            if name == "globex" && base == "invoices" {
                let by = Actor::person("ada", Via::Console);
                job.state = JobState::Paused { by, since: ago(7_200), reason: Some("their migration".to_owned()) };
            }
            if name == "globex" && base == "contacts" {
                job.dead_waiting = 40;
                job.total = Counts { scanned: 1_240, errored: 40, ..job.total };
                job.checkpoint = world.checkpoints.first().cloned();
            }
            jobs.push(job);
        }
    }
    world.snapshot.jobs = jobs;
    for group in &mut world.groups {
        group.job = "contacts@globex".into();
    }
    world
}

pub fn customer(width: u16, height: u16, symbols: Symbols) -> Stage {
    let mut stage = Stage::with(customers(3), width, height, symbols);
    stage.press(":").type_text("customer glob").press("enter");
    stage
}

#[test]
fn all_of_a_customer_on_one_screen() {
    for (width, height) in [(120, 36), (80, 24), (60, 15)] {
        insta::assert_snapshot!(format!("customer_{width}x{height}"), customer(width, height, Symbols::Unicode).text());
    }
    let ascii = customer(80, 24, Symbols::Ascii).text();
    assert!(ascii.is_ascii(), "{ascii}");
    insta::assert_snapshot!("customer_ascii_80x24", ascii);
}

#[test]
fn a_customer_is_found_by_the_word_by_the_sign_and_from_a_job() {
    assert_eq!(customer(120, 36, Symbols::Unicode).app.screen, Screen::Customer);
    let mut stage = Stage::new(customers(3), 120, 36);
    stage.press(":").type_text("~init").press("enter");
    assert!(stage.shows("Customer initech"), "{}", stage.text());
    stage.press("esc");
    assert_eq!(stage.app.screen, Screen::Jobs);
    stage.press(":").type_text("@stock@tenant").press("enter g").press("i");
    assert!(stage.shows("Customer tenant-002"), "{}", stage.text());
    stage.press("esc");
    assert_eq!(stage.app.screen, Screen::Job);
}

#[test]
fn the_answer_is_copied_as_it_stands_and_holds_no_record() {
    let mut stage = customer(120, 36, Symbols::Unicode);
    stage.press("y a");
    let copied = stage.effects.iter().find_map(|effect| match effect {
        Effect::Copy { text, .. } => Some(text.clone()),
        _ => None,
    });
    let text = copied.expect("a text for the clipboard");
    assert!(text.starts_with("globex, as of "), "{text}");
    assert!(text.contains("invoices: not read yet; paused 2h00m ago by ada “their migration”."), "{text}");
    assert!(text.contains("40 refused records wait for a person"), "{text}");
    assert!(!text.contains("cus_"), "{text}");
}

#[test]
fn all_jobs_of_a_customer_are_paused_together_and_no_other() {
    let mut stage = customer(120, 36, Symbols::Unicode);
    stage.press("P").type_text("asked for").press("enter");
    let orders = stage.orders();
    let [Request::Pause { jobs, .. }] = orders.as_slice() else { panic!("{orders:?}") };
    let names: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
    assert_eq!(names, ["contacts@globex", "orders@globex+eu", "stock@globex"]);
}

#[test]
fn the_list_of_jobs_is_narrowed_to_an_instance() {
    let mut stage = Stage::new(customers(3), 120, 36);
    stage.press("/").type_text("instance:initech").press("enter");
    assert_eq!(stage.app.jobs.shown.len(), 4);
    assert!(stage.app.jobs.shown.iter().all(|job| job.instance() == Some("initech")));
}

#[test]
fn a_list_of_two_thousand_jobs_is_moved_in_as_quickly_as_a_short_one() {
    let mut stage = Stage::new(customers(500), 120, 36);
    assert_eq!(stage.app.jobs().len(), 2_000);
    assert!(stage.shows("2000 of 2000"), "{}", stage.text());
    let began = Instant::now();
    for n in 0..20 {
        stage.world.snapshot.at = NOW.plus(Duration::from_secs(n));
        stage.send(Msg::Snapshot(std::sync::Arc::new(stage.world.snapshot.clone())));
        stage.press("pgdn");
        let _ = stage.frame();
    }
    // A list that is looked through once for each of its jobs takes many times as long.
    let each = began.elapsed() / 20;
    assert!(each < Duration::from_millis(250), "{each:?} for a snapshot, a page and its frame, unoptimised");
}
