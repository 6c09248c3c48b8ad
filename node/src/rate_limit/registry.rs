//! A group without a chain: its registrars sign updates, and everybody passes them on.
//!
//! The updates form one log. Each has a number and names the one before it by its hash, so all
//! nodes that have an update agree on everything before it, and the tree is the same everywhere.
//! Registrars are trusted to admit members, and not to sign two updates of one number; who does
//! is noticed, and its second update refused.

mod update;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use logos_crypto::codec::DecodeError;
use logos_crypto::hash_to_field::keccak256;
use logos_crypto::keys::{SigningKey, VerifyingKey};
use logos_rln::RateCommitment;
use thiserror::Error;

use update::Update;

use crate::rate_limit::{Change, Heard, MembershipSource, SourceError};

/// Why an update was refused. Nothing changed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// The bytes are no update.
    #[error("the update is damaged: {0}")]
    Decode(#[from] DecodeError),
    /// A leaf is not below the field's order, or zero.
    #[error("the update's leaf is none")]
    Leaf,
    /// It is of another group.
    #[error("the update is of another group")]
    OtherGroup,
    /// The group has no such registrar, or the key is none of its registrars'.
    #[error("the group has no such registrar")]
    NotARegistrar,
    /// The signature is not the registrar's.
    #[error("the update is not signed by its registrar")]
    Signature,
    /// Another update has that number here, or another history comes before it.
    #[error("update {sequence} contradicts what was signed before")]
    Fork {
        /// Its number.
        sequence: u64,
    },
    /// It is too far ahead of what is known to be kept.
    #[error("update {sequence} is more than {ahead} ahead of {next}")]
    TooFarAhead {
        /// Its number.
        sequence: u64,
        /// The first that is missing.
        next: u64,
        /// How far ahead updates are kept.
        ahead: u64,
    },
    /// It removes a leaf that was never taken.
    #[error("leaf {index} was never taken")]
    NoSuchLeaf {
        /// The leaf.
        index: u64,
    },
    /// The log is as long as it gets.
    #[error("the log is full")]
    Full,
}

/// The log of a group and what is known of it. Sans-IO: updates come in from any transport, in any
/// order, any number of times.
///
/// # Examples
///
/// A registrar admits a member, another node hears of it:
///
/// ```
/// use logos_crypto::keys::SigningKey;
/// use logos_crypto::secret::Secret;
/// use logos_node::rate_limit::{Change, Heard, MembershipSource, Registry};
/// use logos_rln::{Identity, MessageLimit};
///
/// let registrar = SigningKey::from_secret(&Secret::new([7; 32]));
/// let mut here = Registry::new("friends", vec![registrar.verifying_key()]);
/// let mut there = Registry::new("friends", vec![registrar.verifying_key()]);
///
/// let leaf = Identity::seeded(b"example").rate_commitment(MessageLimit::new(10)?);
/// let update = here.register(leaf, &registrar)?;
/// assert_eq!(there.handle_payload(&update)?, Heard::New);
/// assert_eq!(there.handle_payload(&update)?, Heard::Known);
/// assert_eq!(there.next_change(), Some(Change::Append(vec![leaf])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Registry {
    id: [u8; 32],
    registrars: Vec<VerifyingKey>,
    updates: Vec<Box<[u8]>>,
    // Hash of the last update, of the group's name before the first.
    head: [u8; 32],
    leaves: u64,
    // Signed, and ahead of what is known; at most AHEAD.
    early: BTreeMap<u64, Box<[u8]>>,
    changes: VecDeque<Change>,
}

/// What an update does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Register(RateCommitment),
    Remove(u64),
}

impl Registry {
    /// How far ahead of what is known updates are kept.
    pub const AHEAD: u64 = 256;
    /// The most updates of a log: twice the leaves of the deployed tree.
    pub const MAX_UPDATES: usize = 1 << 21;

    /// The empty log of a group, which is named by its name and its registrars, in order; of
    /// these at most 256 count.
    #[must_use]
    pub fn new(name: &str, registrars: Vec<VerifyingKey>) -> Self {
        let keys = registrars.iter().flat_map(|key| key.as_bytes());
        let named = [b"logos registry 1\0", name.as_bytes(), b"\0"].concat();
        let id = keccak256(&named.iter().chain(keys).copied().collect::<Vec<u8>>());
        let (early, changes) = (BTreeMap::new(), VecDeque::new());
        Self { id, registrars, updates: Vec::new(), head: id, leaves: 0, early, changes }
    }

    /// Admits a member: signs the next update and applies it.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotARegistrar`], [`RegistryError::Leaf`] or [`RegistryError::Full`].
    pub fn register(
        &mut self,
        leaf: RateCommitment,
        key: &SigningKey,
    ) -> Result<Vec<u8>, RegistryError> {
        self.sign(Operation::Register(leaf), key)
    }

    /// Removes whoever has a leaf: signs the next update and applies it.
    ///
    /// # Errors
    ///
    /// [`RegistryError::NotARegistrar`], [`RegistryError::NoSuchLeaf`] or [`RegistryError::Full`].
    pub fn remove(&mut self, index: u64, key: &SigningKey) -> Result<Vec<u8>, RegistryError> {
        self.sign(Operation::Remove(index), key)
    }

    fn sign(&mut self, operation: Operation, key: &SigningKey) -> Result<Vec<u8>, RegistryError> {
        let public = key.verifying_key();
        let registrar = self.registrars.iter().position(|known| *known == public);
        let registrar = registrar
            .and_then(|number| u8::try_from(number).ok())
            .ok_or(RegistryError::NotARegistrar)?;
        let (group, sequence, parent) = (self.id, self.next(), self.head);
        let bytes = Update { group, sequence, parent, operation, registrar }.sign(key);
        self.handle(&bytes)?;
        Ok(bytes)
    }

    /// Takes an update. Costs a signature check unless it is known.
    fn handle(&mut self, bytes: &[u8]) -> Result<Heard, RegistryError> {
        let (update, signature) = Update::from_bytes(bytes)?;
        let (sequence, next) = (update.sequence, self.next());
        if update.group != self.id {
            return Err(RegistryError::OtherGroup);
        }
        let place = usize::try_from(sequence).unwrap_or(usize::MAX);
        let known = self.updates.get(place).or_else(|| self.early.get(&sequence));
        if known.is_some_and(|known| **known == *bytes) {
            return Ok(Heard::Known);
        }
        let registrar = self.registrars.get(usize::from(update.registrar));
        let registrar = registrar.ok_or(RegistryError::NotARegistrar)?;
        update.verify(registrar, &signature)?;
        if known.is_some() || (sequence == next && update.parent != self.head) {
            return Err(RegistryError::Fork { sequence });
        }
        if sequence == next {
            self.apply(&update, bytes)?;
            self.catch_up();
            return Ok(Heard::New);
        }
        let ahead = Self::AHEAD;
        if sequence - next > ahead {
            return Err(RegistryError::TooFarAhead { sequence, next, ahead });
        }
        self.early.insert(sequence, bytes.into());
        Ok(Heard::Early { missing: next })
    }

    fn apply(&mut self, update: &Update, bytes: &[u8]) -> Result<(), RegistryError> {
        if self.updates.len() >= Self::MAX_UPDATES {
            return Err(RegistryError::Full);
        }
        let change = match update.operation {
            Operation::Register(leaf) => {
                self.leaves += 1;
                Change::Append(vec![leaf])
            }
            Operation::Remove(index) if index < self.leaves => Change::Remove(index),
            Operation::Remove(index) => return Err(RegistryError::NoSuchLeaf { index }),
        };
        self.changes.push_back(change);
        self.head = keccak256(bytes);
        self.updates.push(bytes.into());
        Ok(())
    }

    /// Applies what came early and is due now; what turns out to be of another history is dropped.
    fn catch_up(&mut self) {
        while let Some(bytes) = self.early.remove(&self.next()) {
            let due = Update::from_bytes(&bytes).ok().map(|(update, _)| update);
            let due = due.filter(|update| update.parent == self.head);
            if due.is_none_or(|update| self.apply(&update, &bytes).is_err()) {
                return;
            }
        }
    }

    /// The number of the next update.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.updates.len() as u64
    }

    /// Updates from a number on, at most so many, for whoever asks for them.
    pub fn updates(&self, from: u64, most: usize) -> impl Iterator<Item = &[u8]> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        self.updates.iter().skip(from).take(most).map(|update| &**update)
    }

    /// Leaves that were given out.
    #[must_use]
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }
}

impl MembershipSource for Registry {
    fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    fn handle_payload(&mut self, payload: &[u8]) -> Result<Heard, SourceError> {
        Ok(self.handle(payload)?)
    }
}
