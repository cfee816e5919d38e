//! Checks a TOML tree against its declaration: every key known, every value of its kind, every mistake told.

use super::declare::{Key, Kind, Spec, Tagged, Word, listed, nearest};
use super::expand::expand;
use super::report::{Place, Report};
use super::tree::{Entry, Node, Table, Text, Value};
use super::values;
use crate::model::mapping::Filter;
use crate::model::{BodyTemplate, Pointer, Template, TemplateUse};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

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
}

/// A checked value and its canonical form; none when it is wrong and that was told.
type Checked = Option<(Value, Json)>;

impl Reader<'_> {
    /// The document as a table of `spec`. None when the text is no TOML, which was told.
    pub(super) fn document(&mut self, text: &str, spec: &'static Spec) -> Option<Table> {
        let (document, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Some(self.table(
                document.get_ref(),
                Place {
                    file: self.file,
                    ..Place::default()
                },
                spec,
                None,
            ));
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
            self.report.mistake(
                self.place(span),
                format!("this is no TOML: {}", error.message()),
                None,
            );
        }
        None
    }

    /// A table of `spec` in which nothing is written.
    pub(super) fn empty(&mut self, spec: &'static Spec, place: Place) -> Table {
        self.table(&DeTable::new(), place, spec, None)
    }

    pub(super) fn place(&self, span: std::ops::Range<usize>) -> Place {
        self.default_place.unwrap_or(Place {
            file: self.file,
            start: span.start,
            end: span.end,
        })
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, kind: &'static Kind, name: &str) -> Node {
        let place = self.place(value.span());
        let (value, canonical) = self
            .value(value.get_ref(), place, kind, name)
            .unwrap_or((Value::Wrong, Json::Null));
        Node {
            place,
            value,
            canonical,
        }
    }

    fn value(
        &mut self,
        value: &DeValue<'_>,
        place: Place,
        kind: &'static Kind,
        name: &str,
    ) -> Checked {
        if !kind.fits(value) {
            self.mismatch(value, place, kind, name);
            return None;
        }
        match kind {
            Kind::Boolean => value
                .as_bool()
                .map(|flag| (Value::Boolean(flag), Json::Bool(flag))),
            Kind::Integer { min, max } => self.integer(value, place, (*min, *max), kind, name),
            Kind::Fraction => self.fraction(value, place, kind, name),
            Kind::Json => self
                .json(value, place)
                .map(|(json, canonical)| (Value::Json(json), canonical)),
            Kind::JsonTable => self
                .json(value, place)
                .map(|(json, canonical)| (Value::Json(json), canonical)),
            Kind::Body => self.body(value, place, name),
            Kind::List(of) => self.list(value, of, name),
            Kind::Table(spec) => {
                let table = self.table(value.as_table()?, place, spec, None);
                Some(with_canonical(table))
            }
            Kind::Tagged(tagged) => self.tagged(value.as_table()?, place, tagged),
            Kind::Named(of) => Some(with_canonical(self.named(value.as_table()?, place, of))),
            Kind::Either(kinds) => {
                let kind = kinds.iter().find(|kind| kind.fits(value))?;
                self.value(value, place, kind, name)
            }
            Kind::Word(words) => self.word(value.as_str()?, place, words, name),
            Kind::Time if value.is_datetime() => {
                self.text_of_kind(&value.as_datetime()?.to_string(), place, kind, name)
            }
            Kind::UrlTemplate if !value.is_str() => {
                let (json, _) = self.json(value, place)?;
                Some((
                    Value::Text(Text {
                        text: json.to_string(),
                        secret: false,
                    }),
                    Json::String(json.to_string()),
                ))
            }
            _ => self.text_of_kind(value.as_str()?, place, kind, name),
        }
    }

    fn mismatch(&mut self, value: &DeValue<'_>, place: Place, kind: &Kind, name: &str) {
        if matches!(kind, Kind::Secret) {
            self.suspect(value);
        }
        let problem = format!("`{name}` must be {}, not {}", kind.wanted(), type_of(value));
        self.report
            .mistake(place, problem, mend_of_type(value, kind, name));
    }

    fn integer(
        &mut self,
        value: &DeValue<'_>,
        place: Place,
        bounds: (u64, u64),
        kind: &Kind,
        name: &str,
    ) -> Checked {
        let number = whole(value.as_integer()?);
        match number
            .and_then(|number| u64::try_from(number).ok())
            .filter(|n| bounds.0 <= *n && *n <= bounds.1)
        {
            Some(number) => Some((Value::Integer(number), number.into())),
            None => {
                self.report
                    .mistake(place, format!("`{name}` must be {}", kind.wanted()), None);
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
                self.report
                    .mistake(place, format!("`{name}` must be {}", kind.wanted()), None);
                None
            }
        }
    }

    fn list(&mut self, value: &DeValue<'_>, of: &'static Kind, name: &str) -> Checked {
        let nodes: Vec<Node> = value
            .as_array()?
            .iter()
            .map(|item| self.node(item, of, name))
            .collect();
        let canonical = nodes.iter().map(|node| node.canonical.clone()).collect();
        Some((Value::List(nodes), Json::Array(canonical)))
    }

    fn word(&mut self, text: &str, place: Place, words: &'static [Word], name: &str) -> Checked {
        let known = || {
            words
                .iter()
                .filter(|word| !word.later)
                .map(|word| word.name)
        };
        match words.iter().find(|word| word.name == text) {
            Some(word) if !word.later => {
                return Some((
                    Value::Text(Text {
                        text: text.into(),
                        secret: false,
                    }),
                    text.into(),
                ));
            }
            Some(_) => self.not_yet(place, name, text, known()),
            None => {
                let hint = did_you_mean(text, known());
                self.report
                    .mistake(place, format!("`{name}` does not know `{text}`"), hint);
            }
        }
        None
    }

    fn not_yet<'w>(
        &mut self,
        place: Place,
        name: &str,
        text: &str,
        known: impl Iterator<Item = &'w str>,
    ) {
        let problem = format!(
            "`{name} = \"{text}\"` is not available in this version; it knows {}",
            listed(known)
        );
        self.report.mistake(
            place,
            problem,
            format!("leave it out, or write {name} with a word it knows"),
        );
    }

    fn body(&mut self, value: &DeValue<'_>, place: Place, name: &str) -> Checked {
        let (json, canonical) = self.json(value, place)?;
        if let Err(reason) = BodyTemplate::compile(&json) {
            self.no_template(place, name, &reason);
            return None;
        }
        Some((Value::Json(json), canonical))
    }

    fn no_template(&mut self, place: Place, name: &str, reason: &str) {
        let hint = "a template holds names in double braces, such as `\"/contacts/{{ id }}\"`";
        self.report.mistake(
            place,
            format!("`{name}` is no template: {reason}"),
            hint.to_owned(),
        );
    }

    /// A text after its references were replaced. The canonical form keeps the references.
    fn expanded(&mut self, raw: &str, place: Place) -> Option<Text> {
        let expanded = expand(raw, &self.folder, self.env);
        for value in &expanded.values {
            self.report.secret(value);
        }
        for (warning, hint) in expanded.warnings {
            self.report.warning(place, warning, hint);
        }
        let is_whole = expanded.problems.is_empty();
        for (problem, hint) in expanded.problems {
            self.report.mistake(place, problem, hint);
        }
        is_whole.then_some(Text {
            text: expanded.text,
            secret: !expanded.values.is_empty(),
        })
    }

    fn text_of_kind(&mut self, raw: &str, place: Place, kind: &Kind, name: &str) -> Checked {
        let text = self.expanded(raw, place)?;
        if matches!(kind, Kind::Secret) {
            self.secret_text(&text, place, name)?;
        }
        match typed(text, kind, raw) {
            Ok(checked) => Some(checked),
            Err(Refused::Template(reason)) => {
                self.no_template(place, name, &reason);
                None
            }
            Err(Refused::Value(reason)) => {
                let shown = clip(raw);
                let problem = format!(
                    "`{name}` must be {}, not `{shown}`: {reason}",
                    kind.wanted()
                );
                self.report.mistake(place, problem, None);
                None
            }
        }
    }

    fn secret_text(&mut self, text: &Text, place: Place, name: &str) -> Option<()> {
        // A password that is an everyday word would mask that word everywhere.
        const LITERAL_LENGTH_MIN: usize = 8;
        if text.text.is_empty() {
            let hint = "an unset variable is often exported as an empty one; leave `auth` out where none is needed";
            self.report
                .mistake(place, format!("`{name}` is empty"), hint.to_owned());
            return None;
        }
        if !text.secret {
            self.report.suspect(&text.text);
            if text.text.len() >= LITERAL_LENGTH_MIN {
                self.report.secret(&text.text);
            }
        }
        Some(())
    }

    /// A value as JSON, its texts with references replaced, and the same with the references kept.
    fn json(&mut self, value: &DeValue<'_>, place: Place) -> Option<(Json, Json)> {
        match value {
            DeValue::String(raw) => {
                let text = self.expanded(raw, place)?;
                Some((Json::String(text.text), Json::String(raw.to_string())))
            }
            DeValue::Boolean(flag) => Some(twice(Json::Bool(*flag))),
            DeValue::Datetime(time) => Some(twice(Json::String(time.to_string()))),
            DeValue::Integer(integer) => match whole(integer).and_then(json_integer) {
                Some(number) => Some(twice(number)),
                None => {
                    self.report.mistake(
                        place,
                        "the integer is too large",
                        "write it as a text".to_owned(),
                    );
                    None
                }
            },
            DeValue::Float(float) => {
                let number = float
                    .as_str()
                    .parse()
                    .ok()
                    .and_then(serde_json::Number::from_f64);
                if number.is_none() {
                    self.report.mistake(
                        place,
                        "JSON has no such number",
                        "write it as a text".to_owned(),
                    );
                }
                number.map(|number| twice(Json::Number(number)))
            }
            DeValue::Array(items) => {
                let both: Vec<_> = items
                    .iter()
                    .map(|item| {
                        let place = self.place(item.span());
                        self.json(item.get_ref(), place)
                    })
                    .collect();
                let (values, canonical): (Vec<_>, Vec<_>) = both
                    .into_iter()
                    .collect::<Option<Vec<_>>>()?
                    .into_iter()
                    .unzip();
                Some((Json::Array(values), Json::Array(canonical)))
            }
            DeValue::Table(table) => {
                let mut whole = true;
                let (mut values, mut canonical) = (serde_json::Map::new(), Vec::new());
                for (key, item) in table.iter() {
                    let place = self.place(item.span());
                    match self.json(item.get_ref(), place) {
                        Some((value, plain)) => {
                            values.insert(key.get_ref().to_string(), value);
                            canonical.push((key.get_ref().to_string(), plain));
                        }
                        None => whole = false,
                    }
                }
                whole.then(|| (Json::Object(values), sorted_object(canonical)))
            }
        }
    }

    fn named(&mut self, table: &DeTable<'_>, place: Place, of: &'static Kind) -> Table {
        let mut read = Table::new(place, None, None);
        for (key, value) in table.iter() {
            let name = key.get_ref().to_string();
            self.path.push(name.clone());
            let node = self.node(value, of, &name);
            self.path.pop();
            read.entries.push(Entry {
                key_place: self.place(key.span()),
                name,
                written: true,
                node,
            });
        }
        read
    }

    fn tagged(&mut self, table: &DeTable<'_>, place: Place, tagged: &'static Tagged) -> Checked {
        let words = || tagged.available().map(|(word, _)| word);
        let written = table.get(tagged.tag);
        let tag = match (
            written.map(|value| (value, value.get_ref())),
            tagged.default,
        ) {
            (Some((_, DeValue::String(text))), _) => text.to_string(),
            (None, Some(default)) => default.to_owned(),
            (Some((value, other)), _) => {
                let problem = format!(
                    "`{}` must be one of {}, not {}",
                    tagged.tag,
                    listed(words()),
                    type_of(other)
                );
                self.report.mistake(self.place(value.span()), problem, None);
                return None;
            }
            (None, None) => {
                let problem = format!("{} lacks `{}`", self.label(), tagged.tag);
                self.report
                    .mistake(place, problem, format!("it is one of {}", listed(words())));
                String::new()
            }
        };
        match tagged
            .variant(&tag)
            .map(|variant| (variant.word, variant.spec))
        {
            Some((word, Some(spec))) => {
                return Some(with_canonical(self.table(
                    table,
                    place,
                    spec,
                    Some((tagged.tag, word)),
                )));
            }
            Some((_, None)) => {
                let place = written.map_or(place, |value| self.place(value.span()));
                self.not_yet(place, tagged.tag, &tag, words());
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
                None => self.unknown_key(
                    name,
                    value.get_ref(),
                    key_place,
                    spec,
                    tag.map(|(tag, _)| tag),
                ),
                Some(known) if known.later => {
                    let problem = format!("`{name}` is not available in this version");
                    self.report
                        .mistake(key_place, problem, "leave it out".to_owned());
                    let node = Node {
                        place: key_place,
                        value: Value::Wrong,
                        canonical: Json::Null,
                    };
                    read.entries.push(Entry {
                        name: name.to_owned(),
                        key_place,
                        written: true,
                        node,
                    });
                }
                Some(known) => {
                    self.path.push(name.to_owned());
                    let node = self.node(value, &known.kind, name);
                    self.path.pop();
                    read.entries.push(Entry {
                        name: name.to_owned(),
                        key_place,
                        written: true,
                        node,
                    });
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
            table.entries.push(Entry {
                name: key.name.to_owned(),
                key_place: table.place,
                written: false,
                node,
            });
        } else if key.required {
            let problem = format!("{} lacks `{}`", self.label(), key.name);
            self.report.mistake(
                table.place,
                problem,
                format!("add `{} = …`: {}", key.name, lowered(key.about)),
            );
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

    fn unknown_key(
        &mut self,
        name: &str,
        value: &DeValue<'_>,
        place: Place,
        spec: &Spec,
        tag: Option<&'static str>,
    ) {
        if spec.holds_secrets() {
            self.suspect(value);
        }
        let known = || tag.into_iter().chain(spec.keys.iter().map(|key| key.name));
        let available = || {
            tag.into_iter().chain(
                spec.keys
                    .iter()
                    .filter(|key| !key.later)
                    .map(|key| key.name),
            )
        };
        let hint = match nearest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if available().next().is_none() => "leave it out".to_owned(),
            None => format!("it knows {}", listed(available())),
        };
        self.report.mistake(
            place,
            format!("unknown key `{name}` in {}", self.label()),
            hint,
        );
    }

    /// The table that is being read, as its header would be written.
    fn label(&self) -> String {
        if self.path.is_empty() {
            "the file".to_owned()
        } else {
            format!("`[{}]`", self.path.join("."))
        }
    }

    fn suspect(&mut self, value: &DeValue<'_>) {
        match value {
            DeValue::String(text) if !text.contains("${") => self.report.suspect(text),
            DeValue::Integer(integer) => self.report.suspect(integer.as_str()),
            DeValue::Float(float) => self.report.suspect(float.as_str()),
            DeValue::Array(items) => items.iter().for_each(|item| self.suspect(item.get_ref())),
            DeValue::Table(table) => self.suspect_table(table),
            _ => {}
        }
    }

    fn suspect_table(&mut self, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            match value.get_ref() {
                DeValue::Table(inner) => self.suspect_table(inner),
                other if is_secret_name(key.get_ref()) => self.suspect(other),
                _ => {}
            }
        }
    }

    /// In a line that is no TOML, everything after a key that names a secret may be one.
    fn suspect_line(&mut self, line: &str) {
        for (at, _) in line.match_indices('=') {
            let key = line[..at]
                .trim_end()
                .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
                .next();
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
    [
        "token",
        "password",
        "secret",
        "value",
        "salt",
        "authorization",
        "cookie",
        "key",
    ]
    .iter()
    .any(|word| name.contains(word))
}

enum Refused {
    Template(String),
    Value(String),
}

/// A text as a value of its kind.
fn typed(text: Text, kind: &Kind, raw: &str) -> Result<(Value, Json), Refused> {
    let is_secret = text.secret;
    let kept = |canonical: String| Json::String(if is_secret { raw.to_owned() } else { canonical });
    match kind {
        Kind::Duration | Kind::Span => {
            let duration = values::duration(&text.text).map_err(Refused::Value)?;
            if duration.is_zero() && matches!(kind, Kind::Span) {
                return Err(Refused::Value("it must be above zero".into()));
            }
            Ok((
                Value::Duration(duration),
                kept(format!("{}ms", duration.as_millis())),
            ))
        }
        Kind::Size => {
            let bytes = values::size(&text.text).map_err(Refused::Value)?;
            if bytes == 0 {
                return Err(Refused::Value("it must be above zero".into()));
            }
            Ok((Value::Size(bytes), kept(format!("{bytes}B"))))
        }
        Kind::Pointer => {
            let pointer = Pointer::parse(&text.text).map_err(Refused::Value)?;
            let canonical = kept(pointer.to_string());
            Ok((Value::Pointer(pointer), canonical))
        }
        _ => {
            check_text(&text.text, kind)?;
            Ok((Value::Text(text), raw.into()))
        }
    }
}

fn check_text(text: &str, kind: &Kind) -> Result<(), Refused> {
    match kind {
        Kind::Time => values::time(text).map(drop).map_err(Refused::Value),
        Kind::Zone => jiff::tz::TimeZone::get(text)
            .map(drop)
            .map_err(|_| Refused::Value("no such zone is known".into())),
        Kind::UrlTemplate => Template::compile(text, TemplateUse::Url)
            .map(drop)
            .map_err(Refused::Template),
        Kind::Expression => Filter::compile(text).map(drop).map_err(Refused::Value),
        Kind::HeaderName => http::HeaderName::from_bytes(text.as_bytes())
            .map(drop)
            .map_err(|_| {
                Refused::Value("it holds a character that no header's name has, or nothing".into())
            }),
        _ => Ok(()),
    }
}

fn with_canonical(table: Table) -> (Value, Json) {
    let mut members: Vec<(String, Json)> = Vec::new();
    for entry in table.entries.iter().filter(|entry| entry.written) {
        let usual = table
            .spec
            .and_then(|spec| spec.key(&entry.name))
            .and_then(|key| usual_of(key));
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
    };
    reader
        .default_node(key, Place::default())
        .map(|node| node.canonical)
}

fn sorted_object(mut members: Vec<(String, Json)>) -> Json {
    members.sort_by(|a, b| a.0.cmp(&b.0));
    Json::Object(members.into_iter().collect())
}

fn twice(json: Json) -> (Json, Json) {
    (json.clone(), json)
}

fn whole(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn json_integer(number: i128) -> Option<Json> {
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => Some(number.into()),
        (_, Ok(number)) => Some(number.into()),
        _ => None,
    }
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
    match (kind, value) {
        (Kind::Duration | Kind::Span, DeValue::Integer(number)) => {
            Some(format!("write `{name} = \"{}s\"`", number.as_str()))
        }
        (Kind::Text | Kind::HeaderName, DeValue::Integer(number)) => {
            Some(format!("write `{name} = \"{}\"`", number.as_str()))
        }
        (Kind::Secret, DeValue::Integer(_) | DeValue::Float(_)) => {
            Some("put it between quotes".into())
        }
        (Kind::Integer { .. } | Kind::Fraction | Kind::Boolean, DeValue::String(text))
            if !text.contains('$') =>
        {
            Some(format!(
                "write it without quotes: `{name} = {}`",
                clip(text)
            ))
        }
        (Kind::List(_), DeValue::String(text)) => {
            Some(format!("write `{name} = [\"{}\"]`", clip(text)))
        }
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

fn clip(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_owned()
    } else {
        text.chars().take(60).chain(['…']).collect()
    }
}

/// A sentence as the end of another.
fn lowered(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters
        .next()
        .map(|first| first.to_lowercase().to_string())
        .unwrap_or_default();
    format!("{first}{}", characters.as_str().trim_end_matches('.'))
}
