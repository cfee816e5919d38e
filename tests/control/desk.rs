//! An engine over simulated systems with its state on a disk, and handles of both kinds on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use syncdeck::connect::Link;
use syncdeck::control::local::Local;
use syncdeck::control::socket::{Door, Remote, Server, Signature};
use syncdeck::control::{Answer, Done, Handle, Host, Refusal, Request};
use syncdeck::engine::clock::SystemClock;
use syncdeck::engine::{Engine, Parts, Start};
use syncdeck::model::{Actor, EngineInfo, JobId, JobStatus, Via};
use syncdeck::sim::{Spoil, World};
use syncdeck::store::{Options, Store};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

pub const CUSTOMERS: u64 = 30;
/// How long anything may take on a busy machine before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Customers by cursor, two of which the CRM refuses. It runs when it is told to.
const CONFIG: &str = r#"
[workspace]
name = "desk"
state = "state"
[connections.shop]
type = "rest"
base_url = "http://shop.test/api"
[connections.crm]
type = "rest"
base_url = "http://crm.test/v2"
[jobs.customers]
[jobs.customers.source]
connection = "shop"
path = "/cursor/customers"
query = { limit = "10" }
records = "/data"
id = "/id"
version = "/updated_at"
paginate = { type = "cursor", next = "/next_cursor", param = "cursor" }
one = { path = "/customers/{{ id }}" }
[jobs.customers.destination]
connection = "crm"
path = "/contacts/{{ id }}"
[jobs.orders]
[jobs.orders.source]
connection = "shop"
path = "/cursor/orders"
records = "/data"
id = "/id"
[jobs.orders.destination]
connection = "crm"
path = "/orders/{{ id }}"
"#;

pub struct Desk {
    pub engine: Arc<Engine>,
    pub local: Local,
    pub server: Option<Server>,
    home: TempDir,
    folder: PathBuf,
}

/// The two ends that a handle can have.
#[derive(Clone, Copy, Debug)]
pub enum End {
    Local,
    Socket,
}

impl Desk {
    /// An engine that has run `customers` once, runs on, and listens.
    pub async fn open() -> Self {
        let mut desk = Self::closed("state").await;
        desk.engine.start(Start::service()).await;
        desk.run_once().await;
        desk.listen();
        desk
    }

    /// An engine with its state in a folder of this name, which neither runs nor listens.
    pub async fn closed(name: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join(name);
        let store = Store::open(&folder, &Options::default()).expect("a state that opens");
        let world = World::new(5, CUSTOMERS);
        world.shop.spoil("customers", "cus_000007", Spoil::Email);
        world.shop.spoil("customers", "cus_000008", Spoil::Phone);
        let config = syncdeck::config::parse(CONFIG, Path::new("syncdeck.toml"), &|_| None)
            .unwrap_or_else(|mistakes| panic!("the test's configuration: {mistakes}"));
        let (transport, masks) = (world.transport(), config.masks.clone());
        let links = config.connections.into_iter().map(|connection| Link {
            connection: Arc::new(connection),
            transport: transport.clone(),
            masks: masks.clone(),
        });
        let info =
            EngineInfo { workspace: "desk \"1\"".to_owned(), version: "0.0.0".to_owned(), ..EngineInfo::default() };
        let parts = Parts {
            store,
            clock: Arc::new(SystemClock),
            jobs: config.jobs,
            links: links.collect(),
            info,
            seed: 1,
            runs_at_once: 16,
        };
        let engine = Engine::new(parts).await.expect("an engine");
        Self { local: Local::new(engine.clone()), engine, server: None, home, folder }
    }

    async fn run_once(&self) {
        let handle = self.local("starter");
        done(&handle, Request::Trigger { jobs: customers() }).await.expect("a run is ordered");
        // The job's own first run may have begun by then: the ordered one is a second one.
        until(&handle, |job| job.total.scanned >= CUSTOMERS && job.run.is_none() && job.dead_waiting == 2).await;
    }

    pub fn listen(&mut self) {
        self.server = Some(self.server().expect("a socket"));
    }

    pub fn server(&self) -> Result<Server, syncdeck::control::socket::ListenError> {
        let host = Host {
            pid: std::process::id(),
            user: "keeper".to_owned(),
            command: "serve".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Host::default()
        };
        Server::listen(&self.folder, self.local.clone(), host)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A folder beside the state.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("control.sock")
    }

    pub async fn handle(&self, end: End, name: &str) -> Handle {
        match end {
            End::Local => self.local(name),
            End::Socket => Handle::attached(self.remote(name).await),
        }
    }

    pub fn local(&self, name: &str) -> Handle {
        Handle::new(self.local.clone(), Actor::person(name, Via::Console))
    }

    pub async fn remote(&self, name: &str) -> Remote {
        let by = Signature { name: name.to_owned(), door: Door::Console };
        Remote::connect(&self.folder, by).await.expect("an engine that listens")
    }

    /// Sends a request as `curl --unix-socket` would, and returns status and body.
    pub async fn curl(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = UnixStream::connect(self.socket()).await.expect("somebody listens");
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        );
        // A request that is too long is answered before all of it is read.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time");
        let answer = String::from_utf8(answer).expect("text");
        assert!(read.is_ok() || !answer.is_empty(), "{method} {path}: {read:?}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        (status, if is_chunked { unchunked(body) } else { body.to_owned() })
    }
}

fn unchunked(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        body.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    body
}

pub fn customers() -> Vec<JobId> {
    vec![JobId::from("customers")]
}

/// Gives an order and returns what it did.
pub async fn done(handle: &Handle, request: Request) -> Result<Done, Refusal> {
    match handle.ask(request.clone()).await? {
        Answer::Done(done) => Ok(done),
        other => panic!("{request:?} was answered with {other:?}"),
    }
}

/// Waits until the handle shows the job as it should be.
pub async fn until(handle: &Handle, is_so: impl Fn(&JobStatus) -> bool) {
    let mut watch = handle.watch();
    let found = watch.wait_for(|snapshot| snapshot.jobs.iter().any(|job| job.id.as_str() == "customers" && is_so(job)));
    let found = tokio::time::timeout(PATIENCE, found).await;
    found.expect("it came in time").expect("the engine is there");
}
