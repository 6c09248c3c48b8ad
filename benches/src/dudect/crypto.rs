//! `crypto`: comparisons, tags and agreements. And the control.

use anyhow::Result;
use logos_crypto::aead::{self, TAG_BYTES};
use logos_crypto::keys::StaticSecret;
use logos_crypto::secret::Secret;
use rand_core::Rng;

use super::{Case, Class, Effort, Verdict};

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "control.early_exit",
        classes: "slices that differ at the first byte, or at none; leaks on purpose",
        run: early_exit,
    },
    Case {
        name: "crypto.secret_eq",
        classes: "secrets that are equal, or random",
        run: secret_equality,
    },
    Case {
        name: "crypto.aead_tag",
        classes: "tags that are wrong in their first byte, or in their last",
        run: aead_tag,
    },
    Case { name: "crypto.agree", classes: "a fixed key, or a random one", run: agreement },
];

fn early_exit(effort: &Effort) -> Result<Verdict> {
    let ours = [7_u8; 256];
    Ok(effort.measure(
        16,
        |class, _| {
            let mut theirs = ours;
            theirs[0] ^= u8::from(class == Class::First);
            theirs
        },
        |theirs| ours.iter().zip(theirs.iter()).position(|(a, b)| a != b),
    ))
}

fn secret_equality(effort: &Effort) -> Result<Verdict> {
    let ours = Secret::new([7; 32]);
    Ok(effort.measure(
        16,
        |class, rng| match class {
            Class::First => ours.duplicate(),
            Class::Second => Secret::random(rng),
        },
        |theirs| ours == *theirs,
    ))
}

fn aead_tag(effort: &Effort) -> Result<Verdict> {
    let key = Secret::new([7; 32]);
    let mut sealed = [1; 256];
    let tag = aead::seal_detached(&key, &[0; 12], b"", &mut sealed);
    Ok(effort.measure(
        1,
        |class, _| {
            let mut wrong = tag;
            wrong[if class == Class::First { 0 } else { TAG_BYTES - 1 }] ^= 1;
            (sealed, wrong)
        },
        |(body, wrong)| aead::open_detached(&key, &[0; 12], b"", body, wrong),
    ))
}

fn agreement(effort: &Effort) -> Result<Verdict> {
    let theirs = StaticSecret::from_secret(Secret::new([9; 32])).public_key();
    Ok(effort.measure(
        1,
        |class, rng| {
            let mut scalar = [0; 32];
            rng.fill_bytes(&mut scalar);
            match class {
                Class::First => StaticSecret::from_secret(Secret::new([0; 32])),
                Class::Second => StaticSecret::from_secret(Secret::new(scalar)),
            }
        },
        |ours| ours.agree(&theirs),
    ))
}
