//! What can be asked of the control plane.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};

use super::channels::{self, Channels};
use super::guard::{self, Token};
use crate::channel::MAX_MESSAGE_BYTES;
use crate::delivery::Capability;
use crate::delivery::node::{Envelope, Node, SendError, Stopped};
use crate::delivery::request::{Outcome, Progress, RequestId};
use crate::delivery::shared::Health;
use crate::delivery::status::NodeStatus;
use crate::delivery::supervise::{ServiceState, ServiceStatus, Services};
use crate::hex;
use crate::wire::WakuMessage;

/// The one path that needs no token.
pub(super) const HEALTH: &str = "/health";

#[derive(Clone)]
pub(super) struct Context {
    pub(super) node: Node,
    services: Services,
    pub(super) channels: Arc<Channels>,
}

pub(super) fn router(
    node: Node,
    services: Services,
    channels: Arc<Channels>,
    token: Token,
) -> Router {
    Router::new()
        .route(HEALTH, get(health))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/messages", post(send))
        .route("/messages/{request}", get(progress))
        .route("/peers", post(dial))
        .route("/offers/{capability}", get(offers))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .merge(channel_routes())
        .with_state(Context { node, services, channels })
        .layer(middleware::from_fn_with_state(Arc::new(token), guard::check))
}

fn channel_routes() -> Router<Context> {
    Router::new()
        .route("/channels", post(channels::open))
        .route("/channels/{id}", delete(channels::close))
        .route("/channels/{id}/messages", post(channels::send).get(channels::next))
        .route("/channels/{id}/messages/{request}", get(channels::outcome))
        .layer(DefaultBodyLimit::max(2 * MAX_MESSAGE_BYTES + 4096))
}

/// A message in hexadecimal, and what is around it.
const MAX_BODY_BYTES: usize = 2 * WakuMessage::MAX_ENCODED_BYTES + 4096;

async fn health(State(context): State<Context>) -> Response {
    let health = *context.node.health().borrow();
    let code = match health {
        Health::Disconnected => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    };
    (code, Json(BTreeMap::from([("health", health)]))).into_response()
}

async fn metrics(State(context): State<Context>) -> Result<Response, Refusal> {
    let status = context.node.status().await?;
    let mut text = String::new();
    for (name, meaning, value) in context.node.counters() {
        metric(&mut text, name, "counter", meaning, value);
    }
    let gauges = [
        ("peers", "Connected peers", status.peers.len()),
        ("relay_peers", "Peers that share a topic of gossip", status.relay_peers),
        ("sends_under_way", "Sends that have not ended", status.sends_under_way),
        ("filter_subscribers", "Peers that are filtered for", status.filter_subscribers),
    ];
    for (name, meaning, value) in gauges {
        metric(&mut text, name, "gauge", meaning, value as u64);
    }
    services(&mut text, &context.services.all());
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

fn metric(text: &mut String, name: &str, kind: &str, meaning: &str, value: u64) {
    // Writing to a string cannot fail.
    write!(
        text,
        "# HELP logos_{name} {meaning}\n# TYPE logos_{name} {kind}\nlogos_{name} {value}\n"
    )
    .ok();
}

fn services(text: &mut String, services: &BTreeMap<&'static str, ServiceStatus>) {
    text.push_str("# HELP logos_service_up Does the service run?\n# TYPE logos_service_up gauge\n");
    for (name, status) in services {
        let up = u8::from(status.state == ServiceState::Running);
        writeln!(text, "logos_service_up{{service=\"{name}\"}} {up}").ok();
    }
    text.push_str(
        "# HELP logos_service_restarts How often the service was started again\n\
         # TYPE logos_service_restarts counter\n",
    );
    for (name, status) in services {
        let restarts = status.restarts;
        writeln!(text, "logos_service_restarts{{service=\"{name}\"}} {restarts}").ok();
    }
}

#[derive(Serialize)]
struct Status {
    node: NodeStatus,
    services: BTreeMap<&'static str, ServiceStatus>,
    counters: BTreeMap<&'static str, u64>,
}

async fn status(State(context): State<Context>) -> Result<Json<Status>, Refusal> {
    let node = context.node.status().await?;
    let counters = context.node.counters();
    let counters = counters.into_iter().map(|(name, _, value)| (name, value)).collect();
    Ok(Json(Status { node, services: context.services.all(), counters }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    content_topic: String,
    payload: String,
    #[serde(default)]
    ephemeral: bool,
}

#[derive(Serialize)]
struct Accepted {
    request: String,
}

async fn send(
    State(context): State<Context>,
    Json(message): Json<Message>,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let topic = message.content_topic.parse().map_err(Refusal::bad)?;
    let payload = hex::decode(&message.payload).map_err(Refusal::bad)?.to_vec();
    let envelope = Envelope { topic, payload, meta: Vec::new(), ephemeral: message.ephemeral };
    let request = context.node.send_envelope(envelope).await?.to_string();
    Ok((StatusCode::ACCEPTED, Json(Accepted { request })))
}

#[derive(Serialize)]
struct SendStatus {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    ended: bool,
}

async fn progress(
    State(context): State<Context>,
    Path(request): Path<String>,
) -> Result<Json<SendStatus>, Refusal> {
    let id = u64::from_str_radix(&request, 16).map_err(Refusal::bad)?;
    let progress = context.node.progress(RequestId::new(id));
    let progress = progress.map_err(|error| Refusal(StatusCode::NOT_FOUND, error.to_string()))?;
    let progress = *progress.borrow();
    Ok(Json(describe(progress)))
}

fn describe(progress: Progress) -> SendStatus {
    let (state, peers, reason, ended) = match progress {
        Progress::Accepted => ("accepted", None, None, false),
        Progress::Propagated { peers } => ("propagated", Some(peers), None, false),
        Progress::Stored => ("stored", None, None, false),
        Progress::Ended(Outcome::Propagated { peers }) => ("propagated", Some(peers), None, true),
        Progress::Ended(Outcome::Stored) => ("stored", None, None, true),
        Progress::Ended(Outcome::Failed(failure)) => {
            ("failed", None, Some(failure.to_string()), true)
        }
    };
    SendStatus { state, peers, reason, ended }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peer {
    address: String,
}

async fn dial(
    State(context): State<Context>,
    Json(peer): Json<Peer>,
) -> Result<StatusCode, Refusal> {
    context.node.dial(peer.address.parse().map_err(Refusal::bad)?).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn offers(
    State(context): State<Context>,
    Path(capability): Path<Capability>,
) -> Result<Json<Vec<String>>, Refusal> {
    let addresses = context.node.who_offers(capability).await?;
    Ok(Json(addresses.iter().map(ToString::to_string).collect()))
}

/// Why a request was not carried out.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

impl Refusal {
    pub(super) fn bad(error: impl core::fmt::Display) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<Stopped> for Refusal {
    fn from(stopped: Stopped) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, stopped.to_string())
    }
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Self {
        let code = match error {
            SendError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            SendError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            SendError::Stopped(_) => StatusCode::SERVICE_UNAVAILABLE,
            SendError::MetaTooLong { .. } => StatusCode::BAD_REQUEST,
        };
        Self(code, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(BTreeMap::from([("error", self.1)]))).into_response()
    }
}
