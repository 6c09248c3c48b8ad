//! Taking over a conversation from libchat's own state.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader};
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use thiserror::Error;

use super::LogosShipped;
use crate::double_ratchet::{
    DoubleRatchet, KemRatchet, MAX_SKIPPED, ReceivingChain, Sending, SendingChain,
};
use crate::keys::{ChainKey, MessageKey, RootKey};
use crate::session::{Role, Session, SessionId};

/// Why a state of libchat was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The bytes are not a state blob of version 1.
    #[error("state does not decode: {0}")]
    Malformed(#[from] DecodeError),
    /// The parts contradict each other: no such state can arise.
    #[error("state is inconsistent")]
    Inconsistent,
}

/// Bytes of a skipped key in the blob: ratchet key, number, message key.
const ENTRY_BYTES: usize = 32 + 4 + 32;

type Entries<'a> = BTreeMap<[u8; 32], Vec<(u32, &'a [u8; 32])>>;

impl Session<LogosShipped> {
    /// Takes over a conversation from `RatchetState::as_bytes` of libchat:
    ///
    /// `01 | root 32 | ?send 32 | ?receive 32 | secret 32 | ?remote 32 | n_send u32 | n_receive u32
    /// | previous u32 | count u32 | count x (key 32, n u32, message key 32)`, `?` a flag byte,
    /// integers most significant byte first.
    ///
    /// `base` are the first 18 bytes both conversation ids are hashed from. Skipped keys start
    /// their lifetime at `now`.
    ///
    /// # Errors
    ///
    /// See [`ImportError`]. The claimed count is checked against the bytes that are there.
    pub fn from_libchat(
        blob: &[u8],
        base: &[u8; 18],
        role: Role,
        peer: PublicKey,
        now: Tick,
    ) -> Result<Self, ImportError> {
        let mut id = [0; 32];
        id.iter_mut().zip(base).for_each(|(byte, base)| *byte = *base);
        let ratchet = decode(blob, now)?;
        let confirmed = !ratchet.receiving.is_empty();
        let (id, preamble) = (SessionId(id), Vec::new());
        Ok(Self { ratchet, id, role, peer, generation: 0, confirmed, preamble })
    }
}

fn decode(blob: &[u8], now: Tick) -> Result<DoubleRatchet<LogosShipped>, ImportError> {
    let mut reader = Reader::new(blob);
    match reader.u8()? {
        1 => {}
        tag => return Err(DecodeError::UnknownTag { tag }.into()),
    }
    let root = RootKey::from_slice(reader.array()?);
    let sending = option(&mut reader)?;
    let receiving = option(&mut reader)?;
    let secret: &[u8; 32] = reader.array()?;
    let remote = option(&mut reader)?.copied().map(PublicKey::from_bytes);
    let (n_send, n_receive, previous) = (reader.u32_be()?, reader.u32_be()?, reader.u32_be()?);
    let entries = entries(&mut reader)?;
    reader.finish()?;

    let secret = || StaticSecret::from_secret(Secret::with(|key| key.copy_from_slice(secret)));
    let sending = match (sending, remote) {
        (Some(chain), _) => Sending::Active(SendingChain {
            secret: secret(),
            chain: ChainKey::from_slice(chain),
            n: n_send,
            previous,
            header_key: None,
            flags: 0,
        }),
        (None, Some(remote)) => Sending::Idle { remote, previous: n_send },
        (None, None) => Sending::Prepared { secret: secret() },
    };
    let current = match (receiving, remote) {
        (Some(chain), Some(remote)) => {
            let mut current = ReceivingChain::new(remote, None, ChainKey::from_slice(chain));
            current.n = n_receive;
            Some(current)
        }
        (Some(_), None) => return Err(ImportError::Inconsistent),
        (None, _) => None,
    };
    let mut ratchet = DoubleRatchet {
        root,
        binding: [0; 32],
        sending,
        receiving: chains(entries, current, now)?,
        next_sending_header: None,
        next_receiving_header: None,
        kem: KemRatchet::Off,
        suite: core::marker::PhantomData,
    };
    ratchet.enforce_bounds();
    Ok(ratchet)
}

fn entries<'a>(reader: &mut Reader<'a>) -> Result<Entries<'a>, ImportError> {
    let count = reader.u32_be()?.into();
    let count = reader.checked_count(count, MAX_SKIPPED, ENTRY_BYTES)?;
    let mut entries = Entries::new();
    for _ in 0..count {
        let (remote, n, key) = (reader.array()?, reader.u32_be()?, reader.array()?);
        entries.entry(*remote).or_default().push((n, key));
    }
    Ok(entries)
}

/// Sorts skipped keys to their chains; libchat kept no order among the older ones.
fn chains(
    mut entries: Entries<'_>,
    current: Option<ReceivingChain>,
    now: Tick,
) -> Result<Vec<ReceivingChain>, ImportError> {
    let newest = current.as_ref().and_then(|chain| entries.remove(chain.remote.as_bytes()));
    let mut chains = Vec::new();
    for (remote, keys) in entries {
        let mut chain = ReceivingChain::closed(PublicKey::from_bytes(remote));
        chain.close(owned(keys)?, now);
        chains.push(chain);
    }
    if let Some(mut chain) = current {
        chain.insert(owned(newest.unwrap_or_default())?, now).ok_or(ImportError::Inconsistent)?;
        chains.push(chain);
    }
    Ok(chains)
}

fn owned(mut keys: Vec<(u32, &[u8; 32])>) -> Result<Vec<(u32, MessageKey)>, ImportError> {
    keys.sort_unstable_by_key(|(n, _)| *n);
    let twice = keys.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
    if twice {
        return Err(ImportError::Inconsistent);
    }
    Ok(keys.into_iter().map(|(n, key)| (n, MessageKey::from_slice(key))).collect())
}

fn option<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8; 32]>, DecodeError> {
    match reader.u8()? {
        0 => Ok(None),
        1 => reader.array().map(Some),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}
