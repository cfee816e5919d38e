//! The journal: who did what, when and why, with what stood before and after.

use super::{Overlay, Page};
use crate::control::Request;
use crate::model::JournalEntry;
use crate::tui::app::{App, Purpose};
use crate::tui::text::{counted, distance, moment};
use crate::tui::widgets::ListState;

/// Entries that are shown; `syncdeck journal` lists more.
const SHOWN: usize = 500;

/// Asks for the newest entries; they are shown when they are there.
pub fn ask(app: &mut App) {
    app.ask(Purpose::Journal, Request::Journal { before: None, limit: SHOWN });
}

pub fn came(app: &mut App, entries: &[JournalEntry]) {
    if app.overlay.is_some() {
        return;
    }
    let parts: Vec<_> = entries.iter().map(|entry| part(app, entry)).collect();
    let title = match entries.len() {
        0 => "Journal: nothing was done yet".to_owned(),
        SHOWN => format!("Journal, newest first, the last {SHOWN} entries"),
        n => format!("Journal, newest first, {}", counted(n as u64, "entry", "entries")),
    };
    app.overlay = Some(Overlay::Page(Page { title, parts, scroll: ListState::default() }));
}

fn part(app: &App, entry: &JournalEntry) -> (String, String) {
    let job = entry.job.as_ref().map_or_else(String::new, |job| format!(" {job}"));
    let at = moment(entry.at, app.now);
    let heading = format!(
        "#{}  {at}  {}  {}{job}   ({})",
        entry.number,
        entry.by.name,
        entry.action,
        distance(entry.at, app.now)
    );
    let mut lines: Vec<String> = entry.reason.iter().map(|reason| format!("why     {reason}")).collect();
    lines.extend(entry.before.iter().map(|before| format!("before  {before}")));
    lines.extend(entry.after.iter().map(|after| format!("after   {after}")));
    (heading, lines.join("\n"))
}
