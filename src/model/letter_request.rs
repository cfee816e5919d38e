//! The request that delivers a dead letter, as a person can send it by hand: every secret is a variable in it.

use serde::{Deserialize, Serialize};

/// A request of a destination, without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterRequest {
    pub method: String,
    /// Without credentials in its query.
    pub url: String,
    /// Credentials that go in the query: the encoded name, and the variable in the place of the value.
    pub query_variable: Option<(String, String)>,
    pub headers: Vec<RequestHeader>,
    /// Empty where nothing is sent.
    pub body: String,
    /// The destination takes many records a request; this one has the letter's alone.
    pub is_batch: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestHeader {
    pub name: String,
    /// What is sent; of a configured value, which may be a secret, only what stands before it.
    pub value: String,
    /// The variable in the place of a configured value.
    pub variable: Option<String>,
}

impl RequestHeader {
    pub fn plain(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), variable: None }
    }

    pub fn secret(name: &str, before: &str, variable: &str) -> Self {
        Self { name: name.to_owned(), value: before.to_owned(), variable: Some(variable.to_owned()) }
    }
}

/// The name of a shell variable for what `name` names: `X-Api-Key` is `X_API_KEY`.
pub fn variable_of(name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
    let variable: String = name.chars().map(letter).collect();
    if variable.starts_with(|first: char| first.is_ascii_digit()) { format!("_{variable}") } else { variable }
}
