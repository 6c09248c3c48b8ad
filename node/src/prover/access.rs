//! Who may do what, and how often.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::epoch::Millis;
use super::problem::Problem;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Scope {
    /// Have proofs made, reserve ids, publish.
    Submit,
    /// Read: paths, quotas, verification, streams.
    Read,
    /// Register members.
    Register,
    /// Deny list, kill switch, drain.
    Admin,
}

impl Scope {
    const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Read => "read",
            Self::Register => "register",
            Self::Admin => "admin",
        }
    }
}

/// Somebody whose token or certificate was recognised.
#[derive(Clone, Debug)]
pub struct Caller {
    /// By what name its use is counted.
    pub name: String,
    scopes: Vec<Scope>,
}

impl Caller {
    /// May the caller do this?
    ///
    /// # Errors
    ///
    /// [`Problem::Scope`].
    pub fn may(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) { Ok(()) } else { Err(Problem::Scope(scope.name())) }
    }
}

/// A token that is accepted: only its SHA-256 is kept.
#[derive(Clone, Debug)]
pub struct Token {
    /// The caller's name.
    pub name: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it is for.
    pub scopes: Vec<Scope>,
}

impl Token {
    /// The hash under which a token is configured.
    #[must_use]
    pub fn hash_of(token: &str) -> [u8; 32] {
        Sha256::digest(token.as_bytes()).into()
    }
}

/// How often one caller may ask.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// Decides about callers.
#[derive(Debug)]
pub struct Access {
    /// Without tokens everybody may do everything: for a service on a socket of its own.
    tokens: Vec<Token>,
    rate: Option<Rate>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Thousandths of a request that may be made.
    level: u64,
    filled: Millis,
}

impl Access {
    /// Accepts these tokens, or everybody if there are none.
    #[must_use]
    pub fn new(tokens: Vec<Token>, rate: Option<Rate>) -> Self {
        Self { tokens, rate, buckets: Mutex::default() }
    }

    /// Recognises the caller of a request by the value of its `authorization` header.
    ///
    /// # Errors
    ///
    /// [`Problem::Unauthenticated`]; all tokens are compared, in constant time.
    pub fn caller(&self, authorization: Option<&str>) -> Result<Caller, Problem> {
        if self.tokens.is_empty() {
            let scopes = vec![Scope::Submit, Scope::Read, Scope::Register, Scope::Admin];
            return Ok(Caller { name: "anyone".to_owned(), scopes });
        }
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let hash = Token::hash_of(token.ok_or(Problem::Unauthenticated)?);
        let known = self.tokens.iter().fold(None, |found, token| {
            if bool::from(token.hash.ct_eq(&hash)) { Some(token) } else { found }
        });
        let Token { name, scopes, .. } = known.ok_or(Problem::Unauthenticated)?.clone();
        Ok(Caller { name, scopes })
    }

    /// Counts requests of a caller.
    ///
    /// # Errors
    ///
    /// [`Problem::RateLimited`], with the time after which so many are free again.
    pub fn spend(&self, caller: &Caller, requests: u32, now: Millis) -> Result<(), Problem> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = u64::from(rate.burst) * 1000;
        // Callers are those of the configuration, so the table is as long as it.
        let bucket =
            buckets.entry(caller.name.clone()).or_insert(Bucket { level: full, filled: now });
        let earned = now.since(bucket.filled).saturating_mul(u64::from(rate.per_second));
        bucket.level = bucket.level.saturating_add(earned).min(full);
        bucket.filled = now.max(bucket.filled);
        let cost = u64::from(requests) * 1000;
        if let Some(rest) = bucket.level.checked_sub(cost) {
            bucket.level = rest;
            return Ok(());
        }
        let missing = cost - bucket.level;
        let wait = missing.div_ceil(u64::from(rate.per_second.max(1)));
        Err(Problem::RateLimited { retry: Duration::from_millis(wait) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(rate: Option<Rate>) -> Access {
        let token = |name: &str, scopes| Token {
            name: name.to_owned(),
            hash: Token::hash_of(name),
            scopes,
        };
        Access::new(
            vec![token("relay", vec![Scope::Read]), token("rpc", vec![Scope::Submit])],
            rate,
        )
    }

    #[test]
    fn a_token_opens_its_scopes_only() {
        let access = access(None);
        let relay = access.caller(Some("Bearer relay")).unwrap();
        assert_eq!(relay.name, "relay");
        assert_eq!(relay.may(Scope::Read), Ok(()));
        assert_eq!(relay.may(Scope::Admin), Err(Problem::Scope("admin")));
        for wrong in [None, Some("relay"), Some("Bearer "), Some("Bearer rel")] {
            assert_eq!(access.caller(wrong).unwrap_err(), Problem::Unauthenticated);
        }
    }

    #[test]
    fn a_caller_over_its_rate_is_told_when_to_come_again() {
        let access = access(Some(Rate { per_second: 10, burst: 2 }));
        let [relay, rpc] =
            ["relay", "rpc"].map(|name| access.caller(Some(&format!("Bearer {name}"))).unwrap());
        let now = Millis(1000);
        assert_eq!(access.spend(&relay, 2, now), Ok(()));
        let refused = Problem::RateLimited { retry: Duration::from_millis(100) };
        assert_eq!(access.spend(&relay, 1, now), Err(refused));
        assert_eq!(access.spend(&rpc, 2, now), Ok(()), "callers do not share");
        assert_eq!(access.spend(&relay, 1, now.plus(100)), Ok(()));
        assert!(access.spend(&relay, 1, now).is_err(), "a clock set back earns nothing");
    }
}
