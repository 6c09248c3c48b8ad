//! The seam between packet formats and the machine that mixes them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::keys::MixSecret;
use crate::packet::{Packet, WrongLength};
use crate::sphinx::{GROUP, OpenError, Opened, ProcessError, ReplayTag, Sphinx, Step, StripError};

/// A packet format: what a [`Relay`](crate::Relay) has to know to mix packets of one network.
///
/// Processing comes in two parts, so that the machine can ask for replays and spam between them:
/// [`PacketFormat::open`] authenticates the header, [`PacketFormat::strip`] removes the layers.
pub trait PacketFormat {
    /// A node's secret key for one key epoch.
    type Secret;
    /// Its public half, for the directory.
    type Public: Clone + PartialEq;
    /// A packet, owned.
    type Packet;
    /// An authenticated header.
    type Opened;

    /// Bytes of every packet.
    const PACKET_BYTES: usize;

    /// Draws a key.
    fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self::Secret
    where
        Self: Sized;

    /// The public half of a key.
    fn public(secret: &Self::Secret) -> Self::Public;

    /// The bytes of a key, for a sealed snapshot.
    fn secret_to_bytes(secret: &Self::Secret) -> Vec<u8>;

    /// A key from the bytes of a sealed snapshot; none if they are not a key.
    fn secret_from_bytes(bytes: &[u8]) -> Option<Self::Secret>;

    /// Takes the bytes of a packet.
    ///
    /// # Errors
    ///
    /// [`WrongLength`] unless there are [`PacketFormat::PACKET_BYTES`].
    fn parse(&self, bytes: &[u8]) -> Result<Self::Packet, WrongLength>;

    /// The bytes of a packet, as they go on the wire.
    fn bytes(packet: &Self::Packet) -> &[u8];

    /// Authenticates a header.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is not for this key.
    fn open(&self, secret: &Self::Secret, packet: &Self::Packet)
    -> Result<Self::Opened, OpenError>;

    /// What a replay store remembers of a header.
    fn tag(opened: &Self::Opened) -> ReplayTag;

    /// Removes the layers of one hop.
    ///
    /// # Errors
    ///
    /// [`StripError`] if the payload was changed on the way and this is where that shows.
    fn strip(&self, opened: Self::Opened, packet: &mut Self::Packet) -> Result<Step, StripError>;

    /// Opens many packets; a format that can do that faster than one by one says how.
    fn open_batch(
        &self,
        secret: &Self::Secret,
        packets: &[Self::Packet],
    ) -> Vec<Result<Self::Opened, OpenError>> {
        packets.iter().map(|packet| self.open(secret, packet)).collect()
    }

    /// Strips many packets, each with its header.
    fn strip_batch(
        &self,
        opened: Vec<Self::Opened>,
        packets: &mut [Self::Packet],
    ) -> Vec<Result<Step, StripError>> {
        opened.into_iter().zip(packets).map(|(opened, packet)| self.strip(opened, packet)).collect()
    }
}

impl PacketFormat for Sphinx {
    type Opened = Opened;
    type Packet = Box<Packet>;
    type Public = crate::keys::MixKey;
    type Secret = MixSecret;

    const PACKET_BYTES: usize = crate::layout::PACKET_BYTES;

    fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> MixSecret {
        MixSecret::random(rng)
    }

    fn public(secret: &MixSecret) -> Self::Public {
        secret.public_key()
    }

    fn secret_to_bytes(secret: &MixSecret) -> Vec<u8> {
        secret.expose_secret().expose().to_vec()
    }

    fn secret_from_bytes(bytes: &[u8]) -> Option<MixSecret> {
        let bytes = bytes.try_into().ok()?;
        Some(MixSecret::from_secret(&logos_crypto::secret::Secret::new(bytes)))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Box<Packet>, WrongLength> {
        Packet::from_bytes(bytes)
    }

    fn bytes(packet: &Box<Packet>) -> &[u8] {
        packet.as_bytes()
    }

    fn open(&self, secret: &MixSecret, packet: &Box<Packet>) -> Result<Opened, OpenError> {
        Self::open(self, secret, packet)
    }

    fn tag(opened: &Opened) -> ReplayTag {
        opened.tag()
    }

    fn strip(&self, opened: Opened, packet: &mut Box<Packet>) -> Result<Step, StripError> {
        Self::strip(self, opened, packet)
    }

    fn open_batch(
        &self,
        secret: &MixSecret,
        packets: &[Box<Packet>],
    ) -> Vec<Result<Opened, OpenError>> {
        let mut all = Vec::with_capacity(packets.len());
        for group in packets.chunks(GROUP) {
            let mut opened = [const { None }; GROUP];
            self.open_group(secret, group, &mut opened);
            all.extend(opened.into_iter().flatten());
        }
        all
    }

    fn strip_batch(
        &self,
        opened: Vec<Opened>,
        packets: &mut [Box<Packet>],
    ) -> Vec<Result<Step, StripError>> {
        let mut all = Vec::with_capacity(packets.len());
        let mut opened = opened.into_iter();
        for group in packets.chunks_mut(GROUP) {
            let mut headers = [const { None }; GROUP];
            for (slot, _) in headers.iter_mut().zip(&*group) {
                *slot = opened.next().map(Ok);
            }
            let outcomes = self.strip_group(&mut headers, group).into_iter().flatten();
            all.extend(outcomes.map(|outcome| outcome.map_err(only_strip)));
        }
        all
    }
}

/// An opened packet fails in one way only.
const fn only_strip(error: ProcessError) -> StripError {
    match error {
        ProcessError::Strip(error) => error,
        ProcessError::Open(_) | ProcessError::Replayed => StripError::PayloadTampered,
    }
}
