//! The proof as a message carries it.

use logos_crypto::Fr;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_rln::wire::WireError;
use logos_rln::{ExternalNullifier, Nullifier, Proof, ProofValues, RlnProof, Share, SingleValues};
use thiserror::Error;

use crate::rate_limit::{Application, EpochNumber};

/// Why bytes are not a proof of the wire.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RateLimitProofError {
    /// The message carries no proof at all.
    #[error("the message carries no proof")]
    Missing,
    /// The seven fields do not stand one after another with the lengths they have.
    #[error("the fields of the proof are damaged: {0}")]
    Fields(#[from] DecodeError),
    /// A root, share or nullifier is not below the field's order.
    #[error("a field element of the proof is not canonical")]
    NotCanonical,
    /// No epoch has such a number.
    #[error("the epoch is over 64 bits")]
    Epoch,
}

/// A proof with what it says, as field 21 of a message (`RateLimitProof`, LIP-17).
///
/// The deployed network writes seven fields of fixed length in ascending order, and this takes no
/// other form, so a proof has one encoding:
///
/// | offset | bytes | content |
/// |---|---|---|
/// | 0 | 3 + 128 | field 1: the proof, compressed |
/// | 131 | 2 + 32 | field 2: root of the membership tree |
/// | 165 | 2 + 32 | field 3: epoch number |
/// | 199 | 2 + 32 | field 4: `x` of the share |
/// | 233 | 2 + 32 | field 5: `y` of the share |
/// | 267 | 2 + 32 | field 6: nullifier |
/// | 301 | 2 + 32 | field 7: application |
///
/// All numbers have their least significant byte first. The specification lists the first six
/// fields only; a message without the seventh is refused by deployed nodes as well.
///
/// The points of the proof are not decoded here, which would be a tenth of a verification:
/// [`RateLimitProof::points`] does that, after the cheap checks.
///
/// # Examples
///
/// ```
/// use logos_node::rate_limit::{RateLimitProof, RateLimitProofError};
///
/// assert_eq!(RateLimitProof::from_bytes(b""), Err(RateLimitProofError::Missing));
/// assert!(RateLimitProof::from_bytes(&[0; RateLimitProof::BYTES]).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitProof {
    points: [u8; Proof::BYTES],
    root: Fr,
    epoch: EpochNumber,
    share: Share,
    nullifier: Nullifier,
    application: Application,
}

impl RateLimitProof {
    /// Bytes of every proof.
    pub const BYTES: usize = 335;
    /// Bytes before field 7, which is the form behind a packet of the mix (LIP-144).
    pub const PACKET_BYTES: usize = 301;

    /// Puts a proof into the form of the wire, or `None` if it uses several message ids, for which
    /// the wire has no form.
    #[must_use]
    pub fn new(proof: &RlnProof, epoch: EpochNumber, application: Application) -> Option<Self> {
        let ProofValues::Single(values) = &proof.values else { return None };
        Some(Self {
            points: proof.proof.to_bytes(),
            root: values.root,
            epoch,
            share: Share { x: values.x, y: values.y },
            nullifier: Nullifier::from_field(values.nullifier),
            application,
        })
    }

    /// What nobody proved, for tests of what comes before and after the pairing.
    #[cfg(test)]
    pub(super) const fn unproved(
        root: Fr,
        epoch: EpochNumber,
        (share, nullifier): (Share, Nullifier),
        application: Application,
    ) -> Self {
        Self { points: [0; Proof::BYTES], root, epoch, share, nullifier, application }
    }

    /// Encodes the proof.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut writer = Writer::with_capacity(Self::BYTES);
        put(&mut writer, 1, &self.points);
        put(&mut writer, 2, &self.root.to_bytes());
        put(&mut writer, 3, &self.epoch.to_bytes());
        put(&mut writer, 4, &self.share.x.to_bytes());
        put(&mut writer, 5, &self.share.y.to_bytes());
        put(&mut writer, 6, &self.nullifier.to_field().to_bytes());
        put(&mut writer, 7, self.application.as_bytes());
        // The fields have these lengths, so the bytes fill the array.
        writer.into_bytes().try_into().unwrap_or([0; Self::BYTES])
    }

    /// Decodes the form behind a packet of the mix, which leaves the application out: it is the
    /// network's.
    ///
    /// # Errors
    ///
    /// As [`RateLimitProof::from_bytes`].
    pub fn from_packet_bytes(
        bytes: &[u8; Self::PACKET_BYTES],
        application: &Application,
    ) -> Result<Self, RateLimitProofError> {
        Self::from_bytes(&complete(bytes, application))
    }

    /// Decodes a proof, all but its points.
    ///
    /// # Errors
    ///
    /// One [`RateLimitProofError`] a reason.
    ///
    /// # Security
    ///
    /// All of `bytes` is the sender's choice; nothing is allocated.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RateLimitProofError> {
        if bytes.is_empty() {
            return Err(RateLimitProofError::Missing);
        }
        let mut reader = Reader::new(bytes);
        let points = *take(&mut reader, 1)?;
        let root = element(&mut reader, 2)?;
        let epoch =
            EpochNumber::from_bytes(take(&mut reader, 3)?).ok_or(RateLimitProofError::Epoch)?;
        let share = Share { x: element(&mut reader, 4)?, y: element(&mut reader, 5)? };
        let nullifier = Nullifier::from_field(element(&mut reader, 6)?);
        let application = Application::from_bytes(*take(&mut reader, 7)?);
        reader.finish()?;
        Ok(Self { points, root, epoch, share, nullifier, application })
    }

    /// Decodes the points: three square roots and a subgroup check.
    ///
    /// # Errors
    ///
    /// As [`Proof::from_bytes`].
    pub fn points(&self) -> Result<Proof, WireError> {
        Proof::from_bytes(&self.points)
    }

    /// The public values, for which the external nullifier has to be computed from
    /// [`RateLimitProof::epoch`] and [`RateLimitProof::application`].
    #[must_use]
    pub const fn values(&self, external_nullifier: ExternalNullifier) -> ProofValues {
        ProofValues::Single(SingleValues {
            y: self.share.y,
            root: self.root,
            nullifier: self.nullifier.to_field(),
            x: self.share.x,
            external_nullifier: external_nullifier.to_field(),
        })
    }

    /// Root of the membership tree it was made under.
    #[must_use]
    pub const fn root(&self) -> Fr {
        self.root
    }

    /// The epoch it counts in.
    #[must_use]
    pub const fn epoch(&self) -> EpochNumber {
        self.epoch
    }

    /// The point of the member's line that it opens.
    #[must_use]
    pub const fn share(&self) -> Share {
        self.share
    }

    /// The mark of the message id.
    #[must_use]
    pub const fn nullifier(&self) -> Nullifier {
        self.nullifier
    }

    /// The application it counts for.
    #[must_use]
    pub const fn application(&self) -> &Application {
        &self.application
    }
}

/// The form of messages from that behind packets.
pub(super) fn complete(
    bytes: &[u8; RateLimitProof::PACKET_BYTES],
    application: &Application,
) -> Vec<u8> {
    let field = [tag(7), 32];
    [&bytes[..], &field, application.as_bytes()].concat()
}

/// The byte before a field of bytes: its number and the wire type.
const fn tag(number: u8) -> u8 {
    number << 3 | 2
}

/// Protocol Buffers' form of the two lengths there are.
const fn length_bytes(length: usize) -> &'static [u8] {
    match length {
        Proof::BYTES => &[0x80, 0x01],
        _ => &[32],
    }
}

fn put(writer: &mut Writer, number: u8, bytes: &[u8]) {
    writer.u8(tag(number)).put(length_bytes(bytes.len())).put(bytes);
}

fn take<'a, const N: usize>(
    reader: &mut Reader<'a>,
    number: u8,
) -> Result<&'a [u8; N], DecodeError> {
    let found = reader.u8()?;
    if found != tag(number) {
        return Err(DecodeError::UnknownTag { tag: found });
    }
    let length = length_bytes(N);
    if reader.take(length.len())? != length {
        return Err(DecodeError::NotCanonical);
    }
    reader.array()
}

fn element(reader: &mut Reader<'_>, number: u8) -> Result<Fr, RateLimitProofError> {
    Fr::from_bytes(take(reader, number)?).map_err(|_| RateLimitProofError::NotCanonical)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> RateLimitProof {
        RateLimitProof {
            points: std::array::from_fn(|at| u8::try_from(at).unwrap()),
            root: Fr::from(1u64),
            epoch: EpochNumber::new(2_939_502),
            share: Share { x: Fr::from(2u64), y: Fr::from(3u64) },
            nullifier: Nullifier::from_field(Fr::from(4u64)),
            application: Application::WAKU_RELAY,
        }
    }

    #[test]
    fn the_fields_stand_where_the_table_says() {
        let bytes = sample().to_bytes();
        assert_eq!(bytes[..3], [0x0a, 0x80, 0x01]);
        let fields = [(131, 0x12), (165, 0x1a), (199, 0x22), (233, 0x2a), (267, 0x32), (301, 0x3a)];
        for (offset, tag) in fields {
            assert_eq!(bytes[offset..offset + 2], [tag, 32]);
        }
        assert_eq!((bytes[133], bytes[201], bytes[235], bytes[269]), (1, 2, 3, 4));
        assert_eq!(bytes[303..328], *b"rln/waku-rln-relay/v2.0.0");
    }

    #[test]
    fn fields_that_are_missing_swapped_or_too_many_are_refused() {
        let bytes = sample().to_bytes();
        let fields = |result: Result<RateLimitProof, _>| match result {
            Err(RateLimitProofError::Fields(error)) => error,
            other => panic!("{other:?}"),
        };
        let six = RateLimitProof::from_bytes(&bytes[..301]);
        assert_eq!(fields(six), DecodeError::Truncated { needed: 1 });
        let eight = RateLimitProof::from_bytes(&[&bytes[..], &[0x42, 0]].concat());
        assert_eq!(fields(eight), DecodeError::Trailing { extra: 2 });
        let swapped = [&bytes[131..165], &bytes[..131], &bytes[165..]].concat();
        let swapped = RateLimitProof::from_bytes(&swapped);
        assert_eq!(fields(swapped), DecodeError::UnknownTag { tag: 0x12 });
        let mut long = bytes;
        long[132] = 33;
        assert_eq!(fields(RateLimitProof::from_bytes(&long)), DecodeError::NotCanonical);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        let mut bytes = sample().to_bytes();
        bytes[133..165].fill(0xff);
        assert_eq!(RateLimitProof::from_bytes(&bytes), Err(RateLimitProofError::NotCanonical));
        let mut bytes = sample().to_bytes();
        bytes[198] = 1;
        assert_eq!(RateLimitProof::from_bytes(&bytes), Err(RateLimitProofError::Epoch));
    }

    proptest! {
        #[test]
        fn one_proof_has_one_encoding(place in 0usize..RateLimitProof::BYTES, byte: u8) {
            let mut bytes = sample().to_bytes();
            bytes[place] = byte;
            if let Ok(proof) = RateLimitProof::from_bytes(&bytes) {
                prop_assert_eq!(proof.to_bytes(), bytes);
            }
        }
    }
}
