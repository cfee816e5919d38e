//! Tokens of a sign-in: what the state keeps of them, and what a person is told.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The tokens of one connection as the state keeps them: sealed, because a copy of the state file is no key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptToken {
    pub sealed: Vec<u8>,
    /// When they were given.
    pub at: Timestamp,
}

/// How the sign-in of a connection stands. It never holds a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// When the present token was given; none before the first.
    pub since: Option<Timestamp>,
    /// Until when it holds; none where the system did not say, or there is no token.
    pub expires_at: Option<Timestamp>,
    /// Why there is no better one, where the last sign-in failed.
    pub problem: Option<String>,
}

impl TokenStatus {
    /// How it stands at `now`, in a few words: `59m (auto)`, `expired 41m`.
    pub fn words(&self, now: Timestamp) -> String {
        match (self.since, self.expires_at) {
            _ if self.problem.is_some() => "sign-in fails".to_owned(),
            (None, _) => "none yet".to_owned(),
            (_, None) => "held (auto)".to_owned(),
            (_, Some(at)) if at <= now => format!("expired {}", span(now.since(at))),
            (_, Some(at)) => format!("{} (auto)", span(at.since(now))),
        }
    }
}

/// `34s`, `59m`, `4h12m`, `3d`.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_how_long_it_holds_or_since_when_it_does_not() {
        let at = |seconds: i64| Timestamp(seconds * 1_000);
        let token = TokenStatus { since: Some(at(0)), expires_at: Some(at(3_600)), problem: None };
        assert_eq!(token.words(at(30)), "59m (auto)");
        assert_eq!(token.words(at(3_600 + 41 * 60)), "expired 41m");
        assert_eq!(TokenStatus::default().words(at(0)), "none yet");
        assert_eq!(TokenStatus { problem: Some("refused".to_owned()), ..token }.words(at(30)), "sign-in fails");
    }
}
