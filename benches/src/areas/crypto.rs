//! `crypto`: Poseidon beside zerokit's, and what our types cost over the bare crates below them.

use std::hint::black_box;

use anyhow::Result;
use ark_ff::{BigInteger, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use logos_crypto::secret::Secret;
use logos_crypto::{Fr, aead, poseidon};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::peers::zerokit;
use crate::runner::{Area, Runner};

/// The area.
pub(super) const AREA: Area = Area {
    name: "crypto",
    about: "field encoding, Poseidon and AEAD beside zerokit and the crates below",
    figures,
    children: &[],
};

fn figures(runner: &mut Runner) -> Result<()> {
    field(runner)?;
    poseidon(runner)?;
    sealing(runner);
    Ok(())
}

fn poseidon(runner: &mut Runner) -> Result<()> {
    runner.against(zerokit::NAME);
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (left, right) = (Fr::random(&mut rng), Fr::random(&mut rng));
    let their_left = zerokit::element(&left.to_bytes())?;
    let their_right = zerokit::element(&right.to_bytes())?;
    let theirs = zerokit::element_to_bytes(&zerokit::hash_pair(their_left, their_right))?;
    let ours = poseidon::hash2(left, right);
    anyhow::ensure!(ours.to_bytes() == theirs, "both sides compute one hash");
    runner.compare(
        "poseidon2",
        || poseidon::hash2(black_box(left), right),
        || zerokit::hash_pair(black_box(their_left), their_right),
    );
    Ok(())
}

fn field(runner: &mut Runner) -> Result<()> {
    runner.against("ark-bn254 0.6");
    let element = Fr::random(&mut ChaCha20Rng::seed_from_u64(1));
    let bytes = element.to_bytes();
    let ark = ark_bn254::Fr::deserialize_compressed(&bytes[..])?;
    anyhow::ensure!(ark.into_bigint().to_bytes_le() == bytes, "both sides hold one element");
    runner.compare(
        "fr_decode",
        || Fr::from_bytes(black_box(&bytes)),
        || ark_bn254::Fr::deserialize_compressed(&black_box(&bytes)[..]),
    );
    runner.compare(
        "fr_encode",
        || black_box(element).to_bytes(),
        || {
            let mut out = [0u8; 32];
            black_box(ark).serialize_compressed(&mut out[..]).map(|()| out)
        },
    );
    Ok(())
}

fn sealing(runner: &mut Runner) {
    runner.against("chacha20poly1305 0.11");
    let key = Secret::new([7; 32]);
    let cipher_key = *key.expose();
    let (nonce, header) = ([9; 12], [1u8; 32]);
    let text = vec![5u8; 1024];
    runner.compare(
        "seal_1k",
        || {
            let mut buffer = Vec::with_capacity(text.len() + aead::TAG_BYTES);
            buffer.extend_from_slice(&text);
            aead::seal(&key, &nonce, &header, &mut buffer);
            buffer
        },
        || {
            let cipher = ChaCha20Poly1305::new(&cipher_key.into());
            let mut buffer = Vec::with_capacity(text.len() + aead::TAG_BYTES);
            buffer.extend_from_slice(&text);
            let out = buffer.as_mut_slice().into();
            let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), &header, out);
            tag.map(|tag| {
                buffer.extend_from_slice(&tag);
                buffer
            })
        },
    );
}
