//! The public values of a proof as bytes.

use alloc::vec::Vec;

use logos_crypto::Fr;
use logos_crypto::codec::DecodeError;

use super::fields::{FieldReader, FieldWriter, list_bytes};
use super::{ByteOrder, WireError};
use crate::circuit::Circuit;
use crate::values::{MultiValues, ProofValues, SingleValues};

/// First byte of values of one message id.
pub(super) const TAG_SINGLE: u8 = 0;
/// First byte of values of several message ids.
pub(super) const TAG_MULTI: u8 = 1;

/// Most slots of one proof.
const MAX_SLOTS: usize = Circuit::MAX_SLOTS as usize;

impl ProofValues {
    /// Bytes of the values of one message id.
    pub const SINGLE_BYTES: usize = 1 + 5 * Fr::BYTES;

    /// Encodes the values as zerokit 3.0 does.
    ///
    /// | single | | multi | |
    /// |---|---|---|---|
    /// | offset | value | bytes | value |
    /// | 0 | `00` | 1 | `01` |
    /// | 1 | y | 8 + 32 a slot | ys |
    /// | 33 | root | 32 | root |
    /// | 65 | nullifier | 8 + 32 a slot | nullifiers |
    /// | 97 | x | 32 | x |
    /// | 129 | external nullifier | 32 | external nullifier |
    /// | | | 8 + 1 a slot | selector |
    #[must_use]
    pub fn to_bytes(&self, order: ByteOrder) -> Vec<u8> {
        match self {
            Self::Single(values) => write_single(values, order),
            Self::Multi(values) => write_multi(values, order),
        }
    }

    /// Decodes what [`ProofValues::to_bytes`] writes; at most [`Circuit::MAX_SLOTS`] slots.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for another tag, a wrong length or more slots,
    /// [`WireError::NotCanonical`], [`WireError::NotABool`], or [`WireError::Ragged`] if there
    /// are not as many values of each kind or none.
    ///
    /// # Security
    ///
    /// Anybody can write values down: they say nothing until their proof was verified.
    pub fn from_bytes(bytes: &[u8], order: ByteOrder) -> Result<Self, WireError> {
        let mut reader = FieldReader::new(bytes, order);
        let values = match reader.u8()? {
            TAG_SINGLE => Self::Single(read_single(&mut reader)?),
            TAG_MULTI => Self::Multi(read_multi(&mut reader)?),
            tag => return Err(DecodeError::UnknownTag { tag }.into()),
        };
        reader.finish()?;
        Ok(values)
    }
}

fn write_single(values: &SingleValues, order: ByteOrder) -> Vec<u8> {
    let mut writer = FieldWriter::new(ProofValues::SINGLE_BYTES, order);
    writer.u8(TAG_SINGLE).field(values.y).field(values.root).field(values.nullifier);
    writer.field(values.x).field(values.external_nullifier);
    writer.into_bytes()
}

fn write_multi(values: &MultiValues, order: ByteOrder) -> Vec<u8> {
    let slots = values.ys.len();
    let length = 1 + 2 * list_bytes(slots, Fr::BYTES) + 3 * Fr::BYTES + list_bytes(slots, 1);
    let mut writer = FieldWriter::new(length, order);
    writer.u8(TAG_MULTI).fields(&values.ys).field(values.root).fields(&values.nullifiers);
    writer.field(values.x).field(values.external_nullifier).bools(&values.selector);
    writer.into_bytes()
}

fn read_single(reader: &mut FieldReader<'_>) -> Result<SingleValues, WireError> {
    Ok(SingleValues {
        y: reader.field()?,
        root: reader.field()?,
        nullifier: reader.field()?,
        x: reader.field()?,
        external_nullifier: reader.field()?,
    })
}

fn read_multi(reader: &mut FieldReader<'_>) -> Result<MultiValues, WireError> {
    let values = MultiValues {
        ys: reader.fields(MAX_SLOTS)?,
        root: reader.field()?,
        nullifiers: reader.fields(MAX_SLOTS)?,
        x: reader.field()?,
        external_nullifier: reader.field()?,
        selector: reader.bools(MAX_SLOTS)?,
    };
    if values.ys.is_empty() || !values.is_rectangular() {
        return Err(WireError::Ragged);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use std::vec;

    use proptest::prelude::*;

    use super::*;

    fn single() -> ProofValues {
        let [y, root, nullifier, x, external_nullifier] = [1, 2, 3, 4, 5u64].map(Fr::from);
        ProofValues::Single(SingleValues { y, root, nullifier, x, external_nullifier })
    }

    fn multi(slots: usize) -> ProofValues {
        ProofValues::Multi(MultiValues {
            ys: vec![Fr::from(6u64); slots],
            root: Fr::from(7u64),
            nullifiers: vec![Fr::from(8u64); slots],
            x: Fr::from(9u64),
            external_nullifier: Fr::from(10u64),
            selector: (0..slots).map(|slot| slot % 2 == 0).collect(),
        })
    }

    const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

    #[test]
    fn values_have_the_sizes_of_zerokit() {
        for order in ORDERS {
            assert_eq!(single().to_bytes(order).len(), 161);
            assert_eq!(multi(4).to_bytes(order).len(), 381);
        }
    }

    #[test]
    fn a_count_over_the_slots_of_a_circuit_is_refused_before_anything_is_reserved() {
        for order in ORDERS {
            for claimed in [17u64, 1 << 31, 1 << 60, u64::MAX] {
                let mut bytes = multi(4).to_bytes(order);
                let count = match order {
                    ByteOrder::Little => claimed.to_le_bytes(),
                    ByteOrder::Big => claimed.to_be_bytes(),
                };
                bytes[1..9].copy_from_slice(&count);
                assert_eq!(
                    ProofValues::from_bytes(&bytes, order),
                    Err(DecodeError::TooLong { length: claimed, bound: 16 }.into())
                );
            }
        }
    }

    #[test]
    fn bytes_after_the_values_are_refused() {
        for order in ORDERS {
            for values in [single(), multi(4)] {
                let mut bytes = values.to_bytes(order);
                bytes.push(0);
                assert_eq!(
                    ProofValues::from_bytes(&bytes, order),
                    Err(DecodeError::Trailing { extra: 1 }.into())
                );
            }
        }
    }

    #[test]
    fn every_truncation_of_values_is_refused() {
        for order in ORDERS {
            for values in [single(), multi(4)] {
                let bytes = values.to_bytes(order);
                for end in 0..bytes.len() {
                    assert!(matches!(
                        ProofValues::from_bytes(&bytes[..end], order),
                        Err(WireError::Decode(DecodeError::Truncated { .. }))
                    ));
                }
            }
        }
    }

    #[test]
    fn an_unknown_tag_is_refused() {
        let mut bytes = single().to_bytes(ByteOrder::Little);
        bytes[0] = 2;
        assert_eq!(
            ProofValues::from_bytes(&bytes, ByteOrder::Little),
            Err(DecodeError::UnknownTag { tag: 2 }.into())
        );
    }

    #[test]
    fn a_selector_byte_over_one_is_refused() {
        let mut bytes = multi(2).to_bytes(ByteOrder::Little);
        *bytes.last_mut().unwrap() = 2;
        assert_eq!(
            ProofValues::from_bytes(&bytes, ByteOrder::Little),
            Err(WireError::NotABool { value: 2 })
        );
    }

    #[test]
    fn a_field_element_over_the_modulus_is_refused() {
        for order in ORDERS {
            let mut bytes = single().to_bytes(order);
            bytes[1..33].fill(0xff);
            assert_eq!(ProofValues::from_bytes(&bytes, order), Err(WireError::NotCanonical));
        }
    }

    #[test]
    fn slots_with_a_value_missing_are_refused() {
        let ProofValues::Multi(mut values) = multi(3) else { panic!("these are multi") };
        values.nullifiers.pop();
        let bytes = ProofValues::Multi(values).to_bytes(ByteOrder::Big);
        assert_eq!(ProofValues::from_bytes(&bytes, ByteOrder::Big), Err(WireError::Ragged));
        let bytes = multi(0).to_bytes(ByteOrder::Big);
        assert_eq!(ProofValues::from_bytes(&bytes, ByteOrder::Big), Err(WireError::Ragged));
    }

    proptest! {
        #[test]
        fn what_decodes_encodes_back(bytes in proptest::collection::vec(0u8..3, 0..400)) {
            for order in ORDERS {
                if let Ok(values) = ProofValues::from_bytes(&bytes, order) {
                    prop_assert_eq!(values.to_bytes(order), bytes.clone());
                }
            }
        }

        #[test]
        fn what_encodes_decodes_back(slots in 1usize..=16) {
            for order in ORDERS {
                for values in [single(), multi(slots)] {
                    let bytes = values.to_bytes(order);
                    prop_assert_eq!(ProofValues::from_bytes(&bytes, order), Ok(values));
                }
            }
        }
    }
}
