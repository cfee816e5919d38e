//! Checkpoints, rewinds, dry runs and the journal: keys in, orders out, and frames at three sizes.

use crate::stage::{Stage, World, world};
use syncdeck::control::{Refusal, Request};
use syncdeck::model::*;
use syncdeck::tui::Msg;
use syncdeck::tui::text::Symbols;

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];

fn pictures(name: &str, walk: impl Fn(&mut Stage)) {
    for (width, height) in SIZES {
        let mut stage = Stage::new(world(), width, height);
        walk(&mut stage);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), stage.text());
        let mut stage = Stage::with(world(), width, height, Symbols::Ascii);
        walk(&mut stage);
        let text = stage.text();
        assert!(text.is_ascii(), "{text}");
        insta::assert_snapshot!(format!("{name}_ascii_{width}x{height}"), text);
    }
}

fn paused_job(world: &World) -> JobId {
    let is_paused = |job: &&JobStatus| job.state.word() == "paused";
    world.snapshot.jobs.iter().find(is_paused).expect("a paused job").id.clone()
}

/// The checkpoints of a job.
fn at_job(stage: &mut Stage, wanted: &JobId) {
    stage.press("4");
    for key in ["]", "["] {
        for _ in 0..9 {
            if stage.app.checkpoints.job.as_ref() == Some(wanted) {
                return;
            }
            stage.press(key);
        }
    }
    panic!("no such job: {}", stage.text());
}

fn at_a_paused_job(stage: &mut Stage) {
    let wanted = paused_job(&stage.world);
    at_job(stage, &wanted);
}

#[test]
fn the_preview_of_a_rewind_stands_beside_the_list() {
    pictures("points_preview", |stage| {
        stage.press("4 down down down");
    });
    pictures("points_counted", |stage| {
        stage.press("4 down down down enter");
    });
    pictures("points_newest", |stage| {
        stage.press("4");
    });
    pictures("points_zoomed", |stage| {
        stage.press("4 down z");
    });
}

#[test]
fn two_are_compared() {
    pictures("points_compared", |stage| {
        stage.press("4 down space down down space d");
    });
}

#[test]
fn a_rewind_is_asked_about() {
    pictures("points_rewind", |stage| {
        at_a_paused_job(stage);
        stage.press("down down W");
        stage.type_text("wrong map");
    });
    pictures("points_where", |stage| {
        stage.press("4 t");
        stage.type_text("14:00");
    });
}

#[test]
fn a_plan_and_the_journal_are_pages() {
    pictures("points_plan", |stage| {
        stage.press("v");
    });
    pictures("points_journal", |stage| {
        stage.press("J");
    });
}

#[test]
fn a_rewind_needs_a_reason_and_the_jobs_name_and_asks_before_the_job_starts_again() {
    let mut stage = Stage::new(world(), 120, 36);
    at_a_paused_job(&mut stage);
    let job = paused_job(&stage.world);
    stage.press("down down W ctrl-s");
    assert!(stage.shows("write down why"), "{}", stage.text());
    stage.type_text("wrong map").press("ctrl-s");
    assert!(stage.shows("to show that you mean it"), "{}", stage.text());
    assert!(stage.orders().is_empty());
    stage.type_text(job.as_str()).press("ctrl-s");
    let wanted = Request::Rewind {
        job: job.clone(),
        to: RewindTo::Sequence(Sequence(1_864)),
        reason: "wrong map".to_owned(),
        expected: Some(Sequence(1_866)),
    };
    assert_eq!(stage.orders(), [&wanted]);
    assert!(stage.shows(&format!("Start {job} again?")), "{}", stage.text());
    stage.later(200);
    stage.press("y");
    assert_eq!(stage.orders().last(), Some(&&Request::Resume { jobs: vec![job] }));
}

#[test]
fn a_job_that_runs_is_paused_first_and_looked_at_again_before_it_is_put_back() {
    let mut stage = Stage::new(world(), 120, 36);
    let job: JobId = "customers_to_crm".into();
    at_job(&mut stage, &job);
    stage.press("down W").type_text("wrong map").press("tab").type_text(job.as_str()).press("ctrl-s");
    assert!(matches!(stage.orders().as_slice(), [Request::Pause { .. }]), "{:?}", stage.orders());
    assert!(stage.shows("Pausing"), "{}", stage.text());
    let asked = stage.asked.len();
    let status = stage.world.snapshot.jobs.iter_mut().find(|one| one.id == job).expect("the job");
    status.run = None;
    status.state = JobState::Paused { by: Actor::person("ada", Via::Console), since: stage.now, reason: None };
    stage.publish();
    assert!(
        stage.asked[asked..].iter().any(|one| matches!(one, Request::RewindPreview { .. })),
        "it is looked at again"
    );
    stage.press("ctrl-s");
    assert!(
        matches!(stage.orders().as_slice(), [Request::Pause { .. }, Request::Rewind { .. }]),
        "{:?}",
        stage.orders()
    );
}

#[test]
fn an_order_that_comes_too_late_stays_open_with_what_there_is_now() {
    let mut stage = Stage::new(world(), 120, 36);
    at_a_paused_job(&mut stage);
    let job = paused_job(&stage.world);
    stage.press("down W").type_text("wrong map").press("tab").type_text(job.as_str());
    let message = format!("`{job}` stands at checkpoint #1867 now, not at checkpoint #1866");
    stage.world.refusal = Some(Refusal { message: message.clone(), hint: None });
    stage.press("ctrl-s");
    assert!(stage.shows("stands at checkpoint #1867 now"), "{}", stage.text());
    assert!(stage.shows(&format!("Rewind {job}")), "the form stays: {}", stage.text());
}

#[test]
fn a_dry_run_is_asked_for_in_parts_only_while_somebody_looks() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.world.plan.next = Some(Box::default());
    stage.is_silent = true;
    stage.press("v");
    let parts = |stage: &Stage| stage.asked.iter().filter(|one| matches!(one, Request::Plan { .. })).count();
    assert_eq!(parts(&stage), 1);
    assert!(stage.shows("counted so far"), "{}", stage.text());
    stage.press("esc");
    let part = stage.world.plan.clone();
    let answer = syncdeck::control::Answer::Plan(Box::new(part));
    stage.send(Msg::Answered { generation: stage.generation_of_last(), result: Ok(answer) });
    assert_eq!(parts(&stage), 1, "nobody looks any more");
}

#[test]
fn a_time_a_number_and_a_record_are_places_to_go_back_to() {
    for (typed, wanted) in [
        ("#1,857", RewindTo::Sequence(Sequence(1_857))),
        ("start", RewindTo::Start),
        ("cus_00917734", RewindTo::Record("cus_00917734".into())),
    ] {
        let mut stage = Stage::new(world(), 120, 36);
        stage.press("4 t").type_text(typed).press("enter");
        let to = stage.asked.iter().rev().find_map(|one| match one {
            Request::RewindPreview { to, .. } => Some(to.clone()),
            _ => None,
        });
        assert_eq!(to, Some(wanted), "{typed}");
    }
}
