//! `syncdeck console`: the screen.

pub const EXAMPLE: &str = "Example:\n  syncdeck\n  syncdeck -c acme.toml console --ascii";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Draw with ASCII alone, for terminals and fonts without line drawing
    #[arg(long)]
    pub ascii: bool,
    /// Look only: no key of this screen changes anything
    #[arg(long)]
    pub read_only: bool,
}
