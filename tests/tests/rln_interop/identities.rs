//! The same seed gives the same identity.

use logos_rln::{ExtendedIdentity, Identity};
use rand_chacha_03::ChaCha20Rng;
use rln::prelude::{ExtendedIdentityKeys, IdentityKeys, PoseidonHash};

use crate::sides::their_bytes;
use logos_rln::wire::ByteOrder;

#[test]
fn a_hundred_seeds_give_the_same_identities_on_both_sides() {
    for number in 0..100u64 {
        let seed = vec![number as u8; number as usize];
        let theirs = IdentityKeys::generate_seeded::<PoseidonHash, ChaCha20Rng>(&seed);
        let ours = Identity::seeded(&seed).to_bytes(ByteOrder::Little);
        assert_eq!(ours.expose(), their_bytes(&theirs));
        let theirs = ExtendedIdentityKeys::generate_seeded::<PoseidonHash, ChaCha20Rng>(&seed);
        let ours = ExtendedIdentity::seeded(&seed).to_bytes(ByteOrder::Little);
        assert_eq!(ours.expose(), their_bytes(&theirs));
    }
}
