use super::*;
use crate::model::{
    Actor, Checkpoint, Counts, DeadMark, Fingerprint, GroupId, LinkEvent, MatchedBy, Phase, Position, PositionRules,
    Progress, RawJson, Reason, ReasonClass, RecoveredFaults, ResumeRules, RunId, RungMark, Sequence, Tenor,
    VersionKind, Via, Watermark,
};
use crate::model::{Asked, Attempt, DeadLetterId};

const NOW: Timestamp = Timestamp(1_772_461_927_000);

fn version(minute: u32) -> Version {
    Version::read(&format!("2026-03-02T09:{minute:02}:00Z"), &VersionKind::Auto).expect("a time")
}

fn checkpoint(minute: u32, complete: bool) -> Checkpoint {
    let mark = Watermark { version: version(minute), id: "m".into() };
    let position = Position {
        phase: Phase::Incremental,
        watermark: Some(mark.clone()),
        highest: Some(mark),
        complete,
        pages: 1,
        began: Some(NOW),
        ..Position::default()
    };
    Checkpoint {
        sequence: Sequence(3),
        position,
        run: RunId(7),
        saved_at: NOW,
        page: Counts::default(),
        total: Counts::default(),
        moved_by: None,
        moved: None,
    }
}

fn job(state: JobState) -> JobStatus {
    JobStatus {
        id: "customers".into(),
        description: None,
        source: "shop".into(),
        destination: "crm".into(),
        schedule: "every 5m".to_owned(),
        state,
        phase: Phase::Incremental,
        run: None,
        total: Counts::default(),
        rate: 0.0,
        history: Vec::new(),
        progress: Progress::default(),
        checkpoint: Some(checkpoint(30, true)),
        resume: ResumeRules::default(),
        in_flight: 0,
        dead_waiting: 0,
        dead_retrying: 0,
        withheld: None,
        due: Some(NOW.plus(Duration::from_secs(60))),
        limited_by: None,
        events: Vec::new(),
        recovered: RecoveredFaults::default(),
        last_runs: Vec::new(),
        webhook: None,
    }
}

fn nothing() -> Evidence {
    Evidence {
        now: NOW,
        record: "x".into(),
        matched_by: MatchedBy::SourceId,
        job: job(JobState::Idle),
        rules: PositionRules { incremental: true, overlap: Duration::from_secs(60), ..PositionRules::default() },
        start: None,
        filter: None,
        refused: None,
        can_ask_source: true,
        can_ask_destination: true,
        in_doubt_since: None,
        is_in_flight: false,
        event: None,
        held: None,
        link: None,
        letters: Vec::new(),
        group_waiting: None,
        asked: None,
        fields: Vec::new(),
    }
}

fn at_source(minute: u32, is_as_written: Option<bool>) -> FoundAtSource {
    FoundAtSource {
        version: Some(version(minute)),
        is_deleted: false,
        refused: None,
        accepted: Ok(true),
        is_as_written,
    }
}

fn asked(found: FoundAtSource, destination: DestinationNow) -> Option<Asked> {
    Some(Asked { source: SourceNow::Found(found), destination })
}

fn written() -> Option<Link> {
    let event = LinkEvent { at: NOW, run: RunId(5), outcome: Outcome::Created };
    Some(Link {
        written: Some(Fingerprint(1)),
        writes: 1,
        version: Some(version(10)),
        history: vec![event],
        ..Link::default()
    })
}

fn letter(state: LetterState, minute: u32) -> DeadLetter {
    let attempt = Attempt { at: NOW, run: RunId(5), status: Some(422), took_ms: 3, message: "taken".to_owned() };
    DeadLetter {
        id: DeadLetterId(9),
        job: "customers".into(),
        group: GroupId(1),
        record: "x".into(),
        destination_id: None,
        version: Some(version(minute)),
        deleted: false,
        source: RawJson::from_trusted("{}".to_owned()),
        sent: None,
        reason: Reason {
            class: ReasonClass::Rejected,
            status: Some(422),
            field: None,
            message: "taken".to_owned(),
            answer: None,
        },
        idempotency_key: None,
        first_at: NOW,
        last_at: NOW,
        attempts: vec![attempt],
        state,
    }
}

fn verdict(evidence: Evidence) -> Verdict {
    ladder(evidence).verdict
}

#[test]
fn nothing_known_of_a_record_whose_job_does_what_it_should_is_unknown() {
    assert_eq!(verdict(nothing()), Verdict::Unknown { can_ask: true });
    assert_eq!(verdict(Evidence { can_ask_source: false, ..nothing() }), Verdict::Unknown { can_ask: false });
}

#[test]
fn what_holds_the_job_back_holds_the_record_back() {
    let by = Actor::person("ada", Via::Console);
    let of = |state: JobState| verdict(Evidence { job: job(state), ..nothing() });
    let paused = of(JobState::Paused { by, since: NOW, reason: None });
    assert!(matches!(paused, Verdict::NotYetRead { why: Unread::Paused { .. }, there: There::Never, .. }));
    let attention = of(JobState::NeedsAttention { why: "401".to_owned(), hint: None, since: NOW });
    assert!(matches!(attention, Verdict::NotYetRead { why: Unread::NeedsAttention { .. }, .. }));
    assert!(matches!(of(JobState::Disabled), Verdict::NotYetRead { why: Unread::Disabled, .. }));
    let waiting = of(JobState::Waiting { what: "crm is down".to_owned(), since: NOW, until: None });
    assert!(matches!(waiting, Verdict::Waiting { .. }));
    let mut never = job(JobState::Idle);
    never.checkpoint = None;
    let never = verdict(Evidence { job: never, ..nothing() });
    assert!(matches!(never, Verdict::NotYetRead { why: Unread::NeverRun, .. }));
    let mut listing = job(JobState::Running);
    listing.checkpoint = Some(checkpoint(30, false));
    let listing = verdict(Evidence { job: listing, ..nothing() });
    assert!(matches!(listing, Verdict::NotYetRead { why: Unread::Listing { .. }, .. }));
}

#[test]
fn a_change_ahead_of_the_watermark_comes_and_one_behind_it_was_missed() {
    let of = |minute| verdict(Evidence { asked: asked(at_source(minute, None), DestinationNow::Gone), ..nothing() });
    assert!(matches!(of(40), Verdict::NotYetRead { why: Unread::Due { .. }, there: There::No, .. }));
    assert!(matches!(of(20), Verdict::Missed { is_incremental: true, there: There::No, .. }));
    // The overlap is read again.
    assert!(matches!(of(30), Verdict::NotYetRead { .. }));
    let mut manual = job(JobState::Idle);
    manual.due = None;
    let asked = asked(at_source(40, None), DestinationNow::Gone);
    let manual = verdict(Evidence { job: manual, asked, ..nothing() });
    assert!(matches!(manual, Verdict::NotYetRead { why: Unread::Manual, .. }));
}

#[test]
fn a_sorted_listing_that_has_passed_a_record_by_has_missed_it() {
    let rules =
        PositionRules { sorted: true, incremental: true, overlap: Duration::from_secs(60), ..PositionRules::default() };
    let of = |minute| {
        let mut running = job(JobState::Running);
        running.checkpoint = Some(checkpoint(30, false));
        let asked = asked(at_source(minute, None), DestinationNow::Gone);
        verdict(Evidence { job: running, rules, asked, ..nothing() })
    };
    assert!(matches!(of(29), Verdict::Missed { .. }));
    assert!(matches!(of(31), Verdict::NotYetRead { why: Unread::Listing { .. }, .. }));
}

#[test]
fn where_everything_is_listed_each_time_only_an_old_record_was_missed() {
    let rules = PositionRules::default();
    let of = |found: FoundAtSource| verdict(Evidence { rules, asked: asked(found, DestinationNow::Gone), ..nothing() });
    assert!(matches!(of(at_source(30, None)), Verdict::Missed { is_incremental: false, .. }));
    let mut recent = at_source(30, None);
    recent.version = Some(Version::read("2026-03-02T14:31:00Z", &VersionKind::Auto).expect("a time"));
    assert!(matches!(of(recent), Verdict::NotYetRead { why: Unread::Due { .. }, .. }));
}

#[test]
fn the_source_alone_explains_what_is_not_there_deleted_too_old_or_filtered() {
    let gone = Some(Asked { source: SourceNow::Gone, destination: DestinationNow::Gone });
    assert_eq!(verdict(Evidence { asked: gone, ..nothing() }), Verdict::NotAtSource { there: There::No });
    let found = DestinationNow::Found { differs: Vec::new() };
    let gone = Some(Asked { source: SourceNow::Gone, destination: found });
    let other = verdict(Evidence { asked: gone.clone(), ..nothing() });
    assert_eq!(other, Verdict::NotAtSource { there: There::Other });
    let kept = ladder(Evidence { asked: gone, link: written(), ..nothing() });
    assert_eq!((kept.verdict, kept.tenor), (Verdict::NotAtSource { there: There::Older }, Tenor::NeedsPerson));
    let deleted = FoundAtSource { is_deleted: true, ..at_source(40, None) };
    let deleted = verdict(Evidence { asked: asked(deleted, DestinationNow::Gone), ..nothing() });
    assert_eq!(deleted, Verdict::DeletedAtSource { deleted: None });
    let old = asked(at_source(10, None), DestinationNow::Gone);
    let old = verdict(Evidence { asked: old, start: Some(version(20)), ..nothing() });
    assert!(matches!(old, Verdict::BeforeStart { .. }));
    let refused = FoundAtSource { accepted: Ok(false), ..at_source(40, None) };
    let refused =
        Evidence { asked: asked(refused, DestinationNow::Gone), filter: Some("record.vip".to_owned()), ..nothing() };
    assert_eq!(verdict(refused), Verdict::Filtered { rule: "record.vip".to_owned(), there: There::No, read: None });
}

#[test]
fn what_was_written_is_told_as_far_as_it_is_known() {
    assert!(matches!(verdict(Evidence { link: written(), ..nothing() }), Verdict::Written { .. }));
    let now = |found: FoundAtSource, there| Evidence { link: written(), asked: asked(found, there), ..nothing() };
    let same = || at_source(10, Some(true));
    let found =
        |differs: &[&str]| DestinationNow::Found { differs: differs.iter().map(|name| (*name).to_owned()).collect() };
    assert!(matches!(verdict(now(same(), found(&[]))), Verdict::Unchanged { .. }));
    assert!(matches!(verdict(now(same(), DestinationNow::NotAsked)), Verdict::Unchanged { .. }));
    assert!(matches!(verdict(now(same(), DestinationNow::Gone)), Verdict::GoneThere { .. }));
    let changed = verdict(now(same(), found(&["email"])));
    assert!(matches!(changed, Verdict::ChangedThere { fields, .. } if fields == ["email"]));
    let newer = verdict(now(at_source(40, Some(false)), found(&["email"])));
    assert!(matches!(newer, Verdict::NotYetRead { there: There::Older, .. }));
    let tombstone = written().map(|link| Link { tombstone: true, ..link });
    let deleted = verdict(Evidence { link: tombstone, ..nothing() });
    assert!(matches!(deleted, Verdict::DeletedAtSource { deleted: Some(_) }));
}

#[test]
fn a_dead_letter_is_told_until_the_source_has_something_newer() {
    let mark = DeadMark { letter: DeadLetterId(9), content: Fingerprint(3), attempts: 1 };
    let link = Some(Link { dead: Some(mark), ..Link::default() });
    let of = |state: LetterState, asked| {
        let letters = vec![letter(state, 30)];
        ladder(Evidence { link: link.clone(), letters, asked, group_waiting: Some(1_042), ..nothing() })
    };
    let why = of(LetterState::Waiting, None);
    assert!(matches!(&why.verdict, Verdict::DeadLetter(facts) if facts.stage == LetterStage::Waiting));
    assert!(why.outlook.contains("one of 1,042 of this cause"), "{}", why.outlook);
    assert_eq!(why.letter, Some((DeadLetterId(9), GroupId(1))));
    let by = Actor::person("ada", Via::Console);
    let retrying = of(LetterState::Retrying { since: NOW, by: by.clone() }, None);
    assert_eq!(retrying.tenor, Tenor::Coming);
    let discarded = of(LetterState::Discarded { at: NOW, by, reason: "test".to_owned() }, None);
    assert_eq!(discarded.tenor, Tenor::RightlyNot);
    assert!(discarded.sentence.contains("ada discarded it at 14:32:07Z (“test”)"), "{}", discarded.sentence);
    let same = of(LetterState::Waiting, asked(at_source(30, None), DestinationNow::Gone));
    assert!(matches!(same.verdict, Verdict::DeadLetter(_)));
    let newer = of(LetterState::Waiting, asked(at_source(40, None), DestinationNow::Gone));
    assert!(matches!(newer.verdict, Verdict::NotYetRead { .. }));
}

#[test]
fn a_doubt_counts_until_the_destination_says_that_nothing_is_there() {
    let doubted = |there| Evidence {
        in_doubt_since: Some(NOW.minus(Duration::from_secs(60))),
        asked: asked(at_source(40, None), there),
        ..nothing()
    };
    assert!(matches!(verdict(doubted(DestinationNow::NotAsked)), Verdict::OutcomeUnknown { .. }));
    assert!(matches!(verdict(doubted(DestinationNow::Gone)), Verdict::NotYetRead { .. }));
    let unseen = Some(Link { writes: 1, ..Link::default() });
    assert!(matches!(verdict(Evidence { link: unseen, ..nothing() }), Verdict::OutcomeUnknown { since: None, .. }));
}

#[test]
fn what_is_on_a_page_is_in_flight_whatever_else_is_known() {
    let evidence = Evidence { is_in_flight: true, link: written(), ..nothing() };
    assert!(matches!(verdict(evidence), Verdict::InFlight { run: None }));
}

#[test]
fn every_answer_has_all_rungs_and_says_what_is_not_the_reason() {
    let why = ladder(nothing());
    let names: Vec<&str> = why.rungs.iter().map(|rung| rung.name.as_str()).collect();
    assert_eq!(names, ["in source", "in scope", "seen", "changed", "transformed", "written", "destination"]);
    assert!(why.rungs.iter().all(|rung| !rung.is_live && !rung.text.is_empty()));
    assert!(why.not_the_reason.contains(&"paused job".to_owned()));
    let live = ladder(Evidence { asked: asked(at_source(40, None), DestinationNow::Gone), ..nothing() });
    assert_eq!((live.rungs[0].mark, live.rungs[0].is_live), (RungMark::Yes, true));
    let text = live.plain(NOW);
    assert!(text.contains("1 ✓ in source: shop has it, version 2026-03-02T09:40:00Z (asked now)"), "{text}");
}

#[test]
fn the_command_of_a_mend_takes_any_id() {
    let mut evidence = nothing();
    evidence.record = "it's; rm -rf \"x\"".into();
    let why = ladder(evidence);
    let command = why.mends[0].command.as_deref();
    assert_eq!(command, Some(r#"syncdeck why customers 'it'\''s; rm -rf "x"' --live"#));
}
