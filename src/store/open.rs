//! Opening and closing: the folder and its rights, the lock and who holds it, the format, repair, compaction.

use super::heads::Heads;
use super::jobs::Directory;
use super::letter_rows::Head;
use super::runs::RunRow;
use super::tables::{
    CHECKPOINTS, CONTROLS, FORMAT, GROUPS, JOBS, JOURNAL, LETTER_BODIES, LETTERS, LETTERS_BY_GROUP, LETTERS_BY_JOB,
    LETTERS_BY_PLACE, LETTERS_BY_RECORD, LINKS, LINKS_BY_DESTINATION, META, RUNS, RUNS_BY_JOB, SEARCH,
    SEARCH_OF_RECORD,
};
use super::writer::{Queue, Writer};
use super::{Options, Shared, StoreError, codec};
use crate::model::Timestamp;
use parking_lot::{Mutex, RwLock};
use redb::backends::FileBackend;
use redb::{
    BackendError, Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend,
    StorageError, TableError, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::ops::Bound;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The state's file in its folder.
pub(super) const FILE: &str = "state.redb";
/// Who holds the state, for those who find it locked.
pub(super) const HOLDER_FILE: &str = "engine.json";

/// At close, files between these sizes are looked at, and compacted when more than half of them is free:
/// below it is not worth it, above it would take longer than a person waits for a program to end.
const COMPACT_BYTES: std::ops::RangeInclusive<u64> = (8 << 20)..=(512 << 20);

/// The database, or why there is none.
pub(super) enum Opened {
    Open(Database),
    /// It failed and could not be opened again yet.
    Failed(StoreError),
    Closed,
}

/// A backend that outlives the database on it, so that the file stays ours while the database is opened again.
///
/// It takes the lock once, for all, and tells redb that there are no locks.
#[derive(Clone, Debug)]
pub(super) struct Backend(Arc<dyn StorageBackend>);

impl Backend {
    /// None when another holds the lock.
    fn lock(backend: impl StorageBackend) -> Result<Option<Self>, BackendError> {
        match backend.try_lock_range(Bound::Unbounded, Bound::Unbounded) {
            Ok(true) | Err(BackendError::Unsupported) => Ok(Some(Self(Arc::new(backend)))),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&self, options: &Options) -> Result<Database, DatabaseError> {
        Database::builder().set_cache_size(options.cache_bytes).create_with_backend(self.clone())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// Who holds a state, as `engine.json` beside it says. The lock itself is the file's; this only names its holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub started_at: Timestamp,
    pub user: String,
    pub version: String,
    /// The command that it carries out: `serve`, `run`, `console`; empty where it did not say.
    #[serde(default)]
    pub command: String,
}

impl std::fmt::Display for Holder {
    /// `pid 4127 (syncdeck serve), started 10:20 by ops`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let command = if self.command.is_empty() { String::new() } else { format!(" (syncdeck {})", self.command) };
        let at = self.started_at.to_jiff().strftime("%H:%M");
        write!(f, "pid {}{command}, started {at} by {}", self.pid, self.user)
    }
}

impl Holder {
    /// Who says to hold the state in `folder`; none where nobody said so, or not in words that are understood here.
    pub fn read(folder: &Path) -> Option<Self> {
        let text = std::fs::read(folder.join(HOLDER_FILE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn shown(folder: &Path) -> String {
        Self::read(folder).map_or_else(|| "another process".to_owned(), |holder| holder.to_string())
    }

    fn write(folder: &Path, command: &str) -> io::Result<PathBuf> {
        let path = folder.join(HOLDER_FILE);
        let mut file = private(OpenOptions::new().write(true).create(true).truncate(true), &path)?;
        file.set_len(0)?;
        // The file's own time is the time of the start, so no clock has to be asked here.
        let started_at = jiff::Timestamp::try_from(file.metadata()?.modified()?).map_err(io::Error::other)?;
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        let holder = Self {
            pid: std::process::id(),
            started_at: started_at.into(),
            user: user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw())),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: command.to_owned(),
        };
        file.write_all(&serde_json::to_vec(&holder)?)?;
        Ok(path)
    }
}

/// Opens a file that only its owner may read, whatever the umask and whatever it was before.
fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

pub(super) fn open_folder(folder: &Path, options: &Options) -> Result<Shared, StoreError> {
    let refused =
        |error: &dyn std::fmt::Display| StoreError::Folder { folder: folder.to_owned(), problem: error.to_string() };
    make_folder(folder).map_err(|error| refused(&error))?;
    let path = folder.join(FILE);
    if !path.try_exists().map_err(|error| refused(&error))? {
        make_file(folder, &path, options)?;
    }
    let file = private(OpenOptions::new().read(true).write(true), &path).map_err(|error| refused(&error))?;
    let backend = FileBackend::new(file).map_err(|error| refused(&error))?;
    let in_use = || StoreError::InUse { folder: folder.to_owned(), holder: Holder::shown(folder) };
    let backend = Backend::lock(backend).map_err(|error| refused(&error))?.ok_or_else(in_use)?;
    if backend.len().map_err(|error| refused(&error))? == 0 {
        // A new file is never seen empty, so this one lost its content. Starting anew would send everything again.
        return Err(StoreError::Damaged { path, problem: "it is empty".to_owned() });
    }
    let (database, heads) = open_database(&backend, &path, options, false)?;
    let holder = Holder::write(folder, &options.command).map_err(|error| refused(&error))?;
    Ok(Shared::new(database, backend, heads, options, Some(holder)))
}

pub(super) fn open_backend(backend: impl StorageBackend, options: &Options) -> Result<Shared, StoreError> {
    let path = PathBuf::from("memory");
    let refused = |error: BackendError| StoreError::Disk(error.to_string());
    let in_use = || StoreError::InUse { folder: path.clone(), holder: "another process".to_owned() };
    let backend = Backend::lock(backend).map_err(refused)?.ok_or_else(in_use)?;
    let is_new = backend.len().map_err(|error| StoreError::Disk(error.to_string()))? == 0;
    let (database, heads) = open_database(&backend, &path, options, is_new)?;
    Ok(Shared::new(database, backend, heads, options, None))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if folder.metadata()?.permissions().mode() & 0o777 != 0o700 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes the state under another name and gives it its own when it is whole, so that a crash in between
/// leaves nothing that looks like a damaged state.
fn make_file(folder: &Path, path: &Path, options: &Options) -> Result<(), StoreError> {
    let refused = |error: io::Error| StoreError::Folder { folder: folder.to_owned(), problem: error.to_string() };
    let draft = folder.join(format!("{FILE}.{}.new", std::process::id()));
    let file = private(OpenOptions::new().read(true).write(true).create(true).truncate(true), &draft);
    let backend = FileBackend::new(file.map_err(refused)?).map_err(|error| open_error(error, &draft))?;
    let database = Database::builder()
        .set_cache_size(options.cache_bytes)
        .create_with_backend(backend)
        .map_err(|error| open_error(error, &draft))?;
    make_tables(&database)?;
    drop(database);
    // A link, not a rename: whoever was faster keeps the state that is in use by now.
    match std::fs::hard_link(&draft, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(_) => std::fs::rename(&draft, path).map_err(refused)?,
    }
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused(error)),
        _ => {}
    }
    // The name must outlast a power loss as well as the content does.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused)
}

fn make_tables(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert("format", u64::from(FORMAT))?;
    transaction.open_table(JOBS)?;
    transaction.open_table(CONTROLS)?;
    transaction.open_table(CHECKPOINTS)?;
    transaction.open_table(LINKS)?;
    transaction.open_table(LINKS_BY_DESTINATION)?;
    transaction.open_table(LETTERS)?;
    transaction.open_table(LETTER_BODIES)?;
    transaction.open_table(LETTERS_BY_PLACE)?;
    transaction.open_table(LETTERS_BY_JOB)?;
    transaction.open_table(LETTERS_BY_GROUP)?;
    transaction.open_table(LETTERS_BY_RECORD)?;
    transaction.open_table(SEARCH)?;
    transaction.open_table(SEARCH_OF_RECORD)?;
    transaction.open_table(GROUPS)?;
    transaction.open_table(RUNS)?;
    transaction.open_table(RUNS_BY_JOB)?;
    transaction.open_table(JOURNAL)?;
    Ok(transaction.commit()?)
}

/// Opens what is there, repairs it after a crash, looks at its format, and ends the runs that a crash cut off.
fn open_database(
    backend: &Backend,
    path: &Path,
    options: &Options,
    is_new: bool,
) -> Result<(Database, Heads), StoreError> {
    let opened = caught(|| {
        let database = backend.open(options).map_err(|error| open_error(error, path))?;
        if is_new {
            make_tables(&database)?;
        }
        let heads = first_look(&database, path)?;
        Ok((database, heads))
    });
    opened.map_err(|error| match error {
        StoreError::Row(problem) => StoreError::Damaged { path: path.to_owned(), problem },
        other => other,
    })
}

/// Does what touches the file. redb trusts a file that was closed in order; what rotted in it since may show as a panic,
/// which becomes an error here.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(StoreError::Row("the content of the file contradicts itself".to_owned())))
}

/// A table that files of earlier versions do not have; none where it is not there.
pub(super) fn if_there<T>(table: Result<T, TableError>) -> Result<Option<T>, StoreError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn warn_of(ended: Result<(), StoreError>) {
    if let Err(error) = ended {
        tracing::warn!(%error, "the state was not closed in order; it is looked through at the next start");
    }
}

fn first_look(database: &Database, path: &Path) -> Result<Heads, StoreError> {
    let read = database.begin_read()?;
    let not_ours = |_| StoreError::Damaged { path: path.to_owned(), problem: "it is no state of syncdeck".to_owned() };
    let format = read.open_table(META).map_err(|error| match error {
        TableError::Storage(error) => StoreError::from(error),
        other => not_ours(other),
    })?;
    let format = format.get("format")?.map_or(0, |format| format.value());
    let found = u32::try_from(format).unwrap_or(u32::MAX);
    if found > FORMAT {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: FORMAT });
    }
    match read.open_table(LETTERS_BY_RECORD) {
        Ok(_) => {}
        Err(TableError::TableDoesNotExist(_)) => index_letters(database, &read)?,
        Err(error) => return Err(error.into()),
    }
    let mut heads = Heads::load(&read)?;
    if !heads.runs.is_empty() {
        interrupt_runs(database, &mut heads)?;
    }
    Ok(heads)
}

/// Makes what files of the first versions do not have: the index of letters by record, and room for searchable fields.
fn index_letters(database: &Database, read: &ReadTransaction) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let mut by_record = transaction.open_table(LETTERS_BY_RECORD)?;
    for row in read.open_table(LETTERS)?.iter()? {
        let (number, row) = row?;
        let head: Head<'_> = codec::unpack("dead letter", row.value())?;
        by_record.insert((head.job, head.record, number.value()), ())?;
    }
    drop(by_record);
    transaction.open_table(SEARCH)?;
    transaction.open_table(SEARCH_OF_RECORD)?;
    Ok(transaction.commit()?)
}

/// No run of an earlier process is still going on: this process has the lock.
fn interrupt_runs(database: &Database, heads: &mut Heads) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let mut table = transaction.open_table(RUNS)?;
    for (id, mut row) in heads.runs.drain() {
        RunRow::interrupt(&mut row);
        table.insert(id.0, codec::pack(&row).as_slice())?;
    }
    drop(table);
    Ok(transaction.commit()?)
}

fn open_error(error: DatabaseError, path: &Path) -> StoreError {
    let damaged = |problem: String| StoreError::Damaged { path: path.to_owned(), problem };
    match error {
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            damaged(error.to_string())
        }
        DatabaseError::Storage(StorageError::Corrupted(problem)) => damaged(problem),
        DatabaseError::UpgradeRequired(version) => damaged(format!("its file format {version} is not redb's 3")),
        DatabaseError::RepairAborted => damaged("it can not be repaired".to_owned()),
        other => StoreError::Disk(other.to_string()),
    }
}

impl Shared {
    fn new(database: Database, backend: Backend, heads: Heads, options: &Options, holder: Option<PathBuf>) -> Self {
        let mut directory = Directory::default();
        directory.renew(&heads);
        Self {
            database: RwLock::new(Opened::Open(database)),
            backend,
            directory: RwLock::new(directory),
            letter_next: AtomicU64::new(heads.letter_next),
            queue: Mutex::new(Queue::default()),
            writer: Mutex::new(Writer::new(options.clone(), heads)),
            holder: Mutex::new(holder),
        }
    }

    /// The state as of the last commit. Short-lived: while it lives, no page that it could see is used again.
    pub(super) fn snapshot(&self) -> Result<ReadTransaction, StoreError> {
        Ok(self.database.read().open()?.begin_read()?)
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        Ok(self.database.read().open()?.begin_write()?)
    }

    /// Lets readers know what a transaction changed of the jobs.
    pub(super) fn publish(&self, heads: &Heads) {
        self.directory.write().renew(heads);
    }

    /// Gives a failed database up. It writes nothing any more, so what is in the file is what was last committed.
    pub(super) fn drop_database(&self, error: &StoreError) {
        let mut database = self.database.write();
        if matches!(*database, Opened::Open(_)) {
            let failed = std::mem::replace(&mut *database, Opened::Failed(error.clone()));
            warn_of(caught(|| {
                drop(failed);
                Ok(())
            }));
        }
    }

    /// Opens the database again on the same file, under the same lock.
    pub(super) fn open_again(&self, options: &Options) -> Result<(), StoreError> {
        let mut database = self.database.write();
        match &*database {
            Opened::Open(_) => return Ok(()),
            Opened::Closed => return Err(closed()),
            Opened::Failed(_) => {}
        }
        match caught(|| self.backend.open(options).map_err(|error| StoreError::Disk(error.to_string()))) {
            Ok(opened) => {
                *database = Opened::Open(opened);
                Ok(())
            }
            Err(error) => {
                *database = Opened::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Compacts when it pays, closes the file, gives up the lock.
    pub(super) fn close_now(&self) {
        let opened = std::mem::replace(&mut *self.database.write(), Opened::Closed);
        if let Opened::Open(mut database) = opened {
            let ended = caught(|| {
                // What stands in the way (a reader that has not ended) only costs the compaction.
                if self.is_mostly_free(&database)
                    && let Err(error) = database.compact()
                {
                    tracing::warn!(%error, "the state was not compacted");
                }
                drop(database);
                Ok(())
            });
            warn_of(ended);
        }
        self.give_up();
    }

    fn is_mostly_free(&self, database: &Database) -> bool {
        let Ok(len) = self.backend.len() else { return false };
        if !COMPACT_BYTES.contains(&len) {
            return false;
        }
        let stats = database.begin_write().ok().and_then(|transaction| transaction.stats().ok());
        stats.is_some_and(|stats| len / 2 < stats.fragmented_bytes())
    }

    /// The holder's name goes before the lock does, else it could be the next holder's.
    fn give_up(&self) {
        if let Some(path) = self.holder.lock().take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(%error, path = %path.display(), "the holder file was not removed");
        }
        if let Err(error) = self.backend.0.close() {
            tracing::warn!(%error, "the lock of the state was not given up");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let opened = std::mem::replace(self.database.get_mut(), Opened::Closed);
        if !matches!(opened, Opened::Closed) {
            warn_of(caught(|| {
                drop(opened);
                Ok(())
            }));
            self.give_up();
        }
    }
}

impl Opened {
    fn open(&self) -> Result<&Database, StoreError> {
        match self {
            Self::Open(database) => Ok(database),
            Self::Failed(error) => Err(error.clone()),
            Self::Closed => Err(closed()),
        }
    }
}

/// What is told to those who come after the end.
pub(super) fn closed() -> StoreError {
    StoreError::Disk("it is closed".to_owned())
}
