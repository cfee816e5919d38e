//! A console over an engine of another process: what the header and the banner say of it, and what a loss changes.

use super::action::Action;
use super::app::{App, MessageKind};
use super::overlays::Overlay;
use super::screens;
use super::text::{span, started};
use super::theme::Tone;
use super::widgets::Line;
use crate::control::{Attachment, Loss};

/// Takes in how the handle stands to its engine now.
pub(super) fn changed(app: &mut App, attachment: Attachment) {
    let before = std::mem::replace(&mut app.attachment, attachment);
    if !app.attachment.is_there() {
        super::export::broke_off(app, "the engine is lost");
        if matches!(app.overlay, Some(Overlay::Attach)) {
            app.overlay = None;
        }
    }
    match (&before, &app.attachment) {
        (Attachment::Own, Attachment::Attached(host)) => {
            let version = host.version.clone();
            match app.settings.asks_to_attach && !app.settings.is_read_only {
                true => app.overlay = Some(Overlay::Attach),
                false => say_whose(app),
            }
            if version != env!("CARGO_PKG_VERSION") {
                let text = format!("engine {version}, screen {}", env!("CARGO_PKG_VERSION"));
                app.say(
                    MessageKind::Failed,
                    text,
                    Some("both work together; what only one knows is refused".to_owned()),
                );
            }
        }
        (Attachment::Lost(_) | Attachment::Gone(_), Attachment::Attached(host)) => {
            let text = format!("attached again, to {host}");
            app.say(MessageKind::Done, text, None);
            // What was asked while nobody listened is asked again.
            let screen = app.screen;
            screens::show(app, screen);
        }
        // What was said before is not what matters now.
        (Attachment::Attached(_), Attachment::Lost(_)) => app.line = None,
        _ => {}
    }
}

/// Says in the message line whose engine it is.
pub(super) fn say_whose(app: &mut App) {
    if let Attachment::Attached(host) = &app.attachment {
        let text = format!("attached to {host}; quitting closes this screen only");
        app.note(text);
    }
}

/// Who runs the engine, for the header; none where it is this process.
pub(super) fn owner(app: &App, line: Line, is_wide: bool) -> Option<Line> {
    match &app.attachment {
        Attachment::Own => None,
        Attachment::Attached(host) if is_wide => {
            let up = match app.is_still() {
                true => format!("since {}Z", started(host.started_at, app.now)),
                false => format!("up {}", span(app.now.since(host.started_at))),
            };
            let text = format!(" pid {} ({} by {}, {up})", host.pid, host.command, host.user);
            Some(line.tone("ATTACHED", Tone::Run).say(text))
        }
        Attachment::Attached(host) => Some(line.tone("ATTACHED", Tone::Run).say(format!(" pid {}", host.pid))),
        Attachment::Bundle(at) => {
            let at = at.to_jiff().strftime("%Y-%m-%d %H:%MZ").to_string();
            Some(line.tone(format!("bundle of {at}, offline"), Tone::Warn))
        }
        Attachment::Lost(_) => Some(line.tone("ENGINE LOST", Tone::Fail)),
        Attachment::Gone(_) => Some(line.tone("ENGINE GONE", Tone::Fail)),
    }
}

/// What stands under the last frame of an engine that is lost.
pub(super) fn banner(app: &App, line: Line) -> Option<Line> {
    let what = |loss: &Loss| {
        let how = if loss.was_told { "ended" } else { "stopped answering" };
        format!("✗ engine (pid {}) {how} {}Z", loss.host.pid, loss.at.clock_text())
    };
    match &app.attachment {
        Attachment::Own | Attachment::Attached(_) | Attachment::Bundle(_) => None,
        Attachment::Lost(loss) => {
            let line = line.tone(what(loss), Tone::Fail);
            Some(
                line.say(format!("   looking for it ({} of 10)   ", loss.tries + 1))
                    .key(app.key(Action::Quit))
                    .say(" quit"),
            )
        }
        Attachment::Gone(loss) => {
            let mut line = line.tone(what(loss), Tone::Fail).say("   ");
            if app.why_not_start().is_none() {
                line = line.key(app.settings.keymap.label(Action::StartHere)).say(" start one here   ");
            }
            Some(line.key(app.key(Action::Quit)).say(" quit"))
        }
    }
}
