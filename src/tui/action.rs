//! Everything that a person can do in the console, each once.

/// What a key asks for. What it means is the screen's or the dialog's that has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    ShowJobs,
    ShowDead,
    ShowConflicts,
    ShowCheckpoints,
    ShowRuns,
    ShowConnections,
    ShowLogs,
    Help,
    Messages,
    Attention,
    Undo,
    Redraw,
    /// Closes, leaves, clears, goes back. It never ends the program.
    Back,
    Quit,
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
    StopRun,
    Next,
    Previous,
    DeadOfJob,
    CheckpointsOfJob,
    RunsOfJob,
    ConnectionOfJob,
    LogsOfJob,
    JobOfSelection,
    Retry,
    RetryAll,
    Discard,
    BringBack,
    TestConnection,
    HoldRelease,
    ResetCircuit,
    ComparePair,
    CompareKind,
    Sort,
    Mark,
    MarkAll,
    View,
    HideUnchanged,
    Reveal,
    MoreLines,
    FewerLines,
    Yes,
    No,
    Accept,
    StopAndQuit,
}

impl Action {
    /// Changes what the engine does or holds, so it must never happen by accident.
    pub fn changes_data(self) -> bool {
        matches!(
            self,
            Self::PauseResume
                | Self::RunNow
                | Self::PauseAll
                | Self::StopRun
                | Self::TestConnection
                | Self::HoldRelease
                | Self::ResetCircuit
                | Self::Retry
                | Self::RetryAll
                | Self::Discard
                | Self::BringBack
                | Self::Undo
        )
    }
}
