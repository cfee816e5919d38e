//! The attaching end: asks the engine of another process and follows what it tells.

use super::place::Place;
use super::sse::{self, Event};
use super::wire::{Ask, END_EVENT, Hello, PROTOCOL, PROTOCOL_HEADER, Problem, SNAPSHOT_EVENT, Signature, Told};
use crate::connect::http::use_ring;
use crate::control::{Answer, Attachment, Host, Loss, Refusal, Request};
use crate::engine::clock::SystemClock;
use crate::model::{Clock, JobId, Snapshot};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// An engine that lives says who it is within this time.
const HELLO_MAX: Duration = Duration::from_secs(3);
/// An engine that lives says something within this time, and be it that nothing happens.
const SILENCE_MAX: Duration = Duration::from_secs(8);
/// A little more than the engine gives itself.
const ANSWER_MAX: Duration = Duration::from_secs(125);
/// A lost engine is looked for so often, a second apart.
const TRIES_MAX: u32 = 10;
const TRY_EVERY: Duration = Duration::from_secs(1);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Why nothing could be attached to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// There is no socket, or one that a crash left: nobody listens.
    #[error("no engine listens in `{folder}`", folder = .0.display())]
    Nobody(PathBuf),
    /// Somebody listens and does not answer.
    #[error("the engine in `{folder}` does not answer", folder = .0.display())]
    Silent(PathBuf),
    /// It answers another user.
    #[error("{0}")]
    Forbidden(String),
    /// It speaks another protocol.
    #[error("{0}")]
    Protocol(String),
    #[error("the engine's control socket can not be used: {0}")]
    Broken(String),
}

impl ConnectError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Nobody(_) => "`syncdeck serve` or `syncdeck` runs one",
            Self::Silent(_) => "it may be busy or hang; it is safe to end it: every job goes on from its checkpoint",
            Self::Forbidden(_) => "run syncdeck as the user who runs the engine",
            Self::Protocol(_) => "use the syncdeck that runs the engine, or start the engine anew with this one",
            Self::Broken(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// An engine in another process. Cheap to clone; it follows the engine until the last clone is dropped.
#[derive(Clone)]
pub struct Remote {
    line: Line,
    by: Signature,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    attachment: watch::Receiver<Attachment>,
    _following: Arc<AbortOnDropHandle<()>>,
}

impl Remote {
    /// Attaches to the engine that holds the state in `folder`. Orders will be signed with `by`.
    pub async fn connect(folder: &Path, by: Signature) -> Result<Self, ConnectError> {
        let line = Line::to(folder)?;
        let (host, mut events) = line.open().await?;
        let first = tokio::time::timeout(HELLO_MAX, events.next()).await;
        let first = first.map_err(|_| ConnectError::Silent(folder.to_owned()))?;
        let Some(Word::Snapshot(first)) = first else {
            return Err(ConnectError::Nobody(folder.to_owned()));
        };
        let (snapshots, watch) = watch::channel(Arc::new(*first));
        let (attached, attachment) = watch::channel(Attachment::Attached(host.clone()));
        let follower = Follower { line: line.clone(), host, snapshots, attached };
        let following = tokio::spawn(follower.follow(events));
        let following = Arc::new(AbortOnDropHandle::new(following));
        Ok(Self { line, by, snapshots: watch, attachment, _following: following })
    }

    pub async fn ask(&self, request: Request) -> Result<Answer, Refusal> {
        if !self.attachment.borrow().is_there() {
            return Err(unreachable(&request, "it went away"));
        }
        let asked = Ask { by: self.by.clone(), request };
        match self.line.ask(&asked).await {
            Ok(told) => told,
            Err(Unheard::Refused(problem)) => Err(Refusal { message: problem.error, hint: problem.hint }),
            Err(Unheard::Broken(why)) => Err(unreachable(&asked.request, &why)),
        }
    }

    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    pub fn attachment(&self) -> watch::Receiver<Attachment> {
        self.attachment.clone()
    }

    pub fn jobs(&self) -> Vec<JobId> {
        self.snapshots.borrow().jobs.iter().map(|job| job.id.clone()).collect()
    }
}

fn unreachable(request: &Request, why: &str) -> Refusal {
    let message = format!("the engine did not answer: {why}");
    let hint = "it may or may not have been done: look before you do it again";
    Refusal { message, hint: request.changes().then(|| hint.to_owned()) }
}

/// One end of a socket that may be opened again.
#[derive(Clone)]
struct Line {
    folder: PathBuf,
    http: reqwest::Client,
    /// Keeps the folder open while its descriptor is part of the socket's path.
    _place: Place,
}

/// What an engine says by itself.
enum Word {
    Snapshot(Box<Snapshot>),
    End,
}

type Events = BoxStream<'static, Word>;

/// Why there is no answer.
enum Unheard {
    Refused(Problem),
    Broken(String),
}

impl Line {
    fn to(folder: &Path) -> Result<Self, ConnectError> {
        let place = Place::of(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ConnectError::Nobody(folder.to_owned()),
            _ => ConnectError::Broken(error.to_string()),
        })?;
        use_ring();
        let http = reqwest::Client::builder()
            .unix_socket(place.socket())
            .no_proxy()
            // Nothing here is encrypted, and looking for the system's authorities takes time.
            .tls_certs_only([])
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| ConnectError::Broken(error.to_string()))?;
        Ok(Self { folder: folder.to_owned(), http, _place: place })
    }

    /// Asks who is there, and to be told what happens.
    async fn open(&self) -> Result<(Host, Events), ConnectError> {
        let hello = self.http.get("http://engine/").header(PROTOCOL_HEADER, PROTOCOL).timeout(HELLO_MAX);
        let response = hello.send().await.map_err(|error| self.unreached(&error))?;
        let (status, spoken) = (response.status(), response.headers().get(PROTOCOL_HEADER).cloned());
        let body = response.bytes().await.map_err(|error| self.unreached(&error))?;
        if !status.is_success() {
            let problem = serde_json::from_slice::<Problem>(&body);
            let text = problem.map_or_else(|_| format!("it answered {status}"), |problem| problem.error);
            return Err(match (status, spoken) {
                (reqwest::StatusCode::FORBIDDEN, _) => ConnectError::Forbidden(text),
                (reqwest::StatusCode::UPGRADE_REQUIRED, _) => ConnectError::Protocol(text),
                _ => ConnectError::Broken(text),
            });
        }
        if spoken.is_none_or(|spoken| spoken.as_bytes() != PROTOCOL.to_string().as_bytes()) {
            return Err(ConnectError::Protocol(
                "what listens there is no syncdeck that this one understands".to_owned(),
            ));
        }
        let hello: Hello = serde_json::from_slice(&body)
            .map_err(|error| ConnectError::Protocol(format!("the engine's greeting is not understood: {error}")))?;
        let events = self.http.get("http://engine/events").header(PROTOCOL_HEADER, PROTOCOL);
        let response = tokio::time::timeout(HELLO_MAX, events.send())
            .await
            .map_err(|_| ConnectError::Silent(self.folder.clone()))?
            .map_err(|error| self.unreached(&error))?;
        if !response.status().is_success() {
            return Err(ConnectError::Broken(format!("it answered {} to who wants to watch", response.status())));
        }
        Ok((hello.host, told(response.bytes_stream().boxed())))
    }

    fn unreached(&self, error: &reqwest::Error) -> ConnectError {
        if error.is_timeout() {
            return ConnectError::Silent(self.folder.clone());
        }
        match io_kind(error) {
            Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                ConnectError::Nobody(self.folder.clone())
            }
            Some(io::ErrorKind::PermissionDenied) => {
                ConnectError::Forbidden("the control socket belongs to another user".to_owned())
            }
            // It ended while it was being asked.
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof) => {
                ConnectError::Nobody(self.folder.clone())
            }
            _ => ConnectError::Broken(innermost(error)),
        }
    }

    async fn ask(&self, ask: &Ask) -> Result<Told, Unheard> {
        let broken = |error: &reqwest::Error| Unheard::Broken(innermost(error));
        let body = serde_json::to_vec(ask).map_err(|error| Unheard::Broken(error.to_string()))?;
        let request = self.http.post("http://engine/ask").header(PROTOCOL_HEADER, PROTOCOL).timeout(ANSWER_MAX);
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(|error| broken(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        let mut stream = response.bytes_stream();
        while let Some(piece) = stream.next().await {
            body.extend_from_slice(&piece.map_err(|error| broken(&error))?);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(Unheard::Broken(format!("its answer is longer than {ANSWER_BYTES_MAX} bytes")));
            }
        }
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| Unheard::Broken(format!("its answer is not understood: {error}")));
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(Unheard::Refused(problem)),
            Err(_) => Err(Unheard::Broken(format!("it answered {status}"))),
        }
    }
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

fn innermost(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

/// The events of an engine as they come. It ends when the engine ends, breaks off or is silent for too long.
fn told(bytes: BoxStream<'static, reqwest::Result<Bytes>>) -> Events {
    let state = Some((bytes, sse::Reader::default()));
    futures::stream::unfold(state, |state| async move {
        let (mut bytes, mut reader) = state?;
        loop {
            while let Some(event) = reader.next() {
                if let Some(told) = understood(&event) {
                    return Some((told, Some((bytes, reader))));
                }
            }
            let piece = tokio::time::timeout(SILENCE_MAX, bytes.next()).await.ok()??.ok()?;
            reader.push(&piece).ok()?;
        }
    })
    .boxed()
}

fn understood(event: &Event) -> Option<Word> {
    match event.name.as_str() {
        SNAPSHOT_EVENT => match serde_json::from_str(&event.data) {
            Ok(snapshot) => Some(Word::Snapshot(snapshot)),
            Err(error) => {
                tracing::warn!(%error, "a snapshot of the engine was not understood");
                None
            }
        },
        END_EVENT => Some(Word::End),
        _ => None,
    }
}

/// Keeps up with an engine, and looks for it when it is lost.
struct Follower {
    line: Line,
    host: Host,
    snapshots: watch::Sender<Arc<Snapshot>>,
    attached: watch::Sender<Attachment>,
}

impl Follower {
    async fn follow(mut self, mut events: Events) {
        loop {
            let was_told = self.listen(events).await;
            match self.look_for(was_told).await {
                Some(found) => events = found,
                None => break,
            }
        }
        // The last word stays to be seen, so the channel stays open for as long as somebody looks.
        self.snapshots.closed().await;
    }

    /// True when the engine said that it ends.
    async fn listen(&mut self, mut events: Events) -> bool {
        while let Some(told) = events.next().await {
            match told {
                Word::Snapshot(snapshot) => {
                    self.snapshots.send_replace(Arc::new(*snapshot));
                }
                Word::End => return true,
            }
        }
        false
    }

    async fn look_for(&mut self, was_told: bool) -> Option<Events> {
        let at = SystemClock.now();
        for tries in 0..TRIES_MAX {
            self.attached.send_replace(Attachment::Lost(Loss { host: self.host.clone(), at, was_told, tries }));
            tokio::time::sleep(TRY_EVERY).await;
            if let Ok((host, events)) = self.line.open().await {
                self.host = host.clone();
                self.attached.send_replace(Attachment::Attached(host));
                return Some(events);
            }
        }
        let loss = Loss { host: self.host.clone(), at, was_told, tries: TRIES_MAX };
        self.attached.send_replace(Attachment::Gone(loss));
        None
    }
}
