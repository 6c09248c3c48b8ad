//! The prover service through its port.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::std_instead_of_core,
    missing_docs,
    reason = "a test"
)]

#[path = "prover/bench.rs"]
mod bench;
#[path = "prover/deployed.rs"]
mod deployed;
#[path = "prover/disk.rs"]
mod disk;
#[path = "prover/early.rs"]
mod early;
#[cfg(feature = "nats")]
#[path = "prover/nats.rs"]
mod nats;
#[cfg(feature = "otlp")]
#[path = "prover/otlp.rs"]
mod otlp;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bench::{Bench, LIMIT, NOW, status_of};
use disk::Disk;
use logos_crypto::Fr;
use logos_node::prover::wire::status::rln_prover_client::RlnProverClient;
use logos_node::prover::wire::{status, v1};
use logos_node::prover::{
    Aggregator, Clock, EmbeddedStore, EpochSchedule, JobId, Listener, Millis, Rate, Scope, Sink,
    Slasher, Store, Token, Upstream,
};
use logos_rln::{
    ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, RlnProof, Signal,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tonic::Code;
use tonic_types::StatusExt;

#[tokio::test]
async fn a_proof_is_made_once_streamed_and_verifies() {
    let bench = Bench::start().await;
    let mut client = bench.client();
    bench.register(b"alice").await;
    let job = bench.prove(b"alice", b"hello").await;
    let proof = job.proof.clone().unwrap();
    assert_eq!((proof.seq, proof.proof.len(), proof.member.as_slice()), (1, 289, &b"alice"[..]));
    let again = bench.prove(b"alice", b"hello").await;
    assert_eq!(again, job, "one job, one proof");
    let check = |message: &[u8]| v1::VerifyRequest {
        proof: proof.proof.clone(),
        message: message.to_vec(),
        epoch: 0,
    };
    let requests = vec![check(b"hello"), check(b"other")];
    let verdicts = client.verify_batch(v1::VerifyBatchRequest { requests }).await.unwrap();
    let verdicts = verdicts.into_inner().verdicts;
    assert!(verdicts[0].valid && !verdicts[1].valid, "{verdicts:?}");
    let wants = v1::WatchProofsRequest { from_seq: 1, ..Default::default() };
    let mut stream = client.watch_proofs(wants).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap(), Some(proof));
}

#[tokio::test]
async fn several_message_ids_are_burnt_by_one_proof() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let request = v1::SubmitRequest {
        member: b"alice".to_vec(),
        message: b"expensive".to_vec(),
        message_ids: 3,
        ..Default::default()
    };
    let job = bench.submit_and_wait(request).await;
    let reservation = job.reservation.unwrap();
    assert_eq!((reservation.first_id, reservation.count), (0, 3));
    let proof = RlnProof::from_bytes(&job.proof.unwrap().proof).unwrap();
    assert_eq!(proof.values.signals().count(), 3);
    assert!(bench.service().verify(b"expensive", 0, &proof.to_bytes()).is_ok());
    assert_eq!(bench.prove(b"alice", b"next").await.reservation.unwrap().first_id, 3);
}

#[tokio::test]
async fn a_hot_member_is_served_from_slots() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let metrics = &bench.service().parts().metrics;
    for number in 0u8..3 {
        bench.prove(b"alice", &[number]).await;
    }
    while metrics.slots.get() == 0 {
        tokio::task::yield_now().await;
    }
    let job = bench.prove(b"alice", b"fast").await;
    assert!(metrics.from_slots.get() >= 1);
    let proof = job.proof.unwrap().proof;
    assert!(bench.service().verify(b"fast", 0, &proof).is_ok());
}

#[tokio::test]
async fn what_is_refused_says_why_and_consumes_nothing() {
    let bench = Bench::start().await;
    let mut client = bench.client();
    bench.register(b"alice").await;
    let order = |change: fn(&mut v1::SubmitRequest)| {
        let (member, message) = (b"alice".to_vec(), b"hello".to_vec());
        let mut request = v1::SubmitRequest { member, message, ..Default::default() };
        change(&mut request);
        request
    };
    let cases: [(v1::SubmitRequest, Code, &str); 7] = [
        (order(|one| one.member = b"bob".to_vec()), Code::NotFound, "UNKNOWN_MEMBER"),
        (order(|one| one.message.clear()), Code::InvalidArgument, "INVALID"),
        (order(|one| one.subject = vec![0; 65]), Code::InvalidArgument, "INVALID"),
        (order(|one| one.epoch = 1), Code::FailedPrecondition, "STALE_EPOCH"),
        (order(|one| one.message_ids = 5), Code::InvalidArgument, "MESSAGE_ID_COUNT"),
        (order(|one| one.deadline_ms = 1), Code::InvalidArgument, "INVALID"),
        (order(|one| one.idempotency_key = vec![0; 257]), Code::InvalidArgument, "INVALID"),
    ];
    for (request, code, reason) in cases {
        let status = client.submit(request).await.unwrap_err();
        assert_eq!(status_of(&status), (code, reason.to_owned()));
    }
    let oversized = v1::SubmitBatchRequest { requests: vec![order(|_| ()); 257] };
    let status = client.submit_batch(oversized).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(bench.used(b"alice").await, 0);

    bench.submit_and_wait(order(|one| one.idempotency_key = b"k".to_vec())).await;
    let other = order(|one| {
        one.idempotency_key = b"k".to_vec();
        one.message = b"other".to_vec();
    });
    let status = client.submit(other).await.unwrap_err();
    assert_eq!(status_of(&status), (Code::AlreadyExists, "KEY_REUSED".to_owned()));
    assert_eq!(bench.used(b"alice").await, 1);
}

#[tokio::test]
async fn over_quota_tells_the_quota_and_when_to_come_again() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let requests = (0..=LIMIT).map(|number| v1::SubmitRequest {
        member: b"alice".to_vec(),
        message: number.to_le_bytes().to_vec(),
        ..Default::default()
    });
    let requests: Vec<_> = requests.collect();
    let last = requests.last().unwrap().clone();
    let answers = bench.client().submit_batch(v1::SubmitBatchRequest { requests }).await.unwrap();
    let problems = answers.into_inner().results.into_iter().filter_map(|one| match one.result {
        Some(v1::submit_result::Result::Problem(problem)) => Some(problem.reason),
        _ => None,
    });
    assert_eq!(problems.collect::<Vec<_>>(), ["OVER_QUOTA"]);
    let status = bench.client().submit(last.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    let violation = &details.quota_failure().unwrap().violations[0];
    assert_eq!(violation.subject, logos_node::encode_hex(b"alice"));
    // The clock stands 1 s into an epoch of 10 s.
    let retry = details.retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(retry, Duration::from_secs(9));
    bench.clock.set(NOW.plus(9_000));
    assert!(bench.client().submit(last).await.is_ok(), "a new epoch");
}

#[tokio::test]
async fn denied_killed_and_draining_services_take_nothing() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let mut admin = bench.admin();
    let until_ms = NOW.0 + 5_000;
    let (member, reason) = (b"alice".to_vec(), "spam".to_owned());
    admin.deny(v1::DenyRequest { member, reason, until_ms }).await.unwrap();
    assert_eq!(bench.refused(b"alice").await, (Code::PermissionDenied, "DENIED".to_owned()));
    bench.clock.set(Millis(until_ms));
    bench.prove(b"alice", b"again").await;
    admin.set_kill_switch(v1::KillSwitchRequest { on: true }).await.unwrap();
    assert_eq!(bench.refused(b"alice").await, (Code::Unavailable, "STOPPED".to_owned()));
    admin.set_kill_switch(v1::KillSwitchRequest { on: false }).await.unwrap();
    bench.prove(b"alice", b"and again").await;
    admin.drain(v1::DrainRequest {}).await.unwrap();
    assert_eq!(bench.refused(b"alice").await, (Code::Unavailable, "STOPPED".to_owned()));
    assert!(bench.http("GET /readyz", "").await.starts_with("HTTP/1.1 503"));
    assert!(bench.http("GET /livez", "").await.starts_with("HTTP/1.1 200"));
    assert_eq!(bench.used(b"alice").await, 2);
}

#[tokio::test]
async fn tokens_open_what_they_are_for() {
    let token =
        |name: &str, scopes| Token { name: name.to_owned(), hash: Token::hash_of(name), scopes };
    let tokens = vec![
        token("reader", vec![Scope::Read]),
        token("all", vec![Scope::Read, Scope::Submit, Scope::Register, Scope::Admin]),
    ];
    let bench = Bench::with(|setup| {
        setup.tokens = tokens;
        setup.rate = Some(Rate { per_second: 1, burst: 3 });
    })
    .await;
    let mut nobody = bench.client();
    let version = v1::GetVersionRequest::default;
    let status = nobody.get_version(version()).await.unwrap_err();
    assert_eq!(status_of(&status), (Code::Unauthenticated, "UNAUTHENTICATED".to_owned()));
    let mut wrong = bench.client_with(Some("allo"));
    assert_eq!(wrong.get_version(version()).await.unwrap_err().code(), Code::Unauthenticated);
    let mut reader = bench.client_with(Some("reader"));
    assert_eq!(reader.get_version(version()).await.unwrap().into_inner().tree_depth, 20);
    let status = reader.submit(v1::SubmitRequest::default()).await.unwrap_err();
    assert_eq!(status_of(&status), (Code::PermissionDenied, "MISSING_SCOPE".to_owned()));
    let mut all = bench.client_with(Some("all"));
    for _ in 0..3 {
        all.get_version(version()).await.unwrap();
    }
    let status = all.get_version(version()).await.unwrap_err();
    assert_eq!(status_of(&status), (Code::ResourceExhausted, "RATE_LIMITED".to_owned()));
    assert_eq!(
        status.get_error_details().retry_info().unwrap().retry_delay,
        Some(Duration::from_secs(1))
    );
    let answer = bench.http("POST /v1/jobs", "{}").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// A member that keeps its secret, as a client library has it.
struct OwnProver {
    identity: Identity,
    rng: ChaCha20Rng,
}

impl OwnProver {
    async fn register(bench: &Bench, name: &[u8]) -> Self {
        let identity = Identity::seeded(name);
        let request = v1::RegisterRequest {
            member: name.to_vec(),
            commitment: identity.commitment().to_field().to_bytes().to_vec(),
            limit: LIMIT,
            tier: String::new(),
        };
        assert!(!bench.client().register(request).await.unwrap().into_inner().custodial);
        Self { identity, rng: ChaCha20Rng::from_seed([5; 32]) }
    }

    fn prove(&mut self, path: &v1::MerklePath, ids: &v1::Reservation, message: &[u8]) -> Vec<u8> {
        let field = |bytes: &Vec<u8>| Fr::from_bytes(bytes.as_slice().try_into().unwrap()).unwrap();
        let siblings = path.siblings.iter().map(field).collect();
        let path = MerklePath::new(siblings, path.index).unwrap();
        let limit = MessageLimit::new(LIMIT).unwrap();
        let member = Membership::new(self.identity.secret().duplicate(), limit, path);
        let epoch = ExternalNullifier::from_field(field(&ids.external_nullifier));
        let id = limit.id(ids.first_id).unwrap();
        let message = Message::new(epoch, Signal::from_message(message), id);
        bench::circuits().single().prove(&member, &message, &mut self.rng).unwrap().to_bytes()
    }
}

#[tokio::test]
async fn a_client_that_keeps_its_secret_reserves_proves_and_publishes() {
    let bench = Bench::start().await;
    let mut client = bench.client();
    let mut alice = OwnProver::register(&bench, b"alice").await;
    assert_eq!(bench.refused(b"alice").await.1, "CLIENT_HELD");
    let reserve = v1::ReserveRequest {
        member: b"alice".to_vec(),
        idempotency_key: b"one".to_vec(),
        count: 1,
        epoch: 0,
    };
    let ids = client.reserve_message_ids(reserve.clone()).await.unwrap().into_inner();
    assert_eq!(client.reserve_message_ids(reserve).await.unwrap().into_inner(), ids);
    let member = v1::MemberRequest { member: b"alice".to_vec() };
    let path = client.get_merkle_path(member).await.unwrap().into_inner();
    let publish = |message: &[u8], proof: Vec<u8>| v1::PublishRequest {
        member: b"alice".to_vec(),
        message: message.to_vec(),
        epoch: 0,
        proof,
        subject: Vec::new(),
    };
    let first = alice.prove(&path, &ids, b"first");
    let wrong = client.publish(publish(b"other", first.clone())).await.unwrap_err();
    assert_eq!(status_of(&wrong), (Code::InvalidArgument, "BAD_PROOF".to_owned()));
    let published = client.publish(publish(b"first", first)).await.unwrap().into_inner();
    assert_eq!((published.seq, published.double_signal), (1, false));

    // The same id for another message: everybody can see who it was.
    let second = alice.prove(&path, &ids, b"second");
    let published = client.publish(publish(b"second", second)).await.unwrap().into_inner();
    assert!(published.double_signal);
    let wants = v1::WatchDoubleSignalsRequest { from_seq: 1 };
    let mut doubles = client.watch_double_signals(wants).await.unwrap().into_inner();
    let double = doubles.message().await.unwrap().unwrap();
    let commitment = alice.identity.commitment().to_field().to_bytes();
    assert_eq!(double.commitment, commitment);
    let request = v1::CheckNullifierRequest { nullifier: double.nullifier, epoch: double.epoch };
    assert!(client.check_nullifier(request).await.unwrap().into_inner().seen);
}

#[tokio::test]
async fn a_subscriber_that_resumes_after_a_restart_sees_each_proof_once() {
    let folder = bench::Folder::new();
    let mut seen = Vec::new();
    for life in 0u8..2 {
        let bench = Bench::with(|setup| setup.file = Some(folder.0.join("prover.redb"))).await;
        bench.register(b"alice").await;
        let from_seq = seen.last().map_or(1, |last| last + 1);
        let wants = v1::WatchProofsRequest { from_seq, ..Default::default() };
        let mut stream = bench.client().watch_proofs(wants).await.unwrap().into_inner();
        for number in 0u8..3 {
            bench.prove(b"alice", &[life, number]).await;
        }
        // One is left unread in each life.
        for _ in 0..2 + life {
            seen.push(stream.message().await.unwrap().unwrap().seq);
        }
        drop(stream);
        bench.stop().await;
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn rest_does_what_grpc_does() {
    let bench = Bench::start().await;
    let member = logos_node::encode_hex(b"alice");
    let body = format!("{{\"member\":\"{member}\",\"limit\":{LIMIT}}}");
    let answer = bench.http("POST /v1/members", &body).await;
    assert!(answer.contains("\"custodial\":true"), "{answer}");
    let body = format!("{{\"member\":\"{member}\",\"message\":\"00ff\"}}");
    let answer = bench.http("POST /v1/jobs", &body).await;
    let id = answer.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = bench.http(&format!("GET /v1/jobs/{id}?wait_ms=60000"), "").await;
    assert!(answer.contains("\"state\":\"done\""), "{answer}");
    let proof = answer.split("\"proof\":\"").nth(1).unwrap().split('"').next().unwrap();
    let body = format!("{{\"proof\":\"{proof}\",\"message\":\"00ff\"}}");
    assert!(bench.http("POST /v1/verify", &body).await.contains("\"valid\":true"));
    let answer = bench.http(&format!("GET /v1/members/{member}/quota"), "").await;
    assert!(answer.contains("\"used\":1"), "{answer}");
    let answer = bench.http("GET /v1/members/00/quota", "").await;
    assert!(answer.starts_with("HTTP/1.1 404") && answer.contains("UNKNOWN_MEMBER"), "{answer}");
    let described = bench.http("GET /openapi.json", "").await;
    for path in ["/v1/jobs", "/v1/jobs/{id}", "/v1/members", "/v1/verify", "/version"] {
        assert!(described.contains(&format!("\"{path}\"")), "{path}");
    }
    let hash = logos_node::encode_hex(&logos_node::prover::Circuits::key_hash());
    assert!(bench.http("GET /version", "").await.contains(&hash));
    assert!(bench.http("GET /metrics", "").await.contains("rln_proof_seconds_bucket"));
    assert!(bench.http("GET /", "").await.contains("<title>RLN prover</title>"));
}

/// What a browser without a window makes of an address after some seconds of its own time; `None`,
/// said aloud, where there is no browser.
fn seen_by_a_browser(address: &str) -> Option<String> {
    let folder = bench::Folder::new();
    let browser = std::process::Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .arg(format!("--user-data-dir={}", folder.0.display()))
        .args(["--virtual-time-budget=4000", "--dump-dom", address])
        .output();
    match browser {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            eprintln!("skipped: the browser chromium is not installed");
            None
        }
    }
}

#[tokio::test]
async fn the_status_page_draws_in_a_browser() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    bench.prove(b"alice", b"hello").await;
    let address = bench.endpoint().uri().to_string();
    let page = tokio::task::spawn_blocking(move || seen_by_a_browser(&address)).await.unwrap();
    let Some(page) = page else { return };
    assert!(page.contains("ready; 1 proofs, 0 subscribers"), "{page}");
    for chart in ["rate", "queue", "latency"] {
        let svg = page.split(&format!("id=\"{chart}-chart\"")).nth(1).unwrap();
        let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(points.split(' ').count() >= 2, "{chart}: {points}");
    }
}

#[tokio::test]
async fn only_clients_with_a_certificate_get_through_mutual_tls() {
    let issuer = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), rcgen::Issuer::new(params, key))
    };
    let (root, ca) = issuer("root");
    let signed = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
    };
    let (certificate, key) = signed();
    let config =
        logos_node::prover::tls(certificate.as_bytes(), key.as_bytes(), Some(root.as_bytes()));
    let bench = Bench::with(|setup| setup.tls = Some(config.unwrap())).await;
    let trusted = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(&root))
        .domain_name("localhost");
    let (certificate, key) = signed();
    let own = tonic::transport::Identity::from_pem(certificate, key);
    let mut known = bench.client_over_tls(trusted.clone().identity(own));
    assert!(known.get_version(v1::GetVersionRequest {}).await.is_ok());
    let mut unknown = bench.client_over_tls(trusted);
    assert!(unknown.get_version(v1::GetVersionRequest {}).await.is_err());
}

#[tokio::test]
async fn two_thousand_subscribers_of_one_instance_each_see_the_proof() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        let mut client = bench.client();
        for _ in 0..500 {
            let wants = v1::WatchProofsRequest { from_seq: 1, ..Default::default() };
            streams.push(client.watch_proofs(wants).await.unwrap().into_inner());
        }
    }
    let mut proofs = Vec::new();
    for number in 0u8..3 {
        proofs.push(bench.prove(b"alice", &[number]).await.proof);
    }
    for stream in &mut streams {
        for proof in &proofs {
            assert_eq!(stream.message().await.unwrap(), *proof);
        }
    }
    assert_eq!(bench.service().parts().metrics.subscribers.get(), 2000);
    bench.service().stop();
    for stream in &mut streams {
        assert!(!matches!(stream.message().await, Ok(Some(_))), "nothing comes twice");
    }
}

#[tokio::test]
async fn ids_that_are_burnt_ahead_are_part_of_the_quota_and_used_once() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    let mut seen = std::collections::HashSet::new();
    for number in 0..LIMIT {
        let slots = bench.service().parts().metrics.slots.get();
        let job = bench.prove(b"alice", &number.to_le_bytes()).await;
        let reservation = job.reservation.unwrap();
        assert!(reservation.count == 1 && reservation.first_id < LIMIT);
        assert!(seen.insert(reservation.first_id), "{reservation:?} twice");
        assert_eq!(bench.used(b"alice").await, number + 1);
        // Sometimes there is time to work ahead, sometimes not.
        if number == 5 {
            while bench.service().parts().metrics.slots.get() == slots {
                tokio::task::yield_now().await;
            }
        }
    }
    let refused = bench.refused(b"alice").await;
    assert_eq!(refused, (Code::ResourceExhausted, "OVER_QUOTA".to_owned()));
}

#[tokio::test]
async fn a_lost_database_is_said_and_nothing_is_promised() {
    let disk = Disk::default();
    let store = EmbeddedStore::on(disk.clone(), &schedule(), 0).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let bench = Bench::with(|setup| setup.store = Some(store)).await;
    bench.register(b"alice").await;
    bench.prove(b"alice", b"before").await;
    disk.take_away();
    assert_eq!(bench.refused(b"alice").await, (Code::Unavailable, "STORE_UNAVAILABLE".to_owned()));
}

fn schedule() -> EpochSchedule {
    bench::schedule()
}

#[tokio::test]
async fn an_aggregator_passes_what_two_provers_made_of_one_message_once() {
    let bench = Bench::start().await;
    bench.register(b"alice").await;
    for number in 0u8..3 {
        bench.prove(b"alice", &[number]).await;
    }
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule(), 0).unwrap());
    let clock: Arc<dyn Clock> = bench.clock.clone();
    let sink: Arc<dyn Sink> = Arc::new(Aggregator { store: Arc::clone(&store), clock });
    let (stop, _) = tokio::sync::watch::channel(false);
    // Two names for one prover: as two provers who proved the same.
    let followers: Vec<_> = ["one", "two"]
        .map(|name| {
            let upstream =
                Upstream { name: name.to_owned(), endpoint: bench.endpoint(), token: None };
            tokio::spawn(upstream.follow(Arc::clone(&store), Arc::clone(&sink), stop.subscribe()))
        })
        .into();
    for name in ["followed/one", "followed/two"] {
        while store.setting(name).await.unwrap().as_deref() != Some("3") {
            tokio::task::yield_now().await;
        }
    }
    stop.send(true).unwrap();
    for follower in followers {
        follower.await.unwrap();
    }
    assert_eq!(store.proofs(1, 10).await.unwrap().len(), 3);
}

/// Keeps what it hears; refuses the first time.
#[derive(Default)]
struct Ears(std::sync::Mutex<Vec<String>>, std::sync::atomic::AtomicBool);

#[tonic::async_trait]
impl Listener for Ears {
    async fn hear(&self, report: &str) -> Result<(), String> {
        if !self.1.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return Err("busy".to_owned());
        }
        self.0.lock().unwrap().push(report.to_owned());
        Ok(())
    }
}

#[tokio::test]
async fn a_slasher_names_who_signalled_twice_and_tells_it_until_it_is_heard() {
    let bench = Bench::start().await;
    let mut alice = OwnProver::register(&bench, b"alice").await;
    let mut client = bench.client();
    let member = v1::MemberRequest { member: b"alice".to_vec() };
    let path = client.get_merkle_path(member).await.unwrap().into_inner();
    let epoch = client.get_epoch(v1::GetEpochRequest {}).await.unwrap().into_inner();
    let external_nullifier = epoch.external_nullifier;
    let ids = v1::Reservation { epoch: epoch.epoch, first_id: 0, count: 1, external_nullifier };
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::in_memory(&schedule(), 0).unwrap());
    let slasher = Slasher {
        store: Arc::clone(&store),
        clock: bench.clock.clone(),
        schedule: schedule(),
        circuits: bench::circuits(),
    };
    let ears = Ears::default();
    for (seq, message) in [b"one", b"one", b"two"].iter().enumerate() {
        let proof = alice.prove(&path, &ids, *message);
        let proof = v1::Proof { seq: seq as u64, epoch: epoch.epoch, proof, ..Default::default() };
        slasher.take(&proof).await.unwrap();
    }
    assert!(slasher.tell_next(&ears).await.is_err());
    assert!(slasher.tell_next(&ears).await.unwrap(), "told again");
    assert!(!slasher.tell_next(&ears).await.unwrap(), "once heard, it is over");
    let heard = ears.0.into_inner().unwrap();
    let commitment = logos_node::field_hex(alice.identity.commitment().to_field());
    assert!(heard.len() == 1 && heard[0].contains(&commitment), "{heard:?}");
}
