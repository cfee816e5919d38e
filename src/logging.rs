//! Events to files in the state folder, a line each, secrets masked; nothing of it ever reaches the terminal.

use crate::model::{Clock, Masks, Timestamp, visible};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt};

/// The variable that sets the level: `debug`, or directives such as `syncdeck=debug,hyper=info`.
pub const LEVEL_VARIABLE: &str = "SYNCDECK_LOG";

/// Lines that wait for the disk; more are dropped and counted, because a slow disk must not hold up a job.
const LINES_WAITING_MAX: usize = 16_384;
/// A line is cut here, so that one event can not fill a file.
const LINE_BYTES_MAX: usize = 16 << 10;
/// A file is closed and numbered when it holds so many bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files kept, the present one included: with the size of each, the most that logs take of the disk (160 MiB).
const FILES_MAX: usize = 10;

/// Why no log could be begun.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log folder `{folder}` can not be used: {source}", folder = folder.display())]
    Folder { folder: PathBuf, source: io::Error },
    #[error("`{LEVEL_VARIABLE}` is not understood: {0}")]
    Level(String),
    #[error("another log was begun in this process")]
    Begun,
}

impl LogError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Folder { folder, .. } => Some(format!("make `{}` writable for you", folder.display())),
            Self::Level(_) => Some(format!("set `{LEVEL_VARIABLE}` to error, warn, info, debug or trace")),
            Self::Begun => None,
        }
    }
}

/// Keeps the log open. Dropping it writes what waits, so it is dropped last and after the screen is left.
pub struct Logs {
    _guard: WorkerGuard,
    errors: ErrorCounter,
    folder: PathBuf,
}

impl Logs {
    /// Lines that were dropped because the disk was too slow.
    pub fn dropped_lines(&self) -> usize {
        self.errors.dropped_lines()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Begins the log of this process in `folder` (0700, its files 0600), which holds nothing else.
///
/// `level` is the content of [`LEVEL_VARIABLE`]; none means `info`.
pub fn begin(folder: &Path, level: Option<&str>, masks: Masks, clock: Arc<dyn Clock>) -> Result<Logs, LogError> {
    let (subscriber, logs) = prepare(folder, level, masks, clock)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Begun)?;
    Ok(logs)
}

fn prepare(
    folder: &Path,
    level: Option<&str>,
    masks: Masks,
    clock: Arc<dyn Clock>,
) -> Result<(impl Subscriber + Send + Sync + use<>, Logs), LogError> {
    let filter = filter(level)?;
    let file = DayFile::open(folder, clock.clone(), FILE_BYTES_MAX)
        .map_err(|source| LogError::Folder { folder: folder.to_owned(), source })?;
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(LINES_WAITING_MAX)
        .thread_name("syncdeck-log")
        .finish(file);
    let errors = writer.error_counter();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        // A failing writer would else be told on standard error, across the screen.
        .log_internal_errors(false)
        .with_timer(Times(clock))
        .with_writer(Lines { writer, masks })
        .with_filter(filter);
    Ok((Registry::default().with(layer), Logs { _guard: guard, errors, folder: folder.to_owned() }))
}

/// A level alone is for this program; what libraries say at it is their wire's content, which has no place in a log.
fn filter(level: Option<&str>) -> Result<EnvFilter, LogError> {
    let text = level.map(str::trim).filter(|text| !text.is_empty()).unwrap_or("info");
    let directives = match text.parse::<tracing::Level>() {
        Ok(level) => format!("warn,syncdeck={level}"),
        Err(_) => text.to_owned(),
    };
    EnvFilter::try_new(directives).map_err(|error| LogError::Level(error.to_string()))
}

struct Times(Arc<dyn Clock>);

impl FormatTime for Times {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", self.0.now())
    }
}

/// Makes each event one harmless line without secrets before it waits for the disk.
struct Lines {
    writer: NonBlocking,
    masks: Masks,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(self)
    }
}

struct LineWriter<'a>(&'a Lines);

impl Write for LineWriter<'_> {
    /// Takes one event: the formatting layer writes each with a single call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = visible(&self.0.masks.mask(text.trim_end())).into_owned();
        if LINE_BYTES_MAX < line.len() {
            line.truncate(line.floor_char_boundary(LINE_BYTES_MAX));
            line.push('…');
        }
        line.push('\n');
        self.0.writer.clone().write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log file of the day, `syncdeck.2026-01-31.log`; a full one is numbered (`syncdeck.2026-01-31.0001.log`).
///
/// The appender rotates by time alone, opens files for everybody, and tells failures on standard error. So each day
/// and each full file gets an appender of its own, before the old one would rotate by itself.
struct DayFile {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    bytes_max: u64,
    day: String,
    bytes: u64,
    appender: Option<RollingFileAppender>,
}

const PREFIX: &str = "syncdeck";
const SUFFIX: &str = "log";

impl DayFile {
    fn open(folder: &Path, clock: Arc<dyn Clock>, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let day = day(clock.now());
        let mut file = Self { folder: folder.to_owned(), clock, bytes_max, day, bytes: 0, appender: None };
        file.reopen()?;
        Ok(file)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{PREFIX}.{}.{SUFFIX}", self.day))
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.appender = None;
        self.prune()?;
        let path = self.path();
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        self.bytes = file.metadata()?.len();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let appender =
            RollingFileAppender::builder().rotation(Rotation::NEVER).filename_prefix(name).build(&self.folder);
        self.appender = Some(appender.map_err(io::Error::other)?);
        Ok(())
    }

    /// Gives the full file the day's next number, so that its lines stay.
    fn put_aside(&self) -> io::Result<()> {
        let free = (1..=9_999).map(|number| self.folder.join(format!("{PREFIX}.{}.{number:04}.{SUFFIX}", self.day)));
        // Numbers go up even where pruning took the first ones away, so that names tell the order.
        let newest = self.files()?.into_iter().filter(|name| *name != self.path()).max();
        let mut free = free.filter(|path| newest.as_ref().is_none_or(|newest| newest < path));
        match free.next() {
            Some(path) => fs::rename(self.path(), path),
            None => fs::remove_file(self.path()),
        }
    }

    /// Removes the oldest files, so that with the next one there are at most [`FILES_MAX`].
    fn prune(&self) -> io::Result<()> {
        let mut files = self.files()?;
        files.retain(|path| *path != self.path());
        files.sort();
        let n_surplus = files.len().saturating_sub(FILES_MAX - 1);
        files.iter().take(n_surplus).try_for_each(fs::remove_file)
    }

    /// The log files of the folder. Their names sort by day and number.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let is_ours = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            name.starts_with(&format!("{PREFIX}.")) && name.ends_with(&format!(".{SUFFIX}"))
        };
        let paths = fs::read_dir(&self.folder)?.map(|entry| entry.map(|entry| entry.path()));
        paths.filter(|path| path.as_ref().is_ok_and(is_ours) || path.is_err()).collect()
    }
}

impl Write for DayFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let today = day(self.clock.now());
        if today != self.day {
            self.day = today;
            self.reopen()?;
        } else if self.appender.is_none() {
            self.reopen()?;
        }
        if self.bytes_max < self.bytes.saturating_add(line.len() as u64) && self.bytes != 0 {
            self.put_aside()?;
            self.reopen()?;
        }
        let appender = self.appender.as_mut().ok_or_else(|| io::Error::other("no log file is open"))?;
        let n_bytes = appender.write(line)?;
        self.bytes += n_bytes as u64;
        Ok(n_bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.appender.as_mut().map_or(Ok(()), RollingFileAppender::flush)
    }
}

fn day(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use std::sync::atomic::{AtomicI64, Ordering};
    use tempfile::TempDir;
    use tracing::{debug, error, info};

    /// A clock that a test moves.
    struct Standing(AtomicI64);

    impl Clock for Standing {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::Relaxed))
        }
    }

    const DAY_MS: i64 = 86_400_000;

    fn clock() -> Arc<Standing> {
        Arc::new(Standing(AtomicI64::new(1_767_225_600_000)))
    }

    fn logged(level: Option<&str>, masks: Masks, events: impl FnOnce()) -> (TempDir, String) {
        let folder = tempfile::tempdir().expect("a folder");
        let (subscriber, logs) = prepare(&folder.path().join("logs"), level, masks, clock()).expect("a log");
        tracing::subscriber::with_default(subscriber, events);
        assert_eq!(logs.dropped_lines(), 0);
        let file = logs.folder().join("syncdeck.2026-01-01.log");
        drop(logs);
        let text = fs::read_to_string(file).expect("the day's file");
        (folder, text)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_event_is_a_line_with_its_fields() {
        let (_folder, text) = logged(None, Masks::default(), || {
            info!(job = "customers", page = 7, "page committed");
            debug!("not at this level");
        });
        assert_eq!(
            text,
            "2026-01-01T00:00:00Z  INFO syncdeck::logging::tests: page committed job=\"customers\" page=7\n"
        );
    }

    #[test]
    fn a_level_alone_is_for_this_program_and_not_for_its_libraries() {
        let (_folder, text) = logged(Some("debug"), Masks::default(), || {
            debug!("ours");
            debug!(target: "hyper", "theirs");
            info!(target: "hyper", "theirs");
            error!(target: "hyper", "broken");
        });
        assert_eq!((text.lines().count(), text.contains("theirs")), (2, false), "{text}");
    }

    #[test]
    fn a_level_that_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let refused = prepare(folder.path(), Some("syncdeck=loud=x"), Masks::default(), clock()).err();
        assert!(matches!(refused, Some(LogError::Level(_))), "{refused:?}");
    }

    #[test]
    fn secrets_are_masked_in_every_line() {
        let masks = Masks::new([Secret::new("s3cr3t/token")]);
        let (_folder, text) = logged(None, masks, || {
            info!(url = "https://x/?key=s3cr3t%2Ftoken", "asked with s3cr3t/token");
            error!(why = %"refused s3cr3t/token", "failed");
        });
        assert_eq!((text.matches("••••").count(), text.contains("s3cr3t")), (3, false), "{text}");
    }

    #[test]
    fn a_foreign_text_stays_in_its_line_and_is_harmless() {
        let (_folder, text) = logged(None, Masks::default(), || {
            info!(record = %"a\nERROR forged\r\x1b[2J\u{202e}", "skipped");
            info!(record = %"x".repeat(100_000), "skipped");
        });
        assert_eq!(text.lines().count(), 2);
        assert!(!text.chars().any(|scalar| scalar != '\n' && crate::model::is_hidden(scalar)), "{text}");
        assert!(text.len() < 20_000);
    }

    #[test]
    fn the_folder_and_its_files_are_for_their_owner_alone() {
        let (folder, _) = logged(None, Masks::default(), || info!("begun"));
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        let logs = folder.path().join("logs");
        assert_eq!((mode(&logs), mode(&logs.join("syncdeck.2026-01-01.log"))), (0o700, 0o600));
    }

    #[test]
    fn a_new_day_begins_a_new_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = clock();
        let mut file = DayFile::open(folder.path(), clock.clone(), 1_000).expect("a file");
        file.write_all(b"one\n").expect("written");
        clock.0.fetch_add(DAY_MS, Ordering::Relaxed);
        file.write_all(b"two\n").expect("written");
        assert_eq!(names(folder.path()), ["syncdeck.2026-01-01.log", "syncdeck.2026-01-02.log"]);
        let mode = fs::metadata(file.path()).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }

    #[test]
    fn a_storm_of_lines_keeps_the_newest_and_not_more_than_its_share_of_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("other.txt"), "kept").expect("written");
        let mut file = DayFile::open(folder.path(), clock(), 1_000).expect("a file");
        for number in 0..3_000 {
            file.write_all(format!("line {number:>95}\n").as_bytes()).expect("written");
        }
        let names = names(folder.path());
        assert_eq!(names.len(), FILES_MAX + 1, "{names:?}");
        assert!(names.contains(&"other.txt".to_owned()));
        let size: u64 = names.iter().map(|name| fs::metadata(folder.path().join(name)).expect("there").len()).sum();
        assert!(size <= 1_100 * FILES_MAX as u64, "{size}");
        let newest = fs::read_to_string(file.path()).expect("the day's file");
        assert!(newest.ends_with("2999\n"));
    }

    #[test]
    fn a_log_that_is_opened_again_goes_on_in_the_same_file() {
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..2 {
            let mut file = DayFile::open(folder.path(), clock(), 1_000).expect("a file");
            file.write_all(b"line\n").expect("written");
        }
        let text = fs::read_to_string(folder.path().join("syncdeck.2026-01-01.log")).expect("the day's file");
        assert_eq!(text, "line\nline\n");
    }
}
