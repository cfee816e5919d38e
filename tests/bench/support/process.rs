//! What a process costs: time on the clock, time on the processors, memory at its peak, bytes to the disk.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The kernel counts processor time in hundredths of a second.
pub const TICKS_A_SECOND: f64 = 100.0;

pub struct Cost {
    /// From the start of the process to its end.
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_mib: f64,
    /// What reached the disk's queue, MiB.
    pub written_mib: f64,
    pub output: String,
}

/// Runs a program to its end. Its figures are read while it runs and once more before it is buried.
pub fn measure(program: &Path, words: &[String]) -> Cost {
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let read = |mut from: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            // A program that prints no text is found by what is missing in it.
            let _ = from.read_to_string(&mut text);
            text
        })
    };
    let output = read(Box::new(child.stdout.take().expect("it was piped")));
    let errors = read(Box::new(child.stderr.take().expect("it was piped")));
    let place = format!("/proc/{}", child.id());
    let (mut peak_kib, mut written) = (0, 0);
    let (seconds, cpu_seconds) = loop {
        peak_kib = field(&place, "status", "VmHWM:").unwrap_or(0).max(peak_kib);
        written = field(&place, "io", "write_bytes:").unwrap_or(0).max(written);
        let stat = fs::read_to_string(format!("{place}/stat")).unwrap_or_default();
        // The name stands in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        if fields.first().is_none_or(|state| matches!(*state, "Z" | "X" | "")) {
            let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
            break (started.elapsed().as_secs_f64(), (ticks(11) + ticks(12)) / TICKS_A_SECOND);
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let status = child.wait().expect("a child that we started");
    let output = output.join().expect("a reader that only reads");
    let errors = errors.join().expect("a reader that only reads");
    assert!(status.success(), "{} {words:?} ended with {status}: {errors}{output}", program.display());
    Cost { seconds, cpu_seconds, peak_mib: peak_kib as f64 / 1024.0, written_mib: written as f64 / 1048576.0, output }
}

fn field(place: &str, file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("{place}/{file}")).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
