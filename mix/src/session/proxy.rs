//! Rendezvous: a third node uses the reply block of one end for the other.
//!
//! Whoever uses a reply block shows itself to the block's first hop, which the block's maker
//! chose. So two ends that hide from each other do not use each other's blocks: each sends
//! block and bytes to a node in the middle, over the mix, and that node uses it.

use alloc::vec::Vec;

use logos_crypto::codec::{DecodeError, Reader, Writer};

use crate::framing::{Framing, Message};
use crate::layout::SURB_BYTES;
use crate::surb::Surb;

/// The codec of requests to use a block.
pub const PROXY_CODEC: &str = "/logos/mix/proxy/1.0.0";

/// A request to send bytes through a block.
///
/// | bytes | field |
/// |---|---|
/// | 734 | the block |
/// | rest | what to send through it |
///
/// # Examples
///
/// ```
/// use logos_mix::session::ProxyRequest;
/// use logos_mix::Surb;
///
/// let request = ProxyRequest { surb: Surb::from_bytes(&[1; 734]), data: b"hello".to_vec() };
/// assert_eq!(ProxyRequest::from_bytes(&request.to_bytes())?, request);
/// # Ok::<(), logos_crypto::codec::DecodeError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct ProxyRequest {
    /// The block, of the end that shall get the bytes.
    pub surb: Surb,
    /// The bytes.
    pub data: Vec<u8>,
}

impl ProxyRequest {
    /// Bytes that fit.
    pub const CAPACITY: usize =
        Message::capacity(Framing::Current, PROXY_CODEC.len(), 0) - SURB_BYTES;

    /// The request as application bytes of [`PROXY_CODEC`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(SURB_BYTES.saturating_add(self.data.len()));
        writer.put(&self.surb.to_bytes()).put(&self.data);
        writer.into_bytes()
    }

    /// Reads a request; [`Node::handle_reply`](crate::Node::handle_reply) carries it out.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if there is no whole block.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let surb = Surb::from_bytes(reader.array()?);
        let data = reader.take(reader.remaining())?.to_vec();
        Ok(Self { surb, data })
    }
}
