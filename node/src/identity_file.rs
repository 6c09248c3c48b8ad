//! The identity file.

use logos_crypto::Fr;
use logos_rln::{
    Identity, IdentityCommitment, IdentityError, IdentitySecret, LimitError, MessageLimit,
    RateCommitment,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::hex::{self, HexError};

/// Why text is not an identity file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentityFileError {
    /// The text is not JSON with the fields of an identity.
    #[error("no JSON of an identity: line {line}, column {column}")]
    Json {
        /// Where reading stopped.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// A field is not 64 hexadecimal digits.
    #[error("`{field}`: {reason}")]
    Digits {
        /// The field.
        field: &'static str,
        /// What it is instead.
        reason: HexError,
    },
    /// A field is not a canonical field element.
    #[error("`{field}` is not a canonical field element")]
    NotCanonical {
        /// The field.
        field: &'static str,
    },
    /// The secret is none, or the commitment is not the secret's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The limit is none.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The rate commitment is not that of the secret and the limit.
    #[error("`rate_commitment` does not belong to the secret and the limit")]
    RateCommitment,
}

/// An identity with its message limit, as it is kept in a file.
///
/// | field | content |
/// |---|---|
/// | `secret` | 64 hexadecimal digits: 32 bytes, least significant first |
/// | `commitment` | the same, `Poseidon(secret)` |
/// | `rate_commitment` | the same, `Poseidon(commitment, limit)`: the leaf to register |
/// | `limit` | messages an epoch |
///
/// # Examples
///
/// ```
/// use logos_node::StoredIdentity;
/// use logos_rln::{Identity, MessageLimit};
///
/// let stored = StoredIdentity::new(Identity::seeded(b"example"), MessageLimit::new(10)?);
/// let read = StoredIdentity::from_json(stored.to_json().as_bytes())?;
/// assert_eq!(read.rate_commitment(), stored.rate_commitment());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, PartialEq)]
pub struct StoredIdentity {
    identity: Identity,
    limit: MessageLimit,
}

/// The file's fields, in its order.
#[derive(Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
struct Fields {
    secret: String,
    commitment: String,
    rate_commitment: String,
    limit: u32,
}

impl StoredIdentity {
    /// Puts the two together.
    #[must_use]
    pub const fn new(identity: Identity, limit: MessageLimit) -> Self {
        Self { identity, limit }
    }

    /// Reads the file's content and checks that its parts belong together.
    ///
    /// # Errors
    ///
    /// One [`IdentityFileError`] a defect.
    pub fn from_json(text: &[u8]) -> Result<Self, IdentityFileError> {
        let fields: Fields = serde_json::from_slice(text).map_err(|error| {
            IdentityFileError::Json { line: error.line(), column: error.column() }
        })?;
        let limit = MessageLimit::new(fields.limit)?;
        let secret = IdentitySecret::from_bytes(&*digits("secret", &fields.secret)?)?;
        let commitment = IdentityCommitment::from_field(field("commitment", &fields.commitment)?);
        let identity = Identity::from_parts(secret, commitment)?;
        let leaf = field("rate_commitment", &fields.rate_commitment)?;
        if identity.rate_commitment(limit).to_field() != leaf {
            return Err(IdentityFileError::RateCommitment);
        }
        Ok(Self { identity, limit })
    }

    /// The file's content, secret included: one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<String> {
        let secret = hex::encode_identity_secret(self.identity.secret());
        let [commitment, leaf] =
            [self.identity.commitment().to_field(), self.rate_commitment().to_field()]
                .map(hex::encode_field);
        Zeroizing::new(format!(
            "{{\"secret\":\"{}\",\"commitment\":\"{commitment}\",\"rate_commitment\":\"{leaf}\",\
             \"limit\":{}}}\n",
            secret.as_str(),
            self.limit.get()
        ))
    }

    /// The identity.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its limit.
    #[must_use]
    pub const fn limit(&self) -> MessageLimit {
        self.limit
    }

    /// The leaf to register.
    #[must_use]
    pub fn rate_commitment(&self) -> RateCommitment {
        self.identity.rate_commitment(self.limit)
    }
}

fn digits(field: &'static str, text: &str) -> Result<Zeroizing<[u8; 32]>, IdentityFileError> {
    hex::decode_32(text).map_err(|reason| IdentityFileError::Digits { field, reason })
}

fn field(name: &'static str, text: &str) -> Result<Fr, IdentityFileError> {
    Fr::from_bytes(&*digits(name, text)?)
        .map_err(|_| IdentityFileError::NotCanonical { field: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored() -> StoredIdentity {
        StoredIdentity::new(Identity::seeded(b"test"), MessageLimit::new(5).unwrap())
    }

    fn edited(from: &str, to: &str) -> Result<StoredIdentity, IdentityFileError> {
        let text = stored().to_json().replacen(from, to, 1);
        StoredIdentity::from_json(text.as_bytes())
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(StoredIdentity::from_json(stored().to_json().as_bytes()), Ok(stored()));
        assert_eq!(edited("{", "{\"name\":\"alice\","), Ok(stored()));
    }

    #[test]
    fn the_debug_form_shows_no_secret() {
        let secret = stored().identity().secret().expose_secret().to_string();
        assert!(!format!("{:?}", stored()).contains(&secret));
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let other = StoredIdentity::new(Identity::seeded(b"other"), MessageLimit::new(5).unwrap());
        let hex_of = hex::encode_field;
        let [ours, theirs] = [stored(), other].map(|stored| {
            (
                hex_of(stored.identity().commitment().to_field()),
                hex_of(stored.rate_commitment().to_field()),
            )
        });
        assert_eq!(
            edited(&ours.0, &theirs.0),
            Err(IdentityFileError::Identity(IdentityError::CommitmentMismatch))
        );
        assert_eq!(edited(&ours.1, &theirs.1), Err(IdentityFileError::RateCommitment));
        assert_eq!(edited("\"limit\":5", "\"limit\":6"), Err(IdentityFileError::RateCommitment));
        assert_eq!(edited("\"limit\":5", "\"limit\":0"), Err(LimitError::Zero.into()));
    }

    #[test]
    fn text_that_is_no_identity_is_refused() {
        assert!(matches!(edited("}", ""), Err(IdentityFileError::Json { .. })));
        assert!(matches!(edited("secret", "secrets"), Err(IdentityFileError::Json { .. })));
        let over = "ff".repeat(32);
        let text = format!(
            "{{\"secret\":\"{over}\",\"commitment\":\"\",\"rate_commitment\":\"\",\"limit\":1}}"
        );
        assert_eq!(
            StoredIdentity::from_json(text.as_bytes()),
            Err(IdentityFileError::Identity(IdentityError::NotCanonical))
        );
    }
}
