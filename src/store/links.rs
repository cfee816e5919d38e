//! The table of links: what is remembered of each record, the one table that grows with the records.

use super::codec::{link_destination, link_is_live, pack_link, unpack_link};
use super::heads::Heads;
use super::jobs::job_row;
use super::tables::{LINKS, LINKS_BY_DESTINATION};
use super::{Shared, StoreError};
use crate::model::{DestinationId, JobId, Link, RecordId};
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

/// A link that is ready to be written: packed by its caller, so that the writer only copies.
pub(super) struct PackedLink {
    id: RecordId,
    row: Vec<u8>,
    /// Set where it differs from the source's id.
    destination: Option<DestinationId>,
}

impl PackedLink {
    pub(super) fn new(id: RecordId, link: &Link) -> Self {
        let destination = link.destination_id.as_ref().filter(|destination| destination.as_str() != id.as_str());
        Self { row: pack_link(link), destination: destination.cloned(), id }
    }
}

/// Writes the links of all pages of a group, in the order of their keys: neighbours cost a tenth.
///
/// Of one record's links the last one counts.
pub(super) fn write_links(
    transaction: &WriteTransaction,
    heads: &mut Heads,
    mut links: Vec<(u32, PackedLink)>,
) -> Result<(), StoreError> {
    if links.is_empty() {
        return Ok(());
    }
    links.sort_by(|a, b| (a.0, a.1.id.as_str()).cmp(&(b.0, b.1.id.as_str())));
    let mut table = transaction.open_table(LINKS)?;
    // Where no id differs between the systems, the second table is never opened.
    let mut moved = Vec::new();
    for (job, link) in &links {
        let old = table.insert((*job, link.id.as_str()), link.row.as_slice())?;
        let was_live = old.as_ref().is_some_and(|old| link_is_live(old.value()));
        let is_live = link_is_live(&link.row);
        if was_live != is_live {
            let row = &mut heads.numbered_mut(*job)?.row;
            row.live = row.live.map(|live| if is_live { live + 1 } else { live.saturating_sub(1) });
        }
        let destination = link.destination.as_ref().map(DestinationId::as_str);
        match old {
            None => {
                heads.numbered_mut(*job)?.row.links += 1;
                if destination.is_some() {
                    moved.push((*job, link, None));
                }
            }
            Some(old) => {
                let before = link_destination(old.value()).filter(|before| *before != link.id.as_str());
                if before != destination {
                    moved.push((*job, link, before.map(str::to_owned)));
                }
            }
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    let mut by_destination = transaction.open_table(LINKS_BY_DESTINATION)?;
    for (job, link, before) in moved {
        if let Some(before) = before {
            let is_ours = by_destination.get((job, before.as_str()))?.is_some_and(|id| id.value() == link.id.as_str());
            if is_ours {
                by_destination.remove((job, before.as_str()))?;
            }
        }
        if let Some(destination) = &link.destination {
            by_destination.insert((job, destination.as_str()), link.id.as_str())?;
        }
    }
    Ok(())
}

/// Counts the records of a job that stand at the destination, by reading all links: for files in which that is not kept.
pub(super) fn live_links(read: &ReadTransaction, job: u32) -> Result<u64, StoreError> {
    let mut live = 0;
    for row in read.open_table(LINKS)?.range((job, "")..)? {
        let (key, link) = row?;
        if key.value().0 != job {
            break;
        }
        live += u64::from(link_is_live(link.value()));
    }
    Ok(live)
}

impl Shared {
    /// The links of `ids`, in their order.
    ///
    /// A page's ids mostly lie close together in the table, so they are found by walking it from the first to the last;
    /// where they turn out to be scattered, the rest is looked up one by one.
    pub(super) fn links(&self, job: &JobId, ids: &[RecordId]) -> Result<Vec<Option<Link>>, StoreError> {
        let mut found = vec![None; ids.len()];
        let Some(number) = self.linked(job) else { return Ok(found) };
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by(|a, b| ids[*a].as_str().cmp(ids[*b].as_str()));
        let (Some(first), Some(last)) = (order.first(), order.last()) else { return Ok(found) };
        let table = self.snapshot()?.open_table(LINKS)?;
        let mut walk = table.range((number, ids[*first].as_str())..=(number, ids[*last].as_str()))?;
        let mut steps_left = 2 * ids.len() + 16;
        let mut row = walk.next().transpose()?;
        for place in order {
            let wanted = ids[place].as_str();
            while let Some((key, _)) = &row
                && key.value().1 < wanted
                && steps_left > 0
            {
                steps_left -= 1;
                row = walk.next().transpose()?;
            }
            found[place] = match &row {
                None => None,
                Some((key, link)) if key.value().1 == wanted => Some(unpack_link(link.value())?),
                Some((key, _)) if key.value().1 > wanted => None,
                // Out of steps before the wanted id was reached.
                Some(_) => table.get((number, wanted))?.map(|link| unpack_link(link.value())).transpose()?,
            };
        }
        Ok(found)
    }

    /// The job's number, if it has any link: a first read of everything asks no table at all.
    fn linked(&self, job: &JobId) -> Option<u32> {
        let directory = self.directory.read();
        directory.number(job).filter(|number| directory.has_links(*number))
    }

    pub(super) fn link_count(&self, job: &JobId) -> Result<u64, StoreError> {
        Ok(job_row(&self.snapshot()?, job)?.map_or(0, |row| row.links))
    }

    pub(super) fn live_count(&self, job: &JobId) -> Result<u64, StoreError> {
        Ok(job_row(&self.snapshot()?, job)?.and_then(|row| row.live).unwrap_or_default())
    }

    /// The record whose counterpart is `destination`, where the two have different ids.
    pub(super) fn record_at(&self, job: &JobId, destination: &DestinationId) -> Result<Option<RecordId>, StoreError> {
        let Some(number) = self.linked(job) else { return Ok(None) };
        let table = self.snapshot()?.open_table(LINKS_BY_DESTINATION)?;
        Ok(table.get((number, destination.as_str()))?.map(|id| RecordId::from(id.value())))
    }
}
