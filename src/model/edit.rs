//! A dead letter as it can be corrected: its destination fields one by one, and what a retry would make of letters.

use super::{Correction, DeadLetterId, JobId, RawJson, RecordId};
use serde::{Deserialize, Serialize};

/// The destination fields of a dead letter, to be corrected by a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditForm {
    pub letter: DeadLetterId,
    pub job: JobId,
    pub record: RecordId,
    pub source_connection: String,
    pub destination_connection: String,
    /// The hash of the source record that the form was made from, in hexadecimal: a correction of another is refused.
    pub content: String,
    /// In the order in which they are sent.
    pub fields: Vec<EditField>,
    /// The correction that counts now.
    pub correction: Option<Correction>,
    /// What somebody put in for the same bad value before, and that can be applied again.
    pub offered: Option<Correction>,
    /// Of the offered correction, what still holds.
    pub offered_changes: Vec<FieldChange>,
}

/// One destination field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditField {
    pub field: String,
    /// What the source says.
    #[serde(with = "super::record::maybe")]
    pub source: Option<RawJson>,
    /// What would be sent without any correction; none where nothing would be, or the map refuses it.
    #[serde(with = "super::record::maybe")]
    pub original: Option<RawJson>,
    /// What would be sent now.
    #[serde(with = "super::record::maybe")]
    pub value: Option<RawJson>,
    /// Why it was refused: by the destination, or by the map.
    pub problem: Option<String>,
    /// Why it can not be edited.
    pub locked: Option<String>,
    /// What a value that is typed becomes where nothing is there to tell.
    pub takes: ValueKind,
}

/// How typed text becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// What is typed is the text.
    Text,
    /// What is typed is JSON: `12`, `true`, `null`, `"text"`, a list, an object.
    Json,
}

/// A destination field with the value that is to be sent; none leaves it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    pub field: String,
    #[serde(with = "super::record::maybe")]
    pub value: Option<RawJson>,
}

impl ValueKind {
    /// The kind that keeps the type of `value`.
    pub fn of(value: &RawJson) -> Self {
        if value.as_str().starts_with('"') { Self::Text } else { Self::Json }
    }

    /// Reads what was typed; the reason when it is none of this kind.
    pub fn read(self, typed: &str) -> Result<RawJson, String> {
        match self {
            Self::Text => Ok(RawJson::from_value(&serde_json::Value::from(typed))),
            Self::Json => RawJson::parse(typed.trim().to_owned())
                .map_err(|_| format!("`{typed}` is no JSON value, such as 12, true, null or \"text\"")),
        }
    }

    /// A value as it is typed.
    pub fn shown(self, value: &RawJson) -> String {
        let text = match self {
            Self::Text => serde_json::from_str::<String>(value.as_str()).ok(),
            Self::Json => None,
        };
        text.unwrap_or_else(|| value.as_str().to_owned())
    }
}

impl EditField {
    /// The kind that a new value has: that of the value it replaces.
    pub fn kind(&self) -> ValueKind {
        let value = self.value.as_ref().or(self.original.as_ref());
        value.map_or(self.takes, ValueKind::of)
    }
}

impl EditForm {
    /// What would be sent now, as one JSON object.
    pub fn document(&self) -> String {
        let members: Vec<String> = self
            .fields
            .iter()
            .filter_map(|field| {
                let value = field.value.as_ref()?;
                Some(format!("  {}: {}", serde_json::Value::from(field.field.as_str()), value.as_str()))
            })
            .collect();
        if members.is_empty() { "{}".to_owned() } else { format!("{{\n{}\n}}", members.join(",\n")) }
    }

    /// All changes that `document` (as [`EditForm::document`] writes it) makes against what would be sent without any.
    /// The reason when it is no object, or changes what is locked.
    pub fn changes_of(&self, document: &str) -> Result<Vec<FieldChange>, String> {
        let members: indexmap::IndexMap<String, Box<serde_json::value::RawValue>> =
            serde_json::from_str(document).map_err(|error| error.to_string())?;
        let mut changes = Vec::new();
        for (name, value) in &members {
            let value = RawJson::from_raw(value);
            let known = self.fields.iter().find(|field| field.field == *name);
            if known.is_some_and(|field| field.value.as_ref() == Some(&value) && field.locked.is_some()) {
                continue;
            }
            changes.push(FieldChange { field: name.clone(), value: Some(value) });
        }
        let gone = self.fields.iter().filter(|field| field.value.is_some() && !members.contains_key(&field.field));
        changes.extend(gone.map(|field| FieldChange { field: field.field.clone(), value: None }));
        self.checked(changes)
    }

    /// `changes` without those that change nothing; the reason when one is of what can not be edited.
    pub fn checked(&self, changes: Vec<FieldChange>) -> Result<Vec<FieldChange>, String> {
        let mut kept = Vec::new();
        for change in changes {
            match self.fields.iter().find(|field| field.field == change.field) {
                Some(field) if field.original == change.value && field.problem_is_ours().is_none() => {}
                Some(field) if field.locked.is_some() => {
                    let why = field.locked.as_deref().unwrap_or_default();
                    return Err(format!("`{}` can not be edited: {why}", change.field));
                }
                _ => kept.push(change),
            }
        }
        Ok(kept)
    }
}

impl EditField {
    /// Where the map refuses the value, leaving the field out is a change too.
    fn problem_is_ours(&self) -> Option<&str> {
        if self.original.is_none() && self.source.is_some() { self.problem.as_deref() } else { None }
    }
}

/// What a retry would do with letters, each looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterCheck {
    /// Sent once more with the very content that was refused.
    pub same: u64,
    /// Changed at the source since they failed: the new content is sent.
    pub changed: Vec<DeadLetterId>,
    /// Sent with a person's correction.
    pub corrected: u64,
    /// The map refuses them still: nothing is sent.
    pub refused: u64,
    /// Delivered meanwhile, in this version or a newer one: nothing is sent.
    pub settled: u64,
    /// No longer at the source: nothing is sent, nothing is deleted.
    pub gone: u64,
    /// The source did not say.
    pub unread: u64,
    /// Sent as they were read, because the source can not be asked for one record: whether they changed is not known.
    pub stored: u64,
    /// Not waiting any more.
    pub moved: u64,
}

impl LetterCheck {
    /// Letters that one preview looks at; of more, the others are not known.
    pub const LETTERS_MAX: usize = 500;
    /// Letters of one question, so that a preview can tell how far it is.
    pub const AT_ONCE: usize = 20;

    pub fn looked_at(&self) -> u64 {
        let changed = self.changed.len() as u64;
        changed
            + self.same
            + self.corrected
            + self.refused
            + self.settled
            + self.gone
            + self.unread
            + self.stored
            + self.moved
    }

    /// Letters of those looked at for which something is sent.
    pub fn writes(&self) -> u64 {
        self.same + self.changed.len() as u64 + self.corrected + self.stored
    }

    pub fn add(&mut self, other: Self) {
        self.same += other.same;
        self.changed.extend(other.changed);
        self.corrected += other.corrected;
        self.refused += other.refused;
        self.settled += other.settled;
        self.gone += other.gone;
        self.unread += other.unread;
        self.stored += other.stored;
        self.moved += other.moved;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> RawJson {
        RawJson::from_trusted(text.to_owned())
    }

    fn field(name: &str, value: Option<&str>) -> EditField {
        EditField {
            field: name.to_owned(),
            source: value.map(raw),
            original: value.map(raw),
            value: value.map(raw),
            problem: None,
            locked: None,
            takes: ValueKind::Text,
        }
    }

    fn form(fields: Vec<EditField>) -> EditForm {
        EditForm {
            letter: DeadLetterId(1),
            job: JobId::from("customers"),
            record: RecordId::from("c1"),
            source_connection: "shop".to_owned(),
            destination_connection: "crm".to_owned(),
            content: String::new(),
            fields,
            correction: None,
            offered: None,
            offered_changes: Vec::new(),
        }
    }

    #[test]
    fn a_text_stays_a_text_and_all_else_is_read_as_json() {
        assert_eq!(ValueKind::Text.read("12"), Ok(raw("\"12\"")));
        assert_eq!(ValueKind::Json.read(" 12345678901234567890123 "), Ok(raw("12345678901234567890123")));
        assert_eq!(ValueKind::Json.read("null"), Ok(raw("null")));
        assert!(ValueKind::Json.read("twelve").is_err());
        assert_eq!(field("a", Some("\"12\"")).kind(), ValueKind::Text);
        assert_eq!(field("a", Some("null")).kind(), ValueKind::Json);
        assert_eq!(field("a", None).kind(), ValueKind::Text);
        assert_eq!(ValueKind::Text.shown(&raw("\"a\\\"b\"")), "a\"b");
    }

    #[test]
    fn an_unchanged_document_is_no_edit() {
        let form = form(vec![field("a", Some("\"x\"")), field("n", Some("1.10")), field("gone", None)]);
        assert_eq!(form.document(), "{\n  \"a\": \"x\",\n  \"n\": 1.10\n}");
        assert_eq!(form.changes_of(&form.document()), Ok(Vec::new()));
    }

    #[test]
    fn a_document_tells_what_changed_what_is_left_out_and_what_is_new() {
        let form = form(vec![field("a", Some("\"x\"")), field("n", Some("1")), field("c", Some("2"))]);
        let changes = form.changes_of(r#"{"a":"y","n":1,"new":true}"#).expect("good changes");
        let change = |name: &str, value: Option<&str>| FieldChange { field: name.to_owned(), value: value.map(raw) };
        assert_eq!(changes, [change("a", Some("\"y\"")), change("new", Some("true")), change("c", None)]);
    }

    #[test]
    fn an_id_is_not_editable() {
        let id = EditField { locked: Some("it is the record's id".to_owned()), ..field("id", Some("\"c1\"")) };
        let form = form(vec![id, field("a", Some("1"))]);
        assert!(form.changes_of(r#"{"id":"c1","a":2}"#).is_ok());
        assert!(form.changes_of(r#"{"id":"c2","a":1}"#).is_err_and(|why| why.contains("can not be edited")));
        assert!(form.changes_of(r#"{"a":1}"#).is_err(), "leaving it out is an edit too");
    }

    #[test]
    fn broken_json_names_its_place() {
        let why = form(vec![]).changes_of("{\n \"a\": 1\n \"b\": 2\n}").expect_err("broken");
        assert!(why.contains("line 3 column"), "{why}");
    }
}
