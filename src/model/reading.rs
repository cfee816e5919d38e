//! Taking a record's own facts out of its text: id, version, deleted.

use super::pointer::PointerSet;
use super::{Change, Item, KeyType, Pointer, RawJson, RecordFields, RecordId, Version, VersionKind};
use std::borrow::Cow;

/// Reads records of one stream. Made once for a job, because it walks each record only once.
#[derive(Clone, Debug)]
pub struct RecordReader {
    wanted: PointerSet,
    id: Vec<(usize, Pointer)>,
    key_type: KeyType,
    version: Option<(usize, Pointer, VersionKind)>,
    deleted: Option<usize>,
    /// Put before each id.
    prefix: String,
    /// Records may be nested so deep; none for any depth.
    depth_max: Option<u32>,
}

/// Why a record can not be taken as one.
struct Trouble {
    field: Option<String>,
    reason: String,
}

impl RecordReader {
    pub fn new(fields: &RecordFields) -> Self {
        let mut wanted = PointerSet::default();
        let id = fields.id.iter().map(|pointer| (wanted.add(pointer), pointer.clone())).collect();
        let version =
            fields.version.as_ref().map(|(pointer, kind)| (wanted.add(pointer), pointer.clone(), kind.clone()));
        let deleted = fields.deleted.as_ref().map(|pointer| wanted.add(pointer));
        Self { wanted, id, key_type: fields.key_type, version, deleted, prefix: fields.prefix.clone(), depth_max: None }
    }

    /// The same, for which a record that is nested deeper is unreadable.
    pub fn with_depth(self, depth_max: u32) -> Self {
        Self { depth_max: Some(depth_max), ..self }
    }

    /// An id must be a text or an integer and not empty, else the item is unreadable (never the key `null`).
    /// A missing or null version is no version; one that can not be read makes the item unreadable.
    pub fn read(&self, body: RawJson) -> Item {
        let found = match self.wanted.find_all(body.as_str()) {
            Ok(found) => found,
            Err(error) => {
                let reason = format!("the record can not be read: {error}");
                return Item::Unreadable { id: None, field: None, reason, body };
            }
        };
        let id = match self.read_id(&found, body.as_str()) {
            Ok(id) => id,
            Err(Trouble { field, reason }) => return Item::Unreadable { id: None, field, reason, body },
        };
        let version = match self.read_version(&found) {
            Ok(version) => version,
            Err(Trouble { field, reason }) => return Item::Unreadable { id: Some(id), field, reason, body },
        };
        if let Some(depth_max) = self.depth_max.filter(|depth_max| is_deeper(body.as_str(), *depth_max)) {
            let reason = format!("the record is nested deeper than {depth_max}, the `max_depth` of its connection");
            return Item::Unreadable { id: Some(id), field: None, reason, body };
        }
        let deleted = self.deleted.and_then(|slot| found[slot]).is_some_and(is_truthy);
        Item::Change(Change { id, version, deleted, body })
    }

    fn read_id(&self, found: &[Option<&str>], body: &str) -> Result<RecordId, Trouble> {
        let mut id = self.prefix.clone();
        for (part, (slot, pointer)) in self.id.iter().enumerate() {
            let refused = |why: &str| Trouble {
                field: Some(pointer.to_string()),
                reason: if body.starts_with(['{', '[']) {
                    format!("no key: `{pointer}` {why}")
                } else {
                    format!("no key: the record is not an object but {}", kind_of(body))
                },
            };
            let text = id_text(found[*slot], self.key_type).map_err(|why| refused(&why))?;
            if part > 0 {
                id.push(RecordId::SEPARATOR);
            }
            id.push_str(&text);
        }
        if self.id.is_empty() {
            return Err(Trouble { field: None, reason: "no key: the job names no id".to_owned() });
        }
        Ok(RecordId::from(id))
    }

    fn read_version(&self, found: &[Option<&str>]) -> Result<Option<Version>, Trouble> {
        let Some((slot, pointer, kind)) = &self.version else { return Ok(None) };
        let Some(text) = found[*slot] else { return Ok(None) };
        let refused = |reason: String| Trouble { field: Some(pointer.to_string()), reason };
        match text.as_bytes().first() {
            Some(b'n') => return Ok(None),
            Some(b'"' | b'-' | b'0'..=b'9') => {}
            _ => return Err(refused(format!("version is neither a time nor an integer but {}", kind_of(text)))),
        }
        let text = string_content(text).ok_or_else(|| refused("version is no valid text".to_owned()))?;
        Version::read(&text, kind).map(Some).map_err(refused)
    }
}

/// True for valid JSON with more lists and objects inside of one another than `depth_max`.
fn is_deeper(json: &str, depth_max: u32) -> bool {
    // Most records are too short for it, or have too few brackets, which is counted many bytes at a time.
    let has_few = || json.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= depth_max as usize;
    if json.len() < 2 * depth_max as usize || has_few() {
        return false;
    }
    let (mut depth, mut in_text, mut is_escaped) = (0_u32, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return true;
                }
            }
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    false
}

fn id_text(found: Option<&str>, wanted: KeyType) -> Result<Cow<'_, str>, String> {
    let text = found.ok_or("is missing")?;
    match text.as_bytes().first() {
        Some(b'n') => return Err("is null".to_owned()),
        Some(b'-' | b'0'..=b'9') if text.contains(['.', 'e', 'E']) => {
            return Err(format!("is neither a text nor an integer but the number {text}"));
        }
        Some(b'"' | b'-' | b'0'..=b'9') => {}
        _ => return Err(format!("is neither a text nor an integer but {}", kind_of(text))),
    }
    match (wanted, text.starts_with('"')) {
        (KeyType::Text, false) => return Err("is an integer, and `key_type` says that ids are texts".to_owned()),
        (KeyType::Integer, true) => return Err("is a text, and `key_type` says that ids are integers".to_owned()),
        (KeyType::Any, _) | (KeyType::Text, true) | (KeyType::Integer, false) => {}
    }
    let id = string_content(text).ok_or("is no valid text (half of a surrogate pair)")?;
    if id.trim().is_empty() {
        return Err("is empty".to_owned());
    }
    if id.contains(RecordId::SEPARATOR) {
        // Two different composite ids could become one.
        return Err("holds the control character U+001F, which parts the ids".to_owned());
    }
    Ok(id)
}

/// The content of a JSON string, or the text of any other value; none when the string is no Unicode.
pub(in crate::model) fn string_content(json: &str) -> Option<Cow<'_, str>> {
    if !json.starts_with('"') {
        return Some(Cow::Borrowed(json));
    }
    let inside = json.get(1..json.len().saturating_sub(1))?;
    if inside.contains('\\') { serde_json::from_str(json).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inside)) }
}

/// What kind of value a JSON text is, in words.
pub(in crate::model) fn kind_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't') => "true",
        Some(b'f') => "false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Null, false, zero, empty texts, lists and objects, and the text `false` are not truthy; everything else is.
///
/// The text `false` counts as what it says, because the other reading deletes a record.
pub(super) fn is_truthy(json: &str) -> bool {
    match json.as_bytes().first() {
        Some(b'n' | b'f') => false,
        Some(b't') => true,
        Some(b'"') => json != "\"\"" && !json.trim_matches('"').eq_ignore_ascii_case("false"),
        Some(b'{' | b'[') => json[1..json.len() - 1].bytes().any(|byte| !byte.is_ascii_whitespace()),
        // A number is zero when its digits before the exponent are.
        _ => json.split(['e', 'E']).next().unwrap_or(json).bytes().any(|byte| matches!(byte, b'1'..=b'9')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(id: &[&str]) -> RecordReader {
        let pointer = |text: &&str| Pointer::parse(text).expect("a pointer");
        RecordReader::new(&RecordFields {
            id: id.iter().map(pointer).collect(),
            key_type: KeyType::Any,
            version: Some((pointer(&"/v"), VersionKind::Auto)),
            deleted: Some(pointer(&"/gone")),
            prefix: String::new(),
        })
    }

    #[test]
    fn an_id_bears_the_prefix_of_its_stream_and_is_asked_for_without_it() {
        let fields = RecordFields {
            id: vec![Pointer::parse("/a").expect("a pointer"), Pointer::parse("/b").expect("a pointer")],
            key_type: KeyType::Any,
            version: None,
            deleted: None,
            prefix: "eu:".to_owned(),
        };
        let read = RecordReader::new(&fields).read(RawJson::parse(r#"{"a":"7","b":1}"#.to_owned()).expect("JSON"));
        let Item::Change(change) = read else { panic!("no change: {read:?}") };
        assert_eq!(change.id.shown(), "eu:7|1");
        assert_eq!(fields.id_at_source(change.id.as_str()), "7\u{1f}1");
        assert_eq!((&*fields.id_with_prefix("7"), &*fields.id_with_prefix("eu:7")), ("eu:7", "eu:7"));
    }

    fn read(json: &str) -> Item {
        reader(&["/id"]).read(RawJson::parse(json.to_owned()).expect("JSON"))
    }

    fn id_of(json: &str) -> String {
        match read(json) {
            Item::Change(change) => change.id.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn reason_of(json: &str) -> String {
        match read(json) {
            Item::Unreadable { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    // Row 50 of the fault matrix.
    #[test]
    fn an_id_is_kept_exactly() {
        assert_eq!(id_of(r#"{"id":"07"}"#), "07");
        assert_eq!(id_of(r#"{"id":7}"#), "7");
        assert_eq!(id_of(r#"{"id":123456789012345678901234567890}"#), "123456789012345678901234567890");
        assert_eq!(id_of(r#"{"id":"a\/b\u00fc "}"#), "a/bü ");
    }

    // Row 51 of the fault matrix.
    #[test]
    fn an_id_of_another_type_than_the_key_type_says_is_unreadable() {
        let reason = |key_type, json: &str| {
            let id = vec![Pointer::parse("/id").expect("a pointer")];
            let fields = RecordFields { id, key_type, version: None, deleted: None, prefix: String::new() };
            match RecordReader::new(&fields).read(RawJson::parse(json.to_owned()).expect("JSON")) {
                Item::Unreadable { reason, .. } => Some(reason),
                Item::Change(_) => None,
            }
        };
        let (text, integer) = (r#"{"id":"7"}"#, r#"{"id":7}"#);
        assert_eq!((reason(KeyType::Any, text), reason(KeyType::Any, integer)), (None, None));
        assert_eq!((reason(KeyType::Text, text), reason(KeyType::Integer, integer)), (None, None));
        let told = "no key: `/id` is a text, and `key_type` says that ids are integers";
        assert_eq!(reason(KeyType::Integer, text).as_deref(), Some(told));
        let told = "no key: `/id` is an integer, and `key_type` says that ids are texts";
        assert_eq!(reason(KeyType::Text, integer).as_deref(), Some(told));
    }

    // Row 48 of the fault matrix.
    #[test]
    fn a_record_without_a_key_is_unreadable() {
        assert_eq!(reason_of(r#"{"other":1}"#), "no key: `/id` is missing");
        assert_eq!(reason_of(r#"{"id":null}"#), "no key: `/id` is null");
        assert_eq!(reason_of(r#"{"id":""}"#), "no key: `/id` is empty");
        assert_eq!(reason_of(r#"{"id":"  "}"#), "no key: `/id` is empty");
        assert_eq!(reason_of(r#"{"id":1.5}"#), "no key: `/id` is neither a text nor an integer but the number 1.5");
        assert_eq!(reason_of(r#"{"id":true}"#), "no key: `/id` is neither a text nor an integer but true");
        assert_eq!(reason_of(r#"{"id":{}}"#), "no key: `/id` is neither a text nor an integer but an object");
        assert!(reason_of(r#"{"id":"\ud800"}"#).contains("no valid text"));
        assert_eq!(reason_of("5"), "no key: the record is not an object but a number");
    }

    #[test]
    fn an_unreadable_record_keeps_its_field_and_its_text() {
        let json = RawJson::parse(r#"{"id":null, "x":1.0}"#).expect("JSON");
        match reader(&["/id"]).read(json.clone()) {
            Item::Unreadable { id, field, body, .. } => {
                assert_eq!((id, field.as_deref(), body), (None, Some("/id"), json));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_composite_id_joins_its_parts() {
        let item = reader(&["/shop", "/key"]).read(RawJson::parse(r#"{"shop":"a|b","key":7}"#).expect("JSON"));
        let Item::Change(change) = item else { panic!("{item:?}") };
        assert_eq!(change.id.parts().collect::<Vec<_>>(), ["a|b", "7"]);
        let item = reader(&["/shop", "/key"]).read(RawJson::parse(r#"{"shop":"a"}"#).expect("JSON"));
        assert!(matches!(item, Item::Unreadable { field: Some(field), .. } if field == "/key"));
    }

    #[test]
    fn the_mark_between_the_parts_is_refused_inside_a_part() {
        assert!(reason_of("{\"id\":\"a\\u001fb\"}").contains("U+001F"));
    }

    #[test]
    fn a_version_is_read_from_a_text_or_a_number() {
        let version = |json: &str| match read(json) {
            Item::Change(change) => change.version.map(|version| version.text()),
            other => panic!("{other:?}"),
        };
        assert_eq!(version(r#"{"id":1,"v":"2024-01-02T03:04:05.120Z"}"#).as_deref(), Some("2024-01-02T03:04:05.120Z"));
        assert_eq!(version(r#"{"id":1,"v":42}"#).as_deref(), Some("42"));
        assert_eq!(version(r#"{"id":1,"v":null}"#), None);
        assert_eq!(version(r#"{"id":1}"#), None);
    }

    #[test]
    fn a_version_that_is_none_makes_the_record_unreadable_and_keeps_its_id() {
        for json in [r#"{"id":1,"v":"soon"}"#, r#"{"id":1,"v":true}"#, r#"{"id":1,"v":[1]}"#, r#"{"id":1,"v":1.5}"#] {
            match read(json) {
                Item::Unreadable { id, field, .. } => {
                    assert_eq!(id, Some(RecordId::from("1")), "{json}");
                    assert_eq!(field.as_deref(), Some("/v"), "{json}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_truthy_mark_makes_a_tombstone() {
        let deleted = |value: &str| match read(&format!(r#"{{"id":1,"gone":{value}}}"#)) {
            Item::Change(change) => change.deleted,
            other => panic!("{other:?}"),
        };
        for value in ["true", "1", "-3", "0.5", "1e-400", "\"2024-01-02\"", "[0]", r#"{"by":"x"}"#] {
            assert!(deleted(value), "{value}");
        }
        for value in ["false", "null", "0", "-0", "0.00", "0e7", "\"\"", "[ ]", "{}", "\"false\"", "\"False\""] {
            assert!(!deleted(value), "{value}");
        }
        assert!(matches!(read(r#"{"id":1}"#), Item::Change(change) if !change.deleted));
    }

    // Row 41 of the fault matrix.
    #[test]
    fn a_record_nested_10_000_deep_is_read() {
        let deep = format!(r#"{{"x":{}{},"id":7}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(id_of(&deep), "7");
    }

    // Row 41 of the fault matrix.
    #[test]
    fn a_record_nested_deeper_than_its_connection_allows_is_unreadable_and_keeps_its_id() {
        let nested =
            |depth: usize| format!(r#"{{"id":7,"t":"[[[\"{{","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let read = |json: String| reader(&["/id"]).with_depth(5).read(RawJson::parse(json).expect("JSON"));
        assert!(matches!(read(nested(4)), Item::Change(_)));
        match read(nested(5)) {
            Item::Unreadable { id, reason, .. } => {
                assert_eq!(id, Some(RecordId::from("7")));
                assert!(reason.contains("deeper than 5"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
