//! What the CRM demands of a record before it takes it.

use super::members::{find_members, text_of};
use std::borrow::Cow;

/// One demand on one member.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    pub field: String,
    pub kind: CheckKind,
    /// A missing or null member is refused too.
    pub required: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CheckKind {
    Present,
    Email,
    Phone,
    Number,
    /// Characters of a text.
    LengthMax(usize),
    NumberMax(f64),
    OneOf(Vec<String>),
}

/// The rules of one collection of the CRM.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    pub checks: Vec<Check>,
    /// The member that tells how new a record is: a write with an older one than what stands is a stale overwrite.
    pub version_field: String,
    /// The member by which a POSTed record is known from outside.
    pub external_id_field: String,
    /// The most items of one batch; more are refused with 413.
    pub batch_max: usize,
    /// Characters of an id; longer ones are refused with 400.
    pub id_max: usize,
    /// A text field of which so many characters are kept, without a word.
    pub shortens: Option<(String, usize)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            checks: Vec::new(),
            version_field: "updated_at".to_owned(),
            external_id_field: "external_id".to_owned(),
            batch_max: 1_000,
            id_max: 255,
            shortens: None,
        }
    }
}

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub code: String,
    pub message: String,
    pub field: String,
}

impl Rules {
    /// The rules that a collection of this name begins with.
    pub fn of(collection: &str) -> Self {
        let check = |field: &str, kind, required| Check { field: field.to_owned(), kind, required };
        let words = |words: &[&str]| CheckKind::OneOf(words.iter().map(|word| (*word).to_owned()).collect());
        let checks = match collection {
            "customers" | "contacts" => vec![
                check("email", CheckKind::Email, true),
                check("phone", CheckKind::Phone, true),
                check("name", CheckKind::LengthMax(80), false),
                check("tier", words(&["bronze", "silver", "gold", "platinum"]), false),
            ],
            "orders" => vec![check("total", CheckKind::NumberMax(1_000_000.0), false)],
            "invoices" => vec![check("currency", words(&["USD", "EUR", "GBP", "CHF"]), false)],
            "subscribers" => vec![check("email", CheckKind::Email, true)],
            _ => Vec::new(),
        };
        Self { checks, ..Self::default() }
    }
}

/// Rules made ready: every member that a write is asked about, so that its body is looked through once.
pub(super) struct Demands {
    pub rules: Rules,
    names: Vec<String>,
    version: usize,
    external_id: usize,
    /// The place of each check's field among the names.
    checks: Vec<usize>,
}

/// What a body says where a [`Demands`] looked.
pub(super) struct Facts<'a>(Vec<Option<&'a str>>);

/// The members that a batch's item may have beside a record's own.
pub(super) const ITEM_NAMES: [&str; 7] = ["id", "fields", "operation", "method", "path", "body", "idempotency_key"];

impl Demands {
    pub fn new(rules: Rules) -> Self {
        let mut names: Vec<String> = ITEM_NAMES.iter().map(|name| (*name).to_owned()).collect();
        let mut place_of = |name: &str| {
            let known = names.iter().position(|known| known == name);
            known.unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            })
        };
        let version = place_of(&rules.version_field);
        let external_id = place_of(&rules.external_id_field);
        let checks = rules.checks.iter().map(|check| place_of(&check.field)).collect();
        Self { rules, names, version, external_id, checks }
    }

    /// Looks through a body; the reason when it is not a JSON object.
    pub fn read<'a>(&self, body: &'a [u8]) -> Result<Facts<'a>, String> {
        let mut found = vec![None; self.names.len()];
        find_members(body, &self.names, &mut found)?;
        Ok(Facts(found))
    }

    /// The reason of the first check that a body fails.
    pub fn check(&self, facts: &Facts<'_>) -> Result<(), Refused> {
        let mut checks = self.rules.checks.iter().zip(&self.checks);
        checks.try_for_each(|(check, place)| check.accepts(facts.0[*place]))
    }

    pub fn version<'a>(&self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        facts.0[self.version].and_then(text_of)
    }

    pub fn external_id<'a>(&self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        facts.0[self.external_id].and_then(text_of)
    }
}

impl<'a> Facts<'a> {
    /// The members of [`ITEM_NAMES`], in their order.
    pub fn item(&self) -> [Option<&'a str>; 7] {
        std::array::from_fn(|place| self.0[place])
    }
}

impl Check {
    fn accepts(&self, raw: Option<&str>) -> Result<(), Refused> {
        let field = self.field.as_str();
        let Some(text) = raw.and_then(text_of) else {
            return if self.required {
                Err(refused(&format!("missing_{field}"), &format!("{field} is required"), field))
            } else {
                Ok(())
            };
        };
        let invalid = |what: String| Err(refused(&format!("invalid_{field}"), &what, field));
        match &self.kind {
            CheckKind::Present => Ok(()),
            CheckKind::Email if is_email(&text) => Ok(()),
            CheckKind::Email => invalid(format!("{field} is not a valid e-mail address: \"{text}\"")),
            CheckKind::Phone if is_phone(&text) => Ok(()),
            CheckKind::Phone => invalid(format!("{field} is not a valid phone number: \"{text}\"")),
            CheckKind::Number => match raw.map(str::parse::<f64>) {
                Some(Ok(_)) => Ok(()),
                _ => invalid(format!("{field} must be a number")),
            },
            CheckKind::NumberMax(max) => match raw.map(str::parse::<f64>) {
                Some(Ok(number)) if number <= *max => Ok(()),
                Some(Ok(_)) => invalid(format!("{field} is above the limit of {max}")),
                _ => invalid(format!("{field} must be a number")),
            },
            CheckKind::LengthMax(max) if text.chars().count() <= *max => Ok(()),
            CheckKind::LengthMax(max) => invalid(format!("{field} is longer than {max} characters")),
            CheckKind::OneOf(words) if words.iter().any(|word| *word == text) => Ok(()),
            CheckKind::OneOf(words) => invalid(format!("{field} \"{text}\" is not one of {}", words.join(", "))),
        }
    }
}

fn refused(code: &str, message: &str, field: &str) -> Refused {
    Refused { code: code.to_owned(), message: message.to_owned(), field: field.to_owned() }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    !local.is_empty()
        && !domain.contains('@')
        && domain.split('.').count() > 1
        && domain.split('.').all(|part| !part.is_empty())
        && !text.contains(char::is_whitespace)
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (7..=15).contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || " +()-./x".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_needs_an_email_and_a_phone_that_make_sense() {
        let demands = Demands::new(Rules::of("contacts"));
        let check = |body: &str| demands.check(&demands.read(body.as_bytes()).expect("JSON"));
        assert_eq!(check(r#"{"email":"a@b.example","phone":"+1 (415) 555-0123"}"#), Ok(()));
        let code = |body: &str| check(body).expect_err("a bad record").code;
        assert_eq!(code(r#"{"email":"a@b.example","phone":"ask at the desk"}"#), "invalid_phone");
        assert_eq!(code(r#"{"email":"a@b@c.example","phone":"4155550123"}"#), "invalid_email");
        assert_eq!(code(r#"{"email":null,"phone":"4155550123"}"#), "missing_email");
        assert_eq!(code(r#"{"email":"a@b.example","phone":"4155550123","tier":"tin"}"#), "invalid_tier");
    }

    #[test]
    fn a_number_is_no_text() {
        let demands = Demands::new(Rules::of("orders"));
        let check = |body: &str| demands.check(&demands.read(body.as_bytes()).expect("JSON"));
        assert!(check(r#"{"total": 12.5}"#).is_ok());
        assert!(check(r#"{"total": "12.5"}"#).is_err());
        assert!(check(r#"{"total": 2e9}"#).is_err());
    }
}
