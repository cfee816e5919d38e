//! JSON text laid out in lines, from the text itself: no number, no escape is changed on the way.

/// Lines of one value that are shown at most.
pub const LINES_MAX: usize = 5_000;

/// Lays out `text` (one JSON value) with two spaces a level. The value of a key that `is_redacted` is not shown.
/// Text that is no JSON comes back as it is, cut at its line ends.
pub fn pretty(text: &str, is_redacted: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut printer = Printer { rest: text.trim(), lines: vec![String::new()], depth: 0, is_redacted };
    match printer.value() {
        Some(()) if printer.rest.trim().is_empty() => printer.finish(text.len()),
        _ => text.lines().take(LINES_MAX).map(str::to_owned).collect(),
    }
}

struct Printer<'t> {
    rest: &'t str,
    lines: Vec<String>,
    depth: usize,
    is_redacted: &'t dyn Fn(&str) -> bool,
}

impl<'t> Printer<'t> {
    /// Deeper than this no person reads and no parser of ours goes.
    const DEPTH_MAX: usize = 128;

    fn finish(mut self, bytes: usize) -> Vec<String> {
        if self.lines.len() > LINES_MAX {
            self.lines.truncate(LINES_MAX);
            self.lines.push(format!("… (first {LINES_MAX} lines of {bytes} bytes)"));
        }
        self.lines
    }

    fn value(&mut self) -> Option<()> {
        self.skip_space();
        match self.rest.bytes().next()? {
            b'{' => self.members(b'}'),
            b'[' => self.members(b']'),
            _ => {
                let scalar = self.scalar()?;
                self.write(scalar);
                Some(())
            }
        }
    }

    fn members(&mut self, close: u8) -> Option<()> {
        self.depth += 1;
        if self.depth > Self::DEPTH_MAX {
            return None;
        }
        let open = self.take(1)?;
        self.write(open);
        self.skip_space();
        if self.rest.as_bytes().first() == Some(&close) {
            let close = self.take(1)?;
            self.depth -= 1;
            self.write(close);
            return Some(());
        }
        loop {
            self.new_line();
            self.skip_space();
            if close == b'}' {
                self.member()?
            } else {
                self.value()?
            }
            self.skip_space();
            match self.take(1)? {
                "," => self.write(","),
                end if end.as_bytes()[0] == close => {
                    self.depth -= 1;
                    self.new_line();
                    self.write(end);
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    fn member(&mut self) -> Option<()> {
        let key = self.scalar()?;
        self.write(key);
        self.skip_space();
        (self.take(1)? == ":").then_some(())?;
        self.write(": ");
        let name: String = serde_json::from_str(key).ok()?;
        if !(self.is_redacted)(&name) {
            return self.value();
        }
        self.write("\"••••\"");
        let mut hidden =
            Printer { rest: self.rest, lines: vec![String::new()], depth: self.depth, is_redacted: &|_| false };
        hidden.value()?;
        self.rest = hidden.rest;
        Some(())
    }

    /// A string with its quotes, a number or a word.
    fn scalar(&mut self) -> Option<&'t str> {
        let bytes = self.rest.as_bytes();
        let end = if bytes.first() == Some(&b'"') {
            let mut at = 1;
            while *bytes.get(at)? != b'"' {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            at + 1
        } else {
            bytes.iter().position(|byte| b",]}: \t\r\n".contains(byte)).unwrap_or(bytes.len())
        };
        if end == 0 { None } else { self.take(end) }
    }

    fn take(&mut self, bytes: usize) -> Option<&'t str> {
        let (head, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(head)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn write(&mut self, text: &str) {
        if self.lines.len() <= LINES_MAX
            && let Some(line) = self.lines.last_mut()
        {
            line.push_str(text);
        }
    }

    fn new_line(&mut self) {
        if self.lines.len() <= LINES_MAX {
            self.lines.push("  ".repeat(self.depth));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        pretty(text, &|_| false).join("\n")
    }

    #[test]
    fn numbers_and_escapes_stay_as_they_were_written() {
        assert_eq!(
            plain(
                r#"{"id":12345678901234567890123,"price":1.10e-0 ,"note":"a\u001b[31m\"b","tags":[],"o":{ } ,"l":[1,[true,null]]}"#
            ),
            "{\n  \"id\": 12345678901234567890123,\n  \"price\": 1.10e-0,\n  \"note\": \"a\\u001b[31m\\\"b\",\n  \"tags\": [],\n  \"o\": {},\n  \"l\": [\n    1,\n    [\n      true,\n      null\n    ]\n  ]\n}"
        );
    }

    #[test]
    fn a_redacted_key_hides_its_value_whatever_it_is() {
        let text = r#"{"a":1,"secret":{"b":"x,}"},"c":[{"secret":"y"}]}"#;
        let lines = pretty(text, &|key| key == "secret").join("\n");
        assert!(
            !lines.contains('x') && !lines.contains('y') && lines.contains("\"••••\"") && lines.contains("\"c\": [")
        );
    }

    #[test]
    fn text_that_is_no_json_is_shown_as_it_is() {
        assert_eq!(plain("<html>\n502"), "<html>\n502");
        assert_eq!(plain("{\"a\":"), "{\"a\":");
        assert_eq!(plain(&"[".repeat(100_000)), "[".repeat(100_000));
        assert_eq!(plain(""), "");
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let lines = pretty(&format!("[{}1]", "1,".repeat(20_000)), &|_| false);
        assert_eq!(lines.len(), LINES_MAX + 1);
        assert!(lines[LINES_MAX].contains("first 5000 lines"));
    }
}
