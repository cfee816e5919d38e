//! `syncdeck console`: the screen.

pub const EXAMPLE: &str = "Example:\n  syncdeck\n  syncdeck -c acme.toml console --ascii";

#[derive(clap::Args, Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Draw with ASCII alone, for terminals and fonts without line drawing
    #[arg(long)]
    pub ascii: bool,
}
