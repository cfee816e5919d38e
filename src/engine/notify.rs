//! Hooks are told when something begins to need a person, and when it is over: once each, and never so that it disturbs.

use super::Engine;
use super::tell::About;
use crate::model::{Alert, AlertEvent, Finding, FindingKind, FindingTarget, Hook, Level, Timestamp};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// A finding that comes back within this time was never away.
const SETTLES_AFTER: Duration = Duration::from_secs(60);
/// Alerts of one hook within [`WINDOW`]; more are left out, and said to be.
const ALERTS_MAX: usize = 20;
const WINDOW: Duration = Duration::from_secs(600);
/// Alerts that wait for a slow hook.
const WAITING_MAX: usize = 32;

/// Carries an alert to the outside; the reason when it did not arrive.
pub type Carrier = Arc<dyn Fn(Alert) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

type Key = (FindingKind, FindingTarget);

/// What stands, and since when it was not seen.
#[derive(Default)]
struct Standing {
    known: BTreeMap<Key, (Finding, Option<Timestamp>)>,
    has_looked: bool,
}

impl Standing {
    /// What began and what is over, with the findings of now. What stood before the first look is known already:
    /// whoever starts an engine sees it.
    fn turn(&mut self, findings: &[Finding], now: Timestamp) -> Vec<(AlertEvent, Finding)> {
        let mut told = Vec::new();
        let mut seen: BTreeMap<Key, &Finding> = BTreeMap::new();
        for finding in findings {
            seen.entry(key(finding)).or_insert(finding);
        }
        for (key, finding) in &seen {
            let is_new = self.known.insert(key.clone(), ((*finding).clone(), None)).is_none();
            if is_new && self.has_looked {
                told.push((AlertEvent::Began, (*finding).clone()));
            }
        }
        self.known.retain(|key, (finding, gone)| {
            if seen.contains_key(key) {
                return true;
            }
            let since = *gone.get_or_insert(now);
            let is_over = SETTLES_AFTER <= now.since(since);
            if is_over {
                told.push((AlertEvent::Over, finding.clone()));
            }
            !is_over
        });
        self.has_looked = true;
        told
    }

    fn waits(&self) -> bool {
        self.known.values().any(|(_, gone)| gone.is_some())
    }
}

/// New letters of another cause are the same trouble of the same job.
fn key(finding: &Finding) -> Key {
    let target = match &finding.target {
        FindingTarget::Group(job, _) => FindingTarget::Job(job.clone()),
        other => other.clone(),
    };
    (finding.kind, target)
}

impl Engine {
    /// Tells `hooks` from the next start on.
    pub fn set_hooks(&self, hooks: Vec<(Hook, Carrier)>) {
        *self.hooks.lock() = hooks;
    }

    /// Watches what is published, and tells the hooks until the engine is gone.
    pub(super) async fn notify(self: Arc<Self>) {
        let hooks = self.hooks.lock().clone();
        if hooks.is_empty() {
            return;
        }
        let mut carriers = JoinSet::new();
        let mut ways = Vec::new();
        for (hook, carrier) in hooks {
            let (way, alerts) = mpsc::channel(WAITING_MAX);
            carriers.spawn(self.clone().carry(hook.name.clone(), carrier, alerts));
            ways.push((hook, way));
        }
        let mut standing = Standing::default();
        let mut snapshots = self.watch();
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            for (event, finding) in standing.turn(&snapshot.findings, snapshot.at) {
                for (hook, way) in &ways {
                    if !hook.on.contains(&finding.kind) || (event == AlertEvent::Over && !hook.over) {
                        continue;
                    }
                    if way.try_send(self.alert(event, &finding, snapshot.at)).is_err() {
                        self.tell_hook(
                            Level::Warn,
                            "notify.dropped",
                            format!("hook `{}` is too slow: an alert was left out", hook.name),
                        );
                    }
                }
            }
            tokio::select! {
                () = self.gone.cancelled() => return,
                changed = snapshots.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(SETTLES_AFTER), if standing.waits() => {}
            }
        }
    }

    fn alert(&self, event: AlertEvent, finding: &Finding, at: Timestamp) -> Alert {
        let masks = self.masks();
        Alert {
            event,
            workspace: self.info.workspace.clone(),
            at,
            kind: finding.kind,
            level: finding.level,
            text: masks.mask(&finding.text),
            hint: masks.mask(&finding.hint),
            target: finding.target.clone(),
        }
    }

    /// One alert after another, so that a hook never runs twice at once.
    async fn carry(self: Arc<Self>, name: String, carrier: Carrier, mut alerts: mpsc::Receiver<Alert>) {
        let mut lately: VecDeque<tokio::time::Instant> = VecDeque::new();
        let mut left_out = 0_u64;
        while let Some(mut alert) = alerts.recv().await {
            let now = tokio::time::Instant::now();
            while lately.front().is_some_and(|at| WINDOW <= now.duration_since(*at)) {
                lately.pop_front();
            }
            if ALERTS_MAX <= lately.len() {
                left_out += 1;
                self.tell_hook(
                    Level::Warn,
                    "notify.dropped",
                    format!("hook `{name}` was told enough for now: an alert was left out"),
                );
                continue;
            }
            lately.push_back(now);
            if left_out > 0 {
                alert.text = format!("{} ({left_out} alerts before it were left out)", alert.text);
            }
            match carrier(alert).await {
                Ok(()) => {
                    left_out = 0;
                    self.tell_hook(Level::Debug, "notify.sent", format!("hook `{name}` was told"));
                }
                Err(problem) => {
                    self.tell_hook(Level::Warn, "notify.failed", format!("hook `{name}` could not be told: {problem}"));
                }
            }
        }
    }

    fn tell_hook(&self, level: Level, event: &str, text: String) {
        let text = self.masks().mask(&text);
        self.notices.tell(level, event, text, About::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupId, JobId};

    fn finding(kind: FindingKind, text: &str) -> Finding {
        let target = FindingTarget::Group(JobId::from("customers"), GroupId(text.len() as u64));
        Finding { kind, level: Level::Warn, text: text.to_owned(), hint: String::new(), target }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_700_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn what_begins_is_told_once_while_it_stands_and_once_when_it_is_over() {
        let mut standing = Standing::default();
        let events = |told: Vec<(AlertEvent, Finding)>| {
            told.into_iter().map(|(event, finding)| (event, finding.text)).collect::<Vec<_>>()
        };
        let old = finding(FindingKind::Paused, "old");
        assert!(standing.turn(std::slice::from_ref(&old), at(0)).is_empty(), "it stood before");
        let new = [old.clone(), finding(FindingKind::DeadLetters, "1 new")];
        assert_eq!(events(standing.turn(&new, at(1))), [(AlertEvent::Began, "1 new".to_owned())]);
        let more = [old, finding(FindingKind::DeadLetters, "12 new of another cause")];
        assert!(standing.turn(&more, at(2)).is_empty(), "it still stands");
        assert!(standing.turn(&[], at(3)).is_empty());
        assert!(standing.turn(&more, at(40)).is_empty(), "it was never away");
        assert!(standing.turn(&[], at(50)).is_empty() && standing.waits());
        let over = events(standing.turn(&[], at(110)));
        assert_eq!(over.len(), 2);
        assert!(over.contains(&(AlertEvent::Over, "12 new of another cause".to_owned())) && !standing.waits());
    }
}
