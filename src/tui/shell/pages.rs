//! Pages that are shown without an engine: the welcome, and that a state is locked.

use super::TuiError;
use super::input::Input;
use super::run::needs_terminal;
use super::terminal::{Screen, guarded};
use super::watchdog::Watchdog;
use crate::tui::Options;
use crate::tui::locked::{LockedChoice, LockedPage, LockedView};
use crate::tui::welcome::{Welcome, WelcomeChoice, WelcomePage};
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event, KeyEvent};
use ratatui::layout::Position;
use std::pin::pin;

/// Shows what can be done without a configuration.
pub async fn welcome(page: WelcomePage, options: Options) -> Result<WelcomeChoice, TuiError> {
    let mut page = Welcome::new(options.theme(), page);
    let mut lent = Lent::take()?;
    loop {
        lent.draw(|buffer| page.view(buffer))?;
        match lent.key(&options).await? {
            None => return Ok(WelcomeChoice::Quit),
            Some(Some(key)) => {
                if let Some(choice) = page.key(&key) {
                    return Ok(choice);
                }
            }
            Some(None) => {}
        }
    }
}

/// Shows that a state is held by a process that does not answer. `answers` ends when it does, or when it is gone: that
/// counts as trying again for a person who said that they wait.
pub async fn locked(
    page: LockedPage,
    answers: impl Future<Output = ()>,
    options: Options,
) -> Result<LockedChoice, TuiError> {
    let mut page = LockedView::new(options.theme(), page);
    let mut lent = Lent::take()?;
    let mut answers = pin!(answers);
    let mut has_answered = false;
    loop {
        lent.draw(|buffer| page.view(buffer))?;
        if page.is_waiting && has_answered {
            return Ok(LockedChoice::TryAgain);
        }
        let key = tokio::select! {
            biased;
            key = lent.key(&options) => key?,
            () = &mut answers, if !has_answered => {
                has_answered = true;
                continue;
            }
        };
        match key {
            None => return Ok(LockedChoice::Quit),
            Some(Some(key)) => {
                if let Some(choice) = page.key(&key) {
                    return Ok(choice);
                }
            }
            Some(None) => {}
        }
    }
}

/// The terminal, lent for a page.
struct Lent {
    screen: Screen,
    input: Input,
    watchdog: Watchdog,
}

impl Lent {
    fn take() -> Result<Self, TuiError> {
        needs_terminal()?;
        Ok(Self { screen: Screen::take()?, input: Input::start()?, watchdog: Watchdog::start()? })
    }

    fn draw(&mut self, view: impl FnOnce(&mut Buffer) -> Option<Position>) -> Result<(), TuiError> {
        let screen = &mut self.screen;
        guarded(|| screen.draw(view)).map_err(TuiError::Broken)??;
        Ok(())
    }

    /// The next key; none inside for other events, none at all when the page is to end.
    async fn key(&mut self, options: &Options) -> Result<Option<Option<KeyEvent>>, TuiError> {
        let event = tokio::select! {
            biased;
            () = options.shutdown.cancelled() => None,
            () = self.watchdog.gone.notified() => None,
            event = self.input.events.recv() => event,
        };
        match event {
            None => Ok(None),
            Some(event) => Ok(Some(match event? {
                Event::Key(key) => Some(key),
                _ => None,
            })),
        }
    }
}
