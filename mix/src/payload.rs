//! The payload cipher: LIONESS of LIP-183, and the stream cipher that came before it.

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use logos_crypto::sha256::digest_pair;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::kdf::Label;
use crate::layout::KAPPA;

/// Width of LIONESS's left half and of its round keys: `mu`.
const MU: usize = 32;

/// How the payload `delta` is encrypted.
///
/// The packet does not say which: every node of a deployment has to be configured alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadCipher {
    /// LIP-183: LIONESS from AES-128-CTR and SHA-256. Whoever changes one bit of a payload turns
    /// all of it to noise.
    #[default]
    Lioness,
    /// AES-128-CTR, as deployed before LIP-183.
    ///
    /// # Security
    ///
    /// A mix can flip bits behind the first 16 bytes of the payload and a colluding exit sees
    /// them: packets can be tagged. For interoperation with old deployments only.
    LegacyCtr,
}

impl PayloadCipher {
    /// The key of one layer, from the secret shared with that hop.
    pub(crate) fn hop_key(self, secret: &[u8; 32]) -> PayloadKey {
        match self {
            Self::Lioness => {
                let mut seed = Label::PAYLOAD_KEY.derive(secret);
                let key = PayloadKey::lioness(&seed);
                seed.zeroize();
                key
            }
            Self::LegacyCtr => PayloadKey::ctr(secret),
        }
    }

    /// The key of a reply, from the 16 bytes in its reply block.
    pub(crate) fn reply_key(self, key: &[u8; KAPPA]) -> PayloadKey {
        match self {
            Self::Lioness => PayloadKey::lioness(key),
            Self::LegacyCtr => PayloadKey::ctr(key),
        }
    }
}

/// Keys of one layer of payload encryption.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) enum PayloadKey {
    Lioness([[u8; MU]; 4]),
    Ctr { key: [u8; KAPPA], iv: [u8; KAPPA] },
}

impl PayloadKey {
    /// Round keys from a seed of at least [`KAPPA`] bytes (LIP-183 section 5.3).
    pub(crate) fn lioness(seed: &[u8]) -> Self {
        Self::Lioness(Label::LIONESS.map(|label| label.derive(seed)))
    }

    fn ctr(seed: &[u8]) -> Self {
        Self::Ctr {
            key: Label::DELTA_AES_KEY.derive_short(seed),
            iv: Label::DELTA_IV.derive_short(seed),
        }
    }

    /// Adds a layer, in place. `block` is at least 64 bytes.
    pub(crate) fn encrypt(&self, block: &mut [u8]) {
        match self {
            Self::Lioness([k1, k2, k3, k4]) => {
                let Some((left, right)) = block.split_first_chunk_mut() else { return };
                stream_round(k1, left, right);
                hash_round(k2, left, right);
                stream_round(k3, left, right);
                hash_round(k4, left, right);
            }
            Self::Ctr { key, iv } => apply_ctr(key, iv, block),
        }
    }

    /// Removes a layer, in place. `block` is at least 64 bytes.
    pub(crate) fn decrypt(&self, block: &mut [u8]) {
        match self {
            Self::Lioness([k1, k2, k3, k4]) => {
                let Some((left, right)) = block.split_first_chunk_mut() else { return };
                hash_round(k4, left, right);
                stream_round(k3, left, right);
                hash_round(k2, left, right);
                stream_round(k1, left, right);
            }
            Self::Ctr { key, iv } => apply_ctr(key, iv, block),
        }
    }
}

/// Removes a layer from two blocks, in place. Equally long ones cost less together than alone.
pub(crate) fn decrypt_pair([a, b]: [&PayloadKey; 2], [x, y]: [&mut [u8]; 2]) {
    let (PayloadKey::Lioness(k), PayloadKey::Lioness(l)) = (a, b) else {
        a.decrypt(x);
        b.decrypt(y);
        return;
    };
    if let (Some((l0, r0)), Some((l1, r1))) = (x.split_first_chunk_mut(), y.split_first_chunk_mut())
    {
        let ([k1, k2, k3, k4], [m1, m2, m3, m4]) = (k, l);
        hash_round_pair([k4, m4], [l0, l1], [r0, r1]);
        stream_round(k3, l0, r0);
        stream_round(m3, l1, r1);
        hash_round_pair([k2, m2], [l0, l1], [r0, r1]);
        stream_round(k1, l0, r0);
        stream_round(m1, l1, r1);
    }
}

/// [`hash_round`] on two blocks.
fn hash_round_pair(keys: [&[u8; MU]; 2], left: [&mut [u8; MU]; 2], right: [&[u8]; 2]) {
    let hashes = digest_pair(keys, right);
    for (left, hash) in left.into_iter().zip(&hashes) {
        xor(left, hash);
    }
}

/// `R ^= S(K ^ L)`.
fn stream_round(key: &[u8; MU], left: &[u8; MU], right: &mut [u8]) {
    let mut mixed = *key;
    xor(&mut mixed, left);
    keystream(&mixed, right);
    mixed.zeroize();
}

/// `L ^= H_K(R)`.
fn hash_round(key: &[u8; MU], left: &mut [u8; MU], right: &[u8]) {
    xor(left, &keyed_hash(key, right));
}

/// `S(k)` over `data`: AES-128-CTR with `k = key || iv` (LIP-183 section 4.1).
fn keystream(key: &[u8; MU], data: &mut [u8]) {
    let (halves, _) = key.as_chunks::<KAPPA>();
    if let [key, iv] = halves {
        apply_ctr(key, iv, data);
    }
}

/// `H_k(m) = SHA-256(k || m)` (LIP-183 section 4.2).
fn keyed_hash(key: &[u8; MU], data: &[u8]) -> [u8; MU] {
    Sha256::new().chain_update(key).chain_update(data).finalize().into()
}

fn apply_ctr(key: &[u8; KAPPA], iv: &[u8; KAPPA], data: &mut [u8]) {
    Ctr128BE::<Aes128>::new(&(*key).into(), &(*iv).into()).apply_keystream(data);
}

fn xor(into: &mut [u8; MU], other: &[u8; MU]) {
    for (a, b) in into.iter_mut().zip(other) {
        *a ^= b;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use hex_literal::hex;
    use proptest::prelude::*;

    use super::*;

    fn counting<const N: usize>() -> [u8; N] {
        core::array::from_fn(|i| u8::try_from(i).unwrap())
    }

    #[test]
    fn primitives_of_lip_183_as_deployed() {
        // nim-libp2p-mix, tests/test_lioness.nim.
        let mut data = counting::<48>();
        keystream(&counting(), &mut data);
        assert_eq!(
            data,
            hex!(
                "07ffed77e5d005699807e41a82999c9c82d3d717cc1994155e60677997e4c017"
                "ea001a4411c0de8c4dbfa0078df81355"
            )
        );
        assert_eq!(
            keyed_hash(&counting(), b"abc"),
            hex!("42fd4a8c529fdb402d577c701b291018f0b2c52207f96e2a057483fd349a9868")
        );
    }

    proptest! {
        #[test]
        fn decryption_undoes_encryption(
            seed: [u8; 32], block in prop::collection::vec(any::<u8>(), 64..300),
        ) {
            for cipher in [PayloadCipher::Lioness, PayloadCipher::LegacyCtr] {
                let key = cipher.hop_key(&seed);
                let mut data = block.clone();
                key.encrypt(&mut data);
                prop_assert_ne!(&data, &block);
                key.decrypt(&mut data);
                prop_assert_eq!(&data, &block);
            }
        }

        #[test]
        fn a_pair_is_decrypted_as_each_alone(
            seeds: [[u8; 32]; 2], block in prop::collection::vec(any::<u8>(), 64..300),
        ) {
            for cipher in [PayloadCipher::Lioness, PayloadCipher::LegacyCtr] {
                let keys = seeds.each_ref().map(|seed| cipher.hop_key(seed));
                let (mut alone, mut pair) =
                    ([block.clone(), block.clone()], [block.clone(), block.clone()]);
                for (key, block) in keys.iter().zip(&mut alone) {
                    key.decrypt(block);
                }
                let [x, y] = &mut pair;
                decrypt_pair(keys.each_ref(), [x, y]);
                prop_assert_eq!(pair, alone);
            }
        }

        #[test]
        fn one_flipped_bit_destroys_the_zero_prefix(seed: [u8; 32], at in 0usize..512 * 8) {
            let key = PayloadCipher::Lioness.hop_key(&seed);
            let mut data = Vec::from([0u8; 512]);
            key.encrypt(&mut data);
            data[at / 8] ^= 1 << (at % 8);
            key.decrypt(&mut data);
            prop_assert_ne!(&data[..KAPPA], &[0; KAPPA]);
        }
    }
}
