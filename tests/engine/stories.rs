//! Stories: each file of `tests/stories` is run through the real engine, and is a test of its own.

use crate::disk::Disk;
use crate::house::{BEGIN, CONNECTIONS, CUSTOMERS, House, job};
use crate::tale::{Act, Correct, DiskState, Expect, Story, Until};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use syncdeck::control::{Answer, Request};
use syncdeck::engine::Start;
use syncdeck::model::{
    BulkRetry, BulkStage, Checkpoint, Counts, DeadLetter, DeadLetterId, EditForm, FieldChange, JobFinish, JobId,
    LetterCheck, LetterFilter, LetterPlace, LogFilter, RawJson, RewindTo, RunEnd, Selection, Sequence,
};
use syncdeck::sim::{Options, SimulatedClock, World};
use tokio::time::Instant;
use toml::{Table, Value};

/// The longest time that one act may take, in the world's own time.
const ACT_MAX: Duration = Duration::from_secs(48 * 3600);

/// A story on the way.
struct Telling {
    house: Option<House>,
    story: Story,
    config: Table,
    is_serving: bool,
    finished: Vec<JobFinish>,
}

pub async fn tell(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).expect("a story that is listed has its file");
    let story: Story = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut telling = Telling::begin(story).await;
    for number in 0..telling.story.act.len() {
        let act = std::mem::take(&mut telling.story.act[number]);
        telling.play(number + 1, act).await;
    }
    telling.end().await;
}

fn usual() -> Table {
    toml::from_str(&format!("{CONNECTIONS}{CUSTOMERS}")).expect("the usual configuration")
}

fn lay_over(under: &mut Table, over: &Table) {
    for (name, value) in over {
        match (under.get_mut(name), value) {
            (Some(Value::Table(under)), Value::Table(over)) => lay_over(under, over),
            _ => drop(under.insert(name.clone(), value.clone())),
        }
    }
}

fn take_out(from: &mut Table, path: &str) {
    match path.split_once('.') {
        None => assert!(from.remove(path).is_some(), "there is no `{path}` to be without"),
        Some((first, rest)) => take_out(from[first].as_table_mut().expect("a table"), rest),
    }
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).expect("a unit"));
    let number: f64 = number.parse().expect("a number");
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        other => panic!("`{other}` is no unit of time"),
    };
    Duration::from_secs_f64(number * seconds)
}

impl Telling {
    async fn begin(story: Story) -> Self {
        let mut config = usual();
        for path in &story.without {
            take_out(&mut config, path);
        }
        lay_over(&mut config, &story.config);
        let clock = Arc::new(SimulatedClock::starting_at(BEGIN));
        let options = Options::new(story.seed, story.world.records);
        let world = World::with(&Options { bad_fraction: story.world.bad, clock, ..options });
        for (side, latency) in &story.world.latency {
            world.faults.set_latency(*side, *latency);
        }
        for (side, part, limit) in &story.world.limits {
            world.faults.set_limit(*side, part, Some(*limit));
        }
        for collection in world.shop.collections() {
            let mut rules = world.crm.rules(&collection);
            rules.batch_max = story.world.batch_max.unwrap_or(rules.batch_max);
            rules.shortens = story.world.shortens.clone();
            world.crm.set_rules(&collection, rules);
        }
        let disk = if story.remembering_disk { Disk::with_memory() } else { Disk::default() };
        let text = toml::to_string(&config).expect("a configuration as text");
        let house = House::on(disk, world, &text, story.seed).await;
        Self { house: Some(house), story, config, is_serving: false, finished: Vec::new() }
    }

    fn house(&self) -> &House {
        self.house.as_ref().expect("a house between its acts")
    }

    fn job(&self, act: &Act) -> JobId {
        job(act.job.as_deref().unwrap_or(&self.story.job))
    }

    async fn play(&mut self, number: usize, act: Act) {
        let id = self.job(&act);
        let before = self.house().store.checkpoint(&id).await.ok().flatten();
        let began = Instant::now();
        let newest = self.house().engine.notices().read(&LogFilter::default(), None, 1);
        let newest = newest.first().map_or(0, |notice| notice.number);
        self.house().world.clear_trace();
        let played = tokio::time::timeout(ACT_MAX, async {
            self.change_faults(&act);
            self.change_systems(&act, &id);
            self.change_process(&act).await;
            self.order(&act, &id).await;
            self.pass_time(&act, &id).await;
        });
        assert!(played.await.is_ok(), "act {number} does not end: {}", self.picture(&id));
        let is_new_engine =
            act.run.is_some() || act.kill.is_some() || act.lose_state || act.restart || act.reconfigure.is_some();
        let since = if is_new_engine { 0 } else { newest };
        let wrong = self.wrong(&act.expect, &id, before.as_ref(), began.elapsed(), since).await;
        assert!(wrong.is_empty(), "act {number}:\n  {}\n{}", wrong.join("\n  "), self.picture(&id));
    }

    /// What somebody who looks for the reason wants to see.
    fn picture(&self, id: &JobId) -> String {
        let house = self.house();
        let status = house.job(id);
        let log = house.engine.notices().read(&LogFilter::default(), None, 40);
        let log: Vec<String> =
            log.iter().map(|notice| format!("    {} {:?} {}", notice.at, notice.event, notice.text)).collect();
        let connections = house.engine.snapshot().connections;
        format!("state {:?}, total {:?}\n{connections:?}\n{}", status.state, status.total, log.join("\n"))
    }

    fn change_faults(&self, act: &Act) {
        let world = &self.house().world;
        if act.calm {
            world.faults.clear();
        }
        for rule in &act.faults {
            world.faults.add(rule.clone());
        }
        if let Some(profile) = act.profile {
            world.faults.set_profile(profile);
        }
        for (side, latency) in &act.latency {
            world.faults.set_latency(*side, *latency);
        }
        if act.expire_cursors {
            world.shop.expire_cursors();
        }
        if act.purge_log {
            world.shop.purge_log("customers");
        }
        if let Some(token) = &act.crm_token {
            world.crm.set_token(Some(token.as_str()).filter(|token| !token.is_empty()));
        }
        match act.disk {
            None => {}
            Some(DiskState::Full) => self.house().disk.fill_up(),
            Some(DiskState::Broken) => self.house().disk.break_down(),
            Some(DiskState::Mended) => self.house().disk.mend(),
        }
    }

    fn change_systems(&self, act: &Act, id: &JobId) {
        let (shop, crm) = (&self.house().world.shop, &self.house().world.crm);
        let collection = id.as_str();
        let known = |id: &String, done: bool| assert!(done, "there is no record `{id}`");
        for id in &act.edit {
            known(id, shop.edit(collection, id));
        }
        for set in &act.set {
            let change = |fields: &mut serde_json::Map<String, serde_json::Value>| {
                fields.insert(set.name.clone(), set.value.clone());
            };
            known(&set.id, shop.update(collection, &set.id, change));
        }
        for _ in 0..act.insert {
            shop.insert_new(collection);
        }
        if let Some(delete) = &act.delete {
            delete.ids.iter().for_each(|id| known(id, shop.remove(collection, id, delete.how)));
        }
        if let Some(seconds) = act.late_commit {
            shop.late_commit(collection, Duration::from_secs(seconds));
        }
        for (id, how) in &act.spoil {
            known(id, shop.spoil(collection, id, *how));
        }
        for id in &act.mend {
            known(id, shop.mend(collection, id));
        }
        for (id, body) in &act.put {
            shop.insert(collection, id, body.clone());
        }
        for id in &act.lose {
            known(id, crm.lose(collection, &self.there(collection, id)));
        }
        for (id, body) in &act.overwrite {
            known(id, crm.overwrite(collection, &self.there(collection, id), body.clone()));
        }
        for (id, body) in &act.made_there {
            known(id, crm.make(collection, body));
        }
        if let Some((every, churn)) = act.churn {
            shop.churn(every, churn);
        }
        if act.stop_churn {
            shop.stop_churn();
        }
    }

    /// The id of a record at the CRM, where that makes its own.
    fn there(&self, collection: &str, record: &str) -> String {
        self.house().world.crm.id_of(collection, record).unwrap_or_else(|| record.to_owned())
    }

    async fn change_process(&mut self, act: &Act) {
        if let Some(kill) = &act.kill {
            let house = self.house.take().expect("a house");
            let lost = kill.lost_syncs;
            let disk = |disk: &Disk| if lost > 0 { disk.syncs_ago(lost) } else { disk.after_a_kill() };
            self.house = Some(house.after_a_kill(disk).await);
            self.is_serving = false;
        }
        if act.lose_state {
            let house = self.house.take().expect("a house");
            self.house = Some(house.after_a_kill(|_| Disk::default()).await);
            self.is_serving = false;
        }
        if act.restart {
            let house = self.house.take().expect("a house");
            self.house = Some(house.again().await);
            self.is_serving = false;
        }
        if let Some(change) = &act.reconfigure {
            lay_over(&mut self.config, change);
            let text = toml::to_string(&self.config).expect("a configuration as text");
            let house = self.house.take().expect("a house");
            self.house = Some(house.with(&text).await);
            self.is_serving = false;
        }
    }

    async fn order(&self, act: &Act, id: &JobId) {
        let house = self.house();
        let jobs = || vec![id.clone()];
        if !act.retry_in_vain.is_empty() {
            self.refused_retry(id, &act.retry_in_vain).await;
        }
        let mut orders = Vec::new();
        if let Some(reason) = &act.pause {
            orders.push(Request::Pause { jobs: jobs(), reason: Some(reason.clone()) });
        }
        if act.resume {
            orders.push(Request::Resume { jobs: jobs() });
        }
        if act.accept {
            orders.push(Request::Accept { jobs: jobs() });
        }
        if act.trigger {
            orders.push(Request::Trigger { jobs: jobs() });
        }
        if act.cancel {
            orders.push(Request::Cancel { jobs: jobs() });
        }
        if !act.retry.is_empty() {
            orders.push(Request::Retry { selection: self.selection(id, &act.retry, LetterPlace::Waiting).await });
        }
        if !act.retry_carefully.is_empty() {
            let selection = self.selection(id, &act.retry_carefully, LetterPlace::Waiting).await;
            orders.push(Request::RetryCarefully { selection, per_minute: act.per_minute });
        }
        if act.stop_retry {
            orders.push(Request::StopRetry { job: id.clone() });
        }
        for correct in &act.correct {
            orders.push(self.correction(id, correct).await);
        }
        for record in &act.apply_offered {
            let form = self.form(id, record).await;
            let (content, changes) = (form.content, form.offered_changes);
            orders.push(Request::Correct { id: form.letter, content, changes, reason: None, retry: true });
        }
        for settle in &act.settle {
            let Selection::Ids(ids) = self.selection(id, std::slice::from_ref(&settle.id), LetterPlace::Waiting).await
            else {
                unreachable!("one letter was asked for")
            };
            let known_as = settle.known_as.clone().map(|known_as| self.there(id.as_str(), &known_as).into());
            let finding = match settle.there {
                true => syncdeck::model::Whereabouts::There { id: known_as },
                false => syncdeck::model::Whereabouts::Absent,
            };
            let reason = Some("looked it up".to_owned());
            orders.push(Request::Settle { id: ids[0], finding, reason });
        }
        if !act.discard.is_empty() {
            let selection = self.selection(id, &act.discard, LetterPlace::Waiting).await;
            orders.push(Request::Discard { selection, reason: "not ours to mend".to_owned() });
        }
        if !act.restore.is_empty() {
            orders.push(Request::Restore { selection: self.selection(id, &act.restore, LetterPlace::Discarded).await });
        }
        if let Some(count) = act.release_held {
            let (waiting, _) = house.store.held_counts(id).await.expect("figures");
            let count = if count == 0 { waiting } else { count };
            orders.push(Request::HeldRelease { job: id.clone(), count, reason: "the branch closed".to_owned() });
        }
        if act.discard_held {
            orders.push(Request::HeldDiscard { job: id.clone(), reason: "the query was wrong".to_owned() });
        }
        if let Some(to) = act.rewind {
            let to = if to == 0 { RewindTo::Start } else { RewindTo::Sequence(Sequence(to)) };
            orders.push(Request::Rewind { job: id.clone(), to, reason: "a wrong map".to_owned(), expected: None });
        }
        for order in orders {
            let what = format!("{order:?}");
            let Answer::Done(done) = house.ask(order).await else { panic!("{what} was not answered as an order") };
            assert!(done.changed > 0, "{what} changed nothing: {}", done.text);
        }
    }

    async fn refused_retry(&self, id: &JobId, records: &[String]) {
        let selection = self.selection(id, records, LetterPlace::Waiting).await;
        match self.house().handle.ask(Request::Retry { selection }).await {
            Err(_) => {}
            Ok(Answer::Done(done)) => assert_eq!(done.changed, 0, "it was retried: {}", done.text),
            Ok(other) => panic!("no answer to an order but {other:?}"),
        }
    }

    async fn selection(&self, id: &JobId, records: &[String], place: LetterPlace) -> Selection {
        let filter = LetterFilter { job: Some(id.clone()), places: vec![place], ..LetterFilter::default() };
        if records == ["*"] {
            return Selection::Matching(filter);
        }
        let letters = self.letters(id, &[place]).await;
        let of = |record: &String| {
            let letter = letters.iter().find(|letter| letter.record.as_str() == record);
            letter.unwrap_or_else(|| panic!("`{record}` has no letter that is {place:?}")).id
        };
        Selection::Ids(records.iter().map(of).collect())
    }

    async fn form(&self, id: &JobId, record: &str) -> EditForm {
        let selection = self.selection(id, &[record.to_owned()], LetterPlace::Waiting).await;
        let Selection::Ids(ids) = selection else { unreachable!("one letter was asked for") };
        match self.house().ask(Request::EditForm { id: ids[0] }).await {
            Answer::EditForm(form) => *form,
            other => panic!("no form but {other:?}"),
        }
    }

    async fn correction(&self, id: &JobId, correct: &Correct) -> Request {
        let form = self.form(id, &correct.id).await;
        let value = |text: &String| (!text.is_empty()).then(|| RawJson::parse(text.clone()).expect("a value"));
        let change = |(field, text): (&String, &String)| FieldChange { field: field.clone(), value: value(text) };
        let changes = correct.fields.iter().map(change).collect();
        let reason = Some("as the customer said".to_owned());
        Request::Correct { id: form.letter, content: form.content, changes, reason, retry: !correct.only_save }
    }

    async fn letters(&self, id: &JobId, places: &[LetterPlace]) -> Vec<DeadLetter> {
        let store = &self.house().store;
        let filter = LetterFilter { job: Some(id.clone()), places: places.to_vec(), ..LetterFilter::default() };
        let Ok(found) = store.letter_ids(&filter, 10_000).await else { return Vec::new() };
        let ids = found.ids;
        let mut letters = Vec::new();
        for id in ids.iter() {
            let id: DeadLetterId = *id;
            letters.push(store.letter(id).await.expect("a letter").expect("a letter that is listed"));
        }
        letters
    }

    async fn pass_time(&mut self, act: &Act, id: &JobId) {
        if let Some(run) = &act.run {
            let since = run.since.as_ref().map(|since| {
                let at: jiff::Timestamp = since.parse().expect("a time");
                at.into()
            });
            let start = Start { once: true, full: run.full, since, max_records: run.max_records, ..Start::default() };
            let house = self.house.take().expect("a house");
            let (house, finished) = house.run(start).await;
            self.house = Some(house);
            self.finished = finished;
            self.is_serving = false;
        }
        if (act.serve.is_some() || act.until.is_some()) && !self.is_serving {
            // What a service's jobs end with is not waited for, so nobody listens.
            drop(self.house().engine.start(Start::service()).await);
            self.is_serving = true;
        }
        if let Some(span) = &act.serve {
            tokio::time::sleep(duration(span)).await;
        }
        if let Some(until) = &act.until {
            // What was ordered just now has begun when time has passed.
            tokio::time::sleep(Duration::from_millis(5)).await;
            let within = duration(&until.within);
            let look_again = (within / 5_000).max(Duration::from_millis(5));
            let deadline = Instant::now() + within;
            while !self.is_so(until, id).await {
                assert!(Instant::now() < deadline, "{until:?} did not come:\n{}", self.picture(id));
                tokio::time::sleep(look_again).await;
            }
        }
        if act.stop {
            self.house().engine.stop().await;
        }
    }

    async fn is_so(&self, until: &Until, id: &JobId) -> bool {
        let house = self.house();
        let status = house.job(id);
        let sequence = status.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence.0);
        let retry = self.careful().await;
        let ended = match until.runs {
            None => 0,
            Some(_) => {
                let runs = house.store.runs(Some(id), None, 1_000).await.expect("runs");
                runs.iter().filter(|run| run.end.is_some()).count()
            }
        };
        until.state.as_ref().is_none_or(|state| status.state.word() == state)
            && until.delivered.is_none_or(|n| house.world.crm.count(id.as_str()) >= n)
            && until.letters.is_none_or(|n| status.dead_waiting >= n)
            && until.sequence.is_none_or(|n| sequence >= n)
            && until.runs.is_none_or(|n| ended >= n)
            && until.retried.is_none_or(|n| retry.as_ref().is_some_and(|retry| retry.done() >= n))
            && (!until.retry_ended || retry.as_ref().is_some_and(|retry| !retry.is_open()))
    }

    async fn careful(&self) -> Option<BulkRetry> {
        // A disk that is broken does not even tell what was.
        self.house().store.bulks(1).await.ok()?.pop()
    }

    /// What is not as it is expected to be, in words.
    async fn wrong(
        &self,
        expect: &Expect,
        id: &JobId,
        before: Option<&Checkpoint>,
        took: Duration,
        since: u64,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        self.wrong_run(expect, id, &mut wrong).await;
        self.wrong_letters(expect, id, &mut wrong).await;
        self.wrong_retries(expect, id, &mut wrong).await;
        self.wrong_records(expect, id, &mut wrong);
        self.wrong_verdicts(expect, id, &mut wrong).await;
        self.wrong_requests(expect, &mut wrong);
        self.wrong_notices(expect, since, &mut wrong);
        let house = self.house();
        if expect.withheld.is_some() || expect.kept.is_some() {
            let (waiting, kept) = house.store.held_counts(id).await.expect("figures");
            differs("withheld", expect.withheld, waiting, &mut wrong);
            differs("kept", expect.kept, kept, &mut wrong);
        }
        for (record, verdict) in &expect.why_of {
            let request = Request::Why { job: Some(id.clone()), key: record.clone(), live: false };
            let Answer::Why(why) = house.ask(request).await else { panic!("no answer why") };
            differs(&format!("why {record}"), Some(verdict.as_str()), why.answers[0].verdict.word(), &mut wrong);
        }
        let status = house.job(id);
        if let (Some(words), Some(checkpoint)) = (&expect.resumes, &status.checkpoint) {
            differs("resumes", Some(words.clone()), checkpoint.resume_condition(&status.resume), &mut wrong);
        }
        differs("state", expect.state.as_deref(), status.state.word(), &mut wrong);
        let seconds = took.as_secs_f64();
        if expect.seconds_at_least.is_some_and(|least| seconds < least)
            || expect.seconds_at_most.is_some_and(|most| most < seconds)
        {
            wrong.push(format!("it took {seconds} s"));
        }
        let Ok(checkpoint) = house.store.checkpoint(id).await else { return wrong };
        let sequence = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence.0);
        differs("sequence", expect.sequence, sequence, &mut wrong);
        if expect.same_checkpoint && checkpoint.as_ref() != before {
            wrong.push(format!("the checkpoint moved from {before:?} to {checkpoint:?}"));
        }
        if let Some((action, reason)) = &expect.journal {
            let entry = house.store.journal(None, 1).await.expect("the journal").pop();
            let found = entry.map(|entry| (entry.action, entry.reason.unwrap_or_default()));
            differs("the journal's last entry", Some(Some((action.clone(), reason.clone()))), found, &mut wrong);
        }
        let watermark = checkpoint.as_ref().and_then(|checkpoint| checkpoint.position.watermark.as_ref());
        let watermark = watermark.map_or_else(String::new, |watermark| watermark.id.to_string());
        differs("watermark", expect.watermark.clone(), watermark, &mut wrong);
        if status.run.is_none() && status.in_flight != 0 {
            wrong.push(format!("{} records are in flight without a run", status.in_flight));
        }
        wrong
    }

    async fn wrong_run(&self, expect: &Expect, id: &JobId, wrong: &mut Vec<String>) {
        // A disk that is broken does not even tell what was.
        let Ok(runs) = self.house().store.runs(Some(id), None, 1_000).await else { return };
        differs("runs", expect.runs, runs.len(), wrong);
        let finish = self.finished.iter().find(|finish| finish.job == *id).filter(|_| !self.is_serving);
        let last = runs.first();
        let end = finish.map(|finish| &finish.end).or_else(|| last.and_then(|run| run.end.as_ref()));
        differs("end", expect.end.as_deref(), end.map_or("none", end_word), wrong);
        if let Some(why) = &expect.why
            && !matches!(end, Some(RunEnd::Failed { reason, .. } | RunEnd::Guarded { reason, .. }) if reason.contains(why.as_str()))
        {
            wrong.push(format!("the run ended with {end:?}, not for `{why}`"));
        }
        let counts = finish.map(|finish| finish.counts).or_else(|| last.map(|run| run.counts));
        for (name, n) in &expect.counts {
            differs(name, Some(*n), figure(&counts.unwrap_or_default(), name), wrong);
        }
    }

    async fn wrong_verdicts(&self, expect: &Expect, id: &JobId, wrong: &mut Vec<String>) {
        for (record, verdict) in &expect.verdicts {
            let answer = self.house().engine.why(Some(id), record, false).await.expect("an answer");
            let found = answer.answers.first().map_or("none", |why| why.verdict.word());
            differs(&format!("why of {record}"), Some(verdict.as_str()), found, wrong);
        }
    }

    async fn wrong_letters(&self, expect: &Expect, id: &JobId, wrong: &mut Vec<String>) {
        let status = self.house().job(id);
        differs("letters", expect.letters, status.dead_waiting, wrong);
        let open = self.letters(id, &[LetterPlace::Waiting, LetterPlace::Retrying]).await;
        if expect.letters.is_some_and(|n| n != open.len() as u64) {
            wrong.push(format!("{} letters are in the state", open.len()));
        }
        let mut titles: BTreeMap<String, u64> = BTreeMap::new();
        for letter in &open {
            *titles.entry(letter.reason.title()).or_default() += 1;
        }
        for (title, n) in &expect.titles {
            let found: u64 = titles.iter().filter(|(found, _)| found.contains(title)).map(|(_, n)| n).sum();
            if found != *n {
                wrong.push(format!("{found} letters, not {n}, are titled `{title}`; there are {titles:?}"));
            }
        }
        let places = [LetterPlace::Waiting, LetterPlace::Retrying, LetterPlace::Discarded, LetterPlace::Recovered];
        let all = if expect.attempts.len() + expect.places.len() > 0 { self.letters(id, &places).await } else { open };
        let newest =
            |record: &str| all.iter().filter(|letter| letter.record.as_str() == record).max_by_key(|letter| letter.id);
        for (record, n) in &expect.attempts {
            let found = newest(record).map(|letter| letter.attempts.len());
            differs(&format!("attempts of {record}"), Some(Some(*n)), found, wrong);
        }
        for (record, place) in &expect.places {
            let found = newest(record).map(|letter| format!("{:?}", letter.state.place()).to_lowercase());
            differs(&format!("place of {record}"), Some(Some(place.clone())), found, wrong);
        }
    }

    async fn wrong_retries(&self, expect: &Expect, id: &JobId, wrong: &mut Vec<String>) {
        let house = self.house();
        if let Some(retry) = self.careful().await {
            for (name, n) in &expect.careful {
                let figure = match name.as_str() {
                    "total" => retry.total,
                    "recovered" => retry.recovered,
                    "failed" => retry.failed,
                    "needless" => retry.needless,
                    other => panic!("`{other}` is no figure of a retry"),
                };
                differs(name, Some(*n), figure, wrong);
            }
            match (&expect.stopped_because, &retry.stage) {
                (None, _) => {}
                (Some(why), BulkStage::Ended { stopped: None }) if why.is_empty() => {}
                (Some(why), BulkStage::Ended { stopped: Some(stopped) }) if stopped.contains(why) => {}
                (wanted, stage) => wrong.push(format!("the retry is {stage:?}, not stopped because {wanted:?}")),
            }
        } else if !expect.careful.is_empty() {
            wrong.push("there was no careful retry".to_owned());
        }
        if let Some(n) = expect.waiting {
            let waiting = self.letters(id, &[LetterPlace::Waiting]).await.len() as u64;
            differs("waiting", Some(n), waiting, wrong);
            let status = house.job(id);
            differs("waiting in the status", Some(n), status.dead_waiting - status.dead_retrying, wrong);
        }
        for (record, is_wanted) in
            expect.offered.iter().map(|record| (record, true)).chain(expect.not_offered.iter().map(|r| (r, false)))
        {
            let form = self.form(id, record).await;
            differs(&format!("offer for {record}"), Some(is_wanted), form.offered.is_some(), wrong);
        }
        if !expect.preview.is_empty() {
            let letters = self.letters(id, &[LetterPlace::Waiting]).await;
            let mut sum = LetterCheck::default();
            for some in letters.chunks(LetterCheck::AT_ONCE) {
                let ids = some.iter().map(|letter| letter.id).collect();
                match house.ask(Request::RetryCheck { ids }).await {
                    Answer::Check(check) => sum.add(check),
                    other => panic!("no look but {other:?}"),
                }
            }
            let figures = serde_json::to_value(&sum).expect("figures as JSON");
            for (name, n) in &expect.preview {
                let found = figures[name].as_u64().or(figures[name].as_array().map(|ids| ids.len() as u64));
                differs(name, Some(Some(*n)), found, wrong);
            }
        }
        if !expect.last_attempt.is_empty() {
            let places = [LetterPlace::Waiting, LetterPlace::Retrying, LetterPlace::Recovered];
            let all = self.letters(id, &places).await;
            for (record, message) in &expect.last_attempt {
                let of = all.iter().filter(|letter| letter.record.as_str() == record).max_by_key(|letter| letter.id);
                let last = of.and_then(|letter| letter.attempts.last()).map(|attempt| attempt.message.clone());
                differs(&format!("last attempt of {record}"), Some(Some(message.clone())), last, wrong);
            }
        }
    }

    fn wrong_records(&self, expect: &Expect, id: &JobId, wrong: &mut Vec<String>) {
        let house = self.house();
        let (crm, collection) = (&house.world.crm, id.as_str());
        if expect.in_step || expect.nothing_missing {
            let except: BTreeSet<String> = expect.except.iter().cloned().collect();
            let mut differences = house.differences(id, collection, &except);
            differences.retain(|difference| expect.in_step || !difference.contains("too much"));
            if let Some(first) = differences.first() {
                wrong.push(format!("{} records are not in step; {first}", differences.len()));
            }
        }
        for (record, n) in &expect.applied {
            differs(
                &format!("writes of {record}"),
                Some(*n),
                crm.applied(collection, &self.there(collection, record)),
                wrong,
            );
        }
        for (place, value) in &expect.members {
            let (record, member) = place.split_once('/').expect("id/member");
            let body = crm.get(collection, &self.there(collection, record)).unwrap_or_default();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            differs(place, Some(value), &body[member], wrong);
        }
        for record in
            expect.at_crm.iter().filter(|record| crm.get(collection, &self.there(collection, record)).is_none())
        {
            wrong.push(format!("{record} is not at the CRM"));
        }
        for record in
            expect.not_at_crm.iter().filter(|record| crm.get(collection, &self.there(collection, record)).is_some())
        {
            wrong.push(format!("{record} is at the CRM"));
        }
        let rewrites = crm.audit(collection).rewrites;
        if expect.rewrites_at_most.is_some_and(|most| most < rewrites) {
            wrong.push(format!("{rewrites} writes brought what stood there already"));
        }
    }

    fn wrong_requests(&self, expect: &Expect, wrong: &mut Vec<String>) {
        let trace = self.house().world.trace();
        for wanted in &expect.requests {
            let fits = |traced: &&syncdeck::sim::Traced| {
                traced.side == wanted.side
                    && wanted.method.as_ref().is_none_or(|method| *method == traced.method)
                    && wanted.path_contains.as_ref().is_none_or(|part| traced.path_and_query.contains(part.as_str()))
            };
            let n = trace.iter().filter(fits).count() as u64;
            if n < wanted.at_least || wanted.at_most.is_some_and(|most| most < n) {
                wrong.push(format!("{n} requests are {wanted:?}"));
            }
        }
    }

    fn wrong_notices(&self, expect: &Expect, since: u64, wrong: &mut Vec<String>) {
        let notices = self.house().engine.notices().read(&LogFilter::default(), None, 100_000);
        let told: Vec<_> = notices.iter().filter(|notice| notice.number > since).collect();
        for (event, words) in &expect.told {
            if !told.iter().any(|notice| notice.event == *event && notice.text.contains(words.as_str())) {
                wrong.push(format!("nobody told `{event}` with `{words}`"));
            }
        }
        for event in &expect.not_told {
            if let Some(notice) = told.iter().find(|notice| notice.event == *event) {
                wrong.push(format!("`{event}` was told: {}", notice.text));
            }
        }
    }

    async fn end(self) {
        let house = self.house();
        house.engine.stop().await;
        house.assert_sound().await;
        let found = house.world.audit().violations;
        let kind = |violation: &syncdeck::sim::Violation| {
            serde_json::to_value(violation.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned))
        };
        let grave: Vec<_> = found
            .iter()
            .filter(|violation| kind(violation).is_none_or(|kind| !self.story.violations.contains(&kind)))
            .collect();
        assert!(grave.is_empty(), "the destination's book found {grave:?}");
    }
}

fn differs<T: PartialEq + std::fmt::Debug>(what: &str, wanted: Option<T>, found: T, wrong: &mut Vec<String>) {
    if let Some(wanted) = wanted
        && wanted != found
    {
        wrong.push(format!("{what} is {found:?}, not {wanted:?}"));
    }
}

fn end_word(end: &RunEnd) -> &'static str {
    match end {
        RunEnd::Done => "done",
        RunEnd::HandedOver => "handed_over",
        RunEnd::Stopped { .. } => "stopped",
        RunEnd::Failed { parked: true, .. } | RunEnd::Guarded { .. } => "parked",
        RunEnd::Failed { .. } => "failed",
        RunEnd::Interrupted => "interrupted",
    }
}

fn figure(counts: &Counts, name: &str) -> u64 {
    let tree = serde_json::to_value(counts).expect("counts as JSON");
    let figure = tree.get(name).or_else(|| tree["reasons"].get(name));
    figure.and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("`{name}` is no count"))
}

/// One test for each story, and a look at the folder so that none is forgotten.
macro_rules! stories {
    ($($name:ident)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                tell(stringify!($name)).await;
            }
        )*

        #[test]
        fn every_story_of_the_folder_is_told() {
            let listed = BTreeSet::from([$(stringify!($name).to_owned()),*]);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
            let files: BTreeSet<String> = std::fs::read_dir(folder)
                .expect("the folder of stories")
                .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
                .collect();
            assert_eq!(files, listed, "the list of stories is not the folder");
        }
    };
}

stories! {
    a_bare_tombstone_sets_a_flag_alone
    a_bare_tombstone_sets_a_flag_beside_what_was_written
    a_batch_in_an_outage
    a_batch_size_that_is_learnt
    a_batch_that_is_refused_whole
    a_batch_that_is_too_large
    a_batch_that_names_its_records
    a_batch_with_a_short_answer
    a_batch_with_a_shuffled_answer
    a_batch_with_failed_parts
    a_broken_disk
    a_cancelled_run
    a_careful_retry_goes_on_after_a_kill
    a_careful_retry_is_stopped_by_a_person
    a_careful_retry_of_what_is_delivered_already
    a_careful_retry_stops_at_a_new_kind_of_error
    a_careful_retry_while_the_engine_is_stopped
    a_careful_retry_whose_first_letter_fails_sends_no_other
    a_change_log_that_was_purged
    a_changed_destination_waits_for_a_person
    a_changed_key_waits_for_a_person
    a_changed_map_and_a_crash
    a_changed_map_reads_everything_again
    a_correction_is_delivered_and_offered_again
    a_correction_is_not_undone_by_a_full_run
    a_correction_of_a_record_that_was_mended_meanwhile
    a_correction_of_a_value_that_can_not_be_mapped
    a_correction_that_is_refused_as_well
    a_crash_after_writes_before_their_commit
    a_crash_before_a_write_leaves
    a_crash_that_loses_the_last_commits
    a_create_in_doubt_waits_for_a_person
    a_create_links_what_it_made_and_updates_it
    a_create_sent_again_at_least_once
    a_create_sent_again_at_least_once_that_is_refused
    a_create_that_a_person_found_absent
    a_create_whose_answer_is_lost_is_looked_up
    a_cursor_that_expires
    a_cursor_that_expires_between_runs
    a_cursor_that_repeats
    a_delete_storm_is_withheld
    a_deleted_record_at_the_destination_stays_with_the_batch
    a_discarded_delete
    a_discarded_letter_and_its_record
    a_first_listing_full_of_tombstones_after_a_crash
    a_flagged_record_that_changes_once_more
    a_flagged_record_under_its_own_id_comes_back
    a_forbidden_record
    a_full_disk
    a_full_run_with_letters_under_retry
    a_key_that_has_expired_is_not_repeated
    a_key_that_is_in_use
    a_kill_among_creates_that_only_a_person_can_settle
    a_kill_among_creates_with_a_lookup
    a_kill_among_creates_with_keys
    a_kill_during_a_sweep
    a_kill_in_every_page
    a_letter_that_is_mended_and_retried
    a_letter_that_is_retried_as_it_was
    a_letter_whose_record_is_deleted
    a_limit_that_the_destination_tells
    a_list_of_pending_work
    a_listing_that_fails_half_way_deletes_nothing
    a_listing_that_slides_deletes_nothing_that_is_there
    a_long_careful_retry_makes_way_for_its_job
    a_lookup_before_a_create_whose_answer_is_lost
    a_lookup_that_finds_two
    a_lookup_updates_what_it_finds_and_makes_the_rest
    a_lost_state_file
    a_lost_state_file_and_a_lookup
    a_newer_version_at_the_destination
    a_newer_version_that_is_none_of_ours
    a_pause_during_backoff
    a_pause_in_an_outage
    a_pause_in_the_middle
    a_pause_that_is_taken_back_at_once
    a_pause_while_the_source_is_away
    a_poison_record_among_good_ones
    a_preview_asks_the_source
    a_record_that_always_breaks_the_destination
    a_record_that_the_filter_refuses_is_remembered
    a_record_without_a_version
    a_released_delete_of_a_page_that_is_cut_short
    a_release_without_a_way_to_ask_lists_everything_again
    a_retry_of_a_record_that_breaks_the_source
    a_retry_of_a_record_that_is_forbidden_at_the_source
    a_retry_of_a_record_that_the_source_has_no_more
    a_retry_of_an_old_copy_over_something_newer
    a_retry_that_fails_again
    a_retry_that_is_killed_half_way
    a_retry_while_the_job_is_paused
    a_rewind_after_a_listing
    a_rewind_during_a_run
    a_rewind_to_the_start_and_a_kill
    a_run_hands_over
    a_run_since_a_time
    a_run_with_a_limit_of_records
    a_schedule_outlives_the_process
    a_sorted_listing_whose_cursors_expire
    a_source_that_changes_its_records
    a_tie_over_a_page_border
    a_timeout_after_a_delete_was_applied
    a_timeout_after_the_write_was_applied
    a_timeout_before_the_write_was_applied
    a_tombstone_deletes
    a_tombstone_is_ignored
    a_tombstone_sets_a_flag
    a_trigger_during_a_run
    a_truncated_page
    a_value_that_can_not_be_mapped
    a_web_page_instead_of_an_answer
    a_wrong_total
    an_empty_answer
    an_empty_listing_deletes_nothing
    an_empty_page_while_more_follow
    an_error_told_in_a_200
    an_id_that_becomes_of_another_type
    an_idle_pass_costs_next_to_nothing
    an_integer_id_that_becomes_a_text
    an_older_version_is_stale
    an_orphan_becomes_a_dead_letter
    an_orphan_is_created_again
    an_orphan_is_ignored
    an_orphan_under_its_own_id_becomes_a_dead_letter
    an_orphan_under_its_own_id_is_made_again
    an_outage_among_creates_that_only_a_person_can_settle
    an_outage_of_the_destination
    an_outage_of_the_source
    attempts_of_a_poison_record_have_an_end
    changed_fields_go_to_the_linked_id
    changes_behind_a_long_listing
    changes_come_from_a_change_log
    credentials_that_are_refused
    cursors_that_always_expire
    everything_fails
    everything_fails_after_a_long_time
    everything_is_forbidden
    filtered_records_are_skipped
    forbidden_from_some_moment_on
    late_commit_behind_the_watermark
    no_number_at_all
    nothing_rises_from_the_dead
    odd_ids_stay_one_path_segment
    once_in_an_outage
    only_changed_fields_are_sent
    records_without_a_key
    rows_that_slide_to_earlier_pages
    the_only_record_always_breaks_the_destination
    the_only_record_in_an_outage
    the_same_record_on_two_pages
    the_same_record_twice_on_a_page
    throttled_at_the_source
    throttled_for_a_day
    throttled_for_a_day_and_triggered
    throttled_for_a_day_once
    throttled_until_a_date
    throttled_with_garbage
    throttled_with_seconds
    times_of_another_precision
    too_many_tombstones_are_withheld
    two_jobs_share_a_budget
    unchanged_records_cost_nothing
    what_the_destination_shortens_becomes_a_dead_letter
    what_the_destination_shortens_is_told
    what_a_listing_of_changes_leaves_out_is_not_deleted
    what_a_whole_listing_leaves_out_is_deleted
    what_turned_bad_in_doubt_and_was_deleted_is_deleted
    what_was_created_in_doubt_and_deleted_is_deleted
    what_was_in_doubt_and_went_back_is_written
    withheld_deletes_that_are_discarded
}
