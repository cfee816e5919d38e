//! However the console ends, the terminal is given back as it was.

use crate::app::{App, Begin};
use rustix::process::{Signal, kill_process};

fn demo(folder: &std::path::Path, environment: &[(&str, &str)], arguments: &[&str]) -> App {
    App::start(&Begin { arguments, environment, folder, rows: 30, columns: 100 })
}

// Row 8 of the fault matrix.
#[test]
fn a_signal_ends_the_console_in_order_and_restores_the_terminal() {
    for signal in [Signal::TERM, Signal::HUP] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut app = demo(folder.path(), &[], &["demo", "--records", "200"]);
        app.wait_for("customers_to_crm");
        kill_process(app.pid(), signal).expect("it runs");
        let status = app.end();
        assert_eq!(status.exit_code(), 130, "after {signal:?}: {}", app.screen());
        app.assert_restored();
    }
}

#[test]
fn no_color_draws_without_colours_and_keeps_reverse_video() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = demo(folder.path(), &[("NO_COLOR", "1")], &["demo", "--records", "200"]);
    app.wait_for("customers_to_crm");
    let bytes = app.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let colours: Vec<&str> = text
        .split("\x1b[")
        .skip(1)
        .filter_map(|rest| rest.split_once('m').map(|(codes, _)| codes))
        .filter(|codes| codes.chars().all(|c| c.is_ascii_digit() || c == ';'))
        .flat_map(|codes| codes.split(';'))
        .filter(|code| matches!(code.parse::<u16>(), Ok(30..=38 | 40..=48 | 90..=97 | 100..=107)))
        .collect();
    assert!(colours.is_empty(), "colours were set: {colours:?}");
    assert!(text.contains("\x1b[7m"), "the selected row is in reverse video");
}

#[test]
fn ascii_draws_with_ascii_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = demo(folder.path(), &[], &["demo", "--records", "200", "--ascii"]);
    let screen = app.wait_for("customers_to_crm");
    let others: Vec<char> = screen.chars().filter(|c| !c.is_ascii()).collect();
    assert!(others.is_empty(), "not ASCII: {others:?}");
}
