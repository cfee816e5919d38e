//! Foreign text made visible and harmless, and the words for numbers and times.

use crate::model::Timestamp;
pub use crate::model::{counted, grouped};
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Of one value so many bytes are looked at; what is cut off is said.
pub const VALUE_MAX: usize = 64 * 1024;

/// A grapheme of more scalars than this is no letter of any script, but a pile.
const SCALARS_MAX: usize = 8;

/// Which characters the screen may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Symbols {
    #[default]
    Unicode,
    /// Nothing beyond ASCII, for fonts and locales that have no more.
    Ascii,
}

/// Text that can be drawn: no control, nothing hidden, every grapheme one or two cells wide.
///
/// Only [`visible`] and its kin make one, so text of records can not reach the terminal on another way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    text: String,
    width: usize,
}

impl Shown {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// In cells.
    pub fn width(&self) -> usize {
        self.width
    }

    /// At most `cells` wide; what is longer ends in the mark of a cut.
    #[must_use]
    pub fn clipped(&self, cells: usize, symbols: Symbols) -> Self {
        if self.width <= cells {
            return self.clone();
        }
        let mut cut = Self::default();
        if cells == 0 {
            return cut;
        }
        for grapheme in self.text.graphemes(true) {
            let width = grapheme.width();
            if cut.width + width > cells - 1 {
                break;
            }
            cut.push(grapheme, width);
        }
        cut.push(ellipsis(symbols), 1);
        cut
    }

    /// The lines that it takes at `cells` wide, broken anywhere.
    pub fn wrapped(&self, cells: usize) -> Vec<Self> {
        let mut lines = vec![Self::default()];
        let cells = cells.max(2);
        for grapheme in self.text.graphemes(true) {
            let width = grapheme.width();
            if lines.last().is_some_and(|line| line.width + width > cells) {
                lines.push(Self::default());
            }
            if let Some(line) = lines.last_mut() {
                line.push(grapheme, width);
            }
        }
        lines
    }

    fn push(&mut self, text: &str, width: usize) {
        self.text.push_str(text);
        self.width += width;
    }
}

/// The whole of `text` (up to [`VALUE_MAX`]), made visible.
pub fn visible(text: &str, symbols: Symbols) -> Shown {
    let (head, cut) = head(text, VALUE_MAX);
    let mut shown = Shown::default();
    each_visible(head, symbols, |piece, width| {
        shown.push(piece, width);
        true
    });
    if cut {
        let note = format!(" (first {VALUE_MAX} of {} bytes)", text.len());
        shown.push(&note, note.len());
    }
    shown
}

/// As [`visible`], and spaces at the end are marked: in a value they are what one looks for.
pub fn visible_value(text: &str, symbols: Symbols) -> Shown {
    let mut shown = visible(text, symbols);
    let kept = shown.text.trim_end_matches(' ').len();
    let n = shown.text.len() - kept;
    if n > 0 {
        let mark = match symbols {
            Symbols::Unicode => "\u{2420}",
            Symbols::Ascii => "_",
        };
        shown.text.truncate(kept);
        shown.text.push_str(&mark.repeat(n));
    }
    shown
}

/// The beginning of `text`, at most `cells` wide. Takes no longer for a long text than for a short one.
pub fn visible_within(text: &str, cells: usize, symbols: Symbols) -> Shown {
    let (head, _) = head(text, cells.saturating_mul(32).saturating_add(64));
    let mut shown = Shown::default();
    each_visible(head, symbols, |piece, width| {
        shown.push(piece, width);
        shown.width <= cells
    });
    shown.clipped(cells, symbols)
}

/// `text` with its middle cut out where it is wider than `cells`: of an id both ends tell.
pub fn visible_middle(text: &str, cells: usize, symbols: Symbols) -> Shown {
    // Of a very long id only its ends are looked at: what lies between is cut out anyway.
    let reach = cells.saturating_mul(32).saturating_add(64);
    let whole = if text.len() > 2 * reach {
        let (head, _) = head(text, reach);
        let tail = &text[text.ceil_char_boundary(text.len() - reach)..];
        visible(&format!("{head}{tail}"), symbols)
    } else {
        visible(text, symbols)
    };
    if whole.width <= cells || cells < 5 {
        return whole.clipped(cells, symbols);
    }
    let tail_width = (cells - 1) / 2;
    let mut cut = Shown::default();
    for grapheme in whole.text.graphemes(true) {
        let width = grapheme.width();
        if cut.width + width > cells - 1 - tail_width {
            break;
        }
        cut.push(grapheme, width);
    }
    cut.push(ellipsis(symbols), 1);
    let mut tail: Vec<(&str, usize)> = Vec::new();
    let mut taken = 0;
    for grapheme in whole.text.graphemes(true).rev() {
        let width = grapheme.width();
        if taken + width > tail_width {
            break;
        }
        taken += width;
        tail.push((grapheme, width));
    }
    for (grapheme, width) in tail.into_iter().rev() {
        cut.push(grapheme, width);
    }
    cut
}

fn ellipsis(symbols: Symbols) -> &'static str {
    match symbols {
        Symbols::Unicode => "…",
        Symbols::Ascii => "~",
    }
}

/// At most `bytes` of `text`, whole characters, and whether something was left out.
fn head(text: &str, bytes: usize) -> (&str, bool) {
    if text.len() <= bytes {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(bytes)], true)
}

/// Gives every visible piece of `text` with its width to `take`, until that returns false.
fn each_visible(text: &str, symbols: Symbols, mut take: impl FnMut(&str, usize) -> bool) {
    for grapheme in text.graphemes(true) {
        if is_plain(grapheme, symbols) {
            if !take(grapheme, grapheme.width()) {
                return;
            }
            continue;
        }
        for character in grapheme.chars() {
            let piece = spelled(character, symbols);
            if !take(&piece, piece.as_str().width()) {
                return;
            }
        }
    }
}

fn is_plain(grapheme: &str, symbols: Symbols) -> bool {
    if let [byte] = grapheme.as_bytes() {
        return (0x20..0x7f).contains(byte);
    }
    symbols == Symbols::Unicode
        && grapheme.chars().count() <= SCALARS_MAX
        && (1..=2).contains(&grapheme.width())
        && !grapheme.chars().any(is_hidden)
        && grapheme.chars().next().is_some_and(|first| char_width(first) > 0)
}

fn char_width(character: char) -> usize {
    unicode_width::UnicodeWidthChar::width(character).unwrap_or(0)
}

/// Characters that take no room, turn the direction of writing or pass for a space.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || (character != ' ' && character.is_whitespace())
        || matches!(u32::from(character),
            0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0x1f1e6..=0x1f1ff | 0xe0000..=0xe0fff)
}

/// A character that can not be drawn as it is, in signs that can.
fn spelled(character: char, symbols: Symbols) -> String {
    let code = u32::from(character);
    match (symbols, character) {
        (_, ' '..='~') => character.to_string(),
        (Symbols::Unicode, '\0'..='\u{1f}') => {
            char::from_u32(0x2400 + code).map_or_else(String::new, |picture| picture.to_string())
        }
        (Symbols::Unicode, '\u{7f}') => "␡".to_owned(),
        // A letter of a pile that can stand alone stays readable.
        (Symbols::Unicode, _) if !is_hidden(character) && (1..=2).contains(&char_width(character)) => {
            character.to_string()
        }
        (Symbols::Unicode, _) => format!("‹{code:04X}›"),
        (Symbols::Ascii, '\0'..='\u{1f}') => {
            char::from_u32(0x40 + code).map_or_else(String::new, |letter| format!("^{letter}"))
        }
        (Symbols::Ascii, '\u{7f}') => "^?".to_owned(),
        (Symbols::Ascii, _) => ascii_sign(character).map_or_else(|| format!("<{code:04X}>"), str::to_owned),
    }
}

/// What stands in ASCII for the signs that the screens use themselves.
fn ascii_sign(character: char) -> Option<&'static str> {
    Some(match character {
        '▸' | '»' | '›' => ">",
        '«' | '‹' => "<",
        '✓' => "+",
        '‖' => "=",
        '↻' => "~",
        '✗' => "x",
        '◦' => ".",
        '·' | '—' | '–' => "-",
        '□' => "o",
        '■' => "*",
        '…' => "...",
        '→' => "->",
        '↑' => "Up",
        '↓' => "Down",
        '⏎' => "Enter",
        '≥' => ">=",
        '≠' => "!=",
        '≤' => "<=",
        '×' => "x",
        '•' => "*",
        '“' | '”' => "\"",
        '├' | '└' => "|",
        _ => return None,
    })
}

/// A number in at most six cells: `9,852`, `412k`, `1.74M`.
pub fn short(number: u64) -> String {
    const STEPS: [(u64, &str); 6] = [
        (1_000_000_000_000_000_000, "E"),
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
        (1_000, "k"),
    ];
    if number < 10_000 {
        return grouped(number);
    }
    let (step, letter) = STEPS.into_iter().find(|(step, _)| *step <= number).unwrap_or((1, ""));
    // Cut, not rounded: a count is never shown as more than it is.
    let whole = number / step;
    let hundredths = (number % step) / (step / 100).max(1);
    match whole {
        0..10 => format!("{whole}.{hundredths:02}{letter}"),
        10..100 => format!("{whole}.{}{letter}", hundredths / 10),
        _ => format!("{whole}{letter}"),
    }
}

/// A number in at most `cells`, in full where it fits. Digits are never cut off.
pub fn fitted(number: u64, cells: usize) -> String {
    let full = grouped(number);
    if full.len() <= cells { full } else { short(number) }
}

/// `184`, and of small rates a decimal: `0.4`.
pub fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second <= 0.0 {
        "0".to_owned()
    } else if per_second < 10.0 {
        format!("{per_second:.1}")
    } else {
        grouped(per_second.round() as u64)
    }
}

/// The moment of a start, to the minute: `09:12`, `Mar 01 09:12`, `2025-12-31`. UTC.
pub fn started(at: Timestamp, now: Timestamp) -> String {
    let text = moment(at, now);
    if text.len() == 8 { text[..5].to_owned() } else { text }
}

/// `0 s`, `34 s`, `34m`, `4h12m`, `3d`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `2 s ago`; `in 18 s` for what is to come.
pub fn distance(at: Timestamp, now: Timestamp) -> String {
    if at <= now { format!("{} ago", span(now.since(at))) } else { format!("in {}", span(at.since(now))) }
}

/// The time of day where `at` is of today, else the date. Always UTC.
pub fn moment(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_jiff(), now.to_jiff());
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    if day(at) == day(now) {
        at.strftime("%H:%M:%S").to_string()
    } else if day(at)[..4] == day(now)[..4] {
        at.strftime("%b %d %H:%M").to_string()
    } else {
        day(at)
    }
}

/// A cell of eight: `14:31:48`, `Mar 01`, `2025`.
pub fn brief_moment(at: Timestamp, now: Timestamp) -> String {
    let text = moment(at, now);
    match text.len() {
        0..=8 => text,
        12 => text[..6].to_owned(),
        _ => text[..7].to_owned(),
    }
}

/// Own sentences in lines of at most `cells`, broken at spaces.
pub fn wrapped(text: &str, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.as_str().width() + 1 + word.width() > cells {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unicode(text: &str) -> String {
        visible(text, Symbols::Unicode).as_str().to_owned()
    }

    #[test]
    fn controls_are_drawn_as_pictures() {
        assert_eq!(unicode("a\tb\x1b[31mc\nd\x7f"), "a␉b␛[31mc␊d␡");
        assert_eq!(visible("a\x1b\n", Symbols::Ascii).as_str(), "a^[^J");
    }

    #[test]
    fn what_turns_or_hides_text_is_spelled_out() {
        assert_eq!(unicode("a\u{202e}b\u{200b}c\u{feff}"), "a‹202E›b‹200B›c‹FEFF›");
        assert_eq!(unicode("x\u{a0}y"), "x‹00A0›y");
        assert_eq!(unicode("👨\u{200d}👩"), "👨‹200D›👩");
    }

    #[test]
    fn letters_with_accents_stay() {
        assert_eq!(unicode("Zu\u{308}rich 東京 שלום"), "Zu\u{308}rich 東京 שלום");
        assert_eq!(unicode("\u{308}"), "‹0308›");
    }

    #[test]
    fn no_scalar_is_drawn_as_a_control_and_widths_are_true() {
        for symbols in [Symbols::Unicode, Symbols::Ascii] {
            for character in '\0'..=char::MAX {
                let shown = visible(character.encode_utf8(&mut [0; 4]), symbols);
                assert!(!shown.as_str().chars().any(is_hidden), "{:x}", u32::from(character));
                assert_eq!(shown.width(), shown.as_str().width(), "{:x}", u32::from(character));
                assert!(shown.width() > 0);
                if symbols == Symbols::Ascii {
                    assert!(shown.as_str().is_ascii());
                }
            }
        }
    }

    #[test]
    fn spaces_at_the_end_of_a_value_are_marked() {
        assert_eq!(visible_value("Lee  ", Symbols::Unicode).as_str(), "Lee␠␠");
        assert_eq!(visible_value(" Lee", Symbols::Unicode).as_str(), " Lee");
    }

    #[test]
    fn a_wide_letter_is_never_cut_in_half() {
        let shown = visible("東京都", Symbols::Unicode);
        for cells in 0..8 {
            assert!(shown.clipped(cells, Symbols::Unicode).width() <= cells);
        }
        assert_eq!(shown.clipped(4, Symbols::Unicode).as_str(), "東…");
    }

    #[test]
    fn an_id_keeps_both_ends() {
        assert_eq!(visible_middle("cus_00917734_long_7734", 11, Symbols::Unicode).as_str(), "cus_0…_7734");
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let shown = visible(&"x".repeat(1_000_000), Symbols::Unicode);
        assert!(shown.as_str().ends_with("(first 65536 of 1000000 bytes)"));
    }

    #[test]
    fn numbers_are_shortened_but_never_cut() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_203_009), "1,203,009");
        assert_eq!(short(9_852), "9,852");
        assert_eq!(short(412_880), "412k");
        assert_eq!(short(1_749_999), "1.74M");
        assert!(short(u64::MAX).len() <= 6);
        assert_eq!(fitted(1_203_009, 9), "1,203,009");
        assert_eq!(fitted(1_203_009, 8), "1.20M");
    }

    #[test]
    fn times_of_today_are_told_by_the_clock_and_others_by_the_date() {
        let now = Timestamp(1_772_461_927_000);
        assert_eq!(moment(now, now), "14:32:07");
        assert_eq!(moment(now.minus(Duration::from_secs(86_400)), now), "Mar 01 14:32");
        assert_eq!(moment(now.minus(Duration::from_secs(86_400 * 200)), now), "2025-08-14");
        assert_eq!(distance(now.minus(Duration::from_secs(3_900)), now), "1h05m ago");
    }
}
