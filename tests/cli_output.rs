//! The command line's output over a real pipe, and the log of a whole process.

use std::fs;
use std::io::{Read, pipe, sink};
use std::sync::Arc;
use syncdeck::cli::{Exit, Output};
use syncdeck::logging::{self, LogError};
use syncdeck::model::{Clock, Masks, Secret, Timestamp};

#[test]
fn a_pipe_whose_reader_left_is_no_error_and_no_panic() {
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let mut out = Output::on(Box::new(writer), Box::new(sink()), false);
    for _ in 0..100_000 {
        out.line("a line that nobody reads").expect("no error");
    }
    assert!(out.is_closed());
    assert_eq!(out.finish(Ok(Exit::Done)), Exit::Done);
}

#[test]
fn what_was_printed_before_an_output_is_dropped_arrives() {
    let (mut reader, writer) = pipe().expect("a pipe");
    let mut out = Output::on(Box::new(writer), Box::new(sink()), false);
    out.line("one line").expect("printed");
    drop(out);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("readable");
    assert_eq!(text, "one line\n");
}

struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp(1_767_225_600_000)
    }
}

#[test]
fn a_process_has_one_log_and_its_lines_are_on_disk_when_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let begin =
        || logging::begin(folder.path(), Some("info"), Masks::new([Secret::new("hunter22")]), Arc::new(Standing));
    let logs = begin().expect("the first log");
    assert!(matches!(begin(), Err(LogError::Begun)));
    tracing::info!(target: "syncdeck::engine", job = "customers", "signed in with hunter22");
    drop(logs);
    let text = fs::read_to_string(folder.path().join("syncdeck.2026-01-01.log")).expect("the day's file");
    assert_eq!(text, "2026-01-01T00:00:00Z  INFO syncdeck::engine: signed in with •••• job=\"customers\"\n");
}
