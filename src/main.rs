//! Starts the house and gives its exit status back.

use std::process::ExitCode;

/// Many small, short-lived allocations on several threads are what a sync does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    syncdeck::wiring::run(std::env::args_os()).await
}
