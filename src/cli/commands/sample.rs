//! Values for the tests of the commands: plain ones, and ones that attack the terminal.

use crate::control::{FieldLine, FieldMark, LetterView};
use crate::model::*;
use std::time::Duration;

/// Text as a hostile system would send it: an escape, a line end, C1, a bidi override, a formula's beginning.
pub const HOSTILE: &str = "=\x1b[2J\r\nx\u{9b}31m\u{202e}\u{200b}\x07\x7f";

/// Fails when `printed` holds anything but visible text and line ends.
pub fn assert_harmless(printed: &str) {
    let bad = printed.chars().find(|scalar| *scalar != '\n' && is_hidden(*scalar));
    assert_eq!(bad, None, "{printed:?}");
    assert!(!printed.contains("\nx"), "a foreign line end broke a line: {printed:?}");
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(1_767_225_600_000 + seconds * 1_000)
}

pub fn counts() -> Counts {
    let reasons = SkipCounts { unchanged: 4, stale: 1, ..SkipCounts::default() };
    Counts {
        scanned: 1_000,
        created: 400,
        updated: 590,
        deleted: 3,
        skipped: 5,
        held: 0,
        errored: 2,
        retried: 31,
        reasons,
    }
}

pub fn checkpoint(text: &str) -> Checkpoint {
    let version = Version::read("2026-01-01T00:00:00Z", &VersionKind::Auto).expect("a time");
    Checkpoint {
        sequence: Sequence(42),
        position: Position {
            cursor: Some(Cursor(text.to_owned())),
            watermark: Some(Watermark { version, id: RecordId::from(text) }),
            ..Position::default()
        },
        run: RunId(7),
        saved_at: at(60),
        page: counts(),
        total: counts(),
        moved_by: None,
        moved: None,
    }
}

pub fn resume_rules() -> ResumeRules {
    let overlap = Duration::from_secs(60);
    let position = PositionRules { sorted: true, incremental: true, overlap, ..PositionRules::default() };
    ResumeRules { version: Some("updated_at".to_owned()), id: "id".to_owned(), position, start: None }
}

pub fn snapshot(job: &str, text: &str) -> Snapshot {
    let running = JobStatus {
        id: JobId::from(job),
        description: Some(text.to_owned()),
        source: ConnectionId::from("shop"),
        destination: ConnectionId::from("crm"),
        schedule: "every 5m".to_owned(),
        state: JobState::Running,
        phase: Phase::Incremental,
        run: Some(RunStatus {
            id: RunId(7),
            kind: RunKind::Sync,
            by: Actor::engine(),
            started_at: at(58),
            counts: counts(),
            pages: 3,
            page_size: 500,
        }),
        total: counts(),
        rate: 523.04,
        history: Vec::new(),
        progress: Progress { done: 1_000, total: Some(4_000), eta_seconds: Some(61) },
        checkpoint: Some(checkpoint(text)),
        resume: resume_rules(),
        in_flight: 500,
        dead_waiting: 1_241,
        dead_retrying: 0,
        withheld: None,
        due: None,
        limited_by: Some(text.to_owned()),
        events: Vec::new(),
        recovered: RecoveredFaults::default(),
        last_runs: Vec::new(),
        webhook: None,
    };
    let paused = JobStatus {
        id: JobId::from("orders"),
        state: JobState::Paused { by: Actor::person(text, Via::Command), since: at(0), reason: Some(text.to_owned()) },
        run: None,
        checkpoint: None,
        dead_waiting: 0,
        due: Some(at(300)),
        progress: Progress::default(),
        ..running.clone()
    };
    Snapshot {
        at: at(61),
        engine: EngineInfo {
            workspace: "acme-production".to_owned(),
            version: "0.1.0".to_owned(),
            pid: 4_121,
            started_at: at(0),
            is_running: true,
            is_demo: false,
            state_folder: "state".to_owned(),
            log_folder: "state/logs".to_owned(),
            store_error: None,
            config_changed_at: None,
            redact: Vec::new(),
        },
        jobs: vec![running, paused],
        connections: vec![ConnectionStatus {
            id: ConnectionId::from("crm"),
            lowered: None,
            insecure_tls: false,
            sign_in: Vec::new(),
            held: Some(Hold { by: Actor::person(text, Via::Command), since: at(1), reason: Some(text.to_owned()) }),
            is_trying: false,
            last_open: Some(LastOpen { since: at(1), until: at(9), why: text.to_owned() }),
            history: vec![CallBucket {
                answers: AnswerCounts { ok: 9, throttled: 2, ..AnswerCounts::default() },
                latency_p95: Some(31),
            }],
            users: vec![JobCalls { job: JobId::from(job), calls: 11 }],
            last_throttled: Some(LastThrottled { at: at(2), retry_after_ms: Some(12_000) }),
            tested: None,
            token: Some(TokenStatus {
                since: Some(at(1)),
                expires_at: Some(at(3_601)),
                problem: Some(text.to_owned()),
            }),
            quota: Some(QuotaStatus {
                used: 212_004,
                limit: 500_000,
                per: Duration::from_secs(86_400),
                resets_at: at(40_000),
            }),
            circuit: Circuit::Open { since: at(1), next: at(99), why: text.to_owned() },
            in_flight: 0,
            ceiling: 8,
            queued: 3,
            budget: None,
            latency_p50: Some(12),
            latency_p95: None,
            answers: AnswerCounts::default(),
            throttled_until: None,
        }],
        findings: vec![Finding {
            kind: FindingKind::DeadLetters,
            level: Level::Warn,
            text: format!("1,241 dead letters of `{job}`: {text}"),
            hint: "run `syncdeck dead groups`".to_owned(),
            target: FindingTarget::Group(JobId::from(job), GroupId(0xa1)),
        }],
        ..Snapshot::default()
    }
}

pub fn reason(text: &str) -> Reason {
    Reason {
        class: ReasonClass::Rejected,
        status: Some(422),
        field: Some(text.to_owned()),
        message: text.to_owned(),
        answer: Some(format!("{{\"error\":\"{text}\"}}")),
    }
}

pub fn group(text: &str) -> LetterGroup {
    LetterGroup {
        id: GroupId(0xa1),
        job: JobId::from(text),
        reason: reason(text),
        waiting: 1_241,
        retrying: 0,
        discarded: 3,
        recovered: 12,
        first_at: at(0),
        last_at: at(60),
    }
}

pub fn row(id: u64, text: &str) -> LetterRow {
    LetterRow {
        id: DeadLetterId(id),
        job: JobId::from("customers"),
        group: GroupId(0xa1),
        record: RecordId::from(text),
        title: format!("422 {text}"),
        field: Some(text.to_owned()),
        attempts: 2,
        last_at: at(60),
        state: LetterState::Waiting,
    }
}

pub fn letter(id: u64, text: &str) -> LetterView {
    let value = serde_json::Value::from(text);
    // As a careless source writes it: line ends between the members, more digits than a double holds.
    let source = format!("{{\n  \"email\": {value},\r\n\t\"n\": 12345678901234567890\n}}");
    let letter = DeadLetter {
        id: DeadLetterId(id),
        job: JobId::from("customers"),
        group: GroupId(0xa1),
        record: RecordId::from(text),
        destination_id: None,
        version: Some(Version::Integer(7)),
        deleted: false,
        source: RawJson::parse(source).expect("JSON"),
        sent: Some(RawJson::from_value(&serde_json::json!({ "email": text }))),
        reason: reason(text),
        idempotency_key: Some("k1".to_owned()),
        first_at: at(0),
        last_at: at(60),
        attempts: vec![Attempt { at: at(60), run: RunId(7), status: Some(422), took_ms: 31, message: text.to_owned() }],
        state: LetterState::Discarded { at: at(70), by: Actor::person("ana", Via::Command), reason: text.to_owned() },
    };
    let field = FieldLine {
        field: "email".to_owned(),
        source: Some(text.to_owned()),
        sent: Some(text.to_owned()),
        mark: FieldMark::Rejected,
        why: Some(text.to_owned()),
    };
    LetterView {
        letter,
        source_connection: "shop".to_owned(),
        destination_connection: "crm".to_owned(),
        fields: vec![field],
        corrections: Vec::new(),
        offered: None,
    }
}

/// The fields of a letter that can be corrected: an id, a text, a number, another text.
pub fn form(text: &str) -> EditForm {
    let field = |name: &str, value: RawJson| EditField {
        field: name.to_owned(),
        source: Some(value.clone()),
        original: Some(value.clone()),
        value: Some(value),
        problem: None,
        locked: None,
        takes: ValueKind::Text,
    };
    let text = RawJson::from_value(&serde_json::Value::from(text));
    let id = EditField {
        locked: Some("it is the record's id".to_owned()),
        ..field("id", RawJson::from_value(&serde_json::json!("c1")))
    };
    EditForm {
        letter: DeadLetterId(7),
        job: JobId::from("customers"),
        record: RecordId::from("c1"),
        source_connection: "shop".to_owned(),
        destination_connection: "crm".to_owned(),
        content: "00".to_owned(),
        fields: vec![
            id,
            field("email", text.clone()),
            field("n", RawJson::from_trusted("12345678901234567890".to_owned())),
            field("note", text),
        ],
        correction: None,
        offered: None,
        offered_changes: Vec::new(),
    }
}
