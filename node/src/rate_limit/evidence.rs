//! What shows that a member broke the rule, to everybody.

use logos_crypto::Fr;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_rln::{DoubleSignal, IdentitySecret, MessageLimit, Nullifier, RateCommitment, Share};
use thiserror::Error;

/// Why bytes are no evidence, or show nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The bytes have another length or tag.
    #[error("the evidence is damaged: {0}")]
    Decode(#[from] DecodeError),
    /// A number is not below the field's order.
    #[error("a field element of the evidence is not canonical")]
    NotCanonical,
    /// A limit of zero is no member's.
    #[error("the evidence names a limit of zero")]
    ZeroLimit,
    /// The two shares do not lie on the line their nullifier names.
    #[error("the shares give no secret away")]
    ShowsNothing,
}

/// Two shares of one message id: with them everybody computes the member's secret, and with the
/// secret its leaf.
///
/// | offset | bytes | content |
/// |---|---|---|
/// | 0 | 1 | [`Evidence::TAG`] |
/// | 1 | 32 | nullifier |
/// | 33 | 64 | first share: `x`, `y` |
/// | 97 | 64 | second share: `x`, `y` |
/// | 161 | 4 | the member's limit |
///
/// The proofs that the shares came with are not needed. Who can name two shares from which the
/// secret behind a member's leaf follows knows that secret, and a membership whose secret is known
/// is worth nothing to anybody, whether its owner spammed or lost it. So a check costs three
/// hashes and a look-up, and evidence about nobody is refused at that price.
///
/// # Examples
///
/// ```
/// use logos_node::rate_limit::{Evidence, EvidenceError};
///
/// assert!(matches!(Evidence::from_bytes(b"spam!"), Err(EvidenceError::Decode(_))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    nullifier: Nullifier,
    first: Share,
    second: Share,
    limit: MessageLimit,
}

impl Evidence {
    /// The first byte of every encoding; other payloads of the group have others.
    pub const TAG: u8 = 0x45;
    /// Bytes of the encoding.
    pub const BYTES: usize = 165;

    /// The evidence against a member with this limit.
    #[must_use]
    pub const fn new(signals: &DoubleSignal, limit: MessageLimit) -> Self {
        let DoubleSignal { nullifier, first, second, secret: _ } = signals;
        Self { nullifier: *nullifier, first: *first, second: *second, limit }
    }

    /// The member's limit.
    #[must_use]
    pub const fn limit(&self) -> MessageLimit {
        self.limit
    }

    /// The secret the shares give away and the leaf that it is behind, if that is a leaf at all:
    /// an inversion and three hashes.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::ShowsNothing`].
    pub fn open(&self) -> Result<(IdentitySecret, RateCommitment), EvidenceError> {
        let secret = Share::recover(self.first, self.second, self.nullifier)
            .map_err(|_| EvidenceError::ShowsNothing)?;
        let leaf = secret.commitment().rate_commitment(self.limit);
        Ok((secret, leaf))
    }

    /// Encodes the evidence.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(Self::BYTES);
        writer.u8(Self::TAG).put(&self.nullifier.to_field().to_bytes());
        for share in [self.first, self.second] {
            writer.put(&share.x.to_bytes()).put(&share.y.to_bytes());
        }
        writer.u32_le(self.limit.get());
        writer.into_bytes()
    }

    /// Decodes evidence, which may still show nothing.
    ///
    /// # Errors
    ///
    /// One [`EvidenceError`] a reason.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceError> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            Self::TAG => {}
            tag => return Err(DecodeError::UnknownTag { tag }.into()),
        }
        let nullifier = Nullifier::from_field(element(&mut reader)?);
        let first = Share { x: element(&mut reader)?, y: element(&mut reader)? };
        let second = Share { x: element(&mut reader)?, y: element(&mut reader)? };
        let limit = MessageLimit::new(reader.u32_le()?).map_err(|_| EvidenceError::ZeroLimit)?;
        reader.finish()?;
        Ok(Self { nullifier, first, second, limit })
    }
}

fn element(reader: &mut Reader<'_>) -> Result<Fr, EvidenceError> {
    Fr::from_bytes(reader.array()?).map_err(|_| EvidenceError::NotCanonical)
}

#[cfg(test)]
mod tests {
    use logos_rln::{ExternalNullifier, Line, Signal};
    use proptest::prelude::*;

    use super::*;

    fn secret() -> IdentitySecret {
        IdentitySecret::from_field(Fr::from(77u64)).unwrap()
    }

    fn evidence() -> Evidence {
        let limit = MessageLimit::new(9).unwrap();
        let epoch = ExternalNullifier::new(b"epoch", b"app");
        let line = Line::new(&secret(), epoch, limit.id(4).unwrap());
        let [first, second] =
            [&b"one"[..], b"two"].map(|text| line.share(Signal::from_message(text)));
        Evidence { nullifier: line.nullifier(), first, second, limit }
    }

    #[test]
    fn evidence_gives_the_secret_and_the_leaf() {
        let (recovered, leaf) = evidence().open().unwrap();
        assert_eq!(recovered, secret());
        assert_eq!(leaf, secret().commitment().rate_commitment(evidence().limit()));
    }

    #[test]
    fn shares_of_two_lines_show_nothing() {
        let mut forged = evidence();
        forged.second.y += Fr::ONE;
        assert_eq!(forged.open().unwrap_err(), EvidenceError::ShowsNothing);
        forged.second = forged.first;
        assert_eq!(forged.open().unwrap_err(), EvidenceError::ShowsNothing);
    }

    #[test]
    fn evidence_survives_its_encoding_and_has_no_other() {
        let bytes = evidence().to_bytes();
        assert_eq!(bytes.len(), Evidence::BYTES);
        assert_eq!(Evidence::from_bytes(&bytes), Ok(evidence()));
        let mut none = bytes.clone();
        none[161..].fill(0);
        assert_eq!(Evidence::from_bytes(&none), Err(EvidenceError::ZeroLimit));
        let mut over = bytes.clone();
        over[33..65].fill(0xff);
        assert_eq!(Evidence::from_bytes(&over), Err(EvidenceError::NotCanonical));
        let long = [&bytes[..], &[0]].concat();
        assert!(matches!(Evidence::from_bytes(&long), Err(EvidenceError::Decode(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_evidence_or_an_error(bytes: Vec<u8>) {
            if let Ok(evidence) = Evidence::from_bytes(&bytes) {
                prop_assert_eq!(evidence.to_bytes(), bytes);
            }
        }
    }
}
