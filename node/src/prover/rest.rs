//! The same service over REST, described by OpenAPI at `/openapi.json`.
//!
//! Bytes are hexadecimal digits. Errors are `{"reason", "message", "retry_after_ms"}` with the
//! status of the table in [`Problem`].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::access::{Caller, Scope};
use super::grpc::{Grpc, admit_caller, job_id, order_in, version};
use super::problem::Problem;
use super::service::Service;
use super::trace::TraceParent;
use super::wire::v1;
use crate::hex;

/// A problem as JSON.
#[derive(Debug, Serialize, ToSchema)]
struct ProblemBody {
    /// As in gRPC's ErrorInfo
    reason: &'static str,
    message: String,
    /// When trying again may help
    retry_after_ms: Option<u64>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.http()).unwrap_or(StatusCode::BAD_REQUEST);
        let retry = self.retry().map(|retry| retry.as_millis());
        let retry_after_ms = retry.map(|retry| u64::try_from(retry).unwrap_or(u64::MAX));
        let body = ProblemBody { reason: self.reason(), message: self.to_string(), retry_after_ms };
        let mut response = (status, Json(body)).into_response();
        if let Some(retry) = retry_after_ms {
            let seconds = header::HeaderValue::from(retry.div_ceil(1000));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// A request for a proof.
#[derive(Debug, Deserialize, ToSchema)]
struct SubmitBody {
    /// The member's name, hexadecimal
    member: String,
    /// What the proof is about, hexadecimal
    message: String,
    #[serde(default)]
    idempotency_key: String,
    #[serde(default)]
    message_ids: u32,
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    deadline_ms: u64,
    #[serde(default)]
    subject: String,
    /// Answer with the proof before it is recorded, if it can be made at once
    #[serde(default)]
    early: bool,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
struct JobBody {
    id: String,
    /// queued, proving, proved, done, failed, expired or cancelled
    state: &'static str,
    reason: String,
    epoch: u64,
    first_id: u32,
    count: u32,
    created_ms: u64,
    deadline_ms: u64,
    /// Its place in the stream, when it is done
    seq: Option<u64>,
    /// The proof, when it is proved or done
    proof: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WaitQuery {
    #[serde(default)]
    wait_ms: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
struct RegisterBody {
    member: String,
    /// Empty: the service draws an identity and keeps its secret sealed
    #[serde(default)]
    commitment: String,
    limit: u32,
    #[serde(default)]
    tier: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct MemberBody {
    member: String,
    index: u64,
    commitment: String,
    limit: u32,
    tier: String,
    custodial: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct QuotaBody {
    epoch: u64,
    used: u32,
    quota: u32,
    resets_ms: u64,
    tier: String,
    denied: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
struct VerifyBody {
    proof: String,
    message: String,
    #[serde(default)]
    epoch: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct VerdictBody {
    valid: bool,
    reason: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct VersionBody {
    service: String,
    circuit: String,
    /// SHA-256 of the published proving key
    key_hash: String,
    tree_depth: u32,
    max_message_ids: u32,
    max_limit: u64,
}

/// The description of these paths.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "RLN prover service", description = "Message ids, proofs, membership"),
    paths(submit, job, cancel, register, member, quota, verify, show_version)
)]
struct Description;

/// All paths of the service.
pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/jobs", post(submit))
        .route("/v1/jobs/{id}", get(job).delete(cancel))
        .route("/v1/members", post(register))
        .route("/v1/members/{name}", get(member))
        .route("/v1/members/{name}/quota", get(quota))
        .route("/v1/verify", post(verify))
        .route("/version", get(show_version))
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(|| async { Json(Description::openapi()) }))
        .route("/", get(status_page))
        .with_state(Grpc(service))
}

/// Do these paths need no token? They say nothing of members.
pub(super) fn is_open(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz" | "/version" | "/openapi.json" | "/" | "/metrics")
        || path.starts_with("/grpc.health.v1.")
}

fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>, Problem> {
    let invalid = |_| Problem::Invalid { field, reason: "is not hexadecimal" };
    hex::decode(text).map(|bytes| bytes.to_vec()).map_err(invalid)
}

fn job_out(job: v1::Job) -> Json<JobBody> {
    let state = match job.state() {
        v1::JobState::Proving => "proving",
        v1::JobState::Proved => "proved",
        v1::JobState::Done => "done",
        v1::JobState::Failed => "failed",
        v1::JobState::Expired => "expired",
        v1::JobState::Cancelled => "cancelled",
        _ => "queued",
    };
    let reservation = job.reservation.unwrap_or_default();
    Json(JobBody {
        id: hex::encode(&job.id),
        state,
        reason: job.reason,
        epoch: reservation.epoch,
        first_id: reservation.first_id,
        count: reservation.count,
        created_ms: job.created_ms,
        deadline_ms: job.deadline_ms,
        seq: job.proof.as_ref().map(|proof| proof.seq).filter(|seq| *seq != 0),
        proof: job.proof.map(|proof| hex::encode(&proof.proof)),
    })
}

/// Queues a proof; asking again with the same key returns the same job
#[utoipa::path(post, path = "/v1/jobs", request_body = SubmitBody,
    responses((status = 200, body = JobBody), (status = "4XX", body = ProblemBody)))]
async fn submit(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    parent: Option<Extension<TraceParent>>,
    Json(body): Json<SubmitBody>,
) -> Result<Json<JobBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Submit, 1)?;
    let request = v1::SubmitRequest {
        member: bytes("member", &body.member)?,
        message: bytes("message", &body.message)?,
        idempotency_key: bytes("idempotency_key", &body.idempotency_key)?,
        message_ids: body.message_ids,
        epoch: body.epoch,
        deadline_ms: body.deadline_ms,
        subject: bytes("subject", &body.subject)?,
        early: body.early,
    };
    let order = order_in(request, parent.map(|Extension(parent)| parent));
    let job = grpc.0.submit(&[order]).await?.pop().ok_or(Problem::Store)??;
    Ok(job_out(grpc.job(job).await?))
}

/// A job; `wait_ms` waits for its end
#[utoipa::path(get, path = "/v1/jobs/{id}", params(("id" = String, Path)),
    responses((status = 200, body = JobBody), (status = 404, body = ProblemBody)))]
async fn job(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Json<JobBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Submit, 1)?;
    let id = job_id(&bytes("id", &id)?)?;
    let job = grpc.0.wait(id, Duration::from_millis(query.wait_ms)).await?;
    Ok(job_out(grpc.job(job).await?))
}

/// Gives a job up; its message ids stay used
#[utoipa::path(delete, path = "/v1/jobs/{id}", params(("id" = String, Path)),
    responses((status = 200, body = JobBody), (status = 404, body = ProblemBody)))]
async fn cancel(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<JobBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Submit, 1)?;
    let job = grpc.0.cancel(job_id(&bytes("id", &id)?)?).await?;
    Ok(job_out(grpc.job(job).await?))
}

/// Registers a member
#[utoipa::path(post, path = "/v1/members", request_body = RegisterBody,
    responses((status = 200, body = MemberBody), (status = "4XX", body = ProblemBody)))]
async fn register(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<RegisterBody>,
) -> Result<Json<MemberBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Register, 1)?;
    let (name, commitment) =
        (bytes("member", &body.member)?, bytes("commitment", &body.commitment)?);
    let member = grpc.0.register(&name, &commitment, body.limit, &body.tier).await?;
    Ok(Json(member_body(&member)))
}

fn member_body(member: &super::MemberRecord) -> MemberBody {
    MemberBody {
        member: hex::encode(&member.name),
        index: member.index,
        commitment: hex::encode(&member.member.0),
        limit: member.limit,
        tier: member.tier.clone(),
        custodial: member.sealed.is_some(),
    }
}

/// A member
#[utoipa::path(get, path = "/v1/members/{name}", params(("name" = String, Path)),
    responses((status = 200, body = MemberBody), (status = 404, body = ProblemBody)))]
async fn member(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<MemberBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Read, 1)?;
    Ok(Json(member_body(&*grpc.0.member(&bytes("name", &name)?).await?)))
}

/// How much of its quota a member has used
#[utoipa::path(get, path = "/v1/members/{name}/quota", params(("name" = String, Path)),
    responses((status = 200, body = QuotaBody), (status = 404, body = ProblemBody)))]
async fn quota(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<Json<QuotaBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Read, 1)?;
    let quota = grpc.0.quota(&bytes("name", &name)?).await?;
    Ok(Json(QuotaBody {
        epoch: quota.epoch.0,
        used: quota.used,
        quota: quota.quota,
        resets_ms: quota.resets.0,
        tier: quota.tier,
        denied: quota.denied,
    }))
}

/// Checks a proof: root window, message, epoch
#[utoipa::path(post, path = "/v1/verify", request_body = VerifyBody,
    responses((status = 200, body = VerdictBody), (status = "4XX", body = ProblemBody)))]
async fn verify(
    State(grpc): State<Grpc>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<VerifyBody>,
) -> Result<Json<VerdictBody>, Problem> {
    admit_caller(&grpc.0, &caller, Scope::Read, 1)?;
    let request = v1::VerifyRequest {
        proof: bytes("proof", &body.proof)?,
        message: bytes("message", &body.message)?,
        epoch: body.epoch,
    };
    let verdict = grpc.verdicts(vec![request]).await?.pop().ok_or(Problem::Store)?;
    Ok(Json(VerdictBody { valid: verdict.valid, reason: verdict.reason }))
}

/// Which circuit and key
#[utoipa::path(get, path = "/version", responses((status = 200, body = VersionBody)))]
async fn show_version() -> Json<VersionBody> {
    let version = version();
    Json(VersionBody {
        service: version.service,
        circuit: version.circuit,
        key_hash: hex::encode(&version.key_hash),
        tree_depth: version.tree_depth,
        max_message_ids: version.max_message_ids,
        max_limit: version.max_limit,
    })
}

async fn ready(State(grpc): State<Grpc>) -> Response {
    match grpc.0.parts().store.depths().await {
        Ok(_) if grpc.0.is_ready() => "ready".into_response(),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, "draining or stopped").into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no store").into_response(),
    }
}

async fn metrics(State(grpc): State<Grpc>) -> Response {
    let format = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (format, grpc.0.parts().metrics.render()).into_response()
}

async fn status_page() -> Html<&'static str> {
    Html(include_str!("status.html"))
}
