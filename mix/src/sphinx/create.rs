//! What a sender does: packets and reply blocks.

use alloc::boxed::Box;
use alloc::vec::Vec;

use logos_crypto::x25519::{Engine, Scalar, Shared};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::{Block, Sphinx};
use crate::address::AddressBlock;
use crate::header::{self, HeaderKeys};
use crate::layout::{ALPHA_BYTES, BLOCK_BYTES, GAMMA_BYTES, KAPPA, MESSAGE_BYTES};
use crate::packet::Packet;
use crate::payload::PayloadKey;
use crate::route::{Hop, Route};
use crate::surb::{Surb, SurbId, SurbKeys};

impl Sphinx {
    /// Wraps a padded message for `route`; the last hop hands it to `destination`, or keeps it if
    /// that is [`AddressBlock::NONE`].
    pub fn create(
        &self,
        route: &Route,
        destination: &AddressBlock,
        message: &[u8; MESSAGE_BYTES],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Box<Packet> {
        let mut packet = Packet::zeroed();
        let session = Session::open(self.engine, route, rng);
        let last = Block { address: *destination, delay: 0, gamma: [0; GAMMA_BYTES] };
        session.write_header(route, &last, &mut packet);
        packet.set_message(message);
        for key in session.payload_keys(self).iter().rev() {
            key.encrypt(packet.delta_mut());
        }
        packet
    }

    /// Prepares a reply along `route`, whose last hop is the node that makes the block.
    ///
    /// The block goes to whoever shall reply; the keys stay, under the block's identifier, to
    /// read the reply with (LIP-99 section 8.7.2).
    pub fn create_surb(
        &self,
        route: &Route,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> (Surb, SurbKeys) {
        let id = SurbId::random(rng);
        let session = Session::open(self.engine, route, rng);
        let last = Block { address: AddressBlock::NONE, delay: 0, gamma: *id.as_bytes() };
        let mut packet = Packet::zeroed();
        session.write_header(route, &last, &mut packet);
        let mut reply_key = [0; KAPPA];
        rng.fill_bytes(&mut reply_key);
        let keys = SurbKeys::new(id, self.cipher.reply_key(&reply_key), session.payload_keys(self));
        let surb = Surb::new(route.first(), packet.header(), reply_key);
        reply_key.zeroize();
        (surb, keys)
    }
}

/// The secrets a sender shares with the hops of one packet.
struct Session {
    alpha: [u8; ALPHA_BYTES],
    secrets: Vec<Shared>,
}

impl Session {
    /// Draws `x` and computes `alpha_0` and every `s_i` (LIP-99 section 8.5.2, step 3.a).
    ///
    /// Scalars are multiplied, not points, so a hop costs one base and one point multiplication.
    fn open(engine: Engine, route: &Route, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut exponent = Scalar::random(rng);
        let first = engine.multiply_base(&exponent);
        let mut alpha = first;
        let mut secrets = Vec::with_capacity(route.hops().len());
        for (i, hop) in route.hops().iter().enumerate() {
            if i > 0 {
                alpha = engine.multiply_base(&exponent);
            }
            let secret = engine.multiply(&exponent, hop.key.as_bytes());
            exponent = exponent.product(&blinding(&alpha, &secret));
            secrets.push(secret);
        }
        Self { alpha: first, secrets }
    }

    fn payload_keys(&self, sphinx: &Sphinx) -> Vec<PayloadKey> {
        self.secrets.iter().map(|secret| sphinx.cipher.hop_key(secret.expose())).collect()
    }

    fn write_header(&self, route: &Route, last: &Block, packet: &mut Packet) {
        let keys: Vec<_> =
            self.secrets.iter().map(|secret| HeaderKeys::derive(secret.expose())).collect();
        packet.set_alpha(&self.alpha);
        let beta = packet.beta_mut();
        for (to, from) in beta.iter_mut().zip(last.to_bytes()) {
            *to = from;
        }
        let gamma = header::wrap(beta, &keys, |i, gamma| forwarding_block(route.hops(), i, gamma));
        packet.set_gamma(&gamma);
    }
}

/// The block in which hop `i` reads where hop `i + 1` is.
fn forwarding_block(hops: &[Hop], i: usize, gamma: &[u8; GAMMA_BYTES]) -> [u8; BLOCK_BYTES] {
    let delay = hops.get(i).map_or(0, |hop| hop.delay.millis());
    let address = hops.get(i + 1).map_or(AddressBlock::NONE, |hop| hop.address);
    Block { address, delay, gamma: *gamma }.to_bytes()
}

/// The blinding factor `b = H(alpha || s)`, as a scalar.
pub(super) fn blinding(alpha: &[u8; ALPHA_BYTES], secret: &Shared) -> Scalar {
    let mut hash: [u8; 32] =
        Sha256::new().chain_update(alpha).chain_update(secret.expose()).finalize().into();
    let scalar = Scalar::clamp(hash);
    hash.zeroize();
    scalar
}
