//! Corrections of dead letters: what can be edited, and how it is kept.

use super::Engine;
use super::job::JobCell;
use super::orders::{OrderError, Ordered};
use crate::model::mapping::{Rule, fingerprint};
use crate::model::redact::{HIDDEN, is_redacted};
use crate::model::{
    Actor, Correction, DeadLetter, DeadLetterId, DestinationStream, EditField, EditForm, FieldChange, FieldCorrection,
    Fingerprint, LetterPlace, RawJson, ReasonClass, RestRequest, RestWrite, ValueKind,
};
use crate::store::Note;
use std::sync::Arc;

/// The most of a journal entry's text, in bytes.
const NOTE_MAX: usize = 4_096;
/// Transforms that make something else than a text.
const NO_TEXT: [&str; 5] = ["boolean", "integer", "json", "number", "split"];

impl Engine {
    /// A dead letter's fields as they can be edited. The reason when it is none that can.
    pub async fn edit_form(&self, id: DeadLetterId) -> Result<EditForm, OrderError> {
        let (letter, cell) = self.editable(id).await?;
        let correction = self.store.correction(id).await?;
        let content = fingerprint(&letter.source);
        let offered = if correction.is_some() { None } else { self.offered(&letter, content).await? };
        let offered_changes = offered.as_ref().map(|one| changes_of(one, cell, &letter.source)).unwrap_or_default();
        Ok(EditForm {
            letter: id,
            job: letter.job.clone(),
            record: letter.record.clone(),
            source_connection: cell.spec.source.connection.to_string(),
            destination_connection: cell.spec.destination.connection.to_string(),
            content: hexadecimal(content),
            fields: fields(&letter, cell, correction.as_ref()),
            correction,
            offered,
            offered_changes,
        })
    }

    /// What somebody put in place of the same bad value of this record before, for another letter.
    pub async fn offered(&self, letter: &DeadLetter, content: Fingerprint) -> Result<Option<Correction>, OrderError> {
        let Some(cell) = self.jobs.get(&letter.job) else { return Ok(None) };
        let mut seen = Vec::new();
        for correction in self.store.corrections_of(&letter.job, &letter.record).await? {
            // The newest one of each letter counts.
            let is_newest = !seen.contains(&correction.letter);
            seen.push(correction.letter);
            if is_newest && correction.letter != letter.id && correction.fits(&cell.mapping, &letter.source, content) {
                return Ok(Some(correction));
            }
        }
        Ok(None)
    }

    /// Keeps `changes` as the letter's correction: all fields that are sent otherwise than the map makes them. None of
    /// them goes back to the original. Nothing is sent by it.
    ///
    /// `content` is that of the form: a letter that changed since is not corrected blindly.
    pub async fn correct(
        &self,
        id: DeadLetterId,
        content: &str,
        changes: Vec<FieldChange>,
        reason: Option<String>,
        by: &Actor,
    ) -> Result<Ordered, OrderError> {
        let at = self.clock.now();
        let (letter, cell) = self.editable(id).await?;
        if hexadecimal(fingerprint(&letter.source)) != content {
            let text = format!("the record of dead letter #{id} changed meanwhile: look at it again");
            return Err(OrderError::Refused(text));
        }
        let form = self.edit_form(id).await?;
        let changes = form.checked(changes).map_err(OrderError::Refused)?;
        let fields = corrected(changes, &form, cell, &letter.source)?;
        let before = form.correction.as_ref().map(|one| one.fields.clone()).unwrap_or_default();
        if fields == before {
            let text = format!("nothing was changed: {} is as it was", letter.record.shown());
            return Ok(Ordered { text, changed: 0, at });
        }
        let note = Note {
            reason: reason.clone(),
            before: Some(self.journalled(&form, &fields, &before, false)),
            after: Some(self.journalled(&form, &fields, &before, true)),
            ..self.note(by.clone(), "edit", &letter.job, None)
        };
        let n = fields.len();
        let correction = Correction {
            letter: id,
            record: letter.record.clone(),
            number: 0,
            at,
            by: by.clone(),
            reason: reason.filter(|text| !text.trim().is_empty()),
            content: fingerprint(&letter.source),
            fields,
        };
        self.store.correct(&letter.job, correction, note).await?;
        let record = letter.record.shown();
        let text = match n {
            0 => format!("{record} is sent as its source says it again"),
            1 => format!("saved the correction of 1 field of {record}"),
            n => format!("saved the correction of {n} fields of {record}"),
        };
        self.tell_order(cell, format!("dead letter #{id} corrected by {by}"));
        Ok(Ordered { text, changed: 1, at })
    }

    /// A letter that can be corrected, and its job.
    async fn editable(&self, id: DeadLetterId) -> Result<(DeadLetter, &Arc<JobCell>), OrderError> {
        let refused = |text: String| Err(OrderError::Refused(text));
        let Some(letter) = self.store.letter(id).await? else {
            return refused(format!("there is no dead letter #{id}"));
        };
        let why = match letter.state.place() {
            LetterPlace::Waiting => None,
            LetterPlace::Retrying => Some("is being retried; wait for its end, or stop that first"),
            LetterPlace::Recovered => Some("was delivered already"),
            LetterPlace::Discarded => Some("is discarded; bring it back first"),
        };
        if let Some(why) = why {
            return refused(format!("dead letter #{id} {why}"));
        }
        if letter.deleted {
            return refused(format!("dead letter #{id} is a delete: it has no fields to correct"));
        }
        if letter.reason.class == ReasonClass::OutcomeUnknown {
            return refused(format!(
                "the outcome of dead letter #{id} is unknown: decide first with `syncdeck dead settle {id}`"
            ));
        }
        if letter.reason.class == ReasonClass::Unreadable {
            return refused(format!("dead letter #{id} can not be read as a record: mend it at its source"));
        }
        match self.jobs.get(&letter.job) {
            Some(cell) => Ok((letter, cell)),
            None => refused(format!("`{}` is no longer configured, so nothing says what it sends", letter.job)),
        }
    }

    /// The values of all fields that one of two corrections has, as the journal keeps them.
    fn journalled(
        &self,
        form: &EditForm,
        after: &[FieldCorrection],
        before: &[FieldCorrection],
        is_after: bool,
    ) -> String {
        let mut names: Vec<&str> = before.iter().chain(after).map(|field| field.field.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let ours = if is_after { after } else { before };
        let mut members: Vec<(&str, RawJson)> = Vec::new();
        for name in names {
            // Of a value that the map refused nothing was made: what its source said is what is corrected.
            let refused = || before.iter().chain(after).find(|field| field.field == name)?.seen.clone();
            let original = || form.fields.iter().find(|field| field.field == name).and_then(|f| f.original.clone());
            let value = match ours.iter().find(|field| field.field == name) {
                Some(field) => field.after.clone(),
                None => original().or_else(refused),
            };
            let shown = match value {
                _ if is_redacted(&self.info.redact, name) => RawJson::from_value(&HIDDEN.into()),
                Some(value) => value,
                None => RawJson::from_value(&serde_json::Value::Null),
            };
            members.push((name, shown));
        }
        let members =
            members.iter().map(|(name, value)| format!("{}:{}", serde_json::Value::from(*name), value.as_str()));
        let mut text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        text.truncate(text.floor_char_boundary(NOTE_MAX));
        text
    }
}

pub(super) fn hexadecimal(hash: Fingerprint) -> String {
    format!("{:032x}", hash.0)
}

/// A correction as changes, as far as it still holds for `record`.
fn changes_of(correction: &Correction, cell: &JobCell, record: &RawJson) -> Vec<FieldChange> {
    let holding = correction.holding(&cell.mapping, record);
    holding.into_iter().map(|field| FieldChange { field: field.field.clone(), value: field.after.clone() }).collect()
}

fn corrected(
    changes: Vec<FieldChange>,
    form: &EditForm,
    cell: &JobCell,
    record: &RawJson,
) -> Result<Vec<FieldCorrection>, OrderError> {
    let mut fields = Vec::new();
    for FieldChange { field, value: after } in changes {
        let known = form.fields.iter().find(|one| one.field == field);
        if known.is_none() && !cell.mapping.is_identity() {
            let text = format!("`{field}` is no field that the map of `{}` sends", form.job);
            return Err(OrderError::Refused(text));
        }
        let seen = cell.mapping.made_of(&field, record);
        let before = known.and_then(|one| one.original.clone());
        fields.push(FieldCorrection { field, seen, before, after });
    }
    fields.sort_by(|a, b| a.field.cmp(&b.field));
    Ok(fields)
}

fn fields(letter: &DeadLetter, cell: &JobCell, correction: Option<&Correction>) -> Vec<EditField> {
    let record = &letter.source;
    let holding = correction.map(|one| one.holding(&cell.mapping, record)).unwrap_or_default();
    let lineage = cell.mapping.lineage();
    let mut fields: Vec<EditField> = cell
        .mapping
        .each_field(record)
        .into_iter()
        .map(|mapped| {
            let source = if cell.mapping.is_identity() {
                mapped.made_of.clone()
            } else {
                let from = lineage.iter().find(|(name, _)| *name == mapped.field).and_then(|(_, from)| from.as_ref());
                from.and_then(|from| from.find(record).ok().flatten())
            };
            let (original, refused) = match mapped.value {
                Ok(value) => (value, None),
                Err(why) => (None, Some(why)),
            };
            let is_blamed = blames(letter.reason.field.as_deref(), &mapped.field);
            let given = holding.iter().find(|field| field.field == mapped.field);
            EditField {
                value: given.map_or_else(|| original.clone(), |field| field.after.clone()),
                problem: refused.or_else(|| is_blamed.then(|| letter.reason.title())),
                locked: locked(&mapped.field, cell),
                takes: takes(&mapped.field, cell),
                field: mapped.field,
                source,
                original,
            }
        })
        .collect();
    for field in holding.iter().filter(|field| !cell.mapping.is_identity() || field.seen.is_none()) {
        if !fields.iter().any(|known| known.field == field.field) {
            // A member that a person added.
            fields.push(EditField {
                field: field.field.clone(),
                source: None,
                original: None,
                value: field.after.clone(),
                problem: None,
                locked: None,
                takes: ValueKind::Text,
            });
        }
    }
    fields
}

/// True where the place that a destination blames is this field or inside of it.
fn blames(blamed: Option<&str>, field: &str) -> bool {
    let plain = |name: &str| name.trim_start_matches('/').replace('/', ".");
    let Some(blamed) = blamed.map(plain) else { return false };
    let field = plain(field);
    blamed == field || blamed.strip_prefix(field.as_str()).is_some_and(|rest| rest.starts_with('.'))
}

/// Why a field can not be edited: it decides which record is written.
fn locked(field: &str, cell: &JobCell) -> Option<String> {
    let ids = &cell.spec.source.fields.id;
    let lineage = cell.mapping.lineage();
    let is_id = if cell.mapping.is_identity() {
        crate::model::Pointer::parse(field).is_ok_and(|pointer| ids.contains(&pointer))
    } else {
        lineage.iter().any(|(name, from)| name == field && from.as_ref().is_some_and(|from| ids.contains(from)))
    };
    if is_id {
        return Some("it is the record's id".to_owned());
    }
    let DestinationStream::Rest(rest) = &cell.spec.destination.stream;
    let request: Option<&RestRequest> = match &rest.write {
        RestWrite::Upsert(request) => Some(request),
        RestWrite::Batch(batch) => batch.each.as_ref(),
        RestWrite::Linked(linked) => Some(&linked.update),
    };
    let names = [format!("fields.{field}"), format!("fields[\"{field}\"]"), format!("fields['{field}']")];
    let is_in_path = request.is_some_and(|request| names.iter().any(|name| request.path.contains(name.as_str())));
    is_in_path.then(|| "it stands in the address that is written to".to_owned())
}

fn takes(field: &str, cell: &JobCell) -> ValueKind {
    let rule = cell.spec.map.iter().find(|rule| rule.field == field).map(|rule| &rule.rule);
    let makes_no_text = match rule {
        Some(Rule::Copy(copy)) => copy.to.as_ref().is_some_and(|to| NO_TEXT.contains(&to.name.as_str())),
        Some(Rule::Value(value)) => !value.is_string(),
        Some(Rule::Expr(_)) | None => false,
    };
    if makes_no_text { ValueKind::Json } else { ValueKind::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_of_a_field_blames_the_field() {
        assert!(blames(Some("email"), "email") && blames(Some("/address/city"), "address.city"));
        assert!(blames(Some("items.3.price"), "items"));
        assert!(!blames(Some("email2"), "email") && !blames(None, "email"));
    }
}
