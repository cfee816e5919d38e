//! Tests of `syncdeck dead`: what is asked, what is printed, and that nothing foreign reaches a terminal or a spreadsheet.

use super::*;
use crate::cli::commands::sample;
use crate::cli::output::tests::captured;
use crate::control::{Answer, Done, Refusal, Request, RetryPreview};
use crate::model::{DeadLetterId, FieldChange, JobId, LetterCheck, LetterFilter, RawJson, Selection};
use std::cell::RefCell;
use std::sync::Arc;

/// An engine with `n` letters, all holding `text`, that keeps what it was asked.
struct Engine {
    n: u64,
    text: &'static str,
    redact: Vec<String>,
    asked: RefCell<Vec<Request>>,
}

fn meant_by(action: &Action) -> Meant {
    action.named().0.map_or(Meant::All, |job| Meant::Some(vec![JobId::from(job)]))
}

impl Engine {
    fn new(n: u64, text: &'static str) -> Self {
        Self { n, text, redact: Vec::new(), asked: RefCell::default() }
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
            Request::RetryPreview { .. } => Answer::Preview(RetryPreview {
                jobs: vec![(JobId::from("customers"), self.n)],
                total: self.n,
                per_minute: Some(180),
                ..RetryPreview::default()
            }),
            Request::RetryCheck { ids } => Answer::Check(LetterCheck {
                same: ids.len() as u64 - 1,
                changed: vec![ids[0]],
                ..LetterCheck::default()
            }),
            Request::EditForm { .. } => Answer::EditForm(Box::new(sample::form(self.text))),
            Request::Correct { .. } => done("saved the correction of 1 field of c1; retrying 1 dead letter"),
            Request::RetryCarefully { .. } => done("retrying 1,042 dead letters: one first"),
            Request::Retry { .. } => done("2 dead letters are being retried"),
            Request::Discard { .. } => done("2 dead letters were discarded"),
            other => panic!("another question: {other:?}"),
        })
    }

    async fn print(&self, action: Action) -> String {
        let (mut out, stdout, stderr) = captured();
        let result =
            carry_out(&action, &meant_by(&action), &self.redact, &async |request| self.answer(request), &mut out).await;
        assert_eq!(out.finish(result), Exit::Done, "{}", stderr.text());
        stdout.text()
    }
}

fn list(limit: usize, json: bool) -> Action {
    Action::List(list::Args { job: None, instance: None, error: None, filter: None, limit, json })
}

fn groups(json: bool) -> Action {
    Action::Groups(groups::Args { job: None, instance: None, json })
}

fn show(json: bool) -> Action {
    Action::Show(show::Args { id: 1_240, json })
}

fn export(format: export::Format) -> Action {
    Action::Export(export::Args { format, ..Default::default() })
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
        instance: None,
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
    let result = carry_out(&action, &Meant::All, &[], &async |request| engine.answer(request), &mut out).await;
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
        assert!(crate::model::csv_cell(&format!("{begin}1+1")).starts_with('\''), "{begin:?}");
    }
    let row = export::line(&["=1,\"2\"".to_owned(), "x".to_owned()]).expect("a row");
    assert_eq!(row, "\"'=1,\"\"2\"\"\",x");
    assert_eq!(crate::model::csv_cell("plain - text"), "plain - text");
    assert_eq!(crate::model::csv_cell("a\nb"), "a␊b");
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
            act::RetryArgs { which: act::Which { ids: vec![7, 9], ..Default::default() }, ..Default::default() },
            Selection::Ids(vec![DeadLetterId(7), DeadLetterId(9)]),
        ),
        (
            act::RetryArgs { which: act::Which { group: Some(group), ..Default::default() }, ..Default::default() },
            matching(LetterFilter { group: Some(group), ..LetterFilter::default() }),
        ),
        (
            act::RetryArgs {
                which: act::Which { job: Some("orders".to_owned()), ..Default::default() },
                ..Default::default()
            },
            matching(LetterFilter { job: Some(JobId::from("orders")), ..LetterFilter::default() }),
        ),
        (
            act::RetryArgs { which: act::Which { all: true, ..Default::default() }, ..Default::default() },
            matching(LetterFilter::default()),
        ),
    ];
    for (args, selection) in cases {
        let engine = Engine::new(2, "x");
        assert_eq!(engine.print(Action::Retry(args)).await, "2 dead letters are being retried\n");
        assert_eq!(engine.asked.borrow().last(), Some(&Request::Retry { selection }));
    }
}

#[tokio::test]
async fn many_letters_are_retried_one_first() {
    let group = GroupId(0xa1);
    let which = act::Which { group: Some(group), ..Default::default() };
    let selection = Selection::Matching(LetterFilter { group: Some(group), ..LetterFilter::default() });
    let many = Engine::new(1_042, "x");
    many.print(Action::Retry(act::RetryArgs { which: which.clone(), ..Default::default() })).await;
    let wanted = Request::RetryCarefully { selection: selection.clone(), per_minute: None };
    assert_eq!(many.asked.borrow().last(), Some(&wanted));
    let few = Engine::new(2, "x");
    few.print(Action::Retry(act::RetryArgs { which, rate: Some(60), ..Default::default() })).await;
    assert_eq!(few.asked.borrow().last(), Some(&Request::RetryCarefully { selection, per_minute: Some(60) }));
}

#[tokio::test]
async fn a_dry_run_counts_and_orders_nothing() {
    let engine = Engine::new(1_042, "x");
    let which = act::Which { all: true, ..Default::default() };
    let retry = engine.print(Action::Retry(act::RetryArgs { which, dry_run: true, ..Default::default() })).await;
    insta::assert_snapshot!(retry);
    let args = act::DiscardArgs { ids: Vec::new(), group: Some(GroupId(0xa1)), reason: None, dry_run: true };
    let discard = engine.print(Action::Discard(args)).await;
    assert_eq!(discard, "1,042 dead letters would be discarded; nothing was changed (--dry-run)\n");
    assert!(!engine.asked.borrow().iter().any(Request::changes));
}

fn edit(words: &[(&str, &str)]) -> edit::Args {
    let mut args = edit::Args { id: 7, ..Default::default() };
    for (option, value) in words {
        match *option {
            "set" => args.set.push((*value).to_owned()),
            "unset" => args.unset.push((*value).to_owned()),
            other => panic!("no option {other}"),
        }
    }
    args
}

#[tokio::test]
async fn an_edit_keeps_types_and_shows_what_it_changes() {
    let engine = Engine::new(1, "sam@example.org");
    let args = edit(&[("set", "email=42"), ("set", "n=12345678901234567890123"), ("unset", "note")]);
    let printed = engine.print(Action::Edit(edit::Args { reason: Some("ticket".to_owned()), ..args })).await;
    insta::assert_snapshot!(printed);
    let change = |field: &str, value: Option<&str>| FieldChange {
        field: field.to_owned(),
        value: value.map(|text| RawJson::parse(text.to_owned()).expect("JSON")),
    };
    let changes =
        vec![change("email", Some("\"42\"")), change("n", Some("12345678901234567890123")), change("note", None)];
    let wanted = Request::Correct {
        id: DeadLetterId(7),
        content: "00".to_owned(),
        changes,
        reason: Some("ticket".to_owned()),
        retry: true,
    };
    assert_eq!(engine.asked.borrow().last(), Some(&wanted));
}

#[tokio::test]
async fn an_edit_without_a_change_prints_what_would_be_sent_and_orders_nothing() {
    let engine = Engine { redact: vec!["note".to_owned()], ..Engine::new(1, "sam@example.org") };
    insta::assert_snapshot!(engine.print(Action::Edit(edit(&[]))).await);
    let same = edit(&[("set", "email=sam@example.org")]);
    assert_eq!(engine.print(Action::Edit(same)).await, "nothing was changed\n");
    assert!(!engine.asked.borrow().iter().any(Request::changes));
}

#[tokio::test]
async fn a_value_that_is_none_and_an_id_are_refused() {
    for word in ["n=twelve", "id=c2", "n"] {
        let engine = Engine::new(1, "x");
        let (mut out, _, stderr) = captured();
        let action = Action::Edit(edit(&[("set", word)]));
        let result = carry_out(&action, &Meant::All, &[], &async |request| engine.answer(request), &mut out).await;
        assert_eq!(out.finish(result), Exit::Usage, "{word}: {}", stderr.text());
        assert!(!engine.asked.borrow().iter().any(Request::changes));
    }
}

#[tokio::test]
async fn an_export_hides_what_the_configuration_redacts() {
    let secret = "0301234567";
    for format in [export::Format::Jsonl, export::Format::Csv] {
        let engine = Engine { redact: vec!["email".to_owned()], ..Engine::new(1, secret) };
        let printed = engine.print(export(format)).await;
        // The sample's record id and field name hold the same text; ids and names are not values.
        let values = printed.matches(&format!("{secret}\\\"")).count()
            + printed.matches(&format!("\"email\":\"{secret}")).count();
        assert_eq!(values, 0, "{printed}");
        assert!(printed.contains("••••"), "{printed}");
        let revealed = Action::Export(export::Args { format, reveal: true, ..Default::default() });
        assert!(!engine.print(revealed).await.contains("••••"));
    }
}

mod guard {
    use super::export::line;
    use proptest::prelude::*;

    proptest! {
        // Row 103 of the fault matrix.
        #[test]
        fn no_cell_of_a_table_is_a_formula_and_every_row_is_one_row(
            cells in prop::collection::vec("[=+@\\-\t\r\n＝ ,\"'a-z]{0,12}|\\PC{0,12}", 2..6)
        ) {
            let row = line(&cells).expect("a row");
            prop_assert!(!row.contains(['\n', '\r']));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
            let read: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("CSV");
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(read[0].len(), cells.len());
            for cell in &read[0] {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']), "{cell:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_discard_carries_its_reason() {
    let engine = Engine::new(2, "x");
    let args = act::DiscardArgs { ids: vec![7], group: None, reason: Some("test record".to_owned()), dry_run: false };
    engine.print(Action::Discard(args)).await;
    let selection = Selection::Ids(vec![DeadLetterId(7)]);
    assert_eq!(*engine.asked.borrow(), [Request::Discard { selection, reason: "test record".to_owned() }]);
}
