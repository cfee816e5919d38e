//! What a right configuration means.

use std::path::{Path, PathBuf};
use std::time::Duration;
use syncdeck::config::{Config, Mistakes, find, load, parse};
use syncdeck::model::{ConnectionKind, DeletePolicy, DestinationStream, Job, Schedule, SourceStream};

const FULL: &str = include_str!("configs/full.toml");

const SECRETS: &[(&str, &str)] = &[
    ("SHOP_TOKEN", "sk-shop-0001"),
    ("CRM_PASSWORD", "correct horse"),
    ("LEDGER_KEY", "ledger\"key\\7"),
    ("SEARCH_URL", "https://hidden-host.example.net"),
    ("SEARCH_KEY", "find-me-not"),
    ("TENANT", "tenant-77"),
    ("SALT", "pepper-and-salt"),
    ("SHOP_HOOK_SECRET", "hook-secret-one"),
    ("SHOP_HOOK_OLD_SECRET", "hook-secret-zero"),
    ("GLOBEX_TOKEN", "globex-market-key"),
    ("INITECH_TOKEN", "initech-market-key"),
];

fn env(name: &str) -> Option<String> {
    let known = SECRETS.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    known.or_else(|| (name == "HOME").then(|| "/home/ops".to_owned()))
}

fn read(text: &str) -> Result<Config, Mistakes> {
    parse(text, Path::new("/etc/syncdeck/syncdeck.toml"), &env)
}

fn right(text: &str) -> Config {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// A connection `a` and a job `j` whose source, destination and job keys are given.
fn with_job(source: &str, destination: &str, job: &str) -> String {
    format!(
        "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n\
         [jobs.j]\n{job}\n[jobs.j.source]\nconnection = \"a\"\npath = \"/s\"\nid = \"/id\"\n{source}\n\
         [jobs.j.destination]\nconnection = \"a\"\npath = \"/d/{{{{ id }}}}\"\n{destination}\n"
    )
}

fn job(source: &str, destination: &str, job: &str) -> Job {
    right(&with_job(source, destination, job)).jobs.remove(0)
}

#[test]
fn the_full_example_is_read() {
    let config = right(FULL);
    let masked = |text: String| config.masks.mask(&text);
    insta::assert_snapshot!("full_connections", masked(format!("{:#?}", config.connections)));
    let jobs: Vec<Job> =
        config.jobs.iter().map(|job| Job { configured: 0, source_identity: 0, ..job.clone() }).collect();
    insta::assert_snapshot!("full_jobs", masked(format!("{jobs:#?}")));
    insta::assert_snapshot!(
        "full_rest",
        format!("{:#?}\n{:#?}\n{:#?}", config.workspace, config.console, config.serve)
    );
}

#[test]
fn nothing_but_offset_paging_is_warned_of_in_the_full_example() {
    let warnings: Vec<String> = right(FULL).warnings.iter().map(|warning| warning.problem.clone()).collect();
    assert_eq!(
        warnings,
        [
            "events are taken without a signature: whoever reaches the address can send them",
            "offset paging skips records of a set that changes while it is read"
        ]
    );
}

// Row 99 of the fault matrix.
#[test]
fn a_configuration_never_shows_a_secret() {
    let config = right(FULL);
    let shown = format!("{config:?} {config:#?} {:?} {:?}", config.warnings, config.masks);
    for (name, secret) in SECRETS {
        assert!(!shown.contains(secret), "{name}");
        assert!(!config.masks.mask(&format!("sent {secret} away")).contains(secret), "{name}");
    }
}

#[test]
fn a_state_folder_is_relative_to_the_file() {
    assert_eq!(right("[workspace]\nstate = \"s\"").workspace.state, Path::new("/etc/syncdeck/s"));
}

#[test]
fn a_state_folder_that_is_not_written_is_the_users() {
    assert_eq!(right("workspace.name = \"x\"").workspace.state, Path::new("/home/ops/.local/state/syncdeck/x"));
    let xdg = |name: &str| (name == "XDG_STATE_HOME").then(|| "/var/state".to_owned());
    let config = parse("", Path::new("a.toml"), &xdg).expect("an empty file is right");
    assert_eq!(config.workspace.state, Path::new("/var/state/syncdeck/default"));
}

#[test]
fn a_longer_timeout_holds_for_a_slow_beginning_too_unless_that_is_said() {
    let idle = |lines: &str| {
        let text = format!("[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n{lines}\n");
        let ConnectionKind::Rest(rest) = &right(&text).connections[0].kind;
        rest.idle_timeout.as_secs()
    };
    assert_eq!(idle(""), 30);
    assert_eq!(idle("timeout = \"10s\""), 30);
    assert_eq!(idle("timeout = \"2m\""), 120);
    assert_eq!(idle("timeout = \"2m\"\nidle_timeout = \"30s\""), 30);
}

#[test]
fn a_job_without_a_schedule_waits_for_a_person() {
    let job = job("", "", "");
    assert_eq!(job.schedule, Schedule::Manual);
    assert!(job.enabled);
    assert_eq!(job.max_attempts, 5);
}

#[test]
fn a_delete_does_what_the_destination_allows() {
    let soft = "soft_delete = { fields = { gone = true } }";
    let hard = "delete = { path = \"/d/{{ id }}\" }";
    assert_eq!(job("", "", "").delete, DeletePolicy::Ignore);
    assert_eq!(job("", hard, "").delete, DeletePolicy::Hard);
    assert_eq!(job("", &format!("{hard}\n{soft}"), "").delete, DeletePolicy::Soft);
    let ignored = job("", &format!("{hard}\n{soft}"), "delete = \"ignore\"");
    assert_eq!((ignored.delete, ignored.destination.soft_delete), (DeletePolicy::Ignore, None));
}

#[test]
fn an_incremental_listing_overlaps_by_a_minute() {
    let job = job("version = \"v\"\nincremental = { param = \"since\" }", "", "");
    assert_eq!(job.source.incremental.expect("it is incremental").overlap, Duration::from_secs(60));
}

#[test]
fn a_body_of_nothing_but_fields_is_the_fields() {
    let DestinationStream::Rest(rest) = job("", "body = \"{{fields}}\"", "").destination.stream;
    let DestinationStream::Rest(usual) = job("", "", "").destination.stream;
    assert_eq!(rest, usual);
}

#[test]
fn numbers_in_a_query_are_sent_as_they_are_written() {
    let SourceStream::Rest(rest) = job("query = { limit = 500, all = true, q = \"a b\" }", "", "").source.stream;
    let query: Vec<(&str, &str)> = rest.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(query, [("limit", "500"), ("all", "true"), ("q", "a b")]);
}

#[test]
fn a_doubled_dollar_is_no_reference() {
    let SourceStream::Rest(rest) = job("query = { q = \"$${NAME}\" }", "", "").source.stream;
    assert_eq!(rest.query[0].1, "${NAME}");
}

#[test]
fn a_base_url_may_come_from_the_environment() {
    let config = right(FULL);
    let search = config.connections.iter().find(|connection| connection.id.as_str() == "search").expect("declared");
    let ConnectionKind::Rest(rest) = &search.kind;
    assert_eq!(rest.base_url, "https://hidden-host.example.net/v1");
}

#[test]
fn credentials_over_plain_http_are_warned_of_unless_they_stay_on_this_machine() {
    let warned = |url: &str| {
        let text = format!(
            "[connections.a]\ntype = \"rest\"\nbase_url = \"{url}\"\nauth = {{ type = \"bearer\", token = \"${{SHOP_TOKEN}}\" }}"
        );
        right(&text).warnings.len()
    };
    assert_eq!(warned("http://crm.example.com"), 1);
    assert_eq!(warned("http://10.0.0.1"), 1);
    for quiet in ["https://crm.example.com", "http://127.0.0.1:80", "http://[::1]:80", "http://localhost:80"] {
        assert_eq!(warned(quiet), 0, "{quiet}");
    }
}

// Row 97 of the fault matrix.
#[test]
fn jobs_that_feed_each_other_are_warned_of_once() {
    let text = "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n\
        [connections.b]\ntype = \"rest\"\nbase_url = \"https://b.example.com\"\n\
        [jobs.there]\nsource = { connection = \"a\", path = \"/x\", id = \"id\" }\n\
        destination = { connection = \"b\", path = \"/y/{{ id }}\" }\n\
        [jobs.back]\nsource = { connection = \"b\", path = \"/y?all=1\", id = \"id\" }\n\
        destination = { connection = \"a\", write = \"batch\", batch = { path = \"/x:batch\" } }\n\
        [jobs.elsewhere]\nsource = { connection = \"b\", path = \"/y\", id = \"id\" }\n\
        destination = { connection = \"a\", path = \"/z/{{ id }}\" }\n";
    let warnings: Vec<String> = right(text).warnings.iter().map(|warning| warning.problem.clone()).collect();
    assert_eq!(warnings, ["a change goes round in a circle: `there` → `back` → `there`"]);
}

#[test]
fn tidying_a_job_does_not_make_it_another() {
    let plain = job("version = \"a.b\"", "delete = { path = \"/d/{{ id }}\" }", "");
    let tidied = job(
        "version = \"/a/b\"\nsorted = false\nquery = {}\nmethod = \"GET\"",
        "method = \"PUT\"\ndelete = { path = \"/d/{{ id }}\", method = \"DELETE\" }",
        "enabled = false\nmax_pages = 3\ndescription = \"x\"",
    );
    assert_eq!(plain.configured, tidied.configured);
}

#[test]
fn a_change_of_source_destination_or_map_makes_it_another() {
    let plain = job("", "", "").configured;
    assert_ne!(plain, job("filter = \"record.a\"", "", "").configured);
    assert_ne!(plain, job("", "method = \"PATCH\"", "").configured);
    assert_ne!(plain, job("", "", "map = { a = \"b\" }").configured);
}

#[test]
fn a_renewed_secret_does_not_make_a_job_another() {
    let text = with_job("query = { key = \"${KEY}\" }", "", "");
    let configured = |key: &'static str, text: &str| {
        let env = move |name: &str| Some(if name == "KEY" { key } else { "/home/ops" }.to_owned());
        parse(text, Path::new("a.toml"), &env).expect("it is right").jobs[0].configured
    };
    assert_eq!(configured("first-secret", &text), configured("second-secret", &text));
    assert_ne!(configured("first-secret", &text), configured("first-secret", &text.replace("${KEY}", "first-secret")));
}

#[test]
fn included_files_are_read_in_order_and_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let connection =
        |name: &str| format!("[connections.{name}]\ntype = \"rest\"\nbase_url = \"https://x.example.com\"");
    std::fs::create_dir(folder.path().join("jobs")).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("jobs/b.toml", &connection("b"));
    write("jobs/a.toml", &connection("a"));
    write("jobs/.hidden.toml", &connection("hidden"));
    write("jobs/notes.txt", "not read");
    write("extra.toml", &connection("extra"));
    let main = folder.path().join("syncdeck.toml");
    let include = "include = [\"extra.toml\", \"jobs/*.toml\", \"*.toml\"]\n";
    std::fs::write(&main, format!("{include}{}", connection("main"))).expect("written");
    let config = load(&main, &env).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let names: Vec<&str> = config.connections.iter().map(|connection| connection.id.as_str()).collect();
    assert_eq!(names, ["main", "extra", "a", "b"]);
}

#[test]
fn a_secret_is_read_from_a_file_beside_the_one_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    std::fs::write(folder.path().join("sub/token"), "from-the-file\n").expect("written");
    let text = "[connections.a]\ntype = \"rest\"\nbase_url = \"https://x.example.com\"\n\
                auth = { type = \"bearer\", token = \"${file:token}\" }";
    std::fs::write(folder.path().join("sub/c.toml"), text).expect("written");
    let main = folder.path().join("syncdeck.toml");
    std::fs::write(&main, "include = [\"sub/c.toml\"]").expect("written");
    let config = load(&main, &env).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let ConnectionKind::Rest(rest) = &config.connections[0].kind;
    let Some(syncdeck::model::Auth::Bearer { token }) = &rest.auth else { panic!("a bearer") };
    assert_eq!(token.expose(), "from-the-file");
}

#[test]
fn a_configuration_that_is_named_is_the_only_one_that_is_tried() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("syncdeck.toml"), "").expect("written");
    let nothing = |_: &str| None;
    let missing = find(Some(Path::new("other.toml")), &nothing, folder.path()).expect_err("it is not there");
    assert_eq!(missing.looked, [("other.toml (-c)".to_owned(), "not found".to_owned())]);
    let variable = |name: &str| (name == "SYNCDECK_CONFIG").then(|| "other.toml".to_owned());
    assert!(find(None, &variable, folder.path()).is_err());
    std::fs::write(folder.path().join("other.toml"), "").expect("written");
    assert_eq!(find(None, &variable, folder.path()), Ok(PathBuf::from("other.toml")));
    let first = find(Some(Path::new("syncdeck.toml")), &variable, folder.path());
    assert_eq!(first, Ok(PathBuf::from("syncdeck.toml")));
}

#[test]
fn a_configuration_is_looked_for_here_and_then_in_the_users_folder() {
    let (here, home) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let user = home.path().to_str().expect("a path").to_owned();
    let env = |name: &str| (name == "XDG_CONFIG_HOME").then(|| user.clone());
    let looked: Vec<_> = find(None, &env, here.path()).expect_err("nothing is there").looked;
    let there = home.path().join("syncdeck/syncdeck.toml");
    let places: Vec<String> = looked.into_iter().map(|(place, _)| place).collect();
    assert_eq!(places, ["$SYNCDECK_CONFIG".to_owned(), "./syncdeck.toml".to_owned(), there.display().to_string()]);
    std::fs::create_dir(home.path().join("syncdeck")).expect("a folder");
    std::fs::write(&there, "").expect("written");
    assert_eq!(find(None, &env, here.path()), Ok(there));
    std::fs::write(here.path().join("syncdeck.toml"), "").expect("written");
    assert_eq!(find(None, &env, here.path()), Ok(PathBuf::from("syncdeck.toml")));
}

/// Instances with their `vars`, a connection `crm` for each, one `shop` for all, and a job `contacts` for each.
fn with_instances(instances: &str) -> String {
    format!(
        "{instances}\n[connections.crm]\ntype = \"rest\"\nbase_url = \"https://{{{{ instance.host }}}}.example.com\"\n\
         [connections.shop]\ntype = \"rest\"\nbase_url = \"https://shop.example.com\"\n\
         [jobs.contacts]\nfor_each = \"instances\"\nsource = {{ connection = \"shop\", path = \"/c\", id = \"id\", query = {{ tenant = \"{{{{ instance.name }}}}\" }} }}\n\
         destination = {{ connection = \"crm\", path = \"/c/{{{{ id }}}}\" }}\n"
    )
}

fn ids(config: &Config) -> (Vec<&str>, Vec<&str>) {
    let jobs = config.jobs.iter().map(|job| job.id.as_str()).collect();
    (jobs, config.connections.iter().map(|connection| connection.id.as_str()).collect())
}

#[test]
fn an_instance_has_jobs_and_connections_of_its_own_and_shares_the_others() {
    let config = right(&with_instances("[instances]\na.vars = { host = \"x\" }\nb.vars = { host = \"y\" }"));
    let (jobs, connections) = ids(&config);
    assert_eq!(jobs, ["contacts@a", "contacts@b"]);
    assert_eq!(connections, ["crm@a", "crm@b", "shop"]);
    let ends: Vec<_> =
        config.jobs.iter().map(|job| (job.source.connection.as_str(), job.destination.connection.as_str())).collect();
    assert_eq!(ends, [("shop", "crm@a"), ("shop", "crm@b")]);
}

#[test]
fn an_instance_without_a_job_needs_nothing_for_it() {
    let config = right(&with_instances("[instances]\na.vars = { host = \"x\" }\nb.jobs = []"));
    assert_eq!(ids(&config), (vec!["contacts@a"], vec!["crm@a", "shop"]));
}

#[test]
fn a_disabled_instance_keeps_its_jobs_and_runs_none() {
    let config = right(&with_instances("[instances.a]\nenabled = false\nvars = { host = \"x\" }"));
    assert_eq!((ids(&config).0, config.jobs[0].enabled), (vec!["contacts@a"], false));
}

#[test]
fn an_instance_with_other_values_is_configured_otherwise_and_one_with_a_new_token_is_not() {
    let configured = |path: &str, token: &str| {
        let env = |name: &str| (name == "T").then(|| token.to_owned()).or_else(|| env(name));
        let text = format!(
            "{}\n[jobs.contacts.map]\nx = {{ value = \"{{{{ instance.region }}}} {{{{ instance.t }}}}\" }}\n",
            with_instances(&format!("[instances.a]\nvars = {{ host = \"x\", region = \"{path}\", t = \"${{T}}\" }}"))
        );
        parse(&text, Path::new("/etc/syncdeck.toml"), &env).expect("it is right").jobs[0].configured
    };
    assert_eq!(configured("eu", "token-one"), configured("eu", "token-two"));
    assert_ne!(configured("eu", "token-one"), configured("us", "token-one"));
}

/// Three shops gathered into one CRM.
fn gathered(parts: &str) -> Config {
    right(&format!(
        "[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n\
         [connections.b]\ntype = \"rest\"\nbase_url = \"https://b.example.com\"\n\
         [jobs.people]\nsource = {{ path = \"/p\", id = \"id\", gather = [{parts}] }}\n\
         destination = {{ connection = \"a\", path = \"/all/{{{{ id }}}}\" }}\n"
    ))
}

#[test]
fn each_part_that_is_gathered_is_a_job_whose_ids_bear_its_prefix() {
    let config =
        gathered("{ connection = \"a\", prefix = \"a:\" }, { connection = \"b\", prefix = \"x/\", name = \"bee\" }");
    let parts: Vec<_> = config
        .jobs
        .iter()
        .map(|job| (job.id.as_str(), job.source.connection.as_str(), job.source.fields.prefix.as_str()))
        .collect();
    assert_eq!(parts, [("people+a", "a", "a:"), ("people+bee", "b", "x/")]);
}

#[test]
fn one_more_part_lets_the_others_go_on_where_they_stand() {
    let one = gathered("{ connection = \"a\", prefix = \"a:\" }").jobs.remove(0);
    let two = gathered("{ connection = \"a\", prefix = \"a:\" }, { connection = \"b\", prefix = \"b:\" }").jobs;
    assert_eq!((one.configured, one.source_identity), (two[0].configured, two[0].source_identity));
    assert_ne!(two[0].configured, two[1].configured);
    let other = gathered("{ connection = \"a\", prefix = \"aa:\" }").jobs.remove(0);
    assert_ne!((one.configured, one.source_identity), (other.configured, other.source_identity));
}

#[test]
fn five_hundred_instances_with_four_jobs_each_are_two_thousand_jobs() {
    let instances: String = (0..500).map(|n| format!("[instances.c{n}]\nvars = {{ host = \"h{n}\" }}\n")).collect();
    let jobs: String = (1..4)
        .map(|n| {
            format!(
                "[jobs.job{n}]\nfor_each = \"instances\"\nsource = {{ connection = \"shop\", path = \"/{n}\", id = \"id\" }}\n\
                 destination = {{ connection = \"crm\", path = \"/{n}/{{{{ id }}}}\" }}\n"
            )
        })
        .collect();
    let config = right(&format!("{}{jobs}", with_instances(&instances)));
    assert_eq!((config.jobs.len(), config.connections.len()), (2000, 501));
}

#[test]
fn each_instance_has_a_webhook_path_of_its_own() {
    let text = |path: &str| {
        let webhook = format!("webhook = {{ path = \"{path}\", record = \"\", insecure = true }}");
        let job = with_job(&webhook, "", "for_each = \"instances\"");
        format!("[instances.globex]\n[instances.initech]\n{job}")
    };
    let paths = |path: &str| -> Vec<String> {
        let jobs = right(&text(path)).jobs;
        jobs.into_iter().filter_map(|job| Some(job.source.webhook?.path)).collect()
    };
    assert_eq!(paths("/hooks/shop"), ["/hooks/shop/globex", "/hooks/shop/initech"]);
    assert_eq!(paths("/hooks/{{ instance.name }}/x"), ["/hooks/globex/x", "/hooks/initech/x"]);
}

#[test]
fn the_limits_of_a_connection_may_differ_from_instance_to_instance() {
    let text = r#"
[instances.globex]
vars = { rate = 600, calls = "50000", span = "2m" }
[instances.initech]
vars = { rate = 60, calls = "900", span = "1m" }
[connections.market]
type = "rest"
base_url = "https://market.example.com"
limits = { requests = "{{ instance.rate }}", per = "{{ instance.span }}", quota = { requests = "{{ instance.calls }}" } }
[jobs.offers]
for_each = "instances"
source = { connection = "market", path = "/offers", id = "id" }
destination = { connection = "market", path = "/copies/{{ id }}" }
"#;
    let config = right(text);
    let limits = |name: &str| {
        let connection = config.connections.iter().find(|connection| connection.id.as_str() == name);
        let limits = &connection.expect("a connection of the instance").limits;
        (limits.requests, limits.per.as_secs(), limits.quota.map(|quota| quota.requests))
    };
    assert_eq!(limits("market@globex"), (Some(600), 120, Some(50_000)));
    assert_eq!(limits("market@initech"), (Some(60), 60, Some(900)));
    let wrong = read(&text.replace("rate = 60,", "rate = \"sixty\",")).expect_err("no count").to_string();
    assert!(
        wrong.contains("`requests` must be an integer of at least 1") && wrong.contains("for this instance"),
        "{wrong}"
    );
}

#[test]
fn where_a_connection_may_be_led_and_whom_it_trusts_is_read() {
    let config = right(FULL);
    let shop = config.connections.iter().find(|connection| connection.id.as_str() == "shop").expect("a connection");
    let ConnectionKind::Rest(rest) = &shop.kind;
    let hosts: Vec<_> = rest.allow_hosts.iter().map(|host| (host.host.as_str(), host.port)).collect();
    assert_eq!(hosts, [("files.example.com", None), ("cdn.example.com", Some(8443)), ("[::1]", Some(80))]);
    assert_eq!(rest.ca_file.as_deref(), Some(Path::new("/etc/syncdeck/authority.pem")));
    assert_eq!((rest.idle_timeout, rest.max_ratio, rest.max_depth), (Duration::from_secs(20), 50, 64));
}

// Row 62 of the fault matrix.
#[test]
fn certificates_that_are_not_checked_are_warned_of_and_hosts_that_are_none_refused() {
    let connection =
        |more: &str| format!("[connections.a]\ntype = \"rest\"\nbase_url = \"https://a.example.com\"\n{more}\n");
    let warnings: Vec<String> =
        right(&connection("insecure_tls = true")).warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings.iter().any(|warning| warning.contains("certificates of this system are not checked")),
        "{warnings:?}"
    );
    for host in ["https://b.example.com", "b.example.com/x", "u@b.example.com", "b.example.com:99999", ""] {
        let mistakes = read(&connection(&format!("allow_hosts = [\"{host}\"]"))).expect_err(host).to_string();
        assert!(mistakes.contains("a host has neither scheme nor path"), "{host}: {mistakes}");
    }
}
