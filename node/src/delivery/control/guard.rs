//! Who may use the control plane.

use core::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use logos_crypto::secret::Secret;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::durable::{Access, FileAction, FileError, read_bounded, replace};
use crate::hex;

/// The word that programs of this machine know and web pages do not: 32 bytes, written in
/// hexadecimal.
#[derive(PartialEq, Eq)]
pub struct Token(Secret<32>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Draws one.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// Reads one from its 64 digits; space around them does not matter.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = hex::decode(text.trim()).ok()?;
        let bytes: [u8; 32] = bytes.as_slice().try_into().ok()?;
        Some(Self(Secret::new(bytes)))
    }

    /// Its digits.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.expose()))
    }

    /// Reads the token in a file.
    ///
    /// # Errors
    ///
    /// [`FileError`], also for a file that holds no token.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let failed = |error: io::Error| FileError::new(path, FileAction::Read, &error);
        let file = File::open(path).map_err(failed)?;
        let bytes = Zeroizing::new(read_bounded(file, MAX_FILE_BYTES).map_err(failed)?);
        let token = core::str::from_utf8(&bytes).ok().and_then(Self::from_text);
        token.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
    }

    /// Writes the token to a file that its owner alone can read.
    ///
    /// # Errors
    ///
    /// [`FileError`]; what was there stays.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        replace(path, self.to_text().as_bytes(), Access::Private)
    }
}

/// Digits, and some space around them.
const MAX_FILE_BYTES: u64 = 128;

/// Lets a request through, or says why not.
pub(super) async fn check(
    State(token): State<Arc<Token>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) || !is_local(headers) {
        return (StatusCode::FORBIDDEN, "not for web pages\n").into_response();
    }
    if request.uri().path() != super::routes::HEALTH && !holds(headers, &token) {
        return (StatusCode::UNAUTHORIZED, "a bearer token is needed\n").into_response();
    }
    next.run(request).await
}

fn holds(headers: &HeaderMap, token: &Token) -> bool {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let digits = value.and_then(|value| value.strip_prefix("Bearer "));
    digits.and_then(Token::from_text).is_some_and(|theirs| theirs == *token)
}

/// Does the request name this machine? A name that an attacker's resolver points here does not.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let Some(host) = host else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}
