//! Templates for addresses and bodies. Data is never a template: what is inserted is not read again.

use super::RawJson;
use super::mapping::expression::{self, Expression};
use minijinja::{Environment, Output, State};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// Where a template's text goes, which decides how inserted values are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateUse {
    /// A URL's path or query: every inserted value is percent-encoded as one segment (`/`, `?`, `#` and `%` included).
    Url,
    Text,
}

/// A MiniJinja template, checked.
#[derive(Clone)]
pub struct Template {
    text: Arc<str>,
    purpose: TemplateUse,
    /// None for a text in which nothing is inserted.
    program: Option<Arc<Program>>,
}

struct Program {
    environment: Environment<'static>,
    /// The variables that it names.
    names: Vec<String>,
}

/// The one template of each environment.
const NAME: &str = "template";

/// What may stand in a URL segment as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Stands for an inserted empty value until the whole address is known. No other can get there: controls are encoded.
const EMPTY: char = '\u{1}';

static TEXT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = expression::environment();
    environment.set_formatter(|out: &mut Output, _: &mut State, value: &minijinja::Value| {
        out.write_str(&expression::shown(value)?).map_err(minijinja::Error::from)
    });
    environment
});

static URL: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = expression::environment();
    environment.set_formatter(|out: &mut Output, _: &mut State, value: &minijinja::Value| {
        let text = expression::shown(value)?;
        if text.is_empty() {
            return out.write_fmt(format_args!("{EMPTY}")).map_err(minijinja::Error::from);
        }
        out.write_fmt(format_args!("{}", utf8_percent_encode(&text, SEGMENT))).map_err(minijinja::Error::from)
    });
    // What is inserted is encoded in any case, and must not be encoded twice.
    environment.add_filter("urlencode", |value: minijinja::Value| value);
    environment
});

impl Template {
    pub fn compile(text: &str, purpose: TemplateUse) -> Result<Self, String> {
        let is_constant = !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
        let program = if is_constant { None } else { Some(Arc::new(Program::compile(text, purpose)?)) };
        Ok(Self { text: text.into(), purpose, program })
    }

    /// Renders with `values` (an object) as variables. The reason when a name is unknown, a filter refuses,
    /// or an address would lead elsewhere than its template says.
    pub fn render(&self, values: &Value) -> Result<String, String> {
        self.render_with(values, &[])
    }

    fn render_with(&self, values: &Value, raw: &[(&str, &RawJson)]) -> Result<String, String> {
        let Some(program) = &self.program else { return Ok(self.text.to_string()) };
        let context = expression::context(&program.names, values, raw)?;
        let rendered = program
            .environment
            .get_template(NAME)
            .and_then(|template| template.render(context))
            .map_err(|error| expression::reason(&error))?;
        match self.purpose {
            TemplateUse::Text => Ok(rendered),
            TemplateUse::Url => checked_address(rendered),
        }
    }

    /// True when it holds no `{{` or `{%`: rendering it is the text itself.
    pub fn is_constant(&self) -> bool {
        self.program.is_none()
    }

    /// True when it names the variable `name`, so that what it does not need is not prepared.
    pub fn uses(&self, name: &str) -> bool {
        self.program.as_ref().is_some_and(|program| program.names.iter().any(|used| used == name))
    }
}

impl Program {
    fn compile(text: &str, purpose: TemplateUse) -> Result<Self, String> {
        expression::check_filters(text)?;
        let mut environment = match purpose {
            TemplateUse::Text => TEXT.clone(),
            TemplateUse::Url => URL.clone(),
        };
        environment.add_template_owned(NAME, text.to_owned()).map_err(|error| expression::reason(&error))?;
        let names = environment
            .get_template(NAME)
            .map(|template| template.undeclared_variables(false).into_iter().collect())
            .map_err(|error| expression::reason(&error))?;
        Ok(Self { environment, names })
    }
}

/// Refuses an address in which inserted values would change the path.
///
/// URL parsers (WHATWG) resolve `..` also when it is written `%2E%2E`, so encoding dots does not help:
/// a delete of the record `..` would become one of its whole collection. So would a delete of an empty id.
fn checked_address(address: String) -> Result<String, String> {
    let path = address.split(['?', '#']).next().unwrap_or(&address);
    if path.split('/').any(|segment| !segment.is_empty() && segment.chars().all(|sign| sign == EMPTY)) {
        return Err(format!("an empty value would leave out a part of the address `{}`", address.replace(EMPTY, "")));
    }
    let plain = if address.contains(EMPTY) { address.replace(EMPTY, "") } else { address };
    let path = plain.split(['?', '#']).next().unwrap_or(&plain);
    if path.split(['/', '\\']).any(is_dots) {
        return Err(format!("a value that is `.` or `..` would lead to another address: `{plain}`"));
    }
    Ok(plain)
}

fn is_dots(segment: &str) -> bool {
    segment.len() <= 6 && segment.contains(['.', '%']) && {
        let plain = segment.replace("%2e", ".").replace("%2E", ".");
        plain == "." || plain == ".."
    }
}

/// A JSON tree whose texts are templates. A text that is `{{ fields }}` alone (spaces aside) stands for raw JSON.
#[derive(Clone)]
pub struct BodyTemplate {
    root: Arc<Node>,
}

enum Node {
    /// JSON text in which nothing is inserted.
    Constant(String),
    Text(Template),
    /// A single expression; `name` where it is only a variable's name.
    Expression {
        program: Expression,
        name: Option<String>,
    },
    List(Vec<Node>),
    /// Keys are JSON text.
    Object(Vec<(String, Node)>),
}

impl BodyTemplate {
    pub fn compile(tree: &Value) -> Result<Self, String> {
        Ok(Self { root: Arc::new(Node::compile(tree)?) })
    }

    /// The body as JSON text. `raw` are names that stand for JSON as it is, `fields` above all;
    /// a text that is another single expression keeps its value's type (`{{ limit }}` stays a number).
    pub fn render(&self, values: &Value, raw: &[(&str, &RawJson)]) -> Result<String, String> {
        let mut body = String::new();
        self.root.write(&mut body, values, raw)?;
        Ok(body)
    }

    /// True when it names the variable `name`, so that what it does not need is not prepared.
    pub fn uses(&self, name: &str) -> bool {
        self.root.uses(name)
    }
}

impl Node {
    fn compile(tree: &Value) -> Result<Self, String> {
        let node = match tree {
            Value::String(text) => Self::compile_text(text)?,
            Value::Array(items) => Self::List(items.iter().map(Self::compile).collect::<Result<_, _>>()?),
            Value::Object(members) => Self::compile_object(members)?,
            other => Self::Constant(other.to_string()),
        };
        Ok(node)
    }

    fn compile_text(text: &str) -> Result<Self, String> {
        if let Some(inside) = only_expression(text)
            && let Ok(program) = Expression::compile(inside)
        {
            let is_name = inside.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_')
                && inside.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
            let name = is_name.then(|| inside.to_owned());
            return Ok(Self::Expression { program, name });
        }
        let template = Template::compile(text, TemplateUse::Text)?;
        Ok(if template.is_constant() { Self::Constant(json_text(text)) } else { Self::Text(template) })
    }

    fn compile_object(members: &Map<String, Value>) -> Result<Self, String> {
        let member = |(key, value): (&String, &Value)| Ok((json_text(key), Self::compile(value)?));
        Ok(Self::Object(members.iter().map(member).collect::<Result<_, String>>()?))
    }

    fn write(&self, body: &mut String, values: &Value, raw: &[(&str, &RawJson)]) -> Result<(), String> {
        match self {
            Self::Constant(json) => body.push_str(json),
            Self::Text(template) => body.push_str(&json_text(&template.render_with(values, raw)?)),
            Self::Expression { program, name } => {
                match raw.iter().find(|(raw_name, _)| name.as_deref() == Some(*raw_name)) {
                    Some((_, json)) => body.push_str(json.as_str()),
                    None => body.push_str(&program.json(&expression::context(program.names(), values, raw)?)?),
                }
            }
            Self::List(items) => {
                body.push('[');
                for (at, item) in items.iter().enumerate() {
                    body.push_str(if at > 0 { "," } else { "" });
                    item.write(body, values, raw)?;
                }
                body.push(']');
            }
            Self::Object(members) => {
                body.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    body.push_str(if at > 0 { "," } else { "" });
                    body.push_str(key);
                    body.push(':');
                    value.write(body, values, raw)?;
                }
                body.push('}');
            }
        }
        Ok(())
    }

    fn uses(&self, name: &str) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Text(template) => template.uses(name),
            Self::Expression { program, .. } => program.names().iter().any(|used| used == name),
            Self::List(items) => items.iter().any(|item| item.uses(name)),
            Self::Object(members) => members.iter().any(|(_, value)| value.uses(name)),
        }
    }
}

/// What stands between the braces of a text that is nothing but `{{ … }}`.
fn only_expression(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inside = inside.strip_prefix('-').unwrap_or(inside);
    Some(inside.strip_suffix('-').unwrap_or(inside).trim())
}

fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn url(text: &str, values: Value) -> Result<String, String> {
        Template::compile(text, TemplateUse::Url).expect("a template").render(&values)
    }

    fn text(text: &str, values: Value) -> Result<String, String> {
        Template::compile(text, TemplateUse::Text).expect("a template").render(&values)
    }

    fn body(tree: Value, values: Value, fields: &str) -> Result<String, String> {
        let fields = RawJson::parse(fields.to_owned()).expect("JSON");
        BodyTemplate::compile(&tree).expect("a template").render(&values, &[("fields", &fields)])
    }

    #[test]
    fn a_text_without_braces_is_itself() {
        let template = Template::compile("/contacts?x=%20&y=1\n", TemplateUse::Url).expect("a template");
        assert!(template.is_constant());
        assert_eq!(template.render(&Value::Null).as_deref(), Ok("/contacts?x=%20&y=1\n"));
    }

    // Row 49 of the fault matrix.
    #[test]
    fn an_inserted_value_is_one_segment_of_the_address() {
        let rendered = url("/contacts/{{ id }}?x={{ id }}", json!({ "id": "a/b?c#d%e&f=g+h i\u{7}ü~.-_" }));
        let segment = "a%2Fb%3Fc%23d%25e%26f%3Dg%2Bh%20i%07%C3%BC~.-_";
        assert_eq!(rendered, Ok(format!("/contacts/{segment}?x={segment}")));
    }

    // Row 49 of the fault matrix.
    #[test]
    fn dots_never_walk_to_another_address() {
        for id in [".", ".."] {
            let refused = url("/contacts/{{ id }}", json!({ "id": id })).expect_err("refused");
            assert!(refused.contains("another address"), "{refused}");
        }
        assert!(url("/contacts/{{ a }}{{ b }}", json!({ "a": ".", "b": "." })).is_err());
        assert!(url("/contacts/.{{ a }}/x", json!({ "a": "." })).is_err());
        assert_eq!(url("/contacts/{{ id }}", json!({ "id": "..." })).as_deref(), Ok("/contacts/..."));
        assert_eq!(url("/contacts?id={{ id }}", json!({ "id": ".." })).as_deref(), Ok("/contacts?id=.."));
    }

    #[test]
    fn encoded_dots_would_walk_so_refusing_is_the_only_way() {
        let parsed = url::Url::parse("https://crm.example.com/v2/contacts/%2E%2E").expect("an address");
        assert_eq!(parsed.path(), "/v2/");
    }

    #[test]
    fn an_empty_value_never_shortens_a_path() {
        assert!(url("/contacts/{{ id }}", json!({ "id": "" })).is_err());
        assert!(url("/contacts/{{ id }}/notes", json!({ "id": null })).is_err());
        assert!(url("/contacts/{{ id }}{{ id }}", json!({ "id": "" })).is_err());
        assert_eq!(url("/contacts?after={{ cursor }}", json!({ "cursor": null })).as_deref(), Ok("/contacts?after="));
        assert_eq!(url("/a{{ x }}b", json!({ "x": "" })).as_deref(), Ok("/ab"));
    }

    #[test]
    fn nothing_is_encoded_twice() {
        assert_eq!(url("/a%20b/{{ id | urlencode }}", json!({ "id": "c d" })).as_deref(), Ok("/a%20b/c%20d"));
        assert_eq!(url("/x/{{ id | safe }}", json!({ "id": "c/d" })).as_deref(), Ok("/x/c%2Fd"));
    }

    #[test]
    fn an_unknown_name_is_an_error_that_names_it() {
        assert!(url("/c/{{ ident }}", json!({ "id": 1 })).expect_err("refused").contains("`ident`"));
        assert!(text("{{ record.nick }}", json!({ "record": {} })).expect_err("refused").contains("`record.nick`"));
        assert!(body(json!({ "a": "{{ nope }}" }), json!({}), "{}").expect_err("refused").contains("`nope`"));
    }

    #[test]
    fn a_missing_step_is_falsy_where_it_is_asked_for() {
        let template = "{{ 'confirmed' if steps.invoice else 'back-ordered' }}";
        assert_eq!(text(template, json!({ "steps": {} })).as_deref(), Ok("back-ordered"));
    }

    #[test]
    fn a_broken_template_is_refused_when_it_is_read() {
        for broken in ["{{ id", "{% if x %}", "{{ id | upperr }}", "{{ 1 + }}"] {
            assert!(Template::compile(broken, TemplateUse::Text).is_err(), "{broken}");
        }
        assert!(BodyTemplate::compile(&json!({ "a": ["{{ id"] })).is_err());
    }

    #[test]
    fn values_are_written_as_json_writes_them() {
        let values = json!({ "t": true, "n": null, "i": 9_007_199_254_740_993_u64, "f": 1.5, "l": [1, "a"] });
        assert_eq!(
            text("{{ t }}|{{ n }}|{{ i }}|{{ f }}|{{ l }}", values).as_deref(),
            Ok(r#"true||9007199254740993|1.5|[1,"a"]"#)
        );
    }

    // Row 111 of the fault matrix.
    #[test]
    fn data_is_never_a_template() {
        let values = json!({ "id": "{{ secret }}${HOME}{% raw %}" });
        assert_eq!(text("<{{ id }}>", values).as_deref(), Ok("<{{ secret }}${HOME}{% raw %}>"));
        let rendered = body(json!({ "x": "{{ fields }}" }), json!({}), r#"{"a":"{{ secret }}"}"#);
        assert_eq!(rendered.as_deref(), Ok(r#"{"x":{"a":"{{ secret }}"}}"#));
    }

    #[test]
    fn an_endless_template_is_stopped() {
        let template = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
        assert!(text(template, json!({})).expect_err("stopped").contains("fuel"));
    }

    #[test]
    fn a_body_keeps_fields_as_raw_text_and_values_as_they_are() {
        let tree = json!({ "data": { "type": "contacts", "attributes": " {{ fields }} " }, "limit": "{{ limit }}", "n": 1.0, "id": "x-{{ limit }}" });
        let rendered = body(tree, json!({ "limit": 5 }), r#"{"big": 123456789012345678901234567890}"#);
        let expected = r#"{"data":{"type":"contacts","attributes":{"big": 123456789012345678901234567890}},"limit":5,"n":1.0,"id":"x-5"}"#;
        assert_eq!(rendered.as_deref(), Ok(expected));
    }

    #[test]
    fn fields_serve_in_longer_expressions_too() {
        let tree = json!(["{{ fields.email | upper }}", "{{ a }}-{{ a }}", "{{ cursor }}"]);
        let rendered = body(tree, json!({ "a": "\"", "cursor": null }), r#"{"email":"x@y"}"#);
        assert_eq!(rendered.as_deref(), Ok(r#"["X@Y","\"-\"",null]"#));
    }

    #[test]
    fn a_template_tells_what_it_needs() {
        let template = Template::compile("/c/{{ id }}/{{ record.x }}", TemplateUse::Url).expect("a template");
        assert!(template.uses("id") && template.uses("record") && !template.uses("fields"));
        let body = BodyTemplate::compile(&json!([{ "a": "{{ fields }}" }])).expect("a template");
        assert!(body.uses("fields") && !body.uses("record"));
    }
}
