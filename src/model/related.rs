//! The other record that a system names when it refuses one: `Existing ID: 5518`.

use super::Reason;
use regex::Regex;
use std::sync::LazyLock;

/// `id 5518`, `Existing ID: 5518`, `"id":"cus_7"`, `contact_id = 5518`; what follows must hold a digit, for `id is taken`
/// names nothing.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(?:^|[^a-z0-9])(?:[a-z]+_)?ids?["']?\s*[:=#]?\s*["'`‹(]?([a-z0-9_-]*[0-9][a-z0-9_-]*)"#)
        .expect("the pattern of a named id")
});
/// Characters of an answer that are looked at.
const LOOKED_AT: usize = 4_096;

/// The id that a complaint names and that is none of `own`. The message goes before the answer's text.
pub fn related_id(reason: &Reason, own: &[&str]) -> Option<String> {
    let texts = [Some(reason.message.as_str()), reason.answer.as_deref()];
    texts.into_iter().flatten().find_map(|text| {
        let end = text.char_indices().nth(LOOKED_AT).map_or(text.len(), |(at, _)| at);
        let named = NAMED.captures_iter(&text[..end]).filter_map(|found| found.get(1));
        named.map(|id| id.as_str()).find(|id| !own.contains(id)).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReasonClass;

    fn related(message: &str, answer: Option<&str>) -> Option<String> {
        let reason = Reason {
            class: ReasonClass::Rejected,
            status: Some(422),
            field: Some("email".to_owned()),
            message: message.to_owned(),
            answer: answer.map(str::to_owned),
        };
        related_id(&reason, &["cus_1"])
    }

    #[test]
    fn the_record_that_a_complaint_names_is_found() {
        assert_eq!(related("A contact exists. Existing ID: 5518", None).as_deref(), Some("5518"));
        assert_eq!(related("email taken", Some(r#"{"existing":{"id":"cus_7","n":1}}"#)).as_deref(), Some("cus_7"));
        assert_eq!(related("already used (contact_id=44-a)", None).as_deref(), Some("44-a"));
    }

    #[test]
    fn what_names_no_other_record_finds_none() {
        assert_eq!(related("the id is taken", None), None);
        assert_eq!(related("422 email already in use", Some(r#"{"id":"cus_1"}"#)), None, "that is the record itself");
        assert_eq!(related("invalid 5518", None), None);
    }
}
