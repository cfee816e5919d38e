//! `${NAME}` and `${file:PATH}` in texts: where secrets come from.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest file that `${file:…}` takes, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// A text with its references replaced.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// Each value that came from a reference.
    pub(super) values: Vec<String>,
    /// What can not be replaced, with the mend.
    pub(super) problems: Vec<(String, String)>,
    /// What is unsafe about a file, with the mend.
    pub(super) warnings: Vec<(String, String)>,
}

/// Replaces the references of `raw`. File paths are relative to `folder`. No message holds a value.
pub(super) fn expand(raw: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) -> Expanded {
    let mut expanded = Expanded::default();
    let mut rest = raw;
    while let Some(at) = rest.find("${") {
        let (before, reference) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            expanded.text.push_str(literal);
            expanded.text.push_str("${");
            rest = &reference[2..];
            continue;
        }
        expanded.text.push_str(before);
        let Some(close) = reference.find('}') else {
            let hint = "write `$${` for a `${` that means nothing else".to_owned();
            expanded.problems.push(("a `${` has no `}`".to_owned(), hint));
            return expanded;
        };
        expanded.replace(&reference[2..close], folder, env);
        rest = &reference[close + 1..];
    }
    expanded.text.push_str(rest);
    expanded
}

impl Expanded {
    fn replace(&mut self, reference: &str, folder: &Path, env: &dyn Fn(&str) -> Option<String>) {
        let value = match reference.strip_prefix("file:") {
            Some(path) => self.file(path, folder),
            None => self.variable(reference, env),
        };
        if let Some(value) = value {
            self.text.push_str(&value);
            self.values.push(value);
        }
    }

    fn variable(&mut self, name: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            let hint = "write `${NAME}`, `${file:PATH}`, or `$${` for a `${` that means nothing else".to_owned();
            self.problems.push((format!("`${{{name}}}` names no environment variable"), hint));
            return None;
        }
        let value = env(name);
        if value.is_none() {
            let hint = "set it before syncdeck starts, or write `${file:PATH}` to read it from a file".to_owned();
            self.problems.push((format!("the environment variable `{name}` is not set"), hint));
        }
        value
    }

    fn file(&mut self, path: &str, folder: &Path) -> Option<String> {
        let full = folder.join(path);
        match read_file(&full) {
            Ok(text) => {
                if let Some(warning) = readable_by_others(path, &full) {
                    self.warnings.push(warning);
                }
                Some(text)
            }
            Err(reason) => {
                let hint = format!("it is looked for at `{}`", full.display());
                self.problems.push((format!("the file `{path}` can not be read: {reason}"), hint));
                None
            }
        }
    }
}

/// A file's text less its last newline; the reason, without its content, when there is none.
fn read_file(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.kind().to_string())?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.kind().to_string())?;
    if bytes.len() as u64 > FILE_MAX {
        return Err("it is larger than 1MiB".into());
    }
    let mut text = String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(unix)]
fn readable_by_others(path: &str, full: &Path) -> Option<(String, String)> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(full).ok()?;
    // A pipe of the shell (`<(…)`) has no permissions that mean anything.
    let open = metadata.is_file() && metadata.permissions().mode() & 0o077 != 0;
    open.then(|| {
        (format!("the file `{path}` can be read by other users"), format!("run `chmod 600 {}`", full.display()))
    })
}

#[cfg(not(unix))]
fn readable_by_others(_path: &str, _full: &Path) -> Option<(String, String)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("t0ken".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn references_are_replaced_anywhere_in_a_text() {
        let expanded = expand("Bearer ${TOKEN}!${TOKEN}${EMPTY}", Path::new(""), &env);
        assert_eq!(expanded.text, "Bearer t0ken!t0ken");
        assert_eq!(expanded.values, ["t0ken", "t0ken", ""]);
        assert!(expanded.problems.is_empty());
    }

    #[test]
    fn a_doubled_dollar_is_a_literal() {
        assert_eq!(expand("a $${TOKEN} b", Path::new(""), &env).text, "a ${TOKEN} b");
        assert_eq!(expand("$${${TOKEN}", Path::new(""), &env).text, "${t0ken");
        assert_eq!(expand("$5 {x} $", Path::new(""), &env).text, "$5 {x} $");
    }

    #[test]
    fn every_missing_variable_is_named() {
        let problems = expand("${A}${B}", Path::new(""), &env).problems;
        let names: Vec<&str> = problems.iter().map(|(problem, _)| problem.as_str()).collect();
        assert_eq!(names, ["the environment variable `A` is not set", "the environment variable `B` is not set"]);
    }

    #[test]
    fn what_is_no_reference_is_told() {
        assert_eq!(expand("${", Path::new(""), &env).problems.len(), 1);
        assert_eq!(expand("${a b}", Path::new(""), &env).problems.len(), 1);
        assert_eq!(expand("${}", Path::new(""), &env).problems.len(), 1);
    }

    #[test]
    fn a_file_loses_only_its_last_newline() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("secret"), "line\n\n").expect("written");
        assert_eq!(expand("<${file:secret}>", folder.path(), &env).text, "<line\n>");
    }

    #[test]
    fn a_missing_file_is_named() {
        let expanded = expand("${file:no/such}", Path::new("/nowhere"), &env);
        assert_eq!(expanded.problems[0].0, "the file `no/such` can not be read: entity not found");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        std::fs::write(&path, "s").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("permissions");
        assert_eq!(expand("${file:secret}", folder.path(), &env).warnings.len(), 1);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("permissions");
        assert_eq!(expand("${file:secret}", folder.path(), &env).warnings.len(), 0);
    }
}
