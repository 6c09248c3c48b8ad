//! Where the members come from.

use thiserror::Error;

use crate::members::Members;
use crate::rate_limit::{Change, RegistryError};

/// What a payload of the group did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// It was new and good: pass it on.
    New,
    /// It was heard before.
    Known,
    /// It is good, but updates before it are missing: ask somebody for them.
    Early {
        /// The first update that is missing.
        missing: u64,
    },
}

/// Why a payload of the group was refused. Nothing changed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// The members are fixed.
    #[error("the members of this group are fixed")]
    Fixed,
    /// The registry refused it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// A group's history: a file, a registry that gossips, and later a contract.
///
/// A source gives the same changes in the same order at every node; removals for spam are not
/// among them, as every node does those by itself.
pub trait MembershipSource: Send {
    /// The next change, oldest first, or `None` while there is nothing new.
    fn next_change(&mut self) -> Option<Change>;

    /// Takes what another node said about the group.
    ///
    /// # Errors
    ///
    /// [`SourceError`]; nothing changed.
    ///
    /// # Security
    ///
    /// `payload` is anybody's choice.
    fn handle_payload(&mut self, payload: &[u8]) -> Result<Heard, SourceError>;
}

/// Members who stand in a file when the node starts.
///
/// # Examples
///
/// ```
/// use logos_crypto::merkle::Depth;
/// use logos_node::Members;
/// use logos_node::rate_limit::{Change, MembershipSource, StaticMembers};
///
/// let members = Members::parse("01".repeat(32).as_bytes(), Depth::RLN)?;
/// let mut source = StaticMembers::new(&members);
/// assert!(matches!(source.next_change(), Some(Change::Append(leaves)) if leaves.len() == 1));
/// assert_eq!(source.next_change(), None);
/// # Ok::<(), logos_node::MembersError>(())
/// ```
#[derive(Debug)]
pub struct StaticMembers {
    rest: Option<Change>,
}

impl StaticMembers {
    /// The members of a file, all in one change.
    #[must_use]
    pub fn new(members: &Members) -> Self {
        Self { rest: Some(Change::Append(members.leaves().collect())) }
    }
}

impl MembershipSource for StaticMembers {
    fn next_change(&mut self) -> Option<Change> {
        self.rest.take()
    }

    fn handle_payload(&mut self, _: &[u8]) -> Result<Heard, SourceError> {
        Err(SourceError::Fixed)
    }
}
