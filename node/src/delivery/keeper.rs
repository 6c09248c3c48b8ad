//! The thread that writes the archive.

use std::thread;

use tokio::sync::mpsc;
use tracing::warn;

use super::archive::Archive;
use super::driver::Kept;
use crate::wire::UnixNanos;

/// Messages that wait to be written.
const MAX_WAITING: usize = 8192;
/// Messages of one transaction.
const MAX_BATCH: usize = 512;

/// Starts the thread; it ends when the sender is dropped and everything is written.
pub(super) fn start(archive: Archive) -> std::io::Result<mpsc::Sender<Kept>> {
    let (sender, mut waiting) = mpsc::channel::<Kept>(MAX_WAITING);
    thread::Builder::new().name("archive".to_owned()).spawn(move || {
        let mut batch = Vec::new();
        while waiting.blocking_recv_many(&mut batch, MAX_BATCH) > 0 {
            keep(&archive, &batch);
            batch.clear();
        }
    })?;
    Ok(sender)
}

fn keep(archive: &Archive, batch: &[Kept]) {
    if let Err(error) = archive.keep(batch, UnixNanos::now()) {
        warn!(%error, messages = batch.len(), "the archive could not keep messages");
    }
}
