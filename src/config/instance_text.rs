//! `instance.NAME` in texts: found where templates and expressions speak, and replaced by what the instance says.
//!
//! It is replaced before a template is compiled: as a literal where an expression goes on (`{{ "eu" | upper }}`), so that
//! a value is encoded like any other and is never a template itself; as its own text where no template is read.

use super::instances::Instance;
use crate::model::{Template, TemplateUse};
use serde_json::Value as Json;
use std::ops::Range;

/// How a text speaks of its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// `{{ instance.NAME }}` is replaced here and now; everything else is text.
    Plain,
    /// A template that is rendered later, with other names in it.
    Template,
    /// An expression without braces.
    Expression,
}

/// A text with its instance's values in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) text: String,
    /// The same with references in place of secrets.
    pub(super) canonical: String,
    /// A secret is in it.
    pub(super) secret: bool,
    /// The names that were read and are there.
    pub(super) used: Vec<String>,
    /// The names that the instance lacks.
    pub(super) missing: Vec<String>,
    /// What can not be read, as a reason.
    pub(super) problem: Option<String>,
}

/// True when the text reads a value of its instance.
pub(super) fn speaks_of_instance(text: &str, speech: Speech) -> bool {
    // Most texts do not, and they are many.
    text.contains("instance") && code_parts(text, speech).iter().any(|part| !mentions(&text[part.clone()]).is_empty())
}

/// Replaces what the text reads of `instance`.
pub(super) fn fill(text: &str, speech: Speech, instance: &Instance) -> Filled {
    let mut filled = Filled::default();
    let mut at = 0;
    for part in code_parts(text, speech) {
        let mentions = mentions(&text[part.clone()]);
        if mentions.is_empty() {
            continue;
        }
        let is_word = speech == Speech::Template && is_plain_word(&text[part.clone()], &mentions, instance);
        let speech = if is_word { Speech::Plain } else { speech };
        let (start, end) = match speech {
            // The braces go with what they hold.
            Speech::Plain => (part.start - 2, (part.end + 2).min(text.len())),
            _ => (part.start, part.end),
        };
        filled.push(&text[at..start]);
        filled.replace(&text[part.clone()], &mentions, speech, instance);
        at = end;
    }
    filled.push(&text[at..]);
    filled
}

/// True for braces around nothing but a name whose value means itself wherever it stands: it needs no template, and
/// addresses read as they are sent.
fn is_plain_word(code: &str, mentions: &[Mention], instance: &Instance) -> bool {
    let [Mention { place, name: Some(name) }] = mentions else { return false };
    let is_alone = code.trim().len() == place.len();
    let value = instance.var(name).and_then(|var| var.value.as_str()).unwrap_or_default();
    let is_word = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    is_alone && is_word
}

impl Filled {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.canonical.push_str(text);
    }

    fn replace(&mut self, code: &str, mentions: &[Mention], speech: Speech, instance: &Instance) {
        let (mut real, mut canonical) = (String::new(), String::new());
        let mut at = 0;
        for mention in mentions {
            let Some(name) = &mention.name else {
                self.problem = Some("`instance` is read by one of its names, such as `instance.region`".to_owned());
                return;
            };
            let Some(var) = instance.var(name) else {
                self.missing.push(name.clone());
                continue;
            };
            self.used.push(name.clone());
            self.secret |= var.is_secret;
            for (out, value) in [(&mut real, &var.value), (&mut canonical, &var.canonical)] {
                out.push_str(&code[at..mention.place.start]);
                out.push_str(&value.to_string());
            }
            at = mention.place.end;
        }
        real.push_str(&code[at..]);
        canonical.push_str(&code[at..]);
        if !self.missing.is_empty() {
            return;
        }
        if speech != Speech::Plain {
            self.text.push_str(&real);
            self.canonical.push_str(&canonical);
            return;
        }
        match (rendered(&real), rendered(&canonical)) {
            (Ok(real), Ok(canonical)) => {
                self.text.push_str(&real);
                self.canonical.push_str(&canonical);
            }
            (Err(reason), _) | (_, Err(reason)) => self.problem = Some(reason),
        }
    }
}

/// What an expression without names gives, as text.
fn rendered(code: &str) -> Result<String, String> {
    let bare = code.trim_matches(|c: char| c.is_whitespace() || c == '-');
    // Nearly always it is a literal and nothing else.
    match serde_json::from_str(bare) {
        Ok(Json::String(text)) => Ok(text),
        Ok(value) if !value.is_array() && !value.is_object() => Ok(value.to_string()),
        _ => {
            Template::compile(&format!("{{{{{code}}}}}"), TemplateUse::Text)?.render(&Json::Object(Default::default()))
        }
    }
}

/// Where the text holds code rather than text: between braces, or all of it.
fn code_parts(text: &str, speech: Speech) -> Vec<Range<usize>> {
    if speech == Speech::Expression {
        return std::iter::once(0..text.len()).collect();
    }
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|found| at + found) {
        let close = match text.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => "#}",
            _ => {
                at = open + 1;
                continue;
            }
        };
        let end = end_of_code(text, open + 2, close);
        if close == "}}" || (close == "%}" && speech == Speech::Template) {
            parts.push(open + 2..end);
        }
        at = (end + 2).min(text.len());
    }
    parts
}

/// Where `close` stands, or the text ends. A mark inside a quoted text closes nothing.
fn end_of_code(text: &str, from: usize, close: &str) -> usize {
    if close == "#}" {
        return text[from..].find(close).map_or(text.len(), |found| from + found);
    }
    let mut at = from;
    while at < text.len() {
        if text[at..].starts_with(close) {
            return at;
        }
        at = after_token(text, at);
    }
    text.len()
}

/// The place after the quoted text or the character that begins at `at`.
fn after_token(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else { return text.len() };
    if !matches!(first, '"' | '\'') {
        return at + first.len_utf8();
    }
    let mut is_escaped = false;
    for (offset, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == first => return at + offset + 1,
            _ => {}
        }
    }
    text.len()
}

/// One `instance.NAME` of an expression.
struct Mention {
    place: Range<usize>,
    /// None for `instance` alone.
    name: Option<String>,
}

fn mentions(code: &str) -> Vec<Mention> {
    const WORD: &str = "instance";
    let mut found = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let word = identifier(&code[at..]);
        if word.is_empty() {
            at = after_token(code, at);
            continue;
        }
        let end = at + word.len();
        // `record.instance` is a field of a record.
        if word == WORD && !code[..at].trim_end().ends_with('.') {
            let (name, end) = member(code, end);
            found.push(Mention { place: at..end, name });
            at = end;
        } else {
            at = end;
        }
    }
    found
}

fn identifier(text: &str) -> &str {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    // A number is no name, and neither is what follows its digits.
    &text[..end]
}

/// The name in `.NAME` or `["NAME"]` after `at`, and where it ends.
fn member(code: &str, at: usize) -> (Option<String>, usize) {
    let rest = &code[at..];
    if let Some(after) = rest.strip_prefix('.') {
        let name = identifier(after);
        let name_end = at + 1 + name.len();
        return if name.is_empty() { (None, at) } else { (Some(name.to_owned()), name_end) };
    }
    let quoted = rest.strip_prefix('[').and_then(|inner| {
        let (inside, _) = inner.split_once(']')?;
        let name = inside.trim();
        let name = [('"', '"'), ('\'', '\'')]
            .iter()
            .find_map(|(open, close)| name.strip_prefix(*open).and_then(|name| name.strip_suffix(*close)))?;
        Some((name.to_owned(), at + inside.len() + 2))
    });
    match quoted {
        Some((name, end)) => (Some(name), end),
        None => (None, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::instances::Var;
    use serde_json::json;

    fn globex() -> Instance {
        let var = |name: &str, value: Json, canonical: Json| Var {
            name: name.into(),
            is_secret: value != canonical,
            value,
            canonical,
        };
        Instance {
            name: "globex".into(),
            vars: vec![
                var("name", json!("globex"), json!("globex")),
                var("region", json!("eu"), json!("eu")),
                var("shard", json!(3), json!(3)),
                var("token", json!("s3cr}}et"), json!("${GLOBEX_TOKEN}")),
                var("odd", json!("a\"{{ id }}"), json!("a\"{{ id }}")),
            ],
            ..Instance::default()
        }
    }

    fn text(raw: &str, speech: Speech) -> String {
        let filled = fill(raw, speech, &globex());
        assert_eq!((filled.missing.len(), filled.problem), (0, None), "{raw}");
        filled.text
    }

    #[test]
    fn a_plain_text_takes_the_value_and_leaves_other_braces_alone() {
        assert_eq!(
            text("https://{{ instance.region }}.example.com/{{x}}", Speech::Plain),
            "https://eu.example.com/{{x}}"
        );
        assert_eq!(text("{{instance.shard}}", Speech::Plain), "3");
        assert_eq!(text("{{ instance.region | upper }}!", Speech::Plain), "EU!");
        assert_eq!(text("for each instance.region", Speech::Plain), "for each instance.region");
        assert_eq!(text("{{ instance['region'] }}", Speech::Plain), "eu");
    }

    #[test]
    fn a_template_takes_a_literal_which_is_no_template_itself() {
        assert_eq!(text("/{{ instance.region }}/{{ id }}", Speech::Template), "/eu/{{ id }}");
        assert_eq!(text("/{{ instance.region | upper }}", Speech::Template), r#"/{{ "eu" | upper }}"#);
        assert_eq!(text("{% if instance.shard == 3 %}x{% endif %}", Speech::Template), "{% if 3 == 3 %}x{% endif %}");
        let filled = text("/{{ instance.odd }}", Speech::Template);
        let template = Template::compile(&filled, TemplateUse::Text).expect("a template");
        assert_eq!(template.render(&json!({ "id": 7 })).as_deref(), Ok("/a\"{{ id }}"));
    }

    #[test]
    fn an_expression_takes_a_literal() {
        assert_eq!(
            text(
                "record.region == instance.region and record.instance.region != 'instance.region'",
                Speech::Expression
            ),
            "record.region == \"eu\" and record.instance.region != 'instance.region'"
        );
    }

    #[test]
    fn a_secret_stays_a_reference_in_the_canonical_form() {
        let filled = fill("Bearer {{ instance.token }}", Speech::Plain, &globex());
        assert_eq!((filled.text.as_str(), filled.canonical.as_str()), ("Bearer s3cr}}et", "Bearer ${GLOBEX_TOKEN}"));
        assert!(filled.secret);
    }

    #[test]
    fn a_quoted_mark_closes_nothing() {
        assert_eq!(text(r#"{{ "}}" ~ instance.region }}"#, Speech::Plain), "}}eu");
    }

    #[test]
    fn what_is_missing_and_what_names_nothing_is_told() {
        assert_eq!(fill("{{ instance.regoin }}", Speech::Plain, &globex()).missing, ["regoin"]);
        assert!(fill("{{ instance }}", Speech::Plain, &globex()).problem.is_some());
        assert_eq!(fill("{{ instance.name }}", Speech::Plain, &globex()).text, "globex");
    }

    #[test]
    fn a_text_speaks_of_its_instance_only_in_code() {
        assert!(speaks_of_instance("{{ instance.a }}", Speech::Plain));
        assert!(!speaks_of_instance("instance.a {{ record.instance }} {# instance.a #}", Speech::Template));
        assert!(speaks_of_instance("instance.a", Speech::Expression));
    }
}
