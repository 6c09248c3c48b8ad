//! How far a chain was read, and how to go back.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hex;
use crate::prover::registry::Registration;
use crate::prover::reservation::MemberKey;

/// How far a chain was read: durable with what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The stretches read last, oldest first.
    pub(super) read: Vec<Stretch>,
    /// Were older ones forgotten? Then there is no way back behind the oldest one.
    pub(super) is_trimmed: bool,
}

/// Blocks that were read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The last one's number.
    pub(super) number: u64,
    /// The last one's hash.
    pub(super) hash: [u8; 32],
    /// Who had the leaves that changed before.
    pub(super) undo: Vec<(u64, Option<Registration>)>,
}

/// A cursor that is none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("what is stored as the place up to which the chain was read is no such place")]
pub struct CursorError;

#[derive(Deserialize, Serialize)]
struct Stored {
    trimmed: bool,
    read: Vec<StoredStretch>,
}

#[derive(Deserialize, Serialize)]
struct StoredStretch {
    number: u64,
    hash: String,
    undo: Vec<(u64, Option<StoredMember>)>,
}

#[derive(Deserialize, Serialize)]
struct StoredMember {
    commitment: String,
    name: String,
    limit: u32,
}

impl Cursor {
    /// The last block that was read.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        self.read.last().map(|stretch| stretch.number)
    }

    /// Forgets what lies more than `depth` blocks behind `head`, but for one stretch to hold on to.
    pub(super) fn trim(&mut self, head: u64, depth: u64) {
        let oldest = head.saturating_sub(depth);
        let old = self.read.iter().take_while(|stretch| stretch.number < oldest).count();
        let forgotten = old.saturating_sub(1);
        self.read.drain(..forgotten);
        self.is_trimmed |= forgotten > 0;
        if let Some(first) = self.read.first_mut().filter(|first| first.number < oldest) {
            self.is_trimmed = true;
            first.undo.clear();
        }
    }

    /// As it is stored.
    #[must_use]
    pub fn to_text(&self) -> String {
        let read = self.read.iter().map(StoredStretch::of).collect();
        // Numbers and strings always have a JSON form.
        serde_json::to_string(&Stored { trimmed: self.is_trimmed, read }).unwrap_or_default()
    }

    /// Reads what [`Cursor::to_text`] wrote.
    ///
    /// # Errors
    ///
    /// [`CursorError`].
    pub fn from_text(text: &str) -> Result<Self, CursorError> {
        let stored: Stored = serde_json::from_str(text).map_err(|_| CursorError)?;
        let read = stored.read.into_iter().map(StoredStretch::into_stretch);
        Ok(Self { read: read.collect::<Result<_, _>>()?, is_trimmed: stored.trimmed })
    }
}

impl StoredStretch {
    fn of(stretch: &Stretch) -> Self {
        let member = |member: &Registration| StoredMember {
            commitment: hex::encode(&member.member.0),
            name: hex::encode(&member.name),
            limit: member.limit,
        };
        let undo = stretch.undo.iter().map(|(leaf, who)| (*leaf, who.as_ref().map(member)));
        Self { number: stretch.number, hash: hex::encode(&stretch.hash), undo: undo.collect() }
    }

    fn into_stretch(self) -> Result<Stretch, CursorError> {
        let undo = self
            .undo
            .into_iter()
            .map(|(leaf, who)| Ok((leaf, who.map(StoredMember::into_registration).transpose()?)));
        let hash = hex::decode_32(&self.hash).map_err(|_| CursorError)?;
        Ok(Stretch { number: self.number, hash: *hash, undo: undo.collect::<Result<_, _>>()? })
    }
}

impl StoredMember {
    fn into_registration(self) -> Result<Registration, CursorError> {
        let member = hex::decode_32(&self.commitment).map_err(|_| CursorError)?;
        let name = hex::decode(&self.name).map_err(|_| CursorError)?;
        let (tier, sealed) = (String::new(), None);
        let name = name.to_vec();
        Ok(Registration { member: MemberKey(*member), name, limit: self.limit, tier, sealed })
    }
}
