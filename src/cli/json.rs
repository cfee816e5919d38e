//! JSON as it is printed: compact, one line, and escaped so that a terminal obeys nothing of it.

pub use crate::model::harmless_json as harmless;

use crate::model::{Checkpoint, Counts, JobId, harmless_json};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// Writes `value` as one line. Everything that a terminal would obey or hide stands as `\u…`, which means the same.
pub fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(|text| harmless_json(&text))
}

/// `text`, which is JSON, with a member a line; its digits stay as they are.
pub fn indented(text: &str) -> Vec<String> {
    let compact = harmless_json(text);
    let mut lines = vec![String::new()];
    let mut depth = 0;
    let mut is_inside = false;
    let mut is_escaped = false;
    let mut scalars = compact.chars().peekable();
    let fresh = |depth: usize| "  ".repeat(depth.min(DEPTH_MAX));
    while let Some(scalar) = scalars.next() {
        let line = lines.last_mut().expect("there is always a line being written");
        if is_inside || scalar == '"' {
            if scalar == '"' && !is_escaped {
                is_inside = !is_inside;
            }
            is_escaped = is_inside && scalar == '\\' && !is_escaped;
            line.push(scalar);
            continue;
        }
        match scalar {
            '{' | '[' => {
                line.push(scalar);
                if let Some(close) = scalars.next_if(|next| matches!(next, '}' | ']')) {
                    line.push(close);
                } else {
                    depth += 1;
                    lines.push(fresh(depth));
                }
            }
            '}' | ']' => {
                depth -= 1;
                lines.push(format!("{}{scalar}", fresh(depth)));
            }
            ',' => {
                line.push(',');
                lines.push(fresh(depth));
            }
            ':' => line.push_str(": "),
            _ => line.push(scalar),
        }
    }
    lines
}

/// Deeper values are not moved further to the right.
const DEPTH_MAX: usize = 32;

/// The counts in the order in which they are always told.
pub fn counts(counts: &Counts) -> Value {
    json!({
        "scanned": counts.scanned,
        "created": counts.created,
        "updated": counts.updated,
        "deleted": counts.deleted,
        "skipped": counts.skipped,
        "held": counts.held,
        "errored": counts.errored,
        "retried": counts.retried,
        "skipped_because": counts.reasons,
    })
}

pub fn checkpoint(checkpoint: Option<&Checkpoint>) -> Value {
    checkpoint.map_or(Value::Null, Checkpoint::to_json)
}

/// The job's name and its instance, which scripts read apart: `customers@globex`. A part stays in the name: `contacts+a`.
pub fn job_and_instance(job: &JobId) -> (Cow<'_, str>, Option<&str>) {
    (job.base_and_part(), job.instance())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Row 102 of the fault matrix.
    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_means_the_same() {
        let text = "\u{9b}2J \u{202e} \x7f \u{e0041} ok \" \\";
        let printed = line(&json!({ "text": text })).expect("plain JSON");
        assert_eq!(printed, r#"{"text":"\u009b2J \u202e \u007f \udb40\udc41 ok \" \\"}"#);
        let back: Value = serde_json::from_str(&printed).expect("still JSON");
        assert_eq!(back["text"], text);
    }

    // Row 102 of the fault matrix.
    #[test]
    fn a_record_that_came_with_line_ends_is_one_line_with_its_digits() {
        let text = "{\r\n\t\"id\" : 12345678901234567890123,\n \"x\": [1.10, \"a  b\"]}";
        assert_eq!(harmless(text), r#"{"id":12345678901234567890123,"x":[1.10,"a  b"]}"#);
    }

    #[test]
    fn an_indented_value_has_a_member_a_line() {
        let lines = indented(r#"{"a":[1,{"b":"x,{y}\""}],"c":{},"d":[]}"#);
        let wanted = ["{", "  \"a\": [", "    1,", "    {", "      \"b\": \"x,{y}\\\"\"", "    }", "  ],"];
        assert_eq!(lines[..7], wanted);
        assert_eq!(lines[7..], ["  \"c\": {},", "  \"d\": []", "}"]);
    }
}
