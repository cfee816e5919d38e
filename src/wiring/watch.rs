//! Tells the engine when the files of its configuration hold something else: nothing is reloaded silently.

use crate::config::Watched;
use crate::engine::Engine;
use std::sync::Arc;
use std::time::Duration;

/// How often the files are looked at.
const LOOKS_EVERY: Duration = Duration::from_secs(3);

/// Looks at the files for as long as it is let.
pub(super) async fn watch(engine: Arc<Engine>, mut watched: Watched) {
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        let look = tokio::task::spawn_blocking(move || {
            let differs = watched.differs();
            (watched, differs)
        });
        let Ok((same, differs)) = look.await else { return };
        watched = same;
        engine.set_config_changed(differs.then(|| engine.now()));
    }
}
