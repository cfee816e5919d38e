//! A job's webhook in words, alike on the screen and on the command line.

use super::Timestamp;
use super::webhook::{SubscriptionStatus, WebhookStatus};
use std::time::Duration;

/// How a door says times.
pub struct Says<'a> {
    /// `3 m 20 s`
    pub span: &'a dyn Fn(Duration) -> String,
    /// `14:05:12`, or with its day
    pub moment: &'a dyn Fn(Timestamp) -> String,
}

/// One line: what it is about, and whether it needs a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookFact {
    pub name: &'static str,
    pub text: String,
    pub is_bad: bool,
}

impl WebhookStatus {
    /// What there is to know of it at `now`.
    pub fn facts(&self, now: Timestamp, says: &Says<'_>) -> Vec<WebhookFact> {
        let fact = |name: &'static str, text: String| WebhookFact { name, text, is_bad: false };
        let bad = |name: &'static str, text: String| WebhookFact { name, text, is_bad: true };
        let mut facts = Vec::new();
        let insecure = if self.is_insecure { ", INSECURE: events need no signature" } else { "" };
        facts.push(match &self.listening {
            Some(address) => {
                let text = format!("taken in at {address}{}{insecure}", self.path);
                WebhookFact { is_bad: self.is_insecure, ..fact("webhooks", text) }
            }
            None => bad("webhooks", format!("not taken in: nobody listens for {}{insecure}", self.path)),
        });
        let inbox = &self.inbox;
        let window = match self.window_ms {
            0 => String::new(),
            ms => format!("; gathered for {}", (says.span)(Duration::from_millis(ms))),
        };
        facts.push(match inbox.oldest_at {
            Some(oldest) => {
                let age = (says.span)(now.since(oldest));
                fact("inbox", format!("{} waiting, the oldest for {age}{window}", inbox.waiting))
            }
            None => fact("inbox", format!("empty{window}")),
        });
        let twice = if inbox.duplicates > 0 { format!(", {} came twice", inbox.duplicates) } else { String::new() };
        facts.push(match inbox.last_at {
            Some(at) => fact("last event", format!("{} ({} in all{twice})", (says.moment)(at), inbox.received)),
            None => fact("last event", "none yet".to_owned()),
        });
        if let Some(since) = self.silent_since {
            let usual = (says.span)(Duration::from_millis(self.silence_ms));
            let silent = (says.span)(now.since(since));
            facts.push(bad("silence", format!("no event for {silent}, more than {usual}: the source is polled")));
        }
        if self.refused > 0 || self.turned_away > 0 {
            let mut parts = Vec::new();
            if self.refused > 0 {
                parts.push(format!("{} not signed rightly or not whole", self.refused));
            }
            if self.turned_away > 0 {
                parts.push(format!("{} sent away because the inbox was full", self.turned_away));
            }
            facts.push(bad("refused", parts.join(", ")));
        }
        if let Some(subscription) = &self.subscription {
            facts.push(subscription.fact(now, says));
        }
        facts
    }
}

impl SubscriptionStatus {
    fn fact(&self, now: Timestamp, says: &Says<'_>) -> WebhookFact {
        let ends = match self.expires_at {
            Some(at) if now < at => format!(", ends in {}", (says.span)(at.since(now))),
            Some(at) => format!(", ended {}", (says.moment)(at)),
            None => String::new(),
        };
        let renewed = self.renewed_at.map(|at| format!(", renewed {}", (says.moment)(at))).unwrap_or_default();
        let is_bad = self.error.is_some() || self.expires_at.is_some_and(|at| at <= now);
        let text = match (&self.id, &self.error) {
            (Some(id), None) => format!("{id}{renewed}{ends}"),
            (Some(id), Some(error)) => format!("{id}{ends}; not kept: {error}"),
            (None, Some(error)) => format!("none: {error}"),
            (None, None) => "none yet".to_owned(),
        };
        WebhookFact { name: "subscription", text, is_bad }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::InboxFacts;

    fn told(status: &WebhookStatus) -> Vec<String> {
        let span = |span: Duration| format!("{} s", span.as_secs());
        let moment = |at: Timestamp| format!("at {}", at.0);
        let facts = status.facts(Timestamp(100_000), &Says { span: &span, moment: &moment });
        facts.iter().map(|fact| format!("{}{}: {}", if fact.is_bad { "!" } else { "" }, fact.name, fact.text)).collect()
    }

    #[test]
    fn a_quiet_webhook_says_little() {
        let status = WebhookStatus {
            path: "/hooks/shop".to_owned(),
            listening: Some("127.0.0.1:8787".to_owned()),
            ..WebhookStatus::default()
        };
        assert_eq!(
            told(&status),
            ["webhooks: taken in at 127.0.0.1:8787/hooks/shop", "inbox: empty", "last event: none yet"]
        );
    }

    #[test]
    fn a_webhook_in_trouble_says_what_is_wrong() {
        let status = WebhookStatus {
            path: "/hooks/shop".to_owned(),
            listening: None,
            is_insecure: true,
            window_ms: 10_000,
            inbox: InboxFacts {
                waiting: 12,
                oldest_at: Some(Timestamp(97_000)),
                received: 40,
                duplicates: 3,
                last_at: Some(Timestamp(99_000)),
                ..InboxFacts::default()
            },
            refused: 5,
            turned_away: 2,
            silence_ms: 60_000,
            silent_since: Some(Timestamp(10_000)),
            subscription: Some(SubscriptionStatus {
                id: Some("sub_1".to_owned()),
                expires_at: Some(Timestamp(160_000)),
                error: Some("POST /webhooks answered 500".to_owned()),
                ..SubscriptionStatus::default()
            }),
        };
        assert_eq!(
            told(&status),
            [
                "!webhooks: not taken in: nobody listens for /hooks/shop, INSECURE: events need no signature",
                "inbox: 12 waiting, the oldest for 3 s; gathered for 10 s",
                "last event: at 99000 (40 in all, 3 came twice)",
                "!silence: no event for 90 s, more than 60 s: the source is polled",
                "!refused: 5 not signed rightly or not whole, 2 sent away because the inbox was full",
                "!subscription: sub_1, ends in 60 s; not kept: POST /webhooks answered 500",
            ]
        );
    }
}
