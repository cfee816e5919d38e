//! What a person types is taken as meant, and what can not be read says why.

use super::*;
use std::borrow::Cow;

/// 2026-03-02T14:32:07Z.
const NOW: Timestamp = Timestamp(1_772_461_927_000);

const FIELDS: &[Field] = &[
    Field::new("job", FieldKind::Name, "the job"),
    Field::new("cause", FieldKind::Text, "the reason"),
    Field::new("state", FieldKind::Word(&["run", "wait"]), "the state"),
    Field::new("tries", FieldKind::Number, "how often"),
    Field::new("age", FieldKind::Age, "how long ago"),
    Field::new("since", FieldKind::Since, "from then on"),
];

struct Row {
    job: &'static str,
    cause: &'static str,
    tries: i64,
    minutes_ago: i64,
}

const ROW: Row = Row { job: "orders_to_crm", cause: "422 E-Mail already in use: Größe", tries: 4, minutes_ago: 90 };

impl Facts for Row {
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        match field {
            "job" => Some(self.job.into()),
            "cause" => Some(self.cause.into()),
            "state" => Some("run".into()),
            _ => None,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        match field {
            "tries" => Some(self.tries),
            "age" | "since" => Some(NOW.0 - self.minutes_ago * 60_000),
            _ => None,
        }
    }

    fn anywhere(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        found(self.job) || found(self.cause)
    }
}

fn lets_through(text: &str) -> bool {
    let terms = parse(text, FIELDS, NOW).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    Sieve::new(&terms).lets_through(&ROW)
}

#[test]
fn what_matches_is_let_through_and_nothing_else() {
    for text in [
        "",
        "  ",
        "email|e-mail",
        "ALREADY",
        "\"already in\"",
        "größe",
        "GRÖSSE|größe",
        "orders use",
        "job:orders_to_crm",
        "job:ORDERS_to_crm",
        "job:orders*",
        "job:*crm",
        "job:o*to*m",
        "job:*",
        "job:x|orders_to_crm",
        "cause:\"in use\"",
        "-cause:phone",
        "-job:invoices",
        "-phone",
        "-job:inv*",
        "state:run",
        "state:run|wait",
        "-state:wait",
        "tries:4",
        "tries:>3",
        "tries:>=4",
        "tries:<5",
        "tries:<=4",
        "tries:=4",
        "age:>1h",
        "age:<2h",
        "age:1h",
        "since:2h",
        "since:13:00",
        "since:\"Mar 02 13:00\"",
        "since:2026-03-02",
        "/e-?mail/",
        "/^orders_/",
        "cause:/^4\\d\\d/",
        "-/phone/",
        "job:",
        "tries:",
        "-job:",
        "state:",
        "orders -phone job:orders* tries:>1",
    ] {
        assert!(lets_through(text), "{text}");
    }
    for text in [
        "phone",
        "\"in already\"",
        "job:orders",
        "job:*x",
        "job:orders*x",
        "-job:orders_to_crm",
        "-already",
        "cause:phone",
        "state:wait",
        "tries:3",
        "tries:>4",
        "tries:<4",
        "age:<1h",
        "age:>2h",
        "since:1h",
        "since:14:00",
        "/^phone/",
        "-/e-mail/",
        "orders phone",
        "urn:customer:7",
        "14:00",
    ] {
        assert!(!lets_through(text), "{text}");
    }
}

#[test]
fn what_can_not_be_read_says_what_would_do() {
    let problem = |text: &str| parse(text, FIELDS, NOW).expect_err(text);
    assert_eq!(problem("since:soon"), "since: needs a time like 2h, 14:00 or 2026-03-02");
    assert_eq!(problem("age:>2"), "age: needs a span of time like >2h or <30m");
    assert_eq!(problem("tries:many"), "tries: needs a number like 3, >3 or <=10");
    assert_eq!(problem("tries:>"), "tries: needs a number like 3, >3 or <=10");
    assert_eq!(problem("state:running"), "state: needs run or wait, not `running`");
    assert_eq!(problem("stat:run"), "`stat:` is no field here; did you mean `state:`?");
    assert_eq!(problem("\"in use"), "a quote is not closed");
    assert_eq!(problem("/(/"), "`/(/` is no regular expression");
}

#[test]
fn what_may_be_a_part_of_an_id_is_a_word() {
    let words = |text: &str| LetterFilter::parse(text, NOW).expect(text).words;
    assert_eq!(words("urn:customer:7"), ["urn:customer:7"]);
    assert_eq!(words("https://shop/7"), ["https://shop/7"]);
    assert_eq!(words("/contacts/7"), ["/contacts/7"]);
    assert_eq!(words("-7"), ["-7"]);
    assert_eq!(words("Lee"), ["lee"]);
}

#[test]
fn of_letters_what_stands_in_an_index_is_asked_of_it() {
    let filter = LetterFilter::parse("job:a state:discarded|waiting group:5e41 lee", NOW).expect("right");
    assert_eq!(filter.job, Some("a".into()));
    assert_eq!(filter.places, [LetterPlace::Discarded, LetterPlace::Waiting]);
    assert_eq!((filter.group, filter.words.len(), filter.terms.len()), (Some(GroupId(0x5e41)), 1, 0));
    let filter = LetterFilter::parse("job:a* -state:waiting code:>=500", NOW).expect("right");
    assert_eq!((filter.job, filter.terms.len()), (None, 2));
    assert_eq!(filter.places, [LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered]);
    assert_eq!(LetterFilter::parse("group:xyz", NOW).expect_err("wrong"), "group: `xyz` is no group id");
}

#[test]
fn a_filter_goes_over_a_socket_unchanged() {
    let filter = LetterFilter::parse("job:a* -/x/ age:>2h tries:3 cause:\"a b\"|c word", NOW).expect("right");
    let json = serde_json::to_string(&filter).expect("written");
    assert_eq!(serde_json::from_str::<LetterFilter>(&json).expect("read"), filter);
    assert_eq!(serde_json::from_str::<LetterFilter>(&json.replace(",\"terms\":", ",\"x\":")).expect("read").terms, []);
}

#[test]
fn fields_and_values_are_completed() {
    let values = |field: &str| match field {
        "job" => vec!["orders_to_crm".to_owned(), "orders archive".to_owned(), "customers".to_owned()],
        _ => Vec::new(),
    };
    let labels = |text: &str| -> Vec<String> {
        completions(text, FIELDS, &values).into_iter().map(|completion| completion.label).collect()
    };
    let texts = |text: &str| -> Vec<String> {
        completions(text, FIELDS, &values).into_iter().map(|completion| completion.text).collect()
    };
    assert_eq!(labels("s"), ["state:", "since:"]);
    assert_eq!(texts("lee -jo"), ["lee -job:"]);
    assert_eq!(texts("job:ord"), ["job:orders_to_crm", "job:\"orders archive\""]);
    assert_eq!(texts("job:customers|orders_"), ["job:customers|orders_to_crm"]);
    assert_eq!(labels("state:"), ["run", "wait"]);
    assert_eq!(labels("").len(), FIELDS.len());
    assert!(labels("foo:b").is_empty() && labels("xyz").is_empty());
}
