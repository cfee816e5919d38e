//! `hash`: a pseudonym that is always the same for the same value.

use super::transform::{OptionSpec, TransformSpec};
use super::value::content;
use sha2::{Digest, Sha256};
use std::fmt::Write;

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "hash",
    does: "writes the SHA-256 of the salt and the value as hexadecimal digits",
    options: &[OptionSpec { name: "salt", does: "goes before the value, so that nobody can try all values" }],
    build: |options| {
        let salt = options.text("salt")?.unwrap_or_default().to_owned();
        Ok(Box::new(move |value, out| {
            let digest = Sha256::new().chain_update(&salt).chain_update(content(value)?.as_bytes()).finalize();
            out.push('"');
            for byte in digest {
                write!(out, "{byte:02x}").expect("a String takes all that is written");
            }
            out.push('"');
            Ok(())
        }))
    },
};
