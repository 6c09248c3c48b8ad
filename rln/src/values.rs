//! The public values of a proof.

use alloc::vec::Vec;

use logos_crypto::Fr;

use crate::circuit::CircuitKind;
use crate::epoch::ExternalNullifier;
use crate::share::{Nullifier, Share};

/// What a proof says in public, in the circuit's order.
///
/// | circuit | public signals |
/// |---|---|
/// | single | `y, root, nullifier, x, external_nullifier` |
/// | multi | `y[..], root, nullifier[..], x, external_nullifier, selector[..]` |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProofValues {
    /// One message id.
    Single(SingleValues),
    /// Several message ids in one proof.
    Multi(MultiValues),
}

/// Public values of the single-message-id circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SingleValues {
    /// The line's value at `x`.
    pub y: Fr,
    /// Root of the membership tree.
    pub root: Fr,
    /// The mark of the message id.
    pub nullifier: Fr,
    /// The message.
    pub x: Fr,
    /// Epoch and application.
    pub external_nullifier: Fr,
}

/// Public values of the multi-message-id circuit. Slots whose selector is off are zero.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MultiValues {
    /// One value a slot.
    pub ys: Vec<Fr>,
    /// Root of the membership tree.
    pub root: Fr,
    /// One nullifier a slot.
    pub nullifiers: Vec<Fr>,
    /// The message.
    pub x: Fr,
    /// Epoch and application.
    pub external_nullifier: Fr,
    /// Which slots are in use.
    pub selector: Vec<bool>,
}

/// One used message id of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalSlot {
    /// The point opened.
    pub share: Share,
    /// The mark left.
    pub nullifier: Nullifier,
}

impl ProofValues {
    /// Root of the membership tree the proof was made against.
    #[must_use]
    pub const fn root(&self) -> Fr {
        match self {
            Self::Single(values) => values.root,
            Self::Multi(values) => values.root,
        }
    }

    /// The message's field element.
    #[must_use]
    pub const fn x(&self) -> Fr {
        match self {
            Self::Single(values) => values.x,
            Self::Multi(values) => values.x,
        }
    }

    /// Epoch and application.
    #[must_use]
    pub const fn external_nullifier(&self) -> ExternalNullifier {
        ExternalNullifier::from_field(match self {
            Self::Single(values) => values.external_nullifier,
            Self::Multi(values) => values.external_nullifier,
        })
    }

    /// Which circuit these are values of.
    #[must_use]
    pub fn kind(&self) -> CircuitKind {
        match self {
            Self::Single(_) => CircuitKind::Single,
            Self::Multi(values) => {
                CircuitKind::Multi { slots: u8::try_from(values.ys.len()).unwrap_or(u8::MAX) }
            }
        }
    }

    /// The message ids in use: one, or every selected slot.
    pub fn signals(&self) -> impl Iterator<Item = SignalSlot> + '_ {
        let (single, multi) = match self {
            Self::Single(values) => (Some((values.y, values.nullifier)), None),
            Self::Multi(values) => (None, Some(values)),
        };
        let x = self.x();
        multi.into_iter().flat_map(MultiValues::used).chain(single).map(move |(y, nullifier)| {
            SignalSlot { share: Share { x, y }, nullifier: Nullifier::from_field(nullifier) }
        })
    }

    /// The public signals in the circuit's order.
    #[must_use]
    pub fn public_signals(&self) -> Vec<Fr> {
        match self {
            Self::Single(v) => [v.y, v.root, v.nullifier, v.x, v.external_nullifier].into(),
            Self::Multi(v) => {
                let mut signals = v.ys.clone();
                signals.push(v.root);
                signals.extend(&v.nullifiers);
                signals.extend([v.x, v.external_nullifier]);
                signals.extend(v.selector.iter().map(|used| Fr::from(*used)));
                signals
            }
        }
    }
}

impl MultiValues {
    fn used(&self) -> impl Iterator<Item = (Fr, Fr)> + '_ {
        let slots = self.ys.iter().zip(&self.nullifiers).zip(&self.selector);
        slots.filter(|(_, used)| **used).map(|((y, nullifier), _)| (*y, *nullifier))
    }

    /// Are there as many values of each kind?
    #[must_use]
    pub fn is_rectangular(&self) -> bool {
        self.ys.len() == self.nullifiers.len() && self.ys.len() == self.selector.len()
    }
}
