//! Checks a TOML tree against its declaration: every key known, every value of its kind, every mistake told.

use super::declare::{Key, Kind, Spec, Tagged, Word, listed, nearest};
use super::instance_text::Speech;
use super::instances::{Instance, Uses, is_for_each};
use super::read_json::{sorted_object, whole};
use super::report::{Place, Report};
use super::tree::{Entry, Node, Table, Text, Value};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads values of one file.
pub(super) struct Reader<'a> {
    pub(super) report: &'a mut Report,
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    /// Where relative paths in `${file:…}` begin.
    pub(super) folder: PathBuf,
    pub(super) file: usize,
    /// The names of the tables around the value that is being read.
    pub(super) path: Vec<String>,
    /// Defaults have no place of their own.
    pub(super) default_place: Option<Place>,
    /// The instance that this is read for, and what is read of it.
    pub(super) instance: Option<(&'a Rc<Instance>, &'a mut Uses)>,
}

/// A checked value and its canonical form; none when it is wrong and that was told.
pub(super) type Checked = Option<(Value, Json)>;

impl Reader<'_> {
    /// The document as a table of `spec`. None when the text is no TOML, which was told.
    pub(super) fn document(&mut self, text: &str, spec: &'static Spec) -> Option<Table> {
        let (document, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Some(self.table(document.get_ref(), Place { file: self.file, ..Place::default() }, spec, None));
        }
        self.suspect_table(document.get_ref());
        let mut last_line = None;
        for error in errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            let before = &text[..text.floor_char_boundary(span.start.min(text.len()))];
            let line = before.matches('\n').count();
            // One slip of the pen makes the parser stumble several times on its line.
            if last_line == Some(line) {
                continue;
            }
            last_line = Some(line);
            self.suspect_line(text.lines().nth(line).unwrap_or_default());
            self.report.mistake(self.place(span), format!("this is no TOML: {}", error.message()), None);
        }
        None
    }

    /// A table of `spec` in which nothing is written.
    pub(super) fn empty(&mut self, spec: &'static Spec, place: Place) -> Table {
        self.table(&DeTable::new(), place, spec, None)
    }

    pub(super) fn place(&self, span: std::ops::Range<usize>) -> Place {
        self.default_place.unwrap_or(Place { file: self.file, start: span.start, end: span.end })
    }

    pub(super) fn node(&mut self, value: &Spanned<DeValue<'_>>, kind: &'static Kind, name: &str) -> Node {
        let place = self.place(value.span());
        let (value, canonical) = self.value(value.get_ref(), place, kind, name).unwrap_or((Value::Wrong, Json::Null));
        Node { place, value, canonical }
    }

    fn value(&mut self, value: &DeValue<'_>, place: Place, kind: &'static Kind, name: &str) -> Checked {
        if !kind.fits(value) {
            self.mismatch(value, place, kind, name);
            return None;
        }
        match kind {
            Kind::Boolean => value.as_bool().map(|flag| (Value::Boolean(flag), Json::Bool(flag))),
            Kind::Integer { min, max } => self.integer(value, place, (*min, *max), kind, name),
            Kind::Fraction => self.fraction(value, place, kind, name),
            Kind::Json => {
                self.json(value, place, Speech::Plain).map(|(json, canonical)| (Value::Json(json), canonical))
            }
            Kind::JsonTable => {
                self.json(value, place, Speech::Plain).map(|(json, canonical)| (Value::Json(json), canonical))
            }
            Kind::Body => self.body(value, place, name),
            Kind::List(of) => self.list(value, of, name),
            Kind::Table(spec) => {
                let table = self.table(value.as_table()?, place, spec, None);
                Some(with_canonical(table))
            }
            Kind::Tagged(tagged) => self.tagged(value.as_table()?, place, tagged),
            Kind::Named(of) => Some(with_canonical(self.named(value.as_table()?, place, of))),
            Kind::OfInstance(of) => match value.as_str() {
                Some(text) if !of.fits(value) => self.of_instance(text, place, of, name),
                _ => self.value(value, place, of, name),
            },
            Kind::Either(kinds) => {
                let kind = kinds.iter().find(|kind| kind.fits(value))?;
                self.value(value, place, kind, name)
            }
            Kind::Word(words) => self.word(value.as_str()?, place, words, name),
            Kind::Time if value.is_datetime() => {
                self.text_of_kind(&value.as_datetime()?.to_string(), place, kind, name)
            }
            Kind::UrlTemplate if !value.is_str() => {
                let (json, _) = self.json(value, place, Speech::Plain)?;
                Some((Value::Text(Text { text: json.to_string(), secret: false }), Json::String(json.to_string())))
            }
            _ => self.text_of_kind(value.as_str()?, place, kind, name),
        }
    }

    /// A value that is read of the instance: what the text says once that stands in it.
    fn of_instance(&mut self, raw: &str, place: Place, kind: &'static Kind, name: &str) -> Checked {
        let (text, canonical) = self.expanded(raw, place, Speech::Plain)?;
        let read = DeValue::parse(text.text.trim()).ok().filter(|value| kind.fits(value.get_ref()));
        let Some(read) = read else {
            let problem = format!("`{name}` must be {}, which `{}` is not for this instance", kind.wanted(), clip(raw));
            self.report.mistake(place, problem, None);
            return None;
        };
        let (value, plain) = self.value(read.get_ref(), place, kind, name)?;
        Some((value, if text.secret { Json::String(canonical) } else { plain }))
    }

    fn mismatch(&mut self, value: &DeValue<'_>, place: Place, kind: &Kind, name: &str) {
        if matches!(kind, Kind::Secret) {
            self.suspect(value);
        }
        let problem = format!("`{name}` must be {}, not {}", kind.wanted(), type_of(value));
        self.report.mistake(place, problem, mend_of_type(value, kind, name));
    }

    fn integer(&mut self, value: &DeValue<'_>, place: Place, bounds: (u64, u64), kind: &Kind, name: &str) -> Checked {
        let number = whole(value.as_integer()?);
        match number.and_then(|number| u64::try_from(number).ok()).filter(|n| bounds.0 <= *n && *n <= bounds.1) {
            Some(number) => Some((Value::Integer(number), number.into())),
            None => {
                self.report.mistake(place, format!("`{name}` must be {}", kind.wanted()), None);
                None
            }
        }
    }

    fn fraction(&mut self, value: &DeValue<'_>, place: Place, kind: &Kind, name: &str) -> Checked {
        let number = match value {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) => whole(integer).map(|number| number as f64),
            _ => None,
        };
        match number.filter(|number| (0.0..=1.0).contains(number)) {
            Some(number) => Some((Value::Number(number), number.into())),
            None => {
                self.report.mistake(place, format!("`{name}` must be {}", kind.wanted()), None);
                None
            }
        }
    }

    fn list(&mut self, value: &DeValue<'_>, of: &'static Kind, name: &str) -> Checked {
        let nodes: Vec<Node> = value.as_array()?.iter().map(|item| self.node(item, of, name)).collect();
        let canonical = nodes.iter().map(|node| node.canonical.clone()).collect();
        Some((Value::List(nodes), Json::Array(canonical)))
    }

    fn word(&mut self, text: &str, place: Place, words: &'static [Word], name: &str) -> Checked {
        let known = || words.iter().map(|word| word.name);
        if known().any(|word| word == text) {
            return Some((Value::Text(Text { text: text.into(), secret: false }), text.into()));
        }
        let hint = did_you_mean(text, known());
        self.report.mistake(place, format!("`{name}` does not know `{text}`"), hint);
        None
    }

    fn not_yet<'w>(&mut self, place: Place, name: &str, text: &str, known: impl Iterator<Item = &'w str>) {
        let known: Vec<&str> = known.collect();
        let problem = format!(
            "`{name} = \"{text}\"` is not available in this version; it knows {}",
            listed(known.iter().copied())
        );
        self.report.mistake(place, problem, known.first().map(|word| format!("write `{name} = \"{word}\"`")));
    }

    fn named(&mut self, table: &DeTable<'_>, place: Place, of: &'static Kind) -> Table {
        let mut read = Table::new(place, None, None);
        for (key, value) in table.iter() {
            let name = key.get_ref().to_string();
            let node = if is_for_each(&self.path, value.get_ref()) {
                Node { place: self.place(value.span()), value: Value::ForEach, canonical: Json::Null }
            } else {
                self.path.push(name.clone());
                let node = self.node(value, of, &name);
                self.path.pop();
                node
            };
            read.entries.push(Entry { key_place: self.place(key.span()), name, written: true, node });
        }
        read
    }

    fn tagged(&mut self, table: &DeTable<'_>, place: Place, tagged: &'static Tagged) -> Checked {
        let words = || tagged.available().map(|(word, _)| word);
        let written = table.get(tagged.tag);
        let tag = match (written.map(|value| (value, value.get_ref())), tagged.default) {
            (Some((_, DeValue::String(text))), _) => text.to_string(),
            (None, Some(default)) => default.to_owned(),
            (Some((value, other)), _) => {
                let problem = format!("`{}` must be one of {}, not {}", tagged.tag, listed(words()), type_of(other));
                self.report.mistake(self.place(value.span()), problem, None);
                return None;
            }
            (None, None) => {
                let problem = format!("{} lacks `{}`", self.label(), tagged.tag);
                self.report.mistake(place, problem, format!("add `{} = …`, one of {}", tagged.tag, listed(words())));
                String::new()
            }
        };
        match tagged.variant(&tag).map(|variant| (variant.word, variant.spec)) {
            Some((word, Some(spec))) => {
                return Some(with_canonical(self.table(table, place, spec, Some((tagged.tag, word)))));
            }
            Some((_, None)) => {
                let place = written.map_or(place, |value| self.place(value.span()));
                self.not_yet(place, tagged.tag, &tag, words());
                self.shared_keys(table, tagged);
            }
            None => {
                if let Some(value) = written {
                    let hint = did_you_mean(&tag, words());
                    let problem = format!("`{}` does not know `{tag}`", tagged.tag);
                    self.report.mistake(self.place(value.span()), problem, hint);
                }
            }
        }
        if tagged.holds_secrets() {
            table
                .iter()
                .filter(|(key, _)| key.get_ref() != tagged.tag)
                .for_each(|(_, value)| self.suspect(value.get_ref()));
        }
        None
    }

    /// Checks what a variant of a later version has in common with the first of this one, so that all mistakes are told
    /// at once.
    fn shared_keys(&mut self, table: &DeTable<'_>, tagged: &'static Tagged) {
        let Some(spec) = tagged.variants.iter().find_map(|variant| variant.spec) else { return };
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            if let Some(known) = spec.key(name).filter(|known| !known.later && known.name != tagged.tag) {
                self.path.push(name.to_owned());
                self.node(value, &known.kind, name);
                self.path.pop();
            }
        }
    }

    fn table(
        &mut self,
        table: &DeTable<'_>,
        place: Place,
        spec: &'static Spec,
        tag: Option<(&'static str, &'static str)>,
    ) -> Table {
        let mut read = Table::new(place, Some(spec), tag.map(|(_, word)| word));
        for (key, value) in table.iter() {
            let name = key.get_ref().as_ref();
            if tag.is_some_and(|(tag, _)| tag == name) {
                continue;
            }
            let key_place = self.place(key.span());
            match spec.key(name) {
                None => self.unknown_key(name, value.get_ref(), key_place, spec, tag.map(|(tag, _)| tag)),
                Some(known) if known.later => {
                    let problem = format!("`{name}` is not available in this version");
                    self.report.mistake(key_place, problem, "leave it out".to_owned());
                    let node = Node { place: key_place, value: Value::Wrong, canonical: Json::Null };
                    read.entries.push(Entry { name: name.to_owned(), key_place, written: true, node });
                }
                Some(known) => {
                    self.path.push(name.to_owned());
                    let node = self.node(value, &known.kind, name);
                    self.path.pop();
                    read.entries.push(Entry { name: name.to_owned(), key_place, written: true, node });
                }
            }
        }
        for key in spec.keys.iter().filter(|key| !table.contains_key(key.name)) {
            self.fill(&mut read, key);
        }
        read
    }

    /// What holds for a key that is not written.
    fn fill(&mut self, table: &mut Table, key: &'static Key) {
        if let Some(node) = self.default_node(key, table.place) {
            table.entries.push(Entry { name: key.name.to_owned(), key_place: table.place, written: false, node });
        } else if key.required {
            let problem = format!("{} lacks `{}`", self.label(), key.name);
            let what = match key.kind {
                Kind::Table(_) => format!("a table `[{}.{}]`", self.path.join("."), key.name),
                _ => format!("`{} = …`", key.name),
            };
            self.report.mistake(table.place, problem, format!("add {what}: {}", lowered(key.about)));
        }
    }

    fn default_node(&mut self, key: &'static Key, place: Place) -> Option<Node> {
        let value = DeValue::parse(key.default?).expect("a declared default is TOML");
        let outer = self.default_place.replace(place);
        self.path.push(key.name.to_owned());
        let node = self.node(&value, &key.kind, key.name);
        self.path.pop();
        self.default_place = outer;
        Some(node)
    }

    fn unknown_key(&mut self, name: &str, value: &DeValue<'_>, place: Place, spec: &Spec, tag: Option<&'static str>) {
        if spec.holds_secrets() {
            self.suspect(value);
        }
        let known = || tag.into_iter().chain(spec.keys.iter().map(|key| key.name));
        let available = || tag.into_iter().chain(spec.keys.iter().filter(|key| !key.later).map(|key| key.name));
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if available().next().is_none() => "leave it out".to_owned(),
            None => format!("it knows {}", listed(available())),
        };
        self.report.mistake(place, format!("unknown key `{name}` in {}", self.label()), hint);
    }

    /// The table that is being read, as its header would be written.
    fn label(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("`[{}]`", self.path.join(".")) }
    }
}

fn with_canonical(table: Table) -> (Value, Json) {
    let mut members: Vec<(String, Json)> = Vec::new();
    for entry in table.entries.iter().filter(|entry| entry.written) {
        let usual = table.spec.and_then(|spec| spec.key(&entry.name)).and_then(usual_of);
        // A default that is written out says nothing new, and a later version's new keys change nothing.
        if usual.as_ref() != Some(&entry.node.canonical) {
            members.push((entry.name.clone(), entry.node.canonical.clone()));
        }
    }
    if let Some(tag) = table.tag {
        members.push(("type".into(), tag.into()));
    }
    (Value::Table(table), sorted_object(members))
}

/// The canonical form of a key's default.
fn usual_of(key: &'static Key) -> Option<Json> {
    key.default?;
    let mut report = Report::default();
    let mut reader = Reader {
        report: &mut report,
        env: &|_| None,
        folder: Path::new("").into(),
        file: 0,
        path: Vec::new(),
        default_place: None,
        instance: None,
    };
    reader.default_node(key, Place::default()).map(|node| node.canonical)
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// How a value of the wrong type is probably meant.
fn mend_of_type(value: &DeValue<'_>, kind: &Kind, name: &str) -> Option<String> {
    let without_quotes = |text: &str| Some(format!("write `{name} = {text}`, without quotes"));
    match (kind, value) {
        (Kind::Duration | Kind::Span, DeValue::Integer(number)) => {
            Some(format!("write `{name} = \"{}s\"`", number.as_str()))
        }
        (Kind::Text | Kind::HeaderName, DeValue::Integer(number)) => {
            Some(format!("write `{name} = \"{}\"`", number.as_str()))
        }
        (Kind::Secret, DeValue::Integer(_) | DeValue::Float(_)) => Some("put it between quotes".into()),
        (Kind::OfInstance(of), _) => mend_of_type(value, of, name),
        (Kind::Integer { .. }, DeValue::String(text)) if text.parse::<u64>().is_ok() => without_quotes(text),
        (Kind::Fraction, DeValue::String(text)) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            without_quotes(text)
        }
        (Kind::Boolean, DeValue::String(text)) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => without_quotes("true"),
            "false" | "no" | "off" => without_quotes("false"),
            _ => None,
        },
        (Kind::List(_), DeValue::String(text)) => Some(format!("write `{name} = [\"{}\"]`", clip(text))),
        _ => None,
    }
}

fn did_you_mean<'w>(text: &str, known: impl Iterator<Item = &'w str>) -> String {
    let known: Vec<&str> = known.collect();
    match nearest(text, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it knows {}", listed(known)),
    }
}

pub(super) fn clip(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(60).chain(['…']).collect() }
}

/// A sentence as the end of another.
fn lowered(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    format!("{first}{}", characters.as_str().trim_end_matches('.'))
}
