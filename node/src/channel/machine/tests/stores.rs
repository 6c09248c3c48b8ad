//! Stores that fail.

use super::*;

/// Fails when told to, with nothing written.
#[derive(Debug, Default)]
struct Failing {
    inner: MemoryChannel,
    is_full: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct DiskFull;

impl ChannelStore for Failing {
    type Error = DiskFull;

    fn records(&self) -> Result<Vec<(Key, Vec<u8>)>, DiskFull> {
        self.inner.records().map_err(|never| match never {})
    }

    fn commit(&mut self, batch: Batch) -> Result<(), DiskFull> {
        if self.is_full {
            return Err(DiskFull);
        }
        self.inner.commit(batch).map_err(|never| match never {})
    }
}

#[test]
fn what_was_not_committed_did_not_happen() {
    let channel = open("saro", ChannelConfig::default(), &[], at(0));
    let mut saro = ReliableChannel::new(channel, Failing::default());
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    saro.handle_timeout(at(0)).unwrap();
    while saro.poll_output(&mut rng).is_some() {}
    saro.store.is_full = true;
    assert!(saro.send(at(1), b"lost").is_err());
    assert_eq!(saro.poll_output(&mut rng), None, "nothing leaves");
    saro.store.is_full = false;
    let request = saro.send(at(2), b"kept").unwrap();
    assert_eq!((request.number(), saro.channel().pending()), (0, 1));
    let sent = std::iter::from_fn(|| saro.poll_output(&mut rng));
    let sent: Vec<_> =
        sent.filter(|output| matches!(output, ChannelOutput::Publish { .. })).collect();
    assert_eq!(sent.len(), 1);
}
