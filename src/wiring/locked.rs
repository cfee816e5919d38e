//! A state that is held by a process whose engine does not answer: what is known of it, for a page and for a report.

use crate::cli::Report;
use crate::control::socket::ConnectError;
use crate::store::Holder;
use crate::tui::LockedPage;
use rustix::process::Pid;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Lines of its log that are shown, and how far back they are looked for.
const LOG_LINES: usize = 40;
const LOG_BYTES: u64 = 16 << 10;

#[derive(Clone, Debug)]
pub(super) struct Locked {
    folder: PathBuf,
    holder: Option<Holder>,
    problem: String,
}

impl Locked {
    pub(super) fn new(folder: &Path, problem: &ConnectError) -> Self {
        let problem = match problem {
            ConnectError::Nobody(_) => "nobody listens on it".to_owned(),
            ConnectError::Silent(_) => "no answer in 3 s".to_owned(),
            other => other.to_string(),
        };
        Self { folder: folder.to_owned(), holder: Holder::read(folder), problem }
    }

    fn who(&self) -> String {
        self.holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    }

    /// None where it is not known who it is.
    fn is_alive(&self) -> Option<bool> {
        let pid = Pid::from_raw(i32::try_from(self.holder.as_ref()?.pid).ok()?)?;
        // Somebody else's process can not be signalled, but it is there.
        Some(!matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
    }

    /// False when its holder is known to have ended.
    pub(super) fn is_held(&self) -> bool {
        self.holder.is_some() && self.is_alive() != Some(false)
    }

    pub(super) fn report(&self) -> Report {
        let what = format!(
            "the state in `{}` is in use by {}, whose engine does not answer",
            self.folder.display(),
            self.who()
        );
        let report = Report::new(what).with_place(format!("control socket: {}", self.problem));
        match &self.holder {
            Some(holder) => report.with_hint(format!(
                "try again; if it hangs, `kill {}` ends it: every job goes on from its checkpoint",
                holder.pid
            )),
            None => report.with_hint("try again, or look which process has the state file open (`fuser`)"),
        }
    }

    pub(super) fn page(&self) -> LockedPage {
        LockedPage {
            state: self.folder.display().to_string(),
            holder: self.who(),
            pid: self.holder.as_ref().map(|holder| holder.pid),
            is_alive: self.is_alive(),
            problem: self.problem.clone(),
            log: self.log(),
        }
    }

    /// The end of the holder's newest log file.
    fn log(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.join("logs")).into_iter().flatten().filter_map(Result::ok);
        // Their names end in their dates.
        let newest = files.map(|entry| entry.path()).filter(|path| path.is_file()).max();
        let Some(mut file) = newest.and_then(|path| fs::File::open(path).ok()) else { return Vec::new() };
        let from = file.metadata().map_or(0, |metadata| metadata.len().saturating_sub(LOG_BYTES));
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(from)).and_then(|_| file.take(LOG_BYTES).read_to_end(&mut bytes)).is_err() {
            return Vec::new();
        }
        let text = String::from_utf8_lossy(&bytes);
        // Where it was cut, the first line is no whole one.
        let lines: Vec<&str> = text.lines().skip(usize::from(from > 0)).collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].iter().map(|line| (*line).to_owned()).collect()
    }
}
