//! What a channel's members agree on, and what one of them may hold.

use std::time::Duration;

use super::dialect::Dialect;

/// How messages are synchronised. Dialect and repair times should be the same for all members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SdsConfig {
    /// How messages are written.
    pub dialect: Dialect,
    /// References to other messages in one message, at most: all heads of the log, then what others
    /// wrote and nobody has confirmed; two recent messages always. Order is causal without
    /// exception while there are no more heads than this, that is, messages that were sent without
    /// knowing of each other.
    pub causal_history: usize,
    /// Messages that our Bloom filter speaks of: the latest. Zero for no filter.
    pub bloom_history: usize,
    /// Messages that are remembered. What is older than all of them is refused.
    pub log: usize,
    /// Bytes of remembered messages that are kept to repair others' gaps.
    pub cache_bytes: usize,
    /// Messages that wait for others.
    pub waiting: usize,
    /// Bytes of messages that wait for others.
    pub waiting_bytes: usize,
    /// How long a message of ours waits for a confirmation before it is sent again. Doubles each
    /// time.
    pub ack_timeout: Duration,
    /// The longest such time.
    pub max_ack_timeout: Duration,
    /// How long a message of ours may be unconfirmed.
    pub give_up: Duration,
    /// How long a missing message is waited for.
    pub lost_after: Duration,
    /// How long a missing message is waited for before the store is asked.
    pub fetch_after: Duration,
    /// How long a confirmation waits for a message to go with. In a group members wait longer, each
    /// differently, so that one of them speaks for all.
    pub ack_delay: Duration,
    /// How long after the last news a member first says what it has, until all seem to have it.
    /// Doubles each time, up to `sync_limit`.
    pub sync_interval: Duration,
    /// The last such interval.
    pub sync_limit: Duration,
    /// How gaps are repaired.
    pub repair: RepairConfig,
}

/// Repair of gaps by other members (SDS-R).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairConfig {
    /// `T_min`: how long a missing message is waited for before members are asked.
    pub earliest: Duration,
    /// `T_max`: within what time they are asked, and answer.
    pub latest: Duration,
    /// Requests in one message, at most.
    pub requests: usize,
    /// `num_response_groups`: in how many parts members divide the answering.
    pub groups: u64,
}

impl Default for RepairConfig {
    fn default() -> Self {
        Self {
            earliest: Duration::from_secs(30),
            latest: Duration::from_secs(120),
            requests: 8,
            groups: 1,
        }
    }
}

impl Default for SdsConfig {
    fn default() -> Self {
        Self {
            dialect: Dialect::Lip,
            causal_history: 128,
            bloom_history: 1000,
            log: 65_536,
            cache_bytes: 64 << 20,
            waiting: 8192,
            waiting_bytes: 64 << 20,
            ack_timeout: Duration::from_secs(5),
            max_ack_timeout: Duration::from_secs(300),
            give_up: Duration::from_secs(24 * 3600),
            lost_after: Duration::from_secs(3600),
            fetch_after: Duration::from_secs(3),
            ack_delay: Duration::from_secs(1),
            sync_interval: Duration::from_secs(10),
            sync_limit: Duration::from_secs(1800),
            repair: RepairConfig::default(),
        }
    }
}

/// Messages that are missing, at most: more are not asked for, and what needs them is refused.
pub const MAX_MISSING: usize = 8192;
/// Requests of others that wait for an answer, at most.
pub const MAX_REPAIRS: usize = 1024;
/// Members whose progress is followed, at most.
pub const MAX_PEERS: usize = 1024;
/// How far ahead of ours a member's clock may be.
pub const MAX_CLOCK_LEAD: Duration = Duration::from_secs(600);
