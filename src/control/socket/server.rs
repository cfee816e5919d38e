//! The listening end, in the process that holds the state.

use super::place::Place;
use super::routes::{self, Desk};
use crate::control::Host;
use crate::control::local::Local;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Connections that are open at once; who comes after them waits.
const CONNECTIONS_MAX: usize = 128;
/// How long answers in progress may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// After a failed accept (too many open files), so that it does not spin.
const ACCEPT_AGAIN: Duration = Duration::from_millis(250);

/// Why nothing could be listened on.
#[derive(Debug, thiserror::Error)]
#[error("the control socket in `{folder}` could not be made: {problem}", folder = folder.display())]
pub struct ListenError {
    pub folder: PathBuf,
    pub problem: String,
}

/// Answers on the control socket until it is stopped or dropped.
pub struct Server {
    task: JoinHandle<()>,
    stopping: CancellationToken,
    place: Place,
}

impl Server {
    /// Listens in the state folder, for processes of this user and of root.
    ///
    /// The caller must hold the state: whatever socket is there was left by a process that no longer does, and is
    /// replaced.
    pub fn listen(folder: &Path, local: Local, host: Host) -> Result<Self, ListenError> {
        let refused =
            |error: &dyn std::fmt::Display| ListenError { folder: folder.to_owned(), problem: error.to_string() };
        let place = Place::of(folder).map_err(|error| refused(&error))?;
        let listener = bind(&place).map_err(|error| refused(&error))?;
        let stopping = CancellationToken::new();
        let own = rustix::process::geteuid().as_raw();
        let router = routes::router(Arc::new(Desk::new(local, host, own, stopping.clone())));
        let service = router.into_make_service_with_connect_info::<Peer>();
        let gate = Gate { listener, permits: Arc::new(Semaphore::new(CONNECTIONS_MAX)) };
        let told = stopping.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            // It ends only by being told or aborted; errors of single connections are their own.
            let _ = axum::serve(gate, service).with_graceful_shutdown(told).await;
        });
        Ok(Self { task, stopping, place })
    }

    /// Tells everyone who watches that this is the end, finishes what is being answered and takes the socket away.
    pub async fn stop(mut self) {
        self.take_away();
        self.stopping.cancel();
        if tokio::time::timeout(LAST_ANSWERS, &mut self.task).await.is_err() {
            tracing::warn!("a client of the control socket did not end in time");
        }
    }

    /// Before the lock of the state is given up, else it could be the next holder's socket.
    fn take_away(&self) {
        if let Err(error) = std::fs::remove_file(self.place.socket())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the control socket was not removed");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.stopping.is_cancelled() {
            self.take_away();
            self.stopping.cancel();
        }
        self.task.abort();
    }
}

/// Makes the socket under another name and puts it in its place when it is its owner's alone, so that nobody ever meets
/// one that is not.
fn bind(place: &Place) -> io::Result<UnixListener> {
    let (socket, draft) = (place.socket(), place.draft());
    match socket.symlink_metadata() {
        Ok(old) if !old.file_type().is_socket() && !old.file_type().is_symlink() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "`control.sock` there is no socket; move it away",
            ));
        }
        _ => {}
    }
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&draft)?;
    std::fs::set_permissions(&draft, Permissions::from_mode(0o600))?;
    std::fs::rename(&draft, &socket)?;
    Ok(listener)
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// None where the system does not say.
    pub uid: Option<u32>,
}

impl Connected<IncomingStream<'_, Gate>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        *stream.remote_addr()
    }
}

/// Lets in so many connections and no more.
pub(super) struct Gate {
    listener: UnixListener,
    permits: Arc<Semaphore>,
}

impl Listener for Gate {
    type Io = Wire;
    type Addr = Peer;

    async fn accept(&mut self) -> (Wire, Peer) {
        let permit = self.permits.clone().acquire_owned().await.expect("a semaphore that nobody closes");
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                    return (Wire { stream, _permit: permit }, Peer { uid });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket could not take a connection");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { uid: None })
    }
}

/// A connection, counted while it is open.
pub(super) struct Wire {
    stream: UnixStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
