//! The rules as values: what is true, and the sentence that a person reads.

use super::*;
use crate::model::*;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_772_461_927_000);

fn ago(seconds: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(seconds))
}

fn ops() -> Actor {
    Actor::person("ops", Via::Console)
}

fn job(state: JobState) -> JobStatus {
    JobStatus {
        id: JobId::from("customers"),
        description: None,
        source: ConnectionId::from("shop"),
        destination: ConnectionId::from("crm"),
        schedule: "every 5m".to_owned(),
        state,
        phase: Phase::Incremental,
        run: None,
        total: Counts::default(),
        rate: 0.0,
        history: Vec::new(),
        progress: Progress::default(),
        checkpoint: None,
        resume: crate::model::ResumeRules::default(),
        in_flight: 0,
        dead_waiting: 0,
        dead_retrying: 0,
        withheld: None,
        due: None,
        limited_by: None,
        events: Vec::new(),
        recovered: RecoveredFaults::default(),
        last_runs: Vec::new(),
        webhook: None,
    }
}

fn crm() -> ConnectionStatus {
    ConnectionStatus {
        id: ConnectionId::from("crm"),
        lowered: None,
        insecure_tls: false,
        sign_in: Vec::new(),
        held: None,
        circuit: Circuit::Closed,
        is_trying: false,
        last_open: None,
        in_flight: 0,
        ceiling: 4,
        queued: 0,
        budget: None,
        latency_p50: None,
        latency_p95: None,
        answers: AnswerCounts::default(),
        history: Vec::new(),
        users: Vec::new(),
        throttled_until: None,
        last_throttled: None,
        tested: None,
        token: None,
        quota: None,
    }
}

fn facts(status: &JobStatus) -> JobFacts<'_> {
    JobFacts {
        status,
        fresh: FreshCount::default(),
        newest_group: None,
        last_counts: None,
        is_attended: true,
        altered: Vec::new(),
        shape_changed: None,
        is_in_row: false,
    }
}

/// The one finding over one job and one connection: its kind, its level and its sentence.
fn only(job: JobFacts<'_>, connection: ConnectionStatus) -> Option<(FindingKind, Level, String)> {
    let found = findings(&EngineInfo::default(), &[job], &[connection], NOW);
    assert!(found.len() <= 1, "{found:?}");
    found.into_iter().next().map(|finding| (finding.kind, finding.level, finding.text))
}

fn of_job(job: JobFacts<'_>) -> Option<(FindingKind, Level, String)> {
    only(job, crm())
}

fn of_connection(connection: ConnectionStatus) -> Option<(FindingKind, Level, String)> {
    only(facts(&job(JobState::Idle)), connection)
}

fn told(kind: FindingKind, level: Level, text: &str) -> Option<(FindingKind, Level, String)> {
    Some((kind, level, text.to_owned()))
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(of_job(facts(&job(JobState::Idle))), None);
    assert_eq!(of_job(facts(&job(JobState::Running))), None);
}

#[test]
fn a_parked_job_is_the_worst() {
    let parked = job(JobState::NeedsAttention { why: "crm answered 401".to_owned(), hint: None, since: ago(60) });
    let text = "customers stopped: crm answered 401";
    assert_eq!(of_job(facts(&parked)), told(FindingKind::NeedsAttention, Level::Error, text));
    let mut connection = crm();
    connection.held = Some(Hold { by: ops(), since: ago(60), reason: None });
    let found = findings(&EngineInfo::default(), &[facts(&parked)], &[connection], NOW);
    assert_eq!(
        found.iter().map(|finding| finding.kind).collect::<Vec<_>>(),
        [FindingKind::NeedsAttention, FindingKind::Held]
    );
}

// Row 119 of the fault matrix.
#[test]
fn a_new_shape_of_the_source_is_a_finding_for_a_day() {
    let job = job(JobState::Idle);
    let changed = |at| Some(ShapeChange { at, text: "`fax` is gone (in 50 records looked at)".to_owned() });
    let text = "customers: the records of shop look otherwise since 1 m 0 s: `fax` is gone (in 50 records looked at)";
    let found = of_job(JobFacts { shape_changed: changed(ago(60)), ..facts(&job) });
    assert_eq!(found, told(FindingKind::SourceChanged, Level::Warn, text));
    assert_eq!(of_job(JobFacts { shape_changed: changed(ago(24 * 60 * 60)), ..facts(&job) }), None);
}

#[test]
fn a_pause_is_told_at_once_and_weighs_more_when_it_is_long() {
    let paused = |since| job(JobState::Paused { by: ops(), since, reason: Some("quarter end".to_owned()) });
    let text = "customers paused 1 m 30 s ago by ops “quarter end”";
    assert_eq!(of_job(facts(&paused(ago(90)))), told(FindingKind::Paused, Level::Info, text));
    let text = "customers paused 4 h 1 m ago by ops “quarter end”";
    assert_eq!(of_job(facts(&paused(ago(14_460)))), told(FindingKind::PausedLong, Level::Warn, text));
}

#[test]
fn new_dead_letters_are_told_with_the_number_of_their_causes() {
    let mut status = job(JobState::Idle);
    status.dead_waiting = 1_167;
    let old = told(FindingKind::OldLetters, Level::Info, "customers: 1,167 dead letters wait");
    assert_eq!(of_job(facts(&status)), old);
    let fresh = FreshCount { letters: 37, causes: 1, group: Some(GroupId(7)) };
    let text = "customers: 37 new dead letters in 10 min, 1 cause; 1,167 wait in all";
    assert_eq!(of_job(JobFacts { fresh, ..facts(&status) }), told(FindingKind::DeadLetters, Level::Warn, text));
    status.dead_waiting = 1;
    let text = "customers: 1 new dead letter in 10 min, 1 cause";
    assert_eq!(of_job(JobFacts { fresh, ..facts(&status) }), told(FindingKind::DeadLetters, Level::Warn, text));
    status.dead_waiting = 0;
    assert_eq!(of_job(JobFacts { fresh, ..facts(&status) }), None, "somebody dealt with them");
}

#[test]
fn a_run_that_did_not_begin_was_missed_unless_nobody_attends_to_it() {
    let mut status = job(JobState::Idle);
    status.due = Some(ago(119));
    assert_eq!(of_job(facts(&status)), None);
    status.due = Some(ago(300));
    let text = "customers was due 5 m 0 s ago and has not begun";
    assert_eq!(of_job(facts(&status)), told(FindingKind::MissedSchedule, Level::Warn, text));
    assert_eq!(of_job(JobFacts { is_attended: false, ..facts(&status) }), None);
}

#[test]
fn many_errors_of_a_run_are_told_and_a_few_are_not() {
    let status = job(JobState::Idle);
    let counts = |scanned, errored| Counts { scanned, errored, skipped: scanned - errored, ..Counts::default() };
    let with = |counts, is_now| JobFacts { last_counts: Some((counts, is_now)), ..facts(&status) };
    assert_eq!(of_job(with(counts(1_000, 99), false)), None);
    assert_eq!(of_job(with(counts(49, 49), false)), None);
    let text = "customers: 23 % of this run errored (230 of 1000)";
    assert_eq!(of_job(with(counts(1_000, 230), true)), told(FindingKind::ManyErrors, Level::Warn, text));
}

#[test]
fn a_stalled_job_and_one_that_failed_by_itself_are_told() {
    let stalled = job(JobState::Stalled { stage: "write".to_owned(), since: ago(61) });
    let text = "customers has not moved for 1 m 1 s in `write`";
    assert_eq!(of_job(facts(&stalled)), told(FindingKind::Stalled, Level::Error, text));
    let failed = job(JobState::Waiting { what: "crm is down".to_owned(), since: ago(1), until: None });
    let text = "customers failed: crm is down";
    assert_eq!(of_job(facts(&failed)), told(FindingKind::Failed, Level::Warn, text));
}

#[test]
fn a_hold_names_who_and_why_and_how_many_wait() {
    let mut connection = crm();
    connection.held = Some(Hold { by: ops(), since: ago(180), reason: Some("migration".to_owned()) });
    let text = "crm held 3 m 0 s ago by ops “migration”";
    assert_eq!(of_connection(connection.clone()), told(FindingKind::Held, Level::Warn, text));
    let mut waiting = job(JobState::Running);
    waiting.run = Some(RunStatus {
        id: RunId(1),
        kind: RunKind::Sync,
        by: Actor::engine(),
        started_at: ago(9),
        counts: Counts::default(),
        pages: 0,
        page_size: 0,
    });
    let text = "crm held 3 m 0 s ago by ops “migration”; 1 job waits";
    assert_eq!(only(facts(&waiting), connection), told(FindingKind::Held, Level::Warn, text));
}

#[test]
fn a_budget_is_low_only_where_the_system_says_so_and_it_takes_time_to_come_back() {
    let with = |remaining, limit, seconds, rule: Option<&str>| {
        let mut connection = crm();
        connection.budget = Some(BudgetStatus {
            remaining,
            limit: Some(limit),
            resets_at: Some(NOW.plus(Duration::from_secs(seconds))),
            source: "headers".to_owned(),
            rule: rule.map(str::to_owned),
        });
        of_connection(connection)
    };
    let text = "crm rate budget 11 % left (11 of 100), refills in 18 s";
    assert_eq!(with(11, 100, 18, None), told(FindingKind::BudgetLow, Level::Warn, text));
    assert_eq!(with(15, 100, 18, None), None);
    assert_eq!(with(11, 100, 2, None), None);
    assert_eq!(with(0, 4, 60, None), None);
    assert_eq!(with(11, 100, 18, Some("100 calls in 60s")), None);
}

#[test]
fn an_open_circuit_and_a_store_that_can_not_be_written_are_told() {
    let mut connection = crm();
    connection.circuit = Circuit::Open { since: ago(9), next: NOW, why: "503".to_owned() };
    let text = "crm is down (503); nothing is dead-lettered for it";
    assert_eq!(of_connection(connection), told(FindingKind::CircuitOpen, Level::Warn, text));
    let engine = EngineInfo { store_error: Some("no space left".to_owned()), ..EngineInfo::default() };
    let found = findings(&engine, &[], &[], NOW);
    assert_eq!((found[0].kind, found[0].target.clone()), (FindingKind::StoreError, FindingTarget::Engine));
}
