//! A service on a port of its own, and clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use logos_crypto::merkle::Depth;
use logos_crypto::secret::Secret;
use logos_node::prover::{
    Access, Circuits, Client, Config, Custody, Group, HotPolicy, InService, Instance, Metrics,
    Parts, Rules, Running, Service, SteppedClock, Traces, bind, client,
};
use tokio_rustls::rustls::ServerConfig;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::*;

/// One second into an epoch of ten.
pub(crate) const NOW: Millis = Millis(1_000_001_000);
pub(crate) const LIMIT: u32 = 20;

pub(crate) fn schedule() -> EpochSchedule {
    EpochSchedule::new(Millis(0), NonZeroU64::new(10_000).unwrap(), "test")
}

/// The tables take a third of a second: all tests of a process share them.
pub(crate) fn circuits() -> Arc<Circuits> {
    static CIRCUITS: OnceLock<Arc<Circuits>> = OnceLock::new();
    Arc::clone(CIRCUITS.get_or_init(|| Arc::new(Circuits::deployed())))
}

pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("prover-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) rate: Option<Rate>,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) traces: Traces,
    #[cfg(feature = "nats")]
    pub(crate) fan_out: Option<Arc<logos_node::prover::FanOut>>,
}

pub(crate) struct Bench {
    pub(crate) clock: Arc<SteppedClock>,
    instance: Instance,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup::default();
        change(&mut setup);
        let store: Arc<dyn Store> = match (setup.store.take(), &setup.file) {
            (Some(store), _) => store,
            (None, None) => Arc::new(EmbeddedStore::in_memory(&schedule(), 0).unwrap()),
            (None, Some(path)) => loop {
                // The writer of the last life ends on its own thread.
                match EmbeddedStore::open(path, &schedule(), 0) {
                    Ok(store) => break Arc::new(store),
                    Err(_) => tokio::task::yield_now().await,
                }
            },
        };
        let clock = Arc::new(SteppedClock::at(NOW));
        let parts = Parts {
            source: Arc::new(InService(Arc::clone(&store))),
            store,
            clock: clock.clone(),
            schedule: schedule(),
            group: Arc::new(Group::new(Depth::RLN, 1).unwrap()),
            custody: Some(Arc::new(Custody::new(&Secret::new([7; 32]), "test"))),
            circuits: circuits(),
            access: Access::new(setup.tokens, setup.rate),
            rules: Rules::default(),
            metrics: Arc::new(Metrics { traces: setup.traces, ..Metrics::default() }),
        };
        let service = Service::new(parts).await.unwrap();
        let (listener, _) = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let running = Running {
            workers: 1,
            hot: HotPolicy::default(),
            tls: setup.tls,
            #[cfg(feature = "nats")]
            fan_out: setup.fan_out,
            ..Running::default()
        };
        let instance = Instance::start(service, Some(listener), &running).unwrap();
        Self { clock, instance }
    }

    pub(crate) async fn stop(self) {
        self.instance.drain_and_stop(Duration::from_secs(60)).await;
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        self.instance.service()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        let address = self.instance.address().unwrap();
        Endpoint::from_shared(format!("http://{address}")).unwrap()
    }

    pub(crate) fn channel(&self) -> Channel {
        self.endpoint().connect_lazy()
    }

    pub(crate) fn client(&self) -> Client {
        self.client_with(None)
    }

    pub(crate) fn client_with(&self, token: Option<&str>) -> Client {
        client(&self.endpoint(), token)
    }

    pub(crate) fn client_over_tls(&self, tls: ClientTlsConfig) -> Client {
        let address = self.instance.address().unwrap();
        let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
        client(&endpoint.tls_config(tls).unwrap(), None)
    }

    pub(crate) fn admin(&self) -> v1::rln_admin_client::RlnAdminClient<Channel> {
        v1::rln_admin_client::RlnAdminClient::new(self.channel())
    }

    /// Registers a member whose secret the service holds.
    pub(crate) async fn register(&self, name: &[u8]) {
        let request =
            v1::RegisterRequest { member: name.to_vec(), limit: LIMIT, ..Default::default() };
        assert!(self.client().register(request).await.unwrap().into_inner().custodial);
    }

    pub(crate) async fn prove(&self, member: &[u8], message: &[u8]) -> v1::Job {
        let (member, message) = (member.to_vec(), message.to_vec());
        self.submit_and_wait(v1::SubmitRequest { member, message, ..Default::default() }).await
    }

    pub(crate) async fn submit_and_wait(&self, request: v1::SubmitRequest) -> v1::Job {
        let mut client = self.client();
        let job = client.submit(request).await.unwrap().into_inner();
        let wait = v1::WaitJobRequest { id: job.id, timeout_ms: 60_000 };
        let job = client.wait_job(wait).await.unwrap().into_inner();
        assert_eq!(job.state(), v1::JobState::Done, "{job:?}");
        job
    }

    /// What a submission of the member is refused with.
    pub(crate) async fn refused(&self, member: &[u8]) -> (Code, String) {
        let (member, message) = (member.to_vec(), b"refused".to_vec());
        let request = v1::SubmitRequest { member, message, ..Default::default() };
        status_of(&self.client().submit(request).await.unwrap_err())
    }

    pub(crate) async fn used(&self, member: &[u8]) -> u32 {
        let request = v1::MemberRequest { member: member.to_vec() };
        self.client().get_quota(request).await.unwrap().into_inner().used
    }

    /// One request of HTTP/1.1; the answer as it came.
    pub(crate) async fn http(&self, request: &str, body: &str) -> String {
        self.http_with(request, "accept: */*", body).await
    }

    /// As [`Bench::http`], with a header line more.
    pub(crate) async fn http_with(&self, request: &str, header: &str, body: &str) -> String {
        let address = self.instance.address().unwrap();
        let request = format!(
            "{request} HTTP/1.1\r\nhost: prover\r\nconnection: close\r\n{header}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .await
        .unwrap()
    }
}

pub(crate) fn status_of(status: &tonic::Status) -> (Code, String) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    (status.code(), reason.unwrap_or_default())
}

#[test]
fn settings_are_shown_without_their_passwords() {
    let text = "store = \"postgres://me:secret@host/prover\"\n[chain]\n\
                rpc = \"https://host/secret\"\ncontract = \"0x00\"\nchain_id = 1\nkind = \"status\"\n";
    let shown = format!("{:?}", Config::from_toml(text).unwrap());
    assert!(shown.contains("chain_id: 1") && !shown.contains("secret"), "{shown}");
}

#[test]
fn settings_that_do_not_exist_are_refused() {
    assert!(Config::from_toml("listn = \"127.0.0.1:1\"").is_err());
    let chain = "[chain]\nrpc = \"http://localhost\"\ncontract = \"0x00\"\nchain_id = 1\n";
    let kind = |kind: &str| Config::from_toml(&format!("{chain}kind = \"{kind}\""));
    assert_eq!(kind("waku-rln-v2").unwrap().chain.unwrap().confirmations, 12);
    assert!(kind("waku-rln-v1").is_err());
    let config = Config::from_toml("[tiers]\nbasic = 16").unwrap();
    assert_eq!(config.tiers["basic"], 16);
}
