//! Threads that make slots while nothing else is to be done.

use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::watch;

use super::Workshop;
use crate::prover::clock::Clock;
use crate::prover::epoch::EpochSchedule;

/// How long to look away at most when nobody rings.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Threads that make slots, one for each core that proves.
///
/// They have the lowest priority of the operating system, where it can be set for one thread, and
/// begin no slot while somebody waits for a proof.
#[derive(Debug)]
pub struct Makers(Vec<JoinHandle<()>>);

impl Makers {
    /// Starts them; they end when `stop` turns true.
    #[must_use]
    pub fn start(
        cores: usize,
        workshop: &Arc<Workshop>,
        clock: &Arc<dyn Clock>,
        schedule: &EpochSchedule,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        let maker = |_| {
            let (workshop, clock) = (Arc::clone(workshop), Arc::clone(clock));
            let (schedule, stop) = (schedule.clone(), stop.clone());
            let work = move || {
                lower_priority();
                workshop.make_until(&*clock, &schedule, &stop);
            };
            // Without such a thread proofs are made when they are asked for.
            let thread = thread::Builder::new().name("prover-slots".to_owned()).spawn(work);
            thread.inspect_err(|error| tracing::warn!(%error, "no slots are made ahead")).ok()
        };
        Self((0..cores).filter_map(maker).collect())
    }

    /// Waits until they have ended.
    pub fn join(self) {
        for thread in self.0 {
            if thread.join().is_err() {
                tracing::error!("a thread that makes slots was given up");
            }
        }
    }
}

/// Takes the lowest priority there is.
#[cfg(target_os = "linux")]
fn lower_priority() {
    const NICE: i32 = 19;
    // Of this thread alone: that is what the kernel takes a process to be.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "slots are made at the usual priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

impl Workshop {
    fn make_until(
        &self,
        clock: &dyn Clock,
        schedule: &EpochSchedule,
        stop: &watch::Receiver<bool>,
    ) {
        // Whoever could stop it may be gone as well.
        while !*stop.borrow() && stop.has_changed().is_ok() {
            let seen = *self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
            if self.make_a_slot(schedule.at(clock.now())) {
                continue;
            }
            let wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
            let nothing_new = |wishes: &mut u64| *wishes == seen;
            drop(self.bell.wait_timeout_while(wishes, LOOK_AGAIN, nothing_new));
        }
    }
}
