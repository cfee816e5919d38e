//! Which files belong to a configuration: the first one, and those that it includes.

use super::report::{Place, Report, SourceFile};
use super::tree::{Table, Value};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest configuration file that is read, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// The most files that one pattern may stand for.
const INCLUDED_MAX: usize = 1_000;

/// A file's text; the reason when there is none.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.kind().to_string())?;
    let mut bytes = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.kind().to_string())?;
    if bytes.len() as u64 > FILE_MAX {
        return Err("it is larger than 16MiB".into());
    }
    String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".into())
}

/// The files that `root` includes, each once, in the order of the patterns and then of their names.
pub(super) fn included(root: &Table, main: &Path, report: &mut Report) -> Vec<SourceFile> {
    let folder = main.parent().unwrap_or(Path::new(""));
    let mut seen: Vec<PathBuf> = main.canonicalize().into_iter().collect();
    let mut files = Vec::new();
    for node in root.list("include") {
        let Value::Text(pattern) = &node.value else {
            continue;
        };
        for path in matches(&pattern.text, folder, node.place, report) {
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            match read_text(&path) {
                Ok(text) => files.push(SourceFile {
                    name: path.display().to_string(),
                    folder: path.parent().unwrap_or(Path::new("")).into(),
                    text,
                }),
                Err(reason) => {
                    let problem = format!("`{}` can not be read: {reason}", path.display());
                    report.mistake(node.place, problem, None);
                }
            }
        }
    }
    files
}

/// The files that a pattern stands for; what is wrong with it is told.
fn matches(pattern: &str, folder: &Path, place: Place, report: &mut Report) -> Vec<PathBuf> {
    let (parent, last) = parted(pattern);
    if parent.contains('*') {
        let hint = "name the folders one by one, such as `include = [\"a/*.toml\", \"b/*.toml\"]`";
        report.mistake(place, format!("`*` stands in a folder's name: `{pattern}`"), hint.to_owned());
        return Vec::new();
    }
    let mut files = matching(pattern, folder);
    if files.is_empty() && last.contains('*') {
        report.warning(place, format!("no file matches `{pattern}`"), None);
    }
    if files.len() > INCLUDED_MAX {
        let problem = format!("`{pattern}` stands for {} files, more than {INCLUDED_MAX}", files.len());
        report.mistake(place, problem, "write a narrower pattern".to_owned());
        files.truncate(INCLUDED_MAX);
    }
    files
}

/// A pattern's folder, and what stands for names in it.
fn parted(pattern: &str) -> (&str, &str) {
    pattern.rsplit_once('/').unwrap_or(("", pattern))
}

/// The files that a pattern stands for, in the order of their names.
pub(super) fn matching(pattern: &str, folder: &Path) -> Vec<PathBuf> {
    let (parent, last) = parted(pattern);
    if !last.contains('*') {
        return vec![folder.join(pattern)];
    }
    // `/*.toml` is the root folder, not the configuration's.
    let parent = if pattern.starts_with('/') && parent.is_empty() { "/" } else { parent };
    let searched = if parent.is_empty() { folder.to_owned() } else { folder.join(parent) };
    let listed = std::fs::read_dir(if searched.as_os_str().is_empty() { Path::new(".") } else { &searched });
    let mut names: Vec<String> = match listed {
        Ok(entries) => entries
            .flatten()
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| stands_for(last, name))
            .collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    names.into_iter().map(|name| searched.join(name)).collect()
}

/// True when `name` is `pattern` with something in place of each `*`. A hidden file is meant only by its dot.
fn stands_for(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(stands_for("*.toml", "a.toml"));
        assert!(stands_for("job_*_x*.toml", "job_a_x.toml"));
        assert!(stands_for("*", "anything"));
        assert!(!stands_for("*.toml", "a.toml.bak"));
        assert!(!stands_for("a*a", "a"));
        assert!(!stands_for("*.toml", ".hidden.toml"));
    }
}
