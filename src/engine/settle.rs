//! What a person decides about a create whose outcome nobody saw.

use super::Engine;
use super::job::OpenLetters;
use super::orders::{OrderError, Ordered};
use crate::model::mapping::fingerprint;
use crate::model::{Actor, DeadLetter, DeadLetterId, LetterPlace, Link, ReasonClass, Whereabouts};
use crate::store::Settlement;

impl Engine {
    /// Notes whether the record of a letter stands at the destination, and lets its job go on with it: what is there is
    /// linked and brought up to date, what is not is made.
    pub async fn settle(
        &self,
        id: DeadLetterId,
        finding: &Whereabouts,
        reason: Option<String>,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let letter = self.unsettled(id).await?;
        let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        if *finding == Whereabouts::Absent && reason.is_none() {
            return Err(OrderError::Refused(
                "sending it again needs a reason: how is it known to be absent?".to_owned(),
            ));
        }
        let cell = self.cell(&letter.job)?;
        let known = self.store.links(&letter.job, std::slice::from_ref(&letter.record)).await?.pop().flatten();
        let (link, after) = settled(&letter, known.unwrap_or_default(), finding);
        let mut note = self.note(by.clone(), "settle", &letter.job, reason);
        note.at = self.retry_moment();
        let at = note.at;
        note.before = Some(format!("#{id} {}: outcome unknown", letter.record));
        note.after = Some(after.clone());
        let settlement = Settlement { job: letter.job.clone(), record: letter.record.clone(), letter: id, link };
        if !self.store.settle(settlement, note).await? {
            return Err(OrderError::Refused(format!("dead letter #{id} does not wait any more")));
        }
        cell.live().dead = OpenLetters::of(&self.store, &letter.job).await?;
        cell.changed();
        self.tell_order(&cell, format!("dead letter #{id} settled by {by}: {after}"));
        let suffix = self.set_going(&[(letter.job.clone(), 1)], by);
        Ok(Ordered { text: format!("settled dead letter #{id}: {after}{suffix}"), changed: 1, at })
    }

    async fn unsettled(&self, id: DeadLetterId) -> Result<DeadLetter, OrderError> {
        let refused = |text: String| Err(OrderError::Refused(text));
        let Some(letter) = self.store.letter(id).await? else {
            return refused(format!("there is no dead letter #{id}"));
        };
        if letter.reason.class != ReasonClass::OutcomeUnknown {
            return refused(format!("the outcome of dead letter #{id} is known: {}", letter.reason.title()));
        }
        match letter.state.place() {
            LetterPlace::Waiting => Ok(letter),
            LetterPlace::Retrying => refused(format!("dead letter #{id} is settled already, and being retried")),
            LetterPlace::Discarded => refused(format!("dead letter #{id} is discarded; bring it back first")),
            LetterPlace::Recovered => refused(format!("dead letter #{id} is settled already")),
        }
    }
}

/// The link as it is now known to be, and what that is in words.
fn settled(letter: &DeadLetter, known: Link, finding: &Whereabouts) -> (Link, String) {
    // The next key is a new one: a service may remember the old one's end.
    let writes = known.writes + 1;
    match finding {
        Whereabouts::Absent => {
            let link = Link { destination_id: None, written: None, tombstone: false, fields: None, writes, ..known };
            (link, "it is not there, so it is sent again".to_owned())
        }
        Whereabouts::There { id } => {
            let link = Link {
                destination_id: id.clone(),
                // What the source holds by now is compared with what was sent then.
                written: Some(letter.sent.as_ref().map(fingerprint).unwrap_or_default()),
                version: None,
                tombstone: false,
                fields: letter.sent.clone().filter(|_| known.fields.is_some()),
                writes,
                ..known
            };
            let shown = id.as_ref().map(|id| format!(" as {id}")).unwrap_or_default();
            (link, format!("it is there{shown}, and is not made again"))
        }
    }
}
