//! What commands tell, against what the simulator knows to be true.

use crate::process::{Ran, Simulator, Workspace};
use crate::shop::{self, CUSTOMERS, Scene};
use serde_json::{Value, json};

/// The `finished` line of a `run --once --json` of one job.
#[track_caller]
fn end(ran: &Ran) -> Value {
    let lines = ran.json_lines();
    let mut ends = lines.into_iter().filter(|line| line["event"] == "finished");
    ends.next().unwrap_or_else(|| panic!("no end: {ran}"))
}

#[test]
fn a_run_without_dead_letters_ends_with_status_0_and_with_what_the_destination_holds() {
    let scene = Scene::healthy();
    let ran = scene.run(&["run", "--once", "--json"]).ended(0);
    let end = end(&ran);
    assert_eq!((&end["job"], &end["state"], &end["instance"]), (&json!("contacts"), &json!("done"), &Value::Null));
    assert_eq!((&end["scanned"], &end["created"]), (&json!(CUSTOMERS), &json!(CUSTOMERS)), "{end}");
    let there = scene.simulator.collection("destination", "contacts");
    assert_eq!(there.len() as u64, CUSTOMERS);
    let source = scene.simulator.collection("source", "customers");
    assert!(source.iter().all(|(id, record)| there[id].get() == record.get()), "each record arrives as it is");
    // Nothing changed, so nothing is written.
    let again = scene.run(&["run", "--once", "contacts"]).ended(0);
    assert!(again.stdout.starts_with("JOB "), "{again}");
    let applied = &scene.simulator.get("/sim/audit")["destination"]["collections"]["contacts"]["applied"];
    assert_eq!(*applied, json!(CUSTOMERS));
}

// Row 71 of the fault matrix.
#[test]
fn a_run_with_bad_records_ends_with_status_3_and_every_document_has_the_same_figures() {
    let scene = Scene::with_two_bad_customers();
    let good = CUSTOMERS - 2;
    let ran = scene.run(&["run", "--once", "--json"]).ended(3);
    assert!(ran.stderr.contains("hint: 2 records were dead-lettered; run `syncdeck dead groups`"), "{ran}");
    let end = end(&ran);
    assert_eq!((&end["scanned"], &end["created"], &end["errored"]), (&json!(CUSTOMERS), &json!(good), &json!(2)));
    assert_eq!(scene.simulator.collection("destination", "contacts").len() as u64, good);

    let status = scene.run(&["status", "--json"]).ended(0).json();
    let job = &status["jobs"][0];
    for figure in ["scanned", "created", "updated", "deleted", "skipped", "held", "errored", "checkpoint"] {
        assert_eq!(job[figure], end[figure], "{figure}: {job}");
    }
    assert_eq!((&job["dead_waiting"], &status["engine"]["running"]), (&json!(2), &json!(false)), "{status}");
    assert_eq!(status["findings"][0]["hint"], "run `syncdeck dead groups contacts`", "{status}");
    assert_eq!(scene.run(&["checkpoint", "show", "contacts", "--json"]).ended(0).json(), end["checkpoint"]);

    let runs = scene.run(&["runs", "contacts", "--json"]).ended(0).json();
    let run = &runs["runs"][0];
    assert_eq!((&run["state"], &run["scanned"], &run["errored"]), (&json!("done"), &json!(CUSTOMERS), &json!(2)));
    assert_eq!(run["pages"], 3, "thirty records, ten a page: {run}");

    let history = scene.run(&["checkpoint", "history", "contacts", "--json"]).ended(0).json();
    let checkpoints = history["checkpoints"].as_array().expect("checkpoints");
    let processed: Vec<_> = checkpoints.iter().map(|one| one["stats"]["processed"].as_u64()).collect();
    assert_eq!(processed, [Some(30), Some(20), Some(10)], "{history}");
    let two = scene.run(&["checkpoint", "history", "contacts", "--json", "--limit", "2"]).ended(0).json();
    assert_eq!(two["checkpoints"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_dead_letter_is_listed_grouped_shown_exported_discarded_and_retried() {
    let scene = Scene::with_two_bad_customers();
    scene.run(&["run", "--once"]).ended(3);

    let list = scene.run(&["dead", "list", "--json"]).ended(0).json();
    assert_eq!(list["total"], 2);
    let letter = |record: &str| {
        let letters = list["letters"].as_array().expect("letters").clone();
        letters.into_iter().find(|letter| letter["record"] == record).unwrap_or_else(|| panic!("no {record}: {list}"))
    };
    let (mail, phone) = (letter("cus_000007"), letter("cus_000008"));
    assert_eq!((&mail["field"], &phone["field"]), (&json!("email"), &json!("phone")));
    let of_mail = scene.run(&["dead", "list", "contacts", "--error", "EMAIL", "--json"]).ended(0).json();
    assert_eq!((&of_mail["total"], &of_mail["letters"][0]["id"]), (&json!(1), &mail["id"]));

    let groups = scene.run(&["dead", "groups", "--json"]).ended(0).json();
    let waiting: Vec<_> = groups["groups"].as_array().expect("groups").iter().map(|group| &group["waiting"]).collect();
    assert_eq!(waiting, [1, 1], "{groups}");

    let id = mail["id"].to_string();
    let shown = scene.run(&["dead", "show", &id, "--json"]).ended(0).json();
    let source = scene.simulator.collection("source", "customers");
    let truth: Value = serde_json::from_str(source["cus_000007"].get()).expect("a record");
    assert_eq!((&shown["source"], &shown["status"]), (&truth, &json!(422)));
    assert!(shown["answer"].as_str().is_some_and(|answer| answer.contains("invalid_email")), "{shown}");
    let text = scene.run(&["dead", "show", &id]).ended(0).stdout;
    assert!(text.contains("rejected") && text.contains("cus_000007"), "{text}");

    let exported = scene.run(&["dead", "export"]).ended(0).json_lines();
    assert_eq!(exported.len(), 2);
    assert!(exported.iter().any(|one| one["source"] == truth), "{exported:?}");
    let csv = scene.run(&["dead", "export", "--format", "csv"]).ended(0).stdout;
    assert_eq!((csv.lines().count(), csv.starts_with("id,job,group,record,")), (3, true), "{csv}");

    let phone_id = phone["id"].to_string();
    let said = scene.run(&["dead", "discard", &phone_id, "--reason", "a test record"]).ended(0).stdout;
    assert_eq!(said, "discarded 1 dead letter of contacts\n");
    let discarded = scene.run(&["dead", "show", &phone_id, "--json"]).ended(0).json();
    assert_eq!(discarded["state"]["reason"], "a test record", "{discarded}");
    assert!(discarded["state"]["by"].as_str().is_some_and(|by| by.contains("tester")), "{discarded}");

    scene.simulator.act("customers/mend?id=cus_000007");
    let said = scene.run(&["dead", "retry", &id]).ended(0).stdout;
    assert_eq!(said, "retrying 1 dead letter of contacts; they are sent when the engine starts\n");
    scene.run(&["run", "--once"]).ended(0);
    let recovered = scene.run(&["dead", "show", &id, "--json"]).ended(0).json();
    assert_eq!(recovered["state"]["state"], "recovered", "{recovered}");
    assert!(scene.simulator.collection("destination", "contacts").contains_key("cus_000007"));
    assert_eq!(scene.run(&["dead", "list", "--json"]).ended(0).json()["total"], 0);
    assert_eq!(scene.run(&["dead", "list"]).ended(0).stdout, "no dead letters\n");
}

#[test]
fn a_group_is_retried_whole() {
    let scene = Scene::with_two_bad_customers();
    scene.simulator.act("customers/spoil?id=cus_000009&how=email");
    scene.run(&["run", "--once"]).ended(3);
    let groups = scene.run(&["dead", "groups", "contacts", "--json"]).ended(0).json();
    let of_mail = groups["groups"].as_array().expect("groups").iter().find(|group| group["field"] == "email");
    let of_mail = of_mail.unwrap_or_else(|| panic!("no group for e-mail: {groups}"));
    assert_eq!(of_mail["waiting"], 2, "{groups}");
    for id in ["cus_000007", "cus_000009"] {
        scene.simulator.act(&format!("customers/mend?id={id}"));
    }
    let id = of_mail["id"].as_str().expect("a group's id");
    let said = scene.run(&["dead", "retry", "--group", id]).ended(0).stdout;
    assert_eq!(said, "retrying 2 dead letters of contacts; they are sent when the engine starts\n");
    scene.run(&["run", "--once"]);
    let left = scene.run(&["dead", "list", "--json"]).ended(0).json();
    assert_eq!((&left["total"], &left["letters"][0]["record"]), (&json!(1), &json!("cus_000008")), "{left}");
}

// Row 116 of the fault matrix: the pause outlives the process that ordered it.
#[test]
fn a_paused_job_refuses_to_run_says_why_and_how_to_go_on() {
    let scene = Scene::healthy();
    let said = scene.run(&["pause", "contacts", "--reason", "migration until 14:00"]).ended(0).stdout;
    assert_eq!(said, "paused contacts\n");
    let status = scene.run(&["status", "--json"]).ended(0).json();
    let job = &status["jobs"][0];
    assert_eq!(job["state"], "paused", "{job}");
    let why = job["why"].as_str().expect("why");
    assert!(why.contains("migration until 14:00") && why.contains("tester"), "{why}");
    let ran = scene.run(&["run", "--once"]).ended(1);
    assert!(
        ran.stderr.contains("`contacts` is paused since") && ran.stderr.contains("(migration until 14:00)"),
        "{ran}"
    );
    assert!(ran.stderr.contains("hint: `syncdeck resume contacts`"), "{ran}");
    let end = end(&scene.run(&["run", "--once", "--json"]).ended(1));
    assert_eq!(end["state"], "paused", "{end}");
    assert_eq!(scene.simulator.requests(), [0, 0], "a paused job asks nothing of anybody");
    let said = scene.run(&["resume", "--all"]).ended(0).stdout;
    assert_eq!(said, "resumed contacts\n");
    scene.run(&["run", "--once"]).ended(0);
}

#[test]
fn a_trigger_and_a_cancel_of_a_stopped_engine_are_kept_for_its_start() {
    let scene = Scene::healthy();
    let said = scene.run(&["trigger", "contacts"]).ended(0).stdout;
    assert_eq!(said, "triggered contacts; it runs when the engine starts\n");
    let due = |scene: &Scene| scene.run(&["status", "--json"]).ended(0).json()["jobs"][0]["next_run"].clone();
    assert!(due(&scene).is_string());
    let said = scene.run(&["cancel", "contacts"]).ended(0).stdout;
    assert_eq!(said, "nothing ran; called off the ordered run of contacts\n");
    assert_eq!(due(&scene), Value::Null);
    let said = scene.run(&["cancel", "contacts"]).ended(0).stdout;
    assert_eq!(said, "nothing ran: contacts has no run in progress\n");
}

#[test]
fn a_bounded_run_ends_after_its_records_and_a_full_one_reads_everything_without_a_write() {
    let scene = Scene::healthy();
    let first = end(&scene.run(&["run", "--once", "--json", "--max-records", "10"]).ended(0));
    assert_eq!((&first["scanned"], &first["state"]), (&json!(10), &json!("handed_over")), "{first}");
    let rest = end(&scene.run(&["run", "--once", "--json"]).ended(0));
    assert_eq!((&rest["scanned"], &rest["created"]), (&json!(20), &json!(20)), "{rest}");
    let full = end(&scene.run(&["run", "--once", "--json", "--full"]).ended(0));
    assert_eq!((&full["scanned"], &full["skipped"]), (&json!(CUSTOMERS), &json!(CUSTOMERS)), "{full}");
    let since = end(&scene.run(&["run", "--once", "--json", "--since", "2020-01-01T00:00:00Z"]).ended(0));
    assert_eq!(since["skipped"], json!(CUSTOMERS), "{since}");
    let future = end(&scene.run(&["run", "--once", "--json", "--since", "2200-01-01T00:00:00Z"]).ended(0));
    assert_eq!(future["scanned"], json!(0), "{future}");
}

#[test]
fn a_failed_source_ends_with_status_1_and_nothing_is_dead_lettered() {
    let scene = Scene::healthy();
    let status = json!({ "status": { "code": 401, "body": "{\"error\":\"who are you\"}" } });
    scene.simulator.faults(&json!([{ "side": "source", "fault": status }]));
    let ran = scene.run(&["run", "--once", "--json"]).ended(1);
    assert_eq!(end(&ran)["state"], "parked", "{ran}");
    assert!(ran.stderr.contains("error: run of `contacts` stopped: ") && ran.stderr.contains("hint: "), "{ran}");
    assert_eq!(scene.run(&["dead", "list", "--json"]).ended(0).json()["total"], 0);
    let status = scene.run(&["status", "--json"]).ended(0).json();
    assert_eq!(status["jobs"][0]["state"], "needs_attention", "{status}");
}

#[test]
fn check_signs_in_and_spends_no_refresh_token() {
    let simulator = Simulator::start(CUSTOMERS, 5);
    simulator.post("/sim/identity", &json!({ "guards": ["source", "destination"] }));
    let [id, secret, refresh] = syncdeck::sim::CLIENT;
    let (crm, place) = (&simulator.crm, "/oauth/token");
    let oauth = |secret: &str, more: &str| {
        format!(
            "auth = {{ type = \"oauth2\", token_url = \"{crm}{place}\", client_id = \"{id}\", client_secret = \"{secret}\"{more} }}"
        )
    };
    let check = |auth: &str| Workspace::new(&shop::config(&simulator, auth)).run(&["check", "--json"]);
    let good = check(&oauth(secret, "")).ended(0).json();
    assert!(good["connections"][0]["text"].as_str().is_some_and(|text| text.contains("read its first page")), "{good}");
    let bad = check(&oauth("another", "")).ended(1).json();
    assert!(bad["connections"][0]["hint"].as_str().is_some_and(|hint| hint.contains("client_secret")), "{bad}");
    let asked = simulator.post("/sim/identity", &json!({}))["asked"].clone();
    let spared = check(&oauth(secret, &format!(", refresh_token = \"{refresh}\""))).ended(0).json();
    assert_eq!(spared["connections"][0]["tried"], false, "{spared}");
    assert!(spared["connections"][0]["text"].as_str().is_some_and(|text| text.contains("not tried")), "{spared}");
    assert_eq!(simulator.post("/sim/identity", &json!({}))["asked"], asked, "no token was asked for");
}

#[test]
fn check_tries_each_connection_once_and_offline_none() {
    let scene = Scene::healthy();
    let offline = scene.run(&["check", "--offline", "--json"]).ended(0).json();
    assert_eq!((&offline["ok"], &offline["connections"]), (&json!(true), &json!([])));
    assert_eq!(scene.simulator.requests(), [0, 0]);
    let online = scene.run(&["check", "--json"]).ended(0).json();
    let ok: Vec<_> = online["connections"].as_array().expect("connections").iter().map(|one| &one["ok"]).collect();
    assert_eq!(ok, [true, true], "{online}");
    assert_eq!(scene.simulator.requests(), [1, 1], "one read of each");
    assert_eq!(scene.simulator.collection("destination", "contacts").len(), 0, "nothing is written");
    assert!(!scene.workspace.path("state").exists(), "a check leaves no state behind");
}

#[test]
fn check_says_which_token_is_refused_and_which_port_is_dead() {
    let scene = Scene::healthy();
    scene.simulator.post("/sim/token", &json!({ "side": "destination", "token": "another" }));
    let ran = scene.run(&["check"]).ended(1);
    let line = ran.stdout.lines().find(|line| line.starts_with("crm")).unwrap_or_else(|| panic!("{ran}"));
    assert!(line.contains("failed") && line.contains("401"), "{ran}");
    assert!(ran.stderr.contains("hint: `crm`: ") && ran.stderr.contains("run `syncdeck check` again"), "{ran}");
    // A port that was free a moment ago answers nobody.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let config = std::fs::read_to_string(scene.workspace.path("syncdeck.toml")).expect("the configuration");
    let config = config.replace(&scene.simulator.shop, &format!("http://127.0.0.1:{port}"));
    std::fs::write(scene.workspace.path("syncdeck.toml"), config).expect("the configuration");
    let ran = scene.run(&["check", "--json"]).ended(1);
    let shop = &ran.json()["connections"][0];
    assert_eq!((&shop["connection"], &shop["ok"]), (&json!("shop"), &json!(false)), "{ran}");
    assert!(shop["text"].as_str().is_some_and(|text| text.contains(&port.to_string())), "{shop}");
}

#[test]
fn why_tells_of_a_record_from_a_stopped_engines_file_and_from_both_systems() {
    let scene = Scene::with_two_bad_customers();
    let before = scene.run(&["why", "contacts", "cus_000007", "--json"]).ended(0).json();
    assert_eq!(before["answers"][0]["facts"]["why"]["cause"], "never_run", "{before}");
    scene.run(&["run", "--once"]).ended(3);
    let dead = scene.run(&["why", "cus_000007", "--json"]).ended(3).json();
    let answer = &dead["answers"][0];
    assert_eq!(
        (&dead["known"], &answer["verdict"], &answer["needs_person"]),
        (&json!(true), &json!("dead_letter"), &json!(true))
    );
    assert_eq!((&answer["job"], &answer["record"]), (&json!("contacts"), &json!("cus_000007")), "{dead}");
    let text = scene.run(&["why", "contacts", "cus_000007"]).ended(3);
    assert!(text.stdout.starts_with("✗ `cus_000007` is not in crm, because its last try failed: 422"), "{text}");
    let written = scene.run(&["why", "contacts", "cus_000001", "--live", "--json"]).ended(0).json();
    let answer = &written["answers"][0];
    assert_eq!(answer["verdict"], "unchanged", "{written}");
    let fields = answer["fields"].as_array().expect("fields");
    assert!(!fields.is_empty() && fields.iter().all(|field| field["source"] == field["destination"]), "{written}");
    let unknown = scene.run(&["why", "nobody"]).ended(0);
    assert!(unknown.stdout.starts_with("? No job knows `nobody`"), "{unknown}");
    let wrong = scene.run(&["why", "contact", "x"]).ended(2);
    assert!(wrong.stderr.contains("no job is called `contact`"), "{wrong}");
}
