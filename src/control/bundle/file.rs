//! The file of a bundle: for its owner alone when it is written, and full of suspicion when it is read.

use super::{Bundle, FORMAT};
use serde::Deserialize;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes. What is written is far smaller.
const BYTES_MAX: u64 = 64 << 20;
/// Names that are tried where one is taken.
const NAMES_MAX: u32 = 1_000;

/// Why a file can not be opened as a bundle.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{path}` can not be read: {problem}", path = path.display())]
    Unreadable { path: PathBuf, problem: String },
    #[error("`{path}` is no bundle of syncdeck: {problem}", path = path.display())]
    NoBundle { path: PathBuf, problem: String },
    #[error("`{path}` was written by a newer syncdeck (bundle format {found}, this one knows {FORMAT})", path = path.display())]
    TooNew { path: PathBuf, found: u64 },
    #[error("the bundle `{path}` is damaged: {problem}", path = path.display())]
    Damaged { path: PathBuf, problem: String },
}

impl OpenError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => return None,
            Self::NoBundle { .. } => "`syncdeck bundle` writes one, and `b` on the screen".to_owned(),
            Self::TooNew { .. } => "open it with the newer syncdeck".to_owned(),
            Self::Damaged { .. } => {
                "ask for the file again; mail programs change long texts, a ZIP file does not".to_owned()
            }
        })
    }
}

/// Writes a bundle's text to `wanted`, for its owner alone. A file that is there stays: another name is taken, which is
/// returned.
pub fn save(wanted: &Path, text: &str) -> io::Result<PathBuf> {
    for number in 1..=NAMES_MAX {
        let path = if number == 1 { wanted.to_path_buf() } else { numbered(wanted, number) };
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                if written.is_err() {
                    // Half a bundle helps nobody; that it can not be removed neither.
                    let _ = std::fs::remove_file(&path);
                }
                return written.map(|()| path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many files of that name"))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

/// What is read of a file before anything else of it is believed.
#[derive(Deserialize)]
struct Head {
    syncdeck_bundle: Option<u64>,
}

/// Reads a bundle. The file may come from anywhere.
pub fn open(path: &Path) -> Result<Bundle, OpenError> {
    let unreadable = |problem: String| OpenError::Unreadable { path: path.to_path_buf(), problem };
    let no_bundle = |problem: String| OpenError::NoBundle { path: path.to_path_buf(), problem };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(no_bundle("it is no file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    if BYTES_MAX < bytes.len() as u64 {
        return Err(no_bundle(format!("it is larger than {} MiB", BYTES_MAX >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|_| no_bundle("it is no text".to_owned()))?;
    let head: Head =
        serde_json::from_str(&text).map_err(|error| no_bundle(format!("it is no JSON object ({error})")))?;
    match head.syncdeck_bundle {
        None => return Err(no_bundle("it does not say that it is one".to_owned())),
        Some(found) if u64::from(FORMAT) < found => {
            return Err(OpenError::TooNew { path: path.to_path_buf(), found });
        }
        Some(_) => {}
    }
    serde_json::from_str(&text)
        .map_err(|error| OpenError::Damaged { path: path.to_path_buf(), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn refused(content: &[u8]) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.syncdeck");
        std::fs::write(&path, content).expect("written");
        let error = open(&path).expect_err("it is refused");
        error.to_string().replace(&path.display().to_string(), "FILE")
    }

    #[test]
    fn what_is_no_bundle_is_told_from_one_that_is_damaged_or_newer() {
        assert_eq!(refused(b"\xff\xfe"), "`FILE` is no bundle of syncdeck: it is no text");
        assert!(refused(b"{").starts_with("`FILE` is no bundle of syncdeck: it is no JSON object"));
        assert_eq!(refused(b"{}"), "`FILE` is no bundle of syncdeck: it does not say that it is one");
        assert_eq!(
            refused(br#"{"syncdeck_bundle":2}"#),
            "`FILE` was written by a newer syncdeck (bundle format 2, this one knows 1)"
        );
        assert!(refused(br#"{"syncdeck_bundle":1,"jobs":7}"#).starts_with("the bundle `FILE` is damaged: "));
        let deep = format!(r#"{{"syncdeck_bundle":1,"version":{}"#, "[".repeat(1 << 20));
        assert!(refused(deep.as_bytes()).starts_with("`FILE` is no bundle of syncdeck: it is no JSON object"));
    }

    #[test]
    fn a_huge_file_is_refused_before_it_is_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("huge.syncdeck");
        std::fs::File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
        let error = open(&path).expect_err("it is refused").to_string();
        assert!(error.ends_with("it is larger than 64 MiB"), "{error}");
        assert!(open(folder.path()).is_err_and(|error| error.to_string().ends_with("it is no file")));
    }

    #[test]
    fn a_file_that_is_there_is_never_written_over_and_a_new_one_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let wanted = folder.path().join("acme.syncdeck");
        let paths: Vec<PathBuf> = (0..3).map(|_| save(&wanted, "{}").expect("written")).collect();
        let names: Vec<_> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        assert_eq!(names, ["acme.syncdeck", "acme-2.syncdeck", "acme-3.syncdeck"]);
        let mode = paths[0].metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
