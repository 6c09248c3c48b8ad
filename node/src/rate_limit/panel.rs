//! Threads that judge together what waits.
//!
//! Messages from all callers stand in one queue. A thread takes as many as there are, up to a
//! bound and to its share, so single messages are judged at once and bursts in batches, where each
//! costs a fraction.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rand_chacha::ChaCha20Rng;

use super::court::{Case, Court};
use crate::random::os_seeded;
use crate::rate_limit::Finding;

/// The judging threads; they end when this is dropped.
#[derive(Debug)]
pub(super) struct Panel {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    court: Arc<Court>,
    queue: Mutex<Queue>,
    arrived: Condvar,
    /// Messages judged together at most.
    batch: usize,
    /// Among how many threads a burst is shared.
    threads: usize,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Filed>,
    stopped: bool,
}

/// A message in the queue. Dropped without a finding it reports that the node stopped, so nobody
/// waits for ever.
struct Filed {
    // Taken when it is judged.
    case: Option<Case>,
    place: usize,
    docket: Arc<Docket>,
}

impl Panel {
    /// Starts `threads` threads. With fewer than asked for it works, with none it does not.
    pub(super) fn start(court: &Arc<Court>, threads: usize, batch: usize) -> Self {
        let (queue, arrived) = (Mutex::default(), Condvar::new());
        let court = Arc::clone(court);
        let shared = Arc::new(Shared { court, queue, arrived, batch: batch.max(1), threads });
        let start = |number| {
            let shared = Arc::clone(&shared);
            let rng = os_seeded().ok()?;
            let named = thread::Builder::new().name(format!("rln-judge-{number}"));
            named.spawn(move || shared.work(rng)).ok()
        };
        let threads = (0..threads).filter_map(start).collect();
        Self { shared, threads }
    }

    /// Is nobody there to judge?
    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Queues the cases of a docket, each with its place in it.
    pub(super) fn file(&self, docket: &Arc<Docket>, cases: Vec<(usize, Case)>) {
        let mut queue = self.shared.queue();
        queue.waiting.extend(cases.into_iter().map(|(place, case)| Filed {
            case: Some(case),
            place,
            docket: Arc::clone(docket),
        }));
        drop(queue);
        self.shared.arrived.notify_all();
    }

    /// Messages that wait.
    pub(super) fn waiting(&self) -> usize {
        self.shared.queue().waiting.len()
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let rest = {
            let mut queue = self.shared.queue();
            queue.stopped = true;
            std::mem::take(&mut queue.waiting)
        };
        self.shared.arrived.notify_all();
        drop(rest);
        for thread in self.threads.drain(..) {
            // A thread that panicked has dropped what it had.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut rng: ChaCha20Rng) {
        while let Some(mut filed) = self.next() {
            let cases: Vec<Case> = filed.iter_mut().filter_map(|filed| filed.case.take()).collect();
            let findings = self.court.decide(&cases, &mut rng);
            for (filed, finding) in filed.iter().zip(findings) {
                filed.docket.put(filed.place, finding);
            }
        }
    }

    /// This thread's share of what waits, as soon as something does.
    fn next(&self) -> Option<Vec<Filed>> {
        let mut queue = self.queue();
        while queue.waiting.is_empty() && !queue.stopped {
            queue = self.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.stopped {
            return None;
        }
        let share = queue.waiting.len().div_ceil(self.threads.max(1)).min(self.batch);
        Some(queue.waiting.drain(..share).collect())
    }
}

impl Drop for Filed {
    fn drop(&mut self) {
        // Does nothing where a finding is.
        self.docket.put(self.place, Finding::Stopped);
    }
}

impl std::fmt::Debug for Filed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filed").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What is told when all messages of a call are judged.
type Report = Box<dyn FnOnce(Vec<Finding>) + Send>;

/// The messages of one call, and what they turned out to be.
pub(super) struct Docket {
    state: Mutex<Open>,
}

struct Open {
    findings: Vec<Option<Finding>>,
    missing: usize,
    report: Option<Report>,
}

impl Docket {
    /// A docket with what is known already; reports at once if that is everything.
    pub(super) fn open(
        findings: Vec<Option<Finding>>,
        report: impl FnOnce(Vec<Finding>) + Send + 'static,
    ) -> Arc<Self> {
        let missing = findings.iter().filter(|finding| finding.is_none()).count();
        let open = Open { findings, missing, report: Some(Box::new(report)) };
        let docket = Self { state: Mutex::new(open) };
        docket.report_if_done();
        Arc::new(docket)
    }

    fn put(&self, place: usize, finding: Finding) {
        let mut open = self.state();
        let slot = open.findings.get_mut(place).filter(|slot| slot.is_none());
        let Some(slot) = slot else { return };
        *slot = Some(finding);
        open.missing -= 1;
        drop(open);
        self.report_if_done();
    }

    fn report_if_done(&self) {
        let mut open = self.state();
        if open.missing > 0 {
            return;
        }
        let findings = std::mem::take(&mut open.findings).into_iter().flatten().collect();
        let report = open.report.take();
        drop(open);
        if let Some(report) = report {
            report(findings);
        }
    }

    fn state(&self) -> MutexGuard<'_, Open> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
