//! What a node is told at its start, and what it counts.

use alloc::collections::BTreeSet;
use alloc::string::String;
use core::time::Duration;

use crate::cover::{CoverConfig, MonitorConfig};
use crate::framing::Framing;
use crate::pool::Profile;
use crate::relay::RelayConfig;
use crate::route::MeanDelay;
use crate::sphinx::Sphinx;

/// Which messages a node hands to others when a packet ends at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitPolicy {
    /// None: the node takes messages for itself only.
    #[default]
    Closed,
    /// Those of these protocols.
    Codecs(BTreeSet<String>),
}

impl ExitPolicy {
    /// Whether a message of this protocol may leave.
    #[must_use]
    pub fn admits(&self, codec: &str) -> bool {
        match self {
            Self::Closed => false,
            Self::Codecs(codecs) => codecs.contains(codec),
        }
    }
}

/// What a node is and may.
///
/// The defaults are those that the simulator justifies; `docs/mix.md` has the figures.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeConfig {
    /// The packet format.
    pub sphinx: Sphinx,
    /// How messages are padded.
    pub framing: Framing,
    /// The relaying half.
    pub relay: RelayConfig,
    /// The cover schedule.
    pub cover: CoverConfig,
    /// When loops count as lost.
    pub monitor: MonitorConfig,
    /// How paths are drawn.
    pub profile: Profile,
    /// The mean delay that this node asks each hop for.
    pub delay: MeanDelay,
    /// Nodes that have to be known before anything is sent.
    pub pool_minimum: usize,
    /// Nodes that may be known.
    pub pool_capacity: usize,
    /// Packets that may wait for the schedule.
    pub waiting: usize,
    /// How long reply blocks are kept.
    pub surb_lifetime: Duration,
    /// Reply blocks that may be out.
    pub surb_capacity: usize,
    /// What leaves the network here.
    pub exit: ExitPolicy,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            sphinx: Sphinx::default(),
            framing: Framing::default(),
            relay: RelayConfig::default(),
            cover: CoverConfig::default(),
            monitor: MonitorConfig::default(),
            profile: Profile::uniform(3),
            delay: MeanDelay::from_millis(1000).unwrap_or(MeanDelay::MIN),
            pool_minimum: 4,
            pool_capacity: 100_000,
            waiting: 1024,
            surb_lifetime: Duration::from_secs(30 * 60),
            surb_capacity: 100_000,
            exit: ExitPolicy::default(),
        }
    }
}

/// What became of messages, beside the relay's [`Counters`](crate::Counters).
///
/// What the relay delivered is the sum of `delivered`, `exited`, `exit_refused`, `malformed` and
/// the loops; its replies are `replies`, `unknown_replies` and `bad_replies`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeCounters {
    /// Packets with messages or replies of this node that were sent or are held.
    pub sent: u64,
    /// Loops sent.
    pub loops_sent: u64,
    /// Loops that came back.
    pub loops_returned: u64,
    /// Loops that came back late or belong to others.
    pub loops_foreign: u64,
    /// Times at which the schedule had a packet due and no slot or path was left.
    pub skipped: u64,
    /// Messages for this node.
    pub delivered: u64,
    /// Messages handed to others.
    pub exited: u64,
    /// Messages that the exit policy did not let out.
    pub exit_refused: u64,
    /// Packets whose payload is no framed message.
    pub malformed: u64,
    /// Replies.
    pub replies: u64,
    /// Replies to blocks that are not, or no more, out.
    pub unknown_replies: u64,
    /// Replies that were changed on the way.
    pub bad_replies: u64,
}
