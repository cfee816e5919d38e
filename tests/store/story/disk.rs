//! A disk in memory that remembers what was synced, fills up, and loses power.

use parking_lot::{Mutex, MutexGuard};
use std::io;
use std::sync::Arc;

/// One write that was made since the last sync.
#[derive(Clone, Debug)]
pub enum Change {
    Write(u64, Vec<u8>),
    Resize(u64),
}

#[derive(Debug, Default)]
struct Platters {
    /// As programs see it.
    bytes: Vec<u8>,
    /// As it was at the last sync.
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    /// The disk holds so many bytes.
    room: Option<u64>,
    /// Writes from here on fail.
    is_broken: bool,
    syncs: usize,
    /// At each sync: what had been synced before it, and what it was about to sync.
    history: Option<Vec<(Vec<u8>, Vec<Change>)>>,
}

#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Platters>>, Arc<Mutex<()>>);

impl Disk {
    pub fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.0.lock().synced = bytes.clone();
        disk.0.lock().bytes = bytes;
        disk
    }

    /// Syncs wait as long as what is returned lives.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.1.lock()
    }

    pub fn fill_up(&self) {
        let mut platters = self.0.lock();
        platters.room = Some(platters.bytes.len() as u64);
    }

    pub fn break_down(&self) {
        self.0.lock().is_broken = true;
    }

    pub fn mend(&self) {
        let mut platters = self.0.lock();
        platters.room = None;
        platters.is_broken = false;
    }

    pub fn syncs(&self) -> usize {
        self.0.lock().syncs
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().bytes.clone()
    }

    /// From now on every sync is remembered with what it was to make durable.
    pub fn remember(&self) {
        self.0.lock().history = Some(Vec::new());
    }

    pub fn history(&self) -> Vec<(Vec<u8>, Vec<Change>)> {
        self.0.lock().history.clone().unwrap_or_default()
    }
}

pub fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Resize(len) => bytes.resize(*len as usize, 0),
        Change::Write(offset, data) => {
            let (start, end) = (*offset as usize, *offset as usize + data.len());
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(data);
        }
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platters = self.0.lock();
        let start = offset as usize;
        let part = platters.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platters = self.0.lock();
        if platters.is_broken || platters.room.is_some_and(|room| room < len) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no space left on device"));
        }
        let change = Change::Resize(len);
        apply(&mut platters.bytes, &change);
        platters.unsynced.push(change);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let _held = self.1.lock();
        let mut platters = self.0.lock();
        if platters.is_broken {
            return Err(io::Error::other("input/output error"));
        }
        platters.syncs += 1;
        let unsynced = std::mem::take(&mut platters.unsynced);
        let before = std::mem::take(&mut platters.synced);
        platters.synced = platters.bytes.clone();
        if let Some(history) = &mut platters.history {
            history.push((before, unsynced));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platters = self.0.lock();
        if platters.is_broken {
            return Err(io::Error::other("input/output error"));
        }
        let change = Change::Write(offset, data.to_vec());
        apply(&mut platters.bytes, &change);
        platters.unsynced.push(change);
        Ok(())
    }
}
