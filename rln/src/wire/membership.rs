//! Paths and memberships as bytes.

use alloc::vec::Vec;

use logos_crypto::Fr;

use super::fields::{FieldReader, FieldWriter, list_bytes};
use super::{ByteOrder, SecretBytes, WireError};
use crate::circuit::Circuit;
use crate::identity::IdentitySecret;
use crate::limit::MessageLimit;
use crate::membership::{Membership, MerklePath};

/// Most levels of a path.
const MAX_DEPTH: usize = Circuit::MAX_DEPTH as usize;

impl MerklePath {
    /// Encodes the path as zerokit does: 676 bytes for 20 levels.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 8 + 32 a level | siblings, leaf first |
    /// | 8 + 1 a level | index bits, leaf first: 1 where the node stands on the right |
    #[must_use]
    pub fn to_bytes(&self, order: ByteOrder) -> Vec<u8> {
        let mut writer = FieldWriter::new(path_bytes(self), order);
        write_path(self, &mut writer);
        writer.into_bytes()
    }

    /// Decodes what [`MerklePath::to_bytes`] writes; at most [`Circuit::MAX_DEPTH`] levels.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for a wrong length or more levels, [`WireError::NotCanonical`], or
    /// [`WireError::Path`] for an index bit over one, no level, or lists of two lengths.
    pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Self, WireError> {
        let mut reader = FieldReader::new(bytes, order);
        let path = read_path(&mut reader)?;
        reader.finish()?;
        Ok(path)
    }
}

impl Membership {
    /// Encodes the membership as zerokit does its partial witness: 740 bytes for 20 levels.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 32 | identity secret |
    /// | 32 | limit |
    /// | 8 + 32 a level, 8 + 1 a level | [`MerklePath::to_bytes`] |
    ///
    /// # Security
    ///
    /// The secret stands there in clear.
    #[must_use]
    pub fn to_bytes(&self, order: ByteOrder) -> SecretBytes {
        let mut writer = FieldWriter::new(2 * Fr::BYTES + path_bytes(self.path()), order);
        write_member(self, &mut writer);
        write_path(self.path(), &mut writer);
        SecretBytes::new(writer.into_bytes())
    }

    /// Decodes what [`Membership::to_bytes`] writes.
    ///
    /// # Errors
    ///
    /// As [`MerklePath::from_bytes`], [`WireError::Identity`] for a secret of zero,
    /// [`WireError::Limit`] for a limit of zero, and [`WireError::TooLarge`] for one that no
    /// circuit has. Whether a certain circuit can prove for the limit and the depth is for
    /// [`Membership::check`] to say.
    pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Self, WireError> {
        let mut reader = FieldReader::new(bytes, order);
        let (secret, limit) = read_member(&mut reader)?;
        let path = read_path(&mut reader)?;
        reader.finish()?;
        Ok(Self::new(secret, limit, path))
    }
}

/// Bytes of a path.
pub(super) fn path_bytes(path: &MerklePath) -> usize {
    let depth = path.siblings().len();
    list_bytes(depth, Fr::BYTES) + list_bytes(depth, 1)
}

pub(super) fn write_path(path: &MerklePath, writer: &mut FieldWriter) {
    writer.fields(path.siblings()).bytes(&path.index_bits());
}

pub(super) fn read_path(reader: &mut FieldReader<'_>) -> Result<MerklePath, WireError> {
    let siblings = reader.fields(MAX_DEPTH)?;
    let bits = reader.bytes(MAX_DEPTH)?;
    Ok(MerklePath::from_index_bits(siblings, bits)?)
}

/// Secret and limit, which every encoding of a membership starts with.
pub(super) fn write_member(membership: &Membership, writer: &mut FieldWriter) {
    writer.field(*membership.secret().expose_secret());
    writer.field(Fr::from(membership.limit().get()));
}

pub(super) fn read_member(
    reader: &mut FieldReader<'_>,
) -> Result<(IdentitySecret, MessageLimit), WireError> {
    let secret = IdentitySecret::from_field(reader.field()?)?;
    let limit = MessageLimit::new(reader.small()?)?;
    Ok((secret, limit))
}

#[cfg(test)]
mod tests {
    use std::vec;

    use logos_crypto::codec::DecodeError;
    use proptest::prelude::*;

    use super::*;
    use crate::identity::IdentityError;
    use crate::limit::LimitError;
    use crate::membership::{MembershipError, PathError};

    const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

    fn path(depth: usize, index: u64) -> MerklePath {
        MerklePath::new((1..=depth as u64).map(Fr::from).collect(), index).unwrap()
    }

    fn membership(limit: u32) -> Membership {
        let secret = IdentitySecret::from_field(Fr::from(7u64)).unwrap();
        Membership::new(secret, MessageLimit::new(limit).unwrap(), path(20, 0b1011))
    }

    fn with_limit(limit: Fr, order: ByteOrder) -> Vec<u8> {
        let mut bytes = membership(1).to_bytes(order).expose().to_vec();
        bytes[32..64].copy_from_slice(&match order {
            ByteOrder::Little => limit.to_bytes(),
            ByteOrder::Big => limit.to_bytes_be(),
        });
        bytes
    }

    fn error<T>(result: Result<T, WireError>) -> Option<WireError> {
        result.err()
    }

    #[test]
    fn paths_and_memberships_have_the_sizes_of_zerokit() {
        for order in ORDERS {
            assert_eq!(path(20, 3).to_bytes(order).len(), 676);
            assert_eq!(membership(9).to_bytes(order).expose().len(), 740);
        }
    }

    #[test]
    fn an_index_byte_over_one_is_refused() {
        for order in ORDERS {
            let mut bytes = path(20, 0).to_bytes(order);
            bytes[660] = 2;
            let refused = WireError::Path(PathError::NotABit { level: 4, value: 2 });
            assert_eq!(error(MerklePath::from_bytes(&bytes, order)), Some(refused));
        }
    }

    #[test]
    fn siblings_and_index_bits_are_as_many() {
        let mut writer = FieldWriter::new(0, ByteOrder::Little);
        writer.fields(&[Fr::ONE; 3]).bytes(&[0, 1]);
        let refused = WireError::Path(PathError::Ragged { siblings: 3, bits: 2 });
        let read = MerklePath::from_bytes(&writer.into_bytes(), ByteOrder::Little);
        assert_eq!(error(read), Some(refused));
    }

    #[test]
    fn a_path_of_no_level_or_too_many_is_refused() {
        let mut writer = FieldWriter::new(0, ByteOrder::Little);
        writer.fields(&[]).bytes(&[]);
        let read = MerklePath::from_bytes(&writer.into_bytes(), ByteOrder::Little);
        let refused = WireError::Path(PathError::Depth { depth: 0, max: 32 });
        assert_eq!(error(read), Some(refused));

        let mut writer = FieldWriter::new(0, ByteOrder::Little);
        writer.fields(&vec![Fr::ONE; 33]).bytes(&[0; 33]);
        let read = MerklePath::from_bytes(&writer.into_bytes(), ByteOrder::Little);
        let refused = DecodeError::TooLong { length: 33, bound: 32 };
        assert_eq!(error(read), Some(refused.into()));
    }

    #[test]
    fn a_count_that_the_bytes_do_not_bear_out_reserves_nothing() {
        for order in ORDERS {
            let mut bytes = path(20, 0).to_bytes(order);
            bytes[..8].fill(0xff);
            assert_eq!(
                error(MerklePath::from_bytes(&bytes, order)),
                Some(DecodeError::TooLong { length: u64::MAX, bound: 32 }.into())
            );
        }
    }

    #[test]
    fn a_limit_of_zero_or_beyond_all_circuits_is_refused() {
        for order in ORDERS {
            let read = |limit| error(Membership::from_bytes(&with_limit(limit, order), order));
            assert_eq!(read(Fr::ZERO), Some(LimitError::Zero.into()));
            assert_eq!(read(Fr::from(1u64 << 32)), Some(WireError::TooLarge));
            assert_eq!(read(-Fr::ONE), Some(WireError::TooLarge));
        }
    }

    #[test]
    fn a_limit_over_two_to_the_sixteen_is_refused_by_the_deployed_circuits() {
        let bytes = with_limit(Fr::from(65_537u64), ByteOrder::Little);
        let member = Membership::from_bytes(&bytes, ByteOrder::Little).unwrap();
        let refused = LimitError::OverCircuit { limit: 65_537, max: 65_536 };
        for circuit in [Circuit::SINGLE_20, Circuit::MULTI_20] {
            assert_eq!(member.check(&circuit), Err(MembershipError::Limit(refused)));
        }
    }

    #[test]
    fn a_zero_secret_is_refused() {
        let mut bytes = membership(5).to_bytes(ByteOrder::Big).expose().to_vec();
        bytes[..32].fill(0);
        let read = Membership::from_bytes(&bytes, ByteOrder::Big);
        assert_eq!(error(read), Some(IdentityError::Zero.into()));
    }

    #[test]
    fn every_truncation_of_a_membership_is_refused() {
        let bytes = membership(5).to_bytes(ByteOrder::Little);
        for end in 0..bytes.expose().len() {
            assert!(matches!(
                Membership::from_bytes(&bytes.expose()[..end], ByteOrder::Little),
                Err(WireError::Decode(DecodeError::Truncated { .. }))
            ));
        }
    }

    proptest! {
        #[test]
        fn paths_and_memberships_survive_both_byte_orders(
            depth in 1usize..=32,
            index: u64,
            limit in 1u32..,
        ) {
            let path = path(depth, index & ((1 << depth) - 1));
            for order in ORDERS {
                let read = MerklePath::from_bytes(&path.to_bytes(order), order);
                prop_assert_eq!(read, Ok(path.clone()));
                let secret = IdentitySecret::from_field(Fr::from(index) + Fr::ONE).unwrap();
                let limit = MessageLimit::new(limit).unwrap();
                let member = Membership::new(secret, limit, path.clone());
                let bytes = member.to_bytes(order);
                let read = Membership::from_bytes(bytes.expose(), order).unwrap();
                prop_assert!(read.secret() == member.secret());
                prop_assert_eq!((read.limit(), read.path()), (limit, &path));
            }
        }
    }
}
