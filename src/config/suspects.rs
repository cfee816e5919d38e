//! What stands where a secret may have been meant: a mistake beside it must not show it.

use super::read::Reader;
use toml::de::{DeTable, DeValue};

impl Reader<'_> {
    pub(super) fn suspect(&mut self, value: &DeValue<'_>) {
        match value {
            DeValue::String(text) if !text.contains("${") => self.report.suspect(text),
            DeValue::Integer(integer) => self.report.suspect(integer.as_str()),
            DeValue::Float(float) => self.report.suspect(float.as_str()),
            DeValue::Array(items) => items.iter().for_each(|item| self.suspect(item.get_ref())),
            DeValue::Table(table) => self.suspect_table(table),
            _ => {}
        }
    }

    pub(super) fn suspect_table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            match value.get_ref() {
                DeValue::Table(inner) => self.suspect_table(inner),
                other if is_secret_name(key.get_ref()) => self.suspect(other),
                _ => {}
            }
        }
    }

    /// In a line that is no TOML, everything after a key that names a secret may be one.
    pub(super) fn suspect_line(&mut self, line: &str) {
        for (at, _) in line.match_indices('=') {
            let key = line[..at].trim_end().rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
            if key.is_some_and(is_secret_name) {
                self.report.suspect(line[at + 1..].trim());
                return;
            }
        }
    }
}

/// Names under which secrets are usually written.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase();
    ["token", "password", "secret", "value", "salt", "authorization", "cookie", "key"]
        .iter()
        .any(|word| name.contains(word))
}
