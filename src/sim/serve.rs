//! Serves a router over real sockets, with a switch in each connection that can break it.

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server that runs until it is stopped or dropped.
pub struct ServeHandle {
    task: JoinHandle<()>,
    breaker: Switch,
}

impl ServeHandle {
    /// Closes the listener at once; open connections break with their next byte.
    pub async fn stop(mut self) {
        self.task.abort();
        self.breaker.break_off();
        // Awaited, so that the port is free again when this returns.
        let _ = (&mut self.task).await;
    }

    /// Waits for as long as the server serves.
    pub async fn served(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for ServeHandle {
    fn drop(&mut self) {
        self.task.abort();
        self.breaker.break_off();
    }
}

/// Serves `router` at `address` (port 0 takes any free one); returns where it listens.
///
/// Errors are those of binding the address.
pub async fn serve(router: Router, address: SocketAddr) -> io::Result<(SocketAddr, ServeHandle)> {
    let tcp = TcpListener::bind(address).await?;
    let address = tcp.local_addr()?;
    let breaker = Switch::default();
    let door = Door { tcp, breaker: breaker.clone() };
    let service = router.into_make_service_with_connect_info::<Switch>();
    let task = tokio::spawn(async move {
        // It ends only by being aborted.
        let _ = axum::serve(door, service).await;
    });
    Ok((address, ServeHandle { task, breaker }))
}

/// Breaks a connection off: the next byte that would be written is not.
#[derive(Clone, Debug, Default)]
pub(super) struct Switch(Arc<AtomicBool>);

impl Switch {
    pub fn break_off(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct Door {
    tcp: TcpListener,
    breaker: Switch,
}

struct Wire {
    tcp: TcpStream,
    switch: Switch,
    breaker: Switch,
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, address)) => {
                    // Small answers must not wait for the acknowledgement of the ones before.
                    let _ = tcp.set_nodelay(true);
                    return (Wire { tcp, switch: Switch::default(), breaker: self.breaker.clone() }, address);
                }
                // Out of file descriptors, most likely; a moment later there are some again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl Connected<IncomingStream<'_, Door>> for Switch {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().switch.clone()
    }
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if self.switch.is_broken() || self.breaker.is_broken() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
