//! A member both sides can prove for.

use anyhow::Result;
use logos_crypto::Fr;
use logos_rln::{
    ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, Signal,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::peers::zerokit::{DEPTH, Statement};

/// A member at a random place of a random tree.
pub(crate) struct Member {
    pub(crate) membership: Membership,
    epoch: ExternalNullifier,
}

impl Member {
    pub(crate) fn new(seed: u64) -> Result<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let identity = Identity::random(&mut rng);
        let siblings = (0..DEPTH).map(|_| Fr::random(&mut rng)).collect();
        let path = MerklePath::new(siblings, 0b1011_0010_1101_0011_1010)?;
        let limit = MessageLimit::new(1000)?;
        let membership = Membership::new(identity.secret().duplicate(), limit, path);
        Ok(Self { membership, epoch: ExternalNullifier::new(b"epoch", b"bench") })
    }

    /// The member's message number `id` of the epoch.
    pub(crate) fn message(&self, id: u32) -> Result<Message> {
        let signal = Signal::from_message(format!("message {id}").as_bytes());
        Ok(Message::new(self.epoch, signal, self.membership.limit().id(id)?))
    }

    /// The same message for the peer.
    pub(crate) fn statement(&self, id: u32) -> Statement {
        let path = self.membership.path();
        Statement {
            secret: self.membership.secret().expose_secret().to_bytes(),
            limit: u64::from(self.membership.limit().get()),
            message_id: u64::from(id),
            path: path.siblings().iter().map(Fr::to_bytes).collect(),
            index: u32::try_from(path.index()).unwrap_or(u32::MAX),
            x: Signal::from_message(format!("message {id}").as_bytes()).to_field().to_bytes(),
            external_nullifier: self.epoch.to_field().to_bytes(),
        }
    }

    /// The path after somebody joined at a random place: two leaves meet, on average, one level
    /// below the top, so the sibling there changes and the two nodes above.
    pub(crate) fn path_after_a_join(&self) -> Result<MerklePath> {
        let mut siblings = self.membership.path().siblings().to_vec();
        siblings[DEPTH - 2] += Fr::ONE;
        Ok(MerklePath::new(siblings, self.membership.path().index())?)
    }
}
