//! The members and their tree.

use logos_crypto::Fr;
use logos_crypto::merkle::{Depth, LeafIndex, MerkleTree, PoseidonHasher, SparseTree};
use logos_rln::{
    Circuit, Identity, IdentitySecret, Membership, MerklePath, MessageLimit, RateCommitment,
};
use rand_core::CryptoRng;

use super::report::Report;
use crate::timing::Samples;

/// Members with one limit, and the tree of their rate commitments. Member `k` is leaf `k`.
pub(super) struct Group {
    identities: Vec<Identity>,
    limit: MessageLimit,
    tree: SparseTree<PoseidonHasher>,
}

impl Group {
    /// Draws the members and registers them in one batch.
    pub(super) fn form(
        members: usize,
        limit: MessageLimit,
        circuit: Circuit,
        rng: &mut impl CryptoRng,
        report: &mut Report,
    ) -> Self {
        let identities: Vec<Identity> = (0..members).map(|_| Identity::random(rng)).collect();
        let leaf = |identity: &Identity| identity.rate_commitment(limit).to_field();
        let leaves: Vec<Fr> = identities.iter().map(leaf).collect();
        // Every circuit's depth is a tree's.
        let depth = Depth::new(u32::from(circuit.depth())).unwrap_or(Depth::RLN);
        let mut tree = SparseTree::in_memory(PoseidonHasher::default(), depth);
        let (appended, time) = Samples::time(|| tree.append(&leaves).is_ok());
        report.members = members;
        report.timing("register all in one batch", &[time].into_iter().collect());
        let placed = (0..).zip(&leaves).all(|(k, leaf)| tree.leaf(LeafIndex::new(k)) == Ok(*leaf));
        report.claim(
            appended && placed && tree.used() == leaves.len() as u64,
            format!("{members} members stand in a tree of depth {}", depth.get()),
        );
        Self { identities, limit, tree }
    }

    pub(super) fn root(&self) -> Fr {
        self.tree.root()
    }

    pub(super) fn identity(&self, member: usize) -> Option<&Identity> {
        self.identities.get(member)
    }

    pub(super) const fn len(&self) -> usize {
        self.identities.len()
    }

    /// A member with its path as the tree is now.
    pub(super) fn membership(&self, member: usize) -> Option<Membership> {
        let index = u64::try_from(member).ok()?;
        let siblings = self.tree.proof(LeafIndex::new(index)).ok()?.siblings().to_vec();
        let path = MerklePath::new(siblings, index).ok()?;
        let secret = self.identity(member)?.secret().duplicate();
        Some(Membership::new(secret, self.limit, path))
    }

    /// The leaf of whoever has this secret.
    pub(super) fn position(&self, secret: &IdentitySecret) -> Option<u64> {
        let leaf: RateCommitment = secret.commitment().rate_commitment(self.limit);
        (0..self.tree.used())
            .find(|index| self.tree.leaf(LeafIndex::new(*index)) == Ok(leaf.to_field()))
    }

    /// Empties a leaf. Says whether the tree changed.
    pub(super) fn remove(&mut self, leaf: u64) -> bool {
        let before = self.root();
        self.tree.delete(LeafIndex::new(leaf)).is_ok() && self.root() != before
    }
}
