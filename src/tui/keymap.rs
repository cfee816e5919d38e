//! The keys: one table from key to action to words. Help, hints and "does nothing here" are made from the keys in
//! force ([`Keymap`]), which are this table and what the configuration changes of it.

mod live;
mod spelling;

pub use live::{Choice, Keymap, Problem, Row};
pub use spelling::read_key;

use super::action::Action;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Who has the keys. The first context of a chain that knows a key decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Context {
    Jobs,
    Job,
    Customer,
    Dead,
    Letters,
    Conflicts,
    Checkpoints,
    Runs,
    Connections,
    Logs,
    Why,
    /// What is looked up, while it is typed.
    Lookup,
    /// Moving about, on every screen.
    Move,
    Everywhere,
    /// A question that `y` answers.
    Confirm,
    QuitQuestion,
    /// How this screen is to be attached to an engine.
    Attach,
    /// A form with text fields: letters type.
    Form,
    /// What a retry of many would do, before it is ordered.
    RetryPreview,
    /// The fields of a dead letter: letters type.
    EditForm,
    /// What a correction changes, before it is sent.
    EditReview,
    /// A text from the editor that can not be used.
    EditBroken,
    /// One line of text: a filter, the search of the help.
    Typing,
    /// What is to be run or found, while it is typed.
    Palette,
    /// All that can be done with the selection; the keys of the screen work there, too.
    Menu,
    /// The list of messages.
    Messages,
    /// In which form a view is written to a file.
    Export,
    /// Something to read: messages, a value.
    Reading,
    /// On every screen while the engine that it was attached to is gone.
    Gone,
}

impl Context {
    /// As a person would say where they are.
    pub fn place(self) -> &'static str {
        match self {
            Self::Jobs => "Jobs",
            Self::Job => "Job",
            Self::Customer => "Customer",
            Self::Dead => "Dead letters",
            Self::Letters => "Records",
            Self::Conflicts => "Conflicts",
            Self::Checkpoints => "Checkpoints",
            Self::Runs => "Runs",
            Self::Connections => "Connections",
            Self::Logs => "Logs",
            Self::Why => "Why",
            Self::Move | Self::Everywhere | Self::Gone => "every screen",
            Self::Confirm
            | Self::QuitQuestion
            | Self::Attach
            | Self::Form
            | Self::RetryPreview
            | Self::EditForm
            | Self::EditReview
            | Self::EditBroken
            | Self::Menu
            | Self::Export => "a dialog",
            Self::Messages => "the list of messages",
            Self::Typing | Self::Lookup | Self::Palette => "a text field",
            Self::Reading => "a page to read",
        }
    }

    pub fn is_screen(self) -> bool {
        matches!(
            self,
            Self::Jobs
                | Self::Job
                | Self::Customer
                | Self::Dead
                | Self::Letters
                | Self::Conflicts
                | Self::Checkpoints
                | Self::Runs
                | Self::Connections
                | Self::Logs
                | Self::Why
        )
    }
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    pub context: Context,
    /// As [`name`] writes them; a space parts a prefix from its second key.
    pub keys: &'static [&'static str],
    pub action: Action,
    /// What it does, as the help says it.
    pub words: &'static str,
    /// The same for the line at the bottom; empty where it is not shown there.
    pub hint: &'static str,
}

const fn key(
    context: Context,
    keys: &'static [&'static str],
    action: Action,
    words: &'static str,
    hint: &'static str,
) -> Binding {
    Binding { context, keys, action, words, hint }
}

/// All keys as they are without a configuration. Within a context the order is that of the hints, the most wanted
/// first. A hint that begins with `[ ]` or `+ -` stands for this action and its opposite.
pub static KEYMAP: &[Binding] = &[
    key(Context::Gone, &["r"], Action::StartHere, "starts an engine here", "start one here"),
    key(Context::Jobs, &["enter"], Action::Open, "opens the job, or a finding's cause", "open"),
    key(Context::Jobs, &["p"], Action::PauseResume, "pauses or resumes the job", "pause/resume"),
    key(Context::Jobs, &["n"], Action::RunNow, "runs the job now", "run now"),
    key(Context::Jobs, &["P"], Action::PauseAll, "pauses all jobs, or resumes all", "pause all…"),
    key(Context::Jobs, &["N"], Action::RunAll, "runs all jobs now (asks first)", ""),
    key(Context::Jobs, &["X"], Action::StopRun, "stops the run of the job", "stop run…"),
    key(Context::Jobs, &["A"], Action::ReadRange, "reads a time of the job's source again", ""),
    key(Context::Jobs, &["v"], Action::Plan, "shows what the next run would do: a dry run", "plan"),
    key(Context::Jobs, &["s"], Action::Sort, "sorts by state, name, rate, scanned, errors, dead letters", ""),
    key(Context::Jobs, &["S"], Action::ReverseSort, "sorts the other way round", ""),
    key(Context::Jobs, &["."], Action::LetIn, "sorts the jobs again, as they are now", ""),
    key(Context::Jobs, &["space"], Action::Mark, "marks the job and moves down", "mark"),
    key(Context::Jobs, &["shift-up"], Action::MarkUp, "marks a range upwards", ""),
    key(Context::Jobs, &["shift-down"], Action::MarkDown, "marks a range downwards", ""),
    key(Context::Jobs, &["*"], Action::MarkAll, "marks all jobs that match; again: none", ""),
    key(Context::Jobs, &["+"], Action::ZoomIn, "the chart goes back less far", ""),
    key(Context::Jobs, &["-"], Action::ZoomOut, "the chart goes back further, up to a day", ""),
    key(Context::Jobs, &["z"], Action::Zoom, "gives findings and chart more room", ""),
    key(Context::Job, &["p"], Action::PauseResume, "pauses or resumes the job", "pause/resume"),
    key(Context::Job, &["n"], Action::RunNow, "runs the job now", "run now"),
    key(Context::Job, &["X"], Action::StopRun, "stops the run of the job", "stop run…"),
    key(Context::Job, &["H"], Action::Withheld, "releases withheld deletes by their number, or keeps the records", ""),
    key(Context::Job, &["A"], Action::ReadRange, "reads a time of the job's source again", ""),
    key(Context::Job, &["enter"], Action::Open, "opens the dead letters of the selected cause", "open cause"),
    key(Context::Job, &["v"], Action::Plan, "shows what the next run would do: a dry run", "plan"),
    key(Context::Job, &["."], Action::Freeze, "freezes what is shown, or follows again", "live/frozen"),
    key(Context::Job, &["+"], Action::ZoomIn, "the chart goes back less far", "+ - zoom"),
    key(Context::Job, &["-"], Action::ZoomOut, "the chart goes back further, up to a day", ""),
    key(Context::Job, &["z"], Action::Zoom, "gives the pane all room", ""),
    key(Context::Job, &["]"], Action::Next, "goes to the next job", "[ ] job"),
    key(Context::Job, &["["], Action::Previous, "goes to the previous job", ""),
    key(Context::Customer, &["enter"], Action::Open, "opens the job", "open"),
    key(Context::Customer, &["y a"], Action::CopyAnswer, "copies the answer as plain sentences", "copy answer"),
    key(Context::Customer, &["p"], Action::PauseResume, "pauses or resumes the job", "pause/resume"),
    key(Context::Customer, &["P"], Action::PauseAll, "pauses or resumes all jobs of the customer", "pause all"),
    key(Context::Customer, &["n"], Action::RunNow, "runs the job now", "run now"),
    key(Context::Customer, &["X"], Action::StopRun, "stops the run in progress", ""),
    key(Context::Customer, &["z"], Action::Zoom, "gives the answer all room", ""),
    key(Context::Dead, &["enter"], Action::Open, "opens the records of this cause", "records"),
    key(
        Context::Dead,
        &["r"],
        Action::Retry,
        "retries the marked causes, or the selected one (more than 20: asks)",
        "retry",
    ),
    key(Context::Dead, &["R"], Action::RetryAll, "retries all that match (preview first)", "retry all…"),
    key(Context::Dead, &["x"], Action::Discard, "discards dead letters with a reason", "discard…"),
    key(Context::Dead, &["X"], Action::DiscardAll, "discards all that match the filter", ""),
    key(Context::Dead, &["space"], Action::Mark, "marks the cause and moves down", "mark"),
    key(Context::Dead, &["shift-up"], Action::MarkUp, "marks a range upwards", ""),
    key(Context::Dead, &["shift-down"], Action::MarkDown, "marks a range downwards", ""),
    key(Context::Dead, &["*"], Action::MarkAll, "marks all causes that match; again: none", ""),
    key(Context::Dead, &["v"], Action::View, "lists all letters, whatever their cause", "flat list"),
    key(Context::Dead, &["z"], Action::Zoom, "gives the cause all room", ""),
    key(Context::Dead, &["U"], Action::BringBack, "brings discarded ones back", ""),
    key(Context::Dead, &["s"], Action::Sort, "sorts by count, last letter, first letter", ""),
    key(Context::Dead, &["S"], Action::ReverseSort, "sorts the other way round", ""),
    key(Context::Dead, &["."], Action::LetIn, "lets the new ones in", ""),
    key(Context::Letters, &["r"], Action::Retry, "retries the marked records, or the selected one", "retry"),
    key(Context::Letters, &["R"], Action::RetryAll, "retries all that match (preview first)", "retry all…"),
    key(Context::Letters, &["e"], Action::Edit, "corrects the fields, then retries", "edit"),
    key(Context::Letters, &["X"], Action::DiscardAll, "discards all that match the filter", ""),
    key(
        Context::Letters,
        &["o"],
        Action::LookUpRelated,
        "looks up the record that the complaint names, at both systems",
        "",
    ),
    key(Context::Letters, &["O"], Action::Settle, "says whether a record of unknown outcome was made", ""),
    key(Context::Letters, &["x"], Action::Discard, "discards dead letters with a reason", "discard…"),
    key(Context::Letters, &["v"], Action::View, "shows the record as fields or as JSON", "fields/json"),
    key(Context::Letters, &["]"], Action::Next, "goes to the next record", "[ ] record"),
    key(Context::Letters, &["["], Action::Previous, "goes to the previous record", ""),
    key(Context::Letters, &["space"], Action::Mark, "marks the record and moves down", "mark"),
    key(Context::Letters, &["shift-up"], Action::MarkUp, "marks a range upwards", ""),
    key(Context::Letters, &["shift-down"], Action::MarkDown, "marks a range downwards", ""),
    key(Context::Letters, &["*"], Action::MarkAll, "marks all that match, also beyond the screen; again: none", ""),
    key(Context::Letters, &["s"], Action::Sort, "sorts newest or oldest first", "sort"),
    key(Context::Letters, &["S"], Action::ReverseSort, "sorts the other way round", ""),
    key(Context::Letters, &["enter"], Action::Open, "opens the record, then the whole value of a field", ""),
    key(Context::Letters, &["="], Action::HideUnchanged, "hides fields that are the same", ""),
    key(Context::Letters, &["z"], Action::Zoom, "gives the record all room", ""),
    key(Context::Letters, &["i"], Action::Reveal, "shows or hides redacted values", ""),
    key(Context::Letters, &["U"], Action::BringBack, "brings discarded ones back", ""),
    key(Context::Letters, &["."], Action::LetIn, "lets the new ones in", ""),
    key(Context::Checkpoints, &["enter"], Action::Open, "counts what a rewind to it would do: a dry run", "count"),
    key(Context::Checkpoints, &["W"], Action::Rewind, "puts the job back to it (asks first)", "rewind…"),
    key(
        Context::Checkpoints,
        &["t"],
        Action::RewindWhere,
        "puts the job back to a time, number or record",
        "to a time…",
    ),
    key(
        Context::Checkpoints,
        &["d"],
        Action::ComparePair,
        "compares two: the marked ones, or it and the newest",
        "compare",
    ),
    key(Context::Checkpoints, &["space"], Action::Mark, "marks it, to compare two", ""),
    key(Context::Checkpoints, &["shift-up"], Action::MarkUp, "marks a range upwards", ""),
    key(Context::Checkpoints, &["shift-down"], Action::MarkDown, "marks a range downwards", ""),
    key(Context::Checkpoints, &["v"], Action::View, "shows its details, or what a rewind to it would do", "details"),
    key(Context::Checkpoints, &["z"], Action::Zoom, "gives the checkpoint all room", ""),
    key(Context::Checkpoints, &["]"], Action::Next, "goes to the next job", "[ ] job"),
    key(Context::Checkpoints, &["["], Action::Previous, "goes to the previous job", ""),
    key(Context::Checkpoints, &["."], Action::LetIn, "lets the new ones in", "new ones"),
    key(Context::Runs, &["enter"], Action::Open, "gives the run all room, or the list again", "details"),
    key(Context::Runs, &["space"], Action::Mark, "marks the run and moves down", "mark"),
    key(Context::Runs, &["shift-up"], Action::MarkUp, "marks a range upwards", ""),
    key(Context::Runs, &["shift-down"], Action::MarkDown, "marks a range downwards", ""),
    key(Context::Runs, &["d"], Action::ComparePair, "compares the two marked runs", "compare two marked"),
    key(Context::Runs, &["c"], Action::CompareKind, "compares with runs of the same kind, or of all", "same kind"),
    key(Context::Runs, &["s"], Action::Sort, "sorts by start, time taken, scanned, errored, state, job", "sort"),
    key(Context::Runs, &["S"], Action::ReverseSort, "sorts the other way round", ""),
    key(Context::Runs, &["X"], Action::StopRun, "stops the run, or the careful retry, in progress", "stop…"),
    key(Context::Runs, &["z"], Action::Zoom, "gives the run all room, or the list again", ""),
    key(Context::Runs, &["."], Action::LetIn, "lets the new ones in", ""),
    key(
        Context::Connections,
        &["t"],
        Action::TestConnection,
        "tests the connection with one harmless call",
        "test now",
    ),
    key(Context::Connections, &["p"], Action::HoldRelease, "holds back all its calls, or lets them go", "hold/release"),
    key(Context::Connections, &["x"], Action::ResetCircuit, "resets its circuit", "reset circuit…"),
    key(
        Context::Connections,
        &["b"],
        Action::LowerBudget,
        "sets a lower budget, or the configured one again",
        "budget…",
    ),
    key(Context::Connections, &["a"], Action::SignIn, "shows how it signs in", "sign-in"),
    key(Context::Connections, &["s"], Action::Sort, "sorts by health, name, bad answers, latency, calls", ""),
    key(Context::Connections, &["S"], Action::ReverseSort, "sorts the other way round", ""),
    key(Context::Connections, &["enter"], Action::Open, "gives the connection all room, or the list again", "details"),
    key(Context::Connections, &["z"], Action::Zoom, "gives the connection all room, or the list again", ""),
    key(Context::Logs, &["enter"], Action::Open, "opens or closes the line as fields", "fields"),
    key(Context::Logs, &["+"], Action::MoreLines, "shows more levels, down to debug", "+ - level"),
    key(Context::Logs, &["-"], Action::FewerLines, "shows fewer levels, up to errors alone", ""),
    key(Context::Logs, &["n"], Action::FindNext, "to the next line in which it is found", "next"),
    key(Context::Logs, &["N"], Action::FindPrevious, "to the line before in which it is found", ""),
    key(Context::Logs, &["&"], Action::FilterLines, "filters the lines", "filter"),
    key(Context::Logs, &["t"], Action::TimeFormat, "shows times in UTC, local, or as how long ago", "time"),
    key(Context::Logs, &["v"], Action::View, "opens or closes the line as fields", ""),
    key(Context::Logs, &["z"], Action::Zoom, "gives the line's fields all room", ""),
    key(Context::Logs, &["."], Action::LetIn, "follows, or stops following", "follow"),
    key(Context::Why, &["enter"], Action::Open, "goes to where the selected finding can be looked at", "go there"),
    key(Context::Why, &["n"], Action::SyncOne, "syncs this record now", "sync it now…"),
    key(Context::Why, &["t"], Action::Live, "asks both systems too, or only what is known here", "live on/off"),
    key(Context::Why, &["y a"], Action::CopyAnswer, "copies the answer as plain sentences", "copy"),
    key(Context::Why, &["r"], Action::Retry, "retries its dead letter", ""),
    key(Context::Why, &["U"], Action::BringBack, "brings its discarded letter back", ""),
    key(Context::Why, &["p"], Action::PauseResume, "pauses or resumes the job", ""),
    key(Context::Why, &["]"], Action::Next, "goes to the next answer", "[ ] answer"),
    key(Context::Why, &["["], Action::Previous, "goes to the previous answer", ""),
    key(Context::Why, &["z"], Action::Zoom, "gives the pane all room", ""),
    key(Context::Why, &["i"], Action::Reveal, "shows or hides redacted values", ""),
    key(Context::Why, &["."], Action::LetIn, "looks again", ""),
    key(Context::Lookup, &["enter"], Action::Accept, "looks the record up", "look up"),
    key(Context::Lookup, &["up"], Action::Up, "brings back what was looked up before", "history"),
    key(Context::Lookup, &["down"], Action::Down, "goes on to what was looked up later", ""),
    key(Context::Lookup, &["tab"], Action::NextPane, "goes to the evidence", "evidence"),
    key(Context::Lookup, &["esc"], Action::No, "leaves the field, then goes back", "back"),
    key(Context::Lookup, &["ctrl-c"], Action::Interrupt, "leaves the field; twice leaves the program", ""),
    key(
        Context::Everywhere,
        &["w"],
        Action::Why,
        "tells why the selected record is not there, or one that you name",
        "why",
    ),
    key(Context::Everywhere, &["m"], Action::Menu, "shows all that can be done with the selection", "actions"),
    key(Context::Everywhere, &["/"], Action::Filter, "filters the list; in the log, finds text", "filter"),
    key(Context::Everywhere, &[":", "ctrl-p"], Action::Palette, "finds and runs a command, or finds a job", "cmd"),
    key(Context::Everywhere, &["g j"], Action::JobOfSelection, "goes to the job of the selection", ""),
    key(Context::Everywhere, &["g d"], Action::DeadOfJob, "goes to the dead letters of the job", ""),
    key(Context::Everywhere, &["g c"], Action::CheckpointsOfJob, "goes to the checkpoints of the job", ""),
    key(Context::Everywhere, &["g r"], Action::RunsOfJob, "goes to the runs of the job", ""),
    key(Context::Everywhere, &["g n"], Action::ConnectionOfJob, "goes to the job's destination", ""),
    key(Context::Everywhere, &["g i"], Action::CustomerOfJob, "goes to the customer of the job: its instance", ""),
    key(Context::Everywhere, &["g l"], Action::LogsOfJob, "goes to the log of the job", ""),
    key(Context::Everywhere, &["g k"], Action::ConflictsOfSelection, "goes to the conflicts of the job", ""),
    key(Context::Everywhere, &["K"], Action::StopRetry, "stops the careful retry of many letters", ""),
    key(Context::Everywhere, &["1"], Action::ShowJobs, "shows the jobs", ""),
    key(Context::Everywhere, &["2"], Action::ShowDead, "shows the dead letters", ""),
    key(Context::Everywhere, &["3"], Action::ShowConflicts, "shows the conflicts", ""),
    key(Context::Everywhere, &["4"], Action::ShowCheckpoints, "shows the checkpoints", ""),
    key(Context::Everywhere, &["5"], Action::ShowRuns, "shows the runs", ""),
    key(Context::Everywhere, &["6"], Action::ShowConnections, "shows the connections", ""),
    key(Context::Everywhere, &["7"], Action::ShowLogs, "shows the log", ""),
    key(Context::Everywhere, &["8"], Action::ShowWhy, "tells why a record is not there", ""),
    key(Context::Everywhere, &["!"], Action::Attention, "jumps to what needs attention", ""),
    key(
        Context::Everywhere,
        &["B"],
        Action::Bundle,
        "writes what is known of the selection to a file for a ticket",
        "",
    ),
    key(Context::Everywhere, &["E"], Action::Export, "writes the view to a file: JSON, CSV or text", ""),
    key(Context::Everywhere, &["u"], Action::Undo, "undoes the last change", ""),
    key(Context::Everywhere, &["J"], Action::Journal, "shows the journal: who did what, when and why", ""),
    key(Context::Everywhere, &["`"], Action::Messages, "shows all messages", ""),
    key(Context::Everywhere, &["esc"], Action::Back, "closes, clears, then goes back; never quits", ""),
    key(Context::Everywhere, &["q"], Action::Quit, "quits (asks if jobs run in here)", "quit"),
    key(Context::Everywhere, &["ctrl-c"], Action::Interrupt, "as q; twice leaves at once", ""),
    key(
        Context::Everywhere,
        &["ctrl-z"],
        Action::Suspend,
        "suspends this screen, where the engine is in another process",
        "",
    ),
    key(Context::Everywhere, &["y i"], Action::CopyId, "copies the id", ""),
    key(Context::Everywhere, &["y l"], Action::CopyLine, "copies the selected line", ""),
    key(Context::Everywhere, &["y p"], Action::CopyPayload, "copies the record", ""),
    key(Context::Everywhere, &["y e"], Action::CopyError, "copies the error", ""),
    key(Context::Letters, &["y c"], Action::CopyRequest, "copies the request as a curl command", ""),
    key(Context::Letters, &["y a"], Action::CopyAnswer, "copies the system's answer", ""),
    key(
        Context::Everywhere,
        &["y !"],
        Action::CopyEscaped,
        "copies the last copy again, its control characters written out",
        "",
    ),
    key(Context::Everywhere, &["T"], Action::NextTheme, "shows the next theme", ""),
    key(Context::Everywhere, &["M"], Action::Mouse, "turns the mouse on or off", ""),
    key(Context::Everywhere, &["ctrl-l"], Action::Redraw, "draws the screen again", ""),
    key(Context::Everywhere, &["?", "f1"], Action::Help, "shows the keys of this screen", "help"),
    key(Context::Move, &["up", "k"], Action::Up, "a line up", ""),
    key(Context::Move, &["down", "j"], Action::Down, "a line down", ""),
    key(Context::Move, &["pgup"], Action::PageUp, "a page up", ""),
    key(Context::Move, &["pgdn"], Action::PageDown, "a page down", ""),
    key(Context::Move, &["ctrl-u"], Action::HalfUp, "half a page up", ""),
    key(Context::Move, &["ctrl-d"], Action::HalfDown, "half a page down", ""),
    key(Context::Move, &["g g", "home"], Action::Top, "to the first line", ""),
    key(Context::Move, &["G", "end"], Action::Bottom, "to the last line", ""),
    key(Context::Move, &["tab", "right", "l"], Action::NextPane, "to the next pane", ""),
    key(Context::Move, &["shift-tab", "left", "h"], Action::PreviousPane, "to the previous pane", ""),
    key(Context::Confirm, &["y"], Action::Yes, "yes", "yes"),
    key(Context::Confirm, &["n", "esc", "enter", "q"], Action::No, "no, change nothing", "no"),
    key(Context::Confirm, &["ctrl-c"], Action::Interrupt, "no; twice leaves at once", ""),
    key(
        Context::QuitQuestion,
        &["b"],
        Action::KeepInBackground,
        "keeps the jobs going in the background and closes the screen",
        "background",
    ),
    key(Context::QuitQuestion, &["s"], Action::StopAndQuit, "stops the jobs and quits", "stop and quit"),
    key(Context::QuitQuestion, &["esc", "n", "enter", "q"], Action::No, "stays", "stay"),
    key(Context::QuitQuestion, &["ctrl-c"], Action::Interrupt, "leaves at once", "leave at once"),
    key(Context::Attach, &["enter"], Action::Accept, "attaches; you can act as usual", "attach"),
    key(Context::Attach, &["r"], Action::AttachReadOnly, "attaches; nothing can be changed from here", "read-only"),
    key(Context::Attach, &["d"], Action::AttachAlways, "attaches, and does not ask any more", "don't ask again"),
    key(Context::Attach, &["esc", "q"], Action::No, "quits; the engine goes on", "quit"),
    key(Context::Attach, &["ctrl-c"], Action::Interrupt, "quits; the engine goes on", ""),
    key(Context::Form, &["ctrl-s"], Action::Accept, "does it", "do it"),
    key(Context::Form, &["tab", "down"], Action::NextPane, "to the next field", "next field"),
    key(Context::Form, &["shift-tab", "up"], Action::PreviousPane, "to the previous field", ""),
    key(Context::Form, &["esc"], Action::No, "changes nothing", "cancel"),
    key(Context::Form, &["ctrl-c"], Action::Interrupt, "changes nothing; twice leaves at once", ""),
    key(Context::RetryPreview, &["y"], Action::Yes, "retries them", "retry"),
    key(Context::RetryPreview, &["c"], Action::ChangedOnly, "retries only those that changed at the source", ""),
    key(Context::RetryPreview, &["n", "esc", "enter", "q"], Action::No, "no, change nothing", "no"),
    key(Context::RetryPreview, &["ctrl-c"], Action::Interrupt, "no; twice leaves at once", ""),
    key(Context::EditForm, &["ctrl-s"], Action::Accept, "shows the change before it is sent", "show the change"),
    key(Context::EditForm, &["tab", "down"], Action::NextPane, "to the next field", "next field"),
    key(Context::EditForm, &["shift-tab", "up"], Action::PreviousPane, "to the previous field", ""),
    key(Context::EditForm, &["ctrl-t"], Action::ChangeKind, "text, JSON, or not sent", "text/JSON/not sent"),
    key(Context::EditForm, &["ctrl-x"], Action::Editor, "opens all fields in your editor", "in $EDITOR"),
    key(Context::EditForm, &["ctrl-o"], Action::Original, "back to what is sent without a correction", "original"),
    key(Context::EditForm, &["esc"], Action::No, "throws the edit away", "throw away"),
    key(Context::EditForm, &["ctrl-c"], Action::Interrupt, "throws the edit away; twice leaves at once", ""),
    key(Context::EditReview, &["y"], Action::Yes, "saves it and retries now", "save and retry now"),
    key(Context::EditReview, &["s"], Action::SaveOnly, "saves it for the next retry", "save only"),
    key(Context::EditReview, &["e"], Action::EditAgain, "back to the fields", "edit again"),
    key(Context::EditReview, &["esc", "n", "q"], Action::No, "throws the edit away", "throw away"),
    key(Context::EditReview, &["ctrl-c"], Action::Interrupt, "throws the edit away; twice leaves at once", ""),
    key(Context::EditBroken, &["e"], Action::EditAgain, "opens the text in your editor again", "edit again"),
    key(Context::EditBroken, &["esc", "n", "q"], Action::No, "throws the edit away", "throw away"),
    key(Context::EditBroken, &["ctrl-c"], Action::Interrupt, "throws the edit away; twice leaves at once", ""),
    key(Context::Typing, &["enter"], Action::Accept, "takes the text", "take"),
    key(Context::Typing, &["tab"], Action::Complete, "completes a field or a value", "complete"),
    key(Context::Typing, &["esc"], Action::No, "leaves the text as it was", "cancel"),
    key(Context::Typing, &["ctrl-c"], Action::Interrupt, "leaves the field; twice leaves the program", ""),
    key(Context::Typing, &["up"], Action::Up, "a line up", ""),
    key(Context::Typing, &["down"], Action::Down, "a line down", ""),
    key(Context::Typing, &["pgup"], Action::PageUp, "a page up", ""),
    key(Context::Typing, &["pgdn"], Action::PageDown, "a page down", ""),
    key(Context::Palette, &["enter"], Action::Accept, "runs or opens what is picked", "run"),
    key(Context::Palette, &["tab"], Action::Complete, "completes it to what is picked", "complete"),
    key(Context::Palette, &["up", "ctrl-p"], Action::Up, "picks the one above", "up"),
    key(Context::Palette, &["down", "ctrl-n"], Action::Down, "picks the one below", "down"),
    key(Context::Palette, &["pgup"], Action::PageUp, "a page up", ""),
    key(Context::Palette, &["pgdn"], Action::PageDown, "a page down", ""),
    key(Context::Palette, &["esc"], Action::No, "closes", "close"),
    key(Context::Palette, &["ctrl-c"], Action::Interrupt, "closes; twice leaves the program", ""),
    key(Context::Menu, &["enter"], Action::Accept, "does what is picked", "do it"),
    key(Context::Menu, &["up"], Action::Up, "picks the one above", "up"),
    key(Context::Menu, &["down"], Action::Down, "picks the one below", "down"),
    key(Context::Menu, &["pgup"], Action::PageUp, "a page up", ""),
    key(Context::Menu, &["pgdn"], Action::PageDown, "a page down", ""),
    key(Context::Menu, &["esc"], Action::No, "closes", "close"),
    key(Context::Menu, &["ctrl-c"], Action::Interrupt, "closes; twice leaves the program", ""),
    key(Context::Export, &["j"], Action::AsJson, "writes it as JSON", "JSON"),
    key(Context::Export, &["c"], Action::AsCsv, "writes it as CSV", "CSV"),
    key(Context::Export, &["t"], Action::AsText, "writes it as text", "text"),
    key(Context::Export, &["esc", "n", "enter", "q"], Action::No, "writes nothing", "cancel"),
    key(Context::Export, &["ctrl-c"], Action::Interrupt, "writes nothing; twice leaves at once", ""),
    key(Context::Messages, &["y"], Action::CopyLine, "copies the selected message", "copy"),
    key(Context::Messages, &["esc", "q", "enter", "`"], Action::No, "closes", "close"),
    key(Context::Messages, &["ctrl-c"], Action::Interrupt, "closes; twice leaves the program", ""),
    key(Context::Messages, &["up", "k"], Action::Up, "a line up", "up"),
    key(Context::Messages, &["down", "j"], Action::Down, "a line down", "down"),
    key(Context::Messages, &["pgup", "ctrl-u"], Action::PageUp, "a page up", ""),
    key(Context::Messages, &["pgdn", "ctrl-d", "space"], Action::PageDown, "a page down", ""),
    key(Context::Messages, &["home"], Action::Top, "to the newest", ""),
    key(Context::Messages, &["end", "G"], Action::Bottom, "to the oldest", ""),
    key(Context::Reading, &["esc", "q", "enter", "`"], Action::No, "closes", "close"),
    key(Context::Reading, &["ctrl-c"], Action::Interrupt, "closes; twice leaves the program", ""),
    key(Context::Reading, &["up", "k"], Action::Up, "a line up", "up"),
    key(Context::Reading, &["down", "j"], Action::Down, "a line down", "down"),
    key(Context::Reading, &["pgup", "ctrl-u"], Action::PageUp, "a page up", ""),
    key(Context::Reading, &["pgdn", "ctrl-d", "space"], Action::PageDown, "a page down", ""),
    key(Context::Reading, &["home"], Action::Top, "to the first line", ""),
    key(Context::Reading, &["end", "G"], Action::Bottom, "to the last line", ""),
];

/// A key as the table writes it; none for keys that mean nothing here.
pub fn name(event: &KeyEvent) -> Option<String> {
    let name = match event.code {
        KeyCode::Char(' ') => "space".to_owned(),
        KeyCode::Char(letter) if event.modifiers.contains(KeyModifiers::CONTROL) => {
            letter.to_ascii_lowercase().to_string()
        }
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "enter".to_owned(),
        KeyCode::Esc => "esc".to_owned(),
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => "shift-tab".to_owned(),
        KeyCode::Tab => "tab".to_owned(),
        KeyCode::BackTab => "shift-tab".to_owned(),
        KeyCode::Up => "up".to_owned(),
        KeyCode::Down => "down".to_owned(),
        KeyCode::Left => "left".to_owned(),
        KeyCode::Right => "right".to_owned(),
        KeyCode::PageUp => "pgup".to_owned(),
        KeyCode::PageDown => "pgdn".to_owned(),
        KeyCode::Home => "home".to_owned(),
        KeyCode::End => "end".to_owned(),
        KeyCode::F(number) => format!("f{number}"),
        _ => return None,
    };
    let is_arrow = matches!(event.code, KeyCode::Up | KeyCode::Down | KeyCode::Left | KeyCode::Right);
    let name = if is_arrow && event.modifiers.contains(KeyModifiers::SHIFT) { format!("shift-{name}") } else { name };
    let is_chord = event.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SUPER | KeyModifiers::META);
    Some(match (is_chord, event.modifiers.contains(KeyModifiers::CONTROL)) {
        (true, _) => format!("alt-{name}"),
        (false, true) => format!("ctrl-{name}"),
        (false, false) => name,
    })
}

/// A key as people read it: `⏎`, `Ctrl-U`, `gd`.
pub fn label(key: &str) -> String {
    match key {
        "enter" => "⏎".to_owned(),
        "esc" => "Esc".to_owned(),
        "up" => "↑".to_owned(),
        "down" => "↓".to_owned(),
        "left" => "Left".to_owned(),
        "right" => "Right".to_owned(),
        "pgup" => "PgUp".to_owned(),
        "pgdn" => "PgDn".to_owned(),
        "home" => "Home".to_owned(),
        "end" => "End".to_owned(),
        "tab" => "Tab".to_owned(),
        "shift-tab" => "Shift-Tab".to_owned(),
        "space" => "Space".to_owned(),
        _ => match key.split_once('-') {
            Some(("ctrl", letter)) if !letter.is_empty() => format!("Ctrl-{}", letter.to_uppercase()),
            Some(("alt", letter)) if !letter.is_empty() => format!("Alt-{letter}"),
            Some(("shift", other)) if !other.is_empty() => format!("Shift-{}", label(other)),
            _ if key.len() > 1 && key.starts_with('f') && !key.contains(' ') => key.to_uppercase(),
            _ => match key.split_once(' ') {
                Some((first, second)) => format!("{}{}", label(first), label(second)),
                None => key.to_owned(),
            },
        },
    }
}

#[cfg(test)]
mod tests;
