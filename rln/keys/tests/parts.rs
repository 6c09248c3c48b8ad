//! A proof made in two places is the ordinary one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a test")]

use std::sync::LazyLock;

use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_rln::hazmat::{JoinError, Part, PartialWork, ProofParts};
use logos_rln::wire::WireError;
use logos_rln::{
    ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, Prover, Signal,
    TableSize, Verifier, VerifyError,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

static BARE: LazyLock<Prover> = LazyLock::new(|| {
    let (key, backend) = (logos_rln_keys::single(), Backend::detect());
    Prover::with_table_size(key, TableSize::None, backend, &mut |_| ())
});
static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(logos_rln_keys::single_verifying_key()));

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn member_and_message(rng: &mut ChaCha20Rng) -> (Membership, Message, Signal) {
    let path = MerklePath::new((0..20).map(|_| Fr::random(rng)).collect(), 77).unwrap();
    let limit = MessageLimit::new(100).unwrap();
    let member = Membership::new(Identity::random(rng).secret().duplicate(), limit, path);
    let signal = Signal::from_message(b"hello");
    let epoch = ExternalNullifier::new(b"epoch", b"app");
    (member, Message::new(epoch, signal, limit.id(7).unwrap()), signal)
}

#[test]
fn a_proof_made_in_two_places_is_the_ordinary_one() {
    let (member, message, signal) = member_and_message(&mut rng(1));
    let work = PartialWork::new(&BARE, &member, &message).unwrap();
    let ordinary = BARE.prove(&member, &message, &mut rng(2)).unwrap();
    let splits: [(&[Part], &[Part]); 3] = [
        (&[Part::A, Part::B], &[Part::Wires, Part::Rows]),
        (&[Part::B], &[Part::A, Part::Wires, Part::Rows]),
        (&[], &Part::ALL),
    ];
    for (there, here) in splits {
        let sealed = work.parts(&BARE, there).to_bytes();
        let theirs = ProofParts::from_bytes(sealed.expose()).unwrap();
        let joined = work.join(&BARE, &[work.parts(&BARE, here), theirs], &mut rng(2)).unwrap();
        assert_eq!(joined, ordinary);
    }
    assert_eq!(VERIFIER.verify(&ordinary, signal, &[member.root()]), Ok(()));
}

#[test]
fn parts_that_do_not_make_a_proof_are_refused() {
    let (member, message, signal) = member_and_message(&mut rng(1));
    let work = PartialWork::new(&BARE, &member, &message).unwrap();
    let (a, most) = (work.parts(&BARE, &[Part::A]), work.parts(&BARE, &[Part::B, Part::Wires]));
    let join = |parts: &[ProofParts]| work.join(&BARE, parts, &mut rng(2)).map(|_| ());
    assert_eq!(join(&[]), Err(JoinError::Missing(Part::A)));
    assert_eq!(join(&[a, most]), Err(JoinError::Missing(Part::Rows)));
    assert_eq!(join(&[a, most, a]), Err(JoinError::Repeated(Part::A)));

    let (other, other_message, _) = member_and_message(&mut rng(9));
    let others = PartialWork::new(&BARE, &other, &other_message).unwrap();
    let rows = others.parts(&BARE, &[Part::Rows]);
    let wrong = work.join(&BARE, &[a, most, rows], &mut rng(2)).unwrap();
    assert_eq!(VERIFIER.verify(&wrong, signal, &[member.root()]), Err(VerifyError::Invalid));
}

#[test]
fn damaged_parts_are_refused() {
    let (member, message, _) = member_and_message(&mut rng(1));
    let work = PartialWork::new(&BARE, &member, &message).unwrap();
    let bytes = work.parts(&BARE, &[Part::A, Part::Rows]).to_bytes().expose().to_vec();
    assert_eq!(bytes.len(), 129);
    let read = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        ProofParts::from_bytes(&bytes).err()
    };
    assert_eq!(read(&|_| ()), None);
    assert!(matches!(read(&|bytes| bytes.truncate(100)), Some(WireError::Decode(_))));
    assert!(matches!(read(&|bytes| bytes.push(0)), Some(WireError::Decode(_))));
    assert!(matches!(read(&|bytes| bytes[0] |= 16), Some(WireError::Decode(_))));
    assert!(matches!(read(&|bytes| bytes[1] ^= 1), Some(WireError::OffCurve(_))));
}
