//! The files that a configuration came from, to see whether they hold something else now.

use super::files::{matching, read_text};
use super::tree::{Table, Value};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The files of a configuration as they were when it was read.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    main: PathBuf,
    /// The patterns of `include`.
    patterns: Vec<String>,
    theme: Option<PathBuf>,
    /// Of their names and texts when they were read.
    read: u64,
    /// Of their names, times and lengths when they were last looked at, and what was found then.
    looked_at: Option<(u64, bool)>,
}

impl Watched {
    pub(super) fn new(main: &Path, root: Option<&Table>) -> Self {
        let patterns = root.into_iter().flat_map(|root| root.list("include")).filter_map(|node| match &node.value {
            Value::Text(pattern) => Some(pattern.text.clone()),
            _ => None,
        });
        Self { main: main.to_owned(), patterns: patterns.collect(), ..Self::default() }
    }

    /// The file of a theme belongs to it, too.
    pub(super) fn also(&mut self, theme: &str) {
        self.theme = Some(PathBuf::from(theme));
    }

    /// What the files hold now is what was read.
    pub(super) fn remembered(mut self) -> Self {
        self.read = self.texts();
        self
    }

    /// True when the files hold something else than when they were read. Texts are read only where a time or a length
    /// changed since the last look. Blocking, and short.
    pub fn differs(&mut self) -> bool {
        let stamp = self.stamp();
        if let Some((last, differs)) = self.looked_at
            && last == stamp
        {
            return differs;
        }
        let differs = self.texts() != self.read;
        self.looked_at = Some((stamp, differs));
        differs
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.main.parent().unwrap_or(Path::new(""));
        let included = self.patterns.iter().flat_map(|pattern| matching(pattern, folder));
        std::iter::once(self.main.clone()).chain(included).chain(self.theme.clone()).collect()
    }

    fn stamp(&self) -> u64 {
        self.hash(|path, hash| {
            let meta = std::fs::metadata(path).ok();
            let modified = meta.as_ref().and_then(|meta| meta.modified().ok());
            let since = modified.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            hash.write_u128(since.map_or(0, |since| since.as_nanos()));
            hash.write_u64(meta.map_or(u64::MAX, |meta| meta.len()));
        })
    }

    fn texts(&self) -> u64 {
        self.hash(|path, hash| match read_text(path) {
            Ok(text) => hash.write(text.as_bytes()),
            Err(reason) => hash.write(reason.as_bytes()),
        })
    }

    fn hash(&self, add: impl Fn(&Path, &mut Xxh3)) -> u64 {
        let mut hash = Xxh3::new();
        for path in self.files() {
            hash.write(path.as_os_str().as_encoded_bytes());
            hash.write_u8(0);
            add(&path, &mut hash);
        }
        hash.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    const MAIN: &str = "include = [\"jobs/*.toml\"]\n[workspace]\nstate = \"state\"\n";

    #[test]
    fn a_file_that_is_written_differs_until_it_holds_what_it_held() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("syncdeck.toml");
        let write = |text: &str| std::fs::write(&path, text).expect("a file");
        write(MAIN);
        let mut watched = load(&path, &|_| None).expect("it is right").watched;
        assert!(!watched.differs());
        write(&format!("{MAIN}# a word more\n"));
        assert!(watched.differs());
        write(MAIN);
        assert!(!watched.differs());
    }

    #[test]
    fn a_new_file_of_a_pattern_and_one_that_is_gone_are_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("syncdeck.toml");
        std::fs::write(&path, MAIN).expect("a file");
        std::fs::create_dir(folder.path().join("jobs")).expect("a folder");
        let mut watched = load(&path, &|_| None).expect("it is right").watched;
        let new = folder.path().join("jobs/new.toml");
        std::fs::write(&new, "").expect("a file");
        assert!(watched.differs());
        std::fs::remove_file(&new).expect("it is there");
        assert!(!watched.differs());
        std::fs::remove_file(&path).expect("it is there");
        assert!(watched.differs());
    }
}
