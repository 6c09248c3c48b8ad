//! Sessions that start as the specification of the double ratchet has it: a shared secret and the
//! responder's first ratchet key.

use alloc::vec::Vec;

use logos_crypto::keys::{PublicKey, StaticSecret};
use logos_crypto::secret::Secret;

use crate::double_ratchet::{DoubleRatchet, KemRatchet, Sending};
use crate::keys::RootKey;
use crate::session::{Role, Session, SessionId};
use crate::suite::Suite;

/// A suite whose double ratchet starts from a shared secret and the responder's first key, as the
/// specification of the double ratchet has it.
pub trait Plain: Suite {}

impl Plain for crate::shipped::LogosShipped {}
impl Plain for crate::private1::Private1 {}

impl<S: Plain> Session<S> {
    /// `RatchetInitAlice`; the first message makes the first Diffie-Hellman step.
    pub(crate) fn initiator(
        seed: &Secret<32>,
        peer: PublicKey,
        remote: PublicKey,
        id: SessionId,
    ) -> Self {
        Self::plain(seed, peer, Sending::Idle { remote, previous: 0 }, id, Role::Initiator)
    }

    /// `RatchetInitBob`.
    pub(crate) fn responder(
        seed: &Secret<32>,
        peer: PublicKey,
        secret: StaticSecret,
        id: SessionId,
    ) -> Self {
        Self::plain(seed, peer, Sending::Prepared { secret }, id, Role::Responder)
    }

    fn plain(
        seed: &Secret<32>,
        peer: PublicKey,
        sending: Sending,
        id: SessionId,
        role: Role,
    ) -> Self {
        let ratchet = DoubleRatchet {
            root: RootKey::new(seed.duplicate()),
            binding: [0; 32],
            sending,
            receiving: Vec::new(),
            next_sending_header: None,
            next_receiving_header: None,
            kem: KemRatchet::Off,
            suite: core::marker::PhantomData,
        };
        Self { ratchet, id, role, peer, generation: 0, confirmed: false, preamble: Vec::new() }
    }
}
