//! What a proof is made from, as bytes: zerokit's witness inputs.

use alloc::vec::Vec;

use logos_crypto::Fr;
use logos_crypto::codec::DecodeError;

use super::fields::{FieldReader, FieldWriter, list_bytes};
use super::membership::{path_bytes, read_member, read_path, write_member, write_path};
use super::values::{TAG_MULTI, TAG_SINGLE};
use super::{ByteOrder, SecretBytes, WireError};
use crate::circuit::Circuit;
use crate::epoch::{ExternalNullifier, Signal};
use crate::limit::{MessageId, MessageLimit};
use crate::membership::Membership;
use crate::message::{Message, MessageIds};

/// Most slots of one proof.
const MAX_SLOTS: usize = Circuit::MAX_SLOTS as usize;

/// Encodes a membership and a message as zerokit does its witness inputs: 837 bytes for one
/// message id and 20 levels, 953 for four slots.
///
/// | single, little | single, big | multi, both |
/// |---|---|---|
/// | `00` | `00` | `01` |
/// | secret | secret | secret |
/// | limit | limit | limit |
/// | siblings, index bits | **message id** | siblings, index bits |
/// | x | siblings, index bits | x |
/// | external nullifier | x | external nullifier |
/// | **message id** | external nullifier | message ids |
/// | | | selector |
///
/// # Security
///
/// The secret stands there in clear.
#[must_use]
pub fn write_witness(membership: &Membership, message: &Message, order: ByteOrder) -> SecretBytes {
    let slots: Vec<(MessageId, bool)> = message.ids.slots().collect();
    let ids = list_bytes(slots.len(), Fr::BYTES) + list_bytes(slots.len(), 1);
    let length = 1 + 4 * Fr::BYTES + path_bytes(membership.path()) + ids;
    let mut writer = FieldWriter::new(length, order);
    match message.ids {
        MessageIds::Single(id) => write_single(membership, message, id, order, &mut writer),
        MessageIds::Multi(_) => write_multi(membership, message, &slots, &mut writer),
    }
    SecretBytes::new(writer.into_bytes())
}

/// Decodes what [`write_witness`] writes.
///
/// # Errors
///
/// As [`Membership::from_bytes`]; [`WireError::ZeroSignal`] for an `x` of zero;
/// [`WireError::Limit`] or [`WireError::MessageIds`] for ids that are not below the limit, are
/// used twice or not at all; [`WireError::Ragged`] if ids and selector have two lengths.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_rln::wire::{ByteOrder, read_witness, write_witness};
/// use logos_rln::{
///     ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, Signal,
/// };
///
/// let limit = MessageLimit::new(10)?;
/// let path = MerklePath::new(vec![Fr::ZERO; 20], 5)?;
/// let member = Membership::new(Identity::seeded(b"example").secret().duplicate(), limit, path);
/// let epoch = ExternalNullifier::new(b"1763701200", b"chat");
/// let message = Message::new(epoch, Signal::from_message(b"hello"), limit.id(3)?);
///
/// let bytes = write_witness(&member, &message, ByteOrder::Little);
/// assert_eq!(bytes.expose().len(), 837);
/// let (_, read) = read_witness(bytes.expose(), ByteOrder::Little)?;
/// assert_eq!(read, message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_witness(bytes: &[u8], order: ByteOrder) -> Result<(Membership, Message), WireError> {
    let mut reader = FieldReader::new(bytes, order);
    let inputs = match reader.u8()? {
        TAG_SINGLE => read_single(&mut reader, order)?,
        TAG_MULTI => read_multi(&mut reader)?,
        tag => return Err(DecodeError::UnknownTag { tag }.into()),
    };
    reader.finish()?;
    Ok(inputs)
}

fn write_single(
    membership: &Membership,
    message: &Message,
    id: MessageId,
    order: ByteOrder,
    writer: &mut FieldWriter,
) {
    let id = Fr::from(id.get());
    writer.u8(TAG_SINGLE);
    write_member(membership, writer);
    if order == ByteOrder::Big {
        writer.field(id);
    }
    write_path(membership.path(), writer);
    write_claim(message, writer);
    if order == ByteOrder::Little {
        writer.field(id);
    }
}

fn write_multi(
    membership: &Membership,
    message: &Message,
    slots: &[(MessageId, bool)],
    writer: &mut FieldWriter,
) {
    let ids: Vec<Fr> = slots.iter().map(|(id, _)| Fr::from(id.get())).collect();
    let selector: Vec<bool> = slots.iter().map(|(_, used)| *used).collect();
    writer.u8(TAG_MULTI);
    write_member(membership, writer);
    write_path(membership.path(), writer);
    write_claim(message, writer);
    writer.fields(&ids).bools(&selector);
}

/// Message and epoch.
fn write_claim(message: &Message, writer: &mut FieldWriter) {
    writer.field(message.signal.to_field()).field(message.external_nullifier.to_field());
}

fn read_claim(reader: &mut FieldReader<'_>) -> Result<(Signal, ExternalNullifier), WireError> {
    let signal = Signal::from_field(reader.field()?).ok_or(WireError::ZeroSignal)?;
    Ok((signal, ExternalNullifier::from_field(reader.field()?)))
}

fn read_single(
    reader: &mut FieldReader<'_>,
    order: ByteOrder,
) -> Result<(Membership, Message), WireError> {
    let (secret, limit) = read_member(reader)?;
    let early = match order {
        ByteOrder::Little => None,
        ByteOrder::Big => Some(read_id(reader, limit)?),
    };
    let path = read_path(reader)?;
    let (signal, epoch) = read_claim(reader)?;
    let id = match early {
        Some(id) => id,
        None => read_id(reader, limit)?,
    };
    Ok((Membership::new(secret, limit, path), Message::new(epoch, signal, id)))
}

fn read_id(reader: &mut FieldReader<'_>, limit: MessageLimit) -> Result<MessageId, WireError> {
    Ok(limit.id(reader.small()?)?)
}

fn read_multi(reader: &mut FieldReader<'_>) -> Result<(Membership, Message), WireError> {
    let (secret, limit) = read_member(reader)?;
    let path = read_path(reader)?;
    let (signal, epoch) = read_claim(reader)?;
    let ids = reader.smalls(MAX_SLOTS)?;
    let selector = reader.bools(MAX_SLOTS)?;
    if ids.len() != selector.len() {
        return Err(WireError::Ragged);
    }
    let slots = ids.into_iter().zip(selector);
    let ids = MessageIds::Multi(slots.map(|(id, used)| (MessageId::idle(id), used)).collect());
    ids.check_within(limit)?;
    Ok((Membership::new(secret, limit, path), Message::new(epoch, signal, ids)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::IdentitySecret;
    use crate::limit::LimitError;
    use crate::membership::MerklePath;
    use crate::message::MessageIdsError;

    const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

    fn membership() -> Membership {
        let path = MerklePath::new((1..=20u64).map(Fr::from).collect(), 77).unwrap();
        let secret = IdentitySecret::from_field(Fr::from(7u64)).unwrap();
        Membership::new(secret, MessageLimit::new(100).unwrap(), path)
    }

    fn message(ids: impl Into<MessageIds>) -> Message {
        let epoch = ExternalNullifier::from_field(Fr::from(3u64));
        Message::new(epoch, Signal::from_message(b"hello"), ids)
    }

    fn single(id: u32) -> Vec<u8> {
        let message = message(MessageId::idle(id));
        write_witness(&membership(), &message, ByteOrder::Little).expose().to_vec()
    }

    fn multi(slots: &[(u32, bool)], order: ByteOrder) -> Vec<u8> {
        let slots = slots.iter().map(|(id, used)| (MessageId::idle(*id), *used)).collect();
        let message = message(MessageIds::Multi(slots));
        write_witness(&membership(), &message, order).expose().to_vec()
    }

    fn refusal(bytes: &[u8], order: ByteOrder) -> Option<WireError> {
        read_witness(bytes, order).err()
    }

    #[test]
    fn witnesses_have_the_sizes_of_zerokit() {
        for order in ORDERS {
            let bytes = write_witness(&membership(), &message(MessageId::idle(3)), order);
            assert_eq!(bytes.expose().len(), 837);
            let slots = [(3, true), (4, true), (0, false), (0, false)];
            assert_eq!(multi(&slots, order).len(), 953);
        }
    }

    #[test]
    fn one_message_id_stands_last_in_little_and_third_in_big() {
        let message = message(MessageId::idle(9));
        let little = write_witness(&membership(), &message, ByteOrder::Little);
        assert_eq!(little.expose()[805..], Fr::from(9u64).to_bytes());
        let big = write_witness(&membership(), &message, ByteOrder::Big);
        assert_eq!(big.expose()[65..97], Fr::from(9u64).to_bytes_be());
    }

    #[test]
    fn a_zero_x_is_refused() {
        let mut bytes = single(1);
        bytes[741..773].fill(0);
        assert_eq!(refusal(&bytes, ByteOrder::Little), Some(WireError::ZeroSignal));
        let mut bytes = multi(&[(1, true), (2, false)], ByteOrder::Big);
        bytes[741..773].fill(0);
        assert_eq!(refusal(&bytes, ByteOrder::Big), Some(WireError::ZeroSignal));
    }

    #[test]
    fn a_message_id_at_or_over_the_limit_is_refused() {
        for id in [100, 101, u32::MAX] {
            let error = LimitError::IdNotBelowLimit { id, limit: 100 };
            assert_eq!(refusal(&single(id), ByteOrder::Little), Some(error.into()));
            let bytes = multi(&[(0, true), (id, true)], ByteOrder::Big);
            let error = MessageIdsError::Limit(error);
            assert_eq!(refusal(&bytes, ByteOrder::Big), Some(error.into()));
            let idle = multi(&[(0, true), (id, false)], ByteOrder::Big);
            assert_eq!(refusal(&idle, ByteOrder::Big), None);
        }
    }

    #[test]
    fn ids_used_twice_or_not_at_all_are_refused() {
        let twice = multi(&[(5, true), (6, true), (5, true)], ByteOrder::Little);
        let error = MessageIdsError::Repeated { id: 5 };
        assert_eq!(refusal(&twice, ByteOrder::Little), Some(error.into()));
        let none = multi(&[(5, false), (6, false)], ByteOrder::Little);
        let error = MessageIdsError::NoneUsed;
        assert_eq!(refusal(&none, ByteOrder::Little), Some(error.into()));
    }

    #[test]
    fn more_slots_than_a_circuit_has_are_refused() {
        let slots: Vec<(u32, bool)> = (0..17).map(|id| (id, true)).collect();
        let error = DecodeError::TooLong { length: 17, bound: 16 };
        for order in ORDERS {
            assert_eq!(refusal(&multi(&slots, order), order), Some(error.into()));
        }
    }

    #[test]
    fn unknown_tags_and_other_lengths_are_refused() {
        let whole = single(1);
        for end in 0..whole.len() {
            assert!(matches!(
                refusal(&whole[..end], ByteOrder::Little),
                Some(WireError::Decode(DecodeError::Truncated { .. }))
            ));
        }
        let mut bytes = single(1);
        bytes.push(0);
        let error = DecodeError::Trailing { extra: 1 };
        assert_eq!(refusal(&bytes, ByteOrder::Little), Some(error.into()));
        let mut bytes = single(1);
        bytes[0] = 2;
        let error = DecodeError::UnknownTag { tag: 2 };
        assert_eq!(refusal(&bytes, ByteOrder::Little), Some(error.into()));
    }

    proptest! {
        #[test]
        fn witnesses_survive_both_byte_orders(id in 0u32..100, used in 1u32..16) {
            let slots = (0..4).map(|slot| (MessageId::idle(slot), used >> slot & 1 == 1)).collect();
            for ids in [MessageIds::Single(MessageId::idle(id)), MessageIds::Multi(slots)] {
                let message = message(ids);
                for order in ORDERS {
                    let bytes = write_witness(&membership(), &message, order);
                    let (member, read) = read_witness(bytes.expose(), order).unwrap();
                    prop_assert_eq!(&read, &message);
                    let expected = membership();
                    prop_assert!(member.secret() == expected.secret());
                    prop_assert_eq!(member.path(), expected.path());
                }
            }
        }
    }
}
