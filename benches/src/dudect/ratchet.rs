//! `ratchet`: what a forger can have checked.

use anyhow::Result;
use logos_crypto::aead::TAG_BYTES;
use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_ratchet::kem::{CIPHERTEXT_BYTES, Ciphertext, KemSecretKey};
use logos_ratchet::{HybridV1, Private1, Session, StorageKey, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::{Case, Class, Effort, Verdict};
use crate::areas::ratchet::{NOW, sessions};

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "ratchet.header_trial",
        classes: "headers whose tag is wrong in its first byte, or in its last",
        run: header_trial,
    },
    Case {
        name: "ratchet.message_body",
        classes: "genuine headers before a body with a fixed bit wrong, or a random one",
        run: message_body,
    },
    Case {
        name: "ratchet.message_tag",
        classes: "messages of Private1 whose tag is wrong in its first byte, or in its last",
        run: message_tag,
    },
    Case {
        name: "ratchet.snapshot_tag",
        classes: "snapshots whose tag is wrong in its first byte, or in its last",
        run: snapshot_tag,
    },
    Case {
        name: "ratchet.kem_rejection",
        classes: "a genuine ciphertext, or a damaged one",
        run: kem_rejection,
    },
];

/// Suite, header, tag of the header.
const HEADER_TAG_AT: usize = 1 + 41;
const BODY_AT: usize = HEADER_TAG_AT + TAG_BYTES;

/// `bytes` with the first or the last byte of the tag at `at` wrong.
fn with_wrong_tag(bytes: &[u8], at: usize, class: Class) -> Vec<u8> {
    let mut wrong = bytes.to_vec();
    wrong[if class == Class::First { at } else { at + TAG_BYTES - 1 }] ^= 1;
    wrong
}

/// Times a session on messages that it refuses, and so stays as it is.
fn refused<S: Suite>(
    effort: &Effort,
    mut to: Session<S>,
    forge: impl Fn(Class, &mut ChaCha20Rng) -> Vec<u8>,
) -> Verdict {
    effort.measure(1, forge, |message| to.decrypt(message, NOW).is_err())
}

fn header_trial(effort: &Effort) -> Result<Verdict> {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let (mut from, to) = sessions::<true>(rng)?;
    let message = from.encrypt(&[7; 256], rng)?;
    Ok(refused(effort, to, |class, _| with_wrong_tag(&message, HEADER_TAG_AT, class)))
}

fn message_body(effort: &Effort) -> Result<Verdict> {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let (mut from, mut to) = sessions::<true>(rng)?;
    // The second message of a chain, so that no agreement is made for it.
    to.decrypt(&from.encrypt(&[7; 256], rng)?, NOW)?;
    let message = from.encrypt(&[7; 256], rng)?;
    let forge = |class, rng: &mut ChaCha20Rng| {
        let mut forged = message.clone();
        let body = forged.len() - TAG_BYTES - BODY_AT;
        let random = usize::try_from(rng.next_u32()).unwrap_or_default() % body;
        forged[BODY_AT + if class == Class::First { 0 } else { random }] ^= 1;
        forged
    };
    Ok(refused::<HybridV1>(effort, to, forge))
}

fn message_tag(effort: &Effort) -> Result<Verdict> {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let (secret, prekey) = (Secret::random(rng), StaticSecret::random(rng));
    let (peer, public) = (PublicKey::from_bytes([9; 32]), prekey.public_key());
    let mut from = Session::<Private1>::start(&secret, peer, public, [1; 32]);
    let mut to = Session::<Private1>::answer(&secret, peer, prekey, [1; 32]);
    to.decrypt(&from.encrypt(&[7; 256], rng)?, NOW)?;
    let message = from.encrypt(&[7; 256], rng)?;
    let at = message.len() - TAG_BYTES;
    Ok(refused(effort, to, |class, _| with_wrong_tag(&message, at, class)))
}

fn snapshot_tag(effort: &Effort) -> Result<Verdict> {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let (session, _) = sessions::<true>(rng)?;
    let key = StorageKey::new(Secret::random(rng));
    let snapshot = session.save(&key, b"", rng);
    let at = snapshot.len() - TAG_BYTES;
    Ok(effort.measure(
        1,
        |class, _| with_wrong_tag(&snapshot, at, class),
        |forged| Session::<HybridV1>::restore(&key, b"", forged).is_err(),
    ))
}

fn kem_rejection(effort: &Effort) -> Result<Verdict> {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let secret = KemSecretKey::random(rng);
    let (ciphertext, _) = secret.public_key().encapsulate(rng);
    Ok(effort.measure(
        1,
        |class, rng| {
            let mut bytes: [u8; CIPHERTEXT_BYTES] = *ciphertext.as_bytes();
            if class == Class::Second {
                let at = usize::try_from(rng.next_u32()).unwrap_or_default() % CIPHERTEXT_BYTES;
                bytes[at] ^= 1;
            }
            Ciphertext::from_bytes(&bytes)
        },
        |ciphertext| secret.decapsulate(ciphertext),
    ))
}
