//! A disk that takes its time, loses its power or is taken away.

use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<(Mutex<Platters>, Condvar)>);

#[derive(Debug, Default)]
struct Platters {
    current: Vec<u8>,
    synced: Vec<u8>,
    is_held: bool,
    is_gone: bool,
}

impl Disk {
    /// While it is held nothing is synced.
    pub(crate) fn hold(&self, is_held: bool) {
        self.0.0.lock().unwrap().is_held = is_held;
        self.0.1.notify_all();
    }

    /// Takes it away.
    pub(crate) fn take_away(&self) {
        self.0.0.lock().unwrap().is_gone = true;
    }

    /// What it would have if the power failed now: what was synced, and nothing else.
    pub(crate) fn after_power_failure(&self) -> Self {
        let synced = self.0.0.lock().unwrap().synced.clone();
        let platters = Platters { current: synced.clone(), synced, ..Platters::default() };
        Self(Arc::new((Mutex::new(platters), Condvar::new())))
    }

    fn there(&self) -> Result<MutexGuard<'_, Platters>> {
        let platters = self.0.0.lock().unwrap();
        if platters.is_gone { Err(ErrorKind::NotFound.into()) } else { Ok(platters) }
    }
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.there()?.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let from = usize::try_from(offset).map_err(Error::other)?;
        let platters = self.there()?;
        let bytes = platters.current.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.there()?.current.resize(usize::try_from(len).map_err(Error::other)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let platters = self.there()?;
        let mut platters = self.0.1.wait_while(platters, |platters| platters.is_held).unwrap();
        platters.synced = platters.current.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let from = usize::try_from(offset).map_err(Error::other)?;
        let mut platters = self.there()?;
        let place = platters.current.get_mut(from..from + data.len());
        place.ok_or(ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }
}
