//! What a whole listing left out: it is looked for when the listing is complete, looked at once more where the source can
//! be asked, and comes as pages of tombstones through the one loop.

use super::page::{PageRead, RecordCheck};
use super::read::{Read, ReadEnd, Reader};
use crate::connect::{Fault, FaultKind};
use crate::model::{
    Change, DeleteCause, DeletePolicy, HeldDelete, Item, Level, Position, RawJson, RecordFields, RecordId, Timestamp,
    counted, grouped,
};
use crate::store::{Seen, SeenPage, SweepFacts, SweepFrom};
use futures::stream::{self, StreamExt};
use serde_json::{Map, Value};

/// Records that are looked for at once.
const FOUND_AT_ONCE: usize = 10_000;
/// Records of one page of deletes.
const DELETES_A_PAGE: usize = 100;
/// Records that the source is asked for at once.
const ASKED_AT_ONCE: usize = 8;

impl Reader {
    /// What a page of a whole listing gave, for a job that deletes what such a listing leaves out.
    pub(super) fn seen(&self, position: &Position, items: &[Item]) -> Option<Seen> {
        let sweeps = self.cell.spec.position_rules().sweeps && position.is_whole_listing();
        let began = position.began.filter(|_| sweeps)?;
        let mut ids = Vec::with_capacity(items.len());
        let mut unkeyed = 0;
        for item in items {
            match item {
                Item::Change(change) => ids.push(change.id.clone()),
                Item::Unreadable { id: Some(id), .. } => ids.push(id.clone()),
                Item::Unreadable { id: None, .. } => unkeyed += 1,
            }
        }
        Some(Seen::Page(SeenPage::new(position.pages, began, unkeyed, &ids)))
    }

    /// The fault of a whole listing without any record where there were some; none where that is believed.
    ///
    /// A filter that went wrong, a right that was taken away and an outage look like that, too.
    pub(super) async fn empty_listing(&self, position: &Position) -> Result<Option<Box<Fault>>, ReadEnd> {
        let spec = &self.cell.spec;
        let sweeps = spec.position_rules().sweeps && position.is_whole_listing();
        if !sweeps || position.records > 0 || spec.guard.allow_empty {
            return Ok(None);
        }
        let live = self.store.live_count(&spec.id).await.map_err(ReadEnd::Store)?;
        if live == 0 {
            return Ok(None);
        }
        let message =
            format!("the listing is empty, and {live} of its records are at the destination; nothing is deleted");
        let hint = format!(
            "check the rights and the `query` of `{0}`, then `syncdeck resume {1}`; if it is empty indeed, set \
             `guard.allow_empty` of `{1}`",
            spec.source.connection, spec.id
        );
        Ok(Some(Box::new(Fault { hint: Some(hint), ..super::read::refused(message) })))
    }

    /// Looks for what the listing left out, and deletes it. It may begin again at any time: what is deleted already is not
    /// found any more.
    pub(super) async fn sweep(&self, mut position: Position) -> ReadEnd {
        let job = &self.cell.spec.id;
        let Some((began, sweep)) = position.began.zip(position.sweep) else { return ReadEnd::Complete };
        let facts = match self.store.sweep_facts(job, began, sweep.pages).await {
            Ok(facts) => facts,
            Err(error) => return ReadEnd::Store(error),
        };
        if self.stop.is_cancelled() {
            return ReadEnd::Stopped;
        }
        let is_possible = facts.missing > 0 && self.may_tell(&facts);
        if is_possible {
            let withholds = !self.guard.has_room(facts.missing);
            if withholds {
                self.tell_withheld(&facts);
            }
            if let Err(end) = self.sweep_pages(&mut position, (began, sweep.pages), &facts, withholds).await {
                return end;
            }
        }
        let last = PageRead {
            position: Some(position.after_swept(0, true)),
            seen: Some(Seen::Forget),
            is_listed: true,
            ..PageRead::of_letters()
        };
        match self.pages.send(Read::Page(Box::new(last))).await {
            Ok(()) => ReadEnd::Complete,
            Err(_) => ReadEnd::Stopped,
        }
    }

    /// Whether the listing is good enough to tell what is missing; else it says why not.
    fn may_tell(&self, facts: &SweepFacts) -> bool {
        let why = match facts {
            SweepFacts { is_whole: false, .. } => "a part of the listing was read by another run".to_owned(),
            SweepFacts { unkeyed: 1, .. } => "a listed record has no id, so it could be any of them".to_owned(),
            SweepFacts { unkeyed, .. } if *unkeyed > 1 => format!("{unkeyed} listed records have no id"),
            _ => return true,
        };
        let text = format!("{} records are not in the listing, and none is deleted: {why}", facts.missing);
        self.teller.tell(Level::Warn, "sweep.left_out", text);
        false
    }

    fn tell_withheld(&self, facts: &SweepFacts) {
        let text = format!(
            "{} of {} records are not in the listing; their deletes are withheld",
            grouped(facts.missing),
            grouped(facts.live.max(facts.missing))
        );
        self.teller.tell(Level::Error, "sweep.withheld", text);
    }

    async fn sweep_pages(
        &self,
        position: &mut Position,
        (began, pages): (Timestamp, u64),
        facts: &SweepFacts,
        withholds: bool,
    ) -> Result<(), ReadEnd> {
        let job = &self.cell.spec.id;
        let mut from = Some(SweepFrom::default());
        let (mut there, mut unsure) = (0, 0);
        while let Some(at) = from {
            let found =
                self.store.missing(job, began, pages, facts.listed, at, FOUND_AT_ONCE).await.map_err(ReadEnd::Store)?;
            from = found.next;
            for records in found.records.chunks(DELETES_A_PAGE) {
                if self.stop.is_cancelled() {
                    return Err(ReadEnd::Stopped);
                }
                let gone: Vec<Change> = records.iter().map(|id| self.left_out(id)).collect();
                let items = match withholds {
                    true => gone.into_iter().map(Item::Change).collect(),
                    false => {
                        let checked = self.look_again(gone).await?;
                        there += checked.there;
                        unsure += checked.unsure;
                        checked.items
                    }
                };
                *position = position.after_swept(items.len() as u64, false);
                let page = PageRead {
                    items,
                    position: Some(position.clone()),
                    cause: DeleteCause::Missing,
                    withholds,
                    is_listed: true,
                    ..PageRead::of_letters()
                };
                self.pages.send(Read::Page(Box::new(page))).await.map_err(|_| ReadEnd::Stopped)?;
            }
        }
        if there > 0 {
            let text =
                format!("the listing is unstable: {there} records that it left out are at the source all the same");
            self.teller.tell(Level::Warn, "listing.unstable", text);
        }
        if unsure > 0 {
            let text =
                format!("{unsure} records that the listing left out are not deleted: the source does not give them");
            self.teller.tell(Level::Warn, "sweep.unsure", text);
        }
        Ok(())
    }

    /// The tombstone of a record of which the source says nothing any more.
    pub(super) fn left_out(&self, id: &RecordId) -> Change {
        let spec = &self.cell.spec;
        // A soft delete writes what was written last beside its flags, and nothing of what is made up here.
        let body = if spec.delete == DeletePolicy::Hard { id_alone(&spec.source.fields, id) } else { Map::new() };
        let body = RawJson::from_value(&Value::Object(body));
        Change { id: id.clone(), version: None, deleted: true, body }
    }

    /// Asks the source for each record that is said to be gone, where it can be asked: those that it has come as they are.
    pub(super) async fn look_again(&self, gone: Vec<Change>) -> Result<RecordCheck, ReadEnd> {
        let mut check = RecordCheck::default();
        if !self.cell.source.can_read_one() {
            check.items = gone.into_iter().map(Item::Change).collect();
            return Ok(check);
        }
        let asked = stream::iter(gone).map(|tombstone| async move {
            let found = self.ask(|| self.cell.source.read_one(&tombstone.id)).await;
            (tombstone, found)
        });
        let answers: Vec<_> = asked.buffered(ASKED_AT_ONCE).collect().await;
        for (tombstone, found) in answers {
            match found {
                Ok(None) => check.items.push(Item::Change(tombstone)),
                Ok(Some(item)) => {
                    check.there += u64::from(!matches!(&item, Item::Change(change) if change.deleted));
                    check.items.push(item);
                }
                Err(ReadEnd::Fatal(fault)) if fault.kind == FaultKind::Record => check.unsure += 1,
                Err(end) => return Err(end),
            }
        }
        Ok(check)
    }

    /// Reads the withheld deletes that a person released, each as the source has it now.
    pub(super) async fn read_held(self) {
        let end = match self.held_pages().await {
            Ok(()) => ReadEnd::Complete,
            Err(end) => end,
        };
        let _ = self.pages.send(Read::End(end)).await;
    }

    async fn held_pages(&self) -> Result<(), ReadEnd> {
        let job = &self.cell.spec.id;
        let (waiting, _) = self.store.held_counts(job).await.map_err(ReadEnd::Store)?;
        if !self.guard.has_room(waiting) {
            let text = format!(
                "{} withheld by now, more than were released; none is carried out",
                counted(waiting, "delete is", "deletes are")
            );
            self.teller.tell(Level::Error, "held.more", text);
            return Ok(());
        }
        let (mut after, mut there) = (None, 0);
        loop {
            let held = self.store.held(job, after.clone(), false, DELETES_A_PAGE).await.map_err(ReadEnd::Store)?;
            let Some(last) = held.last() else { break };
            if self.stop.is_cancelled() {
                return Err(ReadEnd::Stopped);
            }
            after = Some(last.record.clone());
            let tombstone =
                |row: HeldDelete| Change { id: row.record, version: row.version, deleted: true, body: row.body };
            let checked = self.look_again(held.into_iter().map(tombstone).collect()).await?;
            there += checked.there;
            let page = PageRead { items: checked.items, ..PageRead::of_letters() };
            self.pages.send(Read::Page(Box::new(page))).await.map_err(|_| ReadEnd::Stopped)?;
        }
        if there > 0 {
            let text = format!(
                "{} dropped: their records are at the source",
                counted(there, "withheld delete is", "withheld deletes are")
            );
            self.teller.tell(Level::Info, "held.came_back", text);
        }
        Ok(())
    }
}

/// A record that is nothing but its id.
fn id_alone(fields: &RecordFields, id: &RecordId) -> Map<String, Value> {
    let mut record = Map::new();
    for (pointer, part) in fields.id.iter().zip(RecordId::from(fields.id_at_source(id.as_str())).parts()) {
        let Some((last, path)) = pointer.steps().split_last() else { continue };
        let mut at = &mut record;
        for step in path {
            let inner = at.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
            match inner {
                Value::Object(inner) => at = inner,
                _ => return Map::new(),
            }
        }
        at.insert(last.clone(), Value::String(part.to_owned()));
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KeyType, Pointer};

    #[test]
    fn a_record_of_which_only_the_id_is_known_holds_it_where_it_stands() {
        let pointer = |text: &str| Pointer::parse(text).expect("a pointer");
        let id = vec![pointer("/key/shop"), pointer("/key/no")];
        let fields =
            RecordFields { id, key_type: KeyType::Any, version: None, deleted: None, prefix: "eu:".to_owned() };
        let record = id_alone(&fields, &RecordId::from("eu:a\u{1f}7"));
        assert_eq!(Value::Object(record).to_string(), r#"{"key":{"shop":"a","no":"7"}}"#);
    }
}
