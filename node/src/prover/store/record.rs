//! Stored values as bytes: fixed order, numbers with the most significant byte first.

use logos_crypto::codec::{DecodeError, Reader, Writer};

use crate::prover::epoch::{Epoch, Millis};
use crate::prover::job::{FailReason, Job, JobId, JobState, LABEL_BYTES, ProofRecord, WorkerId};
use crate::prover::mark::{Evidence, Mark};
use crate::prover::registry::{MemberRecord, Registration};
use crate::prover::reservation::{MemberKey, Reservation};
use crate::prover::store::{Denied, StoreError};

/// The longest proof that is stored; one with sixteen slots takes less.
pub(super) const MAX_PROOF_BYTES: usize = 4096;
/// The longest reason on the deny list.
const MAX_REASON_BYTES: usize = 256;

/// A value that is stored as bytes.
pub(super) trait Record: Sized {
    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    fn to_record(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.into_bytes()
    }

    fn from_record(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = |bytes| {
            let mut reader = Reader::new(bytes);
            let value = Self::read(&mut reader)?;
            reader.finish()?;
            Ok(value)
        };
        read(bytes).map_err(|error: DecodeError| StoreError::Damaged(error.to_string()))
    }
}

fn put_bytes(writer: &mut Writer, bytes: &[u8]) {
    // Everything stored has a bound far below.
    writer.u32_be(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).put(bytes);
}

fn take_bytes(reader: &mut Reader<'_>, bound: usize) -> Result<Vec<u8>, DecodeError> {
    let length = u64::from(reader.u32_be()?);
    let length = reader.checked_count(length, bound, 1)?;
    Ok(reader.take(length)?.to_vec())
}

fn take_text(reader: &mut Reader<'_>, bound: usize) -> Result<String, DecodeError> {
    let bytes = take_bytes(reader, bound)?;
    // Stored text was a `String`; bytes that are none are shown as what they are not.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Record for Job {
    fn write(&self, writer: &mut Writer) {
        writer.put(&self.id.0).u64_be(self.number);
        self.reservation.write(writer);
        writer.put(&self.signal);
        put_bytes(writer, &self.sender);
        put_bytes(writer, &self.subject);
        writer.u64_be(self.deadline.0).u64_be(self.created.0).u32_be(self.attempts);
        self.state.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: JobId(*reader.array()?),
            number: reader.u64_be()?,
            reservation: Reservation::read(reader)?,
            signal: *reader.array()?,
            sender: take_bytes(reader, LABEL_BYTES)?,
            subject: take_bytes(reader, LABEL_BYTES)?,
            deadline: Millis(reader.u64_be()?),
            created: Millis(reader.u64_be()?),
            attempts: reader.u32_be()?,
            state: JobState::read(reader)?,
        })
    }
}

impl Record for Reservation {
    fn write(&self, writer: &mut Writer) {
        writer.put(&self.member.0).u64_be(self.epoch.0).u32_be(self.first).u32_be(self.count);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            member: MemberKey(*reader.array()?),
            epoch: Epoch(reader.u64_be()?),
            first: reader.u32_be()?,
            count: reader.u32_be()?,
        })
    }
}

impl Record for JobState {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Queued => writer.u8(0),
            Self::Proving { worker, until } => writer.u8(1).put(&worker.0).u64_be(until.0),
            Self::Done { seq } => writer.u8(2).u64_be(*seq),
            Self::Failed(reason) => writer.u8(3).u8(reason.code()),
            Self::Expired => writer.u8(4),
            Self::Cancelled => writer.u8(5),
        };
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            0 => Self::Queued,
            1 => Self::Proving {
                worker: WorkerId(*reader.array()?),
                until: Millis(reader.u64_be()?),
            },
            2 => Self::Done { seq: reader.u64_be()? },
            3 => {
                let tag = reader.u8()?;
                Self::Failed(FailReason::from_code(tag).ok_or(DecodeError::UnknownTag { tag })?)
            }
            4 => Self::Expired,
            5 => Self::Cancelled,
            tag => return Err(DecodeError::UnknownTag { tag }),
        })
    }
}

impl Record for ProofRecord {
    fn write(&self, writer: &mut Writer) {
        writer.u64_be(self.seq).put(&self.job.0);
        put_bytes(writer, &self.sender);
        put_bytes(writer, &self.subject);
        writer.u64_be(self.epoch.0).u32_be(self.first).u32_be(self.count);
        put_bytes(writer, &self.proof);
        writer.u64_be(self.at.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            seq: reader.u64_be()?,
            job: JobId(*reader.array()?),
            sender: take_bytes(reader, LABEL_BYTES)?,
            subject: take_bytes(reader, LABEL_BYTES)?,
            epoch: Epoch(reader.u64_be()?),
            first: reader.u32_be()?,
            count: reader.u32_be()?,
            proof: take_bytes(reader, MAX_PROOF_BYTES)?,
            at: Millis(reader.u64_be()?),
        })
    }
}

impl Record for Mark {
    fn write(&self, writer: &mut Writer) {
        writer.u64_be(self.epoch.0).put(&self.nullifier).put(&self.x).put(&self.y);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            epoch: Epoch(reader.u64_be()?),
            nullifier: *reader.array()?,
            x: *reader.array()?,
            y: *reader.array()?,
        })
    }
}

impl Record for Evidence {
    fn write(&self, writer: &mut Writer) {
        writer.u64_be(self.seq);
        self.first.write(writer);
        self.second.write(writer);
        writer.u64_be(self.at.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            seq: reader.u64_be()?,
            first: Mark::read(reader)?,
            second: Mark::read(reader)?,
            at: Millis(reader.u64_be()?),
        })
    }
}

impl Record for MemberRecord {
    fn write(&self, writer: &mut Writer) {
        writer.u64_be(self.index).put(&self.member.0);
        put_bytes(writer, &self.name);
        writer.u32_be(self.limit);
        put_bytes(writer, self.tier.as_bytes());
        writer.u8(u8::from(self.sealed.is_some()));
        put_bytes(writer, self.sealed.as_deref().unwrap_or_default());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let index = reader.u64_be()?;
        let member = MemberKey(*reader.array()?);
        let name = take_bytes(reader, LABEL_BYTES)?;
        let limit = reader.u32_be()?;
        let tier = take_text(reader, Registration::TIER_BYTES)?;
        let is_sealed = reader.u8()? == 1;
        let sealed = take_bytes(reader, Registration::SEALED_BYTES)?;
        let sealed = is_sealed.then_some(sealed);
        Ok(Self { index, member, name, limit, tier, sealed })
    }
}

impl Record for Denied {
    fn write(&self, writer: &mut Writer) {
        put_bytes(writer, &self.name);
        put_bytes(writer, self.reason.as_bytes());
        writer.u64_be(self.until.0).u64_be(self.since.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            name: take_bytes(reader, LABEL_BYTES)?,
            reason: take_text(reader, MAX_REASON_BYTES)?,
            until: Millis(reader.u64_be()?),
            since: Millis(reader.u64_be()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: JobState) -> Job {
        let member = MemberKey([7; 32]);
        Job {
            id: JobId([1; 32]),
            number: 9,
            reservation: Reservation { member, epoch: Epoch(3), first: 4, count: 2 },
            signal: [5; 32],
            sender: b"alice".to_vec(),
            subject: vec![6; LABEL_BYTES],
            deadline: Millis(10),
            created: Millis(8),
            attempts: 1,
            state,
        }
    }

    #[test]
    fn a_job_in_every_state_is_read_as_it_was_written() {
        let worker = WorkerId([9; 16]);
        for state in [
            JobState::Queued,
            JobState::Proving { worker, until: Millis(3) },
            JobState::Done { seq: 12 },
            JobState::Failed(FailReason::NoSecret),
            JobState::Expired,
            JobState::Cancelled,
        ] {
            let bytes = job(state).to_record();
            assert_eq!(Job::from_record(&bytes), Ok(job(state)));
            for end in 0..bytes.len() {
                assert!(Job::from_record(&bytes[..end]).is_err());
            }
        }
    }

    #[test]
    fn a_member_with_and_without_a_secret_is_read_as_it_was_written() {
        for sealed in [None, Some(vec![1; 60])] {
            let member = MemberRecord {
                index: 3,
                member: MemberKey([7; 32]),
                name: b"alice".to_vec(),
                limit: 20,
                tier: "basic".to_owned(),
                sealed,
            };
            assert_eq!(MemberRecord::from_record(&member.to_record()), Ok(member));
        }
    }
}
