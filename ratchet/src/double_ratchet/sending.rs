//! Our own chain.

use core::fmt;

use logos_crypto::keys::{PublicKey, StaticSecret};

use crate::keys::{ChainKey, HeaderKey};

/// Where our side of the conversation stands.
#[derive(Debug)]
pub(crate) enum Sending {
    /// We published `secret` and wait for the first message under it.
    Prepared { secret: StaticSecret },
    /// The peer has spoken under `remote`; our next message starts a chain.
    Idle { remote: PublicKey, previous: u32 },
    /// We are speaking.
    Active(SendingChain),
}

impl Sending {
    /// The key the peer's next step is made with; none while it is our turn.
    pub(crate) const fn secret(&self) -> Option<&StaticSecret> {
        match self {
            Self::Prepared { secret } | Self::Active(SendingChain { secret, .. }) => Some(secret),
            Self::Idle { .. } => None,
        }
    }

    /// Messages sent on the current chain.
    pub(crate) const fn count(&self) -> u32 {
        match self {
            Self::Active(chain) => chain.n,
            Self::Prepared { .. } | Self::Idle { .. } => 0,
        }
    }
}

/// A chain we send on.
pub(crate) struct SendingChain {
    pub(crate) secret: StaticSecret,
    pub(crate) chain: ChainKey,
    /// Number of the next message.
    pub(crate) n: u32,
    /// Messages on the chain before.
    pub(crate) previous: u32,
    pub(crate) header_key: Option<HeaderKey>,
    /// Flags that every header of the chain carries.
    pub(crate) flags: u8,
}

impl fmt::Debug for SendingChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, chain: _, n, previous, header_key: _, flags } = self;
        f.debug_struct("SendingChain")
            .field("ratchet", &secret.public_key())
            .field("n", n)
            .field("previous", previous)
            .field("flags", flags)
            .finish_non_exhaustive()
    }
}
