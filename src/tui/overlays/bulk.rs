//! What an order about dead letters is for, and how it is begun.

use super::{Confirm, Overlay, discard, retry};
use crate::control::Request;
use crate::model::{LetterPlace, Selection};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::text::counted;

/// Up to so many letters are retried without a question: a retry is idempotent.
pub const RETRY_AT_ONCE: u64 = 20;

/// Letters that an order is for.
#[derive(Clone, Debug)]
pub struct Scope {
    pub selection: Selection,
    /// How many wait, where that is known without asking.
    pub count: Option<u64>,
    /// In words: `cus_00917734`, `422 email already in use`.
    pub what: String,
}

impl Scope {
    /// The same letters, also if more arrive: nothing newer than `newest` is meant.
    pub fn freeze(&mut self, newest: crate::model::DeadLetterId) {
        if let Selection::Matching(filter) = &mut self.selection
            && filter.up_to.is_none()
        {
            filter.up_to = Some(newest);
        }
    }

    pub fn is_frozen(&self) -> bool {
        match &self.selection {
            Selection::Ids(_) => true,
            Selection::Matching(filter) => filter.up_to.is_some(),
        }
    }

    /// Only letters in this place, of those that the person's filter shows.
    pub fn narrow(&mut self, place: LetterPlace) -> bool {
        let Selection::Matching(filter) = &mut self.selection else { return true };
        if !filter.wanted_places().contains(&place) {
            return false;
        }
        filter.places = vec![place];
        true
    }

    /// Asks for the newest letter that matches, and for how many there are.
    pub fn measure(&self, app: &mut App) {
        if let Selection::Matching(filter) = &self.selection {
            app.ask(Purpose::Measure, Request::DeadIds { filter: filter.clone(), limit: 1 });
        }
    }
}

/// The order that retries `n` letters: a few at once, of many one first and the rest slowly.
pub fn retry_of(selection: Selection, n: u64) -> Request {
    if n <= RETRY_AT_ONCE {
        Request::Retry { selection }
    } else {
        Request::RetryCarefully { selection, per_minute: None }
    }
}

/// Retries at once where that is harmless, else shows first what would happen.
pub fn retry(app: &mut App, mut scope: Scope, is_all: bool) {
    if !scope.narrow(LetterPlace::Waiting) {
        let key = app.key(Action::BringBack);
        app.note(format!("only letters that wait can be retried; {key} brings discarded ones back"));
        return;
    }
    match scope.count {
        Some(0) => app.note("none of these waits"),
        Some(1..=RETRY_AT_ONCE) if !is_all => app.order(Request::Retry { selection: scope.selection }),
        _ => retry::open(app, scope),
    }
}

pub fn discard(app: &mut App, mut scope: Scope) {
    if !scope.narrow(LetterPlace::Waiting) {
        app.note("only letters that wait can be discarded");
        return;
    }
    if scope.count == Some(0) {
        app.note("none of these waits");
        return;
    }
    discard::open(app, scope);
}

/// Brings discarded letters back to where they waited.
pub fn bring_back(app: &mut App, mut scope: Scope) {
    if !scope.narrow(LetterPlace::Discarded) {
        let filter = app.key(Action::Filter);
        app.note(format!("none of these is discarded; {filter}state:discarded lists those that are"));
        return;
    }
    let n = match &scope.selection {
        Selection::Ids(ids) => ids.len() as u64,
        Selection::Matching(_) => u64::MAX,
    };
    let request = Request::Restore { selection: scope.selection };
    if n <= RETRY_AT_ONCE {
        app.order(request);
        return;
    }
    let lines = vec![
        format!("of: {}", scope.what),
        match n {
            u64::MAX => "All discarded letters that match wait again.".to_owned(),
            n => format!("{} again.", counted(n, "letter waits", "letters wait")),
        },
    ];
    app.overlay = Some(Overlay::Confirm(Confirm {
        title: "Bring discarded dead letters back?".to_owned(),
        lines,
        yes: "bring them back".to_owned(),
        request,
        opened_at: app.now,
    }));
}
