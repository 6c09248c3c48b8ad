//! Identities as bytes.

use logos_crypto::Fr;

use super::fields::{FieldReader, FieldWriter};
use super::{ByteOrder, SecretBytes, WireError};
use crate::identity::{
    ExtendedIdentity, Identity, IdentityCommitment, IdentityError, IdentitySecret, SecretFr,
};

impl Identity {
    /// Bytes of an encoding.
    pub const BYTES: usize = 2 * Fr::BYTES;

    /// Encodes the identity as zerokit does.
    ///
    /// | offset | bytes | content |
    /// |---|---|---|
    /// | 0 | 32 | secret |
    /// | 32 | 32 | commitment |
    ///
    /// # Security
    ///
    /// The secret stands there in clear.
    #[must_use]
    pub fn to_bytes(&self, order: ByteOrder) -> SecretBytes {
        let mut writer = FieldWriter::new(Self::BYTES, order);
        writer.field(*self.secret().expose_secret()).field(self.commitment().to_field());
        SecretBytes::new(writer.into_bytes())
    }

    /// Decodes what [`Identity::to_bytes`] writes: one hash.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for another length, [`WireError::NotCanonical`], or
    /// [`WireError::Identity`] if the secret is zero or the commitment is another's.
    pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Self, WireError> {
        let mut reader = FieldReader::new(bytes, order);
        let secret = IdentitySecret::from_field(reader.field()?)?;
        let commitment = IdentityCommitment::from_field(reader.field()?);
        reader.finish()?;
        Ok(Self::from_parts(secret, commitment)?)
    }
}

impl ExtendedIdentity {
    /// Bytes of an encoding.
    pub const BYTES: usize = 4 * Fr::BYTES;

    /// Encodes the identity as zerokit does.
    ///
    /// | offset | bytes | content |
    /// |---|---|---|
    /// | 0 | 32 | trapdoor |
    /// | 32 | 32 | nullifier |
    /// | 64 | 64 | [`Identity::to_bytes`] |
    ///
    /// # Security
    ///
    /// The secrets stand there in clear.
    #[must_use]
    pub fn to_bytes(&self, order: ByteOrder) -> SecretBytes {
        let mut writer = FieldWriter::new(Self::BYTES, order);
        writer.field(*self.expose_trapdoor()).field(*self.expose_nullifier());
        writer.field(*self.identity().secret().expose_secret());
        writer.field(self.identity().commitment().to_field());
        SecretBytes::new(writer.into_bytes())
    }

    /// Decodes what [`ExtendedIdentity::to_bytes`] writes: two hashes.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for another length, [`WireError::NotCanonical`], or
    /// [`WireError::Identity`] if secret or commitment is another's.
    pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Self, WireError> {
        let mut reader = FieldReader::new(bytes, order);
        let trapdoor = SecretFr::new(reader.field()?);
        let nullifier = SecretFr::new(reader.field()?);
        let secret = IdentitySecret::from_field(reader.field()?)?;
        let commitment = IdentityCommitment::from_field(reader.field()?);
        reader.finish()?;
        let extended = Self::from_parts(trapdoor, nullifier);
        let identity = extended.identity();
        if *identity.secret() != secret || identity.commitment() != commitment {
            return Err(IdentityError::CommitmentMismatch.into());
        }
        Ok(extended)
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use hex_literal::hex;
    use logos_crypto::codec::DecodeError;

    use super::*;

    const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

    #[test]
    fn identities_survive_both_byte_orders() {
        for order in ORDERS {
            let identity = Identity::seeded(b"one");
            let bytes = identity.to_bytes(order);
            assert_eq!(bytes.expose().len(), Identity::BYTES);
            assert_eq!(Identity::from_bytes(bytes.expose(), order), Ok(identity));
            let extended = ExtendedIdentity::seeded(b"one");
            let bytes = extended.to_bytes(order);
            assert_eq!(bytes.expose().len(), ExtendedIdentity::BYTES);
            assert!(ExtendedIdentity::from_bytes(bytes.expose(), order) == Ok(extended));
        }
    }

    #[test]
    fn a_seeded_identity_has_the_bytes_of_zerokit() {
        let bytes = Identity::seeded(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]).to_bytes(ByteOrder::Little);
        assert_eq!(
            bytes.expose(),
            hex!(
                "16677e8197c559280f4823fa4609c31839606f6157f2b3f5bd017a7e6cce6607"
                "1ff5ce748c0d36ae8f5063b03b874b1ba816cabf051e569d9d6f0d5c2b6df10b"
            )
        );
    }

    #[test]
    fn the_commitment_of_another_secret_is_refused() {
        for order in ORDERS {
            let mut bytes = Identity::seeded(b"one").to_bytes(order).expose().to_vec();
            let other = Identity::seeded(b"two").to_bytes(order);
            bytes[32..].copy_from_slice(&other.expose()[32..]);
            let error = Err(WireError::Identity(IdentityError::CommitmentMismatch));
            assert_eq!(Identity::from_bytes(&bytes, order), error);
            let mut bytes = ExtendedIdentity::seeded(b"one").to_bytes(order).expose().to_vec();
            bytes[64..].copy_from_slice(other.expose());
            assert!(matches!(
                ExtendedIdentity::from_bytes(&bytes, order),
                Err(WireError::Identity(IdentityError::CommitmentMismatch))
            ));
        }
    }

    #[test]
    fn a_zero_secret_and_elements_over_the_modulus_are_refused() {
        let zero = IdentityError::Zero;
        assert_eq!(Identity::from_bytes(&[0; 64], ByteOrder::Big), Err(zero.into()));
        let over = Err(WireError::NotCanonical);
        assert_eq!(Identity::from_bytes(&[0xff; 64], ByteOrder::Big), over);
    }

    #[test]
    fn identities_of_other_lengths_are_refused() {
        let bytes = ExtendedIdentity::seeded(b"one").to_bytes(ByteOrder::Little);
        for end in 0..ExtendedIdentity::BYTES {
            assert!(matches!(
                ExtendedIdentity::from_bytes(&bytes.expose()[..end], ByteOrder::Little),
                Err(WireError::Decode(DecodeError::Truncated { .. }))
            ));
        }
        let longer: Vec<u8> = bytes.expose().iter().copied().chain([0]).collect();
        assert!(matches!(
            ExtendedIdentity::from_bytes(&longer, ByteOrder::Little),
            Err(WireError::Decode(DecodeError::Trailing { extra: 1 }))
        ));
    }
}
