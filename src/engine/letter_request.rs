//! The request that delivers a dead letter, for people who want to send it by hand.

use super::Engine;
use super::orders::OrderError;
use crate::connect::{Operation, Write};
use crate::model::{Change, DeadLetter, DeadLetterId, DeletePolicy, LetterRequest};

impl Engine {
    /// The request that the destination makes of a letter as it was sent last, by the job as it is configured now.
    pub async fn letter_request(&self, id: DeadLetterId) -> Result<LetterRequest, OrderError> {
        let refused = |why: String| OrderError::Refused(why);
        let letter = self.store.letter(id).await?.ok_or_else(|| refused(format!("there is no dead letter #{id}")))?;
        let cell = self.jobs.get(&letter.job).ok_or_else(|| OrderError::NoSuchJob(letter.job.clone()))?;
        let write = write_of(&letter, cell.spec.delete)
            .ok_or_else(|| refused(format!("nothing was sent of {}, so there is no request", letter.record.shown())))?;
        cell.destination.request(&write).map_err(refused)
    }
}

/// The write that was refused; none where mapping failed and nothing was sent. Which version of the destination's
/// record it was compared with is not kept, so it is compared with none.
fn write_of(letter: &DeadLetter, policy: DeletePolicy) -> Option<Write> {
    let operation = match (letter.deleted, policy, &letter.destination_id) {
        (true, DeletePolicy::Hard, _) => Operation::Delete,
        (_, _, Some(_)) => Operation::Update,
        (_, _, None) => Operation::Create,
    };
    Some(Write {
        operation,
        id: letter.record.clone(),
        destination_id: letter.destination_id.clone(),
        fields: letter.sent.clone()?,
        record: Change {
            id: letter.record.clone(),
            version: letter.version.clone(),
            deleted: letter.deleted,
            body: letter.source.clone(),
        },
        idempotency_key: letter.idempotency_key.clone().unwrap_or_default(),
        destination_version: None,
    })
}
