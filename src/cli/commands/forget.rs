//! `syncdeck forget`: removes what the state holds of a job that is not run any more.

use super::checkpoint::typed;
use crate::cli::questions::{Ask, order};
use crate::cli::text::figure;
use crate::cli::{Exit, Line, Output, Report};
use crate::control::{Handle, Request};
use crate::model::{JobId, Snapshot};

pub const EXAMPLE: &str = "Example:\n  syncdeck forget customers_old\n  syncdeck forget customers_old --yes";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// A job that is not configured any more, disabled or paused
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Says what would go, asks, and has it removed.
pub async fn run(args: &Args, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let snapshot = handle.watch().borrow().clone();
    carry_out(args, &snapshot, &async |request| handle.ask(request).await, out).await
}

async fn carry_out(args: &Args, snapshot: &Snapshot, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let job = JobId::from(args.job.as_str());
    let Some(what) = held(&job, snapshot) else {
        let known = snapshot.jobs.iter().map(|job| &job.id).chain(snapshot.leftovers.iter().map(|left| &left.job));
        return Err(Report::no_such_job(&args.job, known.map(JobId::as_str)));
    };
    out.note(Line::from(format!("`{job}`: {what}; its checkpoints and runs go, too. The journal stays.")));
    out.note(Line::from("If the job comes back, it reads everything anew, and may create again what it can not find."));
    typed(&job, &format!("forget `{job}`"), args.yes, out)?;
    let done = order(ask, Request::Forget { job }).await?;
    out.line(done.text)?;
    Ok(Exit::Done)
}

/// What the state holds of a job, in words; none when nobody knows it.
fn held(job: &JobId, snapshot: &Snapshot) -> Option<String> {
    if let Some(left) = snapshot.leftovers.iter().find(|left| left.job == *job) {
        return Some(format!("not configured any more, {}", left.words()));
    }
    let status = snapshot.jobs.iter().find(|status| status.id == *job)?;
    let (scanned, dead) = (figure(status.total.scanned), figure(status.dead_waiting));
    Some(format!("{}, {scanned} records scanned so far, {dead} dead letters", status.state.word()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Done};
    use crate::model::Leftover;

    fn left() -> Snapshot {
        let left = Leftover { job: JobId::from("old"), links: 12, dead_waiting: 1, last_run: None };
        Snapshot { leftovers: vec![left], ..Snapshot::default() }
    }

    fn args(job: &str, yes: bool) -> Args {
        Args { job: job.to_owned(), yes }
    }

    #[tokio::test]
    async fn what_goes_is_told_and_nothing_goes_unasked() {
        let (mut out, stdout, stderr) = captured();
        let ask = async |request| {
            assert_eq!(request, Request::Forget { job: JobId::from("old") });
            Ok(Answer::Done(Done { text: "forgot old: 12 known records".to_owned(), changed: 1, undo: None }))
        };
        let refused = carry_out(&args("old", false), &left(), &ask, &mut out).await;
        assert_eq!(out.finish(refused), Exit::Usage);
        assert_eq!(stdout.text(), "");
        assert!(stderr.text().starts_with("`old`: not configured any more, 12 known records, 1 dead letter;"));
        let (mut out, stdout, _) = captured();
        let done = carry_out(&args("old", true), &left(), &ask, &mut out).await;
        assert_eq!((out.finish(done), stdout.text()), (Exit::Done, "forgot old: 12 known records\n".to_owned()));
    }

    #[tokio::test]
    async fn a_job_that_nobody_knows_is_told_with_the_nearest() {
        let (mut out, _, stderr) = captured();
        let ask = async |_| unreachable!("nothing is asked of the engine");
        let refused = carry_out(&args("olds", true), &left(), &ask, &mut out).await;
        assert_eq!(out.finish(refused), Exit::Usage);
        assert_eq!(stderr.text(), "error: no job is called `olds`\nhint: did you mean `old`?\n");
    }
}
