//! Tests of the command line itself: what is understood, what is refused, and that every help has its example.

use super::commands::dead::act::{DiscardArgs, RetryArgs};
use super::commands::dead::export::Format;
use super::commands::orders::JobArgs;
use super::commands::{check, checkpoint, completions, console, dead, demo, run, runs, schema, simulator, status, why};
use super::output::tests::captured;
use super::*;
use crate::model::GroupId;

fn words(line: &str) -> Vec<String> {
    std::iter::once("syncdeck").chain(line.split_whitespace()).map(str::to_owned).collect()
}

fn read(line: &str) -> Command {
    parse(words(line)).unwrap_or_else(|report| panic!("`{line}`: {report:?}")).command
}

fn refused(line: &str) -> Report {
    parse(words(line)).err().unwrap_or_else(|| panic!("`{line}` was taken"))
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_command_line_is_sound() {
    command().debug_assert();
}

#[test]
fn no_command_is_the_console() {
    assert_eq!(read(""), Command::Console(console::Args::default()));
    assert_eq!(read("console --ascii"), Command::Console(console::Args { ascii: true, ..console::Args::default() }));
}

#[test]
fn lines_are_asked_for_with_and_without_the_consoles_name() {
    let wanted = Command::Console(console::Args { plain: true, ..console::Args::default() });
    for line in ["--plain", "console --plain", "--plain console"] {
        assert_eq!(read(line), wanted, "{line}");
    }
    refused("--plain status");
}

#[test]
fn the_configuration_and_the_colour_may_stand_before_and_after_the_command() {
    for line in ["-c a.toml --color never status", "status --config a.toml --color=never"] {
        let invocation = parse(words(line)).expect(line);
        assert_eq!(invocation.config.as_deref(), Some(std::path::Path::new("a.toml")));
        assert_eq!(invocation.color, Color::Never);
    }
}

#[test]
fn demo_and_simulator_know_their_faults() {
    let wanted = demo::Args {
        records: 5_000,
        faults: demo::Faults::Some,
        instances: 0,
        headless: false,
        json: false,
        ascii: true,
    };
    assert_eq!(read("demo --ascii"), Command::Demo(wanted));
    let wanted =
        demo::Args { records: 10, faults: demo::Faults::None, instances: 0, headless: true, json: true, ascii: false };
    assert_eq!(read("demo --records 10 --faults none --headless --json"), Command::Demo(wanted));
    let wanted = simulator::Args { records: 9, faults: demo::Faults::Many, seed: 7, port: 8_080 };
    assert_eq!(read("simulator --records 9 --faults many --seed 7 --port 8080"), Command::Simulator(wanted));
}

#[test]
fn run_knows_its_jobs_and_bounds() {
    assert_eq!(read("run"), Command::Run(run::Args::default()));
    let since = "2026-01-01T00:00:00Z".parse::<jiff::Timestamp>().expect("a time").into();
    let wanted = run::Args {
        until: None,
        jobs: strings(&["a", "b"]),
        instance: None,
        once: true,
        since: Some(since),
        accept: false,
        full: false,
        max_records: Some(5),
        json: true,
    };
    assert_eq!(read("run a b --once --since 2026-01-01T01:00:00+01:00 --max-records 5 --json"), Command::Run(wanted));
    let wanted = run::Args { jobs: strings(&["a"]), instance: Some("globex".to_owned()), ..run::Args::default() };
    assert_eq!(read("run a --instance globex"), Command::Run(wanted));
    assert_eq!(read("run --full"), Command::Run(run::Args { full: true, ..run::Args::default() }));
}

#[test]
fn questions_are_understood() {
    assert_eq!(read("check --offline --json"), Command::Check(check::Args { offline: true, json: true }));
    assert_eq!(
        read("runs --limit 3"),
        Command::Runs(runs::Args { job: None, instance: None, filter: None, limit: 3, json: false })
    );
    assert_eq!(
        read("status a --json"),
        Command::Status(status::Args { job: Some("a".to_owned()), json: true, ..status::Args::default() })
    );
    let show = checkpoint::Action::Show(checkpoint::Show { job: "a".to_owned(), instance: None, json: true });
    assert_eq!(read("checkpoint show a --json"), Command::Checkpoint(checkpoint::Args { action: show }));
    let history = checkpoint::Action::History(checkpoint::History {
        job: "a".to_owned(),
        instance: Some("globex".to_owned()),
        filter: None,
        limit: 20,
        json: false,
    });
    assert_eq!(
        read("checkpoint history a --instance globex"),
        Command::Checkpoint(checkpoint::Args { action: history })
    );
    let asked =
        |words: &[&str], live| Command::Why(why::Args { words: strings(words), instance: None, live, json: false });
    assert_eq!(read("why cus_1"), asked(&["cus_1"], false));
    assert_eq!(read("why a cus_1 --live"), asked(&["a", "cus_1"], true));
    assert_eq!(read("schema"), Command::Schema);
    let shell = clap_complete::Shell::Fish;
    assert_eq!(read("completions fish"), Command::Completions(completions::Args { shell }));
}

#[test]
fn orders_are_understood() {
    let jobs = |names: &[&str], all| JobArgs { jobs: strings(names), all, instance: None };
    assert_eq!(read("resume a b"), Command::Resume(jobs(&["a", "b"], false)));
    assert_eq!(read("trigger --all"), Command::Trigger(jobs(&[], true)));
    assert_eq!(read("cancel a"), Command::Cancel(jobs(&["a"], false)));
    let Command::Pause(pause) = read("pause a --reason migration") else { panic!("another command") };
    assert_eq!((pause.which, pause.reason.as_deref()), (jobs(&["a"], false), Some("migration")));
}

#[test]
fn orders_to_dead_letters_are_understood() {
    let group = Some(GroupId(0x5e41_c09a_77b2_d310));
    let retry = |which| dead::Action::Retry(RetryArgs { which, ..Default::default() });
    let cases = [
        ("retry 7 9", retry(dead::act::Which { ids: vec![7, 9], ..Default::default() })),
        ("retry --job a", retry(dead::act::Which { job: Some("a".to_owned()), ..Default::default() })),
        ("retry --group 5e41c09a77b2d310", retry(dead::act::Which { group, ..Default::default() })),
        (
            "retry --job a --instance globex",
            retry(dead::act::Which {
                job: Some("a".to_owned()),
                instance: Some("globex".to_owned()),
                ..Default::default()
            }),
        ),
        ("retry --all", retry(dead::act::Which { all: true, ..Default::default() })),
        (
            "discard 7 --reason x",
            dead::Action::Discard(DiscardArgs {
                ids: vec![7],
                group: None,
                reason: Some("x".to_owned()),
                dry_run: false,
            }),
        ),
        (
            "discard --group 5e41c09a77b2d310 --reason x",
            dead::Action::Discard(DiscardArgs { ids: vec![], group, reason: Some("x".to_owned()), dry_run: false }),
        ),
        ("groups --json", dead::Action::Groups(dead::groups::Args { json: true, ..Default::default() })),
        ("show 7 --json", dead::Action::Show(dead::show::Args { id: 7, json: true })),
        ("export --format csv", dead::Action::Export(dead::export::Args { format: Format::Csv, ..Default::default() })),
        (
            "list a --error email --limit 3 --json",
            dead::Action::List(dead::list::Args {
                job: Some("a".to_owned()),
                instance: None,
                error: Some("email".to_owned()),
                filter: None,
                limit: 3,
                json: true,
            }),
        ),
    ];
    for (line, action) in cases {
        assert_eq!(read(&format!("dead {line}")), Command::Dead(dead::Args { action }), "{line}");
    }
}

#[test]
fn wrong_usage_ends_with_status_2() {
    let lines = [
        "paws",
        "run --since yesterday",
        "run --since 2026-01-01",
        "run --full --since 2026-01-01T00:00:00Z",
        "run --max-records 0",
        "demo --json",
        "demo --records 0",
        "pause",
        "pause a --all",
        "resume a --reason x",
        "dead",
        "dead retry",
        "dead retry 7 --all",
        "dead retry --job a --group 1f",
        "dead retry 7 --instance globex",
        "dead retry --all --instance globex",
        "dead retry --group nothex",
        "dead discard 7",
        "dead discard --reason x",
        "dead discard 7 --group 1f --reason x",
        "dead export --format xml",
        "dead list --limit 0",
        "runs --limit 1000000000",
        "checkpoint show",
        "completions dos",
        "--color sometimes status",
    ];
    for line in lines {
        assert_eq!(refused(line).exit(), Exit::Usage, "{line}");
    }
}

#[test]
fn a_refused_word_is_shown_harmless_and_the_error_begins_like_every_other() {
    let (mut out, _, stderr) = captured();
    let report = parse(["syncdeck", "status", "--\x1b[2Jx"]).expect_err("no such option");
    out.finish(Err(report));
    let stderr = stderr.text();
    assert!(stderr.starts_with("error: "), "{stderr:?}");
    assert!(!stderr.contains('\x1b') && stderr.contains("Usage: syncdeck status"), "{stderr:?}");
}

/// The commands with their path, those inside of others too.
fn all(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let path = format!("{path} {}", command.get_name()).trim().to_owned();
    let inside = command.get_subcommands().flat_map(|inner| all(inner, &path));
    std::iter::once((path.clone(), command.clone())).chain(inside).collect()
}

#[test]
fn every_help_has_an_example_that_is_understood() {
    for (path, command) in all(&command(), "") {
        let help = command.get_after_help().unwrap_or_else(|| panic!("`{path}` has no example")).to_string();
        let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("syncdeck")).collect();
        assert!(!examples.is_empty(), "`{path}` has no example");
        for example in examples {
            let typed = example.split(['>', '|']).next().unwrap_or_default().replace('"', " ");
            // A reason in quotes is one word to a shell.
            let typed =
                typed.replace("CRM migration until 14:00", "reason").replace("test record of the shop", "reason");
            let typed =
                typed.replace("the shop closed its Polish branch", "reason").replace("the query was wrong", "reason");
            parse(typed.split_whitespace()).unwrap_or_else(|report| panic!("`{example}`: {report:?}"));
        }
    }
}

#[test]
fn helps_stay_as_they_are() {
    let mut helps = String::new();
    for (path, _) in all(&command(), "") {
        let mut line: Vec<String> = path.split(' ').map(str::to_owned).collect();
        line.push("--help".to_owned());
        let (mut out, stdout, _) = captured();
        // A terminal's width is not the test's business.
        let error = command().term_width(100).try_get_matches_from(line).expect_err("help is no invocation");
        assert_eq!(out.finish(Err(refused_words(&error))), Exit::Done);
        helps.push_str(&format!("━━ {path} --help\n{}\n", stdout.text()));
    }
    insta::assert_snapshot!(helps);
}

#[test]
fn the_version_is_printed() {
    let (mut out, stdout, _) = captured();
    assert_eq!(out.finish(Err(refused("--version"))), Exit::Done);
    assert_eq!(stdout.text(), format!("syncdeck {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_gets_its_script() {
    for shell in clap::ValueEnum::value_variants() {
        let (mut out, stdout, _) = captured();
        let result = completions::run(&completions::Args { shell: *shell }, &mut out);
        assert_eq!(out.finish(result), Exit::Done);
        let script = stdout.text();
        assert!(script.contains("checkpoint") && script.contains("max-records"), "{shell}");
    }
}

#[test]
fn a_schema_is_printed_as_it_is() {
    let (mut out, stdout, _) = captured();
    let result = schema::run("{\n  \"type\": \"object\"\n}\n", &mut out);
    assert_eq!(out.finish(result), Exit::Done);
    assert_eq!(stdout.text(), "{\n  \"type\": \"object\"\n}\n");
}
