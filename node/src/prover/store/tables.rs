//! The tables of the embedded store, and what may stand under a job's name.

use logos_crypto::codec::{DecodeError, Reader, Writer};
use redb::TableDefinition;

use super::record::Record;
use crate::prover::job::Job;
use crate::prover::reservation::Reservation;

/// Member to the last epoch it was served in and its first unused id.
pub(super) const COUNTERS: TableDefinition<'_, [u8; 32], (u64, u32)> =
    TableDefinition::new("counters");
/// Name of a job, reservation or publication to an [`Entry`].
pub(super) const ENTRIES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("entries");
/// Jobs that have not ended, in the order of submission.
pub(super) const OPEN: TableDefinition<'_, u64, [u8; 32]> = TableDefinition::new("open");
/// Entries that may be forgotten, by the time they ended.
pub(super) const ENDED: TableDefinition<'_, (u64, [u8; 32]), ()> = TableDefinition::new("ended");
/// The stream.
pub(super) const PROOFS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("proofs");
/// The last number given out, by name.
pub(super) const HEADS: TableDefinition<'_, &str, u64> = TableDefinition::new("heads");
/// Epoch and nullifier to a mark.
pub(super) const MARKS: TableDefinition<'_, (u64, [u8; 32]), &[u8]> = TableDefinition::new("marks");
/// The double signals.
pub(super) const DOUBLES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("doubles");
/// A leaf to its member.
pub(super) const MEMBERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("members");
/// The number of a change to the leaf that it changed; the last change of each leaf.
pub(super) const CHANGES: TableDefinition<'_, u64, u64> = TableDefinition::new("changes");
/// A leaf to the number of its last change.
pub(super) const CHANGED: TableDefinition<'_, u64, u64> = TableDefinition::new("changed");
/// A member's name to its leaf.
pub(super) const NAMES: TableDefinition<'_, &[u8], u64> = TableDefinition::new("names");
/// A commitment to its leaf.
pub(super) const COMMITMENTS: TableDefinition<'_, [u8; 32], u64> =
    TableDefinition::new("commitments");
/// The deny list.
pub(super) const DENIED: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("denied");
/// Settings.
pub(super) const SETTINGS: TableDefinition<'_, &str, &str> = TableDefinition::new("settings");

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Entry {
    /// A job.
    Job(Job),
    /// Ids that a client took for itself.
    Reserved(Reservation),
    /// A client's proof, by its place in the stream.
    Published(u64),
}

impl Record for Entry {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Job(job) => job.write(writer.u8(0)),
            Self::Reserved(reservation) => reservation.write(writer.u8(1)),
            Self::Published(seq) => {
                writer.u8(2).u64_be(*seq);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            0 => Self::Job(Job::read(reader)?),
            1 => Self::Reserved(Reservation::read(reader)?),
            2 => Self::Published(reader.u64_be()?),
            tag => return Err(DecodeError::UnknownTag { tag }),
        })
    }
}
