//! What is said between a door and an engine: the same in this process and over the control socket.

mod desk;
mod metrics;
mod routes;
mod same;
mod socket;
