//! Where the socket is, also where its path is longer than a socket's may be.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The socket's name in the state folder.
pub(super) const FILE: &str = "control.sock";

/// A socket's path may have 107 bytes on Linux and 103 elsewhere. Longer folders than this are named by their descriptor;
/// it leaves room for the name under which a new socket is made.
const FOLDER_MAX: usize = 70;

/// The socket's place in a state folder.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The folder as it can be named in few bytes.
    short: PathBuf,
    /// What `short` is the name of, where it is a descriptor's.
    _folder: Option<Arc<OwnedFd>>,
}

impl Place {
    pub fn of(folder: &Path) -> io::Result<Self> {
        if folder.as_os_str().as_bytes().len() <= FOLDER_MAX {
            return Ok(Self { short: folder.to_owned(), _folder: None });
        }
        let open = rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd()));
        if !short.exists() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "its path is too long for a socket, and this system has no `/proc` to shorten it",
            ));
        }
        Ok(Self { short, _folder: Some(Arc::new(open)) })
    }

    pub fn socket(&self) -> PathBuf {
        self.short.join(FILE)
    }

    /// The name under which this process makes a socket before it takes the place of an old one.
    pub fn draft(&self) -> PathBuf {
        self.short.join(format!("{FILE}.{}", std::process::id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_folder_is_named_in_few_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = folder.path().join("x".repeat(120));
        std::fs::create_dir(&long).expect("a long folder");
        let place = Place::of(&long).expect("a place");
        assert!(place.draft().as_os_str().len() <= 103, "{}", place.draft().display());
        std::fs::write(place.socket(), "here").expect("a writable place");
        assert_eq!(std::fs::read_to_string(long.join(FILE)).expect("the same place"), "here");
    }
}
