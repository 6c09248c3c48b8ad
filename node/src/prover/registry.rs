//! Who the members are: the ordered log from which every instance builds its tree.

use thiserror::Error;

use super::job::LABEL_BYTES;
use super::reservation::MemberKey;

/// A member as it is stored. Line `index` of the log is leaf `index` of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its leaf.
    pub index: u64,
    /// Its identity commitment.
    pub member: MemberKey,
    /// Its name: an address, or anything up to [`LABEL_BYTES`] bytes.
    pub name: Vec<u8>,
    /// Messages an epoch, as the leaf says.
    pub limit: u32,
    /// Messages an epoch that this service grants, if fewer than `limit`.
    pub tier: String,
    /// The sealed secret of a member whose identity the service holds.
    pub sealed: Option<Vec<u8>>,
}

/// Somebody who wants to be a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// As in [`MemberRecord::member`].
    pub member: MemberKey,
    /// As in [`MemberRecord::name`].
    pub name: Vec<u8>,
    /// As in [`MemberRecord::limit`].
    pub limit: u32,
    /// As in [`MemberRecord::tier`].
    pub tier: String,
    /// As in [`MemberRecord::sealed`].
    pub sealed: Option<Vec<u8>>,
}

impl Registration {
    /// The longest tier name.
    pub const TIER_BYTES: usize = 32;
    /// The longest sealed secret.
    pub const SEALED_BYTES: usize = 128;

    /// Checks what does not depend on other members.
    ///
    /// # Errors
    ///
    /// [`RegisterRefusal::Name`], [`RegisterRefusal::Tier`] or [`RegisterRefusal::Limit`].
    pub fn check(&self) -> Result<(), RegisterRefusal> {
        let sealed = self.sealed.as_ref().map_or(0, Vec::len);
        if self.name.is_empty() || self.name.len() > LABEL_BYTES {
            return Err(RegisterRefusal::Name);
        }
        if self.tier.len() > Self::TIER_BYTES || sealed > Self::SEALED_BYTES {
            return Err(RegisterRefusal::Tier);
        }
        if self.limit == 0 { Err(RegisterRefusal::Limit) } else { Ok(()) }
    }

    /// The member it becomes.
    #[must_use]
    pub fn at(self, index: u64) -> MemberRecord {
        let Self { member, name, limit, tier, sealed } = self;
        MemberRecord { index, member, name, limit, tier, sealed }
    }
}

/// Why nobody was registered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterRefusal {
    /// The name is taken by another identity.
    #[error("the name belongs to another identity")]
    NameTaken,
    /// The identity is a member already, under another name or limit.
    #[error("the identity is registered under another name or limit")]
    IdentityTaken,
    /// The name is empty or too long.
    #[error("a name has 1 to 64 bytes")]
    Name,
    /// The tier's name or the sealed secret is too long.
    #[error("the tier's name is too long")]
    Tier,
    /// No messages an epoch.
    #[error("a limit is at least 1")]
    Limit,
    /// Every leaf is used.
    #[error("the tree is full")]
    Full,
    /// The members come from elsewhere.
    #[error("this service takes no members: they come from elsewhere")]
    ReadOnly,
}
