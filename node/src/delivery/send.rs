//! What happens to a message between `send` and its outcome: a machine without clock or sockets.
//!
//! A message is prepared (stamped, proved), published by relay or through a service, and looked up
//! in a store. Each failed step is tried again with growing pauses until a deadline; a stamp that
//! has grown old is renewed before the message is published again, because the network takes only
//! fresh ones.

use core::ops::Bound;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use logos_crypto::tick::Tick;
use thiserror::Error;

use super::request::{Outcome, Progress, RequestId, SendFailure};
use crate::wire::{MessageHash, StoreRequest, UnixNanos, status};

/// The sends of a node.
///
/// The caller feeds results in through `handle_*`, takes what is to be done from
/// [`poll_output`](Self::poll_output), and comes back at [`next_deadline`](Self::next_deadline).
/// What is handled for a request that has ended is ignored: its answer came late.
#[derive(Debug)]
pub struct SendMachine {
    route: Route,
    times: SendTimes,
    has_store: bool,
    requests: BTreeMap<RequestId, Request>,
    outputs: VecDeque<SendOutput>,
    check_under_way: bool,
    next_check: Tick,
    /// The last send a store was asked about; the next question goes on after it.
    asked: Option<RequestId>,
}

/// How messages leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By relay, and through a service where there are no peers to relay to.
    Relay,
    /// Through a service only.
    Service,
}

/// How long the steps of a send take at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendTimes {
    /// The pause after the first failure; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How old a stamp may be when its message is published.
    pub fresh: Duration,
    /// How long a store has to get a message before it is asked, and how long between questions.
    pub check_after: Duration,
    /// How long a message may take to leave, and then again to be found in a store.
    pub deadline: Duration,
}

impl Default for SendTimes {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(8),
            fresh: Duration::from_secs(10),
            check_after: Duration::from_secs(3),
            deadline: Duration::from_secs(60),
        }
    }
}

/// What is to be done, or told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutput {
    /// Stamp and prove the message: [`SendMachine::handle_prepared`].
    Prepare(RequestId),
    /// Relay the message: [`SendMachine::handle_relayed`].
    Relay(RequestId),
    /// Publish the message through a service: [`SendMachine::handle_pushed`].
    Push(RequestId),
    /// Ask a store which messages it has: [`SendMachine::handle_checked`].
    Check(Vec<MessageHash>),
    /// Tell how far the message is.
    Progress(RequestId, Progress),
    /// Tell how the send ended. Nothing follows for this request.
    Finished(RequestId, Outcome),
}

/// Why a message could not be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrepareFailure {
    /// The limit of this epoch is used up.
    RateLimited {
        /// When the next epoch begins.
        until: Tick,
        /// The same on the wall clock.
        next: UnixNanos,
    },
    /// Perhaps at the next try.
    Again,
    /// Never.
    Never(SendFailure),
}

/// Why a message was not relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayFailure {
    /// Nobody to relay to.
    NoPeers,
    /// The queues are full.
    Busy,
    /// The message will never be relayed.
    Refused,
}

/// Why a message was not published through a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushFailure {
    /// No service is known, or none answered.
    Unreachable,
    /// The service answered with this status.
    Status(u32),
}

/// Too many sends have not ended.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{limit} messages are under way already")]
pub struct TooManySends {
    /// The bound.
    pub limit: usize,
}

#[derive(Debug)]
struct Request {
    ephemeral: bool,
    accepted: Tick,
    step: Step,
    failures: u32,
    refusals: u32,
    /// How often it left.
    times_left: u32,
    /// When the message got its stamp, while the stamp is of use.
    stamped: Option<Tick>,
    /// When it left first, and to how many peers at best.
    left: Option<(Tick, usize)>,
    /// Its names, one for each stamp it left with, the newest last.
    names: VecDeque<MessageHash>,
    /// The name it has now.
    name: Option<MessageHash>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Somebody works on it.
    Busy,
    /// Nothing to do before then.
    Pause(Tick),
    /// It left; a store should have it. It is published again then.
    Confirm(Tick),
}

impl SendMachine {
    /// Sends that have not ended.
    pub const MAX_REQUESTS: usize = 1024;
    /// Names of one message that are looked for in a store.
    pub const MAX_NAMES: usize = 8;
    /// How often a service may refuse a proof before the send fails.
    pub const MAX_REFUSALS: u32 = 3;

    /// A machine without sends.
    #[must_use]
    pub const fn new(route: Route, times: SendTimes) -> Self {
        Self {
            route,
            times,
            has_store: false,
            requests: BTreeMap::new(),
            outputs: VecDeque::new(),
            check_under_way: false,
            next_check: Tick::ORIGIN,
            asked: None,
        }
    }

    /// Begins a send.
    ///
    /// # Errors
    ///
    /// [`TooManySends`]; nothing has changed.
    pub fn handle_send(
        &mut self,
        now: Tick,
        id: RequestId,
        ephemeral: bool,
    ) -> Result<(), TooManySends> {
        if self.requests.len() >= Self::MAX_REQUESTS {
            return Err(TooManySends { limit: Self::MAX_REQUESTS });
        }
        self.requests.insert(id, Request::new(now, ephemeral));
        self.outputs.push_back(SendOutput::Progress(id, Progress::Accepted));
        self.outputs.push_back(SendOutput::Prepare(id));
        Ok(())
    }

    /// Notes whether there is a store to ask. Without one, a message that left is done.
    pub fn handle_store_known(&mut self, known: bool) {
        self.has_store = known;
    }

    /// How many sends have not ended.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.requests.len()
    }

    /// The message was stamped and proved, or not.
    pub fn handle_prepared(
        &mut self,
        now: Tick,
        id: RequestId,
        result: Result<MessageHash, PrepareFailure>,
    ) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        match result {
            Ok(name) => {
                request.stamped = Some(now);
                request.name = Some(name);
                self.publish(id);
            }
            Err(PrepareFailure::RateLimited { until, next }) => {
                request.step = Step::Pause(until.max(now));
                if until >= request.since() + self.times.deadline {
                    self.give_up(id, SendFailure::RateLimited { next });
                }
            }
            Err(PrepareFailure::Again) => self.pause(now, id),
            Err(PrepareFailure::Never(failure)) => self.give_up(id, failure),
        }
    }

    /// The message was relayed to so many peers, or not.
    pub fn handle_relayed(
        &mut self,
        now: Tick,
        id: RequestId,
        result: Result<usize, RelayFailure>,
    ) {
        if !self.requests.contains_key(&id) {
            return;
        }
        match result {
            Ok(peers) => self.left(now, id, peers),
            // In the same pass: the message is fresh now.
            Err(RelayFailure::NoPeers) => self.outputs.push_back(SendOutput::Push(id)),
            Err(RelayFailure::Busy) => self.pause(now, id),
            Err(RelayFailure::Refused) => self.give_up(id, SendFailure::Invalid),
        }
    }

    /// A service published the message to so many peers, or not.
    pub fn handle_pushed(&mut self, now: Tick, id: RequestId, result: Result<usize, PushFailure>) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        match result {
            Ok(peers) => self.left(now, id, peers),
            Err(PushFailure::Unreachable) => self.pause(now, id),
            Err(PushFailure::Status(code)) if is_passing(code) => self.pause(now, id),
            Err(PushFailure::Status(status::INVALID_MESSAGE))
                if request.refusals < Self::MAX_REFUSALS =>
            {
                // Its proof may have met a root or an epoch that had just passed.
                request.refusals += 1;
                request.stamped = None;
                self.pause(now, id);
            }
            Err(PushFailure::Status(code)) => {
                self.give_up(id, SendFailure::Refused { status: code })
            }
        }
    }

    /// A store said which of the messages it has, or did not answer.
    pub fn handle_checked(&mut self, now: Tick, found: &[MessageHash]) {
        self.check_under_way = false;
        let goes_on = !found.is_empty() && self.names_after(self.asked).next().is_some();
        self.next_check = if goes_on { now } else { now + self.times.check_after };
        let stored: Vec<_> = self
            .requests
            .iter()
            .filter(|(_, request)| request.names.iter().any(|name| found.contains(name)))
            .map(|(id, _)| *id)
            .collect();
        for id in stored {
            self.outputs.push_back(SendOutput::Progress(id, Progress::Stored));
            self.finish(id, Outcome::Stored);
        }
    }

    /// Ends every send that has not ended: the node stops.
    pub fn handle_shutdown(&mut self) {
        let ids: Vec<_> = self.requests.keys().copied().collect();
        for id in ids {
            self.give_up(id, SendFailure::ShuttingDown);
        }
    }

    /// What is to be done now, until `None`.
    pub fn poll_output(&mut self, now: Tick) -> Option<SendOutput> {
        if self.outputs.is_empty() {
            self.run_timers(now);
        }
        self.outputs.pop_front()
    }

    /// When to poll again at the latest, if nothing is handled before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let requests = self.requests.values().map(|request| self.deadline(request));
        let check = self.is_check_wanted().then_some(self.next_check);
        requests.chain(check).min()
    }

    fn deadline(&self, request: &Request) -> Tick {
        let end = request.since() + self.times.deadline;
        match request.step {
            Step::Busy => end,
            Step::Pause(until) | Step::Confirm(until) => end.min(until),
        }
    }

    fn run_timers(&mut self, now: Tick) {
        let due: Vec<_> = self
            .requests
            .iter()
            .filter(|(_, request)| self.deadline(request) <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.wake(now, id);
        }
        if self.is_check_wanted() && self.next_check <= now {
            self.check();
        }
    }

    fn wake(&mut self, now: Tick, id: RequestId) {
        let Some(request) = self.requests.get_mut(&id) else { return };
        if request.since() + self.times.deadline <= now {
            return self.give_up(id, SendFailure::NoRoute);
        }
        request.step = Step::Busy;
        let is_fresh = request.stamped.is_some_and(|stamped| now < stamped + self.times.fresh);
        if is_fresh {
            self.publish(id);
        } else {
            self.outputs.push_back(SendOutput::Prepare(id));
        }
    }

    fn publish(&mut self, id: RequestId) {
        self.outputs.push_back(match self.route {
            Route::Relay => SendOutput::Relay(id),
            Route::Service => SendOutput::Push(id),
        });
    }

    fn left(&mut self, now: Tick, id: RequestId, peers: usize) {
        let has_store = self.has_store;
        let times = self.times;
        let is_check_planned = self.check_under_way || self.is_check_wanted();
        let Some(request) = self.requests.get_mut(&id) else { return };
        let first = request.left.is_none();
        let (since, best) = request.left.unwrap_or((now, 0));
        request.left = Some((since, best.max(peers)));
        request.remember_name();
        request.step = Step::Confirm(now + times.again_after(request.times_left));
        request.times_left += 1;
        let confirms = has_store && !request.ephemeral;
        if first {
            self.outputs.push_back(SendOutput::Progress(id, Progress::Propagated { peers }));
            // Only the first one moves the question: others that leave must not push it away.
            if !is_check_planned {
                self.next_check = self.next_check.max(now + times.check_after);
            }
        }
        if !confirms {
            self.finish(id, Outcome::Propagated { peers });
        }
    }

    fn pause(&mut self, now: Tick, id: RequestId) {
        let times = self.times;
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.step = Step::Pause(now + times.pause(request.failures));
        request.failures += 1;
    }

    /// Ends a send: well if the message left at all.
    fn give_up(&mut self, id: RequestId, failure: SendFailure) {
        let Some(request) = self.requests.get(&id) else { return };
        let outcome = match request.left {
            Some((_, peers)) => Outcome::Propagated { peers },
            None => Outcome::Failed(failure),
        };
        self.finish(id, outcome);
    }

    fn finish(&mut self, id: RequestId, outcome: Outcome) {
        self.requests.remove(&id);
        self.outputs.push_back(SendOutput::Finished(id, outcome));
    }

    fn is_check_wanted(&self) -> bool {
        let mut requests = self.requests.values();
        self.has_store && !self.check_under_way && requests.any(Request::waits_for_store)
    }

    /// Asks about as many sends as fit, from where the last question ended.
    fn check(&mut self) {
        if self.names_after(self.asked).next().is_none() {
            self.asked = None;
        }
        let mut asked = Vec::with_capacity(StoreRequest::MAX_HASHES);
        let mut last = self.asked;
        for (id, names) in self.names_after(self.asked) {
            if asked.len() + names.len() > StoreRequest::MAX_HASHES {
                break;
            }
            asked.extend(names.iter().rev());
            last = Some(id);
        }
        self.asked = last;
        self.check_under_way = true;
        self.outputs.push_back(SendOutput::Check(asked));
    }

    /// The names to look for of the sends after one, in their order.
    fn names_after(
        &self,
        last: Option<RequestId>,
    ) -> impl Iterator<Item = (RequestId, &VecDeque<MessageHash>)> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let requests = self.requests.range((from, Bound::Unbounded));
        let waiting = requests.filter(|(_, request)| request.waits_for_store());
        waiting.map(|(id, request)| (*id, &request.names))
    }
}

impl Request {
    const fn new(now: Tick, ephemeral: bool) -> Self {
        Self {
            ephemeral,
            accepted: now,
            step: Step::Busy,
            failures: 0,
            refusals: 0,
            times_left: 0,
            stamped: None,
            left: None,
            names: VecDeque::new(),
            name: None,
        }
    }

    /// When the part of its way began that it is on.
    fn since(&self) -> Tick {
        self.left.map_or(self.accepted, |(since, _)| since)
    }

    fn waits_for_store(&self) -> bool {
        !self.ephemeral && !self.names.is_empty()
    }

    fn remember_name(&mut self) {
        let Some(name) = self.name.filter(|name| !self.names.contains(name)) else { return };
        if self.names.len() >= SendMachine::MAX_NAMES {
            self.names.pop_front();
        }
        self.names.push_back(name);
    }
}

impl SendTimes {
    /// The pause after so many failures before this one.
    fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << failures.min(16));
        doubled.min(self.longest_pause)
    }

    /// When to publish a message again that no store has, after it left so many times before: not
    /// while its stamp is fresh, since relays drop what they have seen.
    fn again_after(&self, times: u32) -> Duration {
        self.fresh.saturating_mul(1 << times.min(8))
    }
}

/// Is a status one that may be another at the next try?
const fn is_passing(code: u32) -> bool {
    matches!(
        code,
        status::TOO_MANY_REQUESTS
            | status::INTERNAL
            | status::UNAVAILABLE
            | status::OUT_OF_PROOFS
            | status::NO_PEERS
    )
}

#[cfg(test)]
mod tests;
