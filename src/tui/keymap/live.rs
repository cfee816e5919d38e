//! The keys in force: the table, and what the configuration changes of it. A clash is told, never guessed away.

use super::spelling::types;
use super::{Context, KEYMAP, label, read_key};
use crate::tui::action::Action;
use std::str::FromStr;
use strum::VariantNames;

/// Keys that stay with an action whatever else is bound to it: a person must be able to get out of everything.
const KEPT: [(Action, &str); 3] = [(Action::Back, "esc"), (Action::No, "esc"), (Action::Interrupt, "ctrl-c")];

/// A binding that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub context: Context,
    /// As the table writes them; none when the action was unbound here.
    pub keys: Vec<String>,
    pub action: Action,
    pub words: &'static str,
    pub hint: &'static str,
    /// The choice that set the keys; none for a row that is as the table has it.
    choice: Option<usize>,
}

/// What a person wants to be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// One place alone; none means every screen on which the action has a key.
    pub context: Option<String>,
    pub action: String,
    /// Empty: no key at all.
    pub keys: Vec<String>,
    /// Where it is written: `syncdeck.toml:12:3`.
    pub place: String,
}

/// What is wrong with a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its place among the choices.
    pub choice: usize,
    pub text: String,
    pub hint: Option<String>,
}

/// All keys in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap {
    rows: Vec<Row>,
}

impl Default for Keymap {
    fn default() -> Self {
        let row = |row: &super::Binding| Row {
            context: row.context,
            keys: row.keys.iter().map(|key| (*key).to_owned()).collect(),
            action: row.action,
            words: row.words,
            hint: row.hint,
            choice: None,
        };
        Self { rows: KEYMAP.iter().map(row).collect() }
    }
}

impl Keymap {
    /// The table with `choices` in it; all that is wrong with them, where something is.
    pub fn with(choices: &[Choice]) -> Result<Self, Vec<Problem>> {
        let mut keymap = Self::default();
        let mut problems = Vec::new();
        for (at, choice) in choices.iter().enumerate() {
            if let Err((text, hint)) = keymap.choose(at, choice) {
                problems.push(Problem { choice: at, text, hint });
            }
        }
        problems.extend(keymap.clashes(choices));
        if problems.is_empty() { Ok(keymap) } else { Err(problems) }
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The binding of `key` in the first context of `chain` that knows it.
    pub fn find(&self, chain: &[Context], key: &str) -> Option<&Row> {
        let bound = |row: &&Row| row.keys.iter().any(|bound| bound == key);
        chain.iter().find_map(|context| self.rows.iter().filter(|row| row.context == *context).find(bound))
    }

    /// True when some binding of `chain` begins with `key` and has a second one.
    pub fn is_prefix(&self, chain: &[Context], key: &str) -> bool {
        self.after(chain, key).next().is_some()
    }

    /// The second keys after `prefix`, with what they do.
    pub fn after<'k>(&'k self, chain: &'k [Context], prefix: &'k str) -> impl Iterator<Item = (&'k str, &'k Row)> {
        self.rows.iter().filter(|row| chain.contains(&row.context)).flat_map(move |row| {
            let seconds = row.keys.iter().filter_map(|key| key.split_once(' '));
            seconds.filter(move |(first, _)| *first == prefix).map(move |(_, second)| (second, row))
        })
    }

    /// The keys that do `action`, as people read them; the first context of `chain` that has some decides.
    pub fn labels(&self, chain: &[Context], action: Action) -> Vec<String> {
        let row = chain.iter().find_map(|context| {
            self.rows.iter().find(|row| row.context == *context && row.action == action && !row.keys.is_empty())
        });
        row.map_or_else(Vec::new, |row| row.keys.iter().map(|key| label(key)).collect())
    }

    /// The first key that does `action` anywhere, as people read it; a dash where none does.
    pub fn label(&self, action: Action) -> String {
        let key = self.rows.iter().filter(|row| row.action == action).find_map(|row| row.keys.first());
        key.map_or_else(|| "—".to_owned(), |key| label(key))
    }

    /// The action whose key in the table of `context` is `key`, and the key that does it now.
    pub fn instead_of(&self, context: Context, key: &str) -> Option<(Action, String)> {
        let default = KEYMAP.iter().find(|row| row.context == context && row.keys.contains(&key))?;
        let row = self.rows.iter().find(|row| row.context == context && row.action == default.action)?;
        Some((row.action, row.keys.first().map(|key| label(key)).unwrap_or_default()))
    }

    /// The key and the words of a row in the line at the bottom; none for a row that has no place there.
    pub fn hint(&self, row: &Row) -> Option<(String, &'static str)> {
        let first = row.keys.first()?;
        if row.hint.is_empty() {
            return None;
        }
        let both = |other: Action, is_first: bool, words: &'static str| {
            let other = self.labels(&[row.context], other).into_iter().next().unwrap_or_default();
            let own = label(first);
            let keys = if is_first { format!("{own} {other}") } else { format!("{other} {own}") };
            Some((keys.trim().to_owned(), words))
        };
        match (row.hint.strip_prefix("[ ] "), row.hint.strip_prefix("+ - ")) {
            (Some(words), _) => both(Action::Previous, false, words),
            (_, Some(words)) => {
                let other = if row.action == Action::ZoomIn { Action::ZoomOut } else { Action::FewerLines };
                both(other, true, words)
            }
            (None, None) => Some((label(first), row.hint)),
        }
    }

    /// What a key would do on another screen, in a sentence; or that it is no key at all.
    pub fn nothing_here(&self, key: &str, here: Context) -> String {
        let shown = label(key);
        if key.len() == 1 && key.chars().all(|digit| digit.is_ascii_digit()) {
            return format!("{shown} is not a screen here; {}", self.screens());
        }
        let bound = |row: &&Row| row.context.is_screen() && row.keys.iter().any(|bound| bound == key);
        match self.rows.iter().find(bound) {
            Some(row) => {
                format!("{shown} {} in {}; you are in {}", row.words, row.context.place(), here.place())
            }
            None => format!("{shown} does nothing here; {} shows the keys", self.label(Action::Help)),
        }
    }

    fn screens(&self) -> String {
        let is_screen = |row: &&Row| row.context == Context::Everywhere && row.action.name().starts_with("show_");
        let rows = self.rows.iter().filter(is_screen).filter(|row| !row.keys.is_empty());
        rows.map(|row| format!("{} {}", label(&row.keys[0]), row.words)).collect::<Vec<_>>().join(", ")
    }

    fn choose(&mut self, at: usize, choice: &Choice) -> Result<(), (String, Option<String>)> {
        let context = match &choice.context {
            None => None,
            Some(name) => Some(Context::from_str(name).map_err(|_| {
                let hint = did_you_mean(name, Context::VARIANTS)
                    .unwrap_or_else(|| format!("places are {}", Context::VARIANTS.join(", ")));
                (format!("`{name}` is no place that has keys of its own"), Some(hint))
            })?),
        };
        let unknown = || {
            let names: Vec<&str> = KEYMAP.iter().map(|row| row.action.name()).collect();
            let hint = did_you_mean(&choice.action, &names);
            let hint = hint.unwrap_or_else(|| "`syncdeck keys` lists all actions".to_owned());
            (format!("`{}` is no action", choice.action), Some(hint))
        };
        let action = Action::from_str(&choice.action).map_err(|_| unknown())?;
        let has = |context: Context| self.rows.iter().any(|row| row.action == action && row.context == context);
        if !self.rows.iter().any(|row| row.action == action) {
            return Err(unknown());
        }
        if let Some(context) = context.filter(|context| !has(*context)) {
            let name: &str = context.into();
            let places: Vec<&str> =
                self.rows.iter().filter(|row| row.action == action).map(|row| row.context.into()).collect();
            return Err((
                format!("`{}` has no key in `{name}`", choice.action),
                Some(format!("it has one in {}", places.join(", "))),
            ));
        }
        let mut keys = Vec::new();
        for key in &choice.keys {
            let key = read_key(key).map_err(|problem| (problem, None))?;
            if action.needs_thought() && key.split(' ').any(|step| ["enter", "space", "esc"].contains(&step)) {
                let text = format!(
                    "`{}` changes something, so it can not be on {}, which is pressed without a thought",
                    choice.action, key
                );
                return Err((text, Some("choose a letter".to_owned())));
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        self.bind(at, action, context, &keys)
    }

    fn bind(
        &mut self,
        at: usize,
        action: Action,
        context: Option<Context>,
        keys: &[String],
    ) -> Result<(), (String, Option<String>)> {
        // In a text field letters type. Its keys are its own, unless they are all that the action has.
        let takes_text = |context: Context| {
            matches!(context, Context::Typing | Context::Form | Context::EditForm | Context::Lookup | Context::Palette)
        };
        let is_elsewhere = self.rows.iter().any(|row| row.action == action && !takes_text(row.context));
        let is_meant = |row: &Row| match context {
            Some(context) => row.context == context,
            None => !takes_text(row.context) || !is_elsewhere,
        };
        for row in self.rows.iter_mut().filter(|row| row.action == action) {
            if !is_meant(row) {
                continue;
            }
            if takes_text(row.context)
                && let Some(key) = keys.iter().find(|key| key.split(' ').any(types))
            {
                let text = format!("{} types a letter in a text field", key);
                return Err((text, Some("choose `ctrl-` and a letter, or a function key".to_owned())));
            }
            let kept = KEPT.iter().filter(|(kept, key)| *kept == action && row.keys.iter().any(|bound| bound == key));
            let kept = kept.map(|(_, key)| (*key).to_owned()).filter(|key| !keys.contains(key));
            row.keys = keys.iter().cloned().chain(kept).collect();
            row.choice = Some(at);
        }
        Ok(())
    }

    /// Pairs of bindings that a key could mean both of, where one of them was chosen.
    fn clashes(&self, choices: &[Choice]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            for other in &self.rows[at + 1..] {
                let (Some((first, second)), true) = (clash(row, other), row.action != other.action) else { continue };
                // Of two choices the later one is told, with the place of the earlier.
                let (chosen, rest) = if row.choice > other.choice { (row, other) } else { (other, row) };
                let Some(choice) = chosen.choice else { continue };
                let place = match rest.choice {
                    Some(place) => choices[place].place.clone(),
                    None => "by default".to_owned(),
                };
                let (key, what) = if first == second {
                    (first, "is also")
                } else if first.len() < second.len() {
                    (first, "begins or is begun by a key of")
                } else {
                    (second, "begins or is begun by a key of")
                };
                let text = format!(
                    "`{}`: {} {what} `{}` ({place}) in {}",
                    chosen.action.name(),
                    key,
                    rest.action.name(),
                    narrower(row.context, other.context).place(),
                );
                let hint =
                    format!("choose another key, or another for `{}`; `syncdeck keys` lists all", rest.action.name());
                let problem = Problem { choice, text, hint: Some(hint) };
                // An action that clashes on five screens is told once.
                let is_told = |told: &Problem| told.choice == choice && told.hint == problem.hint;
                if !problems.iter().any(is_told) {
                    problems.push(problem);
                }
            }
        }
        problems
    }
}

/// Two keys that can not stand side by side: equal, or one is the prefix of the other.
fn clash<'r>(row: &'r Row, other: &'r Row) -> Option<(&'r str, &'r str)> {
    if !meet(row.context, other.context) {
        return None;
    }
    let is_prefix = |short: &str, long: &str| long.split_once(' ').is_some_and(|(first, _)| first == short);
    let pairs = row.keys.iter().flat_map(|a| other.keys.iter().map(move |b| (a.as_str(), b.as_str())));
    pairs.into_iter().find(|(a, b)| a == b || is_prefix(a, b) || is_prefix(b, a))
}

/// True when keys of both contexts are heard at the same time.
fn meet(a: Context, b: Context) -> bool {
    let is_all = |context: Context| matches!(context, Context::Everywhere | Context::Move);
    a == b || (is_all(a) && (is_all(b) || b.is_screen())) || (is_all(b) && a.is_screen())
}

fn narrower(a: Context, b: Context) -> Context {
    if a.is_screen() { a } else { b }
}

fn did_you_mean(written: &str, known: &[&str]) -> Option<String> {
    let nearest = known.iter().map(|name| (strsim::damerau_levenshtein(&written.to_lowercase(), name), *name)).min()?;
    (nearest.0 <= 3 && nearest.0 < written.len()).then(|| format!("did you mean `{}`?", nearest.1))
}
