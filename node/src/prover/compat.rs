//! `prover.RlnProver`, so that clients of the deployed Status prover work unchanged.
//!
//! | theirs | ours |
//! |---|---|
//! | `transactionHash` | the message, the idempotency key and the subject |
//! | `sender` | the member's name: 20 bytes |
//! | `estimated_gas_used` | message ids: one for each begun `gas_per_id`, at most [`MAX_IDS`] |
//! | `RlnProof.proof` | the 288 bytes of zerokit 0.9 |
//! | `GetUserTierInfo` | the member's quota, errors inside the reply as theirs |

use std::pin::Pin;
use std::sync::Arc;

use logos_rln::RlnProof;
use logos_rln::wire::Frame;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, async_trait};

use super::access::Scope;
use super::epoch::Millis;
use super::grpc::admit;
use super::job::ProofRecord;
use super::problem::Problem;
use super::service::{Order, Service};
use super::stream::{Slow, Subscription};
use super::wire::status::{self, rln_prover_server::RlnProver};
use super::workshop::MAX_IDS;

type Answer<T> = Result<Response<T>, Status>;

/// The service behind the interface of the Status prover.
#[derive(Clone, Debug)]
pub struct Compat {
    service: Arc<Service>,
    gas_per_id: u64,
}

impl Compat {
    /// Gas that one message id pays for in the deployed prover.
    pub const GAS_PER_ID: u64 = 100_000;

    /// The service, with one message id for each begun `gas_per_id`.
    #[must_use]
    pub fn new(service: Arc<Service>, gas_per_id: u64) -> Self {
        Self { service, gas_per_id: gas_per_id.max(1) }
    }

    fn order(&self, request: status::SendTransactionRequest) -> Result<Order, Problem> {
        let sender = address(request.sender)?;
        let hash = request.transaction_hash;
        if hash.len() != 32 {
            let reason = "has not 32 bytes";
            return Err(Problem::Invalid { field: "transactionHash", reason });
        }
        let ids = request.estimated_gas_used.div_ceil(self.gas_per_id).max(1);
        Ok(Order {
            member: sender,
            message: hash.clone(),
            key: hash.clone(),
            ids: u32::try_from(ids).unwrap_or(u32::MAX),
            subject: hash,
            ..Order::default()
        })
    }
}

fn address(address: Option<status::Address>) -> Result<Vec<u8>, Problem> {
    let reason = "has not 20 bytes";
    let value = address.unwrap_or_default().value;
    if value.len() == 20 { Ok(value) } else { Err(Problem::Invalid { field: "address", reason }) }
}

/// `0x` and digits, or digits alone, as a member's name.
fn named(text: &str) -> Option<Vec<u8>> {
    crate::hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok().map(|name| name.to_vec())
}

/// A proof in the frame the clients know; several message ids have none there.
fn proof_out(record: &ProofRecord) -> Option<status::RlnProofReply> {
    let proof = RlnProof::from_bytes(&record.proof).ok()?.to_frame(Frame::V0_9).ok()?;
    let (sender, tx_hash) = (record.sender.clone(), record.subject.clone());
    let proof = status::RlnProof { sender, tx_hash, proof, epoch: record.epoch.0 };
    Some(status::RlnProofReply { resp: Some(status::rln_proof_reply::Resp::Proof(proof)) })
}

#[async_trait]
impl RlnProver for Compat {
    type GetProofsStream =
        Pin<Box<dyn Stream<Item = Result<status::RlnProofReply, Status>> + Send>>;

    async fn send_transaction(
        &self,
        request: Request<status::SendTransactionRequest>,
    ) -> Answer<status::SendTransactionReply> {
        admit(&self.service, &request, Scope::Submit, 1)?;
        let parent = request.extensions().get().copied();
        let order = Order { parent, ..self.order(request.into_inner())? };
        if order.ids > MAX_IDS {
            let reason = "costs more message ids than one proof burns";
            return Err(Problem::Invalid { field: "estimated_gas_used", reason }.into());
        }
        self.service.submit(&[order]).await?.pop().ok_or(Problem::Store)??;
        Ok(Response::new(status::SendTransactionReply { result: true }))
    }

    async fn get_proofs(
        &self,
        request: Request<status::RlnProofFilter>,
    ) -> Answer<Self::GetProofsStream> {
        admit(&self.service, &request, Scope::Read, 1)?;
        let members = request.into_inner().address.as_deref().and_then(named);
        let wants = Subscription {
            members: members.into_iter().collect(),
            // These clients cannot resume, so nothing is left out for them.
            slow: Slow::Wait,
            ..Subscription::default()
        };
        let proofs = self.service.stream().subscribe(wants, self.service.stopped());
        let out = |item| -> Option<Result<status::RlnProofReply, Status>> {
            let item: Result<Arc<ProofRecord>, Problem> = item;
            match item {
                Ok(record) => proof_out(&record).map(Ok),
                Err(problem) => Some(Err(problem.into())),
            }
        };
        let proofs: Self::GetProofsStream = Box::pin(ReceiverStream::new(proofs).filter_map(out));
        Ok(Response::new(proofs))
    }

    async fn get_user_tier_info(
        &self,
        request: Request<status::GetUserTierInfoRequest>,
    ) -> Answer<status::GetUserTierInfoReply> {
        use status::get_user_tier_info_reply::Resp;
        admit(&self.service, &request, Scope::Read, 1)?;
        let user = address(request.into_inner().user)?;
        let resp = match self.service.quota(&user).await {
            Ok(quota) => Resp::Res(status::UserTierInfoResult {
                current_epoch: i64::try_from(quota.epoch.0).unwrap_or(i64::MAX),
                current_epoch_slice: 0,
                tx_count: quota.used.into(),
                tier: Some(status::Tier { name: quota.tier, quota: quota.quota }),
            }),
            Err(problem) => Resp::Error(status::UserTierInfoError { message: problem.to_string() }),
        };
        Ok(Response::new(status::GetUserTierInfoReply { resp: Some(resp) }))
    }

    async fn is_denied(
        &self,
        request: Request<status::IsDeniedRequest>,
    ) -> Answer<status::IsDeniedReply> {
        admit(&self.service, &request, Scope::Read, 1)?;
        let entry = self.entry(request.into_inner().address).await?;
        Ok(Response::new(status::IsDeniedReply { is_denied: entry.is_some() }))
    }

    async fn add_to_deny_list(
        &self,
        request: Request<status::AddToDenyListRequest>,
    ) -> Answer<status::AddToDenyListReply> {
        admit(&self.service, &request, Scope::Admin, 1)?;
        let status::AddToDenyListRequest { address: who, reason, ttl_seconds, denied_epoch } =
            request.into_inner();
        let name = address(who)?;
        let now = self.service.parts().clock.now();
        let positive = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0);
        let until = match (positive(denied_epoch), ttl_seconds) {
            (Some(epoch), _) => self.service.parts().schedule.ends(super::Epoch(epoch)),
            (None, Some(seconds)) => {
                now.plus(positive(seconds).unwrap_or_default().saturating_mul(1000))
            }
            (None, None) => Millis::MAX,
        };
        let was_there =
            self.service.deny(&name, reason.as_deref().unwrap_or_default(), until.0).await?;
        Ok(Response::new(status::AddToDenyListReply { success: true, was_new: !was_there }))
    }

    async fn remove_from_deny_list(
        &self,
        request: Request<status::RemoveFromDenyListRequest>,
    ) -> Answer<status::RemoveFromDenyListReply> {
        admit(&self.service, &request, Scope::Admin, 1)?;
        let request = request.into_inner();
        if request.reset_epoch_counter == Some(true) {
            // Ids of an epoch that were used cannot be used again in it.
            let reason = "message ids are never issued again";
            return Err(Problem::Invalid { field: "reset_epoch_counter", reason }.into());
        }
        let was_present = self.service.deny(&address(request.address)?, "", 0).await?;
        Ok(Response::new(status::RemoveFromDenyListReply { success: true, was_present }))
    }

    async fn get_deny_list_entry(
        &self,
        request: Request<status::GetDenyListEntryRequest>,
    ) -> Answer<status::GetDenyListEntryReply> {
        use status::get_deny_list_entry_reply::Resp;
        admit(&self.service, &request, Scope::Read, 1)?;
        let schedule = &self.service.parts().schedule;
        let entry = self.entry(request.into_inner().address).await?;
        let seconds = |at: Millis| i64::try_from(at.0 / 1000).unwrap_or(i64::MAX);
        let resp = match entry {
            Some(entry) => Resp::Entry(status::DenyListEntry {
                address: format!("0x{}", crate::hex::encode(&entry.name)),
                denied_at: seconds(entry.since),
                expires_at: (entry.until < Millis::MAX).then(|| seconds(entry.until)),
                reason: Some(entry.reason),
                epoch: i64::try_from(schedule.at(entry.since).0).unwrap_or(i64::MAX),
            }),
            None => Resp::Error(status::DenyListError { message: "not denied".to_owned() }),
        };
        Ok(Response::new(status::GetDenyListEntryReply { resp: Some(resp) }))
    }

    async fn check_nullifier(
        &self,
        request: Request<status::CheckNullifierRequest>,
    ) -> Answer<status::CheckNullifierReply> {
        admit(&self.service, &request, Scope::Read, 1)?;
        let status::CheckNullifierRequest { nullifier, epoch } = request.into_inner();
        let exists = self.service.is_seen(&nullifier, epoch_in(epoch)).await?;
        Ok(Response::new(status::CheckNullifierReply { exists }))
    }

    async fn record_nullifier(
        &self,
        request: Request<status::RecordNullifierRequest>,
    ) -> Answer<status::RecordNullifierReply> {
        admit(&self.service, &request, Scope::Submit, 1)?;
        let status::RecordNullifierRequest { nullifier, epoch } = request.into_inner();
        let recorded = self.service.note_nullifier(&nullifier, epoch_in(epoch)).await?;
        Ok(Response::new(status::RecordNullifierReply { recorded }))
    }

    async fn check_and_record_nullifier(
        &self,
        request: Request<status::CheckAndRecordNullifierRequest>,
    ) -> Answer<status::CheckAndRecordNullifierReply> {
        admit(&self.service, &request, Scope::Submit, 1)?;
        let status::CheckAndRecordNullifierRequest { nullifier, epoch } = request.into_inner();
        let is_valid = self.service.note_nullifier(&nullifier, epoch_in(epoch)).await?;
        Ok(Response::new(status::CheckAndRecordNullifierReply { is_valid }))
    }
}

/// Their epochs have a sign; none is before 0.
fn epoch_in(epoch: i64) -> u64 {
    u64::try_from(epoch).unwrap_or_default()
}

impl Compat {
    async fn entry(&self, who: Option<status::Address>) -> Result<Option<super::Denied>, Problem> {
        let parts = self.service.parts();
        let entry = parts.store.denied(&address(who)?).await?;
        Ok(entry.filter(|entry| entry.until > parts.clock.now()))
    }
}
