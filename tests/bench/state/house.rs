//! An engine over a state that was filled: it answers, and nothing is at the other end of its connections.

use std::path::Path;
use std::sync::Arc;
use syncdeck::config;
use syncdeck::connect;
use syncdeck::engine::clock::SystemClock;
use syncdeck::engine::{Engine, Parts};
use syncdeck::model::{Clock, EngineInfo};
use syncdeck::store::Store;

const CONFIG: &str = r#"
[workspace]
name = "bench"
state = "state"
[connections.shop]
type = "rest"
base_url = "http://127.0.0.1:9/api"
[connections.crm]
type = "rest"
base_url = "http://127.0.0.1:9/v2"
[jobs.bench]
schedule = "manual"
source = { connection = "shop", path = "/customers", records = "/data", id = "/id", paginate = "none" }
destination = { connection = "crm", path = "/customers/{{ id }}" }
"#;

/// `more` is added to the configuration.
pub async fn engine(store: Store, more: &str) -> Arc<Engine> {
    let config = config::parse(&format!("{CONFIG}{more}"), Path::new("bench.toml"), &|_| None);
    let config = config.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let links = connect::links(&config.connections, &config.masks).expect("clients");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let info = EngineInfo {
        workspace: "bench".to_owned(),
        version: "0".to_owned(),
        pid: 1,
        started_at: clock.now(),
        is_running: true,
        is_demo: false,
        state_folder: "state".to_owned(),
        log_folder: "log".to_owned(),
        store_error: None,
        config_changed_at: None,
        redact: Vec::new(),
    };
    let parts = Parts { store, clock, jobs: config.jobs, links, info, seed: 7, runs_at_once: 16 };
    Engine::new(parts).await.expect("an engine")
}
