//! The table holds, and choices change it in the way that they say.

use super::*;

#[test]
fn no_key_means_two_things_in_one_place() {
    for (at, row) in KEYMAP.iter().enumerate() {
        for other in &KEYMAP[at + 1..] {
            let shared = row.keys.iter().find(|key| other.keys.contains(key));
            let meet = row.context == other.context
                || (row.context.is_screen() && matches!(other.context, Context::Everywhere | Context::Move));
            assert!(!(meet && shared.is_some()), "{shared:?} is {:?} and {:?}", row.action, other.action);
        }
    }
}

#[test]
fn no_prefix_is_a_key_of_its_own() {
    for row in KEYMAP {
        for key in row.keys.iter().filter_map(|key| key.split_once(' ')) {
            assert!(!KEYMAP.iter().any(|other| other.context == row.context && other.keys.contains(&key.0)));
        }
    }
}

#[test]
fn what_changes_data_is_never_on_enter_space_or_escape() {
    for row in KEYMAP.iter().filter(|row| row.action.needs_thought()) {
        assert!(!row.keys.iter().any(|key| ["enter", "space", "esc"].contains(key)), "{:?}", row.action);
    }
}

#[test]
fn a_key_of_another_screen_is_named() {
    assert_eq!(
        Keymap::default().nothing_here("x", Context::Logs),
        "x discards dead letters with a reason in Dead letters; you are in Logs"
    );
    assert!(Keymap::default().nothing_here("9", Context::Jobs).starts_with("9 is not a screen here; 1 shows the jobs"));
}

#[test]
fn every_binding_has_words() {
    assert!(KEYMAP.iter().all(|row| !row.words.is_empty() && !row.keys.is_empty()));
}

fn choice(context: Option<&str>, action: &str, keys: &[&str]) -> Choice {
    Choice {
        context: context.map(str::to_owned),
        action: action.to_owned(),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        place: "syncdeck.toml:7:1".to_owned(),
    }
}

fn problems(choices: &[Choice]) -> Vec<String> {
    let problems = Keymap::with(choices).expect_err("a problem");
    problems.into_iter().map(|problem| format!("{} | {}", problem.text, problem.hint.unwrap_or_default())).collect()
}

#[test]
fn a_chosen_key_takes_the_place_of_the_old_one() {
    let keymap = Keymap::with(&[choice(None, "retry", &["F6", "F5"])]).expect("no problem");
    let found = |key: &str| keymap.find(&[Context::Letters, Context::Everywhere], key).map(|row| row.action);
    assert_eq!((found("f6"), found("f5"), found("r")), (Some(Action::Retry), Some(Action::Retry), None));
    assert_eq!(keymap.label(Action::Retry), "F6");
}

#[test]
fn an_action_can_be_chosen_for_one_place_alone() {
    let keymap = Keymap::with(&[choice(Some("logs"), "open", &["o"])]).expect("no problem");
    let found = |context: Context, key: &str| keymap.find(&[context], key).map(|row| row.action);
    assert_eq!(found(Context::Logs, "o"), Some(Action::Open));
    assert_eq!(found(Context::Jobs, "enter"), Some(Action::Open));
    assert_eq!(found(Context::Jobs, "o"), None);
}

#[test]
fn no_keys_unbind_but_a_way_out_stays() {
    let keymap = Keymap::with(&[
        choice(None, "discard", &[]),
        choice(None, "back", &["Z"]),
        choice(None, "no", &[]),
        choice(None, "interrupt", &[]),
    ])
    .expect("no problem");
    assert!(keymap.labels(&[Context::Dead, Context::Letters], Action::Discard).is_empty());
    assert_eq!(keymap.labels(&[Context::Everywhere], Action::Back), ["Z", "Esc"]);
    assert_eq!(keymap.labels(&[Context::Confirm], Action::No), ["Esc"]);
    assert_eq!(keymap.labels(&[Context::Typing], Action::Interrupt), ["Ctrl-C"]);
}

#[test]
fn a_clash_names_both() {
    let told = problems(&[choice(None, "retry", &["x"])]);
    assert_eq!(
        told,
        [
            "`retry`: x is also `discard` (by default) in Dead letters | choose another key, or another for `discard`; `syncdeck keys` lists all"
        ]
    );
    let told = problems(&[choice(None, "retry", &["f5"]), choice(None, "help", &["F5"])]);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("`help`: f5 is also `retry` (syncdeck.toml:7:1)"), "{told:?}");
}

#[test]
fn two_actions_can_change_places() {
    assert!(Keymap::with(&[choice(None, "retry", &["x"]), choice(None, "discard", &["r"])]).is_ok());
}

#[test]
fn a_key_that_is_a_prefix_is_a_clash() {
    assert!(problems(&[choice(None, "retry", &["g"])])[0].contains("`retry`: g begins or is begun by"));
}

#[test]
fn what_does_not_exist_is_told_with_the_nearest() {
    assert_eq!(problems(&[choice(None, "retri", &["t"])]), ["`retri` is no action | did you mean `retry`?"]);
    assert_eq!(
        problems(&[choice(Some("log"), "open", &["t"])])[0],
        "`log` is no place that has keys of its own | did you mean `logs`?"
    );
    assert!(problems(&[choice(Some("logs"), "retry", &["t"])])[0].starts_with("`retry` has no key in `logs`"));
    assert!(problems(&[choice(None, "retry", &["hyper-x"])])[0].starts_with("`hyper-x` is no key"));
}

#[test]
fn what_changes_something_is_never_on_a_key_that_is_pressed_without_a_thought() {
    for key in ["enter", "space", "esc", "g enter"] {
        for action in ["retry", "discard", "pause_resume", "yes", "stop_and_quit"] {
            assert!(problems(&[choice(None, action, &[key])])[0].contains("without a thought"), "{action} {key}");
        }
    }
}

#[test]
fn letters_go_on_typing_in_text_fields() {
    assert!(problems(&[choice(Some("form"), "accept", &["x"])])[0].contains("types a letter"));
    let keymap = Keymap::with(&[choice(None, "up", &["I"])]).expect("no problem");
    assert!(keymap.find(&[Context::Typing], "I").is_none());
}

#[test]
fn the_names_of_actions_stay_as_they_are() {
    let known: Vec<&str> = KEYMAP.iter().map(|row| row.action.name()).collect();
    let documented = [
        "show_jobs",
        "show_dead",
        "show_checkpoints",
        "show_logs",
        "help",
        "messages",
        "attention",
        "undo",
        "redraw",
        "back",
        "quit",
        "interrupt",
        "filter",
        "up",
        "down",
        "page_up",
        "page_down",
        "half_up",
        "half_down",
        "top",
        "bottom",
        "next_pane",
        "previous_pane",
        "open",
        "let_in",
        "zoom",
        "pause_resume",
        "run_now",
        "pause_all",
        "stop_run",
        "next",
        "previous",
        "dead_of_job",
        "checkpoints_of_job",
        "logs_of_job",
        "job_of_selection",
        "retry",
        "retry_all",
        "discard",
        "bring_back",
        "sort",
        "mark",
        "mark_all",
        "view",
        "hide_unchanged",
        "reveal",
        "more_lines",
        "fewer_lines",
        "yes",
        "no",
        "accept",
        "stop_and_quit",
    ];
    for name in documented {
        assert!(known.contains(&name), "{name}");
    }
}
