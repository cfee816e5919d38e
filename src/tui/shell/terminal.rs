//! The terminal as it was lent: taken over whole, given back whole, whatever happens.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture,
};
use ratatui::crossterm::style::ResetColor;
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::{Position, Rect};
use std::cell::Cell;
use std::io::{self, BufWriter, Stdout, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once};

/// Frames are written in one piece.
const OUTPUT_BUFFER: usize = 64 * 1024;

/// True while the terminal is ours.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// What other threads had to say when they panicked while the screen was ours; printed when it is given back.
static LAST_WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    /// True while this thread is inside the console's own code.
    static IS_CONSOLE: Cell<bool> = const { Cell::new(false) };
}

type Lent = Terminal<CrosstermBackend<BufWriter<Stdout>>>;

/// The terminal, ours until dropped.
pub struct Screen {
    /// None only while it is being dropped.
    terminal: Option<Lent>,
    /// The frame that is on it, with its cursor; none where that is not known.
    shown: Option<(Buffer, Option<Position>)>,
}

impl Screen {
    pub fn take() -> io::Result<Self> {
        hook_panics();
        enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let mut out = BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout());
        let entered = execute!(out, EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(out)));
        match entered {
            Ok(terminal) => Ok(Self { terminal: Some(terminal), shown: None }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.as_ref().expect("a terminal that is not dropped").size()?;
        Ok((size.width, size.height))
    }

    /// Gives the terminal back for a while, as it was lent: an editor takes it.
    pub fn lend(&mut self) -> io::Result<()> {
        give_back();
        Ok(())
    }

    /// Takes the terminal again after [`Screen::lend`]; the next frame draws all of it.
    pub fn take_back(&mut self, mouse: bool) -> io::Result<()> {
        enable_raw_mode()?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        let terminal = self.lent();
        execute!(terminal.backend_mut(), EnterAlternateScreen, EnableBracketedPaste, EnableFocusChange, Hide)?;
        self.forget()?;
        self.mouse(mouse)
    }

    /// Draws a frame in one synchronized piece, so that no terminal shows half of it. What is on the terminal already
    /// costs not one byte.
    pub fn draw(&mut self, view: impl FnOnce(&mut Buffer) -> Option<Position>) -> io::Result<()> {
        let (width, height) = self.size()?;
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        let cursor = view(&mut buffer);
        let frame = (buffer, cursor);
        if self.shown.as_ref() == Some(&frame) {
            return Ok(());
        }
        let terminal = self.lent();
        queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
        terminal.draw(|on| {
            // A terminal that has another size by now gets another frame, with the word of that.
            if on.area() == frame.0.area {
                on.buffer_mut().clone_from(&frame.0);
            }
            if let Some(position) = frame.1 {
                on.set_cursor_position(position);
            }
        })?;
        execute!(terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.shown = Some(frame);
        Ok(())
    }

    /// Listens to the mouse, or leaves it to the terminal, whose own selection works then.
    pub fn mouse(&mut self, is_on: bool) -> io::Result<()> {
        let out = self.lent().backend_mut();
        if is_on { execute!(out, EnableMouseCapture) } else { execute!(out, DisableMouseCapture) }
    }

    /// Writes an escape sequence that draws nothing.
    pub fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        let out = self.lent().backend_mut();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Forgets what is on the terminal, so that the next frame draws all of it.
    ///
    /// Not by `clear`: that asks the terminal where its cursor stands, and not every terminal answers.
    pub fn forget(&mut self) -> io::Result<()> {
        self.shown = None;
        let terminal = self.lent();
        let size = terminal.size()?;
        terminal.resize(size.into())
    }

    fn lent(&mut self) -> &mut Lent {
        self.terminal.as_mut().expect("a terminal that is not dropped")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
        // It complains on standard error when the cursor can not be shown, and panics when that is gone as well.
        let terminal = self.terminal.take();
        let _ = guarded(move || drop(terminal));
        // Words that were held back, so that they did not fall into the picture.
        let words = LAST_WORDS.lock().map(|mut words| std::mem::take(&mut *words)).unwrap_or_default();
        let mut err = io::stderr();
        for line in words {
            // Nobody is left to tell when even this can not be written.
            let _ = writeln!(err, "{line}");
        }
    }
}

/// Undoes everything that [`Screen::take`] did, once. What fails is passed over: there is no better place to go.
pub fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        ResetColor,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// Runs the console's own code; a panic in it comes back as text, after the terminal was restored.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    IS_CONSOLE.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    IS_CONSOLE.set(false);
    result.map_err(|cause| {
        let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| cause.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_owned())
    })
}

/// A panic of the console restores the terminal before it is reported. One of another thread (the engine's tasks
/// report theirs themselves) must not write into the picture: it goes to the log now and to the person later.
fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_CONSOLE.get() {
                give_back();
            }
            if IS_TAKEN.load(Ordering::SeqCst) {
                tracing::error!(panic = %info, "a task panicked");
                if let Ok(mut words) = LAST_WORDS.try_lock() {
                    words.push(info.to_string());
                }
            } else {
                previous(info);
            }
        }));
    });
}
