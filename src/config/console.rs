//! The table `[console]`: how the console looks, and which keys it knows.

use super::Mistake;
use super::report::{Report, SourceFile};
use super::tree::{Entry, Node, Table, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// `auto`, `dark`, `light`, `mono` or a file beside the configuration.
    pub theme: String,
    /// Fields that are masked on screen and in exports until they are revealed.
    pub redact: Vec<String>,
    pub mouse: bool,
    /// Keys that are to be otherwise, in the order of the file.
    pub keys: Vec<KeyChoice>,
}

/// Keys for an action, as written. Whether there is such an action is the console's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChoice {
    /// The place that the keys are for; none means every place.
    pub context: Option<String>,
    pub action: String,
    /// Empty where the action is to have no key.
    pub keys: Vec<String>,
    /// Where it stands. What is wrong with it is said with this as its beginning.
    pub spot: Mistake,
}

pub(super) fn console(table: &Table, files: &[SourceFile], report: &Report) -> Option<ConsoleConfig> {
    let mut keys = Vec::new();
    for entry in &table.table("keys")?.entries {
        match &entry.node.value {
            Value::Table(context) => {
                keys.extend(
                    context.entries.iter().filter_map(|inner| key_choice(Some(&entry.name), inner, files, report)),
                );
            }
            _ => keys.extend(key_choice(None, entry, files, report)),
        }
    }
    let redact = table.list("redact").iter().filter_map(|node| match &node.value {
        Value::Text(text) => Some(text.text.clone()),
        _ => None,
    });
    Some(ConsoleConfig {
        theme: table.owned_text("theme")?,
        redact: redact.collect(),
        mouse: table.boolean("mouse"),
        keys,
    })
}

fn key_choice(context: Option<&str>, entry: &Entry, files: &[SourceFile], report: &Report) -> Option<KeyChoice> {
    let text = |node: &Node| match &node.value {
        Value::Text(text) => Some(text.text.clone()),
        _ => None,
    };
    let keys = match &entry.node.value {
        // `""` unbinds; a space alone is an empty key, about which the console complains.
        Value::Text(text) if text.text.is_empty() => Vec::new(),
        Value::Text(text) => vec![text.text.clone()],
        Value::List(nodes) => nodes.iter().map(text).collect::<Option<_>>()?,
        _ => return None,
    };
    let spot = report.spot(entry.key_place, files);
    Some(KeyChoice { context: context.map(str::to_owned), action: entry.name.clone(), keys, spot })
}
