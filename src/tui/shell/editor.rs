//! The person's editor: a text goes there in a file of our own, and comes back.

use editor_command::EditorBuilder;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// A text that comes back bigger than this is no correction of one record.
const TEXT_MAX: u64 = 16 << 20;

/// Editors that return at once and go on in a window of their own, unless they are told to wait.
const WINDOWED: [&str; 6] = ["code", "code-insiders", "codium", "subl", "zed", "gedit"];

/// A text in a file that nobody else can read, removed whatever happens.
pub struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Writes `text` to a new file (0600) in the user's own runtime folder, else in the folder for temporary files.
    pub fn new(name: &str, text: &str) -> io::Result<Self> {
        let own = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_dir());
        let folder = own.unwrap_or_else(std::env::temp_dir);
        let path = folder.join(format!("{name}-{:08x}.json", fastrand::u32(..)));
        // `create_new` follows no link that somebody laid in the way.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let draft = Self { path };
        file.write_all(text.as_bytes())?;
        Ok(draft)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands in the file now: an editor may have put another one in its place.
    pub fn read(&self) -> io::Result<String> {
        if fs::metadata(&self.path)?.len() > TEXT_MAX {
            return Err(io::Error::other("the file grew too big"));
        }
        fs::read_to_string(&self.path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // If it is gone already, so much the better.
        let _ = fs::remove_file(&self.path);
    }
}

/// The command that edits `path`: `$VISUAL`, else `$EDITOR`, else `vi`. The reason where neither can be read.
pub fn command(path: &Path) -> Result<tokio::process::Command, String> {
    let editor = EditorBuilder::new()
        .environment()
        .string(Some("vi"))
        .build()
        .map_err(|error| format!("$VISUAL or $EDITOR can not be used: {error}"))?;
    let mut command = editor.open(path);
    let program = Path::new(command.get_program()).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if WINDOWED.contains(&program) && !command.get_args().any(|word| word == "--wait" || word == "-w") {
        let words: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        command.arg("--wait").args(words);
    }
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit()).kill_on_drop(true);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_draft_is_its_owners_alone_and_goes_away() {
        let draft = Draft::new("syncdeck-test", "{}").expect("a file");
        let path = draft.path().to_owned();
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(draft.read().expect("a text"), "{}");
        drop(draft);
        assert!(!path.exists());
    }
}
