//! Reliable channels for programs that speak HTTP.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use logos_crypto::keys::SigningKey;
use logos_crypto::secret::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::routes::{Context, Refusal};
use crate::channel::{
    Author, ChannelEvent, ChannelId, ChannelNews, ChannelReader, ChannelRequestId, ChannelSettings,
    MemoryChannel, NodeChannel, NodeChannelError, Outcome,
};
use crate::hex;
use crate::os_seeded;
use crate::store::{Records, RedbChannel};

/// Channels that are open at once.
const MAX_OPEN: usize = 64;
/// How long a request for the next message waits for one.
const WAIT: Duration = Duration::from_secs(20);
/// How long a request for an outcome waits for it.
const GLANCE: Duration = Duration::from_millis(50);

/// The channels that programs have opened.
#[derive(Debug, Default)]
pub(super) struct Channels {
    records: Option<Records>,
    open: Mutex<HashMap<String, Arc<Open>>>,
}

#[derive(Debug)]
struct Open {
    channel: NodeChannel,
    reader: Mutex<ChannelReader>,
}

impl Channels {
    /// Channels that are kept in `records`; without, they end with the process.
    pub(super) fn new(records: Option<Records>) -> Self {
        Self { records, open: Mutex::default() }
    }

    async fn find(&self, id: &str) -> Result<Arc<Open>, Refusal> {
        let open = self.open.lock().await.get(id).cloned();
        open.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("{id} is not open")))
    }
}

/// What opens a channel.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    id: String,
    secret: String,
    key: String,
}

#[derive(Serialize)]
pub(super) struct Opened {
    /// Under which name its members know us.
    name: String,
}

pub(super) async fn open(
    State(context): State<Context>,
    Json(opening): Json<Opening>,
) -> Result<(StatusCode, Json<Opened>), Refusal> {
    let Opening { id, secret, key } = opening;
    let (secret, key) = (Zeroizing::new(secret), Zeroizing::new(key));
    let name = ChannelId::new(&id).ok_or_else(|| Refusal::bad("not the name of a channel"))?;
    let author = Author::Signed(SigningKey::from_secret(&read_secret(&key)?));
    let opened = Opened { name: author.id().as_str().to_owned() };
    let settings = ChannelSettings::new(name.clone(), author, &read_secret(&secret)?);
    let mut channels = context.channels.open.lock().await;
    if channels.contains_key(&id) {
        return Err(Refusal(StatusCode::CONFLICT, format!("{id} is open")));
    }
    if channels.len() >= MAX_OPEN {
        let reason = format!("{MAX_OPEN} channels are open");
        return Err(Refusal(StatusCode::TOO_MANY_REQUESTS, reason));
    }
    let failed = |error: &dyn core::fmt::Display| {
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    };
    let (channel, reader) = match context.channels.records.clone() {
        Some(records) => {
            let rng = os_seeded().map_err(|error| failed(&error))?;
            let store = RedbChannel::new(records, &name, rng);
            NodeChannel::open(&context.node, settings, store).map_err(|error| failed(&error))?
        }
        None => NodeChannel::open(&context.node, settings, MemoryChannel::default())
            .map_err(|error| failed(&error))?,
    };
    channels.insert(id, Arc::new(Open { channel, reader: Mutex::new(reader) }));
    Ok((StatusCode::CREATED, Json(opened)))
}

fn read_secret(digits: &str) -> Result<Secret<32>, Refusal> {
    let bytes = hex::decode(digits).map_err(Refusal::bad)?;
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(
        bytes.as_slice().try_into().map_err(|_| Refusal::bad("a secret has 64 digits"))?,
    );
    Ok(Secret::new(*bytes))
}

/// A message to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    payload: String,
    #[serde(default)]
    ephemeral: bool,
}

#[derive(Serialize)]
pub(super) struct Accepted {
    /// Names the message, unless it is ephemeral.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
}

pub(super) async fn send(
    State(context): State<Context>,
    Path(id): Path<String>,
    Json(message): Json<Message>,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let open = context.channels.find(&id).await?;
    let payload = hex::decode(&message.payload).map_err(Refusal::bad)?.to_vec();
    let request = if message.ephemeral {
        open.channel.send_ephemeral(payload).await?;
        None
    } else {
        Some(open.channel.send(payload).await?.number())
    };
    Ok((StatusCode::ACCEPTED, Json(Accepted { request })))
}

#[derive(Serialize)]
pub(super) struct Ended {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

pub(super) async fn outcome(
    State(context): State<Context>,
    Path((id, request)): Path<(String, u64)>,
) -> Result<Json<Ended>, Refusal> {
    let open = context.channels.find(&id).await?;
    let outcome = open.channel.outcome(ChannelRequestId::new(request));
    let (state, by) = match timeout(GLANCE, outcome).await {
        Err(_) => ("accepted", None),
        Ok(outcome) => match outcome? {
            Outcome::Acked { by } => ("acked", Some(by.as_str().to_owned())),
            Outcome::Unacknowledged => ("unacknowledged", None),
        },
    };
    Ok(Json(Ended { state, by }))
}

/// What a channel heard.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum News {
    Message { sender: String, payload: String },
    Ephemeral { sender: String, payload: String },
    Lost { message: String },
    Dropped { sender: String },
}

pub(super) async fn next(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let open = context.channels.find(&id).await?;
    let mut reader = open.reader.lock().await;
    let waiting = async {
        loop {
            match reader.next().await {
                Some(news) => match describe(news) {
                    Some(news) => break Some(news),
                    None => continue,
                },
                None => break None,
            }
        }
    };
    match timeout(WAIT, waiting).await {
        Err(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(Some(news)) => Ok(Json(news).into_response()),
        Ok(None) => Err(NodeChannelError::Closed.into()),
    }
}

fn describe(news: ChannelNews) -> Option<News> {
    Some(match news {
        ChannelNews::Event(ChannelEvent::Message { sender, payload }) => {
            News::Message { sender: sender.as_str().to_owned(), payload: hex::encode(&payload) }
        }
        ChannelNews::Ephemeral { sender, payload } => {
            News::Ephemeral { sender: sender.as_str().to_owned(), payload: hex::encode(&payload) }
        }
        ChannelNews::Event(ChannelEvent::Lost { id, .. }) => {
            News::Lost { message: id.as_str().to_owned() }
        }
        ChannelNews::Event(ChannelEvent::Dropped { sender, .. }) => {
            News::Dropped { sender: sender.as_str().to_owned() }
        }
        // Outcomes are asked for by their message.
        ChannelNews::Event(ChannelEvent::Outcome { .. }) => return None,
    })
}

pub(super) async fn close(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let closed = context.channels.open.lock().await.remove(&id);
    let closed = closed.ok_or_else(|| Refusal(StatusCode::NOT_FOUND, format!("{id} is not open")));
    closed?.channel.clone().close().await;
    Ok(StatusCode::NO_CONTENT)
}

impl From<NodeChannelError> for Refusal {
    fn from(error: NodeChannelError) -> Self {
        let code = match &error {
            NodeChannelError::Send(_) => StatusCode::PAYLOAD_TOO_LARGE,
            NodeChannelError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            NodeChannelError::Closed => StatusCode::GONE,
            NodeChannelError::Unknown(_) => StatusCode::NOT_FOUND,
        };
        Self(code, error.to_string())
    }
}
