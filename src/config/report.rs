//! Gathers what is wrong while the files are read, and turns places into lines and columns at the end.

use super::mistake::Mistake;
use crate::model::{Masks, Secret};
use std::path::PathBuf;
use unicode_width::UnicodeWidthStr;

/// A file that was read.
pub(super) struct SourceFile {
    /// As it is named in mistakes.
    pub(super) name: String,
    /// Where its relative paths begin.
    pub(super) folder: PathBuf,
    pub(super) text: String,
}

/// A range of bytes in one of the files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

struct Finding {
    place: Place,
    problem: String,
    hint: Option<String>,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Report {
    mistakes: Vec<Finding>,
    warnings: Vec<Finding>,
    /// What came from `${…}`, and what stands in the files where a secret belongs.
    secrets: Vec<Secret>,
    /// Texts that stand where a secret may have been meant. They are masked only in the lines that are shown,
    /// because they may as well be everyday words.
    suspects: Vec<Secret>,
}

impl Report {
    pub(super) fn mistake(&mut self, place: Place, problem: impl Into<String>, hint: impl Into<Option<String>>) {
        self.mistakes.push(Finding { place, problem: problem.into(), hint: hint.into() });
    }

    pub(super) fn warning(&mut self, place: Place, problem: impl Into<String>, hint: impl Into<Option<String>>) {
        self.warnings.push(Finding { place, problem: problem.into(), hint: hint.into() });
    }

    pub(super) fn secret(&mut self, text: &str) {
        self.secrets.push(Secret::new(text));
    }

    /// A secret that stands in a file as it is.
    pub(super) fn literal_secret(&mut self, text: &str) {
        // A password that is an everyday word would mask that word everywhere.
        const LENGTH_MIN: usize = 8;
        if text.len() >= LENGTH_MIN {
            self.secret(text);
        }
        self.suspect(text);
    }

    pub(super) fn suspect(&mut self, text: &str) {
        self.suspects.push(Secret::new(text));
    }

    pub(super) fn masks(&self) -> Masks {
        Masks::new(self.secrets.iter().cloned())
    }

    /// A place as a mistake of which nothing is said yet, its line masked by all secrets that are known by now.
    pub(super) fn spot(&self, place: Place, files: &[SourceFile]) -> Mistake {
        let finding = Finding { place, problem: String::new(), hint: None };
        let all = self.secrets.iter().chain(&self.suspects).cloned();
        finding.told(files, &self.masks(), &Masks::new(all))
    }

    /// All mistakes, or all warnings when there is no mistake.
    pub(super) fn finish(self, files: &[SourceFile]) -> Result<Vec<Mistake>, Vec<Mistake>> {
        let masks = self.masks();
        let line_masks = Masks::new(self.secrets.into_iter().chain(self.suspects));
        let told = |mut findings: Vec<Finding>| {
            findings.sort_by_key(|finding| finding.place);
            let mut told: Vec<Mistake> =
                findings.into_iter().map(|finding| finding.told(files, &masks, &line_masks)).collect();
            told.dedup();
            told
        };
        if self.mistakes.is_empty() { Ok(told(self.warnings)) } else { Err(told(self.mistakes)) }
    }
}

impl Finding {
    fn told(self, files: &[SourceFile], masks: &Masks, line_masks: &Masks) -> Mistake {
        let file = &files[self.place.file.min(files.len() - 1)];
        let line = Line::at(&file.text, self.place.start, self.place.end);
        // What stands before the mark is masked by itself, so that the mark stays under what it means.
        let before = visible(&line_masks.mask(line.before));
        let whole = visible(&line_masks.mask(line.text));
        let marked = visible(&line_masks.mask(line.marked)).width();
        let (line_text, mark_start) = window(&whole, before.width());
        Mistake {
            file: file.name.clone(),
            line: line.number,
            column: line.before.chars().count() + 1,
            mark_width: marked.clamp(1, line_text.width().saturating_sub(mark_start).max(1)),
            line_text,
            mark_start,
            problem: visible(&masks.mask(&self.problem)),
            hint: self.hint.map(|hint| visible(&masks.mask(&hint))),
        }
    }
}

/// Where a file stands as a line, `file:line:column`.
pub(super) fn position(files: &[SourceFile], place: Place) -> String {
    let file = &files[place.file];
    let line = Line::at(&file.text, place.start, place.end);
    format!("{}:{}:{}", file.name, line.number, line.before.chars().count() + 1)
}

struct Line<'a> {
    number: usize,
    text: &'a str,
    before: &'a str,
    marked: &'a str,
}

impl<'a> Line<'a> {
    fn at(text: &'a str, start: usize, end: usize) -> Self {
        let start = boundary(text, start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let whole = text[line_start..line_end].trim_end_matches('\r');
        let line_end = line_start + whole.len();
        let start = start.min(line_end);
        let end = boundary(text, end).clamp(start, line_end);
        Self {
            number: text[..line_start].matches('\n').count() + 1,
            text: whole,
            before: &text[line_start..start],
            marked: &text[start..end],
        }
    }
}

fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Tabs and control characters as something that takes one column and does no harm.
fn visible(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => ' ',
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// The columns that are shown of a long line, and where the mark begins in them.
const WINDOW: usize = 120;

fn window(line: &str, mark_start: usize) -> (String, usize) {
    if line.width() <= WINDOW {
        return (line.to_owned(), mark_start);
    }
    let first = mark_start.saturating_sub(WINDOW / 3);
    let mut shown = String::new();
    let (mut column, mut skipped) = (0, 0);
    for character in line.chars() {
        let width = unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if column < first {
            skipped = column + width;
        } else if column + width <= first + WINDOW {
            shown.push(character);
        }
        column += width;
    }
    let cut_before = if first > 0 { "…" } else { "" };
    let cut_after = if column > first + WINDOW { "…" } else { "" };
    (format!("{cut_before}{shown}{cut_after}"), mark_start - skipped.min(mark_start) + cut_before.width())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, start: usize, end: usize) -> String {
        let mut report = Report::default();
        report.mistake(Place { file: 0, start, end }, "wrong", None);
        let file = SourceFile { name: "a.toml".into(), folder: PathBuf::new(), text: text.into() };
        report.finish(&[file]).expect_err("a mistake")[0].to_string()
    }

    #[test]
    fn the_mark_stands_under_what_is_meant() {
        assert_eq!(told("a = 1\nbb = 22\n", 11, 13), "a.toml:2:6: wrong\n  2 | bb = 22\n    |      ^^");
    }

    #[test]
    fn the_mark_counts_columns_and_the_column_counts_characters() {
        assert_eq!(told("名 = 1", 6, 7), "a.toml:1:5: wrong\n  1 | 名 = 1\n    |      ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let text = format!("{}wrong{}", "x".repeat(300), "y".repeat(300));
        let shown = told(&text, 300, 305);
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[2].find('^').expect("a mark");
        let column = lines[2][..at].chars().count();
        assert_eq!(lines[1].chars().skip(column).take(5).collect::<String>(), "wrong");
        assert!(lines[1].width() < 140);
    }

    #[test]
    fn a_place_beyond_the_text_is_its_end() {
        assert_eq!(told("a = 1", 900, 901), "a.toml:1:6: wrong\n  1 | a = 1\n    |      ^");
    }

    #[test]
    fn masking_what_stands_before_does_not_move_the_mark_off() {
        let mut report = Report::default();
        report.secret("longsecretvalue");
        report.mistake(Place { file: 0, start: 25, end: 28 }, "longsecretvalue is wrong", None);
        let text = "a = { t = \"longsecretvalue\", bad = 1 }".to_owned();
        let start = text.find("bad").expect("bad");
        report.mistakes[0].place = Place { file: 0, start, end: start + 3 };
        let file = SourceFile { name: "a.toml".into(), folder: PathBuf::new(), text };
        let shown = report.finish(&[file]).expect_err("a mistake")[0].to_string();
        assert_eq!(
            shown,
            "a.toml:1:30: •••• is wrong\n  1 | a = { t = \"••••\", bad = 1 }\n    |                   ^^^"
        );
    }
}
