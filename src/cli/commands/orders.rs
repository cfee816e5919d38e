//! `syncdeck pause`, `resume`, `trigger` and `cancel`: orders to jobs.

use crate::cli::questions::{Ask, order};
use crate::cli::which::which;
use crate::cli::{Exit, Output, Report};
use crate::control::{Handle, Request};
use crate::model::JobId;

pub const PAUSE_EXAMPLE: &str = "Example:\n  syncdeck pause customers_to_crm --reason \"CRM migration until 14:00\"";
pub const RESUME_EXAMPLE: &str = "Example:\n  syncdeck resume customers_to_crm";
pub const TRIGGER_EXAMPLE: &str = "Example:\n  syncdeck trigger --all";
pub const CANCEL_EXAMPLE: &str = "Example:\n  syncdeck cancel customers_to_crm";

/// Which jobs an order is for.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct JobArgs {
    /// Names as `syncdeck status` shows them; a name that several instances share means all of them
    #[arg(value_name = "JOB", required_unless_present_any = ["all", "instance"], conflicts_with = "all")]
    pub jobs: Vec<String>,
    /// The jobs of this instance
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub instance: Option<String>,
    /// Every job of the configuration
    #[arg(long)]
    pub all: bool,
}

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct PauseArgs {
    #[command(flatten)]
    pub which: JobArgs,
    /// Why, for those who come next; it stands on every screen and in the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    Pause { reason: Option<String> },
    Resume,
    Trigger,
    Cancel,
}

/// Gives the order and prints what it did.
pub async fn run(order: Order, args: &JobArgs, handle: &Handle, out: &mut Output) -> Result<Exit, Report> {
    let jobs = jobs(args, handle.jobs())?;
    carry_out(order, jobs, &async |request| handle.ask(request).await, out).await
}

fn jobs(args: &JobArgs, known: Vec<JobId>) -> Result<Vec<JobId>, Report> {
    if args.all {
        return Ok(known);
    }
    Ok(which(&args.jobs, args.instance.as_deref(), &known)?.into_iter().cloned().collect())
}

async fn carry_out(what: Order, jobs: Vec<JobId>, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let request = match what {
        Order::Pause { reason } => Request::Pause { jobs, reason },
        Order::Resume => Request::Resume { jobs },
        Order::Trigger => Request::Trigger { jobs },
        Order::Cancel => Request::Cancel { jobs },
    };
    let done = order(ask, request).await?;
    out.line(done.text)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::tests::captured;
    use crate::control::{Answer, Done, Refusal};

    #[tokio::test]
    async fn an_order_says_what_it_did() {
        let (mut out, stdout, _) = captured();
        let wanted = Request::Pause { jobs: vec![JobId::from("customers")], reason: Some("migration".to_owned()) };
        let ask = async |request| {
            assert_eq!(request, wanted);
            Ok(Answer::Done(Done { text: "paused `customers`\x1b[2J".to_owned(), changed: 1, undo: None }))
        };
        let what = Order::Pause { reason: Some("migration".to_owned()) };
        let exit = carry_out(what, vec![JobId::from("customers")], &ask, &mut out).await;
        assert_eq!(out.finish(exit), Exit::Done);
        assert_eq!(stdout.text(), "paused `customers`␛[2J\n");
    }

    #[tokio::test]
    async fn a_refused_order_ends_with_status_1_and_the_hint() {
        let (mut out, _, stderr) = captured();
        let ask = async |_| {
            let message = "no job is called `custmers`".to_owned();
            Err(Refusal { message, hint: Some("did you mean `customers`?".to_owned()) })
        };
        let exit = carry_out(Order::Resume, vec![JobId::from("custmers")], &ask, &mut out).await;
        assert_eq!(out.finish(exit), Exit::Failed);
        assert_eq!(stderr.text(), "error: no job is called `custmers`\nhint: did you mean `customers`?\n");
    }
}
