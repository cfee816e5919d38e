//! Starts the house and gives its exit status back.

use std::process::ExitCode;

/// Many small, short-lived allocations on several threads are what a sync does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The allocator asks for pages of 2 MiB; a third of the memory of a busy sync would be such pages, hardly used.
    // A system that refuses costs that memory and nothing else.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // The runtime needs some files to begin at all.
    syncdeck::wiring::take_files().unwrap_or_else(run)
}

#[tokio::main]
async fn run() -> ExitCode {
    syncdeck::wiring::run(std::env::args_os()).await
}
