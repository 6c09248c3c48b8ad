//! Members of a tree kept on either side prove against the other's root.

use logos_crypto::Fr;
use logos_crypto::merkle::{DenseTree, Depth, LeafIndex, MerkleTree, PoseidonHasher};
use logos_rln::{
    ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, Signal,
};
use rln::prelude::PoseidonHash;
use zerokit_utils::merkle_tree::{OptimalMerkleTree, ZerokitMerkleProof, ZerokitMerkleTree};

use crate::sides::{Case, OUR_SINGLE, THEIR_SINGLE, our_fr, rng, their_fr, to_ours, to_theirs};

const N_LEAVES: usize = 300;

fn members() -> Vec<Identity> {
    (0..N_LEAVES as u32).map(|number| Identity::seeded(&number.to_le_bytes())).collect()
}

#[test]
fn an_empty_tree_has_the_same_root_at_every_depth() {
    for depth in 1..=20u32 {
        let depth_here = Depth::new(depth).unwrap();
        let ours = DenseTree::new(PoseidonHasher::default(), depth_here).unwrap();
        let theirs = OptimalMerkleTree::<PoseidonHash>::default(depth as usize).unwrap();
        assert_eq!(ours.root(), our_fr(&theirs.root()), "depth {depth}");
    }
}

#[test]
fn a_member_of_either_tree_proves_against_the_other_root() {
    let mut rng = rng(61);
    let limit = MessageLimit::new(50).unwrap();
    let members = members();
    let leaves: Vec<Fr> =
        members.iter().map(|member| member.rate_commitment(limit).to_field()).collect();

    let mut ours = DenseTree::new(PoseidonHasher::default(), Depth::RLN).unwrap();
    ours.fill(LeafIndex::new(0), &leaves).unwrap();
    let mut theirs = OptimalMerkleTree::<PoseidonHash>::default(20).unwrap();
    theirs.set_range(0, leaves.iter().map(|leaf| their_fr(*leaf))).unwrap();
    assert_eq!(ours.root(), our_fr(&theirs.root()));

    for index in [0usize, 1, 170, N_LEAVES - 1] {
        let here = MerklePath::try_from(&ours.proof(LeafIndex::new(index as u64)).unwrap());
        let here = here.unwrap();
        let there = theirs.proof(index).unwrap();
        let siblings = there.get_path_elements().iter().map(our_fr).collect();
        let there = MerklePath::from_index_bits(siblings, &there.get_path_index()).unwrap();
        assert_eq!(here, there);

        let secret = members[index].secret().duplicate();
        let member = Membership::new(secret, limit, here);
        assert_eq!(member.root(), ours.root());
        let epoch = ExternalNullifier::new(b"epoch", b"app");
        let id = limit.id(49).unwrap();
        let message = Message::new(epoch, Signal::from_message(b"hello"), id);
        let case = Case { member, message };
        let proof = OUR_SINGLE.prove(&case, &mut rng);
        assert!(THEIR_SINGLE.verifies(&to_theirs(&proof), &case));
        if index == 170 {
            assert!(OUR_SINGLE.verifies(&to_ours(&THEIR_SINGLE.prove(&case)), &case));
        }
    }
}
