//! One error type, with a code for programs and a sentence for people.

use std::fmt;

use wasm_bindgen::JsValue;

/// What went wrong, for programs. The names are part of the package's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// An argument has the wrong type, length or range.
    Argument,
    /// Bytes are not the encoding of what was asked for.
    Encoding,
    /// A limit is zero or over the circuit's, or an id is not below it.
    Limit,
    /// All message ids of the epoch are used.
    Exhausted,
    /// A message id was used before.
    Used,
    /// There is no such leaf, or no room for another.
    Tree,
    /// Key bytes are damaged or of another circuit.
    Key,
    /// No proof can be made of this.
    Proof,
    /// The proofs give no secret away.
    Recover,
    /// The log keeps no such epoch, or is full.
    Log,
    /// Sealed bytes do not open: wrong key, or damaged.
    Sealed,
    /// The bundle is damaged or expired.
    Bundle,
    /// The message was not encrypted or decrypted, or there is no session.
    Session,
    /// The packet, route or reply block cannot be used.
    Packet,
    /// The platform gave no randomness.
    Randomness,
}

impl Code {
    /// The word that JavaScript sees.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Argument => "argument",
            Self::Encoding => "encoding",
            Self::Limit => "limit",
            Self::Exhausted => "exhausted",
            Self::Used => "used",
            Self::Tree => "tree",
            Self::Key => "key",
            Self::Proof => "proof",
            Self::Recover => "recover",
            Self::Log => "log",
            Self::Sealed => "sealed",
            Self::Bundle => "bundle",
            Self::Session => "session",
            Self::Packet => "packet",
            Self::Randomness => "randomness",
        }
    }
}

/// What every entry point fails with. In JavaScript an `Error` whose `name` is `LogosError` and
/// whose `code` is [`Code::as_str`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    message: String,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// What went wrong.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let thrown = js_sys::Error::new(&error.message);
        thrown.set_name("LogosError");
        // An `Error` that was just made takes a property.
        let _ = js_sys::Reflect::set(&thrown, &"code".into(), &error.code.as_str().into());
        thrown.into()
    }
}

/// Maps errors of the crates below to a code; their text is kept.
macro_rules! coded {
    ($($error:ty => $code:ident),* $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::new(Code::$code, error)
            }
        })*
    };
}

coded! {
    logos_crypto::field::NotCanonical => Encoding,
    logos_rln::LimitError => Limit,
    logos_rln::wire::WireError => Encoding,
}

#[cfg(feature = "verify")]
coded! {
    logos_rln::KeyError => Key,
    logos_rln::NullifierLogError => Log,
    logos_rln::RecoverError => Recover,
}

#[cfg(feature = "identity")]
coded! {
    logos_crypto::aead::OpenError => Sealed,
    logos_crypto::merkle::DepthError => Argument,
    logos_crypto::merkle::AppendError<core::convert::Infallible> => Tree,
    logos_crypto::merkle::LeafError<core::convert::Infallible> => Tree,
    logos_rln::IdentityError => Encoding,
    logos_rln::PathError => Tree,
}

#[cfg(feature = "full")]
coded! {
    logos_crypto::keys::NonContributory => Encoding,
    logos_mix::BadReply => Packet,
    logos_mix::ProcessError => Packet,
    logos_mix::RouteError => Packet,
    logos_mix::framing::FrameError => Packet,
    logos_mix::framing::MessageTooLong => Packet,
    logos_mix::WrongLength => Packet,
    logos_ratchet::BundleError => Bundle,
    logos_rln::SlotError => Proof,
    logos_rln::hazmat::JoinError => Proof,
}

#[cfg(feature = "full")]
impl From<logos_rln::ProveError> for Error {
    fn from(error: logos_rln::ProveError) -> Self {
        use logos_rln::{MembershipError, MessageIdsError, ProveError};
        let code = match error {
            ProveError::MessageIds(MessageIdsError::Limit(_))
            | ProveError::Membership(MembershipError::Limit(_)) => Code::Limit,
            _ => Code::Proof,
        };
        Self::new(code, error)
    }
}

#[cfg(feature = "full")]
impl From<logos_rln::BurnError<core::convert::Infallible>> for Error {
    fn from(error: logos_rln::BurnError<core::convert::Infallible>) -> Self {
        use logos_rln::BurnError;
        let code = match error {
            BurnError::Exhausted { .. } => Code::Exhausted,
            _ => Code::Used,
        };
        Self::new(code, error)
    }
}

#[cfg(feature = "full")]
impl From<logos_ratchet::DeviceError<core::convert::Infallible>> for Error {
    fn from(error: logos_ratchet::DeviceError<core::convert::Infallible>) -> Self {
        use logos_ratchet::DeviceError;
        let code = match error {
            DeviceError::TooManyPrekeys(_) => Code::Argument,
            DeviceError::Record(_) => Code::Sealed,
            _ => Code::Session,
        };
        Self::new(code, error)
    }
}
