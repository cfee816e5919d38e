//! Says that the engine is another process's, and asks how this screen is to be attached to it.

use super::{dialog, text_width};
use crate::control::Attachment;
use crate::tui::action::Action;
use crate::tui::app::{App, Effect, Left, MessageKind};
use crate::tui::attached;
use crate::tui::keymap::Context;
use crate::tui::text::{span, started, wrapped};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Line};

/// Takes the choice.
pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Accept => enter(app),
        Action::AttachReadOnly => {
            app.settings.is_read_only = true;
            enter(app);
        }
        Action::AttachAlways if !app.settings.can_remember => {
            app.note("there is no folder to remember it in: neither $XDG_CONFIG_HOME nor $HOME is set; or: --attach");
        }
        Action::AttachAlways => {
            enter(app);
            app.effects.push(Effect::Remember);
        }
        Action::No | Action::Interrupt => app.effects.push(Effect::Leave(Left::Quit)),
        _ => {}
    }
}

fn enter(app: &mut App) {
    app.overlay = None;
    attached::say_whose(app);
}

/// What came of remembering that nobody wants to be asked any more.
pub fn remembered(app: &mut App, result: Result<String, String>) {
    match result {
        Ok(path) => app.say(MessageKind::Done, format!("not asked again, as long as there is {path}"), None),
        Err(problem) => app.say(
            MessageKind::Failed,
            format!("that you do not want to be asked could not be written: {problem}"),
            Some("`syncdeck console --attach` does not ask".to_owned()),
        ),
    }
}

fn key(app: &App, action: Action) -> String {
    app.settings.keymap.labels(&[Context::Attach], action).into_iter().next().unwrap_or_default()
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let Attachment::Attached(host) = &app.attachment else { return };
    let width = text_width(app);
    let say = |text: &str| wrapped(text, width).iter().map(|line| canvas.line().say(line)).collect::<Vec<Line>>();
    let folder = app.snapshot.as_ref().map(|snapshot| snapshot.engine.state_folder.as_str()).unwrap_or_default();
    let mut lines = say(&format!("{folder} is held by another process, which runs its jobs:"));
    lines.push(canvas.line());
    let at = format!("{}Z", started(host.started_at, app.now));
    lines.push(
        canvas.line().say(format!("  pid {}   syncdeck {}   started by ", host.pid, host.command)).say(format!(
            "{} {at}, {} ago",
            host.user,
            span(app.now.since(host.started_at))
        )),
    );
    let version = canvas.line().say(format!("  version {}   ", host.version));
    lines.push(match host.version == env!("CARGO_PKG_VERSION") {
        true => version.tone("the same as this screen's ✓", Tone::Ok),
        false => version.tone(format!("! this screen is {}", env!("CARGO_PKG_VERSION")), Tone::Warn),
    });
    lines.push(canvas.line());
    lines.extend(say(&format!(
        "You see the same live state and can act as usual. What you do is signed “{}” in the journal. Quitting closes \
         this screen only; the engine goes on.",
        app.settings.signed_as
    )));
    lines.push(canvas.line());
    let mut buttons = canvas.line().tone(format!("[ Attach  {} ]", key(app, Action::Accept)), Tone::Selected);
    let mut others = vec![(Action::AttachReadOnly, "read-only"), (Action::No, "quit")];
    if app.settings.can_remember {
        others.insert(1, (Action::AttachAlways, "don't ask again"));
    }
    // A choice that was left without a key is none.
    for (action, words) in others.into_iter().filter(|(action, _)| !key(app, *action).is_empty()) {
        buttons = buttons.say("  ").key(key(app, action)).say(format!(" {words}"));
    }
    dialog(app, canvas, "Attach to the engine that is already running?", lines, &buttons, None);
}
