//! Everything that a person can do in the console, each once.

/// What a key asks for. What it means is the screen's or the dialog's that has the keys.
///
/// In the configuration an action has its variant's name in small letters (`retry_all`), so a variant that is renamed
/// breaks the files of those who bound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Action {
    ShowJobs,
    ShowDead,
    ShowConflicts,
    ShowCheckpoints,
    ShowRuns,
    ShowConnections,
    ShowLogs,
    ShowWhy,
    /// Looks the selected record up, or asks which one is meant.
    Why,
    Help,
    /// Finds and runs commands, and finds jobs, dead letters and connections.
    Palette,
    /// All that can be done with the selection.
    Menu,
    Messages,
    Attention,
    Undo,
    Redraw,
    Mouse,
    NextTheme,
    /// Closes, leaves, clears, goes back. It never ends the program.
    Back,
    Quit,
    /// Stops the process until the shell lets it go on.
    Suspend,
    Interrupt,
    Filter,
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    Top,
    Bottom,
    NextPane,
    PreviousPane,
    Open,
    LetIn,
    Zoom,
    PauseResume,
    RunNow,
    PauseAll,
    RunAll,
    StopRun,
    ReadRange,
    Next,
    Previous,
    DeadOfJob,
    CheckpointsOfJob,
    RunsOfJob,
    ConnectionOfJob,
    /// All jobs of the instance that the selected job is of.
    CustomerOfJob,
    LogsOfJob,
    JobOfSelection,
    ConflictsOfSelection,
    Retry,
    RetryAll,
    /// Stops a retry of many letters.
    StopRetry,
    /// Corrects the fields of a letter.
    Edit,
    /// Opens what is being corrected in an editor.
    Editor,
    /// Text, JSON, or not sent.
    ChangeKind,
    /// Back to what is sent without a correction.
    Original,
    EditAgain,
    SaveOnly,
    /// Retries only what changed at its source.
    ChangedOnly,
    /// Says whether a record of unknown outcome was made.
    Settle,
    Discard,
    /// Discards all that match the filter.
    DiscardAll,
    /// Looks up the record that a complaint names, or the letter's own, at both systems.
    LookUpRelated,
    BringBack,
    Bundle,
    /// Writes the view to a file.
    Export,
    AsJson,
    AsCsv,
    AsText,
    TestConnection,
    HoldRelease,
    ResetCircuit,
    /// Sets a lower budget than the configured one.
    LowerBudget,
    /// How a connection signs in.
    SignIn,
    ComparePair,
    /// Puts a job back to the selected checkpoint.
    Rewind,
    /// Puts it back to a time, a number or before a record.
    RewindWhere,
    /// Releases the withheld deletes of a job, or gives them up.
    Withheld,
    /// What the next run would do.
    Plan,
    Journal,
    CompareKind,
    Sort,
    ReverseSort,
    Mark,
    /// Marks the selected row and the one above it, so that a range grows.
    MarkUp,
    MarkDown,
    MarkAll,
    View,
    HideUnchanged,
    Reveal,
    /// Both systems are asked, or not.
    Live,
    SyncOne,
    CopyAnswer,
    CopyId,
    CopyPayload,
    CopyError,
    /// A command that sends what was sent last.
    CopyRequest,
    CopyLine,
    /// What was copied last, with its control characters written out.
    CopyEscaped,
    MoreLines,
    FewerLines,
    /// Leaves only the lines that match, where [`Action::Filter`] looks for text in all of them.
    FilterLines,
    FindNext,
    FindPrevious,
    /// Local, UTC, relative.
    TimeFormat,
    /// The chart goes back further, or less far.
    ZoomOut,
    ZoomIn,
    /// Keeps what is shown as it is, or follows the engine again.
    Freeze,
    Yes,
    No,
    Accept,
    Complete,
    StopAndQuit,
    KeepInBackground,
    /// The engine of another process is gone: run one here.
    StartHere,
    /// Attaches to the engine of another process, and changes nothing from here.
    AttachReadOnly,
    /// Attaches to it, now and from now on, without being asked.
    AttachAlways,
}

impl Action {
    /// As the configuration writes it.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Must not be done by a key that is pressed without a thought: Enter, Space, Esc.
    pub fn needs_thought(self) -> bool {
        self.changes_data() || matches!(self, Self::Yes | Self::StopAndQuit | Self::KeepInBackground)
    }

    /// Changes what the engine does or holds, so it must never happen by accident.
    pub fn changes_data(self) -> bool {
        matches!(
            self,
            Self::PauseResume
                | Self::RunNow
                | Self::PauseAll
                | Self::RunAll
                | Self::StopRun
                | Self::ReadRange
                | Self::TestConnection
                | Self::HoldRelease
                | Self::ResetCircuit
                | Self::LowerBudget
                | Self::Retry
                | Self::RetryAll
                | Self::StopRetry
                | Self::Edit
                | Self::SaveOnly
                | Self::ChangedOnly
                | Self::Settle
                | Self::Discard
                | Self::Withheld
                | Self::DiscardAll
                | Self::BringBack
                | Self::SyncOne
                | Self::Rewind
                | Self::RewindWhere
                | Self::Undo
        )
    }
}
