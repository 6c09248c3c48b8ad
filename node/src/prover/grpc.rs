//! `logos.rln.v1` over gRPC.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use logos_crypto::Fr;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, async_trait};

use super::access::{Caller, Scope};
use super::job::{Job, JobId, JobState, ProofRecord};
use super::mark::Evidence;
use super::problem::Problem;
use super::registry::MemberRecord;
use super::reservation::Reservation;
use super::service::{Answered, Claim, MAX_BATCH, Order, Service};
use super::stream::{Slow, Subscription};
use super::trace::TraceParent;
use super::wire::v1;
use super::workshop::{Circuits, MAX_IDS};

/// Members that one filter may name.
const MAX_FILTER: usize = 10_000;

type Answer<T> = Result<Response<T>, Status>;
type Flow<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The service behind gRPC.
#[derive(Clone, Debug)]
pub struct Grpc(pub Arc<Service>);

/// Checks who asks and how often. The caller was put there by the listener.
pub(super) fn admit<T>(
    service: &Service,
    request: &Request<T>,
    scope: Scope,
    cost: usize,
) -> Result<(), Problem> {
    let caller = request.extensions().get::<Caller>().ok_or(Problem::Unauthenticated)?;
    admit_caller(service, caller, scope, cost)
}

pub(super) fn admit_caller(
    service: &Service,
    caller: &Caller,
    scope: Scope,
    cost: usize,
) -> Result<(), Problem> {
    caller.may(scope)?;
    let parts = service.parts();
    let cost = u32::try_from(cost).unwrap_or(u32::MAX);
    parts.access.spend(caller, cost, parts.clock.now())
}

impl Grpc {
    fn admit<T>(&self, request: &Request<T>, scope: Scope) -> Result<(), Problem> {
        admit(&self.0, request, scope, 1)
    }

    /// A job with its proof, if there is one.
    pub(super) async fn job(&self, answered: impl Into<Answered>) -> Result<v1::Job, Problem> {
        let Answered { job, early } = answered.into();
        let is_early = early.is_some();
        let proof = match job.state {
            JobState::Done { seq } => {
                let found = self.0.parts().store.proofs(seq, 1).await?;
                found.into_iter().find(|proof| proof.seq == seq)
            }
            _ => early,
        };
        let reservation = Some(self.reservation(&job.reservation));
        let proof = proof.as_ref().map(proof_out);
        let mut out = v1::Job { proof, reservation, ..job_out(&job) };
        if is_early {
            out.set_state(v1::JobState::Proved);
        }
        Ok(out)
    }

    pub(super) fn reservation(&self, reservation: &Reservation) -> v1::Reservation {
        let external = self.0.parts().schedule.external_nullifier(reservation.epoch);
        v1::Reservation {
            epoch: reservation.epoch.0,
            first_id: reservation.first,
            count: reservation.count,
            external_nullifier: external.to_field().to_bytes().to_vec(),
        }
    }
}

pub(super) fn order_in(request: v1::SubmitRequest, parent: Option<TraceParent>) -> Order {
    let v1::SubmitRequest { member, message, idempotency_key, .. } = request;
    Order {
        member,
        message,
        key: idempotency_key,
        ids: request.message_ids,
        epoch: request.epoch,
        deadline: request.deadline_ms,
        subject: request.subject,
        early: request.early,
        parent,
    }
}

pub(super) fn job_id(bytes: &[u8]) -> Result<JobId, Problem> {
    let invalid = |_| Problem::Invalid { field: "id", reason: "has not 32 bytes" };
    bytes.try_into().map(JobId).map_err(invalid)
}

fn job_out(job: &Job) -> v1::Job {
    let state = match job.state {
        JobState::Queued => v1::JobState::Queued,
        JobState::Proving { .. } => v1::JobState::Proving,
        JobState::Done { .. } => v1::JobState::Done,
        JobState::Failed(_) => v1::JobState::Failed,
        JobState::Expired => v1::JobState::Expired,
        JobState::Cancelled => v1::JobState::Cancelled,
    };
    let reason = match job.state {
        JobState::Failed(reason) => reason.name(),
        JobState::Expired => "EPOCH_OR_DEADLINE_PASSED",
        _ => "",
    };
    v1::Job {
        id: job.id.0.to_vec(),
        state: state.into(),
        reason: reason.to_owned(),
        reservation: None,
        created_ms: job.created.0,
        deadline_ms: job.deadline.0,
        proof: None,
    }
}

pub(super) fn proof_out(proof: &ProofRecord) -> v1::Proof {
    v1::Proof {
        seq: proof.seq,
        job_id: proof.job.0.to_vec(),
        member: proof.sender.clone(),
        subject: proof.subject.clone(),
        epoch: proof.epoch.0,
        proof: proof.proof.clone(),
        at_ms: proof.at.0,
    }
}

pub(super) fn member_out(member: &MemberRecord) -> v1::Member {
    v1::Member {
        member: member.name.clone(),
        index: member.index,
        commitment: member.member.0.to_vec(),
        limit: member.limit,
        tier: member.tier.clone(),
        custodial: member.sealed.is_some(),
    }
}

fn evidence_out(evidence: &Evidence) -> v1::DoubleSignal {
    let commitment = evidence.commitment().map(|found| found.to_field().to_bytes().to_vec());
    v1::DoubleSignal {
        seq: evidence.seq,
        epoch: evidence.first.epoch.0,
        nullifier: evidence.first.nullifier.to_vec(),
        commitment: commitment.unwrap_or_default(),
        at_ms: evidence.at.0,
    }
}

fn problem_out(problem: &Problem) -> v1::Problem {
    let retry = problem.retry().unwrap_or_default().as_millis();
    v1::Problem {
        reason: problem.reason().to_owned(),
        message: problem.to_string(),
        retry_after_ms: u64::try_from(retry).unwrap_or(u64::MAX),
    }
}

pub(super) fn version() -> v1::Version {
    v1::Version {
        service: env!("CARGO_PKG_VERSION").to_owned(),
        circuit: "rln-v2 depth 20".to_owned(),
        key_hash: Circuits::key_hash().to_vec(),
        tree_depth: 20,
        max_message_ids: MAX_IDS,
        max_limit: 65_536,
    }
}

fn check_batch(length: usize) -> Result<(), Problem> {
    let reason = "a batch has 1 to 256";
    let fits = (1..=MAX_BATCH).contains(&length);
    if fits { Ok(()) } else { Err(Problem::Invalid { field: "requests", reason }) }
}

#[async_trait]
impl v1::rln_server::Rln for Grpc {
    type WatchProofsStream = Flow<v1::Proof>;
    type WatchDoubleSignalsStream = Flow<v1::DoubleSignal>;

    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Answer<v1::Job> {
        self.admit(&request, Scope::Submit)?;
        let parent = request.extensions().get().copied();
        let order = order_in(request.into_inner(), parent);
        let answer = self.0.submit(&[order]).await?.pop().ok_or(Problem::Store)?;
        Ok(Response::new(self.job(answer?).await?))
    }

    async fn submit_batch(
        &self,
        request: Request<v1::SubmitBatchRequest>,
    ) -> Answer<v1::SubmitBatchResponse> {
        let count = request.get_ref().requests.len();
        check_batch(count)?;
        admit(&self.0, &request, Scope::Submit, count)?;
        let parent = request.extensions().get().copied();
        let requests = request.into_inner().requests.into_iter();
        let orders: Vec<Order> = requests.map(|one| order_in(one, parent)).collect();
        let mut results = Vec::with_capacity(orders.len());
        for answer in self.0.submit(&orders).await? {
            let result = match answer {
                Ok(job) => v1::submit_result::Result::Job(self.job(job).await?),
                Err(problem) => v1::submit_result::Result::Problem(problem_out(&problem)),
            };
            results.push(v1::SubmitResult { result: Some(result) });
        }
        Ok(Response::new(v1::SubmitBatchResponse { results }))
    }

    async fn get_job(&self, request: Request<v1::JobRequest>) -> Answer<v1::Job> {
        self.admit(&request, Scope::Submit)?;
        let job = self.0.job(job_id(&request.get_ref().id)?).await?;
        Ok(Response::new(self.job(job).await?))
    }

    async fn wait_job(&self, request: Request<v1::WaitJobRequest>) -> Answer<v1::Job> {
        self.admit(&request, Scope::Submit)?;
        let v1::WaitJobRequest { id, timeout_ms } = request.into_inner();
        let job = self.0.wait(job_id(&id)?, Duration::from_millis(timeout_ms)).await?;
        Ok(Response::new(self.job(job).await?))
    }

    async fn cancel(&self, request: Request<v1::JobRequest>) -> Answer<v1::Job> {
        self.admit(&request, Scope::Submit)?;
        let job = self.0.cancel(job_id(&request.get_ref().id)?).await?;
        Ok(Response::new(self.job(job).await?))
    }

    async fn watch_proofs(
        &self,
        request: Request<v1::WatchProofsRequest>,
    ) -> Answer<Self::WatchProofsStream> {
        self.admit(&request, Scope::Read)?;
        let request = request.into_inner();
        let slow = match request.slow() {
            v1::SlowPolicy::Disconnect => Slow::Disconnect,
            v1::SlowPolicy::Wait => Slow::Wait,
            v1::SlowPolicy::Skip => Slow::Skip,
        };
        let members = request.filter.unwrap_or_default().members;
        if members.len() > MAX_FILTER {
            let reason = "names more than 10000 members";
            return Err(Problem::Invalid { field: "filter", reason }.into());
        }
        let patience = self.0.parts().rules.patience;
        let members = members.into_iter().collect();
        let wants = Subscription { from: request.from_seq, members, slow, patience };
        let proofs = self.0.stream().subscribe(wants, self.0.stopped());
        let out = |item: Result<Arc<ProofRecord>, Problem>| -> Result<v1::Proof, Status> {
            Ok(proof_out(&*item?))
        };
        let proofs: Self::WatchProofsStream = Box::pin(ReceiverStream::new(proofs).map(out));
        Ok(Response::new(proofs))
    }

    async fn reserve_message_ids(
        &self,
        request: Request<v1::ReserveRequest>,
    ) -> Answer<v1::Reservation> {
        self.admit(&request, Scope::Submit)?;
        let v1::ReserveRequest { member, idempotency_key, count, epoch } = request.into_inner();
        let reservation = self.0.reserve(&member, &idempotency_key, count, epoch).await?;
        Ok(Response::new(self.reservation(&reservation)))
    }

    async fn publish(&self, request: Request<v1::PublishRequest>) -> Answer<v1::PublishResponse> {
        self.admit(&request, Scope::Submit)?;
        let v1::PublishRequest { member, message, epoch, proof, subject } = request.into_inner();
        let (seq, double_signal) =
            self.0.publish(&member, &message, epoch, &proof, &subject).await?;
        Ok(Response::new(v1::PublishResponse { seq, double_signal }))
    }

    async fn get_merkle_path(&self, request: Request<v1::MemberRequest>) -> Answer<v1::MerklePath> {
        self.admit(&request, Scope::Read)?;
        let place = self.0.place(&request.get_ref().member).await?;
        let siblings = place.path.siblings().iter().map(|node: &Fr| node.to_bytes().to_vec());
        Ok(Response::new(v1::MerklePath {
            index: place.path.index(),
            siblings: siblings.collect(),
            root: place.root.to_bytes().to_vec(),
            tree: place.tree,
        }))
    }

    async fn get_epoch(&self, request: Request<v1::GetEpochRequest>) -> Answer<v1::EpochInfo> {
        self.admit(&request, Scope::Read)?;
        let parts = self.0.parts();
        let now = parts.clock.now();
        let epoch = parts.schedule.at(now);
        let external = parts.schedule.external_nullifier(epoch);
        Ok(Response::new(v1::EpochInfo {
            epoch: epoch.0,
            begins_ms: parts.schedule.begins(epoch).0,
            ends_ms: parts.schedule.ends(epoch).0,
            now_ms: now.0,
            external_nullifier: external.to_field().to_bytes().to_vec(),
        }))
    }

    async fn verify(&self, request: Request<v1::VerifyRequest>) -> Answer<v1::Verdict> {
        self.admit(&request, Scope::Read)?;
        let request = request.into_inner();
        let mut verdicts = self.verdicts(vec![request]).await?;
        Ok(Response::new(verdicts.pop().ok_or(Problem::Store)?))
    }

    async fn verify_batch(
        &self,
        request: Request<v1::VerifyBatchRequest>,
    ) -> Answer<v1::VerifyBatchResponse> {
        let count = request.get_ref().requests.len();
        check_batch(count)?;
        admit(&self.0, &request, Scope::Read, count)?;
        let verdicts = self.verdicts(request.into_inner().requests).await?;
        Ok(Response::new(v1::VerifyBatchResponse { verdicts }))
    }

    async fn check_nullifier(
        &self,
        request: Request<v1::CheckNullifierRequest>,
    ) -> Answer<v1::CheckNullifierResponse> {
        self.admit(&request, Scope::Read)?;
        let v1::CheckNullifierRequest { nullifier, epoch } = request.into_inner();
        let seen = self.0.is_seen(&nullifier, epoch).await?;
        Ok(Response::new(v1::CheckNullifierResponse { seen }))
    }

    async fn watch_double_signals(
        &self,
        request: Request<v1::WatchDoubleSignalsRequest>,
    ) -> Answer<Self::WatchDoubleSignalsStream> {
        self.admit(&request, Scope::Read)?;
        let (send, receive) = tokio::sync::mpsc::channel::<Result<_, Status>>(16);
        let (service, from) = (Arc::clone(&self.0), request.get_ref().from_seq.max(1));
        tokio::spawn(async move {
            let (mut next, mut stop) = (from, service.stopped());
            let mut changes = service.parts().store.changes();
            while !*stop.borrow() {
                changes.mark_unchanged();
                let page = service.parts().store.double_signals(next, 64).await;
                let page = match page {
                    Ok(page) => page,
                    Err(error) => {
                        send.send(Err(Problem::from(error).into())).await.ok();
                        return;
                    }
                };
                for evidence in &page {
                    next = evidence.seq + 1;
                    if send.send(Ok(evidence_out(evidence))).await.is_err() {
                        return;
                    }
                }
                if page.is_empty() {
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = send.closed() => return,
                        _ = stop.changed() => {}
                    }
                }
            }
        });
        let doubles: Self::WatchDoubleSignalsStream = Box::pin(ReceiverStream::new(receive));
        Ok(Response::new(doubles))
    }

    async fn register(&self, request: Request<v1::RegisterRequest>) -> Answer<v1::Member> {
        self.admit(&request, Scope::Register)?;
        let v1::RegisterRequest { member, commitment, limit, tier } = request.into_inner();
        let member = self.0.register(&member, &commitment, limit, &tier).await?;
        Ok(Response::new(member_out(&member)))
    }

    async fn get_membership(&self, request: Request<v1::MemberRequest>) -> Answer<v1::Member> {
        self.admit(&request, Scope::Read)?;
        Ok(Response::new(member_out(&*self.0.member(&request.get_ref().member).await?)))
    }

    async fn get_quota(&self, request: Request<v1::MemberRequest>) -> Answer<v1::Quota> {
        self.admit(&request, Scope::Read)?;
        let quota = self.0.quota(&request.get_ref().member).await?;
        Ok(Response::new(v1::Quota {
            epoch: quota.epoch.0,
            used: quota.used,
            quota: quota.quota,
            resets_ms: quota.resets.0,
            tier: quota.tier,
            denied: quota.denied,
        }))
    }

    async fn get_version(&self, request: Request<v1::GetVersionRequest>) -> Answer<v1::Version> {
        self.admit(&request, Scope::Read)?;
        Ok(Response::new(version()))
    }
}

impl Grpc {
    /// Verifies on a thread that may compute.
    pub(super) async fn verdicts(
        &self,
        requests: Vec<v1::VerifyRequest>,
    ) -> Result<Vec<v1::Verdict>, Problem> {
        let service = Arc::clone(&self.0);
        let verify = move || {
            let claims: Vec<Claim<'_>> = requests.iter().map(claim_in).collect();
            let checked = service.verify_batch(&claims)?;
            Ok(checked.into_iter().map(|one| verdict_out(one.err())).collect())
        };
        tokio::task::spawn_blocking(verify).await.map_err(|_| Problem::Store)?
    }
}

fn claim_in(request: &v1::VerifyRequest) -> Claim<'_> {
    Claim { message: &request.message, epoch: request.epoch, proof: &request.proof }
}

fn verdict_out(problem: Option<Problem>) -> v1::Verdict {
    let reason = problem.as_ref().map(Problem::to_string);
    v1::Verdict { valid: problem.is_none(), reason: reason.unwrap_or_default() }
}

#[async_trait]
impl v1::rln_admin_server::RlnAdmin for Grpc {
    async fn deny(&self, request: Request<v1::DenyRequest>) -> Answer<v1::DenyResponse> {
        self.admit(&request, Scope::Admin)?;
        let v1::DenyRequest { member, reason, until_ms } = request.into_inner();
        let was_denied = self.0.deny(&member, &reason, until_ms).await?;
        Ok(Response::new(v1::DenyResponse { was_denied }))
    }

    async fn set_kill_switch(
        &self,
        request: Request<v1::KillSwitchRequest>,
    ) -> Answer<v1::KillSwitchResponse> {
        self.admit(&request, Scope::Admin)?;
        let was_on = self.0.kill(request.get_ref().on).await?;
        Ok(Response::new(v1::KillSwitchResponse { was_on }))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Answer<v1::DrainResponse> {
        self.admit(&request, Scope::Admin)?;
        self.0.drain();
        let open = self.0.parts().store.depths().await.map_err(Problem::from)?.open;
        Ok(Response::new(v1::DrainResponse { open_jobs: open }))
    }
}
