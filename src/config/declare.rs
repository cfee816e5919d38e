//! The language in which the format is declared: one declaration drives reading, hints and the JSON Schema.

use super::instance_text::{Speech, speaks_of_instance};

/// The keys that a table may hold.
pub(super) struct Spec {
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

/// One key of a table.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What holds when the key is not written, as TOML.
    pub(super) default: Option<&'static str>,
    pub(super) required: bool,
    /// Part of the format, but not of this version.
    pub(super) later: bool,
    pub(super) about: &'static str,
}

/// What a value may be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Boolean,
    Integer {
        min: u64,
        max: u64,
    },
    /// A number from 0 to 1.
    Fraction,
    Duration,
    /// A duration above zero.
    Span,
    Size,
    Text,
    /// A text that is masked wherever it is shown, also when it stands in the file as it is.
    Secret,
    /// A moment with its offset from UTC.
    Time,
    /// An IANA time zone.
    Zone,
    Pointer,
    /// A template for a URL's path or query; a number or a boolean stands for its text.
    UrlTemplate,
    Expression,
    /// An expression that makes a field; the mapping says which there are.
    MapExpression,
    HeaderName,
    /// The name of a transform; the mapping says which there are.
    Transform,
    Word(&'static [Word]),
    /// Any value.
    Json,
    /// Any value, whose texts are templates.
    Body,
    /// A table of any values.
    JsonTable,
    List(&'static Kind),
    Table(&'static Spec),
    Tagged(&'static Tagged),
    /// A table whose keys are names that the author chooses.
    Named(&'static Kind),
    /// A value of that kind, or a text that reads it of its instance: `"{{ instance.rate }}"`.
    OfInstance(&'static Kind),
    /// One of several, told apart by their TOML types.
    Either(&'static [Kind]),
}

/// One of a closed set of words.
pub(super) struct Word {
    pub(super) name: &'static str,
}

/// A table in which one key decides which other keys there are.
pub(super) struct Tagged {
    pub(super) tag: &'static str,
    /// The tag's word when it is not written.
    pub(super) default: Option<&'static str>,
    pub(super) about: &'static str,
    pub(super) variants: &'static [Variant],
}

pub(super) struct Variant {
    pub(super) word: &'static str,
    /// None: part of the format, but not of this version.
    pub(super) spec: Option<&'static Spec>,
}

pub(super) const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, default: None, required: false, later: false, about }
}

/// A key that this version knows by name only.
pub(super) const fn later(name: &'static str, about: &'static str) -> Key {
    Key { name, kind: Kind::Json, default: None, required: false, later: true, about }
}

pub(super) const fn word(name: &'static str) -> Word {
    Word { name }
}

pub(super) const fn variant(word: &'static str, spec: &'static Spec) -> Variant {
    Variant { word, spec: Some(spec) }
}

pub(super) const fn later_variant(word: &'static str) -> Variant {
    Variant { word, spec: None }
}

impl Key {
    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

impl Spec {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// True when a value of this table is masked wherever it is shown.
    pub(super) fn holds_secrets(&self) -> bool {
        self.keys.iter().any(|key| key.kind.holds_secrets())
    }
}

impl Tagged {
    pub(super) fn variant(&self, word: &str) -> Option<&'static Variant> {
        self.variants.iter().find(|variant| variant.word == word)
    }

    pub(super) fn available(&self) -> impl Iterator<Item = (&'static str, &'static Spec)> {
        self.variants.iter().filter_map(|variant| variant.spec.map(|spec| (variant.word, spec)))
    }

    pub(super) fn holds_secrets(&self) -> bool {
        self.available().any(|(_, spec)| spec.holds_secrets())
    }
}

impl Kind {
    /// True where a value of this kind is, or may be, a text that is masked.
    fn holds_secrets(&self) -> bool {
        match self {
            Self::Secret => true,
            Self::List(of) => of.holds_secrets(),
            Self::Either(kinds) => kinds.iter().any(Kind::holds_secrets),
            _ => false,
        }
    }

    /// What the value must be, for a sentence that says it is not.
    pub(super) fn wanted(&self) -> String {
        match self {
            Self::Boolean => "true or false".into(),
            // A bound that no one means to reach is none that helps.
            Self::Integer { min, max } if *max >= u64::from(u32::MAX) => {
                format!("an integer of at least {min}")
            }
            Self::Integer { min, max } => format!("an integer from {min} to {max}"),
            Self::Fraction => "a number from 0 to 1".into(),
            Self::Duration | Self::Span => "a duration such as `\"30s\"`".into(),
            Self::Size => "a size such as `\"64KiB\"`".into(),
            Self::Text | Self::Secret => "a text".into(),
            Self::Time => "a time such as `\"2026-01-31T12:00:00Z\"`".into(),
            Self::Zone => "a time zone such as `\"Europe/Berlin\"`".into(),
            Self::Pointer => "a pointer such as `\"/data/id\"`".into(),
            Self::UrlTemplate => "a text, a number or a boolean".into(),
            Self::Expression => "an expression such as `\"record.kind == 'customer'\"`".into(),
            Self::MapExpression => "an expression such as `\"record.first ~ ' ' ~ record.last\"`".into(),
            Self::HeaderName => "a header's name".into(),
            Self::Transform => "a transform's name".into(),
            Self::Word(words) => format!("one of {}", listed(words.iter().map(|word| word.name))),
            Self::Json | Self::Body => "a value".into(),
            Self::JsonTable | Self::Table(_) | Self::Named(_) => "a table".into(),
            Self::Tagged(tagged) => format!("a table with a `{}`", tagged.tag),
            Self::List(of) => format!("a list, each item {}", of.wanted()),
            Self::OfInstance(of) => of.wanted(),
            Self::Either(kinds) => kinds.iter().map(Kind::wanted).collect::<Vec<_>>().join(", or "),
        }
    }

    /// True when a value of this TOML type can be of this kind.
    pub(super) fn fits(&self, value: &toml::de::DeValue<'_>) -> bool {
        match self {
            Self::Boolean => value.is_bool(),
            Self::Integer { .. } => value.is_integer(),
            Self::Fraction => value.is_integer() || value.is_float(),
            Self::Time => value.is_str() || value.is_datetime(),
            Self::UrlTemplate => value.is_str() || value.is_integer() || value.is_bool(),
            Self::Json | Self::Body => true,
            Self::List(_) => value.is_array(),
            Self::JsonTable | Self::Table(_) | Self::Tagged(_) | Self::Named(_) => value.is_table(),
            Self::OfInstance(of) => {
                of.fits(value) || value.as_str().is_some_and(|text| speaks_of_instance(text, Speech::Plain))
            }
            Self::Either(kinds) => kinds.iter().any(|kind| kind.fits(value)),
            Self::Duration
            | Self::Span
            | Self::Size
            | Self::Text
            | Self::Secret
            | Self::Zone
            | Self::Pointer
            | Self::Expression
            | Self::MapExpression
            | Self::HeaderName
            | Self::Transform
            | Self::Word(_) => value.is_str(),
        }
    }
}

/// `` `a`, `b` and `c` ``.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing".into(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// The known name that was most likely meant.
pub(super) fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_could_have_been_meant() {
        assert_eq!(nearest("timout", ["timeout", "token"]), Some("timeout"));
        assert_eq!(nearest("Timeout", ["timeout"]), Some("timeout"));
        assert_eq!(nearest("zebra", ["timeout", "token"]), None);
    }

    #[test]
    fn names_are_listed_as_people_write_them() {
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
