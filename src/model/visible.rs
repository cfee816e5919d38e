//! Foreign text made harmless and visible: nothing in it can move a cursor, hide, or swap what a person reads.

use std::borrow::Cow;
use std::fmt::Write;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Scalars of one grapheme that are shown as they are; more of them are a pile, not a letter.
const GRAPHEME_SCALARS_MAX: usize = 8;

/// Returns `text` with everything visible that a terminal would obey, hide or reorder.
///
/// A grapheme stays when it has at most eight scalars, takes one or two cells and hides nothing. Else C0 becomes a
/// control picture (`␛`, `␊`, `␉`), DEL `␡`, and every other hidden scalar its number (`‹202E›`). Trailing spaces become `␠`.
/// What comes out has no control character, and making it visible again changes nothing.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && !text.ends_with(' ') {
        return Cow::Borrowed(text);
    }
    let body = text.trim_end_matches(' ');
    let mut shown = String::with_capacity(text.len() + 16);
    for grapheme in body.graphemes(true) {
        if is_plain(grapheme) {
            shown.push_str(grapheme);
        } else {
            push_apart(&mut shown, grapheme);
        }
    }
    shown.extend(std::iter::repeat_n('␠', text.len() - body.len()));
    if shown == text {
        return Cow::Borrowed(text);
    }
    // A mark that stood behind something hidden stands behind its number now, and may join on to that.
    Cow::Owned(visible(&shown).into_owned())
}

/// True for scalars that a terminal obeys, shows as nothing, or lets change the order of what stands around them.
pub fn is_hidden(scalar: char) -> bool {
    scalar.is_control()
        || matches!(scalar,
            '\u{a0}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{1680}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        // The last two places of every plane will never be characters.
        || u32::from(scalar) & 0xfffe == 0xfffe
}

fn is_plain(grapheme: &str) -> bool {
    let width = grapheme.width();
    let n_scalars = grapheme.chars().count();
    let hides = grapheme.char_indices().any(|(at, scalar)| {
        // Joiners and the emoji sign are no disguise inside of an emoji, which is two cells wide.
        let is_of_emoji = match scalar {
            '\u{200d}' => 0 < at && at + scalar.len_utf8() < grapheme.len(),
            '\u{fe0f}' => 0 < at,
            _ => false,
        };
        is_hidden(scalar) && !(is_of_emoji && width == 2)
    });
    n_scalars <= GRAPHEME_SCALARS_MAX && (1..=2).contains(&width) && !hides
}

/// The scalars of a grapheme one by one. Only the first may stay as it is: nothing is left to join on to.
fn push_apart(shown: &mut String, grapheme: &str) {
    for (at, scalar) in grapheme.chars().enumerate() {
        let code = u32::from(scalar);
        match scalar {
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + code).unwrap_or('\u{fffd}')),
            '\u{7f}' => shown.push('␡'),
            _ if at == 0 && !is_hidden(scalar) && scalar.width().is_some_and(|width| (1..=2).contains(&width)) => {
                shown.push(scalar);
            }
            _ => write!(shown, "‹{code:04X}›").expect("a String takes whatever is written"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_passed_on_without_a_copy() {
        assert!(matches!(visible("cust_000123 is fine"), Cow::Borrowed(_)));
        assert!(matches!(visible("Müller 漢字 👩‍👩‍👧 1️⃣ 🇩🇪 é"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(visible("\x1b[31mred\x07\0"), "␛[31mred␇␀");
        assert_eq!(visible("a\tb\r\nc\x7f"), "a␉b␍␊c␡");
        assert_eq!(visible("\u{9b}2J"), "‹009B›2J");
    }

    #[test]
    fn what_hides_or_turns_text_round_is_shown_by_its_number() {
        assert_eq!(visible("abc\u{202e}fdp.exe"), "abc‹202E›fdp.exe");
        assert_eq!(visible("a\u{200b}b\u{200d}c\u{200c}"), "a‹200B›b‹200D›c‹200C›");
        assert_eq!(visible("pay\u{e0041}"), "pay‹E0041›");
        assert_eq!(visible("1\u{a0}200"), "1‹00A0›200");
    }

    // The mark joined on to the bracket of the number before it, so that a second look took it apart once more.
    #[test]
    fn a_mark_behind_something_hidden_does_not_join_on_to_its_number() {
        let shown = visible("\u{2028}\u{949}\u{1a19}").into_owned();
        assert_eq!(visible(&shown), shown);
    }

    #[test]
    fn a_pile_of_accents_is_taken_apart() {
        let pile = format!("a{}", "\u{301}".repeat(9));
        assert_eq!(visible(&pile), format!("a{}", "‹0301›".repeat(9)));
        assert_eq!(visible("\u{301}alone"), "‹0301›alone");
    }

    #[test]
    fn trailing_spaces_are_seen() {
        assert_eq!(visible("name  "), "name␠␠");
        assert_eq!(visible(" in side"), " in side");
    }

    #[test]
    fn every_scalar_alone_is_harmless_and_stays_so() {
        for scalar in '\0'..=char::MAX {
            let text = scalar.to_string();
            let once = visible(&text);
            assert!(!once.chars().any(is_hidden), "{scalar:?} gave {once:?}");
            assert!(1 <= once.width(), "{scalar:?} is not seen");
            assert_eq!(visible(&once), once, "{scalar:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_no_control_comes_out(text in any::<String>()) {
            let once = visible(&text).into_owned();
            prop_assert!(!once.chars().any(char::is_control));
            let twice = visible(&once).into_owned();
            prop_assert_eq!(twice, once);
        }
    }
}
