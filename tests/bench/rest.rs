//! REST to REST: the whole program against a bare loop of the same run, in pairs, because machines are noisy.
//!
//! `cargo bench --bench rest` measures everything that ends within minutes; names choose (`-- put batch`), and `million`
//! and `start` come only when they are named. `SYNCDECK_BIN` measures another build, `BENCH_RECORDS` and `BENCH_PAIRS`
//! make it longer or shorter.

mod support;

use serde_json::json;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::process::{self, Cost};
use support::simulator::Simulator;
use support::{Finished, Setup, load, median, number, run_engine, spread, verdict};

/// The bare loops run in this program, with the allocator that syncdeck has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIXTEEN: &str = "limits = { in_flight = 16 }";
/// A case by its name, and whether it runs without being named.
type Case = (&'static str, bool, fn());
const CASES: [Case; 10] = [
    ("simulator", true, simulator),
    ("put", true, || pairs(false)),
    ("batch", true, || pairs(true)),
    ("unchanged", true, unchanged),
    ("growth", true, || growth(&[10_000, 100_000])),
    ("latency", true, latency),
    ("rate", true, rate),
    ("million", false, || growth(&[1_000_000])),
    ("start", false, start),
    ("once", false, once),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [bare, kind, config, name, to] = words.as_slice()
        && bare == "bare"
    {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        return runtime.block_on(support::bare::run(kind, Path::new(config), name, to));
    }
    for (name, is_usual, case) in CASES {
        if words.iter().any(|word| word == name) || words.is_empty() && is_usual {
            println!("\n── {name} (load {})", load());
            case();
        }
    }
}

/// A bare loop in a process of its own: what it cost and the seconds that it told.
fn run_bare(kind: &str, config: &Path, name: &str, to: &str) -> (Cost, f64) {
    let words = ["bare", kind, &config.display().to_string(), name, to].map(str::to_owned);
    let cost = process::measure(&std::env::current_exe().expect("this program"), &words);
    let told: serde_json::Value = serde_json::from_str(cost.output.trim()).expect("a line of JSON");
    let seconds = told["seconds"].as_f64().expect("seconds");
    (cost, seconds)
}

/// Whether the simulator could be the limit.
fn simulator() {
    let simulator = Simulator::start();
    simulator.capacity(20_000);
    let rates: Vec<f64> = (0..3).map(|_| simulator.capacity(200_000)).collect();
    let rate = median(&rates);
    println!(
        "{rate:.0} requests/s answered to a loop of bytes on the same two cores; 50,000 wanted: {}",
        verdict(50_000.0 <= rate)
    );
}

/// Bare loop and engine in turn.
fn pairs(is_batch: bool) {
    let (kind, want, cpu_want) = if is_batch { ("batch", 0.2, 1.0) } else { ("put", 0.5, 3.0) };
    let records = number("BENCH_RECORDS", if is_batch { 200_000 } else { 100_000 });
    let simulator = Simulator::start();
    simulator.fill("products", records);
    let (mut rates, mut bare_rates, mut ratios, mut cpu, mut bare_cpu) = (vec![], vec![], vec![], vec![], vec![]);
    let mut peak: f64 = 0.0;
    for pair in 0..number("BENCH_PAIRS", 5) {
        let folder = tempfile::tempdir().expect("a folder");
        let (bare_to, to) = (format!("bare{pair}"), format!("engine{pair}"));
        let setup =
            |to| Setup { folder: folder.path(), simulator: &simulator, name: "products", to, is_batch, crm: SIXTEEN };
        let config = setup(&bare_to).write();
        let (bare, bare_seconds) = run_bare(kind, &config, "products", &bare_to);
        let config = setup(&to).write();
        let (engine, finished) = run_engine(&config, &[]);
        assert_eq!((finished.scanned, finished.created), (records, records));
        assert_eq!((simulator.held(&bare_to), simulator.held(&to)), (records, records));
        let hundred_thousands = records as f64 / 100_000.0;
        let (rate, bare_rate) = (records as f64 / finished.seconds, records as f64 / bare_seconds);
        println!(
            "pair {pair}: bare {bare_rate:.0}/s {:.2} CPU s, engine {rate:.0}/s ({:.2} s, the whole process {:.2}) {:.2} CPU s per 100,000, {:.1} MiB, {:.1} MiB written, ratio {:.2}, load {}",
            bare.cpu_seconds / hundred_thousands,
            finished.seconds,
            engine.seconds,
            engine.cpu_seconds / hundred_thousands,
            engine.peak_mib,
            engine.written_mib,
            rate / bare_rate,
            load()
        );
        rates.push(rate);
        bare_rates.push(bare_rate);
        ratios.push(rate / bare_rate);
        cpu.push(engine.cpu_seconds / hundred_thousands);
        bare_cpu.push(bare.cpu_seconds / hundred_thousands);
        peak = peak.max(engine.peak_mib);
    }
    println!(
        "bare {:.0}/s, {:.2} CPU s; engine {:.0}/s; of the bare loop {} (want {want}: {}); CPU s per 100,000 {} (want {cpu_want}: {}); peak {peak:.1} MiB (want 64: {})",
        median(&bare_rates),
        median(&bare_cpu),
        median(&rates),
        spread(&ratios),
        verdict(want <= median(&ratios)),
        spread(&cpu),
        verdict(median(&cpu) <= cpu_want),
        verdict(peak <= 64.0)
    );
}

/// A full read of records that all are linked and unchanged.
fn unchanged() {
    let records = number("BENCH_RECORDS", 200_000);
    let simulator = Simulator::start();
    simulator.fill("products", records);
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup {
        folder: folder.path(),
        simulator: &simulator,
        name: "products",
        to: "same",
        is_batch: true,
        crm: SIXTEEN,
    };
    let config = setup.write();
    run_engine(&config, &[]);
    let before = simulator.counted();
    let mut rates = vec![];
    for _ in 0..number("BENCH_PAIRS", 5) {
        let (cost, finished) = run_engine(&config, &["--full"]);
        assert_eq!(finished.skipped, records);
        let rate = records as f64 / finished.seconds;
        println!(
            "{rate:.0}/s, {:.2} CPU s per 100,000, {:.1} MiB, {:.1} MiB written, load {}",
            cost.cpu_seconds * 100_000.0 / records as f64,
            cost.peak_mib,
            cost.written_mib,
            load()
        );
        rates.push(rate);
    }
    let writes = simulator.counted().writes - before.writes;
    println!(
        "{:.0}/s (want 150,000: {}), {writes} writes (want 0: {})",
        median(&rates),
        verdict(150_000.0 <= median(&rates)),
        verdict(writes == 0)
    );
}

/// How cost grows with the number of records.
fn growth(sizes: &[u64]) {
    for (is_batch, records) in sizes.iter().flat_map(|size| [(false, *size), (true, *size)]) {
        let simulator = Simulator::start();
        simulator.fill("products", records);
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Setup {
            folder: folder.path(),
            simulator: &simulator,
            name: "products",
            to: "grown",
            is_batch,
            crm: SIXTEEN,
        };
        let (cost, finished) = run_engine(&setup.write(), &[]);
        let counted = simulator.counted();
        println!(
            "{} of {records}: {:.0}/s, {:.2} CPU s per 100,000, {:.1} MiB at the peak (want 64: {}), {} pages read, {} writes, {} checkpoints, {:.1} MiB written, state {:.1} MiB",
            if is_batch { "batches" } else { "PUTs" },
            records as f64 / finished.seconds,
            cost.cpu_seconds * 100_000.0 / records as f64,
            cost.peak_mib,
            verdict(cost.peak_mib <= 64.0),
            counted.reads,
            counted.writes,
            sequence(&finished),
            cost.written_mib,
            state_size(folder.path()),
        );
    }
}

fn sequence(finished: &Finished) -> u64 {
    let checkpoint = finished.checkpoint.as_ref();
    checkpoint.and_then(|checkpoint| checkpoint["sequence"].as_u64()).unwrap_or(0)
}

fn state_size(folder: &Path) -> f64 {
    std::fs::metadata(folder.join("state/state.redb")).map_or(0.0, |file| file.len() as f64 / 1048576.0)
}

/// A destination that takes 20 ms for each write: the engine's own ceiling against sixteen in flight.
fn latency() {
    let records = number("BENCH_RECORDS", 10_000);
    let simulator = Simulator::start();
    simulator.fill("products", records);
    simulator.order(&json!({ "latency": [["destination", { "base_ms": 20, "jitter_ms": 0 }]] }));
    let mut ratios = vec![];
    for pair in 0..number("BENCH_PAIRS", 3) {
        let rate = |to: &str, crm: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            let setup =
                Setup { folder: folder.path(), simulator: &simulator, name: "products", to, is_batch: false, crm };
            let (_, finished) = run_engine(&setup.write(), &[]);
            records as f64 / finished.seconds
        };
        let fixed = rate(&format!("fixed{pair}"), SIXTEEN);
        let adaptive = rate(&format!("adaptive{pair}"), "");
        println!("sixteen in flight {fixed:.0}/s, no ceiling configured {adaptive:.0}/s, load {}", load());
        ratios.push(adaptive / fixed);
    }
    println!("no ceiling configured is {} of sixteen (want 3: {})", spread(&ratios), verdict(3.0 <= median(&ratios)));
}

/// A destination that counts requests and tells so in its headers.
fn rate() {
    for (what, requests, burst, crm) in [
        ("told by headers, a burst of 50", 500, 50, ""),
        ("told by headers, a window of a second", 500, 500, ""),
        ("configured", 500, 50, "limits = { requests = 500, per = \"1s\", burst = 50 }"),
    ] {
        let records = number("BENCH_RECORDS", 7_500);
        let simulator = Simulator::start();
        simulator.fill("products", records);
        simulator.order(
            &json!({ "limits": [["destination", "", { "requests": requests, "per_ms": 1000, "burst": burst }]] }),
        );
        let folder = tempfile::tempdir().expect("a folder");
        let setup = Setup {
            folder: folder.path(),
            simulator: &simulator,
            name: "products",
            to: "limited",
            is_batch: false,
            crm,
        };
        let (_, finished) = run_engine(&setup.write(), &[]);
        let counted = simulator.counted();
        let refused = counted.throttled as f64 / counted.writes as f64;
        let used = records as f64 / (f64::from(requests) * finished.seconds + f64::from(burst));
        println!(
            "{what}: {:.1} % of {} requests refused (want 10: {}), {used:.2} of the permitted rate used (want 0.95: {}), {:.1} s",
            100.0 * refused,
            counted.writes,
            verdict(refused <= 0.10),
            verdict(0.95 <= used),
            finished.seconds
        );
    }
}

/// The first request after a kill in the middle of a second read, with a million links.
fn start() {
    let records = number("BENCH_RECORDS", 1_000_000);
    let simulator = Simulator::start();
    simulator.fill("products", records);
    let folder = tempfile::tempdir().expect("a folder");
    let setup = Setup {
        folder: folder.path(),
        simulator: &simulator,
        name: "products",
        to: "started",
        is_batch: true,
        crm: SIXTEEN,
    };
    let config = setup.write();
    run_engine(&config, &[]);
    let spawn = || {
        let mut command = Command::new(support::syncdeck());
        command.arg("-c").arg(&config).args(["run", "--once", "--json", "--full"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program under measure")
    };
    for _ in 0..3 {
        // New records every time, so that the run is killed in the midst of writing.
        simulator.fill("products", 200_000);
        let before = simulator.counted().writes;
        let mut killed = spawn();
        while simulator.counted().writes < before + 20 {
            std::thread::sleep(Duration::from_millis(50));
        }
        killed.kill().expect("a process of our own");
        killed.wait().expect("a process of our own");
        let waited = first_request(&config, &simulator);
        println!("{waited:.2} s from the start to the first request (want 1: {})", verdict(waited < 1.0));
    }
}

/// Starts the killed engine again with a listener in the place of the shop, which sees the first byte that is sent.
fn first_request(config: &Path, simulator: &Simulator) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let text = std::fs::read_to_string(config).expect("the configuration of the benchmark");
    let aside = config.with_file_name("aside.toml");
    std::fs::write(&aside, text.replace(&simulator.shop, &address)).expect("a file in a folder of our own");
    let started = Instant::now();
    let mut engine = Command::new(support::syncdeck())
        .arg("-c")
        .arg(&aside)
        .args(["run", "--once", "--json", "--full"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program under measure");
    let (mut socket, _) = listener.accept().expect("a connection of the engine");
    socket.read_exact(&mut [0]).expect("a request");
    let waited = started.elapsed().as_secs_f64();
    engine.kill().expect("a process of our own");
    engine.wait().expect("a process of our own");
    waited
}

/// One run of the engine with a simulator that stays, for a profiler: `perf record -- $(…)` around the printed words.
fn once() {
    let records = number("BENCH_RECORDS", 200_000);
    let simulator = Simulator::start();
    simulator.fill("products", records);
    let is_batch = number("BENCH_BATCH", 0) != 0;
    let folder = tempfile::tempdir().expect("a folder");
    let setup =
        Setup { folder: folder.path(), simulator: &simulator, name: "products", to: "once", is_batch, crm: SIXTEEN };
    let config = setup.write();
    let profile = std::env::var_os("BENCH_PROFILE").map_or_else(|| PathBuf::from("perf.data"), PathBuf::from);
    let more: &[&str] = if number("BENCH_FULL", 0) != 0 {
        run_engine(&config, &[]);
        &["--full"]
    } else {
        &[]
    };
    let status = Command::new("perf")
        .args(["record", "-g", "-F", "2000", "-o"])
        .arg(profile)
        .arg("--")
        .arg(support::syncdeck())
        .arg("-c")
        .arg(&config)
        .args(["run", "--once", "--json"])
        .args(more)
        .status()
        .expect("perf is installed");
    assert!(status.success(), "{status}");
}
