//! Who the members are: the ordered log from which every instance builds its tree.

use std::collections::BTreeMap;

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

impl MemberRecord {
    /// What it was registered with.
    #[must_use]
    pub fn into_registration(self) -> Registration {
        let Self { member, name, limit, tier, sealed, .. } = self;
        Registration { member, name, limit, tier, sealed }
    }
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

/// A leaf of the trees as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The number of its last change, from 1: whoever has seen the changes up to a number asks for
    /// those after it.
    pub number: u64,
    /// Its place.
    pub index: u64,
    /// Who has it; nobody, after the last one was erased.
    pub member: Option<MemberRecord>,
}

/// What changed among members that are kept elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amendment {
    /// Leaves and who has them now, in the order of the changes.
    pub leaves: Vec<(u64, Option<Registration>)>,
    /// The setting that says how far the changes were read.
    pub cursor: &'static str,
    /// What it says before.
    pub before: Option<String>,
    /// What it says after.
    pub after: String,
}

impl Amendment {
    /// The last change of each leaf, by leaf.
    #[must_use]
    pub fn last_of_each(&self) -> BTreeMap<u64, Option<&Registration>> {
        self.leaves.iter().map(|(index, member)| (*index, member.as_ref())).collect()
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
