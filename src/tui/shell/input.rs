//! The thread that reads the keyboard. It can be stopped, unlike a read that blocks.

use ratatui::crossterm::event::{self, Event};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
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
    thread: Option<JoinHandle<()>>,
}

impl Input {
    pub fn start() -> io::Result<Self> {
        let (sender, events) = mpsc::channel(WAITING_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new().name("input".to_owned()).spawn(move || read(&sender, &told))?;
        Ok(Self { events, stop, thread: Some(thread) })
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
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell: its result is empty, and a panic was reported by the hook.
            let _ = thread.join();
        }
    }
}
