//! A disk in memory under the store: it survives the death of a process, fills up, and forgets its last commits.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

#[derive(Debug, Default)]
struct Platters {
    bytes: Vec<u8>,
    /// The disk holds so many bytes.
    room: Option<u64>,
    /// No write succeeds.
    is_broken: bool,
    /// What was on it at the last syncs, newest last, where that is to be remembered.
    synced: Option<VecDeque<Vec<u8>>>,
}

#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<Platters>>);

impl Disk {
    /// Syncs that are remembered.
    const SYNCED_MAX: usize = 64;

    /// A disk that remembers its last syncs.
    pub fn with_memory() -> Self {
        let disk = Self::default();
        disk.0.lock().synced = Some(VecDeque::new());
        disk
    }

    pub fn fill_up(&self) {
        let mut platters = self.0.lock();
        platters.room = Some(platters.bytes.len() as u64);
    }

    /// From now on no write succeeds.
    pub fn break_down(&self) {
        self.0.lock().is_broken = true;
    }

    pub fn mend(&self) {
        let mut platters = self.0.lock();
        platters.room = None;
        platters.is_broken = false;
    }

    /// The disk as the next process finds it. What the dead one still does on its own copy is lost with it.
    pub fn after_a_kill(&self) -> Self {
        let platters = self.0.lock();
        let synced = platters.synced.as_ref().map(|_| VecDeque::new());
        Self(Arc::new(Mutex::new(Platters {
            bytes: platters.bytes.clone(),
            room: platters.room,
            is_broken: platters.is_broken,
            synced,
        })))
    }

    /// All that is on it.
    pub fn content(&self) -> Vec<u8> {
        self.0.lock().bytes.clone()
    }

    /// The disk as it was so many syncs ago.
    pub fn syncs_ago(&self, n: usize) -> Self {
        let platters = self.0.lock();
        let synced = platters.synced.as_ref().expect("a disk that remembers its syncs");
        let bytes = synced.iter().rev().nth(n).expect("so many syncs are remembered").clone();
        Self(Arc::new(Mutex::new(Platters { bytes, room: None, is_broken: false, synced: Some(VecDeque::new()) })))
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
            return Err(full());
        }
        platters.bytes.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platters = self.0.lock();
        let bytes = platters.synced.as_ref().map(|_| platters.bytes.clone());
        if let (Some(synced), Some(bytes)) = (&mut platters.synced, bytes) {
            synced.push_back(bytes);
            if synced.len() > Self::SYNCED_MAX {
                synced.pop_front();
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platters = self.0.lock();
        if platters.is_broken {
            return Err(full());
        }
        let start = offset as usize;
        platters.bytes[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}

fn full() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "no space left on device")
}
