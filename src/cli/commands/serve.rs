//! `syncdeck serve`: the engine without a screen, for a service manager.

pub const EXAMPLE: &str = "Example:\n  syncdeck -c /etc/syncdeck/syncdeck.toml serve\n\n\
    It tells the service manager when it is ready (`Type=notify`) and ends in order on SIGTERM.\n\
    A screen attaches with `syncdeck`; every other command works beside it.";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Leave the terminal and go on without it
    #[arg(long)]
    pub detached: bool,
}
