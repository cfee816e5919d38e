//! `syncdeck demo`: two simulated systems in this process, and the console on top.

pub const EXAMPLE: &str = "Example:\n  syncdeck demo\n  syncdeck demo --faults none --records 100000\n  syncdeck demo --instances 100 --records 100\n  syncdeck demo --headless --json";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// Records in the simulated shop
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub records: u64,
    /// Throttling, outages and bad records
    #[arg(long, value_enum, default_value_t)]
    pub faults: Faults,
    /// Customers besides, with four jobs each: how a list of hundreds or thousands of jobs looks and feels
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    pub instances: u64,
    /// Run every job once without the screen
    #[arg(long)]
    pub headless: bool,
    /// Print what `run --once --json` prints
    #[arg(long, requires = "headless")]
    pub json: bool,
    /// Draw with ASCII alone
    #[arg(long, conflicts_with = "headless")]
    pub ascii: bool,
}

/// How much goes wrong in the simulated systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Faults {
    None,
    #[default]
    Some,
    Many,
}
