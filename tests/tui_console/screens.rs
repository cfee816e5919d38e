//! Every screen and every dialog as a person sees it, at both sizes.

use crate::stage::{Stage, World, world};
use syncdeck::control::Refusal;
use syncdeck::model::{EngineInfo, Snapshot};
use syncdeck::tui::text::Symbols;
use syncdeck::tui::{Msg, Welcome, WelcomeChoice, WelcomePage};

const SIZES: [(u16, u16); 2] = [(120, 36), (80, 24)];

/// Takes a picture after `keys` at both sizes.
fn pictures(name: &str, keys: &str) {
    for (width, height) in SIZES {
        let mut stage = Stage::new(world(), width, height);
        stage.press(keys);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), stage.text());
    }
}

/// The same without anything beyond ASCII.
fn ascii_pictures(name: &str, keys: &str) {
    for (width, height) in SIZES {
        let mut stage = Stage::with(world(), width, height, Symbols::Ascii);
        stage.press(keys);
        let text = stage.text();
        assert!(text.is_ascii(), "{text}");
        insta::assert_snapshot!(format!("{name}_ascii_{width}x{height}"), text);
    }
}

#[test]
fn jobs() {
    pictures("jobs", "");
    ascii_pictures("jobs", "");
}

#[test]
fn jobs_with_the_findings_in_front() {
    pictures("jobs_attention", "! down");
    pictures("jobs_zoomed", "z");
}

#[test]
fn jobs_with_a_filter() {
    pictures("jobs_filter", "/ s h o p");
}

#[test]
fn a_workspace_without_jobs() {
    for (width, height) in SIZES {
        let mut empty = world();
        empty.snapshot = Snapshot {
            at: empty.snapshot.at,
            engine: EngineInfo { workspace: "new".to_owned(), is_running: true, ..EngineInfo::default() },
            ..Snapshot::default()
        };
        empty.snapshot.engine.started_at = empty.snapshot.at;
        insta::assert_snapshot!(format!("jobs_none_{width}x{height}"), Stage::new(empty, width, height).text());
    }
}

#[test]
fn a_job() {
    pictures("job", "j enter");
    ascii_pictures("job", "j enter");
    pictures("job_events", "j enter tab");
    pictures("job_limits", "j enter tab tab");
}

#[test]
fn a_job_without_a_total_has_no_bar() {
    for (width, height) in SIZES {
        let mut stage = Stage::new(world(), width, height);
        stage.press("j j j enter");
        assert!(stage.shows("no total from source"), "{}", stage.text());
        insta::assert_snapshot!(format!("job_no_total_{width}x{height}"), stage.text());
    }
}

#[test]
fn dead_letters_by_cause() {
    pictures("dead", "2");
    ascii_pictures("dead", "2");
}

#[test]
fn dead_letters_that_are_none() {
    for (width, height) in SIZES {
        let mut stage = Stage::new(World { groups: Vec::new(), ..world() }, width, height);
        stage.press("2");
        insta::assert_snapshot!(format!("dead_none_{width}x{height}"), stage.text());
    }
}

#[test]
fn the_records_of_a_cause() {
    pictures("letters", "2 enter");
    ascii_pictures("letters", "2 enter");
    pictures("letters_marked", "2 enter space space");
}

#[test]
fn a_record() {
    pictures("record", "2 enter enter down");
    ascii_pictures("record", "2 enter enter down");
    pictures("record_json", "2 enter enter v");
    pictures("record_value", "2 enter enter down down down down down down down enter");
}

#[test]
fn checkpoints() {
    pictures("checkpoints", "4 down");
    ascii_pictures("checkpoints", "4 down");
}

#[test]
fn logs() {
    pictures("logs", "7");
    ascii_pictures("logs", "7");
    pictures("logs_line", "7 + up up enter");
}

#[test]
fn help() {
    pictures("help", "?");
    ascii_pictures("help", "?");
    pictures("help_of_dead_letters", "2 ?");
    pictures("help_search", "? r e t");
}

#[test]
fn dialogs() {
    pictures("retry", "2 R");
    ascii_pictures("retry", "2 R");
    pictures("discard", "2 enter x 2");
    pictures("discard_many", "2 x");
    pictures("pause", "j p");
    pictures("stop_run", "j X");
    pictures("quit", "q");
    ascii_pictures("quit", "q");
}

#[test]
fn a_retry_is_shown_before_it_is_counted() {
    let mut stage = Stage::new(world(), 80, 24);
    stage.press("2");
    stage.is_silent = true;
    stage.press("R");
    insta::assert_snapshot!("retry_counting_80x24", stage.text());
}

#[test]
fn messages_and_failures() {
    pictures("messages", "n n x `");
    for (width, height) in SIZES {
        let mut stage = Stage::new(world(), width, height);
        stage.press("n");
        insta::assert_snapshot!(format!("message_{width}x{height}"), stage.text());
        stage.world.refusal = Some(Refusal {
            message: "the engine is stopping; nothing was changed".to_owned(),
            hint: Some("start syncdeck again".to_owned()),
        });
        stage.press("n n");
        insta::assert_snapshot!(format!("failure_{width}x{height}"), stage.text());
    }
}

#[test]
fn an_engine_that_is_gone_and_one_that_can_not_save() {
    let mut stage = Stage::new(world(), 120, 36);
    stage.send(Msg::EngineGone);
    insta::assert_snapshot!("engine_gone_120x36", stage.text());
    let mut broken = world();
    broken.snapshot.engine.store_error = Some("no space left on device".to_owned());
    insta::assert_snapshot!("store_error_80x24", Stage::new(broken, 80, 24).text());
}

#[test]
fn the_least_size_and_what_is_below_it() {
    for keys in ["", "j enter", "2", "2 enter", "2 enter enter", "4", "7", "2 R", "2 x", "?", "q"] {
        let mut stage = Stage::new(world(), 60, 15);
        stage.press(keys);
        let name = if keys.is_empty() { "start".to_owned() } else { keys.replace(' ', "_").replace('?', "help") };
        let name = name.replace('R', "retry");
        insta::assert_snapshot!(format!("least_{name}"), stage.text());
    }
    insta::assert_snapshot!("refusal_58x12", Stage::new(world(), 58, 12).text());
    insta::assert_snapshot!("refusal_30x4", Stage::new(world(), 30, 4).text());
}

#[test]
fn the_engine_has_not_answered_yet() {
    let mut silent = world();
    silent.snapshot = Snapshot::default();
    insta::assert_snapshot!("asking_80x24", Stage::new(silent, 80, 24).text());
}

fn first_start() -> WelcomePage {
    let looked = vec![
        ("./syncdeck.toml".to_owned(), "not found".to_owned()),
        ("$SYNCDECK_CONFIG".to_owned(), "not set".to_owned()),
        ("~/.config/syncdeck/syncdeck.toml".to_owned(), "not found".to_owned()),
    ];
    WelcomePage {
        looked,
        new_config: "/srv/acme/syncdeck.toml".to_owned(),
        engines_place: "/home/ada/.local/state/syncdeck".to_owned(),
        ..WelcomePage::default()
    }
}

fn seen(welcome: &Welcome, width: u16, height: u16) -> String {
    let mut buffer = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, width, height));
    welcome.view(&mut buffer);
    crate::stage::text(&buffer)
}

#[test]
fn the_first_start() {
    let theme = crate::stage::theme(Symbols::Unicode);
    for (width, height) in SIZES {
        let welcome = Welcome::new(theme, first_start());
        insta::assert_snapshot!(format!("welcome_{width}x{height}"), seen(&welcome, width, height));
    }
    let problem = ("/srv/gone".to_owned(), "no engine listens in `/srv/gone`".to_owned());
    let failed = Welcome::new(theme, WelcomePage { problem: Some(problem), ..first_start() });
    insta::assert_snapshot!("welcome_attach_80x24", seen(&failed, 80, 24));
    for width in 1..130 {
        for height in 1..40 {
            seen(&failed, width, height);
        }
    }
}

#[test]
fn every_choice_of_the_first_start_does_something() {
    let theme = crate::stage::theme(Symbols::Unicode);
    let press = |welcome: &mut Welcome, keys: &str| {
        let keys: Vec<&str> = keys.split(' ').collect();
        keys.into_iter().fold(None, |_, key| welcome.key(&crate::stage::key_event(key)))
    };
    let choices = [
        ("enter", Some(WelcomeChoice::Demo)),
        ("1", Some(WelcomeChoice::Demo)),
        ("2", Some(WelcomeChoice::Make)),
        ("j enter", Some(WelcomeChoice::Make)),
        ("3 / s enter", Some(WelcomeChoice::Attach("/s".to_owned()))),
        ("3 enter", None),
        ("3 q 1 esc 2", Some(WelcomeChoice::Make)),
        ("G j j j enter", Some(WelcomeChoice::Quit)),
        ("q", Some(WelcomeChoice::Quit)),
        ("3 ctrl-c", Some(WelcomeChoice::Quit)),
    ];
    for (keys, choice) in choices {
        assert_eq!(press(&mut Welcome::new(theme, first_start()), keys), choice, "{keys}");
    }
    let engines = vec!["/state/acme".to_owned(), "/state/globex".to_owned()];
    let mut welcome = Welcome::new(theme, WelcomePage { engines, ..first_start() });
    assert!(seen(&welcome, 120, 36).contains("these answer: /state/acme, /state/globex"));
    assert_eq!(press(&mut welcome, "3 enter"), Some(WelcomeChoice::Attach("/state/acme".to_owned())));
}
