//! A console in a pseudo-terminal, with the moments at which it drew.

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use std::fs;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const ROWS: u16 = 36;
const COLUMNS: u16 = 120;
/// How long anything may take before the benchmark gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Console {
    shared: Arc<Shared>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    started: Instant,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    emulator: vt100::Parser,
    bytes: u64,
    is_over: bool,
}

impl Console {
    /// Starts `syncdeck -c CONFIG console` for somebody who does not want to be asked before it attaches.
    pub fn start(config: &Path) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(crate::support::syncdeck());
        command.args(["-c", &config.display().to_string(), "console"]);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let own = config.parent().expect("a configuration in a folder");
        fs::create_dir_all(own.join("syncdeck")).expect("a folder");
        fs::write(own.join("syncdeck/attach-without-asking"), "").expect("a note");
        command.env("XDG_CONFIG_HOME", own);
        let cells = |n| NonZero::new(n).expect("a terminal has rows and columns");
        let emulator = vt100::Parser::new(cells(ROWS), cells(COLUMNS), 0);
        let seen = Mutex::new(Seen { emulator, bytes: 0, is_over: false });
        let shared = Arc::new(Shared { seen, changed: Condvar::new() });
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).expect("the program under measure");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let writer = pair.master.take_writer().expect("a writer");
        std::thread::spawn({
            let shared = shared.clone();
            move || {
                let _master = pair.master;
                let mut buffer = [0; 64 * 1024];
                while let Ok(n) = reader.read(&mut buffer)
                    && n > 0
                {
                    let mut seen = shared.seen.lock().expect("nobody panicked");
                    seen.emulator.process(&buffer[..n]);
                    seen.bytes += n as u64;
                    shared.changed.notify_all();
                }
                shared.seen.lock().expect("nobody panicked").is_over = true;
                shared.changed.notify_all();
            }
        });
        Self { shared, writer, child, started }
    }

    pub fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.writer.flush().expect("the terminal takes keys");
    }

    /// Waits until the screen fits; how long that took.
    pub fn wait(&self, what: &str, fits: impl Fn(&str) -> bool) -> Duration {
        let began = Instant::now();
        let mut seen = self.shared.seen.lock().expect("nobody panicked");
        loop {
            let screen = seen.emulator.screen().contents();
            if fits(&screen) {
                return began.elapsed();
            }
            let left = PATIENCE.saturating_sub(began.elapsed());
            assert!(!left.is_zero() && !seen.is_over, "waited for: {what}\nthe screen was:\n{screen}");
            seen = self.shared.changed.wait_timeout(seen, left).expect("nobody panicked").0;
        }
    }

    /// From the start of the process to a screen that fits.
    pub fn first(&self, what: &str, fits: impl Fn(&str) -> bool) -> Duration {
        self.wait(what, fits);
        self.started.elapsed()
    }

    /// What was written to the terminal so far.
    pub fn bytes(&self) -> u64 {
        self.shared.seen.lock().expect("nobody panicked").bytes
    }

    /// Processor time of the process so far.
    pub fn cpu_seconds(&self) -> f64 {
        let pid = self.child.process_id().expect("it runs");
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
        // The name stands in brackets and may hold anything.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number of ticks");
        (ticks(11) + ticks(12)) / crate::support::process::TICKS_A_SECOND
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // One that ended by itself is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
