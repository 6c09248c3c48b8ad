//! Members: joining, and proving by themselves.

use std::sync::Arc;

use logos_crypto::Fr;
use logos_rln::{Identity, IdentityCommitment, LimitError, MessageLimit};
use sha2::{Digest, Sha256};

use super::{MAX_KEY_BYTES, Parts, Service, check};
use crate::prover::epoch::Epoch;
use crate::prover::job::{JobId, LABEL_BYTES};
use crate::prover::mark::{Mark, Recorded};
use crate::prover::problem::Problem;
use crate::prover::registry::{MemberRecord, RegisterRefusal, Registration};
use crate::prover::reservation::{MemberKey, Reservation, Wanted};
use crate::prover::store::{Publication, ReserveRequest};
use crate::random::os_seeded;

impl Service {
    /// Registers a member: with its commitment, or, without one, with an identity that the service
    /// draws and keeps sealed.
    ///
    /// # Errors
    ///
    /// One [`Problem`] a reason.
    pub async fn register(
        &self,
        name: &[u8],
        commitment: &[u8],
        limit: u32,
        tier: &str,
    ) -> Result<Arc<MemberRecord>, Problem> {
        let invalid = |_: LimitError| Problem::Invalid { field: "limit", reason: "is no limit" };
        let limit = MessageLimit::new(limit).map_err(invalid)?;
        let circuit = self.parts.circuits.single().circuit();
        circuit.check_limit(limit).map_err(invalid)?;
        let Parts { source, store, group, .. } = &self.parts;
        if commitment.is_empty()
            && let Some(known) = group.named(&**store, name).await?
            && known.sealed.is_some()
        {
            let same = known.limit == limit.get();
            return if same { Ok(known) } else { Err(RegisterRefusal::NameTaken.into()) };
        }
        let (member, sealed) = match commitment {
            [] => self.draw_identity(name)?,
            bytes => (commitment_of(bytes)?, None),
        };
        let registration = Registration {
            member,
            name: name.to_vec(),
            limit: limit.get(),
            tier: tier.to_owned(),
            sealed,
        };
        let record = source.register(registration, group.capacity()).await??;
        group.follow(&**store).await?;
        Ok(Arc::new(record))
    }

    fn draw_identity(&self, name: &[u8]) -> Result<(MemberKey, Option<Vec<u8>>), Problem> {
        let custody = self.parts.custody.as_ref().ok_or(Problem::NoCustody)?;
        let mut rng = os_seeded().map_err(|_| Problem::Store)?;
        let (member, sealed) = custody.seal(&Identity::random(&mut rng), name, &mut rng);
        Ok((member, Some(sealed)))
    }

    /// Reserves ids for a client that proves by itself.
    ///
    /// # Errors
    ///
    /// One [`Problem`] a reason.
    pub async fn reserve(
        &self,
        name: &[u8],
        key: &[u8],
        count: u32,
        epoch: u64,
    ) -> Result<Reservation, Problem> {
        self.check_open()?;
        let member = self.member(name).await?;
        // Two provers for one identity would each have to know what the other proved.
        check("member", "its secret is held by the service", member.sealed.is_none())?;
        check("idempotency_key", "has 1 to 256 bytes", (1..=MAX_KEY_BYTES).contains(&key.len()))?;
        let now = self.parts.clock.now();
        let current = self.parts.schedule.at(now);
        let asked = if epoch == 0 { current } else { Epoch(epoch) };
        if asked != current {
            return Err(Problem::Epoch { asked, current });
        }
        self.check_denied(name, now).await?;
        let quota = self.quota_of(&member);
        let wanted = Wanted { epoch: asked, exact: epoch != 0, count: count.max(1), quota };
        let key = Sha256::new().chain_update(b"own").chain_update(key).finalize();
        let id = JobId::of(&member.member, &key);
        let request = ReserveRequest { id, member: member.member, wanted };
        let reserved = self.parts.store.reserve(now, request).await?;
        reserved.map_err(|refusal| self.refused(refusal, name, now))
    }

    /// Checks a client's proof and puts it into the stream; returns its number and whether it
    /// burnt an id for the second time.
    ///
    /// # Errors
    ///
    /// One [`Problem`] a reason.
    pub async fn publish(
        &self,
        name: &[u8],
        message: &[u8],
        epoch: u64,
        proof: &[u8],
        subject: &[u8],
    ) -> Result<(u64, bool), Problem> {
        self.check_open()?;
        check("subject", "is longer than 64 bytes", subject.len() <= LABEL_BYTES)?;
        let member = self.member(name).await?;
        let now = self.parts.clock.now();
        self.check_denied(name, now).await?;
        let (proof, epoch) = self.verify(message, epoch, proof)?;
        self.check_near(epoch)?;
        let marks: Vec<Mark> = Mark::of(&proof.values, epoch).collect();
        let recorded = self.parts.store.record(now, marks).await?;
        let doubled = recorded.iter().any(|one| matches!(one, Recorded::DoubleSignal { .. }));
        if doubled {
            self.parts.metrics.double_signals.add(1);
        }
        let proof = proof.to_bytes();
        let id = Sha256::new().chain_update(b"published").chain_update(&proof).finalize();
        let publication = Publication {
            id: JobId::of(&member.member, &id),
            sender: name.to_vec(),
            subject: subject.to_vec(),
            epoch,
            proof,
        };
        Ok((self.parts.store.publish(now, publication).await?, doubled))
    }
}

fn commitment_of(bytes: &[u8]) -> Result<MemberKey, Problem> {
    let reason = "is not a field element of 32 bytes";
    let invalid = Problem::Invalid { field: "commitment", reason };
    let array: [u8; 32] = bytes.try_into().map_err(|_| invalid.clone())?;
    let field = Fr::from_bytes(&array).map_err(|_| invalid)?;
    Ok(MemberKey(IdentityCommitment::from_field(field).to_field().to_bytes()))
}
