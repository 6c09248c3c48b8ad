//! Traces over OTLP, to a collector that may be there or not.
//!
//! Spans wait in a queue of the SDK's, which has a bound and drops what does not fit, and go out in
//! batches on a thread of their own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, Key, KeyValue};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, SpanExporter as Exporter,
    WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SdkTracer, SdkTracerProvider, SpanData, SpanExporter,
};
use serde::Deserialize;
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::config::ConfigError;
use super::trace::{Outcome, Trace, TraceParent, TraceSink};

/// How long connecting to the collector may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the collector may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// The service's name, if nobody gives it another.
const NAME: &str = "logos-prover";
/// The attribute that holds the name.
const NAME_KEY: Key = Key::from_static_str("service.name");

/// `[otlp]` in the settings.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpConfig {
    /// The collector's gRPC port, such as `http://127.0.0.1:4317`; none: no traces.
    pub endpoint: Option<String>,
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a key.
        f.debug_struct("OtlpConfig").finish_non_exhaustive()
    }
}

impl OtlpConfig {
    /// Starts what exports, if there is a collector to export to. The variables of the environment
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and `OTEL_EXPORTER_OTLP_ENDPOINT` come first.
    ///
    /// # Errors
    ///
    /// As [`Otlp::start`].
    pub fn start(&self) -> Result<Option<Arc<Otlp>>, ConfigError> {
        let variables = [OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT];
        let set = variables.into_iter().filter_map(|name| std::env::var(name).ok());
        let endpoint = set.chain(self.endpoint.clone()).find(|endpoint| !endpoint.is_empty());
        endpoint.map(|endpoint| Otlp::start(endpoint).map(Arc::new)).transpose()
    }
}

/// Sends traces to a collector.
#[derive(Debug)]
pub struct Otlp {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Otlp {
    /// Exports to the collector at `endpoint`, `http://..` or `https://..`, over gRPC. Whether it is
    /// there is seen later, and only told in the log.
    ///
    /// The name is that of `OTEL_SERVICE_NAME`, or `logos-prover`; `OTEL_EXPORTER_OTLP_HEADERS`,
    /// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_BSP_*` are taken as the SDK
    /// takes them.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Setting`] for an endpoint that is none.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(endpoint: String) -> Result<Self, ConfigError> {
        let refused = |reason: String| ConfigError::Setting { setting: "otlp.endpoint", reason };
        // The address may hold a key, so no message repeats it.
        let endpoint = Endpoint::from_shared(endpoint)
            .ok()
            .filter(|endpoint| matches!(endpoint.uri().scheme_str(), Some("http" | "https")))
            .ok_or_else(|| refused("http or https is wanted".to_owned()))?;
        let channel = endpoint
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .tls_config(ClientTlsConfig::new().with_webpki_roots())
            .map_err(|error| refused(error.to_string()))?
            .connect_lazy();
        let exporter = Exporter::builder().with_tonic().with_channel(channel).build();
        let exporter = exporter.map_err(|error| refused(error.to_string()))?;
        let exporter = Telling { exporter, is_lost: AtomicBool::new(false) };
        let provider = SdkTracerProvider::builder()
            .with_span_processor(BatchSpanProcessor::builder(exporter).build())
            .with_resource(resource())
            .build();
        let scope = InstrumentationScope::builder("logos.rln").with_version(VERSION).build();
        let tracer = provider.tracer_with_scope(scope);
        Ok(Self { provider, tracer })
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who sends: as the environment says, or under our name.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", VERSION);
    let named = Resource::builder().with_attribute(version.clone()).build();
    let is_named =
        named.get(&NAME_KEY).is_some_and(|name| !name.as_str().starts_with("unknown_service"));
    if is_named {
        named
    } else {
        Resource::builder().with_attribute(version).with_service_name(NAME).build()
    }
}

impl TraceSink for Otlp {
    fn take(&self, trace: Trace) {
        let wall = Wall::now();
        let parent = trace.parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(context_of(&parent))
        });
        let (name, kind) = if trace.is_of_other {
            ("job", SpanKind::Consumer)
        } else {
            ("submission", SpanKind::Server)
        };
        let whole = self
            .tracer
            .span_builder(name)
            .with_kind(kind)
            .with_start_time(wall.at(trace.from))
            .with_attributes(attributes(&trace))
            .start_with_context(&self.tracer, &parent);
        let context = parent.with_span(whole);
        for (step, from, to) in &trace.steps {
            let step = self.tracer.span_builder(step.name()).with_start_time(wall.at(*from));
            let mut step = step.start_with_context(&self.tracer, &context);
            opentelemetry::trace::Span::end_with_timestamp(&mut step, wall.at(*to));
        }
        if let Outcome::Failed(reason) = trace.outcome {
            context.span().set_status(Status::error(reason));
        }
        context.span().end_with_timestamp(wall.at(trace.to));
    }

    fn close(&self, patience: Duration) {
        if let Err(error) = self.provider.shutdown_with_timeout(patience) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

fn context_of(parent: &TraceParent) -> SpanContext {
    let TraceParent { trace, span, is_sampled } = *parent;
    let flags = if is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) = (TraceId::from_bytes(trace), SpanId::from_bytes(span));
    SpanContext::new(trace, span, flags, true, TraceState::default())
}

/// What a trace says of itself; neither of the member nor of the message.
fn attributes(trace: &Trace) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("rln.message_ids", i64::from(trace.ids)),
        KeyValue::new("rln.outcome", trace.outcome.name()),
    ];
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    if let Some(job) = trace.job {
        attributes.push(KeyValue::new("rln.job", crate::hex::encode(&job.0)));
    }
    if let Some(epoch) = trace.epoch {
        attributes.push(KeyValue::new("rln.epoch", number(epoch.0)));
    }
    if let Outcome::Recorded(seq) = trace.outcome {
        attributes.push(KeyValue::new("rln.seq", number(seq)));
    }
    attributes
}

/// Both clocks at one moment.
struct Wall {
    monotonic: Instant,
    system: SystemTime,
}

impl Wall {
    fn now() -> Self {
        Self { monotonic: Instant::now(), system: SystemTime::now() }
    }

    /// The time of a moment that has passed.
    fn at(&self, moment: Instant) -> SystemTime {
        let ago = self.monotonic.saturating_duration_since(moment);
        self.system.checked_sub(ago).unwrap_or(self.system)
    }
}

/// Says in the log when the collector is lost, and when it is back; not with every batch.
#[derive(Debug)]
struct Telling {
    exporter: Exporter,
    is_lost: AtomicBool,
}

impl SpanExporter for Telling {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.exporter.export(batch).await;
        let was_lost = self.is_lost.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !was_lost => tracing::warn!(%error, "spans do not reach the collector"),
            Ok(()) if was_lost => tracing::info!("spans reach the collector again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
