//! Signals of the process: the first asks for an orderly end, the second ends it at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens from its making until the process ends.
pub(super) struct Signals {
    told: CancellationToken,
}

impl Signals {
    /// Interrupt, terminate and hang-up count alike. A second one leaves at once, as safely as a crash.
    pub(super) fn listen() -> Self {
        let told = CancellationToken::new();
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // A kind that can not be listened to keeps its default: it ends the process, which is safe.
        for mut signal in kinds.into_iter().filter_map(|kind| signal(kind).ok()) {
            let told = told.clone();
            tokio::spawn(async move {
                while signal.recv().await.is_some() {
                    heard(&told);
                }
            });
        }
        Self { told }
    }

    /// Cancelled when the first signal came.
    pub(super) fn told(&self) -> CancellationToken {
        self.told.clone()
    }
}

fn heard(told: &CancellationToken) {
    if told.is_cancelled() {
        std::process::exit(130);
    }
    told.cancel();
}
