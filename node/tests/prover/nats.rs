//! The stream of proofs on a real NATS server with JetStream.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use async_nats::jetstream::{self, stream};
use logos_node::prover::{Epoch, FanOut, JobId, NatsConfig, Publication};
use prost::Message;
use tokio::sync::watch;

use logos_node::prover::Config;

use super::bench::Folder;
use super::*;

/// Where packages put the program.
const PROGRAMS: [&str; 3] =
    ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

/// A server with a folder of its own, until this is dropped.
struct Server {
    process: Child,
    port: u16,
    _folder: Folder,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts one; `None`, said aloud, where it is not installed.
    fn start(port: u16, more: &[&str]) -> Option<Self> {
        let Some(program) = PROGRAMS.into_iter().find(|program| Path::new(program).exists()) else {
            eprintln!("skipped on NATS: none of {PROGRAMS:?} is installed");
            return None;
        };
        let folder = Folder::new();
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(&folder.0);
        let process = command.args(more).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Some(Self { process: process.unwrap(), port, _folder: folder })
    }

    async fn jetstream(&self, token: Option<&str>) -> jetstream::Context {
        let mut options = async_nats::ConnectOptions::new().retry_on_initial_connect();
        if let Some(token) = token {
            options = options.token(token.to_owned());
        }
        jetstream::new(options.connect(url(self.port)).await.unwrap())
    }
}

fn url(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

fn fan_out(port: u16) -> Arc<FanOut> {
    let config = NatsConfig { url: Some(url(port)), ..NatsConfig::default() };
    config.fan_out().unwrap().unwrap()
}

fn memory() -> Arc<dyn Store> {
    Arc::new(EmbeddedStore::in_memory(&bench::schedule(), 0).unwrap())
}

async fn publish(store: &dyn Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let mut id = JobId([0; 32]);
        id.0[..8].copy_from_slice(&number.to_le_bytes());
        let (sender, subject, proof) = (b"alice".to_vec(), Vec::new(), vec![7; 289]);
        let publication = Publication { id, sender, subject, epoch: Epoch(1), proof };
        store.publish(Millis(1), publication).await.unwrap();
    }
}

/// Waits until the copy has come so far.
async fn reached(store: &dyn Store, seq: u64) {
    let wanted = Some(seq.to_string());
    while store.setting("nats/cursor").await.unwrap() != wanted {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All messages of the stream: subjects, ids and proofs.
async fn messages(context: &jetstream::Context) -> Vec<(String, String, v1::Proof)> {
    let mut stream: stream::Stream = context.get_stream("RLN_PROOFS").await.unwrap();
    let count = stream.info().await.unwrap().state.messages;
    let mut messages = Vec::new();
    for place in 1..=count {
        let message = stream.get_raw_message(place).await.unwrap();
        let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
        let proof = v1::Proof::decode(message.payload).unwrap();
        messages.push((message.subject.to_string(), id, proof));
    }
    messages
}

fn numbers(messages: &[(String, String, v1::Proof)]) -> Vec<u64> {
    messages.iter().map(|(_, _, proof)| proof.seq).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_proof_is_there_once_over_restarts_of_the_service() {
    let Some(server) = Server::start(free_port(), &[]) else { return };
    let context = server.jetstream(None).await;
    let folder = Folder::new();
    let file = folder.0.join("prover.redb");
    let mut proofs = Vec::new();
    for life in 0u8..3 {
        let bench = Bench::with(|setup| {
            setup.file = Some(file.clone());
            setup.fan_out = Some(fan_out(server.port));
        })
        .await;
        if life == 0 {
            bench.register(b"alice").await;
        }
        for number in 0u8..2 {
            proofs.push(bench.prove(b"alice", &[life, number]).await.proof.unwrap());
        }
        if life > 0 {
            let store = &bench.service().parts().store;
            reached(&**store, proofs.len() as u64).await;
        }
        // The first life ends without waiting for NATS.
        bench.stop().await;
    }
    let found = messages(&context).await;
    let name = logos_node::encode_hex(b"alice");
    let id = found[0].1.strip_suffix(":1").unwrap().to_owned();
    assert_eq!(id.len(), 32);
    for ((subject, msg_id, proof), wanted) in found.iter().zip(&proofs) {
        assert_eq!(subject, &format!("rln.proofs.{name}"));
        assert_eq!(msg_id, &format!("{id}:{}", wanted.seq));
        assert_eq!(proof, wanted);
    }
    assert_eq!(found.len(), proofs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn several_instances_and_a_lost_place_bring_nothing_twice() {
    let Some(server) = Server::start(free_port(), &[]) else { return };
    let context = server.jetstream(None).await;
    let store = memory();
    publish(&*store, 0..400).await;
    let (stop, stopped) = watch::channel(false);
    let following: Vec<_> = (0..3)
        .map(|_| {
            let (store, stopped, one) = (Arc::clone(&store), stopped.clone(), fan_out(server.port));
            tokio::spawn(async move { one.follow(store, stopped).await })
        })
        .collect();
    publish(&*store, 400..600).await;
    reached(&*store, 600).await;
    // As after a crash between JetStream's answer and ours.
    assert!(store.replace("nats/cursor", Some("600"), "550").await.unwrap());
    publish(&*store, 600..610).await;
    reached(&*store, 610).await;
    stop.send_replace(true);
    for one in following {
        one.await.unwrap();
    }
    assert_eq!(numbers(&messages(&context).await), (1..=610).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_holds_nothing_up_and_gets_everything_later() {
    let port = free_port();
    let bench = Bench::with(|setup| setup.fan_out = Some(fan_out(port))).await;
    bench.register(b"alice").await;
    for number in 0u8..3 {
        bench.prove(b"alice", &[number]).await;
    }
    let store = Arc::clone(&bench.service().parts().store);
    assert_eq!(store.setting("nats/cursor").await.unwrap(), None);
    if let Some(server) = Server::start(port, &[]) {
        reached(&*store, 3).await;
        assert_eq!(numbers(&messages(&server.jetstream(None).await).await), [1, 2, 3]);
        drop(server);
    }
    bench.prove(b"alice", b"more").await;
    tokio::time::timeout(Duration::from_secs(20), bench.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown() {
    let Some(server) = Server::start(free_port(), &["--auth", "sesame"]) else { return };
    let folder = Folder::new();
    let file = folder.0.join("token");
    std::fs::write(&file, "sesame\n").unwrap();
    let (url, token) = (Some(url(server.port)), Some(file));
    let config = NatsConfig { url, token, ..NatsConfig::default() };
    let (store, (stop, stopped)) = (memory(), watch::channel(false));
    publish(&*store, 0..2).await;
    let following = config.fan_out().unwrap().unwrap();
    let following = tokio::spawn({
        let store = Arc::clone(&store);
        async move { following.follow(store, stopped).await }
    });
    reached(&*store, 2).await;
    stop.send_replace(true);
    following.await.unwrap();
    let context = server.jetstream(Some("sesame")).await;
    assert_eq!(numbers(&messages(&context).await), [1, 2]);
}

#[test]
fn settings_that_nats_would_not_take_are_refused() {
    let refused = |change: fn(&mut NatsConfig)| {
        let mut config =
            NatsConfig { url: Some("nats://user:secret@host".to_owned()), ..NatsConfig::default() };
        change(&mut config);
        let error = config.fan_out().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        error
    };
    assert!(refused(|one| one.stream = "a b".to_owned()).contains("nats.stream"));
    assert!(refused(|one| one.prefix = "a.*".to_owned()).contains("nats.prefix"));
    assert!(refused(|one| one.prefix.clear()).contains("nats.prefix"));
    assert!(refused(|one| one.url = Some("nats://user:secret@".to_owned())).contains("nats.url"));
    assert!(refused(|one| one.token = Some("/does/not/exist".into())).contains("exist"));
    assert!(NatsConfig::default().fan_out().unwrap().is_none());
    let config =
        Config::from_toml("[nats]\nurl = \"nats://a:4222,nats://b:4222\"\nprefix = \"x.y\"")
            .unwrap();
    assert_eq!(
        format!("{:?}", config.nats.fan_out().unwrap().unwrap()),
        "FanOut { stream: \"RLN_PROOFS\", .. }"
    );
}
