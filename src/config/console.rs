//! The table `[console]`: how the console looks, and which keys it knows.

use super::Mistake;
use super::declare::listed;
use super::files::read_text;
use super::format::THEME;
use super::report::{Report, SourceFile};
use super::tree::{Entry, Node, Table, Value};
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleConfig {
    pub theme: ThemeChoice,
    /// Fields that are masked on screen and in exports until they are revealed.
    pub redact: Vec<String>,
    /// `auto`, `osc52` or `command`.
    pub clipboard: String,
    pub mouse: bool,
    /// Keys that are to be otherwise, in the order of the file.
    pub keys: Vec<KeyChoice>,
}

impl Default for ConsoleConfig {
    /// What holds where no configuration says otherwise.
    fn default() -> Self {
        Self {
            theme: ThemeChoice::Named("auto".to_owned()),
            redact: Vec::new(),
            clipboard: "auto".to_owned(),
            mouse: false,
            keys: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThemeChoice {
    Named(String),
    /// The lines of a file. Whether they are colours is the console's business.
    Own(Vec<ThemeLine>),
}

/// A line of a theme's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeLine {
    pub name: String,
    pub value: String,
    /// As [`KeyChoice::spot`].
    pub spot: Mistake,
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

/// The names of the themes that need no file.
const THEMES: [&str; 6] = ["auto", "term", "cvd", "dark", "light", "mono"];

/// The file of the theme that `entry`, the table `[console]`, names; none when it needs no file.
pub(super) fn theme_file(entry: &Entry, folder: &Path, report: &mut Report) -> Option<SourceFile> {
    let Value::Table(table) = &entry.node.value else { return None };
    let name = table.owned_text("theme").filter(|name| !THEMES.contains(&name.as_str()))?;
    let path = folder.join(&name);
    match read_text(&path) {
        Ok(text) => Some(SourceFile { name: path.display().to_string(), folder: folder.into(), text }),
        Err(reason) => {
            let hint = format!("{}, or a file with lines such as `ok = \"#5fd700\"`", listed(THEMES));
            let problem = format!("`{name}` is no theme, and `{}` can not be read: {reason}", path.display());
            report.mistake(table.place_of("theme"), problem, hint);
            None
        }
    }
}

pub(super) fn console(
    table: &Table,
    theme: Option<&Table>,
    files: &[SourceFile],
    report: &Report,
) -> Option<ConsoleConfig> {
    let theme = match theme {
        None => ThemeChoice::Named(table.owned_text("theme")?),
        Some(file) => {
            ThemeChoice::Own(THEME.keys.iter().filter_map(|key| theme_line(file, key.name, files, report)).collect())
        }
    };
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
        theme,
        redact: redact.collect(),
        mouse: table.boolean("mouse"),
        clipboard: table.owned_text("clipboard")?,
        keys,
    })
}

fn theme_line(file: &Table, name: &str, files: &[SourceFile], report: &Report) -> Option<ThemeLine> {
    let value = file.owned_text(name)?;
    Some(ThemeLine { name: name.to_owned(), value, spot: report.spot(file.place_of(name), files) })
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
