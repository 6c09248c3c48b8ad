//! Requests to other people's HTTP servers, with and without TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use http::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a request was not answered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutboundError {
    /// The address is none, or neither `http` nor `https`.
    #[error("not an address of http or https: {0}")]
    Address(String),
    /// The other end cannot be reached, is not who it should be, or broke off.
    #[error("{0}")]
    Broken(String),
    /// The answer takes too long.
    #[error("no answer within 30 seconds")]
    Late,
    /// The answer is too long.
    #[error("the answer is longer than {0} bytes")]
    Long(usize),
}

/// Posts to one address. Each request has a connection of its own.
#[derive(Clone, Debug)]
pub struct Outbound {
    uri: Uri,
    tls: Option<Arc<ClientConfig>>,
}

impl Outbound {
    /// Posts to `uri`. Over TLS the server's certificate is checked against those of Mozilla's
    /// list and against `roots`.
    ///
    /// # Errors
    ///
    /// [`OutboundError::Address`].
    pub fn new(uri: Uri, roots: &[CertificateDer<'static>]) -> Result<Self, OutboundError> {
        let other = || OutboundError::Address(uri.to_string());
        uri.host().ok_or_else(other)?;
        let tls = match uri.scheme_str() {
            Some("http") => None,
            Some("https") => Some(trusting(roots)?),
            _ => return Err(other()),
        };
        Ok(Self { uri, tls })
    }

    /// Posts JSON; returns the answer's status and body of at most `max` bytes.
    ///
    /// # Errors
    ///
    /// [`OutboundError`].
    pub async fn post(
        &self,
        json: String,
        max: usize,
    ) -> Result<(StatusCode, Bytes), OutboundError> {
        let exchange = tokio::time::timeout(PATIENCE, self.exchange(json, max)).await;
        exchange.map_err(|_| OutboundError::Late)?
    }

    async fn exchange(
        &self,
        json: String,
        max: usize,
    ) -> Result<(StatusCode, Bytes), OutboundError> {
        let host = self.uri.host().unwrap_or_default();
        let (port, name) =
            (if self.tls.is_some() { 443 } else { 80 }, host.trim_matches(['[', ']']));
        let address = (name, self.uri.port_u16().unwrap_or(port));
        let stream = TcpStream::connect(address).await.map_err(broken)?;
        let Some(tls) = &self.tls else { return self.converse(stream, json, max).await };
        let name = ServerName::try_from(name.to_owned()).map_err(broken)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
        self.converse(stream.map_err(broken)?, json, max).await
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        json: String,
        max: usize,
    ) -> Result<(StatusCode, Bytes), OutboundError> {
        let stream = TokioIo::new(stream);
        let (mut send, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(broken)?;
        tokio::spawn(async move { connection.await.ok() });
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(path)
            .header(header::HOST, host.rsplit('@').next().unwrap_or_default())
            .header(header::CONTENT_TYPE, "application/json")
            .body(json)
            .map_err(broken)?;
        let response = send.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let body = to_bytes(Body::new(response.into_body()), max).await;
        Ok((status, body.map_err(|_| OutboundError::Long(max))?))
    }
}

/// TLS towards servers whose certificates those of Mozilla's list, or `roots`, vouch for.
pub(super) fn trusting(
    roots: &[CertificateDer<'static>],
) -> Result<Arc<ClientConfig>, OutboundError> {
    let mut store = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for root in roots {
        store.add(root.clone()).map_err(broken)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(broken)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn broken(error: impl ToString) -> OutboundError {
    OutboundError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    use super::*;

    /// Answers one request over TLS with its own body.
    async fn echo(listener: TcpListener, acceptor: TlsAcceptor) {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            request.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.ok();
    }

    #[tokio::test]
    async fn a_server_is_who_its_certificate_says_or_hears_nothing() {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let signed = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let server =
            crate::prover::tls(signed.pem().as_bytes(), key.serialize_pem().as_bytes(), None);
        let acceptor = TlsAcceptor::from(server.unwrap());
        let root = CertificateDer::from_pem_slice(signed.pem().as_bytes()).unwrap();
        for (roots, is_known) in [(vec![root], true), (Vec::new(), false)] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(echo(listener, acceptor.clone()));
            let uri = format!("https://localhost:{port}/hook").parse().unwrap();
            let outbound = Outbound::new(uri, &roots).unwrap();
            let answer = outbound.post("{}".to_owned(), 100).await;
            assert_eq!(answer.is_ok(), is_known, "{answer:?}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for address in ["ftp://host/", "/path", "host:80"] {
            let refused = Outbound::new(address.parse().unwrap(), &[]);
            assert!(matches!(refused, Err(OutboundError::Address(_))), "{address}");
        }
    }
}
