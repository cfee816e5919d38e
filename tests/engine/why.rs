//! Why a record is not there: each answer, from what really happened to it.

use crate::house::{CONNECTIONS, CUSTOMERS, House, job};
use std::time::Duration;
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::*;
use syncdeck::sim::{Fault, FaultRule, Latency, Removal, Side, Spoil, World};

const ID: &str = "cus_000007";

fn config() -> String {
    format!("{CONNECTIONS}{CUSTOMERS}")
}

/// The job with another line of its own.
fn with(line: &str) -> String {
    config().replace("[jobs.customers]\n", &format!("[jobs.customers]\n{line}\n"))
}

/// The job with another line of its source.
fn sourced(line: &str) -> String {
    config().replace("deleted = \"/deleted\"\n", &format!("deleted = \"/deleted\"\n{line}\n"))
}

fn customers() -> Vec<JobId> {
    vec![job("customers")]
}

async fn synced(world: World) -> House {
    House::new(world, &config()).await.run_once().await.0
}

async fn ask(house: &House, key: &str, live: bool) -> WhyAnswer {
    let request = Request::Why { job: Some(job("customers")), key: key.to_owned(), live };
    let Answer::Why(answer) = house.ask(request).await else { panic!("another answer") };
    // What goes over a socket comes back as it was.
    let text = serde_json::to_string(&answer).expect("JSON");
    assert_eq!(serde_json::from_str::<WhyAnswer>(&text).expect("the answer"), *answer);
    *answer
}

async fn one(house: &House, key: &str, live: bool) -> Why {
    let mut answers = ask(house, key, live).await.answers;
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

fn refuse_writes(world: &World, id: &str) {
    let status =
        Fault::Status { code: 422, body: r#"{"error":"email already in use"}"#.to_owned(), headers: Vec::new() };
    world.faults.add(FaultRule::new(Side::Destination, status).id(id));
}

async fn sync_one(house: &House, id: &str) -> Result<String, String> {
    let request = Request::SyncOne { job: job("customers"), record: id.into() };
    match house.handle.ask(request).await {
        Ok(Answer::Done(done)) => Ok(done.text),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.message),
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_written_is_told_with_its_run_and_asked_for_live_is_unchanged() {
    let house = synced(World::new(1, 60)).await;
    let why = one(&house, ID, false).await;
    let Verdict::Written { written } = &why.verdict else { panic!("{:?}", why.verdict) };
    assert_eq!((written.run, written.was_created), (Some(RunId(1)), true));
    assert!(why.fields.is_empty(), "nobody was asked");
    let requests = house.world.trace().len();
    let why = one(&house, ID, true).await;
    assert!(matches!(&why.verdict, Verdict::Unchanged { .. }), "{:?}", why.verdict);
    assert_eq!(house.world.trace().len(), requests + 2, "one question to each system");
    assert!(
        !why.fields.is_empty() && why.fields.iter().all(|field| !field.differs && field.source == field.destination)
    );
    assert!(why.rungs.iter().any(|rung| rung.name == "destination" && rung.is_live && rung.mark == RungMark::Yes));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_the_answer_with_its_reason_and_then_its_retry_and_its_discard() {
    let world = World::new(1, 60);
    refuse_writes(&world, ID);
    let house = synced(world).await;
    let why = one(&house, ID, false).await;
    let Verdict::DeadLetter(facts) = &why.verdict else { panic!("{:?}", why.verdict) };
    assert_eq!((facts.stage.clone(), facts.reason.as_str()), (LetterStage::Waiting, "422 email already in use"));
    assert!(
        why.sentence.contains("is not in crm") && why.sentence.contains("422 email already in use"),
        "{}",
        why.sentence
    );
    assert_eq!(why.letter.map(|(id, _)| id), Some(facts.id));
    let selection = Selection::Ids(vec![facts.id]);
    house.ask(Request::Retry { selection: selection.clone() }).await;
    let why = one(&house, ID, false).await;
    assert!(matches!(&why.verdict, Verdict::DeadLetter(facts) if matches!(facts.stage, LetterStage::Retrying { .. })));
    house.ask(Request::Restore { selection: selection.clone() }).await;
    house.ask(Request::Discard { selection, reason: "test data".to_owned() }).await;
    let why = one(&house, ID, false).await;
    assert_eq!(why.tenor, Tenor::RightlyNot);
    assert!(why.sentence.contains("ops discarded it") && why.sentence.contains("test data"), "{}", why.sentence);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_delivered_with_a_correction_is_as_it_was_written_until_its_source_says_more() {
    let world = World::new(1, 60);
    refuse_writes(&world, ID);
    let house = synced(world).await;
    house.world.faults.clear();
    let (id, _) = one(&house, ID, false).await.letter.expect("a letter");
    let Answer::EditForm(form) = house.ask(Request::EditForm { id }).await else { panic!("another answer") };
    let email = RawJson::from_trusted("\"another@example.org\"".to_owned());
    let changes = vec![FieldChange { field: "email".to_owned(), value: Some(email) }];
    house.ask(Request::Correct { id, content: form.content.clone(), changes, reason: None, retry: true }).await;
    let house = house.run_once().await.0;
    let why = one(&house, ID, true).await;
    assert!(matches!(&why.verdict, Verdict::Unchanged { .. }), "{}", why.sentence);
    assert!(why.rungs.iter().any(|rung| rung.name == "destination" && rung.mark == RungMark::Yes), "{:?}", why.rungs);
    let email = why.fields.iter().find(|field| field.field == "email").expect("the corrected field");
    assert_eq!(email.written, email.destination);
    assert!(email.differs && email.source != email.written, "the source still says what was refused");
    house.world.shop.edit("customers", ID);
    let why = one(&house, ID, true).await;
    assert!(!matches!(&why.verdict, Verdict::Unchanged { .. }), "{}", why.sentence);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_never_ran_is_the_answer() {
    let house = House::new(World::new(1, 60), &config()).await;
    for live in [false, true] {
        let why = one(&house, ID, live).await;
        assert!(matches!(&why.verdict, Verdict::NotYetRead { why: Unread::NeverRun, .. }), "{:?}", why.verdict);
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_job_is_told_with_who_paused_it_and_why() {
    let house = synced(World::new(1, 60)).await;
    let before = one(&house, ID, true).await;
    assert!(before.not_the_reason.contains(&"paused job".to_owned()));
    house.ask(Request::Pause { jobs: customers(), reason: Some("quarter end".to_owned()) }).await;
    assert!(house.world.shop.edit("customers", ID));
    let why = one(&house, ID, true).await;
    let Verdict::NotYetRead { why: Unread::Paused { by, reason, .. }, there: There::Older, .. } = &why.verdict else {
        panic!("{:?}", why.verdict)
    };
    assert_eq!((by.name.as_str(), reason.as_deref()), ("ops", Some("quarter end")));
    assert_eq!(why.mends[0].command.as_deref(), Some("syncdeck resume customers"));
}

#[tokio::test(start_paused = true)]
async fn a_change_after_the_last_listing_is_due_with_the_next_one() {
    let config = with(r#"schedule = { every = "5m" }"#);
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(house.world.shop.edit("customers", ID));
    let why = one(&house, ID, true).await;
    assert!(
        matches!(&why.verdict, Verdict::NotYetRead { why: Unread::Due { .. }, there: There::Older, .. }),
        "{:?}",
        why.verdict
    );
    assert_eq!(why.tenor, Tenor::Coming);
    assert!(why.outlook.contains("next listing begins at"), "{}", why.outlook);
}

#[tokio::test(start_paused = true)]
async fn a_filter_is_told_with_its_rule() {
    let rule = "record.kind == 'nobody'";
    let config = sourced(&format!("filter = \"{rule}\""));
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    for live in [false, true] {
        let why = one(&house, ID, live).await;
        let Verdict::Filtered { rule: told, there: There::No, read: Some(read) } = &why.verdict else {
            panic!("{:?}", why.verdict)
        };
        assert_eq!((told.as_str(), read.run, read.is_in_force), (rule, RunId(1), true));
        assert!(why.sentence.contains(rule) && why.sentence.contains("run #1"), "{}", why.sentence);
        assert!(!why.not_the_reason.contains(&"filter".to_owned()));
        assert_eq!(why.tenor, Tenor::RightlyNot);
    }
    let why = one(&house, ID, false).await;
    let scope = why.rungs.iter().find(|rung| rung.name == "in scope").expect("a rung");
    assert!(scope.mark == RungMark::No && scope.text.contains(rule), "{scope:?}");
    assert!(why.story.iter().any(|line| line.text == "refused by the filter, run #1"), "{:?}", why.story);
}

/// What is remembered of the record.
async fn link(house: &House) -> Option<Link> {
    house.store.links(&job("customers"), &[ID.into()]).await.expect("links").remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_refused_again_and_again_is_remembered_once() {
    let config = sourced("filter = \"record.kind == 'nobody'\"").replace("incremental", "# incremental");
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    let first = link(&house).await.expect("a refusal is remembered");
    assert_eq!((first.history.len(), first.writes, first.written), (1, 0, None));
    let (house, finished) = house.run_once().await;
    assert_eq!((finished[0].counts.scanned, finished[0].counts.reasons.filtered), (60, 60), "all was read again");
    assert!(house.world.shop.edit("customers", ID));
    let (house, _) = house.run_once().await;
    assert_eq!(link(&house).await, Some(first), "nothing is written of what is refused still");
    assert_eq!(house.store.link_count(&job("customers")).await.expect("a count"), 60);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_written_and_is_refused_now_keeps_its_link_and_comes_back_as_an_update() {
    let config = sourced("filter = \"record.tier != 'tin'\"");
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    let before = link(&house).await.expect("it was written");
    assert!(house.world.shop.spoil("customers", ID, Spoil::Tier));
    let (house, _) = house.run_once().await;
    let why = one(&house, ID, false).await;
    assert!(matches!(&why.verdict, Verdict::Filtered { there: There::Older, read: Some(_), .. }), "{:?}", why.verdict);
    let refused = link(&house).await.expect("it has its link");
    assert_eq!((refused.written, refused.writes, refused.version), (before.written, 1, before.version));
    assert!(house.world.shop.mend("customers", ID));
    let (house, finished) = house.run_once().await;
    assert_eq!((finished[0].counts.created, finished[0].counts.updated), (0, 1));
    assert!(matches!(one(&house, ID, false).await.verdict, Verdict::Written { .. }));
    house.assert_in_step("customers");
    house.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_when_the_record_passes_as_it_was_written() {
    let config = sourced("filter = \"record.notes != 'hidden'\"");
    let config = format!("{config}\n[jobs.customers.map]\nid = \"id\"\nemail = \"email\"\nphone = \"phone\"\n");
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    let noted = |house: &House, text: &str| {
        let set = |fields: &mut serde_json::Map<String, serde_json::Value>| {
            fields.insert("notes".to_owned(), text.into());
        };
        assert!(house.world.shop.update("customers", ID, set));
    };
    noted(&house, "hidden");
    let (house, _) = house.run_once().await;
    assert!(matches!(one(&house, ID, false).await.verdict, Verdict::Filtered { there: There::Older, .. }));
    noted(&house, "shown");
    let (house, finished) = house.run_once().await;
    assert!(finished[0].counts.updated == 0 && finished[0].counts.reasons.unchanged > 0, "{:?}", finished[0].counts);
    assert!(matches!(one(&house, ID, false).await.verdict, Verdict::Written { .. }));
    let settled = link(&house).await;
    let (house, _) = house.run_once().await;
    assert_eq!(link(&house).await, settled);
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_that_the_source_deletes_is_told_as_deleted_and_not_written() {
    let config = sourced("filter = \"record.kind == 'nobody'\"");
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    assert!(house.world.shop.remove("customers", ID, Removal::Tombstone));
    let (house, _) = house.run_once().await;
    for live in [false, true] {
        let why = one(&house, ID, live).await;
        assert_eq!(why.verdict, Verdict::DeletedAtSource { deleted: None }, "{live}");
    }
    assert!(house.world.crm.dump("customers").is_empty(), "nothing was ever written");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_the_filter_that_the_run_had() {
    let rule = |tier: &str| format!("record.tier == '{tier}'");
    let config = |tier: &str| sourced(&format!("filter = \"{}\"", rule(tier)));
    let house = House::new(World::new(1, 60), &config("nobody")).await.run_once().await.0;
    let house = house.with(&config("none")).await;
    let why = one(&house, ID, false).await;
    let Verdict::Filtered { rule: told, read: Some(read), .. } = &why.verdict else { panic!("{:?}", why.verdict) };
    assert_eq!((told, read.is_in_force), (&rule("nobody"), false));
    assert!(why.outlook.contains("decides anew"), "{}", why.outlook);
    let (house, _) = house.run_once().await;
    let why = one(&house, ID, false).await;
    let Verdict::Filtered { rule: told, read: Some(read), .. } = &why.verdict else { panic!("{:?}", why.verdict) };
    assert_eq!((told, read.run, read.is_in_force), (&rule("none"), RunId(2), true));
    let house = house.with(&sourced("filter = \"true\"")).await.run_once().await.0;
    assert!(matches!(one(&house, ID, false).await.verdict, Verdict::Written { .. }));
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_is_found_by_its_searchable_fields() {
    let config = sourced("filter = \"record.kind == 'nobody'\"\nsearchable = [\"email\"]");
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    let body = house.world.shop.get("customers", ID).expect("a customer");
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let why = one(&house, body["email"].as_str().expect("an address"), false).await;
    assert_eq!((why.record, why.matched_by), (ID.into(), MatchedBy::Field("email".to_owned())));
    assert!(matches!(why.verdict, Verdict::Filtered { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_start_is_not_read() {
    let config = config()
        .replace(r#"param = "updated_since" }"#, r#"param = "updated_since", start = "2040-01-01T00:00:00Z" }"#);
    let house = House::new(World::new(1, 60), &config).await.run_once().await.0;
    let why = one(&house, ID, true).await;
    assert!(matches!(&why.verdict, Verdict::BeforeStart { .. }), "{:?}", why.verdict);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_side_knows_and_one_with_a_hostile_id_are_answered() {
    let house = synced(World::new(1, 60)).await;
    for id in [
        "nobody",
        "../../etc/passwd",
        "a/b?c=d#e",
        "\u{1b}[2J",
        "%2e%2e",
        "ключ",
        "..",
        "'; drop table",
        "\u{202e}x\u{1f}y",
    ] {
        let answer = ask(&house, id, false).await;
        assert!(!answer.is_known, "{id:?}");
        assert!(matches!(answer.answers[0].verdict, Verdict::Unknown { can_ask: true }), "{:?}", answer.answers[0]);
        let why = one(&house, id, true).await;
        let is_answer = matches!(&why.verdict, Verdict::NotAtSource { .. } | Verdict::Unknown { .. });
        assert!(is_answer, "{id:?}: {:?}", why.verdict);
    }
    let refusal = house.handle.ask(Request::Why { job: None, key: "  ".to_owned(), live: false }).await;
    assert!(refusal.is_err());
    house.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_is_told_as_deleted_by_the_source() {
    let house = synced(World::new(1, 60)).await;
    assert!(house.world.shop.remove("customers", ID, Removal::Tombstone));
    let (house, _) = house.run_once().await;
    for live in [false, true] {
        let why = one(&house, ID, live).await;
        assert!(matches!(&why.verdict, Verdict::DeletedAtSource { deleted: Some(_) }), "{:?}", why.verdict);
        assert_eq!(why.tenor, Tenor::RightlyNot);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_changed_or_taken_away_at_the_destination_is_told_and_mended_by_one_sync() {
    let house = synced(World::new(1, 60)).await;
    house.world.crm.overwrite("customers", ID, r#"{"id":"cus_000007","email":"somebody@else.example"}"#);
    let why = one(&house, ID, true).await;
    let Verdict::ChangedThere { fields, .. } = &why.verdict else { panic!("{:?}", why.verdict) };
    assert!(fields.contains(&"email".to_owned()), "{fields:?}");
    drop(house.engine.start(Start::service()).await);
    assert!(sync_one(&house, ID).await.expect("synced").contains("was written to crm"));
    assert!(matches!(one(&house, ID, true).await.verdict, Verdict::Unchanged { .. }));
    assert!(house.world.crm.lose("customers", ID));
    assert!(matches!(one(&house, ID, true).await.verdict, Verdict::GoneThere { .. }));
    let text = sync_one(&house, ID).await.expect("synced");
    assert!(text.contains("was created in crm") || text.contains("was written to crm"), "{text}");
    house.engine.stop().await;
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn one_record_is_synced_also_while_its_job_is_paused_and_the_checkpoint_stays() {
    let house = synced(World::new(1, 60)).await;
    let before = house.store.checkpoint(&job("customers")).await.expect("a checkpoint");
    house.ask(Request::Pause { jobs: customers(), reason: None }).await;
    assert!(house.world.shop.edit("customers", ID));
    drop(house.engine.start(Start::service()).await);
    let text = sync_one(&house, ID).await.expect("synced");
    assert!(text.contains(ID) && text.contains("was written to crm"), "{text}");
    assert_eq!(house.store.checkpoint(&job("customers")).await.expect("a checkpoint"), before);
    assert!(matches!(house.job(&job("customers")).state, JobState::Paused { .. }));
    assert!(matches!(one(&house, ID, true).await.verdict, Verdict::Unchanged { .. }));
    assert!(house.world.shop.edit("customers", "cus_000008"));
    let other = one(&house, "cus_000008", true).await;
    assert!(matches!(other.verdict, Verdict::NotYetRead { why: Unread::Paused { .. }, .. }), "{:?}", other.verdict);
    let runs = house.store.runs(None, None, 5).await.expect("runs");
    assert_eq!((&runs[0].kind, runs[0].by.name.as_str(), runs[0].counts.scanned), (&RunKind::Record, "ops", 1));
    let journal = house.store.journal(None, 5).await.expect("the journal");
    assert_eq!((journal[0].action.as_str(), journal[0].after.as_deref()), ("sync record", Some(ID)));
    assert!(sync_one(&house, "nobody").await.expect("an answer").contains("has no record"));
    house.engine.stop().await;
    let refused = sync_one(&house, ID).await.expect_err("the engine is stopped");
    assert!(refused.contains("stopped"), "{refused}");
    house.assert_clean();
}

#[tokio::test(start_paused = true)]
async fn one_record_that_is_refused_says_so_and_waits_in_its_letter() {
    let world = World::new(1, 60);
    refuse_writes(&world, ID);
    let house = synced(world).await;
    drop(house.engine.start(Start::service()).await);
    let text = sync_one(&house, ID).await.expect("an answer");
    assert!(text.contains("was refused by crm: 422 email already in use (dead letter #1)"), "{text}");
    assert_eq!(house.job(&job("customers")).dead_waiting, 1, "its letter is the one that it had");
    house.world.faults.clear();
    sync_one(&house, ID).await.expect("an answer");
    assert_eq!(house.job(&job("customers")).dead_waiting, 0);
    let why = one(&house, ID, false).await;
    assert!(matches!(why.verdict, Verdict::Written { .. }), "{:?}", why.verdict);
    assert!(why.story.iter().any(|line| line.text.contains("settled")), "{:?}", why.story);
    house.engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_record_is_refused_while_a_long_run_is_in_progress() {
    let world = World::new(1, 5_000);
    world.faults.set_latency(Side::Destination, Latency { base_ms: 500, jitter_ms: 0 });
    let house = House::new(world, &config()).await;
    house.ask(Request::Trigger { jobs: customers() }).await;
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let refused = sync_one(&house, ID).await.expect_err("one run of a job at a time");
    assert!(refused.contains("run #1 of `customers` is in progress"), "{refused}");
    house.engine.halt().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_in_flight_and_what_the_listing_has_not_reached_is_not_yet_read() {
    let world = World::new(1, 2_000);
    world.faults.add(FaultRule::new(Side::Destination, Fault::HangBefore));
    let house = House::new(world, &config()).await;
    house.ask(Request::Trigger { jobs: customers() }).await;
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let why = one(&house, "cus_000001", false).await;
    assert_eq!(why.verdict, Verdict::InFlight { run: Some(RunId(1)) });
    let why = one(&house, "cus_001999", false).await;
    assert!(
        matches!(&why.verdict, Verdict::NotYetRead { why: Unread::Listing { .. }, .. } | Verdict::Waiting { .. }),
        "{:?}",
        why.verdict
    );
    house.engine.halt().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_as_what_it_waits_for() {
    let house = synced(World::new(1, 60)).await;
    let down = Fault::Status { code: 503, body: String::new(), headers: Vec::new() };
    house.world.faults.add(FaultRule::new(Side::Destination, down));
    assert!(house.world.shop.edit("customers", ID));
    house.ask(Request::Trigger { jobs: customers() }).await;
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let why = one(&house, ID, false).await;
    assert!(matches!(why.verdict, Verdict::InFlight { .. } | Verdict::Waiting { .. }), "{:?}", why.verdict);
    let why = one(&house, "nobody", false).await;
    assert!(matches!(&why.verdict, Verdict::Waiting { what, .. } if what.contains("crm is down")), "{:?}", why.verdict);
    house.engine.halt().await;
}

#[tokio::test(start_paused = true)]
async fn a_version_behind_the_watermark_without_a_link_was_missed() {
    let house = synced(World::new(1, 60)).await;
    house.world.shop.insert(
        "customers",
        "cus_late",
        r#"{"id":"cus_late","updated_at":"2020-01-01T00:00:00Z","email":"late@example.com","phone":"+15550100"}"#,
    );
    let (house, _) = house.run_once().await;
    let why = one(&house, "cus_late", true).await;
    assert!(
        matches!(&why.verdict, Verdict::Missed { is_incremental: true, there: There::No, .. }),
        "{:?}",
        why.verdict
    );
    assert!(why.mends.iter().any(|mend| mend.command.as_deref() == Some("syncdeck run customers --once --full")));
    drop(house.engine.start(Start::service()).await);
    let text = sync_one(&house, "cus_late").await.expect("synced");
    assert!(text.contains("was created in crm"), "{text}");
    house.engine.stop().await;
    house.assert_in_step("customers");
}

#[tokio::test(start_paused = true)]
async fn a_record_is_found_by_its_searchable_fields_as_they_are_now() {
    let config = sourced(r#"searchable = ["email", "/phone"]"#);
    let world = World::new(1, 60);
    world.shop.insert(
        "customers",
        "cus_a",
        r#"{"id":"cus_a","updated_at":"2026-01-01T00:00:00Z","email":"Sam.Lee@Example.org","phone":"1"}"#,
    );
    let house = House::new(world, &config).await.run_once().await.0;
    let why = one(&house, " sam.lee@example.ORG ", false).await;
    assert_eq!((why.record.as_str(), why.matched_by), ("cus_a", MatchedBy::Field("email".to_owned())));
    house.world.shop.insert(
        "customers",
        "cus_a",
        r#"{"id":"cus_a","updated_at":"2026-12-01T00:00:00Z","email":"new@example.org","phone":"1"}"#,
    );
    let (house, _) = house.run_once().await;
    assert!(!ask(&house, "sam.lee@example.org", false).await.is_known, "the old address is found no more");
    assert_eq!(one(&house, "new@example.org", false).await.record.as_str(), "cus_a");
}

#[tokio::test(start_paused = true)]
async fn fields_that_become_searchable_later_find_what_is_unchanged() {
    let house = synced(World::new(1, 60)).await;
    let body = house.world.shop.get("customers", ID).expect("a customer");
    let email = serde_json::from_slice::<serde_json::Value>(&body).expect("JSON")["email"]
        .as_str()
        .expect("an address")
        .to_owned();
    assert!(!ask(&house, &email, false).await.is_known);
    let config = sourced(r#"searchable = ["email"]"#);
    let house = house.with(&config).await;
    let (house, ends) = house.run_once().await;
    assert_eq!(ends[0].counts.written(), 0);
    assert_eq!(one(&house, &email, false).await.record.as_str(), ID);
}

#[tokio::test(start_paused = true)]
async fn a_crash_leaves_an_unknown_outcome_that_asking_the_destination_settles() {
    let world = World::new(1, 400);
    world.faults.set_latency(Side::Destination, Latency { base_ms: 100, jitter_ms: 0 });
    let house = House::new(world, &config()).await;
    house.ask(Request::Trigger { jobs: customers() }).await;
    drop(house.engine.start(Start::service()).await);
    tokio::time::sleep(Duration::from_millis(450)).await;
    let house = house.after_a_kill(|disk| disk.clone()).await;
    let job_id = job("customers");
    let mut unsaved = None;
    for (id, _) in house.world.crm.dump("customers") {
        let link = house.store.links(&job_id, &[RecordId::from(id.as_str())]).await.expect("links").remove(0);
        if link.is_none() {
            unsaved = Some(id);
            break;
        }
    }
    let unsaved = unsaved.expect("a record that was written and not saved");
    assert!(house.world.shop.edit("customers", &unsaved));
    let why = one(&house, &unsaved, true).await;
    assert!(matches!(&why.verdict, Verdict::OutcomeUnknown { since: Some(_), .. }), "{:?}", why.verdict);
}
