//! The records of a cause, and one of them beside the list. The list holds ids; only what is on the screen is read.

use super::{Screen, move_in, record};
use crate::control::{LetterView, Request};
use crate::model::{
    DeadLetterId, GroupId, JobId, LetterFilter, LetterGroup, LetterRow, LetterState, RecordId, Selection, related_id,
};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, WIDE};
use crate::tui::overlays::{Scope, bulk};
use crate::tui::text::{brief_moment, counted, grouped, short};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A list holds at most so many ids: 8 MB. What is cut off is said.
pub const IDS_MAX: usize = 1_000_000;
/// Rows that are kept read around the screen.
const ROWS_KEPT: usize = 1_024;
/// New letters are counted up to here.
const NEW_MAX: usize = 1_000;

/// What a person has marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    #[default]
    None,
    Some(BTreeSet<DeadLetterId>),
    /// All that match, also beyond the list, but these.
    AllBut(BTreeSet<DeadLetterId>),
}

#[derive(Clone, Debug, Default)]
pub struct State {
    group: Option<(JobId, GroupId)>,
    title: String,
    /// Newest first; none while they are being asked for.
    ids: Option<Arc<[DeadLetterId]>>,
    total: u64,
    is_oldest_first: bool,
    pub list: ListState,
    rows: HashMap<DeadLetterId, Option<LetterRow>>,
    rows_asked: Vec<DeadLetterId>,
    marks: Marks,
    pub problem: Option<String>,
    /// The selected letter, whole.
    pub record: Option<LetterView>,
    letter_asked: Option<DeadLetterId>,
    pub record_problem: Option<String>,
    pub page: record::Page,
    /// The keys move in the record, which on a narrow screen is shown instead of the list.
    pub is_in_record: bool,
    /// The record has all the room, also where there is some for the list.
    is_zoomed: bool,
    new: usize,
    /// After `.`: the selected one is to stay selected.
    keep: Option<DeadLetterId>,
    seen: (u64, u64),
}

impl State {
    fn len(&self) -> usize {
        self.ids.as_ref().map_or(0, |ids| ids.len())
    }

    fn id_at(&self, row: usize) -> Option<DeadLetterId> {
        let ids = self.ids.as_ref()?;
        let at = if self.is_oldest_first { ids.len().checked_sub(row + 1)? } else { row };
        ids.get(at).copied()
    }

    pub fn selected_id(&self) -> Option<DeadLetterId> {
        self.id_at(self.list.selected)
    }

    pub fn selected_job(&self) -> Option<JobId> {
        let row = self.selected_id().and_then(|id| self.rows.get(&id).cloned().flatten());
        row.map(|row| row.job).or_else(|| self.group.as_ref().map(|(job, _)| job.clone()))
    }

    pub fn selected_record(&self) -> Option<(JobId, RecordId)> {
        let row = self.rows.get(&self.selected_id()?).cloned().flatten()?;
        Some((row.job, row.record))
    }

    /// The selected letter, when it is the one that was read last.
    pub fn record(&self) -> Option<&LetterView> {
        self.record.as_ref().filter(|view| Some(view.letter.id) == self.selected_id())
    }

    /// True while redacted values are shown.
    pub fn is_revealed(&self) -> bool {
        self.page.is_revealed()
    }

    fn is_marked(&self, id: DeadLetterId) -> bool {
        match &self.marks {
            Marks::None => false,
            Marks::Some(ids) => ids.contains(&id),
            Marks::AllBut(ids) => !ids.contains(&id),
        }
    }

    pub fn forget_marks(&mut self) {
        self.marks = Marks::None;
    }

    /// Letters of all causes stand in the list.
    pub fn is_flat(&self) -> bool {
        self.group.is_none()
    }

    /// Marks these and takes no mark away.
    fn mark_these(&mut self, ids: &[DeadLetterId]) {
        match &mut self.marks {
            Marks::None => self.marks = Marks::Some(ids.iter().copied().collect()),
            Marks::Some(marked) => marked.extend(ids),
            Marks::AllBut(but) => but.retain(|id| !ids.contains(id)),
        }
    }

    fn marked(&self) -> u64 {
        match &self.marks {
            Marks::None => 0,
            Marks::Some(ids) => ids.len() as u64,
            Marks::AllBut(ids) => self.total - ids.len() as u64,
        }
    }

    fn newest(&self) -> DeadLetterId {
        self.ids.as_ref().and_then(|ids| ids.first().copied()).unwrap_or(DeadLetterId(0))
    }

    pub fn title(&self) -> &str {
        &self.title
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    pub fn is_oldest_first(&self) -> bool {
        self.is_oldest_first
    }

    /// False where more letters match than a list holds.
    pub fn has_all_ids(&self) -> bool {
        self.total <= self.len() as u64
    }

    /// At most `n` letters of the list from `at` on.
    pub fn ids_from(&self, at: usize, n: usize, is_oldest_first: bool) -> Vec<DeadLetterId> {
        let ids = self.ids.as_deref().unwrap_or_default();
        if is_oldest_first {
            ids.iter().rev().skip(at).take(n).copied().collect()
        } else {
            ids.iter().skip(at).take(n).copied().collect()
        }
    }

    /// What the list shows, and nothing newer.
    pub fn frozen_filter(&self, filter: &LetterFilter) -> LetterFilter {
        let mut filter = filter.clone();
        if let Some((job, group)) = &self.group {
            filter.job = Some(job.clone());
            filter.group = Some(*group);
        }
        filter.up_to = Some(self.newest());
        filter
    }

    /// What matches and is older than the list.
    pub fn older_filter(&self, filter: &LetterFilter) -> LetterFilter {
        let oldest = self.ids.as_ref().and_then(|ids| ids.last()).map_or(0, |id| id.0);
        LetterFilter { up_to: Some(DeadLetterId(oldest.saturating_sub(1))), ..self.frozen_filter(filter) }
    }

    fn near_ids(&self) -> Vec<DeadLetterId> {
        self.list.near(self.len()).filter_map(|row| self.id_at(row)).collect()
    }
}

/// Opens the records of a cause.
pub fn open_group(app: &mut App, group: LetterGroup) {
    open(app, group.job.clone(), group.id, group.reason.title());
}

/// Opens the letters of all causes that the filter shows.
pub fn open_flat(app: &mut App) {
    app.letters = State { title: "all causes".to_owned(), ..State::default() };
    app.screen = Screen::Letters;
    ask_ids(app);
}

/// Opens one letter among those of its cause.
pub fn show_letter(app: &mut App, job: &JobId, group: GroupId, id: DeadLetterId) {
    use crate::model::LetterPlace::{Discarded, Recovered, Retrying, Waiting};
    show_group(app, job, group);
    // Wherever it stands by now, it is to be found.
    app.dead.filter.places = vec![Waiting, Retrying, Discarded, Recovered];
    app.dead.filter_text = "state:all".to_owned();
    ask_ids(app);
    app.letters.keep = Some(id);
    app.letters.is_in_record = true;
}

/// Opens the records of a cause from elsewhere; no filter narrows them.
pub fn show_group(app: &mut App, job: &JobId, group: GroupId) {
    app.dead = super::dead::State::default();
    open(app, job.clone(), group, format!("group {group}"));
}

fn open(app: &mut App, job: JobId, group: GroupId, title: String) {
    app.letters = State { group: Some((job, group)), title, ..State::default() };
    app.screen = Screen::Letters;
    ask_ids(app);
}

/// The filter of the list as it stands on the screen; what is newer is not in it.
fn frozen_filter(app: &App) -> LetterFilter {
    app.letters.frozen_filter(&app.dead.filter)
}

fn filter(app: &App) -> LetterFilter {
    let mut filter = app.dead.filter.clone();
    if let Some((job, group)) = &app.letters.group {
        filter.job = Some(job.clone());
        filter.group = Some(*group);
    }
    filter
}

fn ask_ids(app: &mut App) {
    app.letters.seen = (app.dead_waiting(), app.newest_notice());
    app.letters.new = 0;
    let filter = filter(app);
    app.forget(&Purpose::NewIds);
    app.ask(Purpose::Ids, Request::DeadIds { filter, limit: IDS_MAX });
}

pub fn filter_changed(app: &mut App) {
    let state = &mut app.letters;
    state.marks = Marks::None;
    state.list = ListState::default();
    // Until the answer comes, which among a million letters takes a while, nothing is known to match.
    (state.ids, state.total) = (None, 0);
    ask_ids(app);
}

pub fn ids_came(app: &mut App, ids: Arc<[DeadLetterId]>, total: u64) {
    let state = &mut app.letters;
    let selected = state.keep.take();
    state.problem = None;
    state.ids = Some(ids);
    state.total = total;
    if let Some(id) = selected {
        let at = (0..state.len()).find(|row| state.id_at(*row) == Some(id));
        state.list.selected = at.unwrap_or(0);
    }
}

/// How many letters are newer than the list.
pub fn new_ids_came(app: &mut App, ids: &[DeadLetterId]) {
    let newest = app.letters.newest();
    app.letters.new = ids.iter().filter(|id| **id > newest).count();
}

pub fn rows_came(app: &mut App, rows: Vec<Option<LetterRow>>) {
    let state = &mut app.letters;
    let asked = std::mem::take(&mut state.rows_asked);
    if state.rows.len() + asked.len() > ROWS_KEPT {
        let near: BTreeSet<DeadLetterId> = state.near_ids().into_iter().collect();
        state.rows.retain(|id, _| near.contains(id));
    }
    state.rows.extend(asked.into_iter().zip(rows));
}

pub fn letter_came(app: &mut App, id: DeadLetterId, view: LetterView) {
    if app.letters.selected_id() != Some(id) {
        return;
    }
    let is_other = app.letters.record.as_ref().is_none_or(|view| view.letter.id != id);
    if app.letters.title.starts_with("group ") {
        app.letters.title = view.letter.reason.title();
    }
    app.letters.record = Some(view);
    app.letters.record_problem = None;
    record::letter_came(app, is_other);
}

pub fn is_stale(app: &App) -> bool {
    app.letters.seen != (app.dead_waiting(), app.newest_notice())
}

/// Reads again what is on the screen, and whether there is something newer. The list itself stands still.
pub fn refresh(app: &mut App) {
    app.letters.seen = (app.dead_waiting(), app.newest_notice());
    if app.letters.ids.is_none() {
        return;
    }
    let filter = filter(app);
    app.ask(Purpose::NewIds, Request::DeadIds { filter, limit: NEW_MAX });
    ask_rows(app);
    if let Some(id) = app.letters.selected_id() {
        app.ask(Purpose::Letter(id), Request::DeadLetter { id });
    }
}

fn ask_rows(app: &mut App) {
    let ids = app.letters.near_ids();
    if !ids.is_empty() {
        app.letters.rows_asked.clone_from(&ids);
        app.ask(Purpose::Rows, Request::DeadRows { ids });
    }
}

struct Layout {
    list: Rect,
    record: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    if body.width >= WIDE && !app.letters.is_zoomed {
        let (list, record) = geometry::left(body, 40);
        return Layout { list, record };
    }
    let none = Rect { width: 0, height: 0, ..body };
    if app.letters.is_in_record { Layout { list: none, record: body } } else { Layout { list: body, record: none } }
}

pub fn settle(app: &mut App, body: Rect) {
    let layout = layout(app, body);
    let rows = if layout.list.height > 0 {
        geometry::table_rows(layout.list).saturating_sub(1)
    } else {
        app.letters.list.height
    };
    let len = app.letters.len();
    app.letters.list.settle(len, rows);
    record::settle(app, layout.record);
    let near = app.letters.near_ids();
    let state = &app.letters;
    let lacks = |id: &DeadLetterId| !state.rows.contains_key(id) && !state.rows_asked.contains(id);
    if near.iter().any(lacks) {
        ask_rows(app);
    }
    let selected = app.letters.selected_id();
    if selected != app.letters.letter_asked {
        app.letters.letter_asked = selected;
        app.letters.record_problem = None;
        if let Some(id) = selected {
            app.ask(Purpose::Letter(id), Request::DeadLetter { id });
        }
    }
}

pub fn step_back(app: &mut App) -> bool {
    if std::mem::take(&mut app.letters.is_zoomed) && app.size.0 >= WIDE {
        return true;
    }
    if app.letters.is_in_record {
        app.letters.is_in_record = false;
        return true;
    }
    if app.letters.marks != Marks::None {
        app.letters.marks = Marks::None;
        return true;
    }
    false
}

pub fn act(app: &mut App, action: Action) {
    let len = app.letters.len();
    match action {
        Action::NextPane | Action::PreviousPane => {
            app.letters.is_in_record = !app.letters.is_in_record;
            app.letters.is_zoomed = false;
        }
        // Where the two do not stand side by side, the record has all the room or none.
        Action::Zoom if app.size.0 < WIDE => app.letters.is_in_record = !app.letters.is_in_record,
        Action::Zoom => {
            app.letters.is_zoomed = !app.letters.is_zoomed;
            app.letters.is_in_record = true;
        }
        Action::Open if app.letters.is_in_record => record::open_value(app),
        Action::Open => app.letters.is_in_record = true,
        Action::Next => app.letters.list.move_by(1, len),
        Action::Previous => app.letters.list.move_by(-1, len),
        Action::View if app.letters.is_flat() && !app.letters.is_in_record => super::show(app, Screen::Dead),
        Action::View | Action::HideUnchanged | Action::Reveal => {
            // Where the record has no room beside the list, it is gone to.
            app.letters.is_in_record |= app.size.0 < WIDE;
            record::act(app, action);
        }
        Action::Mark => mark(app),
        Action::MarkUp | Action::MarkDown => {
            let ends = super::range_ends(&mut app.letters.list, action, len);
            let ids: Vec<DeadLetterId> = ends.iter().filter_map(|row| app.letters.id_at(*row)).collect();
            app.letters.mark_these(&ids);
        }
        Action::DiscardAll => {
            let scope = matching_scope(app);
            bulk::discard(app, scope);
        }
        Action::LookUpRelated => look_up_related(app),
        Action::MarkAll => mark_all(app),
        Action::LetIn => {
            app.letters.keep = app.letters.selected_id();
            app.letters.rows.clear();
            ask_ids(app);
        }
        Action::Sort | Action::ReverseSort => {
            let state = &mut app.letters;
            state.is_oldest_first = !state.is_oldest_first;
            state.list.selected = len.saturating_sub(1).saturating_sub(state.list.selected);
            app.note(if app.letters.is_oldest_first { "sorted oldest first" } else { "sorted newest first" });
        }
        Action::Retry => with_scope(app, |app, scope| bulk::retry(app, scope, false)),
        Action::RetryAll => {
            let scope = matching_scope(app);
            bulk::retry(app, scope, true);
        }
        Action::Edit => match app.letters.selected_id() {
            Some(id) => crate::tui::overlays::edit::open(app, id),
            None => app.note("no record is selected"),
        },
        Action::Settle => crate::tui::overlays::settle::open(app),
        Action::Discard => with_scope(app, bulk::discard),
        Action::BringBack => with_scope(app, bulk::bring_back),
        action if app.letters.is_in_record => record::act(app, action),
        action => {
            move_in(&mut app.letters.list, action, len);
        }
    }
}

/// Asks both systems for the record that the complaint names, else for the letter's own; nothing is written.
fn look_up_related(app: &mut App) {
    let Some((job, record)) = app.letters.selected_record() else {
        return app.note("no record is selected");
    };
    let Some(view) = app.letters.record() else {
        return app.note("the record is still being read; a moment");
    };
    let letter = &view.letter;
    let own = [record.as_str(), letter.destination_id.as_ref().map_or("", |id| id.as_str())];
    match related_id(&letter.reason, &own) {
        Some(id) => {
            app.note(format!("the complaint names {id}; both systems are asked for it"));
            super::why::show_live(app, job, id);
        }
        None => {
            app.note("the complaint names no other record; both systems are asked for this one");
            super::why::show_live(app, job, record.shown());
        }
    }
}

fn mark(app: &mut App) {
    let Some(id) = app.letters.selected_id() else { return };
    let state = &mut app.letters;
    match &mut state.marks {
        Marks::None => state.marks = Marks::Some(BTreeSet::from([id])),
        Marks::Some(ids) | Marks::AllBut(ids) => {
            if !ids.remove(&id) {
                ids.insert(id);
            }
        }
    }
    if state.marks == Marks::Some(BTreeSet::new()) {
        state.marks = Marks::None;
    }
    let len = state.len();
    state.list.move_by(1, len);
}

fn mark_all(app: &mut App) {
    if matches!(app.letters.marks, Marks::AllBut(_)) {
        app.letters.marks = Marks::None;
        app.note("nothing is marked");
    } else {
        app.letters.marks = Marks::AllBut(BTreeSet::new());
        app.note(format!("marked all {} that match, also beyond the screen", grouped(app.letters.total)));
    }
}

fn matching_scope(app: &App) -> Scope {
    Scope { selection: Selection::Matching(frozen_filter(app)), count: None, what: app.letters.title.clone() }
}

/// The marked letters, or the selected one where none is marked.
fn with_scope(app: &mut App, order: impl FnOnce(&mut App, Scope)) {
    let state = &app.letters;
    let ids: Vec<DeadLetterId> = match &state.marks {
        Marks::None => state.selected_id().into_iter().collect(),
        Marks::Some(ids) => ids.iter().copied().collect(),
        Marks::AllBut(but) if but.is_empty() => {
            let scope = matching_scope(app);
            return order(app, scope);
        }
        Marks::AllBut(but) => {
            let filter = LetterFilter { except: but.iter().copied().collect(), ..frozen_filter(app) };
            let what = format!("{}, all but {} taken out", state.title, counted(but.len() as u64, "record", "records"));
            return order(app, Scope { selection: Selection::Matching(filter), count: None, what });
        }
    };
    let what = match ids.as_slice() {
        [] => {
            app.note("no record is selected");
            return;
        }
        [id] => {
            let row = state.rows.get(id).cloned().flatten();
            row.map_or_else(|| format!("dead letter {id}"), |row| row.record.shown())
        }
        ids => format!("{} of: {}", counted(ids.len() as u64, "record", "records"), state.title),
    };
    let scope = Scope { count: Some(ids.len() as u64), selection: Selection::Ids(ids), what };
    order(app, scope);
}

pub fn crumb(app: &App, line: Line) -> Line {
    let state = &app.letters;
    let record = state.selected_id().and_then(|id| state.rows.get(&id)?.as_ref()).map(|row| row.record.shown());
    let line = line.say(" Dead letters › ").within(&state.title, 50, Tone::Plain);
    let line = match record {
        Some(record) => line.say(" › ").id(&record, 40),
        None => line,
    };
    let filter = app.dead.filter_text.trim();
    let line = if filter.is_empty() { line } else { line.dim("   / ").within(filter, 40, Tone::Bold) };
    match state.len() {
        0 => line,
        _ => line.dim(format!("   {} of {}", grouped(state.list.selected as u64 + 1), grouped(state.total))),
    }
}

pub fn new_words(app: &App) -> Option<String> {
    let n = app.letters.new;
    let more = if n >= NEW_MAX { "+" } else { "" };
    (n > 0).then(|| {
        format!(
            "{}{more} new since you opened this list — press {} to show them",
            grouped(n as u64),
            app.key(Action::LetIn)
        )
    })
}

const COLUMNS: [Column<'static>; 6] = [
    Column::word("", 0),
    Column::id("RECORD", 10, 0),
    Column::text("CAUSE", 8, 0),
    Column::number("TRIES", 1),
    Column::word("WHEN", 2),
    Column::word("STATE", 3),
];
/// Of one cause each letter has the same, and when it was is worth more.
const COLUMNS_OF_CAUSE: [Column<'static>; 5] = [
    Column::word("", 0),
    Column::id("RECORD", 10, 0),
    Column::number("TRIES", 1),
    Column::word("WHEN", 0),
    Column::word("STATE", 2),
];

fn state_sign(state: &LetterState) -> (&'static str, &'static str, Tone) {
    match state {
        LetterState::Waiting => (" ", "waiting", Tone::Plain),
        LetterState::Retrying { .. } => ("↻", "retrying", Tone::Wait),
        LetterState::Discarded { .. } => ("□", "discarded", Tone::Dim),
        LetterState::Recovered { .. } => ("✓", "recovered", Tone::Ok),
    }
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    record::draw(app, canvas, layout.record);
    draw_list(app, canvas, layout.list);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let state = &app.letters;
    let order = if state.is_oldest_first { "oldest first" } else { "newest first" };
    let right = match &state.ids {
        None => String::new(),
        Some(ids) if (ids.len() as u64) < state.total => {
            format!("first {} of {}", short(ids.len() as u64), short(state.total))
        }
        Some(_) => {
            let retried = crate::tui::retries::brief(app, state.group.as_ref().map(|(job, _)| job));
            let retried = retried.map(|words| format!(" · {words}")).unwrap_or_default();
            format!("{} · {order}{retried}", grouped(state.total))
        }
    };
    let inner = canvas.panel(area, "Records", &right, !state.is_in_record);
    if state.ids.is_none() {
        let line = match &state.problem {
            Some(problem) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            None => canvas.line().say(" asking the engine…"),
        };
        return canvas.put(inner, &line);
    }
    if state.len() == 0 {
        canvas.put(inner, &canvas.line().say(" No dead letter matches."));
        return canvas.put(
            Rect { y: inner.y + 1, height: inner.height.min(1), ..inner },
            &canvas.line().dim(format!(" {} asks again, Esc goes back", app.key(Action::LetIn))),
        );
    }
    let (list, below) = geometry::top(inner, inner.height.saturating_sub(1));
    let window = state.list.window(state.len());
    let ids: Vec<DeadLetterId> = window.clone().filter_map(|row| state.id_at(row)).collect();
    let rows: Vec<Vec<Cell>> = ids.iter().map(|id| row(app, *id)).collect();
    let selected = state.list.selected.checked_sub(window.start);
    let columns: &[Column<'_>] = if state.is_flat() { &COLUMNS } else { &COLUMNS_OF_CAUSE };
    table(canvas, list, columns, &rows, selected, &|at| ids.get(at).is_some_and(|id| state.is_marked(*id)));
    canvas.put(below, &canvas.line().say(format!(" ■ {} marked", grouped(state.marked()))));
    let place = format!("{}/{} ", grouped(state.list.selected as u64 + 1), grouped(state.len() as u64));
    canvas.put_right(below, &canvas.line().dim(place));
}

fn row(app: &App, id: DeadLetterId) -> Vec<Cell> {
    match app.letters.rows.get(&id) {
        // Until it is read, a row says that it is there and no more.
        None => {
            let mut cells = vec![Cell::new(" "), Cell::toned("…", Tone::Dim)];
            cells.resize_with(if app.letters.is_flat() { 6 } else { 5 }, || Cell::new("…"));
            cells
        }
        Some(None) => vec![Cell::new(" "), Cell::toned(format!("letter {id} is gone"), Tone::Dim)],
        Some(Some(row)) => {
            let (sign, word, tone) = state_sign(&row.state);
            let mut cells = vec![Cell::toned(sign, tone), Cell::new(RecordId::shown(&row.record))];
            if app.letters.is_flat() {
                cells.push(Cell::new(row.title.as_str()));
            }
            cells.extend([
                Cell::new(grouped(u64::from(row.attempts))),
                Cell::new(brief_moment(row.last_at, app.now)),
                Cell::toned(word, tone),
            ]);
            cells
        }
    }
}
