//! What points of rendezvous are told and say: who registered where.

use super::proto::{Encoder, Field, Fields, check_size, push, required};
use super::{Wire, WireError};

/// A record under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registration {
    /// Where it is registered. Field 1.
    pub namespace: String,
    /// The peer's record in its signed envelope, undecoded. Field 2.
    pub record: Vec<u8>,
    /// For how many seconds, or how many are left of them. Field 3.
    pub ttl: Option<u64>,
}

impl Registration {
    /// A record that is to be registered for so many seconds, or for as long as points like.
    #[must_use]
    pub const fn new(namespace: String, record: Vec<u8>, ttl: Option<u64>) -> Self {
        Self { namespace, record, ttl }
    }

    fn encode(&self) -> Vec<u8> {
        let mut inner = Encoder::default();
        inner.bytes(1, &self.namespace).bytes(2, &self.record);
        if let Some(ttl) = self.ttl {
            inner.number(3, ttl);
        }
        inner.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let (mut namespace, mut record, mut ttl) = (None, None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => namespace = Some(field.text()?),
                2 => record = Some(field.bytes()?.to_vec()),
                3 => ttl = Some(field.u64()?),
                _ => {}
            }
        }
        Ok(Self { namespace: required(namespace, 1)?, record: required(record, 2)?, ttl })
    }
}

/// What a point of rendezvous is asked (libp2p's rendezvous protocol).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RendezvousRequest {
    /// To keep a record of who asks. Kind 0, in field 2.
    Register(Registration),
    /// To forget it; there is no answer. Kind 2, in field 4.
    Unregister {
        /// Where it is registered.
        namespace: String,
    },
    /// To give what is registered. Kind 3, in field 5.
    Discover {
        /// Where; everywhere without.
        namespace: Option<String>,
        /// How many at most.
        limit: Option<u64>,
        /// Where the last answer ended, as it said.
        cookie: Option<Vec<u8>>,
    },
}

/// What a point of rendezvous answers (libp2p's rendezvous protocol).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RendezvousResponse {
    /// Whether a record is kept. Kind 1, in field 3.
    Registered {
        /// Is it?
        status: RendezvousStatus,
        /// The status in words.
        text: Option<String>,
        /// For how many seconds.
        ttl: Option<u64>,
    },
    /// What is registered. Kind 4, in field 6.
    Discovered {
        /// At most [`RendezvousResponse::MAX_REGISTRATIONS`].
        registrations: Vec<Registration>,
        /// For the next question.
        cookie: Option<Vec<u8>>,
        /// Was there an answer?
        status: RendezvousStatus,
        /// The status in words.
        text: Option<String>,
    },
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RendezvousStatus {
    /// Well.
    Ok,
    /// The namespace is empty or too long.
    InvalidNamespace,
    /// The record is not one of who sent it.
    InvalidRecord,
    /// The time is too short or too long.
    InvalidTtl,
    /// The cookie is none of this point.
    InvalidCookie,
    /// Who asks may not, or has too many registrations.
    NotAuthorized,
    /// The point failed.
    Internal,
    /// The point has no room.
    Unavailable,
}

impl RendezvousStatus {
    const NUMBERS: [(Self, u32); 8] = [
        (Self::Ok, 0),
        (Self::InvalidNamespace, 100),
        (Self::InvalidRecord, 101),
        (Self::InvalidTtl, 102),
        (Self::InvalidCookie, 103),
        (Self::NotAuthorized, 200),
        (Self::Internal, 300),
        (Self::Unavailable, 400),
    ];

    fn number(self) -> u32 {
        let found = Self::NUMBERS.into_iter().find(|(status, _)| *status == self);
        found.map_or(300, |(_, number)| number)
    }

    fn of(field: Field<'_>) -> Result<Self, WireError> {
        let number = field.u32()?;
        let found = Self::NUMBERS.into_iter().find(|(_, each)| *each == number);
        found.map(|(status, _)| status).ok_or(WireError::Value { field: field.number })
    }
}

impl RendezvousResponse {
    /// Registrations in one response.
    pub const MAX_REGISTRATIONS: usize = 64;
}

/// Field 1 says which kind a message is; what it says stands in a field of its own.
fn message(kind: u32, field: u32, inner: &[u8]) -> Vec<u8> {
    Encoder::default().number(1, kind).bytes(field, inner).finish()
}

/// Fields 2 to 6 of a message.
type Parts<'a> = [Option<&'a [u8]>; 5];

/// The kind of a message, and what stands in it.
fn parts(bytes: &[u8]) -> Result<(u32, Parts<'_>), WireError> {
    let (mut kind, mut parts) = (None, [None; 5]);
    for field in Fields::of(bytes) {
        let field = field?;
        if field.number == 1 {
            kind = Some(field.u32()?);
        }
        let index = field.number.checked_sub(2).and_then(|index| usize::try_from(index).ok());
        if let Some(part) = index.and_then(|index| parts.get_mut(index)) {
            *part = Some(field.bytes()?);
        }
    }
    Ok((required(kind, 1)?, parts))
}

impl Wire for RendezvousRequest {
    /// What the deployed points read.
    const MAX_BYTES: usize = 4096;

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Register(registration) => message(0, 2, &registration.encode()),
            Self::Unregister { namespace } => {
                message(2, 4, &Encoder::default().bytes(1, namespace).finish())
            }
            Self::Discover { namespace, limit, cookie } => {
                let mut inner = Encoder::default();
                inner.optional(1, namespace.as_ref());
                if let Some(limit) = limit {
                    inner.number(2, *limit);
                }
                message(3, 5, &inner.optional(3, cookie.as_ref()).finish())
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (kind, [register, _, unregister, discover, _]) = parts(bytes)?;
        match kind {
            0 => Ok(Self::Register(Registration::decode(required(register, 2)?)?)),
            2 => decode_unregister(required(unregister, 4)?),
            3 => decode_discover(required(discover, 5)?),
            _ => Err(WireError::Value { field: 1 }),
        }
    }
}

fn decode_unregister(bytes: &[u8]) -> Result<RendezvousRequest, WireError> {
    let mut namespace = None;
    for field in Fields::of(bytes) {
        let field = field?;
        if field.number == 1 {
            namespace = Some(field.text()?);
        }
    }
    Ok(RendezvousRequest::Unregister { namespace: required(namespace, 1)? })
}

fn decode_discover(bytes: &[u8]) -> Result<RendezvousRequest, WireError> {
    let (mut namespace, mut limit, mut cookie) = (None, None, None);
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => namespace = Some(field.text()?),
            2 => limit = Some(field.u64()?),
            3 => cookie = Some(field.bytes()?.to_vec()),
            _ => {}
        }
    }
    Ok(RendezvousRequest::Discover { namespace, limit, cookie })
}

impl Wire for RendezvousResponse {
    /// Room for as many registrations as a response may have, each as long as a request.
    const MAX_BYTES: usize = Self::MAX_REGISTRATIONS * RendezvousRequest::MAX_BYTES;

    fn encode(&self) -> Vec<u8> {
        let mut inner = Encoder::default();
        match self {
            Self::Registered { status, text, ttl } => {
                inner.number(1, status.number()).optional(2, text.as_ref());
                if let Some(ttl) = ttl {
                    inner.number(3, *ttl);
                }
                message(1, 3, &inner.finish())
            }
            Self::Discovered { registrations, cookie, status, text } => {
                for registration in registrations {
                    inner.bytes(1, registration.encode());
                }
                inner.optional(2, cookie.as_ref()).number(3, status.number());
                message(4, 6, &inner.optional(4, text.as_ref()).finish())
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (kind, [_, registered, _, _, discovered]) = parts(bytes)?;
        match kind {
            1 => decode_registered(required(registered, 3)?),
            4 => decode_discovered(required(discovered, 6)?),
            _ => Err(WireError::Value { field: 1 }),
        }
    }
}

fn decode_registered(bytes: &[u8]) -> Result<RendezvousResponse, WireError> {
    let (mut status, mut text, mut ttl) = (None, None, None);
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => status = Some(RendezvousStatus::of(field)?),
            2 => text = Some(field.text()?),
            3 => ttl = Some(field.u64()?),
            _ => {}
        }
    }
    Ok(RendezvousResponse::Registered { status: required(status, 1)?, text, ttl })
}

fn decode_discovered(bytes: &[u8]) -> Result<RendezvousResponse, WireError> {
    let (mut registrations, mut cookie) = (Vec::new(), None);
    let (mut status, mut text) = (None, None);
    let limit = RendezvousResponse::MAX_REGISTRATIONS;
    for field in Fields::of(bytes) {
        let field = field?;
        match field.number {
            1 => push(&mut registrations, Registration::decode(field.bytes()?)?, 1, limit)?,
            2 => cookie = Some(field.bytes()?.to_vec()),
            3 => status = Some(RendezvousStatus::of(field)?),
            4 => text = Some(field.text()?),
            _ => {}
        }
    }
    let status = required(status, 3)?;
    Ok(RendezvousResponse::Discovered { registrations, cookie, status, text })
}

/// Where an answer of a point ended. Whoever holds one does not look inside; this is what the deployed
/// points put there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RendezvousCookie {
    /// The number of the first registration that was not given. Field 1.
    pub offset: u64,
    /// What was asked for. Field 2.
    pub namespace: Option<String>,
}

impl RendezvousCookie {
    /// What was asked for was given up to here.
    #[must_use]
    pub const fn new(offset: u64, namespace: Option<String>) -> Self {
        Self { offset, namespace }
    }
}

impl Wire for RendezvousCookie {
    /// What the deployed nodes keep.
    const MAX_BYTES: usize = 999;

    fn encode(&self) -> Vec<u8> {
        Encoder::default().number(1, self.offset).optional(2, self.namespace.as_ref()).finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut offset, mut namespace) = (None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => offset = Some(field.u64()?),
                2 => namespace = Some(field.text()?),
                _ => {}
            }
        }
        Ok(Self { offset: required(offset, 1)?, namespace })
    }
}
