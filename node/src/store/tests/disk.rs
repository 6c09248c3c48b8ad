//! A disk that loses its power in the middle of a write.

use std::io;
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// A disk of which only `writes_left` more writes arrive, the last of them by half. What was not
/// synced by then is lost in part: every other write since is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<Platters>>);

#[derive(Debug, Default)]
struct Platters {
    synced: Vec<u8>,
    /// Since the last sync: where and what.
    pending: Vec<(u64, Vec<u8>)>,
    current: Vec<u8>,
    writes_left: Option<usize>,
}

impl Platters {
    /// Is the power still on? Counts one write.
    fn spend(&mut self) -> io::Result<bool> {
        match &mut self.writes_left {
            None => Ok(true),
            Some(0) => Err(io::Error::other("no power")),
            Some(left) => {
                *left -= 1;
                Ok(*left > 0)
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let from = usize::try_from(offset).unwrap();
    if bytes.len() < from + data.len() {
        bytes.resize(from + data.len(), 0);
    }
    bytes[from..from + data.len()].copy_from_slice(data);
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        let platters = self.0.lock().unwrap();
        let bytes = platters.current.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut platters = self.0.lock().unwrap();
        platters.spend()?;
        platters.current.resize(usize::try_from(len).unwrap(), 0);
        platters.synced.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platters = self.0.lock().unwrap();
        platters.spend()?;
        let Platters { synced, pending, .. } = &mut *platters;
        pending.drain(..).for_each(|(offset, data)| put(synced, offset, &data));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platters = self.0.lock().unwrap();
        let whole = platters.spend()?;
        let data = if whole { data } else { &data[..data.len() / 2] };
        put(&mut platters.current, offset, data);
        platters.pending.push((offset, data.to_vec()));
        Ok(())
    }
}

impl Disk {
    /// Lets so many more writes arrive.
    pub(crate) fn lose_power_after(&self, writes: usize) {
        self.0.lock().unwrap().writes_left = Some(writes);
    }

    /// The disk after the power came back; `keep` says which pending writes arrived.
    pub(crate) fn after_power_failure(&self, keep: impl Fn(usize) -> bool) -> Self {
        let platters = self.0.lock().unwrap();
        let mut bytes = platters.synced.clone();
        for (_, (offset, data)) in platters.pending.iter().enumerate().filter(|(n, _)| keep(*n)) {
            put(&mut bytes, *offset, data);
        }
        let current = bytes.clone();
        Self(Arc::new(Mutex::new(Platters { synced: bytes, current, ..Platters::default() })))
    }
}
