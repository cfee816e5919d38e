//! Changes from a change log: its events become the records as their source has them now, and tombstones.

use super::page::PageRead;
use super::read::{Read, ReadEnd, Reader};
use crate::connect::{ChangeLog, FaultKind, LogEvent};
use crate::model::{DeleteCause, Item, Level, Position, RecordId};
use futures::stream::{self, StreamExt};
use std::collections::HashMap;

/// Records that the source is asked for at once.
const ASKED_AT_ONCE: usize = 8;

/// What the last event of a record on a page says.
struct Told {
    record: RecordId,
    is_delete: bool,
}

impl Reader {
    /// Notes where the change log stands before a listing of everything begins, so that nothing falls between the two.
    pub(super) async fn note_head(&self, position: &mut Position) -> Result<(), ReadEnd> {
        let Some(log) = self.cell.change_log.clone().filter(|_| position.pages == 0 && position.cursor.is_none())
        else {
            return Ok(());
        };
        position.log = if log.has_head() { self.ask(|| log.head()).await? } else { None };
        Ok(())
    }

    /// Reads the change log behind the position's sequence to its end. `Ok` with a position where all is to be listed anew.
    pub(super) async fn log_pages(&self, log: &dyn ChangeLog, mut position: Position) -> Result<Position, ReadEnd> {
        let (mut pages, mut records) = (0, 0);
        loop {
            if self.stop.is_cancelled() {
                return Err(ReadEnd::Stopped);
            }
            if self.reached(pages, records) {
                return Err(ReadEnd::Limit);
            }
            position.began.get_or_insert_with(|| self.clock.now());
            let after = position.log.clone();
            let page = match self.ask(|| log.read(after.as_deref())).await {
                Ok(page) => page,
                Err(ReadEnd::Fatal(fault)) if fault.cursor_expired && after.is_some() => {
                    let text = format!(
                        "the change log is no longer known behind sequence {} ({}): everything is listed once more",
                        after.unwrap_or_default(),
                        fault.message
                    );
                    self.teller.tell(Level::Warn, "log.purged", text);
                    return Ok(Position { watermark: position.watermark, ..Position::default() });
                }
                Err(end) => return Err(end),
            };
            let last = page.events.last().map(|event| event.sequence.clone());
            if last.is_some() && last == position.log {
                let message = format!("the change log gave sequence {} again", last.unwrap_or_default());
                let hint = format!("check `param` and `sequence` of the `change_log` of `{}`", self.cell.spec.id);
                let fault = crate::connect::Fault { hint: Some(hint), ..super::read::refused(message) };
                return Err(ReadEnd::Fatal(Box::new(fault)));
            }
            let is_last = page.events.is_empty();
            let items = self.as_they_are(last_of_each(page.events)).await?;
            let n = items.len() as u64;
            position = position.after_log_page(n, last, is_last);
            pages += 1;
            records += n;
            let page = PageRead {
                items,
                position: Some(position.clone()),
                cause: DeleteCause::ChangeLog,
                is_listed: true,
                ..PageRead::of_letters()
            };
            self.pages.send(Read::Page(Box::new(page))).await.map_err(|_| ReadEnd::Stopped)?;
            if is_last {
                return Err(ReadEnd::Complete);
            }
        }
    }

    /// The records as the source has them now. One that is gone already comes with its delete later in the log.
    async fn as_they_are(&self, told: Vec<Told>) -> Result<Vec<Item>, ReadEnd> {
        let asked = stream::iter(told).map(|told| async move {
            if told.is_delete {
                return Ok(Some(Item::Change(self.left_out(&told.record))));
            }
            match self.ask(|| self.cell.source.read_one(&told.record)).await {
                Ok(found) => Ok(found),
                Err(ReadEnd::Fatal(fault)) if fault.kind == FaultKind::Record => Ok(Some(Item::Unreadable {
                    id: Some(told.record.clone()),
                    field: None,
                    reason: format!("the source does not give the record: {}", fault.message),
                    body: crate::model::RawJson::from_trusted("{}".to_owned()),
                })),
                Err(end) => Err(end),
            }
        });
        let answers: Vec<Result<Option<Item>, ReadEnd>> = asked.buffered(ASKED_AT_ONCE).collect().await;
        answers.into_iter().filter_map(Result::transpose).collect()
    }
}

/// Of each record the last event, in the order of those.
fn last_of_each(events: Vec<LogEvent>) -> Vec<Told> {
    let mut last: HashMap<RecordId, usize> = HashMap::with_capacity(events.len());
    for (at, event) in events.iter().enumerate() {
        last.insert(event.record.clone(), at);
    }
    let is_last = |(at, event): &(usize, LogEvent)| last.get(&event.record) == Some(at);
    let told = |(_, event): (usize, LogEvent)| Told { record: event.record, is_delete: event.is_delete };
    events.into_iter().enumerate().filter(is_last).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_events_of_a_record_the_last_one_counts() {
        let event = |sequence: u32, record: &str, is_delete| LogEvent {
            sequence: sequence.to_string(),
            record: RecordId::from(record),
            is_delete,
        };
        let told = last_of_each(vec![
            event(1, "a", false),
            event(2, "b", true),
            event(3, "a", true),
            event(4, "b", false),
            event(5, "a", false),
        ]);
        let told: Vec<_> = told.iter().map(|told| (told.record.as_str(), told.is_delete)).collect();
        assert_eq!(told, [("b", false), ("a", false)]);
    }
}
