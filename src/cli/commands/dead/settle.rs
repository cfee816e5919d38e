//! `syncdeck dead settle`: what a person found out about a create whose answer was lost.

use crate::cli::questions::{Ask, order};
use crate::cli::{Exit, Output, Report};
use crate::control::Request;
use crate::model::{DeadLetterId, DestinationId, Whereabouts};

pub const EXAMPLE: &str = "Example:\n  syncdeck dead settle 1240 --there --as rec_00000017\n  syncdeck dead settle 1240 --absent --reason searched";

/// One letter whose outcome is unknown, and what is known of it by now.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Its number, as `dead list` shows it
    #[arg(value_name = "ID")]
    pub id: u64,
    #[command(flatten)]
    pub finding: Finding,
    /// Its id at the destination, by which later changes reach it
    #[arg(long = "as", value_name = "DESTINATION_ID", requires = "there")]
    pub known_as: Option<String>,
    /// How it is known; it stays in the journal
    #[arg(long, value_name = "TEXT", required_unless_present = "there")]
    pub reason: Option<String>,
}

/// Whether the record stands at the destination.
#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
#[group(required = true, multiple = false)]
pub struct Finding {
    /// It is there: it is linked, and not made again
    #[arg(long)]
    pub there: bool,
    /// It is not there: it is sent again
    #[arg(long)]
    pub absent: bool,
}

pub(super) async fn carry_out(args: &Args, ask: &impl Ask, out: &mut Output) -> Result<Exit, Report> {
    let finding = match args.finding.there {
        true => Whereabouts::There { id: args.known_as.as_deref().map(DestinationId::from) },
        false => Whereabouts::Absent,
    };
    let request = Request::Settle { id: DeadLetterId(args.id), finding, reason: args.reason.clone() };
    out.line(order(ask, request).await?.text)?;
    Ok(Exit::Done)
}
