//! Settings from a file.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use logos_crypto::merkle::Depth;
use logos_crypto::secret::Secret;
use serde::Deserialize;
use thiserror::Error;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::access::{Access, Rate, Scope, Token};
use super::clock::SystemClock;
use super::custody::Custody;
use super::epoch::{EpochSchedule, Millis, NullifierOrder};
use super::evm::{Chain, Contract, Reading, Rpc};
use super::group::Group;
use super::membership::{Copied, IN_SERVICE, InService, MembershipSource, claim_members};
use super::metrics::Metrics;
use super::outbound::Outbound;
use super::service::{Parts, Rules};
use super::static_file::{FROM_FILE, StaticFile};
use super::store::{EmbeddedStore, PostgresStore, Store, StoreError};
use super::trace::Traces;
use super::workshop::Circuits;

/// Why a service cannot be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not what a settings file is.
    #[error("the settings: {0}")]
    Toml(String),
    /// A file cannot be read.
    #[error("cannot read {}: {kind}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// A setting is out of bounds.
    #[error("{setting}: {reason}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// Why.
        reason: String,
    },
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Everything that can be set. What is left out has the value of [`Config::default`].
///
/// # Examples
///
/// ```
/// use logos_node::prover::Config;
///
/// let config = Config::from_toml("epoch_seconds = 600\napplication = \"chat\"")?;
/// assert_eq!(config.epoch_seconds, 600);
/// assert!(Config::from_toml("epoch = 600").is_err());
/// # Ok::<(), logos_node::prover::ConfigError>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// `memory`, a file, or `postgres://..`.
    pub store: String,
    /// Connections to PostgreSQL.
    pub connections: u32,
    /// A file of members; without one, members register with the service.
    pub members: Option<PathBuf>,
    /// A contract whose members these are.
    pub chain: Option<ChainConfig>,
    /// Trees of 2^20 members each that there may be; one takes 64 MiB once it is full.
    pub trees: u32,
    /// A file with the 32 bytes, or 64 digits, under which secrets are sealed; without one, the
    /// service holds no secrets.
    pub custody_key: Option<PathBuf>,
    /// Whose service it is.
    pub tenant: String,
    /// The application the epochs belong to.
    pub application: String,
    /// Seconds of an epoch.
    pub epoch_seconds: u64,
    /// When epoch 0 began, in milliseconds since 1970.
    pub genesis_ms: u64,
    /// Does the application come first in the external nullifier, as in the Status prover?
    pub application_first: bool,
    /// How many milliseconds the clocks of instances may differ.
    pub skew_ms: u64,
    /// Cores that prove; 0 for none; all if left out.
    pub workers: Option<usize>,
    /// Gas that one message id pays for, in the compatible interface.
    pub gas_per_id: u64,
    /// Seconds for which jobs and proofs are kept.
    pub retention_seconds: u64,
    /// Jobs that may wait.
    pub max_queue: u64,
    /// Messages an epoch by tier.
    pub tiers: HashMap<String, u32>,
    /// Who may do what; nobody listed: everybody everything.
    pub tokens: Vec<TokenConfig>,
    /// Requests a second for each caller; 0: no limit.
    pub rate_per_second: u32,
    /// A certificate chain, PEM.
    pub tls_certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Whose client certificates are asked for, PEM.
    pub tls_clients: Option<PathBuf>,
    /// Where proofs are passed on to.
    #[cfg(feature = "nats")]
    pub nats: super::nats::NatsConfig,
    /// Where traces go.
    #[cfg(feature = "otlp")]
    pub otlp: super::otlp::OtlpConfig,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may hold passwords.
        let Self { listen, application, chain, tokens, .. } = self;
        let mut shown = f.debug_struct("Config");
        shown.field("listen", listen).field("application", application);
        shown.field("chain", chain).field("tokens", &tokens.len()).finish_non_exhaustive()
    }
}

/// A contract of members on an EVM chain.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// The chain's node, `http://..` or `https://..`, which may hold a key.
    pub rpc: String,
    /// The contract's address, 40 digits behind `0x`.
    pub contract: String,
    /// `waku-rln-v2` or `status`.
    pub kind: ContractKind,
    /// The chain's number.
    pub chain_id: u64,
    /// The block in which the contract was made.
    #[serde(default)]
    pub start_block: u64,
    /// Blocks that must follow one before it counts.
    #[serde(default = "confirmations")]
    pub confirmations: u64,
    /// Seconds between two looks.
    #[serde(default = "poll_seconds")]
    pub poll_seconds: u64,
    /// Blocks whose logs are asked for at once, at most; fewer if the node refuses.
    #[serde(default = "range_blocks")]
    pub range_blocks: u64,
    /// Messages an epoch of each member, where the contract has no rates (`status`).
    pub limit: Option<u32>,
}

impl fmt::Debug for ChainConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The node's address may hold a key.
        let Self { contract, kind, chain_id, .. } = self;
        let mut shown = f.debug_struct("ChainConfig");
        shown.field("contract", contract).field("kind", kind).field("chain_id", chain_id);
        shown.finish_non_exhaustive()
    }
}

/// Which contract.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ContractKind {
    /// `WakuRlnV2` of the delivery network.
    WakuRlnV2,
    /// The registry of the Status network.
    Status,
}

const fn confirmations() -> u64 {
    12
}

const fn poll_seconds() -> u64 {
    12
}

const fn range_blocks() -> u64 {
    5000
}

/// A token as it is configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// The caller's name.
    pub name: String,
    /// SHA-256 of the token, 64 digits.
    pub sha256: String,
    /// What it is for.
    pub scopes: Vec<Scope>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50_051)),
            store: "prover.redb".to_owned(),
            connections: 20,
            members: None,
            chain: None,
            trees: 1,
            custody_key: None,
            tenant: "default".to_owned(),
            application: "logos".to_owned(),
            epoch_seconds: 600,
            genesis_ms: 0,
            application_first: false,
            skew_ms: 30_000,
            workers: None,
            gas_per_id: super::Compat::GAS_PER_ID,
            retention_seconds: 24 * 3600,
            max_queue: 100_000,
            tiers: HashMap::new(),
            tokens: Vec::new(),
            rate_per_second: 0,
            tls_certificate: None,
            tls_key: None,
            tls_clients: None,
            #[cfg(feature = "nats")]
            nats: super::nats::NatsConfig::default(),
            #[cfg(feature = "otlp")]
            otlp: super::otlp::OtlpConfig::default(),
        }
    }
}

impl Config {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Toml`], also for a setting that does not exist.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::Toml(error.to_string()))
    }

    /// The epochs.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Setting`] for epochs of no time.
    pub fn schedule(&self) -> Result<EpochSchedule, ConfigError> {
        let length = NonZeroU64::new(self.epoch_seconds.saturating_mul(1000));
        let length = length.ok_or_else(|| setting("epoch_seconds", "an epoch takes time"))?;
        let schedule = EpochSchedule::new(Millis(self.genesis_ms), length, &self.application);
        Ok(if self.application_first {
            schedule.with_order(NullifierOrder::ApplicationFirst)
        } else {
            schedule
        })
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Store`].
    pub async fn open_store(
        &self,
        schedule: &EpochSchedule,
    ) -> Result<Arc<dyn Store>, ConfigError> {
        Ok(match self.store.as_str() {
            "memory" => Arc::new(EmbeddedStore::in_memory(schedule, self.skew_ms)?),
            url if url.starts_with("postgres") => {
                let connections = self.connections;
                Arc::new(PostgresStore::connect(url, connections, schedule, self.skew_ms).await?)
            }
            path => Arc::new(EmbeddedStore::open(Path::new(path), schedule, self.skew_ms)?),
        })
    }

    /// Makes the parts of a service: opens the store, reads keys and members.
    ///
    /// # Errors
    ///
    /// One [`ConfigError`] a reason.
    pub async fn parts(&self) -> Result<Parts, ConfigError> {
        let schedule = self.schedule()?;
        let store = self.open_store(&schedule).await?;
        let source = self.source(&store).await?;
        let group =
            Group::new(Depth::RLN, self.trees).ok_or_else(|| setting("trees", "1 to 64 trees"))?;
        let rules =
            Rules { tiers: self.tiers.clone(), max_queue: self.max_queue, ..Rules::default() };
        Ok(Parts {
            store,
            clock: Arc::new(SystemClock),
            schedule,
            group: Arc::new(group),
            source,
            custody: self.custody()?,
            circuits: Arc::new(Circuits::deployed()),
            access: self.access()?,
            rules,
            metrics: Arc::new(Metrics { traces: self.traces()?, ..Metrics::default() }),
        })
    }

    fn traces(&self) -> Result<Traces, ConfigError> {
        #[cfg(feature = "otlp")]
        if let Some(otlp) = self.otlp.start()? {
            return Ok(Traces::to(otlp));
        }
        Ok(Traces::default())
    }

    async fn source(
        &self,
        store: &Arc<dyn Store>,
    ) -> Result<Arc<dyn MembershipSource>, ConfigError> {
        if let Some(chain) = &self.chain {
            if self.members.is_some() {
                return Err(setting("chain", "members are of a file or of a chain"));
            }
            return Ok(Arc::new(self.chain(chain, store).await?));
        }
        let Some(path) = &self.members else {
            claim_members(&**store, IN_SERVICE).await?;
            return Ok(Arc::new(InService(Arc::clone(store))));
        };
        let text = String::from_utf8(read(path)?)
            .map_err(|_| setting("members", "the file is no text"))?;
        let file = StaticFile::parse(text).map_err(|error| setting("members", &error))?;
        claim_members(&**store, FROM_FILE).await?;
        file.copy_to(&**store).await?;
        Ok(Arc::new(Copied))
    }

    async fn chain(
        &self,
        chain: &ChainConfig,
        store: &Arc<dyn Store>,
    ) -> Result<Chain, ConfigError> {
        let uri = chain.rpc.parse().map_err(|error| setting("chain.rpc", &error))?;
        // The address may hold a key, so no message repeats it.
        let outbound =
            Outbound::new(uri, &[]).map_err(|_| setting("chain.rpc", "http or https is wanted"))?;
        let address = chain.contract.strip_prefix("0x").unwrap_or(&chain.contract);
        let address =
            crate::hex::decode(address).ok().and_then(|bytes| (*bytes).as_slice().try_into().ok());
        let address = address.ok_or_else(|| setting("chain.contract", "40 digits are wanted"))?;
        let contract = match (chain.kind, chain.limit) {
            (ContractKind::WakuRlnV2, None) => Contract::WakuRlnV2,
            (ContractKind::Status, Some(limit)) if limit > 0 => Contract::Status { limit },
            _ => return Err(setting("chain.limit", "status has one, waku-rln-v2 has its own")),
        };
        let capacity = Depth::RLN.capacity().saturating_mul(self.trees.into());
        let reading = Reading {
            contract,
            chain: chain.chain_id,
            start: chain.start_block,
            confirmations: chain.confirmations,
            poll: std::time::Duration::from_secs(chain.poll_seconds.max(1)),
            range: chain.range_blocks,
            capacity,
        };
        let chain = Chain::new(Arc::clone(store), Rpc::new(outbound), address, reading);
        claim_members(&**store, &chain.name()).await?;
        Ok(chain)
    }

    fn custody(&self) -> Result<Option<Arc<Custody>>, ConfigError> {
        let Some(path) = &self.custody_key else { return Ok(None) };
        let bytes = zeroize::Zeroizing::new(read(path)?);
        let key: Secret<32> = match <&[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Secret::new(*key),
            Err(_) => {
                let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
                let key = crate::hex::decode_32(text)
                    .map_err(|_| setting("custody_key", "32 bytes or 64 digits make a key"))?;
                Secret::new(*key)
            }
        };
        Ok(Some(Arc::new(Custody::new(&key, &self.tenant))))
    }

    fn access(&self) -> Result<Access, ConfigError> {
        let token = |token: &TokenConfig| {
            let hash = crate::hex::decode_32(&token.sha256)
                .map_err(|_| setting("tokens", "64 digits make a SHA-256"))?;
            Ok(Token { name: token.name.clone(), hash: *hash, scopes: token.scopes.clone() })
        };
        let tokens = self.tokens.iter().map(token).collect::<Result<_, ConfigError>>()?;
        let per_second = self.rate_per_second;
        let burst = per_second.saturating_mul(2);
        Ok(Access::new(tokens, (per_second > 0).then_some(Rate { per_second, burst })))
    }

    /// Reads certificate and key, and whose client certificates are asked for.
    ///
    /// # Errors
    ///
    /// One [`ConfigError`] a reason.
    pub fn tls(&self) -> Result<Option<Arc<ServerConfig>>, ConfigError> {
        let (certificate, key) = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => (read(certificate)?, read(key)?),
            (None, None) => return Ok(None),
            _ => return Err(setting("tls_certificate", "a certificate and its key go together")),
        };
        let clients = self.tls_clients.as_ref().map(|path| read(path)).transpose()?;
        tls(&certificate, &key, clients.as_deref()).map(Some)
    }
}

/// TLS from PEM: certificate chain, key, and whose client certificates are asked for.
///
/// # Errors
///
/// [`ConfigError::Setting`].
pub fn tls(
    certificate: &[u8],
    key: &[u8],
    clients: Option<&[u8]>,
) -> Result<Arc<ServerConfig>, ConfigError> {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let chain = certificates("tls_certificate", certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| setting("tls_key", &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| setting("tls_certificate", &error))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            for root in certificates("tls_clients", clients)? {
                roots.add(root).map_err(|error| setting("tls_clients", &error))?;
            }
            let roots = Arc::new(roots);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = verifier.build().map_err(|error| setting("tls_clients", &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| setting("tls_certificate", &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(
    name: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    certificates.map_err(|error| setting(name, &error))
}

fn setting(setting: &'static str, reason: impl ToString) -> ConfigError {
    ConfigError::Setting { setting, reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let failed =
        |error: std::io::Error| ConfigError::File { path: path.to_path_buf(), kind: error.kind() };
    std::fs::read(path).map_err(failed)
}
