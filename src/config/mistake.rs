//! What is wrong in a configuration: where it stands, the line itself, and how to mend it.

use std::fmt;

/// One thing that is wrong, or that is better written otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file as it was named.
    pub file: String,
    /// Counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The line as it stands, its secrets masked, cut to what is near the place.
    pub line_text: String,
    /// Columns of `line_text` before the mark, which differ from `column` where the line was cut.
    pub mark_start: usize,
    /// Columns of `line_text` that the mark spans.
    pub mark_width: usize,
    pub problem: String,
    pub hint: Option<String>,
}

/// All that is wrong in a configuration, in the order of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.problem)?;
        } else {
            writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.problem)?;
            let gutter = self.line.to_string().len();
            writeln!(f, "  {} | {}", self.line, self.line_text)?;
            let (before, mark) = (" ".repeat(self.mark_start), "^".repeat(self.mark_width.max(1)));
            write!(f, "  {:gutter$} | {before}{mark}", "")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
