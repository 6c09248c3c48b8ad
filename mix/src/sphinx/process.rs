//! What a mix does with a packet.

#![expect(clippy::indexing_slicing, reason = "a group's arrays are as long as its numbers")]

use core::array;
use core::borrow::{Borrow, BorrowMut};
use core::fmt;

use logos_crypto::x25519::{Job, Scalar, Shared};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::create::blinding;
use super::{Block, Sphinx};
use crate::address::AddressBlock;
use crate::header::{self, HeaderKeys};
use crate::keys::MixSecret;
use crate::layout::{ALPHA_BYTES, KAPPA};
use crate::packet::Packet;
use crate::payload::{PayloadKey, decrypt_pair};
use crate::route::Hold;
use crate::surb::SurbId;

/// Packets of a batch whose multiplications go side by side.
pub(crate) const GROUP: usize = logos_crypto::x25519::LANES;

/// Identifies a header to the node it is for: the first 16 bytes of `H(s)` (LIP-99 section 8.6.1).
///
/// It is not derived from what is sent on, so a store of tags does not help to link packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplayTag([u8; KAPPA]);

impl ReplayTag {
    /// Takes 16 bytes that [`ReplayTag::as_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; KAPPA]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KAPPA] {
        &self.0
    }
}

/// Why a header was not accepted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// The group element is not reduced. Honest ones are, and a second spelling would pass the
    /// MAC, which does not cover it.
    #[error("group element is not reduced")]
    NotCanonical,
    /// The group element is of low order: the secret would not depend on the node's key.
    #[error("group element of low order")]
    LowOrder,
    /// The MAC does not fit: the header was changed, or is for another key.
    #[error("header MAC does not fit")]
    BadMac,
}

/// Why a packet with a good header came to nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StripError {
    /// The payload does not begin with zeros at its last hop: it was changed on the way.
    #[error("payload was changed on the way")]
    PayloadTampered,
}

/// Why a packet was not processed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessError {
    /// The header was not accepted.
    #[error(transparent)]
    Open(OpenError),
    /// The packet was seen before under this key.
    #[error("replayed packet")]
    Replayed,
    /// The payload was not accepted.
    #[error(transparent)]
    Strip(StripError),
}

/// What a node does next with a packet it processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Hold the packet, then send it to `next`.
    Forward {
        /// The next hop.
        next: AddressBlock,
        /// How long to hold it.
        hold: Hold,
    },
    /// The padded message stands in the payload behind 16 zero bytes: unwrap it and hand it over.
    Deliver {
        /// For whom it is; [`AddressBlock::NONE`] if for the node itself.
        destination: AddressBlock,
    },
    /// The payload is the reply to a block the node made: open it with the keys stored under `id`.
    Reply {
        /// The block's identifier.
        id: SurbId,
    },
}

/// A header that was authenticated and whose layers are not removed yet: the moment for the
/// replay check and whatever else should be known before the rest of the work.
pub struct Opened {
    secret: Shared,
    tag: ReplayTag,
}

impl Opened {
    fn check(secret: Shared, packet: &Packet) -> Result<Self, OpenError> {
        if !is_canonical(&packet.alpha()) {
            return Err(OpenError::NotCanonical);
        }
        if !secret.is_contributory() {
            return Err(OpenError::LowOrder);
        }
        if !header::is_authentic(secret.expose(), packet.beta(), packet.gamma()) {
            return Err(OpenError::BadMac);
        }
        let tag = ReplayTag(truncated_hash(secret.expose()));
        Ok(Self { secret, tag })
    }

    /// What a replay store remembers.
    #[must_use]
    pub const fn tag(&self) -> ReplayTag {
        self.tag
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, tag } = self;
        f.debug_struct("Opened").field("tag", tag).finish_non_exhaustive()
    }
}

/// Whether a u-coordinate is below `2^255 - 19`.
pub(crate) fn is_canonical(alpha: &[u8; ALPHA_BYTES]) -> bool {
    let [low, middle @ .., high] = alpha;
    *high < 0x7f || *high == 0x7f && (*low < 0xed || middle.iter().any(|byte| *byte != 0xff))
}

pub(crate) fn truncated_hash(secret: &[u8; 32]) -> [u8; KAPPA] {
    let mut tag = [0; KAPPA];
    for (out, byte) in tag.iter_mut().zip(Sha256::digest(secret)) {
        *out = byte;
    }
    tag
}

impl Sphinx {
    /// Derives the secret shared with the sender and authenticates the header.
    ///
    /// One point multiplication and one MAC, whatever the packet.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the header is not for this key.
    ///
    /// # Security
    ///
    /// The packet is the attacker's. The MAC is compared in constant time.
    pub fn open(&self, key: &MixSecret, packet: &Packet) -> Result<Opened, OpenError> {
        Opened::check(self.engine.multiply(key.scalar(), &packet.alpha()), packet)
    }

    /// Removes the node's layers, in place: the packet becomes what is sent on, or its payload
    /// the message.
    ///
    /// # Errors
    ///
    /// [`StripError`] if the node is the last hop and the payload is not what was sent.
    pub fn strip(&self, opened: Opened, packet: &mut Packet) -> Result<Step, StripError> {
        let blinding = blinding(&packet.alpha(), &opened.secret);
        let step = self.remove_layers(&opened, packet)?;
        if let Step::Forward { .. } = step {
            let alpha = self.engine.multiply(&blinding, &packet.alpha());
            packet.set_alpha(alpha.expose());
        }
        Ok(step)
    }

    /// Opens and strips a packet, without a replay check.
    ///
    /// # Errors
    ///
    /// [`ProcessError`] if the packet is not for this key or was changed on the way.
    pub fn process(&self, key: &MixSecret, packet: &mut Packet) -> Result<Step, ProcessError> {
        let opened = self.open(key, packet).map_err(ProcessError::Open)?;
        self.strip(opened, packet).map_err(ProcessError::Strip)
    }

    /// Opens and strips many packets: what [`Sphinx::process`] does, with the multiplications
    /// of eight packets side by side where the engine can.
    ///
    /// `is_fresh` is asked once for each authenticated packet, in order, and should remember its
    /// tag; `done` gets each packet's number and outcome, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use logos_mix::{AddressBlock, Hop, MeanDelay, MixSecret, Route, Sphinx, Step};
    /// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    /// # let mut rng = ChaCha20Rng::seed_from_u64(1);
    /// # let node = MixSecret::random(&mut rng);
    /// # let hop = Hop {
    /// #     key: node.public_key(), address: AddressBlock::NONE, delay: MeanDelay::MIN,
    /// # };
    /// # let route = Route::new(vec![hop])?;
    /// # let sphinx = Sphinx::default();
    /// # let packet = *sphinx.create(&route, &AddressBlock::NONE, &[42; 3968], &mut rng);
    /// let mut packets = vec![packet.clone(), packet];
    /// let mut seen = std::collections::BTreeSet::new();
    /// let mut outcomes = Vec::new();
    /// sphinx.process_batch(&node, &mut packets, |tag| seen.insert(tag), |_, outcome| {
    ///     outcomes.push(outcome.is_ok());
    /// });
    /// assert_eq!(outcomes, [true, false]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn process_batch<P: BorrowMut<Packet>>(
        &self,
        key: &MixSecret,
        packets: &mut [P],
        mut is_fresh: impl FnMut(ReplayTag) -> bool,
        mut done: impl FnMut(usize, Result<Step, ProcessError>),
    ) {
        for (g, group) in packets.chunks_mut(GROUP).enumerate() {
            let mut opened: [_; GROUP] = array::from_fn(|_| None);
            self.open_group(key, group, &mut opened);
            let mut steps = opened.map(|opened| {
                let opened = opened?.map_err(ProcessError::Open);
                Some(opened.and_then(|opened| {
                    if is_fresh(opened.tag) { Ok(opened) } else { Err(ProcessError::Replayed) }
                }))
            });
            let outcomes = self.strip_group(&mut steps, group);
            for (i, outcome) in outcomes.into_iter().flatten().enumerate() {
                done(g * GROUP + i, outcome);
            }
        }
    }

    /// Opens up to [`GROUP`] packets.
    pub(crate) fn open_group<P: Borrow<Packet>>(
        &self,
        key: &MixSecret,
        packets: &[P],
        opened: &mut [Option<Result<Opened, OpenError>>; GROUP],
    ) {
        let alphas: [_; GROUP] =
            array::from_fn(|i| packets.get(i).map_or([0; 32], |packet| packet.borrow().alpha()));
        let mut jobs = alphas.each_ref().map(|alpha| Job::new(key.scalar(), alpha));
        let (jobs, _) = jobs.split_at_mut(packets.len().min(GROUP));
        self.engine.multiply_batch(jobs);
        for ((job, packet), slot) in jobs.iter_mut().zip(packets).zip(opened) {
            let secret = core::mem::take(&mut job.shared);
            *slot = Some(Opened::check(secret, packet.borrow()));
        }
    }

    /// Strips up to [`GROUP`] packets.
    pub(crate) fn strip_group<P: BorrowMut<Packet>>(
        &self,
        opened: &mut [Option<Result<Opened, ProcessError>>; GROUP],
        packets: &mut [P],
    ) -> [Option<Result<Step, ProcessError>>; GROUP] {
        let alphas: [_; GROUP] =
            array::from_fn(|i| packets.get(i).map_or([0; 32], |packet| packet.borrow().alpha()));
        let mut blindings: [_; GROUP] = array::from_fn(|_| Scalar::clamp([0; 32]));
        let mut peeled = [const { None }; GROUP];
        for (i, (packet, opened)) in packets.iter_mut().zip(opened).enumerate() {
            peeled[i] = opened.take().map(|opened| {
                opened.map(|opened| {
                    blindings[i] = blinding(&alphas[i], &opened.secret);
                    self.peel(&opened, packet.borrow_mut())
                })
            });
        }
        for (packets, peeled) in packets.chunks_mut(2).zip(peeled.chunks(2)) {
            decrypt_payloads(packets, peeled);
        }
        let mut forward = [false; GROUP];
        let mut outcomes = [const { None }; GROUP];
        for (i, (packet, peeled)) in packets.iter_mut().zip(peeled).enumerate() {
            outcomes[i] = peeled.map(|peeled| {
                let step = next_step(&peeled?.block, packet.borrow_mut());
                step.map_err(ProcessError::Strip)
            });
            forward[i] = matches!(outcomes[i], Some(Ok(Step::Forward { .. })));
        }
        self.blind_group(&alphas, &blindings, &forward, packets);
        outcomes
    }

    /// Replaces `alpha` in the packets that go on, with as few lanes as there are such packets.
    fn blind_group<P: BorrowMut<Packet>>(
        &self,
        alphas: &[[u8; 32]; GROUP],
        blindings: &[Scalar; GROUP],
        forward: &[bool; GROUP],
        packets: &mut [P],
    ) {
        let mut jobs: [_; GROUP] = array::from_fn(|i| Job::new(&blindings[i], &alphas[i]));
        let mut numbers = [0; GROUP];
        let mut n = 0;
        for (i, _) in forward.iter().enumerate().filter(|(_, on)| **on) {
            jobs.swap(n, i);
            numbers[n] = i;
            n += 1;
        }
        self.engine.multiply_batch(&mut jobs[..n]);
        for (job, i) in jobs.iter().zip(numbers).take(n) {
            packets[i].borrow_mut().set_alpha(job.shared.expose());
        }
    }

    fn remove_layers(&self, opened: &Opened, packet: &mut Packet) -> Result<Step, StripError> {
        let peeled = self.peel(opened, packet);
        peeled.key.decrypt(packet.delta_mut());
        next_step(&peeled.block, packet)
    }

    /// Removes the header's layer; the payload keeps its own.
    fn peel(&self, opened: &Opened, packet: &mut Packet) -> Peeled {
        let secret = opened.secret.expose();
        let block = Block::from_bytes(&HeaderKeys::derive(secret).peel(packet.beta_mut()));
        Peeled { block, key: self.cipher.hop_key(secret) }
    }
}

/// What a hop read in the header, and the key of the payload's layer.
struct Peeled {
    block: Block,
    key: PayloadKey,
}

/// Removes the payload's layer from one packet or two.
fn decrypt_payloads<P: BorrowMut<Packet>>(
    packets: &mut [P],
    peeled: &[Option<Result<Peeled, ProcessError>>],
) {
    if let ([x, y], [Some(Ok(a)), Some(Ok(b))]) = (&mut *packets, peeled) {
        let payloads = [x.borrow_mut().delta_mut(), y.borrow_mut().delta_mut()];
        return decrypt_pair([&a.key, &b.key], payloads);
    }
    for (packet, peeled) in packets.iter_mut().zip(peeled) {
        if let Some(Ok(peeled)) = peeled {
            peeled.key.decrypt(packet.borrow_mut().delta_mut());
        }
    }
}

/// What the block of a packet without layers says; the header is made the next hop's.
fn next_step(block: &Block, packet: &mut Packet) -> Result<Step, StripError> {
    let Some(delay) = block.forwarding_delay(packet.beta()) else {
        return last_step(block, packet.delta());
    };
    packet.set_gamma(&block.gamma);
    Ok(Step::Forward { next: block.address, hold: Hold::Mean(delay) })
}

fn last_step(block: &Block, delta: &[u8]) -> Result<Step, StripError> {
    let id = SurbId::from_bytes(block.gamma);
    if block.address.is_none() && !id.is_zero() {
        return Ok(Step::Reply { id });
    }
    if !is_intact(delta) {
        return Err(StripError::PayloadTampered);
    }
    Ok(Step::Deliver { destination: block.address })
}

/// Whether a decrypted payload begins with the zeros that show it was not changed.
pub(crate) fn is_intact(delta: &[u8]) -> bool {
    delta.first_chunk::<KAPPA>().is_some_and(|prefix| prefix.ct_eq(&[0; KAPPA]).into())
}
