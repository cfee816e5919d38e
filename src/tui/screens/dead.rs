//! Dead letters by cause: groups with kept counts, so that a million of them list at once.

use super::{Screen, move_in};
use crate::control::Request;
use crate::model::{
    DeadLetterId, GroupId, LetterFilter, LetterGroup, LetterPlace, LetterRow, LetterState, RunId, Selection, Timestamp,
};
use crate::tui::action::Action;
use crate::tui::app::{App, Purpose};
use crate::tui::geometry::{self, TALL, WIDE};
use crate::tui::overlays::{Scope, bulk};
use crate::tui::sorting::{self, Criterion, Sort};
use crate::tui::text::{brief_moment, counted, grouped, moment};
use crate::tui::theme::Tone;
use crate::tui::widgets::{Canvas, Cell, Column, Line, ListState, table};
use ratatui::layout::Rect;
use std::collections::{BTreeSet, HashMap};

/// What the causes can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    #[default]
    Count,
    /// Their last letter.
    Newest,
    /// Their first letter.
    Oldest,
}

impl Criterion for By {
    const ALL: &'static [Self] = &[Self::Count, Self::Newest, Self::Oldest];

    fn word(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Newest => "last letter",
            Self::Oldest => "first letter",
        }
    }

    fn is_greatest_first(self) -> bool {
        self != Self::Oldest
    }
}

#[derive(Clone, Debug, Default)]
pub struct State {
    /// What was typed; shared with the list of records, which is narrowed by the same words.
    pub filter_text: String,
    /// The last filter that could be read.
    pub filter: LetterFilter,
    /// In the order of the screen, which stands still; the counts in it are those of the last answer.
    groups: Option<Vec<LetterGroup>>,
    /// Groups of the last answer that are not in the list yet.
    unseen: Vec<LetterGroup>,
    /// How many letters each group had ever had when the list was opened.
    at_open: HashMap<GroupId, u64>,
    sort: Sort<By>,
    list: ListState,
    marked: BTreeSet<GroupId>,
    is_zoomed: bool,
    /// When the last letter was recovered, and by which run; asked for when none waits.
    recovered: Option<(Timestamp, RunId)>,
    pub problem: Option<String>,
    seen: (u64, u64),
}

/// Of so many recovered letters the last one is looked for: letters are kept in the order in which they failed, and of
/// more of them it is not known which was recovered last.
const RECOVERED_MAX: usize = 500;

/// Letters that a group ever had: it only grows, so its difference is what is new.
fn ever(group: &LetterGroup) -> u64 {
    group.waiting + group.retrying + group.discarded + group.recovered
}

impl State {
    pub fn selected_group(&self) -> Option<&LetterGroup> {
        self.groups.as_ref()?.get(self.list.selected)
    }

    /// The causes in the order of the screen.
    pub fn groups(&self) -> &[LetterGroup] {
        self.groups.as_deref().unwrap_or_default()
    }

    pub fn forget_marks(&mut self) {
        self.marked.clear();
    }

    /// Letters of `group` in the places that the filter asks for.
    fn listed(&self, group: &LetterGroup) -> u64 {
        let count = |place: &LetterPlace| match place {
            LetterPlace::Waiting => group.waiting,
            LetterPlace::Retrying => group.retrying,
            LetterPlace::Discarded => group.discarded,
            LetterPlace::Recovered => group.recovered,
        };
        self.filter.wanted_places().iter().map(count).sum()
    }

    fn new_of(&self, group: &LetterGroup) -> u64 {
        ever(group).saturating_sub(self.at_open.get(&group.id).copied().unwrap_or(0))
    }

    fn new_count(&self) -> u64 {
        let shown = self.groups.iter().flatten().map(|group| self.new_of(group));
        shown.chain(self.unseen.iter().map(|group| self.listed(group))).sum()
    }

    fn arrange(&mut self) {
        let sort = self.sort;
        let mut groups = self.groups.take().unwrap_or_default();
        let values = |a: &LetterGroup, b: &LetterGroup| match sort.by {
            By::Count => self.listed(a).cmp(&self.listed(b)),
            By::Newest => a.last_at.cmp(&b.last_at),
            By::Oldest => a.first_at.cmp(&b.first_at),
        };
        groups.sort_by(|a, b| sort.order(values(a, b)).then_with(|| a.id.cmp(&b.id)));
        self.groups = Some(groups);
    }
}

struct Layout {
    list: Rect,
    detail: Rect,
}

fn layout(app: &App, body: Rect) -> Layout {
    let rows = if app.dead.is_zoomed && app.dead.selected_group().is_some() {
        body.height
    } else if body.width >= WIDE && app.size.1 >= TALL {
        12
    } else if body.height >= 17 && body.width >= 80 {
        9
    } else {
        0
    };
    let (list, detail) = geometry::top(body, body.height.saturating_sub(rows));
    Layout { list, detail }
}

pub fn opened(app: &mut App, is_return: bool) {
    if !is_return {
        app.dead.groups = None;
        app.dead.unseen.clear();
    }
    refresh(app);
}

pub fn is_stale(app: &App) -> bool {
    // With words in the filter the engine must look at letters, so it is only asked when there are others.
    let notices = if !app.dead.filter.reads_letters() { app.newest_notice() } else { app.dead.seen.1 };
    app.dead.seen != (app.dead_waiting(), notices)
}

pub fn refresh(app: &mut App) {
    app.dead.seen = (app.dead_waiting(), app.newest_notice());
    let filter = app.dead.filter.clone();
    app.ask(Purpose::Groups, Request::DeadGroups { filter });
}

pub fn groups_came(app: &mut App, groups: Vec<LetterGroup>) {
    let state = &mut app.dead;
    state.problem = None;
    let Some(shown) = &mut state.groups else {
        state.at_open = groups.iter().map(|group| (group.id, ever(group))).collect();
        state.groups = Some(groups);
        state.unseen.clear();
        state.arrange();
        return ask_last_recovered(app);
    };
    let mut gone = Vec::new();
    let mut latest: HashMap<GroupId, LetterGroup> = groups.into_iter().map(|group| (group.id, group)).collect();
    for group in shown.iter_mut() {
        match latest.remove(&group.id) {
            Some(now) => *group = now,
            // It has no letter left that the filter shows: it stays in its row until `.`, with none.
            None => {
                gone.push((group.job.clone(), group.id));
                for place in state.filter.wanted_places() {
                    let count = match place {
                        LetterPlace::Waiting => &mut group.waiting,
                        LetterPlace::Retrying => &mut group.retrying,
                        LetterPlace::Discarded => &mut group.discarded,
                        LetterPlace::Recovered => &mut group.recovered,
                    };
                    *count = 0;
                }
            }
        }
    }
    state.unseen = latest.into_values().collect();
    if shown.is_empty() {
        let_in(app);
    }
    ask_where_they_went(app, &gone);
}

fn ask_last_recovered(app: &mut App) {
    let state = &mut app.dead;
    state.recovered = None;
    if state.groups().is_empty() && state.filter_text.trim().is_empty() {
        let filter = LetterFilter { places: vec![LetterPlace::Recovered], ..LetterFilter::default() };
        app.ask(Purpose::RecoveredIds, Request::DeadIds { filter, limit: RECOVERED_MAX });
    }
}

pub fn recovered_ids_came(app: &mut App, ids: &[DeadLetterId], total: u64) {
    if !ids.is_empty() && ids.len() as u64 == total {
        app.ask(Purpose::RecoveredRows, Request::DeadRows { ids: ids.to_vec() });
    }
}

pub fn recovered_rows_came(app: &mut App, rows: &[Option<LetterRow>]) {
    let moments = rows.iter().flatten().filter_map(|row| match row.state {
        LetterState::Recovered { at, run } => Some((at, run)),
        _ => None,
    });
    app.dead.recovered = moments.max_by_key(|(at, _)| *at);
}

/// What became of the selected cause's letters, where none is left that the filter shows.
fn ask_where_they_went(app: &mut App, gone: &[(crate::model::JobId, GroupId)]) {
    let Some(selected) = app.dead.selected_group().map(|group| (group.job.clone(), group.id)) else { return };
    if gone.contains(&selected) {
        use LetterPlace::{Discarded, Recovered, Retrying, Waiting};
        let (job, group) = selected;
        let places = vec![Waiting, Retrying, Discarded, Recovered];
        let filter = LetterFilter { job: Some(job), group: Some(group), places, ..LetterFilter::default() };
        app.ask(Purpose::GroupNow, Request::DeadGroups { filter });
    }
}

/// Takes over the figures of a cause that the filter no longer shows.
pub fn group_came(app: &mut App, groups: Vec<LetterGroup>) {
    for now in groups {
        let shown = app.dead.groups.iter_mut().flatten();
        if let Some(group) = shown.into_iter().find(|group| group.id == now.id && group.job == now.job) {
            *group = now;
        }
    }
}

fn let_in(app: &mut App) {
    let state = &mut app.dead;
    let selected = state.selected_group().map(|group| group.id);
    let mut groups = state.groups.take().unwrap_or_default();
    groups.append(&mut state.unseen);
    groups.retain(|group| state.listed(group) > 0);
    state.at_open = groups.iter().map(|group| (group.id, ever(group))).collect();
    state.groups = Some(groups);
    state.arrange();
    let at = state.groups.iter().flatten().position(|group| Some(group.id) == selected);
    state.list.selected = at.unwrap_or(0);
}

/// Takes a filter for causes and records alike; the last valid one stays when this one is none.
pub fn set_filter(app: &mut App, text: &str) -> Result<(), String> {
    text.clone_into(&mut app.dead.filter_text);
    let filter = LetterFilter::parse(text, app.now)?;
    if filter == app.dead.filter {
        return Ok(());
    }
    app.dead.filter = filter;
    app.dead.groups = None;
    app.dead.list = ListState::default();
    app.dead.marked.clear();
    if app.screen == Screen::Letters {
        super::letters::filter_changed(app);
    } else {
        refresh(app);
    }
    Ok(())
}

/// The fields that were refused, as far as causes of the list name them.
pub fn fields_refused(app: &App) -> Vec<String> {
    let fields = app.dead.groups.iter().flatten().filter_map(|group| group.reason.field.clone());
    let mut fields: Vec<String> = fields.collect();
    fields.sort();
    fields.dedup();
    fields
}

pub fn settle(app: &mut App, body: Rect) {
    let rows = geometry::table_rows(layout(app, body).list);
    let len = app.dead.groups.as_ref().map_or(0, Vec::len);
    app.dead.list.settle(len, rows);
}

pub fn step_back(app: &mut App) -> bool {
    if std::mem::take(&mut app.dead.is_zoomed) {
        return true;
    }
    let had_marks = !app.dead.marked.is_empty();
    app.dead.marked.clear();
    had_marks
}

pub fn act(app: &mut App, action: Action) {
    match action {
        Action::Open => match app.dead.selected_group().cloned() {
            Some(group) => super::letters::open_group(app, group),
            None => app.note("there is no cause to open"),
        },
        Action::LetIn => match app.dead.new_count() {
            0 => {
                let_in(app);
                ask_last_recovered(app);
                app.note("nothing new");
            }
            n => {
                let_in(app);
                app.note(format!("let {} in", counted(n, "new letter", "new letters")));
            }
        },
        Action::Sort => change_sort(app, Sort::go_on),
        Action::ReverseSort => change_sort(app, Sort::reverse),
        Action::View => super::letters::open_flat(app),
        Action::Zoom => app.dead.is_zoomed = !app.dead.is_zoomed,
        Action::Mark => mark(app),
        Action::MarkUp | Action::MarkDown => {
            let len = app.dead.groups.as_ref().map_or(0, Vec::len);
            let ends = super::range_ends(&mut app.dead.list, action, len);
            let groups = app.dead.groups.as_deref().unwrap_or_default();
            app.dead.marked.extend(ends.iter().filter_map(|at| groups.get(*at).map(|group| group.id)));
        }
        Action::MarkAll => mark_all(app),
        Action::DiscardAll => discard_all(app),
        Action::Retry => with_scope(app, |app, scope| bulk::retry(app, scope, false)),
        Action::RetryAll => with_scope(app, |app, scope| bulk::retry(app, scope, true)),
        Action::Discard => with_scope(app, bulk::discard),
        Action::BringBack => with_scope(app, bulk::bring_back),
        action => {
            let len = app.dead.groups.as_ref().map_or(0, Vec::len);
            move_in(&mut app.dead.list, action, len);
        }
    }
}

fn change_sort(app: &mut App, change: fn(&mut Sort<By>)) {
    change(&mut app.dead.sort);
    app.dead.arrange();
    sorting::tell(app, app.dead.sort);
}

fn mark(app: &mut App) {
    let Some(id) = app.dead.selected_group().map(|group| group.id) else { return };
    if !app.dead.marked.remove(&id) {
        app.dead.marked.insert(id);
    }
    let len = app.dead.groups.as_ref().map_or(0, Vec::len);
    app.dead.list.move_by(1, len);
}

fn mark_all(app: &mut App) {
    let all: BTreeSet<GroupId> = app.dead.groups.iter().flatten().map(|group| group.id).collect();
    if app.dead.marked == all {
        app.dead.marked.clear();
        return app.note("nothing is marked");
    }
    app.note(format!("marked all {} that match", counted(all.len() as u64, "cause", "causes")));
    app.dead.marked = all;
}

/// All letters that match the filter, whatever their cause.
fn discard_all(app: &mut App) {
    if app.dead.groups.as_ref().is_none_or(Vec::is_empty) {
        return app.note("no dead letter matches");
    }
    let what = match app.dead.filter_text.trim() {
        "" => "all dead letters that wait, of all jobs".to_owned(),
        text => format!("all that match: {text}"),
    };
    bulk::discard(app, Scope { selection: Selection::Matching(app.dead.filter.clone()), count: None, what });
}

/// The marked causes, or the selected one where none is marked.
fn with_scope(app: &mut App, order: impl FnOnce(&mut App, Scope)) {
    let state = &app.dead;
    let marked: Vec<&LetterGroup> =
        state.groups.iter().flatten().filter(|group| state.marked.contains(&group.id)).collect();
    if !marked.is_empty() {
        let waiting = marked.iter().map(|group| group.waiting).sum();
        let count = (!state.filter.reads_letters()).then_some(waiting);
        let filter = LetterFilter { groups: marked.iter().map(|group| group.id).collect(), ..state.filter.clone() };
        let titles: Vec<String> = marked.iter().map(|group| group.reason.title()).collect();
        let what = format!("{}: {}", counted(marked.len() as u64, "cause", "causes"), titles.join("; "));
        return order(app, Scope { selection: Selection::Matching(filter), count, what });
    }
    let Some(group) = app.dead.selected_group() else {
        app.note("no cause is selected");
        return;
    };
    // The filter's words narrow the group, so its kept count is not that of the selection.
    let count = (!app.dead.filter.reads_letters()).then_some(group.waiting);
    let filter = LetterFilter { group: Some(group.id), job: Some(group.job.clone()), ..app.dead.filter.clone() };
    let what = format!("{} ({})", group.reason.title(), group.job);
    order(app, Scope { selection: Selection::Matching(filter), count, what });
}

const COLUMNS: [Column<'static>; 7] = [
    Column::text("CAUSE", 24, 0),
    Column::text("FIELD", 8, 3),
    Column::id("JOB", 16, 2),
    Column::number("COUNT", 0),
    Column::number("NEW", 1),
    Column::word("LAST", 1),
    Column::word("KIND", 5),
];

pub fn new_words(app: &App) -> Option<String> {
    let n = match app.screen {
        Screen::Dead => app.dead.new_count(),
        _ => return None,
    };
    (n > 0).then(|| {
        format!("{} new since you opened this list — press {} to show them", grouped(n), app.key(Action::LetIn))
    })
}

pub fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let layout = layout(app, body);
    draw_list(app, canvas, layout.list);
    draw_detail(app, canvas, layout.detail);
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let state = &app.dead;
    let groups = state.groups.as_deref();
    let listed: u64 = groups.unwrap_or_default().iter().map(|group| state.listed(group)).sum();
    let n_causes = groups.map_or(0, <[LetterGroup]>::len) as u64;
    const TITLE: &str = "Dead letters by cause";
    let retried = crate::tui::retries::brief(app, None).map(|words| format!(" · {words}")).unwrap_or_default();
    let marked = match state.marked.len() {
        0 => String::new(),
        n => format!("■ {n} marked · "),
    };
    let causes = counted(n_causes, "cause", "causes");
    let (listed, sort) = (format!(" · {} listed", grouped(listed)), format!(" · sort: {}", state.sort.words()));
    // Where there is no room for all, what is marked and what goes on count for more than the order.
    let ways = [
        format!("{marked}{causes}{listed}{sort}{retried}"),
        format!("{marked}{causes}{listed}{retried}"),
        format!("{marked}{causes}{retried}"),
    ];
    let room = usize::from(area.width).saturating_sub(TITLE.len() + 9);
    let right = ways.into_iter().filter(|_| groups.is_some()).find(|way| canvas.line().say(way).width() <= room);
    let right = right.unwrap_or_default();
    let inner = canvas.panel(area, TITLE, &right, true);
    let Some(groups) = groups else {
        let line = match &state.problem {
            Some(problem) => canvas.line().tone(format!(" ✗ {problem}"), Tone::Fail),
            None => canvas.line().say(" asking the engine…"),
        };
        return canvas.put(inner, &line);
    };
    if groups.is_empty() {
        let filter = app.key(Action::Filter);
        let retrying: u64 = app.jobs().iter().map(|job| job.dead_retrying).sum();
        let lines = if state.filter_text.is_empty() {
            let last = state
                .recovered
                .map(|(at, run)| format!(" The last one was recovered {}, by run #{run}.", moment(at, app.now)));
            let none = canvas.line().tone(" ✓ ", Tone::Ok).say("No dead letters wait.").say(last.unwrap_or_default());
            let all = format!("   {filter}state:all lists those that were discarded or recovered too");
            vec![none, canvas.line().dim(all)]
        } else {
            let none = canvas.line().say(" No dead letter matches the filter. Esc clears it.");
            let now = format!(" Being retried right now: {} ({filter}state:retrying)", grouped(retrying));
            if retrying > 0 { vec![none, canvas.line().dim(now)] } else { vec![none] }
        };
        return canvas.put_all(inner, &lines);
    }
    let window = state.list.window(groups.len());
    let rows: Vec<Vec<Cell>> = groups[window.clone()]
        .iter()
        .map(|group| {
            let new = state.new_of(group);
            vec![
                Cell::new(group.reason.title()),
                Cell::new(group.reason.field.clone().unwrap_or_else(|| "—".to_owned())),
                Cell::new(group.job.as_str()),
                Cell::new(grouped(state.listed(group))),
                if new == 0 { Cell::new("") } else { Cell::toned(format!("+{}", grouped(new)), Tone::Warn) },
                Cell::new(brief_moment(group.last_at, app.now)),
                Cell::new(group.reason.class.word()),
            ]
        })
        .collect();
    let shown = &groups[window.clone()];
    let is_marked = |at: usize| shown.get(at).is_some_and(|group| state.marked.contains(&group.id));
    table(canvas, inner, &COLUMNS, &rows, state.list.selected.checked_sub(window.start), &is_marked);
}

fn draw_detail(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let Some(group) = app.dead.selected_group() else {
        canvas.panel(area, "Cause", "", false);
        return;
    };
    let right = format!("group {}", group.id);
    let inner = canvas.panel(area, &group.reason.title(), &right, false);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = detail_lines(app, canvas, group, inner);
    canvas.put_all(inner, &lines);
}

fn detail_lines(app: &App, canvas: &Canvas<'_>, group: &LetterGroup, inner: Rect) -> Vec<Line> {
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    // What others wrote has a third of the pane each, and a few lines at least.
    let (most_of_reason, most_of_answer) = ((height / 3).max(4), (height / 3).max(5));
    let reason = &group.reason;
    let places = [
        ("waiting", group.waiting),
        ("being retried", group.retrying),
        ("discarded", group.discarded),
        ("recovered", group.recovered),
    ];
    let places: Vec<String> = places.iter().map(|(name, n)| format!("{name} {}", grouped(*n))).collect();
    let field = reason.field.as_ref().map(|field| format!(", field {field}")).unwrap_or_default();
    let status = reason.status.map(|status| format!(", status {status}")).unwrap_or_default();
    let mut lines = vec![
        canvas.line().dim("letters  ").say(places.join(" · ")),
        canvas
            .line()
            .dim("job      ")
            .say(group.job.as_str())
            .say(format!("   {}{status}{field}", reason.class.word())),
        canvas
            .line()
            .dim("first    ")
            .say(moment(group.first_at, app.now))
            .dim("    last  ")
            .say(moment(group.last_at, app.now)),
    ];
    let symbols = canvas.theme.symbols;
    let message = crate::tui::text::visible_within(&reason.message, width * most_of_reason, symbols);
    let parts = message.wrapped(width.saturating_sub(9));
    lines.extend(
        parts.into_iter().take(most_of_reason).enumerate().map(|(at, part)| {
            canvas.line().dim(if at == 0 { "reason   " } else { "         " }).shown(part, Tone::Plain)
        }),
    );
    if let Some(answer) = &reason.answer {
        let answer = crate::tui::text::visible_within(answer, width * most_of_answer, symbols);
        let parts = answer.wrapped(width.saturating_sub(9));
        lines.extend(parts.into_iter().take(most_of_answer).enumerate().map(|(at, part)| {
            canvas.line().dim(if at == 0 { "answer   " } else { "         " }).shown(part, Tone::Plain)
        }));
    }
    lines.push(canvas.line());
    lines.push(
        canvas
            .line()
            .key(app.key(Action::Open))
            .say(" its records   ")
            .key(format!("{} {}", app.key(Action::Retry), app.key(Action::RetryAll)))
            .say(" retry   ")
            .key(app.key(Action::Discard))
            .say(" discard with a reason"),
    );
    lines
}
