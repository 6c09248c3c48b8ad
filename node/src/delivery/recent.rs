//! The sends that are remembered.

use std::collections::{HashMap, VecDeque};

use super::request::RequestId;

/// The last known state of sends; those that ended are forgotten when many more have.
#[derive(Debug)]
pub(super) struct Bounded<V> {
    values: HashMap<RequestId, V>,
    ended: VecDeque<RequestId>,
}

impl<V> Bounded<V> {
    /// Ended sends that are remembered.
    const MAX_ENDED: usize = 8192;

    pub(super) fn new() -> Self {
        Self { values: HashMap::new(), ended: VecDeque::new() }
    }

    pub(super) fn insert(&mut self, id: RequestId, value: V) {
        self.values.insert(id, value);
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&V> {
        self.values.get(&id)
    }

    /// Notes that a send ended; it may be forgotten from now on.
    pub(super) fn end(&mut self, id: RequestId) {
        self.ended.push_back(id);
        if self.ended.len() > Self::MAX_ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}
