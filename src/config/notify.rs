//! Hooks: who is told when something needs a person.

use super::report::Report;
use super::tree::{Entry, Value};
use crate::model::{FindingKind, Hook, HookWay, Secret};
use url::Url;

/// The words of `on`, as [`FindingKind`] writes them.
pub(super) const KINDS: [(&str, FindingKind); 16] = [
    ("needs_attention", FindingKind::NeedsAttention),
    ("withheld", FindingKind::Withheld),
    ("stalled", FindingKind::Stalled),
    ("failed", FindingKind::Failed),
    ("missed_schedule", FindingKind::MissedSchedule),
    ("many_errors", FindingKind::ManyErrors),
    ("source_changed", FindingKind::SourceChanged),
    ("dead_letters", FindingKind::DeadLetters),
    ("circuit_open", FindingKind::CircuitOpen),
    ("webhook", FindingKind::Webhook),
    ("silent", FindingKind::Silent),
    ("held", FindingKind::Held),
    ("budget_low", FindingKind::BudgetLow),
    ("paused_long", FindingKind::PausedLong),
    ("store_error", FindingKind::StoreError),
    ("config_changed", FindingKind::ConfigChanged),
];

/// Builds one hook. None when a part of it is wrong, which was told.
pub(super) fn hook(entry: &Entry, report: &mut Report) -> Option<Hook> {
    super::check_name("hook", entry, report);
    let Value::Table(table) = &entry.node.value else { return None };
    let on = table.list("on").iter().filter_map(|node| match &node.value {
        Value::Text(text) => KINDS.iter().find(|(word, _)| *word == text.text).map(|(_, kind)| *kind),
        _ => None,
    });
    let on: Vec<FindingKind> = on.collect();
    let words: Vec<String> = table
        .list("command")
        .iter()
        .filter_map(|node| match &node.value {
            Value::Text(text) => Some(text.text.clone()),
            _ => None,
        })
        .collect();
    let (has_command, has_url) = (table.is_written("command"), table.is_written("url"));
    let way = match (has_command, table.text("url")) {
        (true, _) if has_url => {
            let hint = "make two hooks of it".to_owned();
            report.mistake(entry.key_place, "a hook has a `command` or a `url`, not both", hint);
            return None;
        }
        (true, _) if words.first().is_none_or(String::is_empty) => {
            let hint = "write `command = [\"/usr/local/bin/page\", \"--team\", \"sync\"]`".to_owned();
            report.mistake(table.place_of("command"), "`command` names no program", hint);
            return None;
        }
        (true, _) => HookWay::Command(words),
        (false, Some(url)) => {
            let is_fine = Url::parse(&url.text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_fine {
                let hint = "write it whole, such as `\"https://hooks.example.com/…\"`".to_owned();
                report.mistake(table.place_of("url"), "`url` is no address that can be posted to", hint);
                return None;
            }
            HookWay::Url(Secret::new(url.text.as_str()))
        }
        (false, None) if has_url => return None,
        (false, None) => {
            let hint = "add `command = [\"PROGRAM\", …]` or `url = \"https://…\"`".to_owned();
            report.mistake(entry.key_place, "a hook lacks its `command` or `url`", hint);
            return None;
        }
    };
    let name = entry.name.clone();
    Some(Hook { name, on, over: table.boolean("over"), timeout: table.duration("timeout")?, way })
}
