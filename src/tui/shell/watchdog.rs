//! Notices that the terminal is gone, also when nobody sends a signal about it.

use super::terminal::give_back;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;
use tokio::sync::Notify;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A console that has not ended so long after its terminal is stuck.
const PATIENCE: Duration = Duration::from_secs(5);
/// 128 + SIGHUP, as a shell reports it.
const EXIT_HANGUP: i32 = 129;

/// Watches until dropped.
pub struct Watchdog {
    pub gone: Arc<Notify>,
    /// Its drop tells the thread to end.
    _stop: mpsc::Sender<()>,
}

impl Watchdog {
    pub fn start() -> io::Result<Self> {
        let gone = Arc::new(Notify::new());
        let (stop, stopped) = mpsc::channel();
        let notify = Arc::clone(&gone);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || watch(&notify, &stopped))?;
        Ok(Self { gone, _stop: stop })
    }
}

fn watch(gone: &Notify, stopped: &mpsc::Receiver<()>) {
    while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        if !is_gone() {
            continue;
        }
        gone.notify_one();
        if stopped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            give_back();
            // The engine's state is safe against this as it is against a crash; a process that spins for ever is not.
            std::process::exit(EXIT_HANGUP);
        }
        return;
    }
}

fn is_gone() -> bool {
    let stdin = rustix::stdio::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ends = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut fds, Some(&at_once)).is_ok_and(|ready| ready > 0 && fds[0].revents().intersects(ends))
}
