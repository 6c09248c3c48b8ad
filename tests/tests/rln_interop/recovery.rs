//! Both sides recover the same secret, or none.

use logos_crypto::Fr;
use logos_rln::{
    IdentityCommitment, Membership, Message, MessageIds, RateCommitment, RecoverError,
    recover_secret,
};
use rand_chacha::ChaCha20Rng;
use rln::prelude::{RLNProofValues, RecoverSecret, RecoverSecretError};

use crate::sides::{Case, epoch, member, our_fr, our_values, rng, signal};

/// The values of a message under the ids in use, of one id or of four slots.
fn values(member: &Membership, message: &Message) -> RLNProofValues {
    let member =
        Membership::new(member.secret().duplicate(), member.limit(), member.path().clone());
    Case { member, message: message.clone() }.their_values()
}

fn ids(member: &Membership, ids: &[u32], multi: bool) -> MessageIds {
    let ids: Vec<_> = ids.iter().map(|id| member.limit().id(*id).unwrap()).collect();
    if multi { MessageIds::burn(&ids, 4).unwrap() } else { MessageIds::Single(ids[0]) }
}

/// Values of two messages of one member in one epoch.
fn pair(
    rng: &mut ChaCha20Rng,
    first: (&[u32], bool),
    second: (&[u32], bool),
) -> (Membership, RLNProofValues, RLNProofValues) {
    let member = member(rng);
    let epoch = epoch(rng);
    let mut message =
        |(used, multi): (&[u32], bool)| Message::new(epoch, signal(rng), ids(&member, used, multi));
    let (first, second) = (message(first), message(second));
    let both = (values(&member, &first), values(&member, &second));
    (member, both.0, both.1)
}

#[test]
fn both_sides_recover_the_secret_of_a_double_signal() {
    let mut rng = rng(37);
    for (first, second) in [
        ((&[2][..], false), (&[2][..], false)),
        ((&[2], false), (&[0, 1, 2], true)),
        ((&[3, 2], true), (&[2], false)),
        ((&[0, 1, 3], true), (&[2, 3], true)),
    ] {
        for _ in 0..10 {
            let (member, first, second) = pair(&mut rng, first, second);
            let theirs = first.recover_secret(&second).unwrap();
            let ours = recover_secret(&our_values(&first), &our_values(&second)).unwrap();
            assert_eq!(*ours.expose_secret(), our_fr(&theirs));
            assert!(ours == *member.secret());
            // What was recovered is the member's: its leaf is the one under the proofs' root.
            let commitment: IdentityCommitment = ours.commitment();
            let leaf: RateCommitment = commitment.rate_commitment(member.limit());
            assert_eq!(member.path().root(leaf.to_field()), our_fr(&first.root()));
        }
    }
}

#[test]
fn neither_side_recovers_anything_from_different_message_ids() {
    let mut rng = rng(38);
    let (_, first, second) = pair(&mut rng, (&[0, 1], true), (&[2, 3], true));
    assert!(matches!(first.recover_secret(&second), Err(RecoverSecretError::NoMatchingNullifier)));
    assert_eq!(
        recover_secret(&our_values(&first), &our_values(&second)),
        Err(RecoverError::NoMatchingNullifier)
    );
}

#[test]
fn neither_side_recovers_anything_across_epochs() {
    let mut rng = rng(39);
    let (_, first, _) = pair(&mut rng, (&[1], false), (&[1], false));
    let (_, second, _) = pair(&mut rng, (&[1], false), (&[1], false));
    assert!(matches!(
        first.recover_secret(&second),
        Err(RecoverSecretError::ExternalNullifierMismatch(..))
    ));
    assert_eq!(
        recover_secret(&our_values(&first), &our_values(&second)),
        Err(RecoverError::ExternalNullifierMismatch)
    );
}

#[test]
fn neither_side_recovers_anything_from_one_message_seen_twice() {
    let mut rng = rng(40);
    let (_, first, _) = pair(&mut rng, (&[1], false), (&[1], false));
    assert!(matches!(first.recover_secret(&first), Err(RecoverSecretError::DivisionByZero)));
    let ours = our_values(&first);
    assert_eq!(recover_secret(&ours, &ours), Err(RecoverError::SamePoint));
    assert_ne!(ours.x(), Fr::ZERO);
}
