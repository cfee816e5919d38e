//! Rewinds, imports, dry runs and the journal, asked of a real engine over the simulated systems.

use crate::house::{BEGIN, CONNECTIONS, CUSTOMERS, House, job};
use std::path::Path;
use syncdeck::control::{Answer, Refusal, Request};
use syncdeck::engine::Start;
use syncdeck::model::{
    CallBudget, Checkpoint, CheckpointFile, ConnectionId, DeadLetterId, FieldChange, JournalEntry, LetterFilter,
    PlanFrom, PlanOrder, PlanPart, PlanWhat, RawJson, RewindPreview, RewindTo, Selection, Sequence,
};
use syncdeck::sim::{Side, Spoil, World};

fn config() -> String {
    format!("{CONNECTIONS}{CUSTOMERS}")
}

async fn house(records: u64) -> House {
    House::new(World::new(1, records), &config()).await
}

/// A house whose job has run once.
async fn in_step(records: u64) -> House {
    house(records).await.run_once().await.0
}

async fn plan_with(house: &House, order: Option<PlanOrder>) -> PlanPart {
    let order = order.map(Box::new);
    let request =
        Request::Plan { job: job("customers"), from: PlanFrom::Next, max_records: 10_000, max_rows: 1_000, order };
    match house.ask(request).await {
        Answer::Plan(part) => *part,
        other => panic!("{other:?}"),
    }
}

async fn plan(house: &House) -> PlanPart {
    plan_with(house, None).await
}

async fn preview(house: &House, to: RewindTo) -> Result<RewindPreview, Refusal> {
    match house.handle.ask(Request::RewindPreview { job: job("customers"), to }).await? {
        Answer::RewindPreview(preview) => Ok(*preview),
        other => panic!("{other:?}"),
    }
}

fn rewind(to: RewindTo, expected: Option<u64>) -> Request {
    let reason = "a wrong map".to_owned();
    Request::Rewind { job: job("customers"), to, reason, expected: expected.map(Sequence) }
}

async fn checkpoint(house: &House) -> Checkpoint {
    house.store.checkpoint(&job("customers")).await.expect("read").expect("a checkpoint")
}

async fn journal(house: &House) -> Vec<JournalEntry> {
    house.store.journal(None, 100).await.expect("the journal")
}

fn requests(house: &House, side: Side) -> usize {
    house.world.trace().iter().filter(|traced| traced.side == side).count()
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_nothing_anywhere_and_counts_what_the_run_then_does() {
    let house = in_step(120).await;
    for id in ["cus_000010", "cus_000011"] {
        assert!(house.world.shop.edit("customers", id));
    }
    house.world.shop.insert_new("customers");
    assert!(house.world.shop.remove("customers", "cus_000020", syncdeck::sim::Removal::Tombstone));
    house.world.clear_trace();
    let before = house.disk.content();
    let planned = plan(&house).await;
    assert_eq!(requests(&house, Side::Destination), 0);
    assert!(requests(&house, Side::Source) > 0);
    assert_eq!(house.disk.content(), before, "not a byte of the state changed");
    assert!(planned.totals.counts.is_balanced() && planned.next.is_none(), "{planned:?}");
    let whats = |what: PlanWhat| planned.rows.iter().filter(|row| row.what == what).count();
    assert_eq!((whats(PlanWhat::Create), whats(PlanWhat::Update), whats(PlanWhat::Delete)), (1, 2, 1));
    let (_, finished) = house.run_once().await;
    let ran = syncdeck::model::Counts { retried: 0, ..finished[0].counts };
    assert_eq!(planned.totals.counts, ran, "the run did what was counted");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_would_be_tried_again_is_named_as_one() {
    let house = house(120).await;
    house.world.shop.spoil("customers", "cus_000007", Spoil::Phone);
    let (house, _) = house.run_once().await;
    let totals = plan(&house).await.totals;
    assert_eq!((totals.dead_again, totals.counts.created, totals.still_dead), (1, 1, 0), "{totals:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_is_asked_for_in_parts_that_add_up() {
    let house = house(120).await;
    let mut from = PlanFrom::Next;
    let mut scanned = Vec::new();
    loop {
        let request = Request::Plan { job: job("customers"), from, max_records: 50, max_rows: 0, order: None };
        let Answer::Plan(part) = house.ask(request).await else { panic!("another answer") };
        assert!(part.rows.is_empty());
        scanned.push(part.totals.counts.scanned);
        match part.next {
            Some(next) => from = PlanFrom::At(next),
            None => break,
        }
    }
    assert_eq!(scanned, [50, 50, 20]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_away_makes_a_dry_run_say_so() {
    let house = house(120).await;
    let away = syncdeck::sim::Fault::Status { code: 503, headers: Vec::new(), body: String::new() };
    house.world.faults.add(syncdeck::sim::FaultRule::new(Side::Source, away));
    let planned = plan(&house).await;
    assert!(planned.problem.is_some(), "{planned:?}");
    assert_eq!(planned.totals.counts.scanned, 0);
}

fn order_of(config: &str) -> PlanOrder {
    let config = syncdeck::config::parse(config, Path::new("new.toml"), &|_| None).expect("a configuration");
    PlanOrder::of(&config.jobs[0])
}

#[tokio::test(start_paused = true)]
async fn another_map_is_planned_against_the_same_state_field_by_field() {
    let house = in_step(60).await;
    let new = format!("{}[jobs.customers.map]\nid = \"id\"\nmail = \"email\"\n", config());
    let planned = plan_with(&house, Some(order_of(&new))).await;
    assert_eq!((planned.totals.counts.scanned, planned.totals.counts.updated), (60, 60), "{:?}", planned.totals);
    let row = &planned.rows[0];
    assert!(row.is_field_by_field, "what the map of now makes of an unchanged record is what was written");
    let change = |field: &str| row.fields.iter().find(|change| change.field == field).expect("a changed field");
    assert_eq!(change("mail").from, None);
    assert_eq!((change("email").to.as_ref(), change("email").from.as_ref()), (None, change("mail").to.as_ref()));
    assert!(row.fields.iter().all(|change| change.field != "id"));
    // The same order is no other one: nothing has to be read again.
    assert_eq!(plan_with(&house, Some(order_of(&config()))).await.totals.counts.updated, 0);
    let elsewhere = config().replace("/cursor/customers", "/cursor/orders");
    let order = Some(Box::new(order_of(&elsewhere)));
    let request = Request::Plan { job: job("customers"), from: PlanFrom::Next, max_records: 9, max_rows: 9, order };
    let refused = house.handle.ask(request).await.expect_err("another source");
    assert!(refused.message.contains("read the source of `customers` otherwise"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_rewind_is_previewed_counted_and_taken_back() {
    let house = in_step(120).await;
    let shown = preview(&house, RewindTo::Sequence(Sequence(1))).await.expect("a preview");
    assert_eq!((shown.scanned_since, shown.written_since, shown.is_paused), (70, 70, false));
    let from = PlanFrom::Rewind(RewindTo::Sequence(Sequence(1)));
    let request = Request::Plan { job: job("customers"), from, max_records: 1_000, max_rows: 9, order: None };
    let Answer::Plan(counted) = house.ask(request).await else { panic!("another answer") };
    assert_eq!((counted.totals.counts.scanned, counted.totals.counts.reasons.unchanged), (70, 70));
    let old = checkpoint(&house).await;
    let Answer::Done(done) = house.ask(rewind(RewindTo::Sequence(Sequence(1)), Some(3))).await else { panic!() };
    assert_eq!(done.text, "rewound customers from #3 to #1, which is #4 now; it is paused until it is resumed");
    assert_eq!(checkpoint(&house).await.position.records, 50);
    assert_eq!(house.job(&job("customers")).state.word(), "paused");
    let Answer::Done(_) = house.ask(*done.undo.expect("an undo")).await else { panic!() };
    let back = checkpoint(&house).await;
    assert_eq!((back.sequence, back.position), (Sequence(5), old.position));
    let actions: Vec<_> = journal(&house).await.into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, ["rewind", "rewind", "pause"]);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_comes_too_late_is_refused_and_changes_nothing() {
    let house = in_step(120).await;
    let refused = house.handle.ask(rewind(RewindTo::Start, Some(2))).await.expect_err("it stands at #3");
    assert_eq!(refused.message, "`customers` stands at checkpoint #3 now, not at checkpoint #2");
    assert_eq!((checkpoint(&house).await.sequence, journal(&house).await.len()), (Sequence(3), 0));
    assert_eq!(house.job(&job("customers")).state.word(), "idle", "it was not even paused");
}

#[tokio::test(start_paused = true)]
async fn a_place_to_go_back_to_is_found_by_time_and_by_record() {
    let house = in_step(120).await;
    let newest = checkpoint(&house).await;
    let to = |shown: RewindPreview| shown.to.map(|to| to.sequence.0);
    assert_eq!(to(preview(&house, RewindTo::Time(newest.saved_at)).await.expect("found")), Some(3));
    let early = preview(&house, RewindTo::Time(syncdeck::model::Timestamp(0))).await.expect_err("none so early");
    assert!(early.message.contains("no checkpoint from before"), "{early}");
    let thinned = preview(&house, RewindTo::Sequence(Sequence(9))).await.expect_err("none");
    assert_eq!(thinned.message, "`customers` has no checkpoint #9; its newest is #3");
    assert!(house.world.shop.edit("customers", "cus_000010"));
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let (house, _) = house.run_once().await;
    assert_eq!(to(preview(&house, RewindTo::Record("cus_000010".into())).await.expect("found")), Some(3));
    let unknown = preview(&house, RewindTo::Record("nobody".into())).await.expect_err("never read");
    assert_eq!(unknown.message, "`customers` never read a record `nobody`");
}

async fn exported(house: &House) -> CheckpointFile {
    match house.ask(Request::CheckpointExport { job: job("customers") }).await {
        Answer::CheckpointFile(Some(file)) => *file,
        other => panic!("{other:?}"),
    }
}

fn import(file: &CheckpointFile, force: bool) -> Request {
    let (job, file, reason) = (job("customers"), Box::new(file.clone()), "moved here".to_owned());
    Request::CheckpointImport { job, file, reason, force, expected: None }
}

#[tokio::test(start_paused = true)]
async fn a_position_is_taken_over_from_a_file_of_the_same_source_only() {
    let old = in_step(120).await;
    let file = exported(&old).await;
    let text = serde_json::to_string(&file).expect("JSON");
    let file: CheckpointFile = serde_json::from_str(&text).expect("what was written");
    let new = house(120).await;
    let refused = async |file: CheckpointFile| new.handle.ask(import(&file, false)).await.expect_err("refused").message;
    let other_job = CheckpointFile { job: job("orders"), ..file.clone() };
    assert!(refused(other_job.clone()).await.starts_with("the file is a checkpoint of `orders`, not of `customers`"));
    let other_source = CheckpointFile { source_identity: "00".to_owned(), ..file.clone() };
    assert!(refused(other_source).await.contains("reads its source otherwise"));
    let newer = CheckpointFile { format: 99, ..file.clone() };
    assert!(refused(newer).await.contains("newer syncdeck"));
    assert!(journal(&new).await.is_empty(), "what is refused changes nothing");
    new.ask(import(&other_job, true)).await;
    let Answer::Done(done) = new.ask(import(&file, false)).await else { panic!("another answer") };
    let set = checkpoint(&new).await;
    assert_eq!((set.sequence, &set.position), (Sequence(2), &file.checkpoint.position));
    assert_eq!(set.moved_words().as_deref(), Some("import of #3 by ops: moved here"));
    assert!(done.undo.is_some() && journal(&new).await[0].action == "import");
    new.ask(Request::Resume { jobs: vec![job("customers")] }).await;
    let finished = new.finish(Start { once: true, ..Start::default() }).await;
    let created = finished[0].counts.created;
    assert!((1..60).contains(&created), "only what the overlap covers is read again, not {created}");
}

/// The newest letter, so that there is one to give orders about.
async fn letters(house: &House) -> Vec<DeadLetterId> {
    let filter = LetterFilter { job: Some(job("customers")), ..LetterFilter::default() };
    house.store.letter_ids(&filter, 9).await.expect("letters").ids.to_vec()
}

#[tokio::test(start_paused = true)]
async fn every_order_stands_in_the_journal_with_who_when_and_what_changed() {
    let house = house(120).await;
    house.world.shop.spoil("customers", "cus_000007", Spoil::Phone);
    house.world.shop.spoil("customers", "cus_000008", Spoil::Phone);
    let (house, _) = house.run_once().await;
    let house = house.again().await;
    let jobs = || vec![job("customers")];
    let letters = letters(&house).await;
    let one = || Selection::Ids(vec![letters[0]]);
    let file = exported(&house).await;
    let crm = || ConnectionId::from("crm");
    let orders = [
        (Request::Trigger { jobs: jobs() }, "trigger"),
        (Request::Cancel { jobs: jobs() }, "cancel"),
        (Request::Pause { jobs: jobs(), reason: Some("maintenance".to_owned()) }, "pause"),
        (Request::Hold { connection: crm(), reason: Some("maintenance".to_owned()) }, "hold"),
        (Request::Release { connection: crm() }, "release"),
        (Request::LowerBudget { connection: crm(), budget: CallBudget::read("6/1m").ok(), reason: None }, "budget"),
        (Request::LowerBudget { connection: crm(), budget: None, reason: None }, "budget"),
        (Request::Retry { selection: one() }, "retry"),
        (Request::Restore { selection: one() }, "restore"),
        (Request::Discard { selection: one(), reason: "a test record".to_owned() }, "discard"),
        (Request::Restore { selection: one() }, "restore"),
        (correction(&house, letters[0]).await, "edit"),
        (Request::RetryCarefully { selection: one(), per_minute: None }, "retry many"),
        (Request::StopRetry { job: job("customers") }, "stop retry"),
        (rewind(RewindTo::Start, None), "rewind"),
        (import(&file, false), "import"),
        (Request::Resume { jobs: jobs() }, "resume"),
        (Request::Range { job: job("customers"), since: BEGIN, until: None }, "range"),
        (Request::Pause { jobs: jobs(), reason: None }, "pause"),
        (Request::Forget { job: job("customers") }, "forget"),
        (Request::Resume { jobs: jobs() }, "resume"),
    ];
    for (order, action) in orders {
        assert!(order.changes(), "{order:?}");
        let before = journal(&house).await.len();
        let what = format!("{order:?}");
        house.ask(order).await;
        let entries = journal(&house).await;
        let new = &entries[..entries.len() - before];
        let entry = new.iter().find(|entry| entry.action == action && entry.by.name == "ops");
        let entry = entry.unwrap_or_else(|| panic!("{what}: {new:?}"));
        assert!(entry.before.is_some() || entry.after.is_some(), "{what}: {entry:?}");
    }
    // This one needs an engine that runs.
    drop(house.engine.start(Start::service()).await);
    house.ask(Request::SyncOne { job: job("customers"), record: "cus_000001".into() }).await;
    let entries = journal(&house).await;
    assert!(entries.iter().any(|entry| entry.action == "sync record" && entry.by.name == "ops"));
    let Answer::Verified(proof) = house.ask(Request::JournalVerify).await else { panic!("another answer") };
    assert_eq!((proof.entries, proof.broken), (journal(&house).await.len() as u64, None));
    house.engine.stop().await;
}

/// A correction of one field of a letter.
async fn correction(house: &House, id: DeadLetterId) -> Request {
    let Answer::EditForm(form) = house.ask(Request::EditForm { id }).await else { panic!("another answer") };
    let phone = RawJson::from_trusted("\"+49 30 123456\"".to_owned());
    let changes = vec![FieldChange { field: "phone".to_owned(), value: Some(phone) }];
    Request::Correct { id, content: form.content.clone(), changes, reason: None, retry: false }
}

/// So that no order is forgotten above: whoever adds one gives it there, or says here why it leaves no entry.
#[test]
fn every_request_that_changes_something_is_tried_above() {
    // A circuit is reset only where one is open, and a test of a connection changes nothing that is kept. What is settled
    // needs a create in doubt, an acceptance a key or a destination that changed: of both the stories tell, with their
    // entries. Withheld deletes have tests of their own.
    let elsewhere = ["ResetCircuit", "TestConnection", "Settle", "Accept", "HeldRelease", "HeldDiscard"];
    let tests = include_str!("points.rs");
    let source = include_str!("../../src/control/mod.rs");
    let changes = source.split("pub fn changes(&self)").nth(1).expect("the list of what changes");
    let changes = changes.split("=> true").next().expect("its first arm");
    for part in changes.split("Self::").skip(1) {
        let name = part.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
        let is_tried = tests.contains(&format!("Request::{name} {{"));
        assert!(
            is_tried || elsewhere.contains(&name),
            "`{name}` changes something, and its journal entry is not tried"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_with_nothing_running_says_that_nothing_ran() {
    let house = in_step(120).await;
    let Answer::Done(done) = house.ask(Request::Cancel { jobs: vec![job("customers")] }).await else { panic!() };
    assert_eq!((done.changed, done.text.as_str()), (0, "nothing ran: customers has no run in progress"));
    assert!(journal(&house).await.is_empty());
}
