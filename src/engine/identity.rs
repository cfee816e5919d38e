//! A job whose key or destination changed: its state is of other records, so it waits until a person accepts that.

use super::Engine;
use super::job::{JobCell, Live};
use super::orders::{OrderError, Ordered, ordered};
use super::tell::Teller;
use crate::model::{Actor, Identity, Job, JobControl, JobId, Level, Parked, Timestamp};
use crate::store::{Note, Store, StoreError};

/// Why the job can not run over what was known `before`. None where that is its own.
pub(super) fn unlike(spec: &Job, before: &Identity, is: &Identity, now: Timestamp) -> Option<Parked> {
    let difference = before.difference(is)?;
    let id = &spec.id;
    let reason = format!("the configuration is of other records than the state: {difference}");
    let hint = match before.has_same_destination(is) {
        true => format!(
            "`syncdeck run {id} --accept` writes the records under their new keys, beside those under the old ones; else put \
             the key back"
        ),
        false => format!(
            "the same records at another address: `syncdeck run {id} --accept`; another system: `syncdeck forget {id}`, \
             then everything is written there; else put it back"
        ),
    };
    Some(Parked { since: now, reason, hint: Some(hint) })
}

impl Live {
    /// Why the job can not go on without a person.
    pub(super) fn stopped(&self) -> Option<&Parked> {
        self.unlike.as_ref().or(self.control.parked.as_ref())
    }
}

impl JobCell {
    /// Notes whose state it is from now on, before a run adds to it.
    pub(super) async fn sign_state(&self, store: &Store) -> Result<(), StoreError> {
        if self.live().control.identity.as_ref() == Some(&self.identity) {
            return Ok(());
        }
        let sign = |control: &mut JobControl| {
            control.identity = Some(self.identity.clone());
            true
        };
        self.change_control(store, None, sign).await.map(|_| ())
    }
}

impl Engine {
    /// Tells of the jobs that wait for that.
    pub(super) fn tell_unlike(&self) {
        for cell in self.jobs.values().filter(|cell| cell.spec.enabled) {
            let why = cell.live().unlike.as_ref().map(|unlike| unlike.reason.clone());
            if let Some(why) = why {
                let teller = Teller::new(self.notices.clone(), cell.clone(), None);
                teller.tell(Level::Error, "job.unlike", format!("it does not run: {why}"));
            }
        }
    }

    /// Lets jobs go on with their state although their key or destination changed.
    pub async fn accept(&self, jobs: &[JobId], by: &Actor) -> Result<Ordered, OrderError> {
        let mut changed = Vec::new();
        for cell in self.cells(jobs)? {
            let before = {
                let live = cell.live();
                live.unlike.as_ref().and_then(|_| live.control.identity.clone())
            };
            let Some(before) = before else { continue };
            let words = |identity: &Identity| format!("key `{}`, destination `{}`", identity.key, identity.destination);
            let note = Note {
                before: Some(words(&before)),
                after: Some(words(&cell.identity)),
                ..self.note(by.clone(), "accept", &cell.spec.id, before.difference(&cell.identity))
            };
            let now = self.clock.now();
            self.change(&cell, note, |control| {
                control.identity = Some(cell.identity.clone());
                control.due = Some(now);
                true
            })
            .await?;
            cell.live().unlike = None;
            cell.changed();
            cell.wake.notify_waiters();
            self.tell_order(&cell, format!("its changed key or destination was accepted by {by}"));
            changed.push(cell.spec.id.to_string());
        }
        let nothing = "has the key and the destination that it had";
        Ok(ordered("accepted", nothing, &changed, "; what is known of its records stays", self.clock.now()))
    }
}
