//! The thread that reads the keyboard. It can be stopped, unlike a read that blocks.

use ratatui::crossterm::event::{self, Event};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self as done, Receiver};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the thread may take to notice that it is to stop.
const POLL: Duration = Duration::from_millis(50);
/// Events that wait for the console.
const WAITING_MAX: usize = 256;

/// Reads events until dropped.
pub struct Input {
    pub events: mpsc::Receiver<io::Result<Event>>,
    stop: Arc<AtomicBool>,
    /// Closed when the thread ends.
    done: Receiver<()>,
}

impl Input {
    pub fn start() -> io::Result<Self> {
        // The first look installs the handler for changes of size; none must be missed after the first frame.
        event::poll(Duration::ZERO)?;
        let (sender, events) = mpsc::channel(WAITING_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let (ends, done) = done::channel();
        thread::Builder::new().name("input".to_owned()).spawn(move || {
            read(&sender, &told);
            drop::<done::Sender<()>>(ends);
        })?;
        Ok(Self { events, stop, done })
    }
}

fn read(sender: &mpsc::Sender<io::Result<Event>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let next = match event::poll(POLL) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(error) => Err(error),
        };
        // After an error there is nothing more to read; the console hears of it and ends.
        let is_last = next.is_err();
        if sender.blocking_send(next).is_err() || is_last {
            return;
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A thread that waits for room in the queue is let go by closing it.
        self.events.close();
        // A read from a terminal that is gone may never return, so the end of the thread is not waited for without bound.
        let _ = self.done.recv_timeout(4 * POLL);
    }
}
