//! Runs, connections and conflicts: keys in, questions out, and frames at three sizes.

use crate::stage::{Stage, ago, world};
use syncdeck::control::{Attachment, Request};
use syncdeck::model::{Actor, Circuit, DeadLetterId, History, Hold, RunId, Via};
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Effect, Msg};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];

/// Takes a picture after `keys` at each size, in unicode and in ASCII.
fn pictures(name: &str, keys: &str) {
    for (width, height) in SIZES {
        for (symbols, suffix) in [(Symbols::Unicode, ""), (Symbols::Ascii, "_ascii")] {
            let mut stage = Stage::with(world(), width, height, symbols);
            stage.press(keys);
            let text = stage.text();
            assert!(symbols == Symbols::Unicode || text.is_ascii(), "{text}");
            insta::assert_snapshot!(format!("{name}{suffix}_{width}x{height}"), text);
        }
    }
}

#[test]
fn conflicts_say_that_there_can_be_none() {
    pictures("conflicts", "3");
}

#[test]
fn runs() {
    pictures("runs", "5");
    pictures("run_that_went_badly", "5 down down down down");
    pictures("runs_compared_by_kind", "5 down down down down tab c");
    pictures("runs_two_marked", "5 down down space down space d");
}

#[test]
fn connections() {
    pictures("connections", "6");
    pictures("connection_answers", "6 tab");
    pictures("connection_held", "6 p");
}

// Row 62 of the fault matrix.
#[test]
fn a_connection_whose_certificates_are_not_checked_says_so_first() {
    let mut world = world();
    for connection in &mut world.snapshot.connections {
        connection.insecure_tls = connection.id.as_str() == "hubspot";
    }
    let mut stage = Stage::new(world, 120, 36);
    stage.press("6");
    assert!(stage.shows("ok, insecure TLS"), "{}", stage.text());
    assert!(stage.shows("INSECURE: certificates are not checked"), "{}", stage.text());
}

#[test]
fn a_run_is_compared_with_what_is_usual_of_its_job() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("5 down down down down");
    assert!(stage.shows("Run #215 of customers_to_crm"), "{}", stage.text());
    assert!(stage.shows("5m50s   38 s – 41 s"), "{}", stage.text());
    assert!(stage.shows("longer !") && stage.shows("unusual !"), "{}", stage.text());
    assert!(stage.shows("1,037 = 990 sent + 0 skipped + 47 errored ✓"), "{}", stage.text());
    stage.press("c");
    assert!(stage.shows("0 other runs of customers_to_crm: too few"), "{}", stage.text());
    stage.press("c");
    assert!(stage.shows("5m50s   38 s – 41 s"));
}

#[test]
fn two_marked_runs_stand_side_by_side_until_escape() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("5 d");
    assert!(stage.shows("mark two runs with Space"));
    stage.press("down space space d");
    assert!(stage.shows("Two runs side by side") && stage.shows("#218") && stage.shows("#217"), "{}", stage.text());
    stage.press("esc");
    assert!(stage.shows("Compared with") && stage.shows("2 marked"), "{}", stage.text());
    stage.press("esc");
    assert!(!stage.shows("2 marked"));
}

#[test]
fn only_a_run_in_progress_can_be_stopped_and_it_is_asked_about() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("5 down down X");
    assert!(stage.shows("run #217 has ended"), "{}", stage.text());
    stage.press("up X");
    assert!(stage.shows("Stop run #218?"));
    stage.later(200);
    stage.press("y");
    assert_eq!(stage.orders(), [&Request::Cancel { jobs: vec!["customers_to_crm".into()] }]);
}

#[test]
fn runs_are_filtered_by_job_state_and_words() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("5 /").type_text("job:orders_to_erp");
    assert!(stage.shows("1 · newest first") && stage.shows("Run #219"), "{}", stage.text());
    stage.press("esc /").type_text("state:fail 401");
    assert!(stage.shows("Run #213 of customers_to_crm"), "{}", stage.text());
    stage.press("enter /").type_text(" state:odd");
    assert!(stage.shows("state: needs run, ok, part"), "{}", stage.text());
}

#[test]
fn older_runs_come_when_the_end_of_the_list_is_near() {
    let mut stage = Stage::new(world(), 80, 24);
    stage.press("5 G");
    assert!(stage.asked.iter().any(|asked| matches!(asked, Request::Runs { before: Some(RunId(20)), .. })));
    stage.press("G");
    assert!(stage.shows("Run #1 of customers_to_crm"), "{}", stage.text());
}

#[test]
fn runs_that_begin_later_wait_to_be_let_in() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("5 down");
    let mut later = stage.world.runs[0].clone();
    later.id = RunId(220);
    stage.world.runs.insert(0, later);
    stage.world.snapshot.notices += 1;
    stage.publish();
    stage.later(1_100);
    assert!(stage.shows("1 run began since; . lets them in"), "{}", stage.text());
    assert!(stage.shows("Run #218"), "nothing moves under the cursor");
    stage.press(".");
    assert!(stage.shows("Run #220"));
}

#[test]
fn the_runs_and_the_destination_of_a_job_are_two_keys_away() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("j g r");
    assert!(matches!(stage.last_asked(), Request::Runs { job: Some(_), .. }));
    stage.press("1 ! down down enter");
    assert!(stage.shows("[6 Connections]") && stage.shows("hubspot"), "{}", stage.text());
}

#[test]
fn a_connection_is_tested_held_and_released() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("6 t");
    assert!(stage.shows("hubspot: answers (200) in 204 ms"), "{}", stage.text());
    stage.press("p").type_text("migration").press("enter");
    let held = Request::Hold { connection: "hubspot".into(), reason: Some("migration".to_owned()) };
    assert_eq!(stage.last_asked(), &held);
    assert!(stage.shows("held hubspot   [u undo]"), "{}", stage.text());
    let hold = Hold { by: Actor::person("ada", Via::Console), since: ago(60), reason: Some("migration".to_owned()) };
    stage.world.snapshot.connections[1].held = Some(hold);
    stage.publish();
    assert!(stage.shows("‖ held") && stage.shows("1m ago by ada “migration”"), "{}", stage.text());
    stage.press("p");
    assert_eq!(stage.last_asked(), &Request::Release { connection: "hubspot".into() });
}

#[test]
fn a_circuit_is_reset_after_a_question_and_only_when_it_is_open() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("6 x");
    assert!(stage.shows("the circuit of hubspot is closed"), "{}", stage.text());
    let next = ago(0).plus(std::time::Duration::from_secs(41));
    stage.world.snapshot.connections[0].circuit = Circuit::Open { since: ago(9), next, why: "503".to_owned() };
    stage.publish();
    assert!(stage.text().lines().nth(4).is_some_and(|row| row.contains("shop") && row.contains("✗ down")));
    stage.press("up x");
    assert!(stage.shows("Reset the circuit of shop?"), "{}", stage.text());
    stage.later(200);
    stage.press("y");
    assert_eq!(stage.last_asked(), &Request::ResetCircuit { connection: "shop".into() });
}

#[test]
fn a_capital_b_writes_what_is_known_of_the_selection() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("2 enter B");
    let letter = Request::Bundle { job: Some("customers_to_crm".into()), letter: Some(DeadLetterId(1_042)) };
    assert!(stage.asked.contains(&letter), "{:?}", stage.asked);
    let name = "acme-production-letter-1042-20260302-143207.syncdeck";
    assert_eq!(stage.effects.last(), Some(&Effect::Save { name: name.to_owned(), text: "{}".to_owned() }));
    stage.send(Msg::Saved(Ok(name.to_owned())));
    assert!(stage.shows("wrote acme-production-letter-1042"), "{}", stage.text());
    stage.press("1 B");
    let job = Request::Bundle { job: Some("tickets_to_wh".into()), letter: None };
    assert!(stage.asked.contains(&job), "{:?}", stage.asked);
    stage.send(Msg::Saved(Err("permission denied".to_owned())));
    assert!(stage.shows("the bundle could not be written: permission denied"), "{}", stage.text());
}

#[test]
fn a_bundle_on_the_screen_says_of_when_it_is() {
    for (width, height) in SIZES {
        let mut offline = world();
        offline.snapshot.engine.is_running = false;
        let mut stage = Stage::new(offline, width, height);
        stage.app.settings.is_read_only = true;
        stage.send(Msg::Attachment(Attachment::Bundle(ago(86_400))));
        let text = stage.text();
        let header = text.lines().next().expect("a header");
        let wanted = if width < 80 { "bundle of 2026-03-01" } else { "bundle of 2026-03-01 14:32Z" };
        assert!(header.contains(wanted), "{header}");
    }
}

#[test]
fn jobs_are_sorted_by_what_a_person_chooses_and_stand_still_then() {
    let mut stage = Stage::new(world(), 120, 36);
    let first = |stage: &Stage| stage.text().lines().nth(4).unwrap_or_default().to_owned();
    assert!(stage.shows("sort: state ↑") && first(&stage).contains("tickets_to_wh"), "{}", stage.text());
    stage.press("s");
    assert!(stage.shows("sort: name ↑") && first(&stage).contains("customers_to_crm"), "{}", stage.text());
    stage.press("S");
    assert!(stage.shows("sort: name ↓") && first(&stage).contains("tickets_to_wh"), "{}", stage.text());
    stage.press("s");
    assert!(stage.shows("sort: rate ↓") && first(&stage).contains("customers_to_crm"), "{}", stage.text());
    let selected = stage.app.jobs.selected.clone();
    let mut jobs = stage.world.snapshot.jobs.iter_mut();
    jobs.find(|job| job.id.as_str() == "orders_to_erp").expect("it is there").rate = 9_000.0;
    stage.publish();
    assert!(first(&stage).contains("customers_to_crm"), "nothing moves by itself: {}", stage.text());
    assert!(stage.shows("sort: rate ↓, . sorts again"), "{}", stage.text());
    stage.press(".");
    assert!(first(&stage).contains("orders_to_erp"), "{}", stage.text());
    assert_eq!(stage.app.jobs.selected, selected, "the selection goes with its job");
    stage.press("s s s s");
    assert!(stage.shows("sort: state ↑"));
}

#[test]
fn runs_are_sorted_as_far_as_they_were_read_and_the_selected_one_stays() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("5 down down");
    assert!(stage.shows("newest first") && stage.shows("Run #217"), "{}", stage.text());
    stage.press("s");
    assert!(stage.shows("sort: took ↓ of those read") && stage.shows("Run #217"), "{}", stage.text());
    stage.press("s home");
    assert!(stage.shows("sort: scanned ↓ of those read") && stage.shows("Run #218"), "{}", stage.text());
    stage.press("s s home");
    assert!(stage.shows("sort: state ↑") && stage.shows("Run #213"), "failed ones first: {}", stage.text());
    stage.press("s s S home");
    assert!(stage.shows("sort: started ↑"), "{}", stage.text());
}

#[test]
fn connections_are_sorted_and_the_selected_one_stays() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.press("6");
    assert!(stage.shows("worst first"));
    let before = stage.app.connections.selected.clone();
    stage.press("down s");
    assert!(stage.shows("sort: name ↑"), "{}", stage.text());
    let chosen = stage.app.connections.selected.clone();
    assert!(chosen.is_some() && chosen != before);
    stage.press("S");
    assert!(stage.shows("sort: name ↓"), "{}", stage.text());
    assert_eq!(stage.app.connections.selected, chosen);
    stage.press("s s s s");
    assert!(stage.shows("worst first"), "{}", stage.text());
}

#[test]
fn the_peak_of_the_chart_is_never_less_than_the_rate_of_now() {
    let mut stage = Stage::new(world(), 120, 36);
    for job in &mut stage.world.snapshot.jobs {
        job.rate = 0.0;
    }
    stage.world.snapshot.jobs[0].rate = 4_321.0;
    stage.world.history = History { minutes: vec![60; 40], until: ago(0), marks: Vec::new() };
    stage.publish();
    assert!(stage.shows("peak 4,321 rec/s") && stage.shows("4,321 rec/s now"), "{}", stage.text());
    stage.press("- -");
    assert!(stage.shows("peak 4,321 rec/s"), "also where the bars are minutes: {}", stage.text());
}
