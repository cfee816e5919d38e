//! What each key does: keys in, questions and orders out.

use crate::stage::{NOW, Stage, ago, group, world};
use std::sync::Arc;
use std::time::Duration;
use syncdeck::control::{Answer, Request, RetryPreview};
use syncdeck::model::*;
use syncdeck::tui::{Effect, Left, Msg, update};

fn stage() -> Stage {
    Stage::new(world(), 120, 36)
}

#[test]
fn p_pauses_a_running_job_with_its_reason_and_u_takes_it_back() {
    let mut stage = stage();
    stage.press("j p");
    assert!(stage.shows("Pause customers_to_crm"));
    stage.type_text("ticket SUP-4411").press("enter");
    let expected = Request::Pause { jobs: vec!["customers_to_crm".into()], reason: Some("ticket SUP-4411".to_owned()) };
    assert_eq!(stage.orders(), [&expected]);
    assert!(stage.shows("paused customers_to_crm   [u undo]"));
    stage.press("u");
    assert_eq!(stage.last_asked(), &Request::Resume { jobs: vec!["customers_to_crm".into()] });
    stage.press("u");
    assert!(stage.shows("there is nothing to undo"));
}

#[test]
fn an_undo_of_something_old_is_asked_about() {
    let mut stage = stage();
    stage.press("j p enter");
    stage.later(61_000);
    stage.press("u");
    assert!(stage.shows("Undo?"));
    stage.later(200);
    stage.press("y");
    assert_eq!(stage.last_asked(), &Request::Resume { jobs: vec!["customers_to_crm".into()] });
}

#[test]
fn p_resumes_a_paused_job_and_one_that_needs_attention() {
    let mut stage = stage();
    stage.press("p j j p");
    let resumed = |name: &str| Request::Resume { jobs: vec![name.into()] };
    assert_eq!(stage.orders(), [&resumed("tickets_to_wh"), &resumed("invoices_backfill")]);
}

#[test]
fn escape_leaves_a_pause_as_it_was() {
    let mut stage = stage();
    stage.press("j p x y esc");
    assert!(stage.orders().is_empty());
    assert!(!stage.shows("Reason"));
}

#[test]
fn a_run_is_stopped_only_after_yes_and_not_by_a_key_that_was_on_its_way() {
    let mut stage = stage();
    stage.press("j X y");
    assert!(stage.orders().is_empty(), "y within 150 ms is not an answer");
    stage.later(150);
    stage.press("y");
    assert_eq!(stage.orders(), [&Request::Cancel { jobs: vec!["customers_to_crm".into()] }]);
}

#[test]
fn all_jobs_are_paused_at_once_but_not_those_that_are() {
    let mut stage = stage();
    stage.press("P enter");
    let orders = stage.orders();
    let [Request::Pause { jobs, reason: None }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(jobs.len(), 5);
    assert!(!jobs.contains(&"invoices_backfill".into()));
}

#[test]
fn a_time_of_the_source_is_read_again_once_it_is_one() {
    let mut stage = stage();
    stage.press("j A").type_text("2026-02-01 to 2026-01-01").press("enter");
    assert!(stage.shows("the range ends before it begins"), "{}", stage.text());
    stage.press("esc A").type_text("2026-01-01 to 2026-02-01").press("enter");
    let at = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().expect("a time"));
    let (since, until) = (at("2026-01-01T00:00:00Z"), Some(at("2026-02-01T00:00:00Z")));
    assert_eq!(stage.orders(), [&Request::Range { job: "customers_to_crm".into(), since, until }]);
}

#[test]
fn n_runs_the_selected_job_now() {
    let mut stage = stage();
    stage.press("j j j n");
    assert_eq!(stage.orders(), [&Request::Trigger { jobs: vec!["orders_to_erp".into()] }]);
}

#[test]
fn from_an_alert_to_the_retry_of_its_cause_in_five_keys() {
    let mut stage = stage();
    stage.press("! j enter R");
    assert!(stage.shows("Retry 1,042 dead letters?"), "{}", stage.text());
    stage.later(200);
    stage.press("y");
    let orders = stage.orders();
    let [Request::RetryCarefully { selection: Selection::Matching(filter), .. }] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!(filter.group, Some(GroupId(1)));
    assert_eq!(filter.up_to, Some(DeadLetterId(1_042)), "what comes later is not meant");
    assert_eq!(filter.places, [LetterPlace::Waiting]);
}

#[test]
fn a_retry_whose_count_has_moved_asks_again() {
    let mut stage = stage();
    stage.press("2 R");
    stage.later(200);
    stage.world.preview = RetryPreview { total: 900, ..stage.world.preview.clone() };
    stage.press("y");
    assert!(stage.orders().is_empty());
    assert!(stage.shows("it was 1,042 when you said yes, now it is 900"), "{}", stage.text());
    stage.later(200);
    stage.press("y");
    assert_eq!(stage.orders().len(), 1);
}

#[test]
fn one_record_is_retried_at_once() {
    let mut stage = stage();
    stage.press("2 enter r");
    assert_eq!(stage.orders(), [&Request::Retry { selection: Selection::Ids(vec![DeadLetterId(1_042)]) }]);
}

#[test]
fn marked_records_are_retried_together_and_more_than_twenty_after_a_preview() {
    let mut stage = stage();
    stage.press("2 enter space space r");
    let ids = vec![DeadLetterId(1_041), DeadLetterId(1_042)];
    assert_eq!(stage.orders(), [&Request::Retry { selection: Selection::Ids(ids) }]);
    for _ in 0..19 {
        stage.press("space");
    }
    stage.press("r");
    assert!(stage.shows("Retry 1,042 dead letters?"), "the preview says what the engine counted");
    assert_eq!(stage.orders().len(), 1);
}

#[test]
fn a_star_marks_all_that_match_also_beyond_the_screen() {
    let mut stage = stage();
    stage.press("2 enter *");
    assert!(stage.shows("1,042 marked"));
    stage.press("space");
    assert!(stage.shows("1,041 marked"), "space takes one out");
    stage.press("* *");
    stage.press("r");
    let filter = stage.asked.iter().rev().find_map(|request| match request {
        Request::RetryPreview { selection: Selection::Matching(filter) } => Some(filter.clone()),
        _ => None,
    });
    let filter = filter.expect("a preview of all that match");
    assert_eq!((filter.group, filter.up_to), (Some(GroupId(1)), Some(DeadLetterId(1_042))));
}

#[test]
fn a_discard_needs_a_reason_and_can_be_undone() {
    let mut stage = stage();
    stage.press("2 enter x ctrl-s");
    assert!(stage.shows("choose a reason"));
    stage.press("2 tab").type_text("SUP-1").press("ctrl-s");
    let selection = Selection::Ids(vec![DeadLetterId(1_042)]);
    let reason = "bad data, will not be fixed; SUP-1".to_owned();
    assert_eq!(stage.orders(), [&Request::Discard { selection: selection.clone(), reason }]);
    stage.press("u");
    assert_eq!(stage.orders()[1], &Request::Restore { selection });
}

#[test]
fn a_record_of_unknown_outcome_is_settled_and_no_other() {
    let mut stage = stage();
    stage.press("2 enter O");
    assert!(stage.shows("the outcome of this record is known"), "{}", stage.text());
    let mut stage = self::stage();
    stage.world.letter.letter.reason.class = ReasonClass::OutcomeUnknown;
    stage.press("2 enter O ctrl-s");
    assert!(stage.shows("say first which it is"), "{}", stage.text());
    stage.press("1").type_text("rec_17").press("ctrl-s");
    let id = DeadLetterId(1_042);
    let finding = Whereabouts::There { id: Some("rec_17".into()) };
    assert_eq!(stage.orders(), [&Request::Settle { id, finding, reason: None }]);
    stage.press("O 2 ctrl-s");
    assert!(stage.shows("how is it known to be absent"), "{}", stage.text());
    stage.type_text("searched").press("ctrl-s");
    let reason = Some("searched".to_owned());
    assert_eq!(stage.orders()[1], &Request::Settle { id, finding: Whereabouts::Absent, reason });
}

#[test]
fn many_are_discarded_only_with_their_number_typed() {
    let mut stage = stage();
    stage.press("2 x 5").type_text("gone").press("ctrl-s");
    assert!(stage.shows("type the number 1,042 to show that you mean it"), "{}", stage.text());
    stage.type_text("1042").press("ctrl-s");
    let orders = stage.orders();
    let [Request::Discard { selection: Selection::Matching(filter), reason }] = orders.as_slice() else {
        panic!("{orders:?}")
    };
    assert_eq!((reason.as_str(), filter.up_to), ("gone", Some(DeadLetterId(1_042))));
}

#[test]
fn withheld_deletes_are_released_by_their_number_or_their_records_are_kept() {
    let mut stage = stage();
    stage.press("j enter H");
    assert!(stage.orders().is_empty() && stage.shows("no delete of customers_to_crm is withheld"), "{}", stage.text());
    let job = JobId::from("customers_to_crm");
    let mut jobs = stage.world.snapshot.jobs.iter_mut();
    jobs.find(|status| status.id == job).expect("it is there").withheld =
        Some(Withheld { waiting: 1_204, since: ago(600), is_released: false });
    stage.publish();
    stage.press("H");
    assert!(stage.shows("1,204 deletes of"), "{}", stage.text());
    assert!(
        stage.shows("cust_000009  the whole listing left it out") && stage.shows("and 1,203 more"),
        "{}",
        stage.text()
    );
    stage.press("ctrl-s");
    assert!(stage.shows("choose what is to be done"));
    stage.press("1").type_text("the branch closed").press("ctrl-s");
    assert!(stage.shows("type the number 1,204 to show that you mean it"), "{}", stage.text());
    stage.type_text("1204").press("ctrl-s");
    let reason = "the branch closed".to_owned();
    assert_eq!(stage.orders(), [&Request::HeldRelease { job: job.clone(), count: 1_204, reason }]);
}

#[test]
fn only_discarded_letters_are_brought_back() {
    let mut stage = stage();
    stage.press("2 U");
    assert!(stage.shows("none of these is discarded"));
    stage.press("/").type_text("state:discarded").press("enter U");
    stage.later(200);
    stage.press("y");
    let orders = stage.orders();
    let [Request::Restore { selection: Selection::Matching(filter) }] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(filter.places, [LetterPlace::Discarded]);
}

#[test]
fn a_wrong_filter_leaves_the_last_valid_one_in_force() {
    let mut stage = stage();
    stage.press("2 /").type_text("email");
    stage.send(Msg::Paste(" state:nope".to_owned()));
    assert!(stage.shows("✗ state: needs waiting"), "{}", stage.text());
    let Request::DeadGroups { filter } = stage.last_asked() else { panic!("{:?}", stage.last_asked()) };
    assert_eq!(filter.words, ["email"]);
    stage.press("enter");
    assert!(stage.shows("✗ state: needs"), "a wrong filter can not be taken");
    stage.press("esc");
    assert!(!stage.shows("email state"));
}

#[test]
fn the_filter_of_causes_narrows_their_records_too() {
    let mut stage = stage();
    stage.press("2 /").type_text("lee").press("enter enter");
    let ids = stage.asked.iter().rev().find_map(|request| match request {
        Request::DeadIds { filter, .. } => Some(filter.clone()),
        _ => None,
    });
    let filter = ids.expect("ids were asked for");
    assert_eq!((filter.words, filter.group), (vec!["lee".to_owned()], Some(GroupId(1))));
}

#[test]
fn jobs_are_filtered_as_one_types() {
    let mut stage = stage();
    stage.press("/").type_text("paused");
    assert!(stage.shows("1 of 6") && stage.shows("invoices_backfill") && !stage.shows("products_catalog"));
    stage.press("esc");
    assert!(stage.shows("6 of 6"));
}

#[test]
fn new_letters_are_counted_and_come_in_on_a_dot() {
    let mut stage = stage();
    stage.press("2");
    stage.world.groups[0].waiting += 37;
    stage.world.groups.push(group(9, "orders_to_erp", Some(500), None, "something new", 5));
    stage.world.snapshot.jobs[0].dead_waiting += 42;
    stage.later(1_000);
    stage.publish();
    assert!(stage.shows("42 new since you opened this list"), "{}", stage.text());
    assert!(stage.shows("+37") && !stage.shows("something new"));
    stage.press(".");
    assert!(stage.shows("something new") && !stage.shows("+37"));
}

#[test]
fn new_records_of_a_cause_do_not_move_the_list() {
    let mut stage = stage();
    stage.press("2 enter j");
    let before = stage.app.letters.selected_id();
    stage.world.ids = (1..=1_079).rev().map(DeadLetterId).collect();
    stage.world.snapshot.jobs[0].dead_waiting += 37;
    stage.later(1_000);
    stage.publish();
    assert!(stage.shows("37 new since you opened this list"), "{}", stage.text());
    assert!(stage.shows("2 of 1,042"));
    stage.press(".");
    assert_eq!(stage.app.letters.selected_id(), before, "the same record stays selected");
    assert!(stage.shows("39 of 1,079"));
}

#[test]
fn brackets_walk_through_the_records_and_v_through_the_views() {
    let mut stage = stage();
    stage.press("2 enter enter ] ]");
    assert!(stage.shows("cus_001040   3 of 1,042"), "{}", stage.text());
    stage.press("[ v");
    assert!(stage.shows("cus_001041") && stage.shows("\"balance\": 12345678901234567890.10"));
    stage.press("v =");
    assert!(stage.shows("7 of 9 fields"));
}

#[test]
fn redacted_values_are_hidden_until_they_are_revealed() {
    let mut stage = stage();
    stage.press("2 enter");
    assert!(!stage.shows("1234-5678") && !stage.shows("+4930"), "{}", stage.text());
    stage.press("v");
    assert!(!stage.shows("1234-5678"));
    stage.press("i");
    assert!(stage.shows("(030) 1234-5678"));
    stage.press("v");
    assert!(stage.shows("+4930") && stage.shows("(030) 1234-5678\"}"));
}

#[test]
fn an_answer_to_an_old_question_is_dropped() {
    let mut stage = stage();
    stage.is_silent = true;
    let effects = update(&mut stage.app, NOW, Msg::Key(crate::stage::key_event("2")));
    let old = effects.into_iter().find_map(|effect| match effect {
        Effect::Ask { generation, .. } => Some(generation),
        _ => None,
    });
    stage.press("1 2");
    let groups = vec![group(7, "old_job", None, None, "an old answer", 1)];
    let result = Ok(Answer::Groups(groups));
    stage.send(Msg::Answered { generation: old.expect("groups were asked for"), result });
    assert!(!stage.shows("an old answer"));
    assert!(stage.shows("asking the engine…"));
}

#[test]
fn logs_are_followed_until_somebody_scrolls_and_again_after_the_end_key() {
    let mut stage = stage();
    stage.press("7");
    stage.world.logs.push(crate::stage::notice(41, Level::Info, "engine", "line forty-one"));
    stage.world.snapshot.notices = 41;
    stage.later(1_000);
    stage.publish();
    assert!(stage.shows("line forty-one"));
    stage.press("k");
    stage.world.logs.push(crate::stage::notice(42, Level::Info, "engine", "line forty-two"));
    stage.world.snapshot.notices = 42;
    stage.later(1_000);
    stage.publish();
    assert!(!stage.shows("line forty-two") && stage.shows("not following: 1 notice since"), "{}", stage.text());
    stage.press("G");
    assert!(stage.shows("line forty-two"));
}

#[test]
fn levels_go_down_to_debug_and_up_to_errors() {
    let mut stage = stage();
    stage.press("7 +");
    assert!(stage.shows("budget from headers"));
    stage.press("- - -");
    assert!(stage.shows("level ≥ error") && !stage.shows("dead-lettered"));
    stage.press("-");
    assert!(stage.shows("only errors are shown"));
}

#[test]
fn older_checkpoints_come_as_one_scrolls_to_the_end() {
    let mut stage = stage();
    stage.press("4 G");
    let older = Request::Checkpoints {
        job: "tickets_to_wh".into(),
        terms: Vec::new(),
        before: Some(Sequence(1_667)),
        limit: 200,
    };
    assert!(stage.asked.contains(&older), "{:?}", stage.last_asked());
    assert!(stage.shows("400 and older"));
}

#[test]
fn g_keys_lead_from_a_job_to_what_belongs_to_it() {
    let mut stage = stage();
    stage.press("j g d");
    assert!(stage.shows("/ job:customers_to_crm"));
    stage.press("1 g c");
    assert!(stage.shows("Checkpoints › customers_to_crm"));
    stage.press("g l");
    assert!(stage.shows("& job:customers_to_crm"));
    stage.press("4 g j");
    assert!(stage.shows("Jobs › customers_to_crm"), "{}", stage.text());
}

#[test]
fn a_prefix_shows_what_can_follow_and_escape_ends_it() {
    let mut stage = stage();
    stage.press("g");
    stage.later(400);
    assert!(stage.shows("g…") && stage.shows("c   goes to the checkpoints of the job"), "{}", stage.text());
    stage.press("esc 2");
    assert!(stage.shows("Dead letters by cause"));
}

#[test]
fn a_key_that_does_nothing_says_where_it_would() {
    let mut stage = stage();
    stage.press("x");
    assert!(stage.shows("x discards dead letters with a reason in Dead letters; you are in Jobs"));
    stage.press("9");
    assert!(stage.shows("9 is not a screen here"));
    stage.press("Z");
    assert!(stage.shows("Z does nothing here; ? shows the keys"));
}

#[test]
fn q_leaves_at_once_when_nothing_runs_and_asks_when_something_does() {
    let mut quiet = world();
    for job in &mut quiet.snapshot.jobs {
        job.run = None;
        job.state = JobState::Idle;
    }
    let mut stage = Stage::new(quiet, 80, 24);
    stage.press("q");
    assert_eq!(stage.left, Some(Left::Quit));
    let mut stage = Stage::new(world(), 80, 24);
    stage.press("q");
    assert_eq!(stage.left, None);
    assert!(stage.shows("Quit? 2 jobs run in this program"));
    stage.press("esc q s");
    assert_eq!(stage.left, Some(Left::Quit));
    let mut stage = Stage::new(world(), 80, 24);
    stage.press("q b");
    assert_eq!(stage.left, Some(Left::Background));
}

#[test]
fn a_second_interrupt_within_three_seconds_leaves_at_once() {
    let mut stage = stage();
    stage.press("ctrl-c");
    assert_eq!(stage.left, None);
    stage.press("ctrl-c");
    assert_eq!(stage.left, Some(Left::QuitNow));
}

#[test]
fn an_interrupt_in_a_text_field_is_no_letter() {
    let mut stage = stage();
    stage.press("/ ctrl-c");
    assert!(stage.shows("Quit?"));
}

#[test]
fn pasted_text_goes_into_text_fields_and_never_counts_as_keys() {
    let mut stage = stage();
    stage.send(Msg::Paste("q".to_owned()));
    assert_eq!(stage.left, None);
    assert!(stage.shows("pasted text goes into text fields only"));
    stage.press("/");
    stage.send(Msg::Paste("orders\n".to_owned()));
    assert!(stage.shows("1 of 6"));
}

#[test]
fn the_order_of_jobs_stands_still_once_somebody_moved() {
    let mut stage = stage();
    stage.press("j");
    let customers = |stage: &Stage| stage.text().lines().position(|line| line.contains("customers_to_crm"));
    let before = customers(&stage);
    stage.world.snapshot.jobs[5].state = JobState::NeedsAttention { why: "gone".to_owned(), hint: None, since: ago(1) };
    stage.publish();
    assert_eq!(customers(&stage), before);
    assert!(stage.shows("sort: state ↑, . sorts again"));
    stage.press(".");
    assert_ne!(customers(&stage), before);
}

#[test]
fn a_screen_that_is_too_small_still_lets_one_leave() {
    let mut stage = Stage::new(world(), 40, 10);
    stage.press("q");
    assert_eq!(stage.left, None);
    assert!(stage.shows("again stops the jobs and quits"));
    stage.press("q");
    assert_eq!(stage.left, Some(Left::Quit));
}

#[test]
fn nothing_is_asked_and_nothing_falls_due_while_nothing_changes() {
    let mut stage = stage();
    stage.press("2 enter");
    stage.later(60_000);
    let n = stage.asked.len();
    assert_eq!(stage.app.deadline(), None);
    stage.publish();
    assert_eq!(stage.asked.len(), n, "{:?}", stage.last_asked());
}

#[test]
fn a_message_leaves_after_four_seconds_and_a_failure_stays_until_escape() {
    let mut stage = stage();
    stage.press("n");
    assert_eq!(stage.app.deadline(), Some(NOW.plus(Duration::from_secs(4))));
    stage.later(4_000);
    assert!(!stage.shows("runs now"));
    stage.world.refusal = Some(syncdeck::control::Refusal { message: "no such job".to_owned(), hint: None });
    stage.press("n");
    stage.later(60_000);
    assert!(stage.shows("✗ no such job"));
    stage.press("esc");
    assert!(!stage.shows("✗ no such job"));
    stage.press("`");
    assert!(stage.shows("no such job"), "it is still in the list of messages");
}

#[test]
fn a_snapshot_without_a_time_is_not_taken_for_an_empty_workspace() {
    let mut stage = stage();
    stage.send(Msg::Snapshot(Arc::new(Snapshot::default())));
    assert!(stage.shows("customers_to_crm"));
}
