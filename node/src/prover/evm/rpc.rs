//! A chain's node over JSON-RPC.

use serde_json::{Value, json};
use thiserror::Error;

use super::contract::Log;
use crate::hex;
use crate::prover::outbound::{Outbound, OutboundError};

/// The longest answer: the logs of one stretch.
const MAX_ANSWER: usize = 32 << 20;
/// Calls in one request.
const BATCH: usize = 100;

/// Why a node did not answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RpcError {
    /// It could not be reached.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// It answered with an error of HTTP.
    #[error("the node answered {0}")]
    Status(u16),
    /// It answered with an error of its own.
    #[error("the node says: {0}")]
    Refused(String),
    /// Its answer is not what was asked for.
    #[error("the node's answer has another form")]
    Form,
}

/// A node that is asked.
#[derive(Clone, Debug)]
pub struct Rpc(Outbound);

impl Rpc {
    /// Asks the node behind `outbound`.
    #[must_use]
    pub const fn new(outbound: Outbound) -> Self {
        Self(outbound)
    }

    /// The chain's number.
    ///
    /// # Errors
    ///
    /// [`RpcError`].
    pub async fn chain(&self) -> Result<u64, RpcError> {
        quantity(&self.call("eth_chainId", json!([])).await?)
    }

    /// The number of the newest block.
    ///
    /// # Errors
    ///
    /// [`RpcError`].
    pub async fn head(&self) -> Result<u64, RpcError> {
        quantity(&self.call("eth_blockNumber", json!([])).await?)
    }

    /// A block's hash; `None` if there is no such block.
    ///
    /// # Errors
    ///
    /// [`RpcError`].
    pub async fn hash(&self, block: u64) -> Result<Option<[u8; 32]>, RpcError> {
        let block = self.call("eth_getBlockByNumber", json!([tag(Some(block)), false])).await?;
        if block.is_null() { Ok(None) } else { word(block.get("hash")).map(Some) }
    }

    /// A contract's log entries in some blocks whose first topic is one of `topics`, in order.
    ///
    /// # Errors
    ///
    /// [`RpcError`].
    pub async fn logs(
        &self,
        address: [u8; 20],
        topics: &[[u8; 32]],
        from: u64,
        to: u64,
    ) -> Result<Vec<Log>, RpcError> {
        let topics: Vec<String> = topics.iter().map(|topic| digits(topic)).collect();
        let filter = json!([{
            "address": digits(&address), "topics": [topics],
            "fromBlock": tag(Some(from)), "toBlock": tag(Some(to)),
        }]);
        let logs = self.call("eth_getLogs", filter).await?;
        let logs = logs.as_array().ok_or(RpcError::Form)?;
        logs.iter().map(|log| log_of(log, address)).collect()
    }

    /// What a contract answers to calls, as of a block or the newest one; `None` for a call that
    /// fails.
    ///
    /// # Errors
    ///
    /// [`RpcError`].
    pub async fn calls(
        &self,
        address: [u8; 20],
        calls: &[Vec<u8>],
        block: Option<u64>,
    ) -> Result<Vec<Option<Vec<u8>>>, RpcError> {
        let mut answers = Vec::with_capacity(calls.len());
        for some in calls.chunks(BATCH) {
            let requests = some.iter().zip(0..).map(|(call, id)| {
                let call = json!([{ "to": digits(&address), "data": digits(call) }, tag(block)]);
                request(id, "eth_call", &call)
            });
            let answer = self.post(Value::Array(requests.collect())).await?;
            let answer = answer.as_array().ok_or(RpcError::Form)?;
            for (_, id) in some.iter().zip(0u64..) {
                let mine = |answer: &&Value| answer.get("id").and_then(Value::as_u64) == Some(id);
                let one = answer.iter().find(mine).ok_or(RpcError::Form)?;
                answers.push(one.get("result").map(|result| bytes(Some(result))).transpose()?);
            }
        }
        Ok(answers)
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, RpcError> {
        let mut answer = self.post(request(0, method, &params)).await?;
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            let message = error.get("message").and_then(Value::as_str).unwrap_or("an error");
            return Err(RpcError::Refused(message.chars().take(200).collect()));
        }
        answer.get_mut("result").map(Value::take).ok_or(RpcError::Form)
    }

    async fn post(&self, body: Value) -> Result<Value, RpcError> {
        let (status, answer) = self.0.post(body.to_string(), MAX_ANSWER).await?;
        if !status.is_success() {
            return Err(RpcError::Status(status.as_u16()));
        }
        serde_json::from_slice(&answer).map_err(|_| RpcError::Form)
    }
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn tag(block: Option<u64>) -> String {
    block.map_or_else(|| "latest".to_owned(), |block| format!("{block:#x}"))
}

fn digits(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn log_of(log: &Value, address: [u8; 20]) -> Result<Log, RpcError> {
    let is_removed = log.get("removed").and_then(Value::as_bool).unwrap_or_default();
    if is_removed || bytes(log.get("address"))? != address {
        return Err(RpcError::Form);
    }
    let topics = log.get("topics").and_then(Value::as_array).ok_or(RpcError::Form)?;
    let field = |name| log.get(name).ok_or(RpcError::Form).and_then(quantity);
    Ok(Log {
        block: field("blockNumber")?,
        index: field("logIndex")?,
        topics: topics.iter().map(|topic| word(Some(topic))).collect::<Result<_, _>>()?,
        data: bytes(log.get("data"))?,
    })
}

fn quantity(value: &Value) -> Result<u64, RpcError> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x")).ok_or(RpcError::Form)?;
    u64::from_str_radix(digits, 16).map_err(|_| RpcError::Form)
}

fn bytes(value: Option<&Value>) -> Result<Vec<u8>, RpcError> {
    let text = value.and_then(Value::as_str).and_then(|text| text.strip_prefix("0x"));
    let bytes = hex::decode(text.ok_or(RpcError::Form)?).map_err(|_| RpcError::Form)?;
    Ok(bytes.to_vec())
}

fn word(value: Option<&Value>) -> Result<[u8; 32], RpcError> {
    bytes(value)?.try_into().map_err(|_| RpcError::Form)
}
