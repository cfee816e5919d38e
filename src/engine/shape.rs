//! What the records of a source look like: looked at in passing, and told when a source changes them.

use super::job::{JobCell, Live};
use super::tell::Teller;
use crate::model::{Item, Level, Shape, ShapeChange, Timestamp};

/// Records of one run that are looked at: what a source changes, it changes in all of them.
const LOOKED_AT_MAX: u64 = 50;

impl JobCell {
    /// Looks at records of a page that the source listed, until enough of this run were looked at.
    pub(super) fn look_at(&self, items: &[Item]) {
        let left = LOOKED_AT_MAX.saturating_sub(self.live().looked_at.records);
        if left == 0 {
            return;
        }
        let live_ones = items.iter().filter_map(|item| match item {
            Item::Change(change) if !change.deleted => Some(&change.body),
            Item::Change(_) | Item::Unreadable { .. } => None,
        });
        let mut looked_at = Shape::default();
        live_ones.take(left as usize).for_each(|record| looked_at.add(record));
        self.live().looked_at.merge(&looked_at);
    }

    /// Compares what was looked at with what is known of the source's records, once that is enough, and tells a change.
    pub(super) fn compare_shapes(&self, now: Timestamp, teller: &Teller) {
        let changed = self.live().compare_shapes(now);
        if let Some(changed) = changed {
            let source = &self.spec.source.connection;
            teller.tell(Level::Warn, "source.changed", format!("the records of {source} look otherwise: {changed}"));
        }
    }
}

impl Live {
    fn compare_shapes(&mut self, now: Timestamp) -> Option<String> {
        if !self.looked_at.is_known() {
            return None;
        }
        let looked_at = std::mem::take(&mut self.looked_at);
        let known = &mut self.control.shape;
        let text = known.difference(&looked_at);
        match &text {
            Some(text) => {
                *known = looked_at;
                self.control.shape_changed = Some(ShapeChange { at: now, text: text.clone() });
            }
            None => known.merge(&looked_at),
        }
        text
    }
}
