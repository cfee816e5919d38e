//! Tests of `syncdeck dead`: what is asked, what is printed, and that nothing foreign reaches a terminal or a spreadsheet.

use super::*;
use crate::cli::commands::sample;
use crate::cli::output::tests::captured;
use crate::control::{Answer, Done, Refusal, Request};
use crate::model::{DeadLetterId, JobId, LetterFilter, Selection};
use std::cell::RefCell;
use std::sync::Arc;

/// An engine with `n` letters, all holding `text`, that keeps what it was asked.
struct Engine {
    n: u64,
    text: &'static str,
    asked: RefCell<Vec<Request>>,
}

impl Engine {
    fn new(n: u64, text: &'static str) -> Self {
        Self { n, text, asked: RefCell::default() }
    }

    fn answer(&self, request: Request) -> Result<Answer, Refusal> {
        self.asked.borrow_mut().push(request.clone());
        let done = |text: &str| Answer::Done(Done { text: text.to_owned(), changed: 2, undo: None });
        Ok(match request {
            Request::DeadGroups { .. } => {
                Answer::Groups(if self.n == 0 { vec![] } else { vec![sample::group(self.text)] })
            }
            Request::DeadIds { filter, limit } => {
                let newest = filter.up_to.map_or(self.n, |up_to| up_to.0.min(self.n));
                let ids: Arc<[DeadLetterId]> = (1..=newest).rev().take(limit).map(DeadLetterId).collect();
                Answer::Ids { ids, total: newest }
            }
            Request::DeadRows { ids } => {
                Answer::Rows(ids.iter().map(|id| Some(sample::row(id.0, self.text))).collect())
            }
            Request::DeadLetter { id } => Answer::Letter(Box::new(sample::letter(id.0, self.text))),
            Request::Retry { .. } => done("2 dead letters are being retried"),
            Request::Discard { .. } => done("2 dead letters were discarded"),
            other => panic!("another question: {other:?}"),
        })
    }

    async fn print(&self, action: Action) -> String {
        let (mut out, stdout, stderr) = captured();
        let result = carry_out(&action, &async |request| self.answer(request), &mut out).await;
        assert_eq!(out.finish(result), Exit::Done, "{}", stderr.text());
        stdout.text()
    }
}

fn list(limit: usize, json: bool) -> Action {
    Action::List(list::Args { job: None, error: None, filter: None, limit, json })
}

fn groups(json: bool) -> Action {
    Action::Groups(groups::Args { job: None, json })
}

fn show(json: bool) -> Action {
    Action::Show(show::Args { id: 1_240, json })
}

fn export(format: export::Format) -> Action {
    Action::Export(export::Args { format })
}

#[tokio::test]
async fn a_list_says_how_many_there_are_beyond_its_limit() {
    let engine = Engine::new(1_241, "email already in use");
    insta::assert_snapshot!(engine.print(list(2, false)).await);
    assert_eq!(Engine::new(0, "").print(list(2, false)).await, "no dead letters\n");
}

#[tokio::test]
async fn a_list_is_narrowed_by_job_and_words_of_the_error() {
    let engine = Engine::new(1, "x");
    let args = list::Args {
        job: Some("customers".to_owned()),
        error: Some("Email  USED".to_owned()),
        filter: None,
        limit: 5,
        json: false,
    };
    engine.print(Action::List(args)).await;
    let wanted = LetterFilter {
        job: Some(JobId::from("customers")),
        words: vec!["email".to_owned(), "used".to_owned()],
        ..LetterFilter::default()
    };
    assert_eq!(engine.asked.borrow()[0], Request::DeadIds { filter: wanted, limit: 5 });
}

#[tokio::test]
async fn groups_are_listed_with_their_figures() {
    insta::assert_snapshot!(Engine::new(1, "email already in use").print(groups(false)).await);
}

#[tokio::test]
async fn a_letter_is_shown_whole_with_its_digits() {
    let shown = Engine::new(1, "email already in use").print(show(false)).await;
    assert!(shown.contains("12345678901234567890"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn the_documents_stay_as_they_are() {
    let engine = Engine::new(1, "email already in use");
    let mut documents = serde_json::Map::new();
    for (name, action) in [("list", list(1, true)), ("groups", groups(true)), ("show", show(true))] {
        let text = engine.print(action).await;
        documents.insert(name.to_owned(), serde_json::from_str(&text).expect("one JSON document"));
    }
    insta::assert_json_snapshot!(documents);
}

#[tokio::test]
async fn an_export_reads_all_letters_page_by_page_and_none_twice() {
    let engine = Engine::new(1_203, "x");
    let exported = engine.print(export(export::Format::Jsonl)).await;
    let ids: Vec<u64> = exported
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a document a line")["id"].as_u64().expect("a number"))
        .collect();
    assert_eq!(ids, (1..=1_203).rev().collect::<Vec<_>>());
    assert!(exported.contains("12345678901234567890"), "digits stay");
    let pages = engine.asked.borrow().iter().filter(|request| matches!(request, Request::DeadIds { .. })).count();
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn an_export_ends_when_nobody_reads_it() {
    struct Gone;
    impl std::io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let engine = Engine::new(1_000_000, "x");
    let mut out = Output::on(Box::new(Gone), Box::new(Gone), false);
    let action = export(export::Format::Jsonl);
    let result = carry_out(&action, &async |request| engine.answer(request), &mut out).await;
    assert_eq!(out.finish(result), Exit::Done);
    assert!(engine.asked.borrow().len() < 2_000);
}

#[tokio::test]
async fn a_csv_export_has_a_row_a_letter_and_no_formula() {
    let exported = Engine::new(2, "=HYPERLINK(\"http://x\",\"y\")").print(export(export::Format::Csv)).await;
    insta::assert_snapshot!(exported);
}

#[test]
fn a_cell_that_would_be_a_formula_begins_with_an_apostrophe() {
    for begin in ['=', '+', '-', '@', '\t', '\r'] {
        assert!(export::cell(&format!("{begin}1+1")).starts_with('\''), "{begin:?}");
    }
    assert_eq!(export::cell("=1,\"2\""), "\"'=1,\"\"2\"\"\"");
    assert_eq!(export::cell("plain - text"), "plain - text");
    assert_eq!(export::cell("a\nb"), "a␊b");
}

#[tokio::test]
async fn nothing_foreign_reaches_the_terminal_as_it_is() {
    let engine = Engine::new(2, sample::HOSTILE);
    let actions = [
        list(2, false),
        list(2, true),
        groups(false),
        groups(true),
        show(false),
        show(true),
        export(export::Format::Jsonl),
        export(export::Format::Csv),
    ];
    for action in actions {
        sample::assert_harmless(&engine.print(action).await);
    }
}

#[tokio::test]
async fn a_retry_is_for_the_letters_that_were_named() {
    let group = GroupId(0xa1);
    let matching = |filter| Selection::Matching(filter);
    let cases = [
        (
            act::RetryArgs { ids: vec![7, 9], ..Default::default() },
            Selection::Ids(vec![DeadLetterId(7), DeadLetterId(9)]),
        ),
        (
            act::RetryArgs { group: Some(group), ..Default::default() },
            matching(LetterFilter { group: Some(group), ..LetterFilter::default() }),
        ),
        (
            act::RetryArgs { job: Some("orders".to_owned()), ..Default::default() },
            matching(LetterFilter { job: Some(JobId::from("orders")), ..LetterFilter::default() }),
        ),
        (act::RetryArgs { all: true, ..Default::default() }, matching(LetterFilter::default())),
    ];
    for (args, selection) in cases {
        let engine = Engine::new(2, "x");
        assert_eq!(engine.print(Action::Retry(args)).await, "2 dead letters are being retried\n");
        assert_eq!(*engine.asked.borrow(), [Request::Retry { selection }]);
    }
}

#[tokio::test]
async fn a_discard_carries_its_reason() {
    let engine = Engine::new(2, "x");
    let args = act::DiscardArgs { ids: vec![7], group: None, reason: "test record".to_owned() };
    engine.print(Action::Discard(args)).await;
    let selection = Selection::Ids(vec![DeadLetterId(7)]);
    assert_eq!(*engine.asked.borrow(), [Request::Discard { selection, reason: "test record".to_owned() }]);
}
