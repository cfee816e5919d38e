//! A console over an engine of another process, and what it does when that goes.

use crate::stage::{NOW, Stage, ago, key_event, theme, world};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use std::sync::Arc;
use std::time::Duration;
use syncdeck::control::{Attachment, Host, Loss, Request};
use syncdeck::model::{Circuit, JobState};
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Effect, Left, LockedChoice, LockedPage, LockedView, Msg, Settings};

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (60, 15)];
const SYMBOLS: [(Symbols, &str); 2] = [(Symbols::Unicode, ""), (Symbols::Ascii, "_ascii")];

fn host() -> Host {
    Host {
        pid: 4127,
        user: "ops".to_owned(),
        command: "serve".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: ago(15_120),
    }
}

fn loss(tries: u32) -> Loss {
    Loss { host: host(), at: NOW, was_told: true, tries }
}

fn attached(width: u16, height: u16, symbols: Symbols) -> Stage {
    let mut stage = Stage::with(world(), width, height, symbols);
    stage.send(Msg::Attachment(Attachment::Attached(host())));
    stage
}

fn in_every_way(name: &str, prepare: impl Fn(&mut Stage)) {
    for (width, height) in SIZES {
        for (symbols, suffix) in SYMBOLS {
            let mut stage = attached(width, height, symbols);
            prepare(&mut stage);
            insta::assert_snapshot!(format!("{name}{suffix}_{width}x{height}"), stage.text());
        }
    }
}

#[test]
fn the_header_says_whose_engine_it_is() {
    in_every_way("attached", |_| {});
}

/// An engine that has nothing to do, as it was `seconds` after [`NOW`].
fn idle(seconds: u64) -> Msg {
    let mut snapshot = world().snapshot;
    snapshot.at = NOW.plus(Duration::from_secs(seconds));
    snapshot.retries.clear();
    snapshot.findings.clear();
    for job in &mut snapshot.jobs {
        (job.state, job.run, job.rate, job.due) = (JobState::Idle, None, 0.0, None);
        job.checkpoint.iter_mut().for_each(|checkpoint| checkpoint.saved_at = ago(15_120));
    }
    for connection in &mut snapshot.connections {
        (connection.circuit, connection.in_flight, connection.budget) = (Circuit::Closed, 0, None);
    }
    Msg::Snapshot(Arc::new(snapshot))
}

#[test]
fn nothing_moves_on_a_screen_over_an_idle_engine() {
    for is_attached in [false, true] {
        for (width, height) in SIZES {
            let mut stage = Stage::with(world(), width, height, Symbols::Unicode);
            if is_attached {
                stage.send(Msg::Attachment(Attachment::Attached(host())));
            }
            stage.later(10_000);
            stage.send(idle(10));
            stage.later(10_000);
            let before = stage.text();
            assert!(before.contains(" idle "), "{before}");
            assert_eq!(stage.app.deadline(), None, "no moment is waited for");
            for (later, seconds) in [(9, 20), (9, 30), (9, 39), (361, 400)] {
                stage.later(later * 1_000);
                stage.send(idle(seconds));
                assert_eq!(stage.text(), before);
            }
            if width == 120 {
                let words = if is_attached { "since 10:" } else { "this process, since " };
                assert!(before.contains(words), "{before}");
            }
        }
    }
}

#[test]
fn the_clock_goes_while_a_job_runs_and_while_one_is_due_within_the_minute() {
    let mut stage = Stage::with(world(), 120, 36, Symbols::Unicode);
    let clock = format!("{}Z", NOW.clock_text());
    assert!(stage.shows(&clock), "{}", stage.text());
    let Msg::Snapshot(snapshot) = idle(0) else { panic!("a snapshot") };
    let mut due = (*snapshot).clone();
    due.jobs[0].due = Some(NOW.plus(Duration::from_secs(59)));
    stage.send(Msg::Snapshot(Arc::new(due.clone())));
    assert!(stage.shows(&clock), "{}", stage.text());
    due.jobs[0].due = Some(NOW.plus(Duration::from_secs(61)));
    stage.send(Msg::Snapshot(Arc::new(due)));
    assert!(!stage.shows(&clock) && stage.shows(" idle "), "{}", stage.text());
}

#[test]
fn the_last_frame_of_a_lost_engine_stays_with_a_banner() {
    in_every_way("lost", |stage| stage.send(Msg::Attachment(Attachment::Lost(loss(2)))));
    in_every_way("gone", |stage| {
        stage.later(5_000);
        stage.send(Msg::Attachment(Attachment::Gone(loss(10))));
    });
}

#[test]
fn what_is_attached_and_read_only_says_both_at_every_size() {
    for (width, height) in SIZES {
        let mut stage = attached(width, height, Symbols::Unicode);
        stage.app.settings.is_read_only = true;
        let header = stage.text().lines().next().unwrap_or_default().to_owned();
        assert!(header.contains("READ-ONLY") && header.contains("ATTACHED"), "{width}x{height}: {header}");
    }
}

#[test]
fn the_last_frame_is_dimmed_and_without_colours_but_for_what_is_new() {
    let mut stage = attached(120, 36, Symbols::Unicode);
    let colours = |buffer: &Buffer, rows: std::ops::Range<u16>| {
        rows.flat_map(|y| (0..120).map(move |x| (x, y)))
            .filter(|position| !matches!(buffer[*position].fg, Color::Reset))
            .count()
    };
    assert!(colours(&stage.frame().0, 2..33) > 0, "the living frame has colours");
    stage.send(Msg::Attachment(Attachment::Lost(loss(0))));
    let (buffer, _) = stage.frame();
    assert_eq!(colours(&buffer, 2..33), 0);
    assert!((2..33).all(|y| buffer[(5, y)].modifier.contains(Modifier::DIM)));
    assert!(colours(&buffer, 34..35) > 0, "the banner is no part of what was");
}

#[test]
fn closing_an_attached_screen_asks_nothing() {
    for keys in ["q", "ctrl-c"] {
        let mut stage = attached(120, 36, Symbols::Unicode);
        stage.press(keys);
        assert_eq!(stage.left, Some(Left::Quit), "{keys}");
    }
}

#[test]
fn nothing_is_asked_of_an_engine_that_is_lost_and_everything_again_when_it_is_back() {
    let mut stage = attached(120, 36, Symbols::Unicode);
    stage.send(Msg::Attachment(Attachment::Lost(loss(0))));
    stage.asked.clear();
    stage.press("n");
    assert!(stage.shows("the engine is not there: nothing was changed"), "{}", stage.text());
    stage.press("p 2");
    assert!(stage.asked.is_empty(), "{:?}", stage.asked);
    assert!(stage.app.overlay.is_none());
    stage.send(Msg::Attachment(Attachment::Attached(host())));
    assert!(stage.shows("attached again, to pid 4127 (syncdeck serve, by ops)"), "{}", stage.text());
    assert!(matches!(stage.asked.first(), Some(Request::DeadGroups { .. })), "{:?}", stage.asked);
    stage.press("1 j j j n");
    assert_eq!(stage.orders().len(), 1);
}

#[test]
fn r_starts_an_engine_here_only_when_the_other_is_gone_for_good() {
    let mut stage = attached(120, 36, Symbols::Unicode);
    stage.press("2");
    stage.send(Msg::Attachment(Attachment::Lost(loss(3))));
    stage.press("r");
    assert_eq!(stage.left, None);
    stage.send(Msg::Attachment(Attachment::Gone(loss(10))));
    stage.press("r");
    assert_eq!(stage.left, Some(Left::StartHere));
}

#[test]
fn a_screen_without_a_configuration_offers_no_engine_of_its_own() {
    let mut stage = attached(120, 36, Symbols::Unicode);
    stage.app.settings.is_guest = true;
    stage.send(Msg::Attachment(Attachment::Gone(loss(10))));
    assert!(!stage.shows("start one here"), "{}", stage.text());
    stage.press("r");
    assert!(stage.left.is_none() && stage.shows("no configuration was found to start an engine by"));
}

#[test]
fn an_engine_of_another_version_is_said_to_be_one() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.send(Msg::Attachment(Attachment::Attached(Host { version: "9.9.9".to_owned(), ..host() })));
    assert!(stage.shows(&format!("engine 9.9.9, screen {}", env!("CARGO_PKG_VERSION"))), "{}", stage.text());
}

fn locked(symbols: Symbols) -> LockedView {
    let page = LockedPage {
        state: "/var/lib/syncdeck/acme-production".to_owned(),
        holder: "pid 4127 (syncdeck serve), started 10:20 by ops".to_owned(),
        pid: Some(4127),
        is_alive: Some(true),
        problem: "no answer in 3 s".to_owned(),
        log: vec!["2026-03-02T14:31:58Z  INFO page committed job=customers_to_crm\u{1b}[2J".to_owned()],
    };
    LockedView::new(theme(symbols), page)
}

fn seen(view: &LockedView, width: u16, height: u16) -> String {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view.view(&mut buffer);
    crate::stage::text(&buffer)
}

#[test]
fn a_locked_state_has_a_page() {
    for (width, height) in SIZES {
        for (symbols, suffix) in SYMBOLS {
            let text = seen(&locked(symbols), width, height);
            assert!(!suffix.contains("ascii") || text.is_ascii(), "{text}");
            insta::assert_snapshot!(format!("locked{suffix}_{width}x{height}"), text);
        }
    }
    for width in 1..130 {
        for height in 1..40 {
            seen(&locked(Symbols::Unicode), width, height);
        }
    }
}

#[test]
fn the_keys_of_a_locked_state_try_again_wait_tell_and_quit() {
    let mut view = locked(Symbols::Unicode);
    assert_eq!(view.key(&key_event("r")), Some(LockedChoice::TryAgain));
    assert_eq!(view.key(&key_event("q")), Some(LockedChoice::Quit));
    assert_eq!(view.key(&key_event("x")), None);
    view.key(&key_event("w"));
    assert!(view.is_waiting && seen(&view, 80, 24).contains("waiting; this opens as soon as it answers"));
    view.key(&key_event("i"));
    assert!(seen(&view, 80, 24).contains("page committed job=customers_to_crm␛[2J"));
    view.key(&key_event("esc"));
    assert!(seen(&view, 80, 24).contains("never breaks the lock"));
}

fn asked(width: u16, height: u16, symbols: Symbols) -> Stage {
    let settings = Settings {
        asks_to_attach: true,
        can_remember: true,
        signed_as: "ada (pts/3)".to_owned(),
        ..Settings::default()
    };
    let mut stage = Stage::set(world(), width, height, symbols, settings);
    stage.send(Msg::Attachment(Attachment::Attached(host())));
    stage
}

#[test]
fn a_screen_over_an_engine_of_another_process_asks_how_it_is_to_attach() {
    for (width, height) in SIZES {
        for (symbols, suffix) in SYMBOLS {
            let text = asked(width, height, symbols).text();
            assert!(!suffix.contains("ascii") || text.is_ascii(), "{text}");
            insta::assert_snapshot!(format!("attach{suffix}_{width}x{height}"), text);
        }
    }
}

#[test]
fn enter_attaches_and_r_attaches_for_looking_alone() {
    let mut stage = asked(120, 36, Symbols::Unicode);
    stage.press("p n X");
    assert!(stage.app.overlay.is_some() && stage.orders().is_empty(), "the question has the keys");
    stage.press("enter j j j n");
    assert_eq!(stage.orders().len(), 1);
    let mut stage = asked(120, 36, Symbols::Unicode);
    stage.press("r j j j n");
    assert!(stage.shows("read-only: this screen changes nothing") && stage.shows("READ-ONLY"), "{}", stage.text());
    assert!(stage.orders().is_empty());
    stage.send(Msg::Attachment(Attachment::Gone(loss(10))));
    stage.press("r");
    assert!(stage.left.is_none() && stage.shows("starts no engine"), "{}", stage.text());
}

#[test]
fn d_attaches_and_has_it_written_down_that_nobody_wants_to_be_asked() {
    let mut stage = asked(120, 36, Symbols::Unicode);
    stage.press("d");
    assert!(stage.app.overlay.is_none() && stage.effects.contains(&Effect::Remember), "{:?}", stage.effects);
    stage.send(Msg::Remembered(Ok("/home/ada/.config/syncdeck/attach-without-asking".to_owned())));
    assert!(stage.shows("not asked again, as long as there is /home/ada/"), "{}", stage.text());
    stage.send(Msg::Remembered(Err("Read-only file system".to_owned())));
    assert!(stage.shows("could not be written: Read-only file"), "{}", stage.text());
    let mut stage = asked(120, 36, Symbols::Unicode);
    stage.app.settings.can_remember = false;
    assert!(!stage.shows("ask again"), "a choice that does nothing is not offered: {}", stage.text());
    stage.press("d");
    assert!(stage.app.overlay.is_some() && stage.effects.is_empty());
}

#[test]
fn escape_and_q_leave_without_attaching() {
    for key in ["esc", "q", "ctrl-c"] {
        let mut stage = asked(80, 24, Symbols::Unicode);
        stage.press(key);
        assert_eq!(stage.left, Some(Left::Quit), "{key}");
        assert!(stage.orders().is_empty());
    }
}

#[test]
fn it_is_asked_once_and_not_of_who_only_looks() {
    let mut stage = asked(120, 36, Symbols::Unicode);
    stage.send(Msg::Attachment(Attachment::Lost(loss(0))));
    assert!(stage.app.overlay.is_none(), "there is nothing to attach to");
    stage.send(Msg::Attachment(Attachment::Attached(host())));
    assert!(stage.app.overlay.is_none() && stage.shows("attached again"), "{}", stage.text());
    let settings = Settings { asks_to_attach: true, is_read_only: true, ..Settings::default() };
    let mut stage = Stage::set(world(), 120, 36, Symbols::Unicode, settings);
    stage.send(Msg::Attachment(Attachment::Attached(host())));
    assert!(stage.app.overlay.is_none() && stage.shows("attached to pid 4127"), "{}", stage.text());
}
