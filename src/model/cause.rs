//! Which failures are the same: the group of a dead letter.
//!
//! Part of the stored format: the state file keeps letters under these hashes, so a change to the masking, to the
//! words below or to the hash parts the letters that were stored from those that come.

use super::{GroupId, JobId, Reason};
use regex::Regex;
use std::sync::LazyLock;
use xxhash_rust::xxh3::Xxh3;

/// What stands for something masked.
const MASK: &str = "…";

/// Of a longer message the beginning decides.
const LENGTH_MAX: usize = 2_000;

/// In this order: e-mail addresses; quoted values (an apostrophe inside a word quotes nothing); words that hold a digit,
/// which are numbers, ids, UUIDs, times and amounts.
static VARYING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        (?<email> [^\s"'`<>(),;:=]+ @ [^\s"'`<>(),;:=@]+ )
        | (?<quoted> " (?: [^"\\] | \\. )* " | ` [^`]* ` | \B ' [^']* ' \B | “ [^”]* ” | ‘ [^’]* ’ | « [^»]* » )
        | (?<number> [\p{L}\p{N}_\#$€£%+-]* \p{N} (?: [\p{L}\p{N}_%+-] | [.,:] [\p{L}\p{N}_+-] )* )
        "#,
    )
    .expect("the pattern of what differs between records")
});

/// One masked thing after the other counts as one: a list of three ids is the cause of a list of two.
static MASKED_LIST: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"…(?:[\s,;]+(?:and\s+)?…)+").expect("the pattern of masked things in a row"));

/// A message with everything masked that differs between records: ids, numbers, quoted values, e-mail addresses, times.
pub fn masked(message: &str) -> String {
    let message: String = message.chars().take(LENGTH_MAX).collect();
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let masked = VARYING.replace_all(&message, MASK);
    MASKED_LIST.replace_all(&masked, MASK).into_owned()
}

/// The group: a hash of job, class, status, field and masked message.
pub fn group_of(job: &JobId, reason: &Reason) -> GroupId {
    let status = reason.status.map(|status| status.to_string());
    let field = reason.field.as_deref().map(without_indexes);
    let message = masked(&reason.message);
    let mut hash = Xxh3::new();
    for part in [Some(job.as_str()), Some(reason.class.word()), status.as_deref(), field.as_deref(), Some(&message)] {
        hash.update(part.unwrap_or("\u{1e}").as_bytes());
        // A part can not run over into the next one.
        hash.update(b"\x1f");
    }
    GroupId(hash.digest())
}

/// True when all letters of a group have this very field: one without an index, of which a group holds several.
pub fn is_field_of_all(field: &str) -> bool {
    without_indexes(field) == field && !field.contains(MASK)
}

/// `/items/3/price` and `/items/4/price` are the same field.
fn without_indexes(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    for part in field.split_inclusive(['/', '.', '[', ']']) {
        let name = part.trim_end_matches(['/', '.', '[', ']']);
        let is_index = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        plain.push_str(if is_index { MASK } else { name });
        plain.push_str(&part[name.len()..]);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReasonClass;

    fn reason(message: &str) -> Reason {
        Reason {
            class: ReasonClass::Rejected,
            status: Some(422),
            field: Some("email".to_owned()),
            message: message.to_owned(),
            answer: None,
        }
    }

    fn group(message: &str) -> GroupId {
        group_of(&JobId::from("customers"), &reason(message))
    }

    #[test]
    fn what_differs_between_records_is_masked() {
        for (message, expected) in [
            ("contact cust_000123 not found", "contact … not found"),
            ("id 7: not found.", "id …: not found."),
            ("email ada@example.com is taken", "email … is taken"),
            ("`abc` is no number", "… is no number"),
            (r#"value "a \" b" is too long"#, "value … is too long"),
            ("value 'x y' is wrong, it can't be 'z'", "value … is wrong, it can't be …"),
            ("it can't be blank, doesn't work", "it can't be blank, doesn't work"),
            ("6ba7b810-9dad-11d1-80b4-00c04fd430c8 was deleted", "… was deleted"),
            ("changed at 2024-01-02T03:04:05.123+02:00, too late", "changed at …, too late"),
            ("price $1,200.50 exceeds 99%", "price … exceeds …"),
            ("ids 1, 2 and 3 clash", "ids … clash"),
            ("a\n  b", "a b"),
        ] {
            assert_eq!(masked(message), expected);
        }
    }

    #[test]
    fn a_long_hostile_message_is_masked_in_bounded_time() {
        let message = "\"".repeat(100_000) + &"a@".repeat(100_000);
        assert!(masked(&message).chars().count() <= LENGTH_MAX);
    }

    #[test]
    fn the_same_cause_makes_the_same_group() {
        assert_eq!(group("contact 1 not found"), group("contact 22 not found"));
        assert_ne!(group("contact 1 not found"), group("contact 1 is locked"));
    }

    #[test]
    fn job_class_status_and_field_part_the_groups() {
        let job = JobId::from("customers");
        let first = reason("no");
        let all = [
            group_of(&job, &first),
            group_of(&JobId::from("orders"), &first),
            group_of(&job, &Reason { class: ReasonClass::Mapping, ..first.clone() }),
            group_of(&job, &Reason { status: None, ..first.clone() }),
            group_of(&job, &Reason { field: Some("phone".to_owned()), ..first.clone() }),
            group_of(&job, &Reason { field: None, ..first.clone() }),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_place_in_a_list_is_no_other_field() {
        let at = |field: &str| group_of(&JobId::from("j"), &Reason { field: Some(field.to_owned()), ..reason("no") });
        assert_eq!(at("/items/3/price"), at("/items/14/price"));
        assert_eq!(at("items[3].price"), at("items[4].price"));
        assert_ne!(at("address1"), at("address2"));
    }

    #[test]
    fn stored_groups_are_found_again_by_later_versions() {
        // A failure here means that letters stored by a released version would fall apart from new ones.
        assert_eq!(group("contact 1 not found").to_string(), "e9bd7ef48e19c535");
    }
}
