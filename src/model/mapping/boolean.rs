//! `boolean`: yes and no in the words of the source.

use super::transform::{OptionSpec, TransformSpec, both};
use super::value::content;

const YES: &[&str] = &["true", "yes", "y", "on", "t", "1"];
const NO: &[&str] = &["false", "no", "n", "off", "f", "0"];

pub(super) const SPEC: TransformSpec = TransformSpec {
    name: "boolean",
    does: "reads true, yes, y, on, t and 1, or false, no, n, off, f and 0, in any letter case",
    options: &[
        OptionSpec { name: "yes", does: "the words that mean true, instead of the usual ones" },
        OptionSpec { name: "no", does: "the words that mean false, instead of the usual ones" },
    ],
    build: |options| {
        let (yes, no) = both(options.texts("yes"), options.texts("no"))?;
        let yes = words(yes, YES);
        let no = words(no, NO);
        Ok(Box::new(move |value, out| {
            if value == "true" || value == "false" {
                out.push_str(value);
                return Ok(());
            }
            let word = content(value)?.trim().to_lowercase();
            let answer = if yes.contains(&word) {
                "true"
            } else if no.contains(&word) {
                "false"
            } else {
                return Err(format!("is none of {} and none of {}", yes.join(", "), no.join(", ")));
            };
            out.push_str(answer);
            Ok(())
        }))
    },
};

fn words(own: Option<Vec<String>>, usual: &[&str]) -> Vec<String> {
    match own {
        Some(own) => own.iter().map(|word| word.trim().to_lowercase()).collect(),
        None => usual.iter().map(|word| (*word).to_owned()).collect(),
    }
}
