//! The way of a packet: mix nodes, their addresses, and how long each holds it.

use alloc::vec::Vec;
use core::num::NonZeroU16;
use core::time::Duration;

use thiserror::Error;

use crate::address::AddressBlock;
use crate::keys::MixKey;
use crate::layout::MAX_HOPS;

/// The mean time a hop holds a packet, in whole milliseconds.
///
/// Never zero: on the wire zero means that the hop is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeanDelay(NonZeroU16);

impl MeanDelay {
    /// One millisecond.
    pub const MIN: Self = Self(NonZeroU16::MIN);

    /// A mean of `millis`; none for zero.
    #[must_use]
    pub const fn from_millis(millis: u16) -> Option<Self> {
        match NonZeroU16::new(millis) {
            Some(millis) => Some(Self(millis)),
            None => None,
        }
    }

    /// Milliseconds, as on the wire.
    #[must_use]
    pub const fn millis(self) -> u16 {
        self.0.get()
    }

    /// The mean as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0.get() as u64)
    }
}

/// How long a hop holds a packet, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// A random time of this mean, which the hop draws.
    Mean(MeanDelay),
    /// This time, which the sender drew.
    Exactly(Duration),
}

/// One mix node of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The node's key.
    pub key: MixKey,
    /// Where the hop before, or the sender, sends the packet.
    pub address: AddressBlock,
    /// How long the node holds the packet before it passes it on. The last hop does not.
    pub delay: MeanDelay,
}

/// Why hops are not a route.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// There are no hops.
    #[error("a route has at least one hop")]
    Empty,
    /// A header has no room for so many hops.
    #[error("{0} hops are more than the header has room for")]
    TooLong(usize),
    /// A key stands in the route twice.
    #[error("a mix node stands in the route twice")]
    Repeated,
}

/// One to [`MAX_HOPS`] different mix nodes, in the order a packet passes them.
///
/// LIP-99 wants at least three; deployed nodes send exactly three. Shorter routes are for tests
/// and for senders who know what they give up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    // Invariant: 1 to MAX_HOPS hops with different keys.
    hops: Vec<Hop>,
}

impl Route {
    /// Checks the hops.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if there are none, more than [`MAX_HOPS`], or one twice.
    pub fn new(hops: Vec<Hop>) -> Result<Self, RouteError> {
        match hops.len() {
            0 => Err(RouteError::Empty),
            n if n > MAX_HOPS => Err(RouteError::TooLong(n)),
            _ if repeats(&hops) => Err(RouteError::Repeated),
            _ => Ok(Self { hops }),
        }
    }

    /// The hops.
    #[must_use]
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// Where the sender sends the packet.
    #[must_use]
    pub fn first(&self) -> AddressBlock {
        self.hops.first().map_or(AddressBlock::NONE, |hop| hop.address)
    }
}

fn repeats(hops: &[Hop]) -> bool {
    hops.iter().enumerate().any(|(i, hop)| hops.iter().take(i).any(|other| other.key == hop.key))
}
