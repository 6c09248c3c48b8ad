//! Traces at a collector of OTLP, and without one.

use std::time::Instant;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use logos_node::prover::{Config, Otlp, Outcome, Step, Trace, TraceSink, Traces};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector on a port of its own that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<std::sync::Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let routes = tonic::service::Routes::new(TraceServiceServer::new(collector.clone()));
        let router = routes.into_axum_router();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let builder =
                        hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    builder.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        (collector, format!("http://{address}"))
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap().clone();
        let resources = requests.into_iter().flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

async fn bench(endpoint: String) -> Bench {
    let traces = Traces::to(Arc::new(Otlp::start(endpoint).unwrap()));
    Bench::with(|setup| setup.traces = traces).await
}

fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    })
}

/// The children of a span, in the order in which they began.
fn below<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a str> {
    let is_below = |span: &&Span| span.parent_span_id == parent.span_id;
    let mut children: Vec<&Span> = spans.iter().filter(is_below).collect();
    children.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano));
    for child in &children {
        assert_eq!(child.trace_id, parent.trace_id);
        assert!(parent.start_time_unix_nano <= child.start_time_unix_nano);
        assert!(child.start_time_unix_nano <= child.end_time_unix_nano);
        assert!(child.end_time_unix_nano <= parent.end_time_unix_nano);
    }
    children.into_iter().map(|span| span.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spans_of_a_proof_stand_below_the_callers_at_the_collector() {
    let (collector, endpoint) = Collector::start().await;
    let bench = bench(endpoint).await;
    bench.register(b"alice-by-name").await;
    let (member, message) = (b"alice-by-name".to_vec(), b"a private message".to_vec());
    let request = v1::SubmitRequest { member, message, message_ids: 2, ..Default::default() };
    let mut traced = Request::new(request.clone());
    let parent = format!("00-{TRACE}-{PARENT}-01").parse().unwrap();
    traced.metadata_mut().insert("traceparent", parent);
    bench.client().submit(traced).await.unwrap();
    let job = bench.submit_and_wait(request).await;
    bench.stop().await;

    let spans = collector.spans();
    let is_traced = |span: &&Span| logos_node::encode_hex(&span.trace_id) == TRACE;
    let is_whole = |span: &&Span| span.name == "submission";
    let whole = spans.iter().filter(is_traced).find(is_whole).unwrap();
    assert_eq!(logos_node::encode_hex(&whole.parent_span_id), PARENT);
    assert_eq!(below(&spans, whole), ["reserve", "queue", "prove", "record"]);
    let attribute = |key| value(&whole.attributes, key).unwrap();
    assert_eq!(attribute("rln.outcome"), "RECORDED");
    assert_eq!(attribute("rln.message_ids"), "2");
    assert_eq!(attribute("rln.seq"), "1");
    assert_eq!(attribute("rln.epoch"), job.reservation.unwrap().epoch.to_string());
    assert_eq!(attribute("rln.job"), logos_node::encode_hex(&job.id));

    let sent = collector.0.lock().unwrap().clone();
    let resource = sent[0].resource_spans[0].resource.clone().unwrap();
    assert_eq!(value(&resource.attributes, "service.name").unwrap(), "logos-prover");
    let told = format!("{sent:?}");
    for kept in [&b"alice"[..], b"a private"] {
        assert!(!told.contains(std::str::from_utf8(kept).unwrap()));
        assert!(!told.contains(&logos_node::encode_hex(kept)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_over_rest_or_refused_is_traced_and_what_the_caller_does_not_record_is_not() {
    let (collector, endpoint) = Collector::start().await;
    let bench = bench(endpoint).await;
    bench.register(b"alice").await;
    let name = logos_node::encode_hex(b"alice");
    for (message, flags) in [("01", "01"), ("02", "00")] {
        let body = format!("{{\"member\":\"{name}\",\"message\":\"{message}\"}}");
        let parent = format!("traceparent: 00-{TRACE}-{PARENT}-{flags}");
        let answer = bench.http_with("POST /v1/jobs", &parent, &body).await;
        assert!(answer.contains("\"queued\""), "{answer}");
    }
    bench.refused(b"bob").await;
    bench.stop().await;
    let spans = collector.spans();
    let named = |span: &&Span| span.name == "submission";
    let outcomes = spans.iter().filter(named).map(|span| {
        let failed = span.status.clone().unwrap_or_default().code() == StatusCode::Error;
        (value(&span.attributes, "rln.outcome").unwrap(), span.parent_span_id.len(), failed)
    });
    let mut outcomes: Vec<_> = outcomes.collect();
    outcomes.sort();
    let wanted = [("RECORDED".to_owned(), 8, false), ("UNKNOWN_MEMBER".to_owned(), 0, false)];
    assert_eq!(outcomes, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_from_a_slot_is_traced_to_its_record_early_or_not() {
    let (collector, endpoint) = Collector::start().await;
    let bench = bench(endpoint).await;
    early::warm_up(&bench).await;
    for early in [true, false] {
        let (member, message) = (b"alice".to_vec(), vec![b'm', u8::from(early)]);
        bench
            .submit_and_wait(v1::SubmitRequest { member, message, early, ..Default::default() })
            .await;
    }
    bench.stop().await;
    let spans = collector.spans();
    let from_slots = spans.iter().filter(|span| span.name == "submission").filter(|span| {
        let children = below(&spans, span);
        children == ["prove from slot", "record"]
            && value(&span.attributes, "rln.outcome").unwrap() == "RECORDED"
    });
    assert_eq!(from_slots.count(), 2);
}

/// How long it takes to prove and to end.
async fn run(endpoint: String) -> Duration {
    let started = Instant::now();
    let bench = bench(endpoint).await;
    bench.register(b"alice").await;
    for number in 0u8..3 {
        bench.prove(b"alice", &[number]).await;
    }
    bench.stop().await;
    started.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_or_does_not_answer_holds_nothing_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    for port in [closed_port, silent_port] {
        let took = run(format!("http://127.0.0.1:{port}")).await;
        assert!(took < Duration::from_secs(30), "{took:?}");
    }
}

#[tokio::test]
async fn closing_is_bounded_however_many_spans_wait() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let otlp = Otlp::start(format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let started = Instant::now();
    for _ in 0..4096 {
        otlp.take(Trace {
            parent: None,
            job: None,
            epoch: None,
            ids: 1,
            is_of_other: false,
            from: started,
            to: Instant::now(),
            steps: vec![(Step::Reserve, started, Instant::now())],
            outcome: Outcome::Refused("BUSY"),
        });
    }
    tokio::task::spawn_blocking(move || otlp.close(Duration::from_millis(200))).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_endpoint_that_is_none_is_refused_and_not_repeated() {
    for wrong in ["", "collector:4317", "ftp://user:secret@host", "http://", "/path"] {
        let refused = Otlp::start(wrong.to_owned()).unwrap_err().to_string();
        assert!(refused.contains("otlp.endpoint") && !refused.contains("secret"), "{refused}");
    }
    let config = Config::from_toml("[otlp]\nendpoint = \"http://127.0.0.1:4317\"").unwrap();
    assert_eq!(config.otlp.endpoint.as_deref(), Some("http://127.0.0.1:4317"));
    assert!(Config::from_toml("[otlp]\nendpiont = \"\"").is_err());
}
