//! The shell in a real pseudo-terminal: it draws, hears keys and signals, and gives the terminal back whatever happens.

use crate::stage::{World, world};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use syncdeck::control::{Attachment, Request};
use syncdeck::tui::theme::{Depth, look};
use syncdeck::tui::{Link, Options, WelcomePage, run_link, welcome};

const PATIENCE: Duration = Duration::from_secs(20);
/// What the child is to do.
const TASK: &str = "SYNCDECK_TEST_TASK";
/// Where it is to tell how it ended, beside its terminal.
const LISTENER: &str = "SYNCDECK_TEST_LISTENER";

/// Runs in the pseudo-terminal, in a process of its own. Without a task there is nothing to test.
#[test]
#[ignore = "started by the other tests of this file"]
fn child() {
    let Ok(task) = std::env::var(TASK) else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let ended = runtime.block_on(async {
        let options = Options { looks: vec![look("term", Depth::Sixteen).expect("a theme")], ..Options::default() };
        let told = options.shutdown.clone();
        let mut signals =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("a signal handler");
        tokio::spawn(async move {
            signals.recv().await;
            told.cancel();
        });
        let _hangups = (task == "deaf").then(|| tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()));
        if task == "welcome" {
            let looked = vec![("./syncdeck.toml".to_owned(), "not found".to_owned())];
            return format!("{:?}", welcome(WelcomePage { looked, ..WelcomePage::default() }, options).await);
        }
        let world = Arc::new(Mutex::new(world()));
        let (sender, snapshots) =
            tokio::sync::watch::channel(Arc::new(world.lock().expect("the world").snapshot.clone()));
        let panics = task == "panic";
        let ask = move |request: Request| -> futures::future::BoxFuture<'static, _> {
            assert!(!(panics && matches!(request, Request::Trigger { .. })), "the stage fell down");
            let world: Arc<Mutex<World>> = Arc::clone(&world);
            Box::pin(async move { world.lock().expect("the world").answer(&request) })
        };
        if task == "told" {
            // An engine that says the same again and again.
            let sender = sender.clone();
            tokio::spawn(async move {
                let mut beat = tokio::time::interval(Duration::from_millis(20));
                loop {
                    beat.tick().await;
                    sender.send_modify(|_| {});
                }
            });
        }
        let left = run_link(
            Link { ask: Arc::new(ask), snapshots, attachment: tokio::sync::watch::channel(Attachment::Own).1 },
            options,
        )
        .await;
        drop(sender);
        format!("{left:?}")
    });
    // The terminal may be gone; then nobody reads this.
    let _ = writeln!(std::io::stdout(), "ended with {ended}");
    // A terminal that is gone can not be told; whoever waits for the end of that is told by a socket.
    if let Ok(address) = std::env::var(LISTENER) {
        let mut stream = TcpStream::connect(address).expect("the test listens");
        stream.write_all(ended.as_bytes()).expect("the test listens");
    }
}

/// Holds a terminal for a console, until it is killed.
#[test]
#[ignore = "started by the other tests of this file"]
fn holder() {
    if std::env::var(TASK).as_deref() != Ok("hold") {
        return;
    }
    let mut terminal = Terminal::start("deaf");
    terminal.wait_for("customers_to_crm");
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
}

fn cells(n: u16) -> NonZero<u16> {
    NonZero::new(n).expect("a terminal has rows and columns")
}

struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Terminal {
    fn start(task: &str) -> Self {
        let pty = native_pty_system();
        let pair =
            pty.openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(std::env::current_exe().expect("this test's program"));
        command.args(["pty::child", "--exact", "--ignored", "--nocapture"]);
        command.env(TASK, task);
        command.env("TERM", "xterm-256color");
        command.env("RUST_BACKTRACE", "0");
        let child = pair.slave.spawn_command(command).expect("the child starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (sender, bytes) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let writer = Some(pair.master.take_writer().expect("a writer"));
        let screen = vt100::Parser::new(cells(24), cells(80), 0);
        Self { master: Some(pair.master), writer, child, bytes, screen }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    fn wait_for(&mut self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text().contains(words) {
            let left = until.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("`{words}` never came ({error}):\n{}", self.text()),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        let writer = self.writer.as_mut().expect("the terminal is there");
        writer.write_all(keys.as_bytes()).expect("keys are taken");
        writer.flush().expect("keys are taken");
    }

    /// Waits for the end; the terminal must be as it was.
    fn ends_with(&mut self, words: &str) {
        self.wait_for(words);
        self.child.wait().expect("the child ends");
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_secs(1)) {
            self.screen.process(&bytes);
        }
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        assert!(!screen.bracketed_paste(), "pastes are not bracketed any more");
    }
}

#[test]
fn a_walk_from_start_to_quit_gives_the_terminal_back() {
    let mut terminal = Terminal::start("console");
    terminal.wait_for("customers_to_crm");
    terminal.press("2");
    terminal.wait_for("Dead letters by cause");
    terminal.press("\r");
    terminal.wait_for("1 of 1,042");
    terminal.press("r");
    terminal.wait_for("retrying 1 dead letter");
    terminal.press("q");
    terminal.wait_for("Quit? 2 jobs run");
    terminal.press("s");
    terminal.ends_with("ended with Ok(Quit)");
}

/// A console that has nothing to say writes nothing.
#[test]
fn an_idle_console_draws_no_frame() {
    let mut terminal = Terminal::start("console");
    terminal.wait_for("customers_to_crm");
    while terminal.bytes.recv_timeout(Duration::from_millis(400)).is_ok() {}
    let more = terminal.bytes.recv_timeout(Duration::from_millis(800));
    assert!(more.is_err(), "{:?}", more.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    terminal.press("\x03\x03");
    terminal.ends_with("ended with Ok(QuitNow)");
}

/// Nor does one whose engine says what is on the screen already.
#[test]
fn a_snapshot_that_changes_nothing_on_the_screen_costs_not_one_byte() {
    let mut terminal = Terminal::start("told");
    terminal.wait_for("customers_to_crm");
    while terminal.bytes.recv_timeout(Duration::from_millis(400)).is_ok() {}
    let more = terminal.bytes.recv_timeout(Duration::from_millis(800));
    assert!(more.is_err(), "{:?}", more.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
    terminal.press("\x03\x03");
    terminal.ends_with("ended with Ok(QuitNow)");
}

// Row 114 of the fault matrix.
#[test]
fn a_signal_to_end_gives_the_terminal_back() {
    let mut terminal = Terminal::start("console");
    terminal.wait_for("customers_to_crm");
    let pid = terminal.child.process_id().and_then(|pid| rustix::process::Pid::from_raw(pid as i32)).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the signal is sent");
    terminal.ends_with("ended with Ok(ToldToEnd)");
}

// Row 114 of the fault matrix.
#[test]
fn a_panic_gives_the_terminal_back_and_is_read_afterwards() {
    let mut terminal = Terminal::start("panic");
    terminal.wait_for("customers_to_crm");
    terminal.press("n");
    terminal.ends_with("the stage fell down");
}

// Row 114 of the fault matrix.
#[test]
fn a_terminal_that_goes_away_ends_the_console_even_without_a_signal() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut holder = Command::new(std::env::current_exe().expect("this test's program"))
        .args(["pty::holder", "--exact", "--ignored", "--nocapture"])
        .env(TASK, "hold")
        .env(LISTENER, listener.local_addr().expect("an address").to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the holder starts");
    let lines = BufReader::new(holder.stdout.take().expect("its output")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")), "the console came up");
    holder.kill().expect("the holder is killed");
    holder.wait().expect("the holder is gone");
    let (sender, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut ended = String::new();
        let (mut stream, _) = listener.accept().expect("the console tells");
        stream.read_to_string(&mut ended).expect("the console tells");
        sender.send(ended)
    });
    let ended = told.recv_timeout(PATIENCE).expect("the console ends when its terminal is gone");
    assert!(ended == "Ok(TerminalGone)" || ended.starts_with("Err(Terminal("), "{ended}");
}

#[test]
fn the_window_can_be_resized() {
    let mut terminal = Terminal::start("console");
    terminal.wait_for("customers_to_crm");
    let resize = |terminal: &mut Terminal, rows: u16, cols: u16| {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        terminal.master.as_ref().expect("the terminal is there").resize(size).expect("it is resized");
        terminal.screen.screen_mut().set_size(cells(rows), cells(cols));
    };
    resize(&mut terminal, 10, 40);
    terminal.wait_for("needs a bit more room");
    resize(&mut terminal, 36, 120);
    terminal.wait_for("Throughput, all jobs");
    terminal.press("\x03\x03");
    terminal.ends_with("ended with Ok(QuitNow)");
}

#[test]
fn the_first_start_offers_the_demo() {
    let mut terminal = Terminal::start("welcome");
    terminal.wait_for("Look around with demo data");
    terminal.press("1");
    terminal.ends_with("ended with Ok(Demo)");
}
