//! What a wrong configuration is told: everything at once, in order, with the place and the mend.

use proptest::prelude::*;
use std::path::Path;
use syncdeck::config::{Mistakes, load, parse};

const FULL: &str = include_str!("configs/full.toml");
/// The whole format, also what belongs to later versions.
const CONTRACT: &str = include_str!("configs/contract.toml");
const WEBHOOKS: &str = include_str!("configs/webhook_mistakes.toml");
const MISTAKES: &str = include_str!("configs/mistakes.toml");

fn env(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/home/ops".into()),
        "TOKEN" => Some("the-secret-token".into()),
        "BROKEN" => Some("the-secret-token\n".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn wrong(text: &str) -> Mistakes {
    parse(text, Path::new("syncdeck.toml"), &env).expect_err("it is wrong")
}

fn problems(text: &str) -> Vec<String> {
    wrong(text).0.into_iter().map(|mistake| mistake.problem).collect()
}

// Row 97 of the fault matrix.
#[test]
fn all_mistakes_are_told_at_once_with_their_mends() {
    insta::assert_snapshot!(wrong(MISTAKES));
}

#[test]
fn mistakes_stand_in_the_order_of_the_file() {
    let places: Vec<(usize, usize)> = wrong(MISTAKES).0.iter().map(|mistake| (mistake.line, mistake.column)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(places.len() > 60, "only {} mistakes", places.len());
}

// Row 99 of the fault matrix.
#[test]
fn mistakes_never_show_a_secret_that_stands_in_the_file() {
    let shown = wrong(MISTAKES).to_string();
    for secret in ["sk_live_literal", "hunter22", "literal_client_secret", "another_literal_secret"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn mistakes_never_show_what_a_reference_stands_for() {
    let text = |value: &str| {
        format!(
            "[connections.a]\ntype = \"rest\"\nbase_url = \"{value}\"\ntimeout = \"{value}\"\nmax_body = \"{value}\"\n\
             headers = {{ X = \"{value}\" }}\nauth = {{ type = \"bearer\", token = \"{value}\" }}\n\
             [jobs.j.source]\nconnection = \"{value}\"\npath = \"{value}{{{{\"\nid = \"~{value}~\"\n\
             filter = \"{value} ==\"\nversion = {{ from = \"/v\", zone = \"{value}\" }}\n\
             incremental = {{ param = \"s\", start = \"{value}\" }}\n[jobs.j.destination]\nconnection = \"a\"\n\
             path = \"/{value}\"\n[jobs.j.map]\na = {{ expr = \"{value} ~\" }}\n\
             b = {{ from = \"a\", to = \"{value}\" }}\nc = {{ from = \"a\", to = \"phone\", region = \"{value}\" }}\n"
        )
    };
    for value in ["${TOKEN}", "x${TOKEN}", "${BROKEN}"] {
        let mistakes = wrong(&text(value));
        assert!(!format!("{mistakes} {mistakes:?}").contains("the-secret-token"), "{mistakes}");
    }
}

#[test]
fn mistakes_of_a_webhook_are_told_with_their_mends() {
    insta::assert_snapshot!(wrong(WEBHOOKS));
}

#[test]
fn what_belongs_to_later_versions_is_known_by_name() {
    let set = |_: &str| Some("https://value.example.com".to_owned());
    let mistakes = parse(CONTRACT, Path::new("syncdeck.toml"), &set).expect_err("not everything is there yet").0;
    let told: Vec<String> = mistakes.iter().map(|mistake| format!("{}: {}", mistake.line, mistake.problem)).collect();
    insta::assert_snapshot!(told.join("\n"));
}

const TENANTS: &str = r#"
[connections.crm]
type = "rest"
base_url = "https://{{ instance.regoin }}.example.com"
auth = { type = "bearer", token = "{{ instance.token }}" }
[connections.shop]
type = "rest"
base_url = "https://shop.example.com"
[instances.globex]
vars = { region = "eu", token = "${TOKEN}", unread = 1, name = "x" }
[instances.initech]
jobs = ["contcts", "alone"]
vars = { region = "us", unread = 2 }
[instances."bad name"]
vars = { region = [1], token = "t" }
[jobs.contacts]
for_each = "instances"
source = { connection = "shop", path = "/{{ instance.region }}/{{ instance.token", id = "id", max = 1 }
destination = { connection = "crm", path = "/c/{{ id }}/{{ instance.tokn }}" }
[jobs.orders]
for_each = "instances"
source = { connection = "crm", path = "/{{ instance }}", id = "id", filter = "record.a == instance.area" }
destination = { connection = "shop", path = "/o/{{ id }}" }
[jobs.alone]
description = "{{ instance.region }}"
source = { connection = "crm", path = "/a", id = "id" }
destination = { connection = "shop", path = "/a/{{ id }}" }
[jobs.gathered]
source = { connection = "shop", gather = [ { connection = "shop", prefix = "s:" } ], path = "/a", id = "id" }
destination = { connection = "shop", path = "/b/{{ id }}" }
[jobs.parts]
source = { path = "/a", id = "id", gather = [
  { connection = "shop", prefix = "a" },
  { connection = "shop", prefix = "ab" },
  { connection = "shop", prefix = "" },
  { connection = "shop", prefix = ":" },
  { connection = "shop", prefix = "b:", name = "a" },
  { connection = "shopp", prefix = "c" },
  { prefix = "d", conection = "shop" },
] }
destination = { connection = "shop", path = "/c/{{ id }}" }
[jobs.unknown_part]
source = { path = "/a", id = "id", gather = [ { connection = "shopp", prefix = "c" } ] }
destination = { connection = "shop", path = "/d/{{ id }}" }
[jobs.nowhere]
source = { path = "/a", id = "id" }
destination = { connection = "shop", path = "/e/{{ id }}" }
[jobs.nothing_gathered]
source = { path = "/a", id = "id", gather = [] }
destination = { connection = "shop", path = "/f/{{ id }}" }
"#;

#[test]
fn what_is_wrong_about_instances_and_parts_is_told_once_with_its_mend() {
    insta::assert_snapshot!(wrong(TENANTS));
}

#[test]
fn a_job_for_each_instance_of_none_is_told_with_its_other_mistakes() {
    let problems = problems(
        "[connections.a]\ntype = \"rest\"\nbase_url = \"https://{{ instance.region }}.example.com\"\n\
         [jobs.j]\nfor_each = \"instances\"\nmax_attempts = 0\nsource = { connection = \"a\", id = \"id\" }\n\
         destination = { connection = \"a\", path = \"/{{ id }}\" }\n",
    );
    assert_eq!(
        problems,
        [
            "`a` is for each instance, and there are none",
            "`j` is for each instance, and there are none",
            "`max_attempts` must be an integer of at least 1"
        ]
    );
}

#[test]
fn a_value_that_nothing_reads_is_warned_of_once() {
    let text = "[instances.a]\nvars = { unread = 1, read = \"x\" }\n[instances.b]\nvars = { unread = 2, read = \"y\" }\n\
                [connections.c]\ntype = \"rest\"\nbase_url = \"https://{{ instance.read }}.example.com\"\n";
    let warnings = parse(text, Path::new("syncdeck.toml"), &env).expect("it is right").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!((warnings[0].line, &*warnings[0].problem), (2, "no job and no connection reads `unread`"));
}

#[test]
fn mistakes_beside_a_mode_of_a_later_version_are_told_too() {
    let problems = problems(
        "[connections.a]\ntype = \"rest\"\nbase_url = \"http://a\"\n[jobs.j]\nmode = \"two_way\"\nmax_attempts = 0\n\
         schedule = { every = \"5\" }\n",
    );
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].contains("`mode = \"two_way\"` is not available"), "{problems:?}");
}

fn destination(keys: &str) -> String {
    format!(
        "[workspace]\nstate = \"s\"\n[connections.a]\ntype = \"rest\"\nbase_url = \"http://127.0.0.1\"\n[jobs.j]\n\
         source = {{ connection = \"a\", id = \"id\" }}\n[jobs.j.destination]\nconnection = \"a\"\n{keys}\n"
    )
}

#[test]
fn what_a_way_of_writing_lacks_is_told() {
    assert_eq!(
        problems(&destination("write = \"lookup\"")),
        [
            "`write = \"lookup\"` needs `create`",
            "`write = \"lookup\"` needs `path`",
            "`write = \"lookup\"` needs `lookup`"
        ]
    );
    let create = "write = \"create\"\npath = \"/c\"\ncreate = { path = \"/c\" }\nlookup = { path = \"/c\" }";
    assert_eq!(
        problems(&destination(create)),
        [
            "`write = \"create\"` needs `id`",
            "`path` is the same for every record: it lacks `{{ id }}`",
            "`lookup` asks the same of every record: it lacks `{{ id }}`",
        ]
    );
    let batch = "write = \"batch\"\nbatch = { path = \"/c\" }\nverify = \"read_back\"";
    assert_eq!(problems(&destination(batch)), ["`verify = \"read_back\"` needs a way to read one record"]);
}

#[test]
fn a_create_that_only_a_person_can_settle_is_warned_of() {
    let create = "write = \"create\"\npath = \"/c/{{ id }}\"\nid = \"/id\"\ncreate = { path = \"/c\" }\n";
    let warnings = |keys: &str| {
        let config = parse(&destination(&format!("{create}{keys}")), Path::new("syncdeck.toml"), &env);
        config.expect("it is right").warnings.into_iter().map(|warning| warning.problem).collect::<Vec<_>>()
    };
    assert!(warnings("")[0].contains("goes to a person as `outcome unknown`"), "{:?}", warnings(""));
    for keys in [
        "idempotency_header = \"Idempotency-Key\"",
        "lookup = { path = \"/c\", query = { key = \"{{ id }}\" } }",
        "at_least_once = true",
    ] {
        assert!(warnings(keys).is_empty(), "{keys}: {:?}", warnings(keys));
    }
}

/// A job whose source has these keys beside what it needs.
fn with_source(keys: &str, destination: &str) -> String {
    format!(
        "[workspace]\nstate = \"s\"\n[connections.a]\ntype = \"rest\"\nbase_url = \"http://a\"\n[jobs.j.source]\n\
         connection = \"a\"\nid = \"id\"\n{keys}\n[jobs.j.destination]\nconnection = \"a\"\npath = \"/x/{{{{ id }}}}\"\n\
         {destination}\n"
    )
}

const DELETES: &str = "delete = { path = \"/x/{{ id }}\" }";

#[test]
fn what_is_missing_can_be_deleted_only_where_that_is_safe() {
    let missing = "missing = \"delete\"";
    assert_eq!(problems(&with_source(missing, "")), ["`missing = \"delete\"` of a job that ignores deletes"]);
    let numbered = format!("{missing}\npaginate = {{ type = \"page\" }}");
    assert_eq!(
        problems(&with_source(&numbered, DELETES)),
        ["`missing = \"delete\"` needs `one` where pages are numbered: records slide past such a listing"]
    );
    let asked = format!("{numbered}\none = {{ path = \"/x/{{{{ id }}}}\" }}");
    assert!(parse(&with_source(&asked, DELETES), Path::new("syncdeck.toml"), &env).is_ok());
}

#[test]
fn a_change_log_names_its_deletes_whole_or_not_at_all() {
    let log = |more: &str| {
        let keys = format!(
            "one = {{ path = \"/x/{{{{ id }}}}\" }}\nchange_log = {{ path = \"/e\", id = \"id\", sequence = \"seq\"{more} }}"
        );
        with_source(&keys, DELETES)
    };
    assert_eq!(problems(&log(", kind = \"type\"")), ["`kind` and `deleted` of a `change_log` belong together"]);
    let config =
        parse(&log(", kind = \"type\", deleted = [\"gone\"]"), Path::new("syncdeck.toml"), &env).expect("right");
    assert!(config.jobs[0].position_rules().has_log);
}

#[test]
fn a_port_from_a_variable_is_no_secret() {
    let env = |name: &str| match name {
        "PORT" => Some("4100".to_owned()),
        _ => env(name),
    };
    let text = "[workspace]\nstate = \"s\"\n[connections.a]\ntype = \"rest\"\nbase_url = \"http://127.0.0.1:${PORT}\"\n\
                auth = { type = \"bearer\", token = \"${TOKEN}\" }\n";
    let masks = parse(text, Path::new("syncdeck.toml"), &env).expect("it is right").masks;
    assert_eq!(masks.mask("127.0.0.1:4100 the-secret-token"), "127.0.0.1:4100 ••••");
}

#[test]
fn every_missing_variable_is_named() {
    let text = "[connections.a]\ntype = \"rest\"\nbase_url = \"https://${HOST_A}${HOST_B}\"";
    assert_eq!(
        problems(text),
        ["the environment variable `HOST_A` is not set", "the environment variable `HOST_B` is not set"]
    );
}

#[test]
fn an_empty_secret_is_told() {
    let text = "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n\
                auth = { type = \"bearer\", token = \"${EMPTY}\" }";
    assert_eq!(problems(text), ["`token` is empty"]);
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    insta::assert_snapshot!(wrong("[workspace]\nname = \"a\n[connections.a\ntype = = 1\n[jobs]\n[jobs]\n"));
}

#[test]
fn a_secret_in_a_line_that_is_no_toml_is_not_shown() {
    let shown = wrong("[connections.a]\nauth = { type = \"bearer\", token = \"sk_live_1234 }\n").to_string();
    assert!(!shown.contains("sk_live_1234"), "{shown}");
}

#[test]
fn names_that_are_declared_twice_in_one_file_are_told() {
    let shown = wrong("[jobs.a]\n[jobs.a]\n").to_string();
    assert!(shown.starts_with("syncdeck.toml:2:7: this is no TOML: duplicate key"), "{shown}");
}

#[test]
fn names_that_are_declared_twice_in_two_files_are_told_with_both_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = folder.path().join("syncdeck.toml");
    let connection = "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n";
    let job = "[jobs.j]\nsource = { connection = \"a\", id = \"id\" }\n\
               destination = { connection = \"a\", path = \"/{{ id }}\" }\n";
    std::fs::write(&main, format!("include = [\"more.toml\", \"none.toml\"]\n{connection}{job}")).expect("written");
    let more = format!("include = [\"x.toml\"]\nworkspace.name = \"x\"\nconsole = 1\n{connection}{job}");
    std::fs::write(folder.path().join("more.toml"), more).expect("written");
    let shown = load(&main, &env).expect_err("it is wrong").to_string();
    insta::assert_snapshot!(shown.replace(&folder.path().display().to_string(), "/folder"));
}

#[test]
fn a_file_that_is_not_there_is_told() {
    let mistakes = load(Path::new("/no/such/syncdeck.toml"), &env).expect_err("it is not there");
    assert_eq!(mistakes.to_string(), "/no/such/syncdeck.toml: can not be read: entity not found");
}

#[test]
fn a_file_that_is_no_toml_does_not_make_the_others_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = folder.path().join("syncdeck.toml");
    let job = "[jobs.j]\nsource = { connection = \"a\", id = \"id\" }\n\
               destination = { connection = \"a\", path = \"/{{ id }}\" }\n";
    std::fs::write(&main, format!("include = [\"more.toml\"]\n{job}")).expect("written");
    std::fs::write(folder.path().join("more.toml"), "[connections.a").expect("written");
    let mistakes = load(&main, &env).expect_err("it is wrong").0;
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(mistakes[0].file.ends_with("more.toml"));
}

#[test]
fn without_a_home_the_state_folder_must_be_written() {
    let mistakes = parse("", Path::new("syncdeck.toml"), &|_| None).expect_err("there is no folder");
    assert_eq!(mistakes.0.len(), 1);
    assert!(mistakes.0[0].hint.as_ref().is_some_and(|hint| hint.contains("state = ")));
}

/// One slip of a hand in a text.
#[derive(Clone, Debug)]
enum Slip {
    Remove { at: usize, length: usize },
    Insert { at: usize, text: String },
    Repeat { from: usize, length: usize, at: usize },
}

fn slip(length: usize) -> impl Strategy<Value = Slip> {
    let text = prop_oneof![
        "\\PC{1,4}",
        prop::sample::select(vec![
            "{{",
            "}}",
            "{%",
            "${",
            "${A}",
            "${file:/}",
            "\"",
            "[",
            "]",
            "{",
            "}",
            "=",
            "\n",
            "''' ",
            "[[jobs]]\n",
            "0x",
            "1e999",
            "99999999999999999999",
            "1979-05-27",
            "true",
            "\u{feff}",
            "\r",
            "\0",
            "é",
            "type",
            "{}",
            "nan",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        (0..length, 1..40usize).prop_map(|(at, length)| Slip::Remove { at, length }),
        (0..length, text).prop_map(|(at, text)| Slip::Insert { at, text }),
        (0..length, 1..80usize, 0..length).prop_map(|(from, length, at)| Slip::Repeat { from, length, at }),
    ]
}

fn slipped(text: &str, slips: &[Slip]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for slip in slips {
        let end = characters.len();
        match slip {
            Slip::Remove { at, length } => drop(characters.drain((*at).min(end)..(at + length).min(end))),
            Slip::Insert { at, text } => drop(characters.splice((*at).min(end)..(*at).min(end), text.chars())),
            Slip::Repeat { from, length, at } => {
                let piece = characters[(*from).min(end)..(from + length).min(end)].to_vec();
                drop(characters.splice((*at).min(end)..(*at).min(end), piece));
            }
        }
    }
    characters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_slip_of_the_hand_makes_the_reader_panic(slips in prop::collection::vec(slip(FULL.len()), 1..6)) {
        let set = |_: &str| Some("https://value.example.com".to_owned());
        if let Err(mistakes) = parse(&slipped(FULL, &slips), Path::new("syncdeck.toml"), &set) {
            prop_assert!(!mistakes.to_string().is_empty());
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = parse(&text, Path::new("syncdeck.toml"), &env);
    }
}

fn scheduled(schedule: &str) -> String {
    format!(
        "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n[jobs.j]\nschedule = {schedule}\n\
         [jobs.j.source]\nconnection = \"a\"\nid = \"id\"\n[jobs.j.destination]\nconnection = \"a\"\npath = \"/{{{{ id }}}}\"\n"
    )
}

#[test]
fn a_cron_expression_that_is_none_is_told_what_is_wrong_with_it() {
    let told = |schedule| {
        let mistake = wrong(&scheduled(schedule)).0.remove(0);
        (mistake.line, mistake.problem)
    };
    let fields = "of the 5 fields minute, hour, day of month, month and day of week";
    assert_eq!(told(r#"{ cron = "0 3 * *" }"#), (5, format!("`cron` is no cron expression: it has 4 {fields}")));
    let hour = "`cron` is no cron expression: number out of bounds";
    assert_eq!(told(r#"{ cron = "0 25 * * *" }"#), (5, hour.to_owned()));
    assert_eq!(told(r#"{ cron = "0 0 31 2 *" }"#), (5, "`cron` names a day that never comes".to_owned()));
    assert_eq!(told(r#"{ cron = "0 3 * * *", every = "1h" }"#).1, "`schedule` has both `every` and `cron`");
    assert_eq!(told(r#"{ every = "1h", tz = "Europe/Berlin" }"#).1, "`tz` says nothing of `every`");
    assert_eq!(
        told(r#"{ cron = "0 3 * * *", tz = "Europe/Berlim" }"#).1,
        "`tz` must be a time zone such as `\"Europe/Berlin\"`, not `Europe/Berlim`: no such zone is known"
    );
    let right = scheduled(r#"{ cron = "0 3 * * *", tz = "Europe/Berlin", jitter = "10s" }"#);
    let config = parse(&right, Path::new("syncdeck.toml"), &env).expect("it is right");
    assert_eq!(config.jobs[0].schedule.words(), "cron 0 3 * * * (Europe/Berlin)");
}
