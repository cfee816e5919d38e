//! What a template speaks of, and whether a path is one.

use super::report::Report;
use super::tree::Table;
use crate::model::{Template, TemplateUse};
use serde_json::Value as Json;

/// True when the template uses one of the names.
pub(super) fn mentions(template: &str, names: &[&str]) -> bool {
    // A text that is no template was told already, and counts as one that could use anything.
    Template::compile(template, TemplateUse::Text).map_or(true, |template| names.iter().any(|name| template.uses(name)))
}

/// True when a text of the tree uses one of the names.
pub(super) fn mentions_in(tree: &Json, names: &[&str]) -> bool {
    match tree {
        Json::String(text) => mentions(text, names),
        Json::Array(items) => items.iter().any(|item| mentions_in(item, names)),
        Json::Object(members) => members.values().any(|member| mentions_in(member, names)),
        _ => false,
    }
}

/// A key that is appended to an address. None when it is not there, wrong, or can not be appended.
pub(super) fn path_of(table: &Table, name: &str, report: &mut Report) -> Option<String> {
    let path = table.owned_text(name)?;
    let can_be_appended = path.is_empty() || path.starts_with(['/', '?', '{', ':']);
    if !can_be_appended {
        let is_address = path.contains("://");
        let hint = if is_address {
            "write what follows the connection's `base_url`, beginning with `/`".to_owned()
        } else {
            "begin it with `/`".to_owned()
        };
        report.mistake(
            table.place_of(name),
            format!("`{name}` can not be appended to the connection's `base_url`"),
            hint,
        );
        return None;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_counts_only_inside_braces_and_as_itself() {
        assert!(mentions("/contacts/{{ id }}", &["id"]));
        assert!(mentions("/contacts/{{id|upper}}", &["id"]));
        assert!(mentions("{% if id %}x{% endif %}", &["id"]));
        assert!(!mentions("/contacts/id", &["id"]));
        assert!(!mentions("/contacts/{{ record.id }}", &["id"]));
        assert!(mentions("/contacts/{{ record.id }}", &["record"]));
        assert!(!mentions("/contacts/{{ identity }}", &["id"]));
        assert!(mentions("{{ a }}{{ id }}", &["id"]));
    }

    #[test]
    fn a_name_is_found_anywhere_in_a_tree() {
        assert!(mentions_in(&json!({ "variables": [{ "id": "{{ id }}" }] }), &["id"]));
        assert!(!mentions_in(&json!({ "id": 1 }), &["id"]));
    }
}
