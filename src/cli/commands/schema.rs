//! `syncdeck schema`: the JSON Schema of the configuration, for editors.

use crate::cli::{Exit, Output, Report};

pub const EXAMPLE: &str = "Example:\n  syncdeck schema > syncdeck.schema.json";

/// Prints the schema, which is this program's own text.
pub fn run(schema: &str, out: &mut Output) -> Result<Exit, Report> {
    out.own_text(schema)?;
    Ok(Exit::Done)
}
