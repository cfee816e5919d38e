//! A program in a pseudo-terminal, with an emulator that knows what its screen shows.

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before the test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct App {
    shared: Arc<Shared>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
}

struct Seen {
    emulator: vt100::Parser,
    /// Everything that was written to the terminal.
    bytes: Vec<u8>,
    is_over: bool,
}

/// How a program is started.
pub struct Begin<'a> {
    pub arguments: &'a [&'a str],
    pub environment: &'a [(&'a str, &'a str)],
    pub folder: &'a Path,
    pub rows: u16,
    pub columns: u16,
}

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).expect("a terminal has rows and columns")
}

impl App {
    pub fn start(begin: &Begin<'_>) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_syncdeck"), begin)
    }

    /// As [`App::start`], another program: a shell, of which syncdeck is a job.
    pub fn start_program(program: &str, begin: &Begin<'_>) -> Self {
        let size = PtySize { rows: begin.rows, cols: begin.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(begin.arguments);
        command.cwd(begin.folder);
        command.env_clear();
        let own = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("USER", "ops"), ("COLORTERM", "truecolor")];
        for (name, value) in own.iter().chain(begin.environment) {
            command.env(name, value);
        }
        command.env("HOME", begin.folder);
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen {
                emulator: vt100::Parser::new(cells(begin.rows), cells(begin.columns), 0),
                bytes: Vec::new(),
                is_over: false,
            }),
            changed: Condvar::new(),
        });
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        std::thread::spawn({
            let shared = shared.clone();
            move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(n) = reader.read(&mut buffer)
                    && n > 0
                {
                    let mut seen = shared.seen.lock().expect("nobody panicked");
                    seen.emulator.process(&buffer[..n]);
                    seen.bytes.extend_from_slice(&buffer[..n]);
                    shared.changed.notify_all();
                }
                shared.seen.lock().expect("nobody panicked").is_over = true;
                shared.changed.notify_all();
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Self { shared, master: pair.master, writer, child }
    }

    /// Types keys, as the terminal sends them.
    pub fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.writer.flush().expect("the terminal takes keys");
    }

    pub fn screen(&self) -> String {
        self.shared.seen.lock().expect("nobody panicked").emulator.screen().contents()
    }

    /// Everything that was written to the terminal so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.shared.seen.lock().expect("nobody panicked").bytes.clone()
    }

    /// Waits until the screen fits, and returns it.
    pub fn wait_until(&self, what: &str, fits: impl Fn(&str) -> bool) -> String {
        self.wait(what, |screen| fits(&screen.contents())).contents()
    }

    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Waits until the emulator's state fits: modes as well as contents.
    pub fn wait(&self, what: &str, fits: impl Fn(&vt100::Screen) -> bool) -> vt100::Screen {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.seen.lock().expect("nobody panicked");
        loop {
            if fits(seen.emulator.screen()) {
                return seen.emulator.screen().clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.is_over,
                "waited for: {what}\nthe screen was:\n{}",
                seen.emulator.screen().contents()
            );
            seen = self.shared.changed.wait_timeout(seen, left).expect("nobody panicked").0;
        }
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        self.shared.seen.lock().expect("nobody panicked").emulator.screen_mut().set_size(cells(rows), cells(columns));
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        self.master.resize(size).expect("the terminal takes a size");
    }

    /// The process's number, for signals.
    pub fn pid(&self) -> rustix::process::Pid {
        let pid = self.child.process_id().expect("it runs");
        rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process number")
    }

    /// Waits for the program's end. The terminal's last state stays to be looked at.
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.seen.lock().expect("nobody panicked");
        while !seen.is_over {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it did not end; the screen was:\n{}", seen.emulator.screen().contents());
            seen = self.shared.changed.wait_timeout(seen, left).expect("nobody panicked").0;
        }
        drop(seen);
        self.child.wait().expect("it ended")
    }

    /// The terminal is as a shell wants it: main screen, cursor shown, no modes left on.
    pub fn assert_restored(&self) {
        let seen = self.shared.seen.lock().expect("nobody panicked");
        let screen = seen.emulator.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is still on");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is still on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still taken");
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // A test that failed must not leave a program behind; one that ended is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
