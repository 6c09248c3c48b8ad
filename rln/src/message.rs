//! What changes from one proof to the next: epoch, message and message ids.

use alloc::vec::Vec;

use logos_crypto::Fr;
use thiserror::Error;

use crate::circuit::{Circuit, CircuitKind};
use crate::epoch::{ExternalNullifier, Signal};
use crate::limit::{LimitError, MessageId, MessageLimit};

/// Why message ids do not fit a circuit or a member.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageIdsError {
    /// An id is not below the member's limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// No slot is in use.
    #[error("a proof uses at least one message id")]
    NoneUsed,
    /// Two slots in use have the same id.
    #[error("message id {id} is used twice in one proof")]
    Repeated {
        /// The id.
        id: u32,
    },
    /// The circuit has another number of slots.
    #[error("{given} message-id slots for a circuit with {slots}")]
    SlotMismatch {
        /// Slots given.
        given: usize,
        /// Slots of the circuit.
        slots: usize,
    },
}

/// The message ids a proof uses up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageIds {
    /// For the single-message-id circuit.
    Single(MessageId),
    /// For the multi-message-id circuit: one entry a slot, with whether it is in use.
    Multi(Vec<(MessageId, bool)>),
}

impl From<MessageId> for MessageIds {
    fn from(id: MessageId) -> Self {
        Self::Single(id)
    }
}

impl MessageIds {
    /// Uses up `ids` in one proof of a circuit with `slots` slots; the other slots are idle.
    ///
    /// # Errors
    ///
    /// [`MessageIdsError::NoneUsed`], [`MessageIdsError::Repeated`], or
    /// [`MessageIdsError::SlotMismatch`] if there are more ids than slots.
    pub fn burn(ids: &[MessageId], slots: u8) -> Result<Self, MessageIdsError> {
        let slots = usize::from(slots);
        let idle = slots
            .checked_sub(ids.len())
            .ok_or(MessageIdsError::SlotMismatch { given: ids.len(), slots })?;
        let filler = ids.first().copied().ok_or(MessageIdsError::NoneUsed)?;
        let used = ids.iter().map(|id| (*id, true));
        let ids = Self::Multi(used.chain((0..idle).map(|_| (filler, false))).collect());
        ids.check_distinct()?;
        Ok(ids)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (MessageId, bool)> + '_ {
        let (single, multi) = match self {
            Self::Single(id) => (Some((*id, true)), None),
            Self::Multi(slots) => (None, Some(slots.iter().copied())),
        };
        single.into_iter().chain(multi.into_iter().flatten())
    }

    fn check_distinct(&self) -> Result<(), MessageIdsError> {
        let mut used: Vec<MessageId> =
            self.slots().filter(|(_, used)| *used).map(|(id, _)| id).collect();
        if used.is_empty() {
            return Err(MessageIdsError::NoneUsed);
        }
        used.sort_unstable();
        match used.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => {
                let id = pair.first().map_or(0, |id| id.get());
                Err(MessageIdsError::Repeated { id })
            }
            None => Ok(()),
        }
    }

    /// Checks that these ids fit the circuit and the member's limit.
    ///
    /// # Errors
    ///
    /// One [`MessageIdsError`] a reason.
    pub fn check(&self, circuit: &Circuit, limit: MessageLimit) -> Result<(), MessageIdsError> {
        let given = self.slots().count();
        let slots = circuit.slots();
        let same_kind = matches!(self, Self::Single(_)) == (circuit.kind() == CircuitKind::Single);
        if given != slots || !same_kind {
            return Err(MessageIdsError::SlotMismatch { given, slots });
        }
        self.check_within(limit)
    }

    /// Checks the ids in use: each below the limit, no two alike, at least one.
    pub(crate) fn check_within(&self, limit: MessageLimit) -> Result<(), MessageIdsError> {
        for (id, _) in self.slots().filter(|(_, used)| *used) {
            limit.id(id.get())?;
        }
        self.check_distinct()
    }
}

/// What one proof is about.
///
/// # Examples
///
/// ```
/// use logos_rln::{ExternalNullifier, Message, MessageLimit, Signal};
///
/// let id = MessageLimit::new(5)?.id(0)?;
/// let message = Message::new(
///     ExternalNullifier::new(b"epoch 1", b"chat"),
///     Signal::from_message(b"hello"),
///     id,
/// );
/// # Ok::<(), logos_rln::LimitError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Epoch and application the message counts in.
    pub external_nullifier: ExternalNullifier,
    /// The message itself.
    pub signal: Signal,
    /// The message ids it uses up.
    pub ids: MessageIds,
}

impl Message {
    /// Puts the parts together.
    pub fn new(
        external_nullifier: ExternalNullifier,
        signal: Signal,
        ids: impl Into<MessageIds>,
    ) -> Self {
        Self { external_nullifier, signal, ids: ids.into() }
    }

    pub(crate) const fn inputs(&self) -> MessageInputs<'_> {
        MessageInputs {
            external_nullifier: self.external_nullifier,
            x: self.signal.to_field(),
            ids: &self.ids,
        }
    }
}

/// The circuit's message inputs. Unlike [`Message`], `x` may be zero: a slot is made at `x = 0`
/// before its message exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageInputs<'a> {
    pub(crate) external_nullifier: ExternalNullifier,
    pub(crate) x: Fr,
    pub(crate) ids: &'a MessageIds,
}

impl MessageInputs<'_> {
    pub(crate) fn slots(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        self.ids.slots().map(|(id, used)| (id.get(), used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_proof_are_distinct_and_within_the_limit() {
        let limit = MessageLimit::new(3).unwrap();
        let [a, b] = [0, 2].map(|id| limit.id(id).unwrap());
        assert_eq!(MessageIds::burn(&[], 4), Err(MessageIdsError::NoneUsed));
        assert_eq!(MessageIds::burn(&[b, a, b], 4), Err(MessageIdsError::Repeated { id: 2 }));
        assert_eq!(
            MessageIds::burn(&[a, b], 1),
            Err(MessageIdsError::SlotMismatch { given: 2, slots: 1 })
        );
        let ids = MessageIds::burn(&[a, b], 4).unwrap();
        assert_eq!(ids.check(&Circuit::MULTI_20, limit), Ok(()));
        assert_eq!(
            ids.check(&Circuit::SINGLE_20, limit),
            Err(MessageIdsError::SlotMismatch { given: 4, slots: 1 })
        );
        let tighter = MessageLimit::new(2).unwrap();
        assert_eq!(
            ids.check(&Circuit::MULTI_20, tighter),
            Err(LimitError::IdNotBelowLimit { id: 2, limit: 2 }.into())
        );
    }
}
