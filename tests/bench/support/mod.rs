//! What the benchmarks share: the simulator, processes whose cost is read, the bare loops, and how figures are told.

pub mod bare;
pub mod process;
pub mod simulator;

use std::path::{Path, PathBuf};

/// The program under measure; `SYNCDECK_BIN` names another build of it.
pub fn syncdeck() -> PathBuf {
    std::env::var_os("SYNCDECK_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_syncdeck")), PathBuf::from)
}

/// A number from the environment, for longer or shorter runs.
pub fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The load of the machine: figures that were taken while others worked are not what they look like.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}

pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// `0.71 (0.68 to 0.73)`: the median and the whole spread.
pub fn spread(figures: &[f64]) -> String {
    let least = figures.iter().copied().fold(f64::INFINITY, f64::min);
    let most = figures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!("{:.2} ({least:.2} to {most:.2})", median(figures))
}

/// `reached` or `MISSED`, so that a table can be searched for what it owes.
pub fn verdict(is_reached: bool) -> &'static str {
    if is_reached { "reached" } else { "MISSED" }
}

/// A job from the shop's collection `name` to the CRM's collection `to`, with its state in `folder`.
pub struct Setup<'a> {
    pub folder: &'a Path,
    pub simulator: &'a simulator::Simulator,
    pub name: &'a str,
    pub to: &'a str,
    pub is_batch: bool,
    /// Lines of `[connections.crm]` and its tables.
    pub crm: &'a str,
}

impl Setup<'_> {
    /// Writes the configuration and gives its path. Pages of 100, sixteen in flight unless `crm` says otherwise.
    pub fn write(&self) -> PathBuf {
        let path = self.folder.join("syncdeck.toml");
        std::fs::write(&path, self.text()).expect("a file in a folder of our own");
        path
    }

    fn text(&self) -> String {
        let Self { simulator, name, to, crm, .. } = self;
        let write = if self.is_batch {
            format!(
                "write = \"batch\"\n\
                 batch = {{ path = \"/{to}:batch\", size = 100, items = \"/items\", statuses = \"/results\", status = \"/status\", error = \"/error\", \
                 each = {{ method = \"PUT\", path = \"/{to}/{{{{ id }}}}\" }} }}"
            )
        } else {
            format!("path = \"/{to}/{{{{ id }}}}\"\nmethod = \"PUT\"")
        };
        format!(
            r#"[workspace]
name = "bench"
state = "state"
[connections.shop]
type = "rest"
base_url = "{}/api"
limits = {{ in_flight = 16 }}
[connections.crm]
type = "rest"
base_url = "{}/v2"
{crm}
[jobs.bench]
schedule = "manual"
[jobs.bench.source]
connection = "shop"
path = "/cursor/{name}"
query = {{ limit = "100" }}
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
paginate = {{ type = "cursor", next = "/next_cursor", param = "cursor" }}
[jobs.bench.destination]
connection = "crm"
{write}
[jobs.bench.map]
sku = "sku"
title = {{ from = "title", trim = true }}
description = "description"
price = {{ from = "price", to = "number" }}
stock = "stock"
barcode = "barcode"
"size.width" = "dimensions.width_mm"
"size.height" = "dimensions.height_mm"
weight = "dimensions.weight_g"
tags = "tags"
active = "active"
source = {{ value = "shop" }}
updated_at = "updated_at"
"#,
            simulator.shop, simulator.crm
        )
    }
}

/// What `run --once --json` said at its end.
#[derive(serde::Deserialize)]
pub struct Finished {
    pub state: String,
    pub scanned: u64,
    pub created: u64,
    pub skipped: u64,
    pub errored: u64,
    pub seconds: f64,
    pub checkpoint: Option<serde_json::Value>,
}

/// Runs the jobs of `config` once in a process of their own.
pub fn run_engine(config: &Path, more: &[&str]) -> (process::Cost, Finished) {
    let mut words = vec!["-c".to_owned(), config.display().to_string()];
    words.extend(["run", "--once", "--json"].map(str::to_owned));
    words.extend(more.iter().map(|word| (*word).to_owned()));
    let cost = process::measure(&syncdeck(), &words);
    let last = cost.output.lines().rev().find(|line| line.contains("\"finished\""));
    let last = last.unwrap_or_else(|| panic!("no end was told: {}", cost.output));
    let finished: Finished = serde_json::from_str(last).expect("a line of JSON");
    assert_eq!(finished.state, "done", "{last}");
    assert_eq!(finished.errored, 0, "{last}");
    (cost, finished)
}
