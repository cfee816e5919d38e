//! Screens beside an engine: what a question over the socket costs, and what screens cost the engine that they watch.
//!
//! `cargo bench --bench attach`; names choose (`-- trip idle`). `SYNCDECK_BIN` measures another build, `BENCH_RECORDS` and
//! `BENCH_PAIRS` make it longer or shorter.

#[path = "support/console.rs"]
mod console;
#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod support;

use console::Console;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::simulator::Simulator;
use support::{Setup, load, median, number, spread, verdict};
use syncdeck::control::socket::{Door, Remote, Signature};
use syncdeck::control::{Handle, Request};
use syncdeck::model::LetterFilter;

const SIXTEEN: &str = "limits = { in_flight = 16 }";
/// The rate under which keys are pressed.
const STEADY: &str = "limits = { in_flight = 16, requests = 5000, per = \"1s\", burst = 100 }";
type Case = (&'static str, fn());
const CASES: [Case; 5] = [("trip", trip), ("first", first), ("idle", idle), ("keys", keys), ("screens", screens)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    for (name, case) in CASES {
        if words.is_empty() || words.iter().any(|word| word == name) {
            println!("\n── {name} (load {})", load());
            case();
        }
    }
}

/// An engine in a process of its own, with the folder that its state is in.
struct Engine {
    child: Child,
    folder: tempfile::TempDir,
    config: PathBuf,
    _simulator: Simulator,
}

impl Engine {
    /// `command` are the words after `syncdeck -c CONFIG`.
    fn start(records: u64, crm: &str, command: &[&str]) -> Self {
        let simulator = Simulator::start();
        simulator.fill("products", records);
        let folder = tempfile::tempdir().expect("a folder");
        let config = Setup {
            folder: folder.path(),
            simulator: &simulator,
            name: "products",
            to: "products",
            is_batch: false,
            crm,
        }
        .write();
        let child = Command::new(support::syncdeck())
            .arg("-c")
            .arg(&config)
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program under measure");
        let socket = folder.path().join("state/control.sock");
        let began = Instant::now();
        while !socket.exists() {
            assert!(began.elapsed() < Duration::from_secs(30), "no socket at {}", socket.display());
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { child, folder, config, _simulator: simulator }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // One that ended by itself is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn attach(state: &Path) -> Handle {
    let by = Signature { name: "bench".to_owned(), door: Door::Command };
    Handle::attached(Remote::connect(state, by).await.expect("an engine that answers"))
}

/// The 99th of 100, in milliseconds.
fn p99(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() * 99).div_ceil(100).saturating_sub(1)]
}

fn sorted_ms(times: impl IntoIterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// A question over the socket and its answer.
fn trip() {
    let engine = Engine::start(100, SIXTEEN, &["serve"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let handle = attach(&engine.state()).await;
        let mut times = Vec::new();
        for n in 0..3_000 {
            let began = Instant::now();
            let answer = handle.ask(Request::DeadGroups { filter: LetterFilter::default() }).await;
            answer.expect("an engine that answers");
            if n >= 500 {
                times.push(began.elapsed());
            }
        }
        let times = sorted_ms(times);
        let last = p99(&times);
        println!("round trip p50 {:.3} ms, p99 {last:.3} ms (want 2: {})", median(&times), verdict(last <= 2.0));
    });
}

/// From the start of a console to its first frame with the engine's jobs, beside a busy engine.
fn first() {
    let engine = Engine::start(number("BENCH_RECORDS", 400_000), STEADY, &["run", "--once"]);
    let times: Vec<Duration> =
        (0..10).map(|_| Console::start(&engine.config).first("the jobs", |screen| screen.contains("bench"))).collect();
    let times = sorted_ms(times);
    println!(
        "first frame p50 {:.1} ms, slowest {:.1} ms (want 50: {})",
        median(&times),
        times[times.len() - 1],
        verdict(median(&times) <= 50.0)
    );
}

/// What a console draws and costs while nothing happens.
fn idle() {
    const SETTLED: Duration = Duration::from_secs(6);
    const LOOKED: Duration = Duration::from_secs(30);
    let engine = Engine::start(100, SIXTEEN, &["serve"]);
    let console = Console::start(&engine.config);
    console.wait("the jobs", |screen| screen.contains("bench"));
    // That it is attached is said for four seconds; when that goes, it is a frame, and not an idle screen's.
    let said = console.wait("the word of the start is gone", |screen| !screen.contains("closes this screen only"));
    std::thread::sleep(SETTLED.saturating_sub(said));
    let (bytes, cpu) = (console.bytes(), console.cpu_seconds());
    std::thread::sleep(LOOKED);
    let (bytes, cpu) = (console.bytes() - bytes, console.cpu_seconds() - cpu);
    let share = cpu / LOOKED.as_secs_f64() * 100.0;
    println!(
        "{bytes} bytes drawn in {} s (want 0: {}), {share:.1} % of a core (want 0: {})",
        LOOKED.as_secs(),
        verdict(bytes == 0),
        verdict(share < 0.15)
    );
}

/// From a key to what it shows, beside an engine that writes 5,000 records a second.
fn keys() {
    let engine = Engine::start(number("BENCH_RECORDS", 400_000), STEADY, &["run", "--once"]);
    let mut console = Console::start(&engine.config);
    console.wait("the jobs", |screen| screen.contains("bench"));
    let is_help = |screen: &str| screen.contains("Help");
    let mut times = Vec::new();
    let (began, cpu) = (Instant::now(), console.cpu_seconds());
    for _ in 0..150 {
        for (key, is_open) in [("?", true), ("\x1b", false)] {
            console.send(key);
            let took = console.wait("the help", |screen| is_help(screen) == is_open);
            // A lone escape is told from a sequence by waiting, which is the terminal's time.
            if is_open {
                times.push(took);
            }
            std::thread::sleep(Duration::from_millis(37));
        }
    }
    let share = (console.cpu_seconds() - cpu) / began.elapsed().as_secs_f64() * 100.0;
    let times = sorted_ms(times);
    let last = p99(&times);
    println!("key to frame p50 {:.1} ms, p99 {last:.1} ms (want 20: {})", median(&times), verdict(last <= 20.0));
    let (began, cpu) = (Instant::now(), console.cpu_seconds());
    std::thread::sleep(Duration::from_secs(10));
    let idle = (console.cpu_seconds() - cpu) / began.elapsed().as_secs_f64() * 100.0;
    println!(
        "{share:.1} % of a core with eight keys a second, {idle:.1} % while it only shows (want 3: {})",
        verdict(idle <= 3.0)
    );
}

/// The engine's throughput with three screens and with none, in turn.
fn screens() {
    let records = number("BENCH_RECORDS", 200_000);
    let mut ratios = Vec::new();
    for pair in 0..number("BENCH_PAIRS", 5) {
        let alone = watched(records, 0);
        let three = watched(records, 3);
        ratios.push(alone / three);
        println!("pair {pair}: alone {alone:.2} s, with three screens {three:.2} s, load {}", load());
    }
    println!(
        "throughput with three screens {} of none (want 0.95: {})",
        spread(&ratios),
        verdict(median(&ratios) >= 0.95)
    );
}

/// Seconds of a run that so many screens look at.
fn watched(records: u64, n_screens: usize) -> f64 {
    let mut engine = Engine::start(records, SIXTEEN, &["run", "--once", "--json"]);
    let screens: Vec<Console> = (0..n_screens).map(|_| Console::start(&engine.config)).collect();
    for screen in &screens {
        screen.wait("the jobs", |screen| screen.contains("bench"));
    }
    let mut output = String::new();
    let mut out = engine.child.stdout.take().expect("it was piped");
    out.read_to_string(&mut output).expect("lines of JSON");
    let last = output.lines().rev().find(|line| line.contains("\"finished\"")).expect("an end that was told");
    let finished: support::Finished = serde_json::from_str(last).expect("a line of JSON");
    assert_eq!((finished.state.as_str(), finished.created), ("done", records), "{last}");
    finished.seconds
}
