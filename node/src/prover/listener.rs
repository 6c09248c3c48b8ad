//! One port for gRPC and REST, with or without TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Request, Response, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tonic::Status;
use tonic::service::Routes;
use tower_service::Service as _;

use super::compat::Compat;
use super::grpc::Grpc;
use super::rest;
use super::service::Service;
use super::wire::{DEFINITIONS, status, v1};

/// Streams of one connection.
const MAX_STREAMS: u32 = 1024;
/// The largest message: a batch of large messages.
const MAX_MESSAGE: usize = 32 << 20;
/// How often a silent connection is asked whether it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long streams may take to end when the service does.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Everything behind the port.
///
/// # Errors
///
/// A message if the definitions cannot be reflected, which is a defect of the build.
pub fn routes(service: &Arc<Service>, gas_per_id: u64) -> Result<Router, String> {
    let grpc = Grpc(Arc::clone(service));
    let compat = Compat::new(Arc::clone(service), gas_per_id);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DEFINITIONS)
        .build_v1()
        .map_err(|error| error.to_string())?;
    let (health, health_server) = tonic_health::server::health_reporter();
    tokio::spawn(report(Arc::clone(service), health));
    let rln = v1::rln_server::RlnServer::new(grpc.clone()).max_decoding_message_size(MAX_MESSAGE);
    let routes = Routes::new(rln)
        .add_service(v1::rln_admin_server::RlnAdminServer::new(grpc))
        .add_service(status::rln_prover_server::RlnProverServer::new(compat))
        .add_service(health_server)
        .add_service(reflection);
    Ok(routes.into_axum_router().merge(rest::router(Arc::clone(service))))
}

/// Keeps `grpc.health.v1` at what `/readyz` says.
async fn report(service: Arc<Service>, health: tonic_health::server::HealthReporter) {
    let mut stop = service.stopped();
    while !*stop.borrow() {
        let status = if service.is_ready() {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        for name in ["", "logos.rln.v1.Rln", "prover.RlnProver"] {
            health.set_service_status(name, status).await;
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
    }
}

/// Serves connections until the service is stopped; then lets what is under way end.
///
/// # Errors
///
/// What accepting connections says, and a message of [`routes`].
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    tls: Option<Arc<ServerConfig>>,
    gas_per_id: u64,
) -> io::Result<()> {
    let router = routes(&service, gas_per_id).map_err(io::Error::other)?;
    let acceptor = tls.map(TlsAcceptor::from);
    let (graceful, mut stop) = (GracefulShutdown::new(), service.stopped());
    while !*stop.borrow() {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = stop.changed() => break,
        };
        let watcher = graceful.watcher();
        let (acceptor, router) = (acceptor.clone(), router.clone());
        tokio::spawn(connect(stream, acceptor, router, Arc::clone(&service), watcher));
    }
    tokio::time::timeout(LAST_WORDS, graceful.shutdown()).await.ok();
    Ok(())
}

/// Binds an address and says which one it became.
///
/// # Errors
///
/// What binding says.
pub async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

async fn connect(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    service: Arc<Service>,
    watcher: Watcher,
) {
    stream.set_nodelay(true).ok();
    let Some(acceptor) = acceptor else {
        return converse(stream, router, service, watcher).await;
    };
    let handshake = tokio::time::timeout(LAST_WORDS, acceptor.accept(stream));
    match handshake.await {
        Ok(Ok(stream)) => converse(stream, router, service, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    service: Arc<Service>,
    watcher: Watcher,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(MAX_STREAMS);
    let answer = service_fn(move |request| answer(router.clone(), Arc::clone(&service), request));
    let connection = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Recognises the caller and passes the request on.
async fn answer(
    mut router: Router,
    service: Arc<Service>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let mut request = request.map(Body::new);
    if let Some(parent) = service.parts().metrics.traces.parent_of(request.headers()) {
        request.extensions_mut().insert(parent);
    }
    let headers = request.headers();
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let is_grpc = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    match service.parts().access.caller(authorization) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
        }
        Err(_) if rest::is_open(request.uri().path()) => {}
        Err(problem) => {
            service.parts().metrics.unauthenticated.add(1);
            return Ok(if is_grpc {
                Status::from(problem).into_http()
            } else {
                problem.into_response()
            });
        }
    }
    router.call(request).await
}
