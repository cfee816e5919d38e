//! Seeds: random faults, random changes and random deaths, and at the end everything is where it belongs.
//!
//! `SYNCDECK_SEEDS=20000 cargo test --test engine seeds` runs more of them, `SYNCDECK_SEED=7` runs one again.

use crate::disk::Disk;
use crate::house::{BEGIN, CONNECTIONS, House, job};
use fastrand::Rng;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use syncdeck::control::Request;
use syncdeck::engine::Start;
use syncdeck::model::{JobState, LetterFilter, LetterPlace, LogFilter, RawJson, RunEnd, Selection};
use syncdeck::sim::{
    Churn, Fault, FaultRule, Latency, Options, Profile, Removal, RetryAfter, Side, SimulatedClock, Spoil, World,
};

const CUSTOMERS: &str = "customers";
/// Runs in which a job whose systems work has to come to its end.
const CALM_RUNS_MAX: usize = 12;
/// A seed that is asked for by its number is played so often: the store's thread is the one thing that no seed rules.
const REPLAYS: usize = 20;

#[test]
fn seeds_of_random_faults_end_with_everything_in_its_place() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("SYNCDECK_SEED") {
        return (0..REPLAYS).for_each(|_| play(seed));
    }
    let seeds = number("SYNCDECK_SEEDS").unwrap_or(1_000);
    let next = AtomicU64::new(1);
    let failed = parking_lot::Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        return;
                    }
                    if std::panic::catch_unwind(AssertUnwindSafe(|| play(seed))).is_err() {
                        failed.lock().push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    let again = failed.first().map(|seed| format!("SYNCDECK_SEED={seed} cargo test --test engine seeds"));
    assert!(
        failed.is_empty(),
        "{} of {seeds} seeds failed: {failed:?}; to see one again: {}",
        failed.len(),
        again.unwrap_or_default()
    );
}

fn play(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut play = Play::begin(seed).await;
        for _ in 0..play.dice.u32(3..7) {
            play.round().await;
        }
        play.end().await;
    });
}

/// One seed on its way.
struct Play {
    dice: Rng,
    seed: u64,
    house: Option<House>,
    is_serving: bool,
    /// Of the map, whether the CRM sees the member `tier`.
    sends_tier: bool,
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let bad_fraction = if dice.bool() { 0.03 } else { 0.0 };
        let options = Options {
            bad_fraction,
            clock: Arc::new(SimulatedClock::starting_at(BEGIN)),
            collections: vec![CUSTOMERS.to_owned()],
            ..Options::new(seed, dice.u64(10..150))
        };
        let world = World::with(&options);
        let (config, sends_tier) = configuration(&mut dice);
        let house = House::on(Disk::default(), world, &config, seed).await;
        Self { dice, seed, house: Some(house), is_serving: false, sends_tier }
    }

    fn house(&self) -> &House {
        self.house.as_ref().expect("a house between its rounds")
    }

    /// Something changes, something goes wrong, time passes, and perhaps somebody pulls the plug.
    async fn round(&mut self) {
        self.change_systems();
        self.change_faults();
        if self.dice.f64() < 0.2 {
            self.retry().await;
        }
        if self.dice.f64() < 0.15 && !self.is_serving {
            let full = self.dice.bool();
            self.run(full).await;
            return;
        }
        self.serve().await;
        let span = match self.dice.u32(0..4) {
            0 => Duration::from_millis(self.dice.u64(1..300)),
            1 => Duration::from_millis(self.dice.u64(300..5_000)),
            2 => Duration::from_secs(self.dice.u64(5..120)),
            _ => Duration::from_secs(self.dice.u64(120..2_000)),
        };
        tokio::time::sleep(span).await;
        match self.dice.u32(0..10) {
            0..4 => self.kill().await,
            4..6 => {
                let house = self.house.take().expect("a house");
                self.house = Some(house.again().await);
                self.is_serving = false;
            }
            6 => {
                let jobs = vec![job(CUSTOMERS)];
                self.house().ask(Request::Pause { jobs: jobs.clone(), reason: None }).await;
                tokio::time::sleep(Duration::from_millis(self.dice.u64(0..400))).await;
                self.house().ask(Request::Resume { jobs }).await;
            }
            7 => {
                self.house().ask(Request::Cancel { jobs: vec![job(CUSTOMERS)] }).await;
            }
            _ => {}
        }
    }

    fn change_systems(&mut self) {
        let shop = self.house().world.shop.clone();
        for _ in 0..self.dice.u32(0..12) {
            let Some(id) = shop.any_id(CUSTOMERS) else { continue };
            match self.dice.u32(0..20) {
                0..9 => drop(shop.edit(CUSTOMERS, &id)),
                9..12 => drop(shop.insert_new(CUSTOMERS)),
                12..15 => drop(shop.remove(CUSTOMERS, &id, Removal::Tombstone)),
                15 => drop(shop.late_commit(CUSTOMERS, Duration::from_secs(self.dice.u64(1..50)))),
                16 => {
                    let how = [Spoil::Phone, Spoil::Email, Spoil::MissingEmail, Spoil::Tier];
                    shop.spoil(CUSTOMERS, &id, how[self.dice.usize(0..how.len())]);
                }
                _ => drop(shop.mend(CUSTOMERS, &id)),
            }
        }
        if self.dice.f64() < 0.1
            && let Some(id) = shop.any_id(CUSTOMERS)
        {
            // As when somebody else deletes it there; only an update that finds nothing tells us.
            shop.edit(CUSTOMERS, &id);
            let crm = &self.house().world.crm;
            crm.lose(CUSTOMERS, &crm.id_of(CUSTOMERS, &id).unwrap_or(id));
        }
        shop.stop_churn();
        if self.dice.bool() {
            shop.churn(self.dice.u64(1..5), Churn::Any);
        }
    }

    fn change_faults(&mut self) {
        let world = self.house().world.clone();
        world.faults.clear();
        let profile = [Profile::None, Profile::Some, Profile::Many, Profile::Many][self.dice.usize(0..4)];
        world.faults.set_profile(profile);
        for side in [Side::Source, Side::Destination] {
            let base_ms = [0, 0, 5, 40, 400][self.dice.usize(0..5)];
            world.faults.set_latency(side, Latency { base_ms, jitter_ms: base_ms });
        }
        for _ in 0..self.dice.u32(0..3) {
            let side = if self.dice.bool() { Side::Source } else { Side::Destination };
            let from = self.dice.u64(1..60);
            let rule = FaultRule::new(side, self.fault()).nth(from, from + self.dice.u64(0..30));
            world.faults.add(rule);
        }
        if self.dice.f64() < 0.1 {
            world.shop.expire_cursors();
        }
    }

    fn fault(&mut self) -> Fault {
        let status = |code| Fault::Status { code, body: r#"{"message":"not now"}"#.to_owned(), headers: Vec::new() };
        match self.dice.u32(0..12) {
            0 => status(500),
            1 => status(503),
            2 => Fault::Throttled(RetryAfter::Seconds(self.dice.u64(1..400))),
            3 => Fault::Throttled(RetryAfter::Text("later".to_owned())),
            4 => Fault::Refused,
            5 => Fault::Reset,
            6 => Fault::HangBefore,
            7 => Fault::HangAfter,
            8 => Fault::CutBody,
            9 => Fault::TruncatedJson,
            10 => Fault::EmptyPage,
            _ => Fault::RepeatRecords,
        }
    }

    async fn serve(&mut self) {
        if !self.is_serving {
            drop(self.house().engine.start(Start::service()).await);
            self.is_serving = true;
        }
        let state = self.house().job(&job(CUSTOMERS)).state;
        if matches!(state, JobState::NeedsAttention { .. } | JobState::Paused { .. }) {
            self.house().ask(Request::Resume { jobs: vec![job(CUSTOMERS)] }).await;
        }
        self.house().ask(Request::Trigger { jobs: vec![job(CUSTOMERS)] }).await;
    }

    async fn kill(&mut self) {
        let house = self.house.take().expect("a house");
        self.house = Some(house.after_a_kill(Disk::after_a_kill).await);
        self.is_serving = false;
    }

    async fn retry(&self) {
        let filter = LetterFilter { places: vec![LetterPlace::Waiting], ..LetterFilter::default() };
        self.house().ask(Request::Retry { selection: Selection::Matching(filter) }).await;
    }

    async fn run(&mut self, full: bool) -> RunEnd {
        let house = self.house.take().expect("a house");
        let (house, finished) = house.run(Start { once: true, full, ..Start::default() }).await;
        self.house = Some(house);
        self.is_serving = false;
        finished.into_iter().next().expect("one job ran").end
    }

    /// The systems work again. Whatever happened before, all is in step after a few runs.
    async fn end(mut self) {
        let world = self.house().world.clone();
        world.faults.clear();
        world.faults.set_latency(Side::Source, Latency::default());
        world.faults.set_latency(Side::Destination, Latency::default());
        world.shop.stop_churn();
        // The reason of an outage may have to be waited for.
        for number in 0.. {
            assert!(number < CALM_RUNS_MAX, "seed {}: it does not come to an end\n{}", self.seed, self.log());
            let resume = Request::Resume { jobs: vec![job(CUSTOMERS)] };
            self.house().ask(resume).await;
            if number == 1 {
                // Good records that failed too often in bad times are what a person retries.
                self.retry().await;
            }
            let end = self.run(false).await;
            if end == RunEnd::Done && number > 1 {
                break;
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        self.check().await;
    }

    async fn check(&self) {
        let (house, seed) = (self.house(), self.seed);
        house.engine.stop().await;
        house.assert_sound().await;
        let violations = house.world.audit().violations;
        let spec = &house.spec(&job(CUSTOMERS)).destination;
        assert!(violations.is_empty(), "seed {seed}: {:?}: {violations:?}\n{}", spec.creates, self.log());
        let bad = self.bad();
        let differences = house.differences(&job(CUSTOMERS), CUSTOMERS, &bad);
        assert!(
            differences.is_empty(),
            "seed {seed}: {} differences: {:?}\n{}",
            differences.len(),
            &differences[..differences.len().min(3)],
            self.log()
        );
        let filter =
            LetterFilter { places: vec![LetterPlace::Waiting, LetterPlace::Retrying], ..LetterFilter::default() };
        let open = house.store.letter_ids(&filter, 10_000).await.expect("letters").ids;
        let mut dead = BTreeSet::new();
        for id in open.iter() {
            let letter = house.store.letter(*id).await.expect("a letter").expect("a letter that is listed");
            let is_bad = bad.contains(letter.record.as_str());
            assert!(
                is_bad,
                "seed {seed}: `{}` is a good record and dead: {}\n{}",
                letter.record,
                letter.reason.title(),
                self.log()
            );
            dead.insert(letter.record.as_str().to_owned());
        }
        let silent: Vec<_> = bad.difference(&dead).collect();
        assert!(silent.is_empty(), "seed {seed}: {silent:?} are bad, and no letter says so\n{}", self.log());
    }

    /// Records that the CRM will never take as they are.
    fn bad(&self) -> BTreeSet<String> {
        let house = self.house();
        let filter = house.spec(&job(CUSTOMERS)).source.filter.as_deref();
        let filter = filter.map(|filter| syncdeck::model::mapping::Filter::compile(filter).expect("a filter"));
        let is_bad = |body: &RawJson| {
            let tree = body.to_value().expect("a tree");
            let email = tree["email"].as_str().unwrap_or("@@");
            let is_wrong =
                email.contains("@@") || tree["phone"] == "ask at the desk" || self.sends_tier && tree["tier"] == "tin";
            let is_meant =
                tree["deleted"] != true && filter.as_ref().is_none_or(|filter| filter.accepts(body).unwrap_or(false));
            is_wrong && is_meant
        };
        let all = house.world.shop.dump(CUSTOMERS);
        let parsed = all.into_iter().map(|(id, body)| (id, RawJson::parse(body).expect("JSON")));
        parsed.filter(|(_, body)| is_bad(body)).map(|(id, _)| id).collect()
    }

    fn log(&self) -> String {
        let log = self.house().engine.notices().read(&LogFilter::default(), None, 25);
        log.iter().map(|notice| format!("  {} {} {}\n", notice.at, notice.event, notice.text)).collect()
    }
}

/// A job of one of many kinds. True with it when the CRM sees the member `tier`.
fn configuration(dice: &mut Rng) -> (String, bool) {
    let limit = dice.u32(4..40);
    let (path, query, paginate, sorted) = match dice.u32(0..5) {
        0 => (
            "keyset",
            format!("limit = \"{limit}\""),
            r#"{ type = "keyset", after = "updated_since", tie = "after_id" }"#,
            true,
        ),
        1 => ("next_url", format!("limit = \"{limit}\""), r#"{ type = "next_url", next = "/next_url" }"#, false),
        2 => (
            "cursor",
            format!("limit = \"{limit}\", sort = \"updated_at\""),
            r#"{ type = "cursor", next = "/next_cursor", param = "cursor" }"#,
            true,
        ),
        _ => (
            "cursor",
            format!("limit = \"{limit}\""),
            r#"{ type = "cursor", next = "/next_cursor", param = "cursor" }"#,
            false,
        ),
    };
    let maps = dice.f64() < 0.3;
    let is_batch = dice.f64() < 0.3;
    let one = if dice.bool() { r#"one = { path = "/customers/{{ id }}" }"# } else { "" };
    let filter = if dice.f64() < 0.2 { "filter = \"record.tier != 'bronze'\"" } else { "" };
    let incremental = if dice.f64() < 0.85 { "incremental = { param = \"updated_since\" }" } else { "" };
    let max_pages = if dice.f64() < 0.3 { format!("max_pages = {}", dice.u32(1..6)) } else { String::new() };
    let key = if dice.f64() < 0.7 { "idempotency_header = \"Idempotency-Key\"" } else { "" };
    let changed = if !is_batch && dice.f64() < 0.3 { "changed_fields_only = true" } else { "" };
    let batch = if is_batch {
        let size = dice.u32(2..20);
        format!(
            "write = \"batch\"\nbatch = {{ path = \"/customers:batch\", size = {size}, items = \"/items\", \
             statuses = \"/results\", status = \"/status\", error = \"/error\" }}"
        )
    } else {
        String::new()
    };
    let linked = if is_batch { "" } else { linked(dice) };
    // A create that nothing settles goes to a person, of whom no seed knows.
    let key = if linked.contains("create\"") && !linked.contains("lookup") {
        "idempotency_header = \"Idempotency-Key\""
    } else {
        key
    };
    let map = if maps {
        "[jobs.customers.map]\nid = \"id\"\nemail = \"email\"\nphone = \"phone\"\nnotes = \"notes\"\nupdated_at = \"updated_at\"\n"
    } else {
        ""
    };
    let limits = match dice.u32(0..3) {
        0 => format!("[connections.crm.limits]\nin_flight = {}\n", dice.u32(1..10)),
        1 => format!("[connections.crm.limits]\nrequests = {}\nper = \"1s\"\nburst = 5\n", dice.u32(5..100)),
        _ => String::new(),
    };
    let config = format!(
        r#"{CONNECTIONS}{limits}
[jobs.customers]
# How many deletes wait for a person has tests of its own.
guard = {{ max_delete_fraction = 1.0 }}
{max_pages}
[jobs.customers.source]
connection = "shop"
path = "/{path}/customers"
query = {{ {query} }}
records = "/data"
id = "/id"
version = "/updated_at"
deleted = "/deleted"
sorted = {sorted}
paginate = {paginate}
{incremental}
{one}
{filter}
[jobs.customers.destination]
connection = "crm"
path = "/customers/{{{{ id }}}}"
{key}
{changed}
{batch}
{linked}
delete = {{ method = "DELETE", path = "/customers/{{{{ id }}}}" }}
{map}"#
    );
    (config, !maps)
}

/// Now and then a destination that makes ids of its own.
fn linked(dice: &mut Rng) -> &'static str {
    match dice.u32(0..6) {
        0 => {
            "write = \"lookup\"\nid = \"/id\"\n\
             create = { path = \"/customers\", external_id = \"external_id\" }\n\
             lookup = { path = \"/customers\", query = { external_id = \"{{ id }}\" }, records = \"/data\" }"
        }
        1 => {
            "write = \"create\"\nid = \"/id\"\n\
             create = { path = \"/customers\", external_id = \"external_id\" }\n\
             lookup = { path = \"/customers\", query = { external_id = \"{{ id }}\" }, records = \"/data\" }"
        }
        2 => {
            "write = \"create\"\nid = \"/id\"\n\
             create = { path = \"/customers\", external_id = \"external_id\" }"
        }
        _ => "",
    }
}
