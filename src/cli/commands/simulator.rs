//! `syncdeck simulator` (hidden): the simulated systems on a local port, for tests of the real binary.

use super::demo::Faults;

pub const EXAMPLE: &str = "Example:\n  syncdeck simulator --records 1000 --faults many --seed 7 --port 0";

#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Args {
    /// Records in the simulated shop
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub records: u64,
    /// Throttling, outages and bad records
    #[arg(long, value_enum, default_value_t)]
    pub faults: Faults,
    /// The same seed makes the same records and the same faults
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 0 takes a free port, which is printed
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}
