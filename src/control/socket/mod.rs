//! The same words between processes: HTTP and JSON over a Unix socket in the state folder.
//!
//! The process that holds the state listens ([`Server`]); every other one that is started over the same state attaches
//! ([`Remote`]). Only processes of the same user, and root, are answered.

mod client;
mod lookups;
mod metrics;
mod orders;
mod place;
mod routes;
mod server;
mod sse;
mod wire;

pub use client::{ConnectError, Remote};
pub use server::{ListenError, Server};
pub use wire::{Door, PROTOCOL, Signature};
