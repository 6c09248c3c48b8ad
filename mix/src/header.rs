//! The layered routing information `beta` and its MAC `gamma`.
//!
//! Generic over the size of a routing block, which is what a header shifts by at each hop: 112
//! bytes in the classical format, more where a block carries the next hop's KEM ciphertext.

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::kdf::Label;
use crate::layout::{GAMMA_BYTES, KAPPA};

/// The keys a hop's secret gives for its layer of the header.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct HeaderKeys {
    aes_key: [u8; KAPPA],
    iv: [u8; KAPPA],
    mac_key: [u8; KAPPA],
}

impl HeaderKeys {
    pub(crate) fn derive(secret: &[u8; 32]) -> Self {
        Self {
            aes_key: Label::AES_KEY.derive_short(secret),
            iv: Label::IV.derive_short(secret),
            mac_key: Label::MAC_KEY.derive_short(secret),
        }
    }

    /// The MAC over `beta`, cut to [`GAMMA_BYTES`].
    pub(crate) fn mac(&self, beta: &[u8]) -> [u8; GAMMA_BYTES] {
        mac(&self.mac_key, beta)
    }

    fn stream(&self) -> Ctr128BE<Aes128> {
        Ctr128BE::new(&self.aes_key.into(), &self.iv.into())
    }

    /// Removes this hop's layer: `beta` becomes the next hop's, the routing block is returned.
    pub(crate) fn peel<const BLOCK: usize>(&self, beta: &mut [u8]) -> [u8; BLOCK] {
        let mut stream = self.stream();
        let mut tail = [0; BLOCK];
        stream.apply_keystream(beta);
        stream.apply_keystream(&mut tail);
        let mut block = [0; BLOCK];
        if let Some((head, _)) = beta.split_first_chunk::<BLOCK>() {
            block = *head;
            beta.copy_within(BLOCK.., 0);
        }
        if let Some((_, end)) = beta.split_last_chunk_mut::<BLOCK>() {
            *end = tail;
        }
        block
    }
}

/// Checks `gamma` over `beta` in constant time, deriving nothing but the MAC key.
pub(crate) fn is_authentic(secret: &[u8; 32], beta: &[u8], gamma: &[u8]) -> bool {
    let mut key = Label::MAC_KEY.derive_short(secret);
    let authentic = mac(&key, beta).ct_eq(gamma).into();
    key.zeroize();
    authentic
}

fn mac(key: &[u8; KAPPA], beta: &[u8]) -> [u8; GAMMA_BYTES] {
    let mut out = [0; GAMMA_BYTES];
    // A key of any length is a key to HMAC.
    if let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) {
        let tag = mac.chain_update(beta).finalize().into_bytes();
        for (out, byte) in out.iter_mut().zip(tag) {
            *out = byte;
        }
    }
    out
}

/// Builds `beta` in place and returns `gamma`, the inverse of `keys.len()` peelings.
///
/// `beta` comes in as zeros behind the last hop's routing information, which fills its front.
/// `block(i, gamma)` gives the routing block of hop `i` that leads to a header with MAC `gamma`.
pub(crate) fn wrap<const BLOCK: usize>(
    beta: &mut [u8],
    keys: &[HeaderKeys],
    mut block: impl FnMut(usize, &[u8; GAMMA_BYTES]) -> [u8; BLOCK],
) -> [u8; GAMMA_BYTES] {
    let Some((last, before)) = keys.split_last() else { return [0; GAMMA_BYTES] };
    let filler_bytes = before.len() * BLOCK;
    let plain_bytes = beta.len().saturating_sub(filler_bytes);
    let (plain, filler) = beta.split_at_mut(plain_bytes);
    fill::<BLOCK>(filler, before, plain_bytes + filler_bytes);
    last.stream().apply_keystream(plain);
    let mut gamma = last.mac(beta);
    for (i, keys) in before.iter().enumerate().rev() {
        let kept = beta.len().saturating_sub(BLOCK);
        beta.copy_within(..kept, BLOCK);
        if let Some((head, _)) = beta.split_first_chunk_mut::<BLOCK>() {
            *head = block(i, &gamma);
        }
        keys.stream().apply_keystream(beta);
        gamma = keys.mac(beta);
    }
    gamma
}

/// The filler `Phi`: what the layers of the hops `before` leave of the zeros they shift in, so
/// that the last hop's MAC is over what it will see (LIP-99 section 8.5.2, step 3.b).
fn fill<const BLOCK: usize>(filler: &mut [u8], before: &[HeaderKeys], beta_bytes: usize) {
    filler.fill(0);
    let mut grown = 0;
    for keys in before {
        let mut stream = keys.stream();
        stream.seek(beta_bytes.saturating_sub(grown));
        // This hop's zeros join the string at its end.
        grown += BLOCK;
        if let Some(part) = filler.get_mut(..grown) {
            stream.apply_keystream(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use proptest::prelude::*;

    use super::*;
    use crate::layout::{BETA_BYTES, BLOCK_BYTES};

    #[test]
    fn mac_vector_of_the_deployed_code() {
        let tag = Hmac::<Sha256>::new_from_slice(b"thisiskey")
            .unwrap()
            .chain_update(b"thisisdata")
            .finalize()
            .into_bytes();
        assert_eq!(tag[..16], hex!("b075dd302655e085d35e8cef5dfdf101"));
    }

    proptest! {
        #[test]
        fn peeling_undoes_wrapping(
            secrets in prop::collection::vec(any::<[u8; 32]>(), 1..=5), last: [u8; 128],
        ) {
            let keys: std::vec::Vec<_> = secrets.iter().map(HeaderKeys::derive).collect();
            let mut beta = [0; BETA_BYTES];
            beta[..128].copy_from_slice(&last);
            let mut gamma = wrap(&mut beta, &keys, |i, gamma| {
                let mut block = [u8::try_from(i).unwrap(); BLOCK_BYTES];
                block[BLOCK_BYTES - GAMMA_BYTES..].copy_from_slice(gamma);
                block
            });
            for (i, keys) in keys[..keys.len() - 1].iter().enumerate() {
                prop_assert_eq!(keys.mac(&beta), gamma);
                let block: [u8; BLOCK_BYTES] = keys.peel(&mut beta);
                prop_assert_eq!(usize::from(block[0]), i);
                gamma = *block.last_chunk().unwrap();
            }
            let keys = keys.last().unwrap();
            prop_assert_eq!(keys.mac(&beta), gamma);
            let block: [u8; BLOCK_BYTES] = keys.peel(&mut beta);
            prop_assert_eq!(&block[..], &last[..BLOCK_BYTES]);
            prop_assert_eq!(&beta[..KAPPA], &last[BLOCK_BYTES..]);
        }
    }
}
