//! `logos status`

use core::time::Duration;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use logos_node::delivery::Token;
use serde_json::Value;
use zeroize::Zeroizing;

use super::Answer;
use super::console::Console;

/// Asks a running node how it is. Ends with 0 if messages get through, and with 1 if not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  logos status --api 127.0.0.1:8645 --token-file token
  logos --json status --api 127.0.0.1:8645 --token-file token")]
pub(super) struct Arguments {
    /// Where the node's control plane listens
    #[arg(long, value_name = "ADDRESS")]
    api: SocketAddr,
    /// The file with its token
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
}

impl Arguments {
    pub(super) fn run(&self, console: &Console) -> Result<Answer> {
        let token = Token::read(&self.token_file)?;
        let body = get(self.api, "/status", &token)?;
        let status: Value = serde_json::from_slice(&body).context("the node's answer")?;
        console.answer(&describe(&status), &status)?;
        Ok(Answer::from(*at(&status, "/node/health") != "disconnected"))
    }
}

/// How long a node of this machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// One request of HTTP 1.0, which ends with the connection.
fn get(api: SocketAddr, path: &str, token: &Token) -> Result<Vec<u8>> {
    let failed = || format!("cannot ask the node at {api}");
    let mut stream = TcpStream::connect_timeout(&api, PATIENCE).with_context(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).with_context(failed)?;
    let text = token.to_text();
    let request = Zeroizing::new(format!(
        "GET {path} HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        text.as_str()
    ));
    stream.write_all(request.as_bytes()).with_context(failed)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).with_context(failed)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let Some((head, body)) = end.and_then(|end| answer.split_at_checked(end + 4)) else {
        bail!("the node at {api} does not speak HTTP");
    };
    match head.split(|byte| *byte == b' ').nth(1) {
        Some(b"200") => Ok(body.to_vec()),
        Some(b"401") => bail!("the node at {api} has another token"),
        _ => bail!("the node at {api} answered: {}", String::from_utf8_lossy(head).trim()),
    }
}

/// The value at a path; null where there is none.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

fn describe(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let node = |path: &str| at(at(status, "/node"), path);
    let mut lines = format!(
        "{}  {}  {}\ncluster {}, {} shards\n{} peers, {} of them relay for us\n",
        text(node("/peer_id")),
        text(node("/mode")),
        text(node("/health")),
        node("/cluster"),
        node("/shards"),
        node("/peers").as_array().map_or(0, Vec::len),
        node("/relay_peers"),
    );
    for address in node("/addresses").as_array().into_iter().flatten() {
        // Writing to a string cannot fail.
        writeln!(lines, "listens on {}", text(address)).ok();
    }
    if let Some(record) = node("/record").as_str() {
        writeln!(lines, "{record}").ok();
    }
    for (name, service) in at(status, "/services").as_object().into_iter().flatten() {
        let (state, restarts) = (text(at(service, "/state")), at(service, "/restarts"));
        writeln!(lines, "service {name}: {state}, {restarts} restarts").ok();
    }
    for (name, value) in at(status, "/counters").as_object().into_iter().flatten() {
        if value.as_u64() != Some(0) {
            writeln!(lines, "{name} {value}").ok();
        }
    }
    lines
}
