//! `syncdeck check`: the configuration, then each connection tried once with a read.

use super::{find, house, judged};
use crate::cli::commands::check::{Args, Checked, Planned, Tried, print};
use crate::cli::{Exit, Output, Report};
use crate::config::Config;
use crate::connect::oauth2::{self, Bearer};
use crate::connect::{self, Fault, FaultKind};
use crate::engine::clock::SystemClock;
use crate::model::{Auth, Clock, Connection, ConnectionKind, Job, Schedule};
use futures::StreamExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub(super) async fn run(args: &Args, explicit: Option<&Path>, out: &mut Output) -> Result<Exit, Report> {
    let path = find(explicit).map_err(|not_found| house::no_config(&not_found))?;
    let file = path.display().to_string();
    let checked = match judged(&path) {
        Err(mistakes) => {
            let mistakes = mistakes.0.iter().map(ToString::to_string).collect();
            Checked { file, mistakes, ..Checked::default() }
        }
        Ok(config) => {
            let connections = if args.offline { Vec::new() } else { try_all(&config).await };
            let warnings = config.warnings.iter().map(ToString::to_string).collect();
            let schedules = config.jobs.iter().filter_map(planned).collect();
            Checked { file, n_jobs: config.jobs.len(), mistakes: Vec::new(), warnings, schedules, connections }
        }
    };
    print(args, &checked, out)
}

/// Times that are shown of each cron expression.
const TIMES_SHOWN: usize = 3;

fn planned(job: &Job) -> Option<Planned> {
    let Schedule::Cron { cron, .. } = &job.schedule else { return None };
    let next = cron.shown_after(SystemClock.now(), TIMES_SHOWN);
    Some(Planned { job: job.id.clone(), schedule: job.schedule.words(), next })
}

async fn try_all(config: &Config) -> Vec<Tried> {
    let links = connect::links(&config.connections, &config.masks);
    let tries = config.connections.iter().enumerate().map(|(place, connection)| {
        let link = match &links {
            Ok(links) => Ok(links[place].clone()),
            Err((_, problem)) => Err(problem.clone()),
        };
        try_one(link, connection, config)
    });
    futures::stream::iter(tries).buffered(AT_ONCE).collect().await
}

/// Systems that are tried at the same time.
const AT_ONCE: usize = 8;

/// Reads the first page of a job that reads from the connection; else asks for its base address.
async fn try_one(link: Result<connect::Link, String>, connection: &Connection, config: &Config) -> Tried {
    let started = Instant::now();
    let ConnectionKind::Rest(rest) = &connection.kind;
    if matches!(&rest.auth, Some(Auth::OAuth2(oauth)) if oauth.refresh_token.is_some()) {
        // Asking with it may spend it, and the state has a newer one.
        let id = connection.id.clone();
        let text = format!("not tried: signing in spends its refresh token; `syncdeck connection test {id}` tries it");
        return Tried { connection: id, is_tried: false, is_ok: true, seconds: 0.0, text, hint: None };
    }
    let reader = config.jobs.iter().find(|job| job.source.connection == connection.id);
    let link = match link {
        Ok(link) => signed_in(link).await,
        Err(problem) => Err((false, problem, None)),
    };
    let (is_ok, text, hint) = match (link, reader) {
        (Err(found), _) => found,
        (Ok(link), Some(job)) => read_once(&link, job).await,
        (Ok(link), None) => reach(&link).await,
    };
    let seconds = started.elapsed().as_secs_f64();
    Tried { connection: connection.id.clone(), is_tried: true, is_ok, seconds, text, hint }
}

/// Whether it passed, what was found, and what mends it.
type Found = (bool, String, Option<String>);

/// The link with a token, where the connection signs in by OAuth 2.0; else as it is. The token is used for this check alone.
async fn signed_in(link: connect::Link) -> Result<connect::Link, Found> {
    let ConnectionKind::Rest(rest) = &link.connection.kind;
    let Some(Auth::OAuth2(oauth)) = &rest.auth else { return Ok(link) };
    let bearer = Arc::new(Bearer::default());
    let granted = oauth2::sign_in(&link, oauth, None, rest.timeout).await.outcome;
    let granted = granted.map_err(|fault| found_fault(&fault, String::new()))?;
    bearer.set(&granted.access).map_err(|reason| (false, format!("signing in: {reason}"), None))?;
    let transport = oauth2::signed(link.transport.clone(), bearer);
    Ok(connect::Link { transport, ..link })
}

fn found_fault(fault: &Fault, before: String) -> Found {
    let status = fault.status.map(|status| format!("{status} ")).unwrap_or_default();
    (false, format!("{before}{status}{}", fault.message), fault.hint.clone().map(again))
}

/// What mends it, and how it is checked again.
fn again(mend: String) -> String {
    let sign = if mend.ends_with('?') { " When it is:" } else { ", then" };
    format!("{mend}{sign} run `syncdeck check` again")
}

async fn read_once(link: &connect::Link, job: &Job) -> Found {
    let reply = connect::probe(link, job).await;
    match reply.outcome {
        Ok(page) => {
            let records =
                if page.items.len() == 1 { "1 record".to_owned() } else { format!("{} records", page.items.len()) };
            (true, format!("`{}` read its first page: {records}", job.id), None)
        }
        Err(fault) => found_fault(&fault, format!("{}: ", fault.request)),
    }
}

/// A connection that is only written to is not tried with a write: that it answers must do.
async fn reach(link: &connect::Link) -> Found {
    let reply = connect::reach(link).await;
    match reply.outcome {
        Ok(status) => (true, format!("answers ({status}); it is only written to, so nothing was read"), None),
        Err(fault) => {
            let (_, text, hint) = found_fault(&fault, String::new());
            (fault.kind == FaultKind::Throttled, text, hint)
        }
    }
}
