//! What peer exchange says: records of other peers.

use super::proto::{Encoder, Field, Fields, check_size, push, required};
use super::{Wire, WireError};

/// A request or a response of peer exchange (LIP 34).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerExchange {
    /// Asks for records. Field 1.
    Query {
        /// How many at most.
        peers: u64,
    },
    /// Gives records. Field 2.
    Response {
        /// Signed node records (EIP-778), undecoded, at most [`PeerExchange::MAX_RECORDS`].
        records: Vec<Vec<u8>>,
        /// One of [`status`](super::status).
        status: Option<u32>,
        /// The status in words.
        description: Option<String>,
    },
}

impl PeerExchange {
    /// Records in one response.
    pub const MAX_RECORDS: usize = 60;
    /// The longest record, in bytes (EIP-778).
    pub const MAX_RECORD_BYTES: usize = 300;

    fn decode_query(bytes: &[u8]) -> Result<Self, WireError> {
        let mut peers = 0;
        for field in Fields::of(bytes) {
            let field = field?;
            if field.number == 1 {
                peers = field.u64()?;
            }
        }
        Ok(Self::Query { peers })
    }

    fn decode_response(bytes: &[u8]) -> Result<Self, WireError> {
        let (mut records, mut status, mut description) = (Vec::new(), None, None);
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => push(&mut records, record(field)?, 1, Self::MAX_RECORDS)?,
                10 => status = Some(field.u32()?),
                11 => description = Some(field.text()?),
                _ => {}
            }
        }
        Ok(Self::Response { records, status, description })
    }
}

fn record(field: Field<'_>) -> Result<Vec<u8>, WireError> {
    let mut record = None;
    for inner in Fields::of(field.bytes()?) {
        let inner = inner?;
        if inner.number == 1 {
            record = Some(inner.bytes_up_to(PeerExchange::MAX_RECORD_BYTES)?.to_vec());
        }
    }
    required(record, 1)
}

impl Wire for PeerExchange {
    const MAX_BYTES: usize = 64 * 1024;

    fn encode(&self) -> Vec<u8> {
        let mut inner = Encoder::default();
        let field = match self {
            Self::Query { peers } => {
                inner.number(1, *peers);
                1
            }
            Self::Response { records, status, description } => {
                for record in records {
                    inner.bytes(1, Encoder::default().bytes(1, record).finish());
                }
                if let Some(status) = status {
                    inner.number(10, *status);
                }
                inner.optional(11, description.as_ref());
                2
            }
        };
        Encoder::default().bytes(field, inner.finish()).finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let mut message = None;
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => message = Some(Self::decode_query(field.bytes()?)?),
                2 => message = Some(Self::decode_response(field.bytes()?)?),
                _ => {}
            }
        }
        required(message, 1)
    }
}
