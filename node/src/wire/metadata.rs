//! What peers tell each other first: which cluster and shards they serve.

use super::proto::{Encoder, Fields, check_size, write_varint};
use super::{Wire, WireError};

/// A peer's cluster and shards, as request and as response (LIP 66).
///
/// The cluster is field 1. The shards go out twice, as the deployed nodes send them: unpacked in
/// field 2, which is old, and packed in field 3. Where both come in, field 3 counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataMessage {
    /// The network.
    pub cluster: Option<u32>,
    /// Which parts of it, at most [`MetadataMessage::MAX_SHARDS`].
    pub shards: Vec<u32>,
}

impl MetadataMessage {
    /// Shards of one peer.
    pub const MAX_SHARDS: usize = 1024;
}

impl Wire for MetadataMessage {
    const MAX_BYTES: usize = 64 * 1024;

    fn encode(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        if let Some(cluster) = self.cluster {
            encoder.number(1, cluster);
        }
        let mut packed = Vec::new();
        for shard in &self.shards {
            encoder.number(2, *shard);
            write_varint(&mut packed, u64::from(*shard));
        }
        encoder.bytes(3, packed).finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        check_size(bytes, Self::MAX_BYTES)?;
        let (mut cluster, mut old, mut new) = (None, Vec::new(), Vec::new());
        for field in Fields::of(bytes) {
            let field = field?;
            match field.number {
                1 => cluster = Some(field.u32()?),
                2 => field.push_numbers(&mut old, Self::MAX_SHARDS)?,
                3 => field.push_numbers(&mut new, Self::MAX_SHARDS)?,
                _ => {}
            }
        }
        Ok(Self { cluster, shards: if new.is_empty() { old } else { new } })
    }
}
