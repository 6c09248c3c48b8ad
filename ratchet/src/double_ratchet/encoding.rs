//! The state as bytes, before it is encrypted: see [`Snapshot`](crate::Snapshot).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::secret::Secret;

use super::kem_ratchet::{Answer, Offer};
use super::receiving::Skipped;
use super::{DoubleRatchet, KemRatchet, MAX_SKIPPED, ReceivingChain, Sending, SendingChain};
use crate::kem::{CIPHERTEXT_BYTES, Ciphertext, KemPublicKey, KemSecretKey, PUBLIC_KEY_BYTES};
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::suite::Suite;

const SKIPPED_BYTES: usize = 4 + 4 + 32;
const CHAIN_BYTES: usize = 32 + 33 + 33 + 4 + 2;
/// Everything of fixed size, at its largest.
const FIXED_BYTES: usize = 32 + 32 + (1 + 64 + 32 + 4 + 4 + 33 + 1) + 33 + 33 + 1;
const KEM_BYTES: usize = 1 + 4 + 1 + 32 + SEED_AND_KEY;
const SEED_AND_KEY: usize = 64 + PUBLIC_KEY_BYTES;

impl<S: Suite> DoubleRatchet<S> {
    /// No encoding of this state is longer; reserving so much means that no secret is left behind
    /// by a vector that grew.
    pub(crate) fn encoded_bound(&self) -> usize {
        FIXED_BYTES
            + KEM_BYTES
            + self.receiving.len() * CHAIN_BYTES
            + self.skipped_len() * SKIPPED_BYTES
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.put(self.root.expose()).put(&self.binding);
        encode_sending(&self.sending, out);
        put_header_key(self.next_sending_header.as_ref(), out);
        put_header_key(self.next_receiving_header.as_ref(), out);
        // Invariant: at most MAX_CHAINS, which is a small constant.
        out.u8(u8::try_from(self.receiving.len()).unwrap_or(u8::MAX));
        self.receiving.iter().for_each(|chain| encode_chain(chain, out));
        encode_kem(&self.kem, out);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let root = RootKey::from_slice(reader.array()?);
        let binding = *reader.array()?;
        let sending = decode_sending(reader)?;
        let next_sending_header = take_header_key(reader)?;
        let next_receiving_header = take_header_key(reader)?;
        let chains = reader.u8()?.into();
        let chains = reader.checked_count(chains, S::MAX_CHAINS, CHAIN_BYTES - 64)?;
        let receiving = (0..chains).map(|_| decode_chain(reader)).collect::<Result<Vec<_>, _>>()?;
        let kem = decode_kem(reader)?;
        let state = Self {
            root,
            binding,
            sending,
            receiving,
            next_sending_header,
            next_receiving_header,
            kem,
            suite: core::marker::PhantomData,
        };
        match state.skipped_len() {
            skipped if skipped > MAX_SKIPPED => {
                Err(DecodeError::TooLong { length: skipped as u64, bound: MAX_SKIPPED as u64 })
            }
            _ => Ok(state),
        }
    }
}

fn encode_sending(sending: &Sending, out: &mut Writer) {
    match sending {
        Sending::Prepared { secret } => {
            out.u8(0);
            put_pair(secret, out);
        }
        Sending::Idle { remote, previous } => {
            out.u8(1).put(remote.as_bytes()).u32_be(*previous);
        }
        Sending::Active(chain) => {
            out.u8(2);
            put_pair(&chain.secret, out);
            out.put(chain.chain.expose()).u32_be(chain.n).u32_be(chain.previous).u8(chain.flags);
            put_header_key(chain.header_key.as_ref(), out);
        }
    }
}

fn decode_sending(reader: &mut Reader<'_>) -> Result<Sending, DecodeError> {
    match reader.u8()? {
        0 => Ok(Sending::Prepared { secret: take_pair(reader)? }),
        1 => Ok(Sending::Idle {
            remote: PublicKey::from_bytes(*reader.array()?),
            previous: reader.u32_be()?,
        }),
        2 => {
            let secret = take_pair(reader)?;
            let chain = ChainKey::from_slice(reader.array()?);
            let (n, previous, flags) = (reader.u32_be()?, reader.u32_be()?, reader.u8()?);
            let header_key = take_header_key(reader)?;
            Ok(Sending::Active(SendingChain { secret, chain, n, previous, header_key, flags }))
        }
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

fn encode_chain(chain: &ReceivingChain, out: &mut Writer) {
    out.put(chain.remote.as_bytes());
    put_header_key(chain.header_key.as_ref(), out);
    put_optional(chain.chain.as_ref().map(ChainKey::expose), out);
    // Invariant: at most MAX_SKIPPED, which fits.
    out.u32_be(chain.n).u16_be(u16::try_from(chain.skipped.len()).unwrap_or(u16::MAX));
    for (n, skipped) in &chain.skipped {
        out.u32_be(*n).u32_be(skipped.since).put(skipped.key.expose());
    }
}

fn decode_chain(reader: &mut Reader<'_>) -> Result<ReceivingChain, DecodeError> {
    let remote = PublicKey::from_bytes(*reader.array()?);
    let header_key = take_header_key(reader)?;
    let chain = take_optional(reader)?.map(ChainKey::from_slice);
    let n = reader.u32_be()?;
    let count = reader.u16_be()?.into();
    let count = reader.checked_count(count, MAX_SKIPPED, SKIPPED_BYTES)?;
    let mut skipped = BTreeMap::new();
    for _ in 0..count {
        let (number, since) = (reader.u32_be()?, reader.u32_be()?);
        let key = MessageKey::from_slice(reader.array()?);
        let ascending = skipped.last_key_value().is_none_or(|(last, _)| *last < number);
        if !ascending || number >= n {
            return Err(DecodeError::NotCanonical);
        }
        skipped.insert(number, Skipped { key, since });
    }
    Ok(ReceivingChain { remote, header_key, chain, n, skipped })
}

fn encode_kem(kem: &KemRatchet, out: &mut Writer) {
    match kem {
        KemRatchet::Off => out.u8(0),
        KemRatchet::Initiator { epoch, state } => {
            out.u8(1).u32_be(*epoch);
            match state {
                Offer::Resting { chains } => out.u8(0).u32_be(*chains),
                Offer::Offering { secret, key } => {
                    out.u8(1).put(secret.expose_seed().expose()).put(key.as_bytes())
                }
                Offer::Ready { secret } => out.u8(2).put(secret.expose()),
            }
        }
        KemRatchet::Responder { epoch, state } => {
            out.u8(2).u32_be(*epoch);
            match state {
                Answer::Resting => out.u8(0),
                Answer::Asked { key } => out.u8(1).put(key.as_bytes()),
                Answer::Answering { ciphertext, secret } => {
                    out.u8(2).put(ciphertext.as_bytes()).put(secret.expose())
                }
            }
        }
    };
}

fn decode_kem(reader: &mut Reader<'_>) -> Result<KemRatchet, DecodeError> {
    match reader.u8()? {
        0 => Ok(KemRatchet::Off),
        1 => Ok(KemRatchet::Initiator { epoch: reader.u32_be()?, state: decode_offer(reader)? }),
        2 => Ok(KemRatchet::Responder { epoch: reader.u32_be()?, state: decode_answer(reader)? }),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

fn decode_offer(reader: &mut Reader<'_>) -> Result<Offer, DecodeError> {
    match reader.u8()? {
        0 => Ok(Offer::Resting { chains: reader.u32_be()? }),
        1 => {
            let seed: &[u8; 64] = reader.array()?;
            let secret = KemSecretKey::from_seed(Secret::with(|out| *out = *seed));
            Ok(Offer::Offering { secret, key: take_kem_key(reader)? })
        }
        2 => Ok(Offer::Ready { secret: take_secret(reader)? }),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

fn decode_answer(reader: &mut Reader<'_>) -> Result<Answer, DecodeError> {
    match reader.u8()? {
        0 => Ok(Answer::Resting),
        1 => Ok(Answer::Asked { key: take_kem_key(reader)? }),
        2 => {
            let ciphertext = Ciphertext::from_bytes(reader.array::<CIPHERTEXT_BYTES>()?);
            Ok(Answer::Answering { ciphertext, secret: take_secret(reader)? })
        }
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

fn take_kem_key(reader: &mut Reader<'_>) -> Result<KemPublicKey, DecodeError> {
    KemPublicKey::from_bytes(reader.array()?).map_err(|_| DecodeError::NotCanonical)
}

fn take_secret(reader: &mut Reader<'_>) -> Result<Secret<32>, DecodeError> {
    let bytes: &[u8; 32] = reader.array()?;
    Ok(Secret::with(|out| *out = *bytes))
}

fn put_pair(secret: &StaticSecret, out: &mut Writer) {
    out.put(secret.expose_secret().expose()).put(secret.public_key().as_bytes());
}

fn take_pair(reader: &mut Reader<'_>) -> Result<StaticSecret, DecodeError> {
    let scalar = take_secret(reader)?;
    Ok(StaticSecret::from_snapshot(scalar, PublicKey::from_bytes(*reader.array()?)))
}

fn put_header_key(key: Option<&HeaderKey>, out: &mut Writer) {
    put_optional(key.map(HeaderKey::expose), out);
}

fn take_header_key(reader: &mut Reader<'_>) -> Result<Option<HeaderKey>, DecodeError> {
    Ok(take_optional(reader)?.map(HeaderKey::from_slice))
}

fn put_optional(bytes: Option<&[u8; 32]>, out: &mut Writer) {
    match bytes {
        None => out.u8(0),
        Some(bytes) => out.u8(1).put(bytes),
    };
}

fn take_optional<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8; 32]>, DecodeError> {
    match reader.u8()? {
        0 => Ok(None),
        1 => reader.array().map(Some),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}
