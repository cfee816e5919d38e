//! `syncdeck connection list|test|hold|release|budget|reset`: how each system answers, and what a person does about it.
//!
//! `list --json` prints `{"connections":[{"connection","health","circuit","since","next_try","why","held":{"by","since",
//! "reason"}|null,"in_flight","ceiling","queued","budget":{"remaining","limit","resets_at","source","rule"}|null,
//! "latency_p50_ms","latency_p95_ms","answers","answers_5m","answers_15m","users":[{"job","calls"}],"throttled_until",
//! "lowered":{"requests","per_ms","by","since","reason"}|null,"last_throttled":{"at","retry_after_ms"}|null,"last_open":{"since","until","why"}|null,
//! "token":{"since","expires_at","problem"}|null,"quota":{"used","limit","per_seconds","resets_at"}|null}]}`. `health` is `ok`,
//! `not used yet`, `failing`, `slow down`, `held`, `testing` or `down`; counts are of this engine, `users` of 15 minutes.
//! `test --json` prints `{"connection","ok","status","took_ms","text","hint","at","by"}`; the exit status is 1 when it failed.

use crate::cli::commands::status::extend;
use crate::cli::questions::{Ask, order, tested};
use crate::cli::text::{Align, Style, Table, figure, plain};
use crate::cli::{Exit, Line, Output, Report};
use crate::control::{Handle, Request};
use crate::model::{
    AnswerCounts, CallBudget, Circuit, ConnectionId, ConnectionStatus, Health, Hold, LowBudget, Snapshot, Tested,
    Timestamp,
};
use serde_json::{Value, json};

pub const EXAMPLE: &str = "Example:\n  syncdeck connection list\n  syncdeck connection test crm\n  syncdeck connection hold crm --reason \"CRM migration until 14:00\"";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(clap::Subcommand, Clone, Debug, PartialEq)]
pub enum Action {
    /// Each system, worst first: budget, latency, circuit, who holds it back
    #[command(after_help = "Example:\n  syncdeck connection list --json")]
    List(List),
    /// One call that changes nothing: the first page of a job that reads from it, else its base address
    #[command(after_help = "Example:\n  syncdeck connection test crm")]
    Test(Named),
    /// Hold back all calls: the jobs on it wait, also after a restart
    #[command(after_help = "Example:\n  syncdeck connection hold crm --reason \"CRM migration until 14:00\"")]
    Hold(HoldArgs),
    /// Let the calls go again
    #[command(after_help = "Example:\n  syncdeck connection release crm")]
    Release(Named),
    /// Let it make fewer calls than it is configured for, also after a restart, until that is cleared
    #[command(
        after_help = "Example:\n  syncdeck connection budget crm --requests 60 --per 1m --reason month-end\n  syncdeck connection budget crm --clear"
    )]
    Budget(BudgetArgs),
    /// Forget that it was down: the calls that wait go at once
    #[command(after_help = "Example:\n  syncdeck connection reset crm")]
    Reset(Named),
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct List {
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Named {
    /// The connection's name, as in the configuration
    #[arg(value_name = "NAME")]
    pub connection: String,
    /// One JSON document
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct HoldArgs {
    #[command(flatten)]
    pub which: Named,
    /// Why, for those who come next; it stands on every screen and in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct BudgetArgs {
    #[command(flatten)]
    pub which: Named,
    /// The most calls in each `--per`
    #[arg(long, value_name = "N", required_unless_present = "clear", conflicts_with = "clear")]
    pub requests: Option<u32>,
    /// The span of time that they are counted over: `10s`, `1m`
    #[arg(long, value_name = "TIME", default_value = "1m")]
    pub per: String,
    /// As many calls as it is configured for again
    #[arg(long)]
    pub clear: bool,
    /// Why, for those who come next; it stands on every screen and in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let snapshot = handle.watch().borrow().clone();
    carry_out(args, &snapshot, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, snapshot: &Snapshot, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let id = |named: &Named| ConnectionId::from(named.connection.as_str());
    let (request, named) = match &args.action {
        Action::List(list) => return print(list, snapshot, out),
        Action::Test(named) => {
            let tested = tested(ask, id(named)).await?;
            return told(&tested, named.json, out);
        }
        Action::Hold(hold) => {
            let request = Request::Hold { connection: id(&hold.which), reason: hold.reason.clone() };
            (request, &hold.which)
        }
        Action::Budget(wanted) => {
            let budget = wanted.requests.map(|requests| CallBudget::new(requests, &wanted.per)).transpose();
            let budget = budget.map_err(|problem| Report::usage(format!("--requests, --per: {problem}")))?;
            let request = Request::LowerBudget { connection: id(&wanted.which), budget, reason: wanted.reason.clone() };
            (request, &wanted.which)
        }
        Action::Release(named) => (Request::Release { connection: id(named) }, named),
        Action::Reset(named) => (Request::ResetCircuit { connection: id(named) }, named),
    };
    let done = order(ask, request).await?;
    if named.json {
        out.json(&json!({ "connection": named.connection, "changed": done.changed > 0, "text": done.text }))?;
    } else {
        out.line(done.text)?;
    }
    Ok(Exit::Done)
}

fn told(tested: &Tested, json: bool, out: &mut Output) -> Result<Exit, Report> {
    if json {
        out.json(&json!({
            "connection": tested.connection, "ok": tested.is_ok, "status": tested.status, "took_ms": tested.took_ms,
            "text": tested.text, "hint": tested.hint, "at": tested.at, "by": tested.by.to_string(),
        }))?;
    } else {
        let (word, style) = if tested.is_ok { ("ok", Style::Good) } else { ("failed", Style::Bad) };
        let line = Line::new().with(tested.connection.as_str(), Style::Bold).then("  ").with(word, style);
        out.line(line.then(format!("  {} ms  {}", figure(tested.took_ms.into()), tested.text)))?;
        if let Some(hint) = &tested.hint {
            out.line(Line::new().with("  hint: ", Style::Hint).then(hint))?;
        }
    }
    Ok(if tested.is_ok { Exit::Done } else { Exit::Failed })
}

fn print(list: &List, snapshot: &Snapshot, out: &mut Output) -> Result<Exit, Report> {
    let mut all: Vec<&ConnectionStatus> = snapshot.connections.iter().collect();
    all.sort_by_key(|connection| connection.health(snapshot.at));
    if list.json {
        let all: Vec<Value> = all.iter().map(|connection| document(connection, snapshot.at)).collect();
        out.json(&json!({ "connections": all }))?;
    } else {
        out.table(&table(&all, snapshot.at))?;
        for connection in all {
            if connection.insecure_tls {
                out.line(insecure_line(connection))?;
            }
            if let Some(held) = &connection.held {
                out.line(hold_line(connection, held))?;
            }
            if let Some(lowered) = &connection.lowered {
                out.line(budget_line(connection, lowered))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn insecure_line(connection: &ConnectionStatus) -> Line {
    let text =
        ": whoever stands between can read and change everything; name their authority as `ca_file` in its place";
    Line::new().with(format!("the certificates of {} are not checked", connection.id), Style::Bad).then(text)
}

fn hold_line(connection: &ConnectionStatus, held: &Hold) -> Line {
    let id = &connection.id;
    let why = held.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let since = format!(" since {} by {}{why}; `syncdeck connection release {id}` lets it go", held.since, held.by);
    Line::new().with(format!("{id} is held"), Style::Warn).then(since)
}

fn budget_line(connection: &ConnectionStatus, lowered: &LowBudget) -> Line {
    let id = &connection.id;
    let why = lowered.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let (budget, since, by) = (lowered.budget, lowered.since, &lowered.by);
    let text =
        format!(": {budget}, since {since} by {by}{why}; `syncdeck connection budget {id} --clear` sets it back");
    Line::new().with(format!("the budget of {id} is lowered"), Style::Warn).then(text)
}

fn table(all: &[&ConnectionStatus], now: Timestamp) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("CONNECTION", Left),
        ("HEALTH", Left),
        ("BUDGET", Left),
        ("P50 MS", Right),
        ("P95 MS", Right),
        ("CIRCUIT", Left),
        ("TOKEN", Left),
        ("CALLS 5M", Right),
        ("BAD 5M", Right),
        ("JOBS", Left),
    ]);
    for connection in all {
        let health = connection.health(now);
        let lately = connection.answers_of_last(300);
        let ms = |value: Option<u32>| plain(value.map_or_else(|| "—".to_owned(), |value| figure(value.into())));
        let users: Vec<&str> = connection.users.iter().map(|user| user.job.as_str()).collect();
        table.row(vec![
            plain(connection.id.as_str()),
            (health.word().to_owned(), health_style(health)),
            plain(budget(connection)),
            ms(connection.latency_p50),
            ms(connection.latency_p95),
            plain(circuit(connection)),
            token(connection, now),
            plain(figure(lately.all())),
            plain(figure(bad(&lately))),
            plain(users.join(", ")),
        ]);
    }
    table
}

fn bad(answers: &AnswerCounts) -> u64 {
    answers.throttled + answers.server_error + answers.no_answer
}

fn health_style(health: Health) -> Style {
    match health {
        Health::Down => Style::Bad,
        Health::Trying | Health::Held | Health::SlowDown | Health::Failing => Style::Warn,
        Health::Ok => Style::Good,
        Health::Unused => Style::Dim,
    }
}

fn budget(connection: &ConnectionStatus) -> String {
    if let Some(quota) = &connection.quota {
        return format!("{} {} of {} ({}%)", quota.label(), figure(quota.used), figure(quota.limit), quota.percent());
    }
    let Some(budget) = &connection.budget else { return "none known".to_owned() };
    match (&budget.rule, budget.limit) {
        (Some(rule), _) => rule.clone(),
        (None, Some(limit)) => format!("{} of {}", figure(budget.remaining), figure(limit)),
        (None, None) => format!("{} left", figure(budget.remaining)),
    }
}

fn token(connection: &ConnectionStatus, now: Timestamp) -> (String, Style) {
    match &connection.token {
        None => plain("—"),
        Some(token) => {
            let style = if token.problem.is_some() { Style::Bad } else { Style::Plain };
            (token.words(now), style)
        }
    }
}

fn circuit(connection: &ConnectionStatus) -> &'static str {
    match (&connection.circuit, connection.is_trying) {
        (Circuit::Closed, _) => "closed",
        (Circuit::Open { .. }, true) => "half-open",
        (Circuit::Open { .. }, false) => "open",
    }
}

pub(super) fn hold_document(held: &Hold) -> Value {
    json!({ "by": held.by.to_string(), "since": held.since, "reason": held.reason })
}

fn budget_document(lowered: &LowBudget) -> Value {
    json!({
        "requests": lowered.budget.requests, "per_ms": lowered.budget.per_ms, "by": lowered.by.to_string(),
        "since": lowered.since, "reason": lowered.reason,
    })
}

fn document(connection: &ConnectionStatus, now: Timestamp) -> Value {
    let mut document = super::status::connection_document(connection);
    extend(
        &mut document,
        json!({
            "health": connection.health(now).word(), "circuit": circuit(connection),
            "answers_5m": connection.answers_of_last(300), "answers_15m": connection.answers_of_last(900),
            "lowered": connection.lowered.as_ref().map(budget_document),
            "users": connection.users, "last_throttled": connection.last_throttled, "last_open": connection.last_open,
            "token": connection.token, "insecure_tls": connection.insecure_tls,
            "quota": connection.quota.as_ref().map(|quota| json!({
                "used": quota.used, "limit": quota.limit, "per_seconds": quota.per.as_secs(), "resets_at": quota.resets_at,
            })),
        }),
    );
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::sample;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Done};
    use crate::model::{Actor, Via};

    async fn printed(action: Action, text: &str) -> (Exit, String) {
        let ask = async |request| {
            Ok(match request {
                Request::TestConnection { connection } => Answer::Tested(Box::new(Tested {
                    connection,
                    at: sample::at(3),
                    by: Actor::person(text, Via::Command),
                    is_ok: false,
                    status: None,
                    took_ms: 1_204,
                    text: text.to_owned(),
                    hint: Some(text.to_owned()),
                })),
                Request::Hold { connection, .. } => {
                    Answer::Done(Done { text: format!("held {connection}: {text}"), changed: 1, undo: None })
                }
                other => panic!("another question: {other:?}"),
            })
        };
        let (mut out, stdout, _) = captured();
        let snapshot = sample::snapshot("customers", text);
        let result = carry_out(&Args { action }, &snapshot, &ask, &mut out).await;
        (out.finish(result), stdout.text())
    }

    fn named(json: bool) -> Named {
        Named { connection: "crm".to_owned(), json }
    }

    #[tokio::test]
    async fn connections_are_listed_with_who_holds_them() {
        insta::assert_snapshot!(printed(Action::List(List { json: false }), "migration").await.1);
    }

    #[tokio::test]
    async fn the_document_of_connections_stays_as_it_is() {
        let (_, text) = printed(Action::List(List { json: true }), "migration").await;
        insta::assert_json_snapshot!(serde_json::from_str::<Value>(&text).expect("one JSON document"));
    }

    #[tokio::test]
    async fn a_test_that_fails_ends_with_status_1_and_the_hint() {
        let (exit, text) = printed(Action::Test(named(false)), "no answer").await;
        assert_eq!((exit, text.as_str()), (Exit::Failed, "crm  failed  1,204 ms  no answer\n  hint: no answer\n"));
        let (_, text) = printed(Action::Test(named(true)), "no answer").await;
        insta::assert_json_snapshot!(serde_json::from_str::<Value>(&text).expect("one JSON document"));
    }

    #[tokio::test]
    async fn a_hold_says_what_it_did() {
        let hold = Action::Hold(HoldArgs { which: named(true), reason: Some("migration".to_owned()) });
        let (_, text) = printed(hold, "its jobs wait").await;
        assert_eq!(text, "{\"connection\":\"crm\",\"changed\":true,\"text\":\"held crm: its jobs wait\"}\n");
    }

    #[tokio::test]
    async fn nothing_foreign_reaches_the_terminal_as_it_is() {
        for json in [false, true] {
            sample::assert_harmless(&printed(Action::List(List { json }), sample::HOSTILE).await.1);
            sample::assert_harmless(&printed(Action::Test(named(json)), sample::HOSTILE).await.1);
        }
    }
}
