//! `syncdeck console`: the screen.

pub const EXAMPLE: &str =
    "Example:\n  syncdeck\n  syncdeck -c acme.toml console --ascii\n  syncdeck console --attach\n  syncdeck --plain";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Draw with ASCII alone, for terminals and fonts without line drawing
    #[arg(long)]
    pub ascii: bool,
    /// Lines instead of a screen, and words instead of keys: for screen readers and plain terminals (TERM=dumb)
    #[arg(long)]
    pub plain: bool,
    /// Attach to the engine that runs, without asking; where none runs, none is started
    #[arg(long)]
    pub attach: bool,
    /// Look only: no key of this screen changes anything
    #[arg(long)]
    pub read_only: bool,
}
