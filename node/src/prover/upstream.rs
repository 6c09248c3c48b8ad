//! Following somebody else's stream of proofs: reconnecting, and resuming by number.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::async_trait;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::store::{Store, StoreError};
use super::wire::v1;
use super::wire::v1::rln_client::RlnClient;

/// The first pause after a lost connection; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A client that shows a token with every request.
pub type Client = RlnClient<InterceptedService<Channel, ShowToken>>;

/// Puts a token into a request.
#[derive(Clone, Debug)]
pub struct ShowToken(Option<MetadataValue<Ascii>>);

impl ShowToken {
    /// Shows this token, or none. A token that no header can hold is left out.
    #[must_use]
    pub fn new(token: Option<&str>) -> Self {
        Self(token.and_then(|token| format!("Bearer {token}").parse().ok()))
    }
}

impl tonic::service::Interceptor for ShowToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Connects when first used.
#[must_use]
pub fn client(endpoint: &Endpoint, token: Option<&str>) -> Client {
    RlnClient::with_interceptor(endpoint.connect_lazy(), ShowToken::new(token))
}

/// Takes proofs, one after the other. The same proof may come twice after a crash.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Takes one; when this returns, it is durable.
    async fn take(&self, proof: &v1::Proof) -> Result<(), StoreError>;
}

/// A service whose stream is followed.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Under what name its place is remembered.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it wants to see.
    pub token: Option<String>,
}

impl Upstream {
    /// Follows from where it was left, until `stop` turns true.
    pub async fn follow(
        self,
        store: Arc<dyn Store>,
        sink: Arc<dyn Sink>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut pause = FIRST_PAUSE;
        while !*stop.borrow() {
            let ended = tokio::select! {
                ended = self.once(&*store, &*sink, &mut pause) => ended,
                _ = stop.changed() => return,
            };
            let name = &self.name;
            match ended {
                Ok(()) => tracing::info!(name, "the stream ended"),
                Err(error) => tracing::warn!(name, %error, "the stream broke"),
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    async fn once(
        &self,
        store: &dyn Store,
        sink: &dyn Sink,
        pause: &mut Duration,
    ) -> Result<(), Status> {
        let unavailable = |error: StoreError| Status::unavailable(error.to_string());
        let setting = format!("followed/{}", self.name);
        let place = store.setting(&setting).await.map_err(unavailable)?;
        let place: u64 = place.and_then(|place| place.parse().ok()).unwrap_or_default();
        let slow = v1::SlowPolicy::Wait.into();
        let wants = v1::WatchProofsRequest { from_seq: place + 1, filter: None, slow };
        let mut client = client(&self.endpoint, self.token.as_deref());
        let mut proofs = client.watch_proofs(wants).await?.into_inner();
        while let Some(proof) = proofs.message().await? {
            *pause = FIRST_PAUSE;
            sink.take(&proof).await.map_err(unavailable)?;
            // After the proof: a crash in between brings it again, and never loses it.
            store.set(&setting, &proof.seq.to_string()).await.map_err(unavailable)?;
        }
        Ok(())
    }
}
