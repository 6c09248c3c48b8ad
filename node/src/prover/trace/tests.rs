use super::super::job::WorkerId;
use super::super::reservation::{MemberKey, Reservation, Wanted};
use super::*;

/// Keeps what it is given.
#[derive(Debug, Default)]
struct Kept(Mutex<Vec<Trace>>);

impl Kept {
    /// What came since the last call: outcomes, and the steps before them.
    fn outcomes(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        let traces = std::mem::take(&mut *self.0.lock().unwrap());
        let steps = |trace: &Trace| trace.steps.iter().map(|(step, ..)| step.name()).collect();
        traces.iter().map(|trace| (trace.outcome.name(), steps(trace))).collect()
    }
}

impl TraceSink for Kept {
    fn take(&self, trace: Trace) {
        assert!(trace.steps.iter().all(|(_, from, to)| trace.from <= *from && *to <= trace.to));
        self.0.lock().unwrap().push(trace);
    }

    fn close(&self, _patience: Duration) {}
}

fn traces() -> (Traces, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    (Traces::to(kept.clone()), kept)
}

const DEADLINE: Millis = Millis(1_000_000);

fn submission(number: u8) -> Submission {
    let wanted = Wanted { epoch: Epoch(7), exact: false, count: 1, quota: 10 };
    let (id, member) = (JobId([number; 32]), MemberKey([1; 32]));
    let (sender, subject) = (b"alice".to_vec(), Vec::new());
    Submission { id, member, wanted, signal: [2; 32], sender, subject, deadline: DEADLINE }
}

fn job(number: u8, state: JobState) -> Job {
    let reservation =
        Reservation { member: MemberKey([1; 32]), epoch: Epoch(7), first: 0, count: 1 };
    Job { state, ..Job::queued(&submission(number), reservation, 0, Millis(0)) }
}

fn begin(traces: &Traces, number: u8) -> Vec<Begun> {
    let mut begun = traces.begin(&[Order::default()]);
    traces.enter(begun.first_mut(), &submission(number));
    begun
}

fn answer(traces: &Traces, begun: Vec<Begun>, state: JobState) {
    let number = match begun.as_slice() {
        [Begun::Entered(id)] => id.0[0],
        _ => 0,
    };
    traces.answered(begun, &Ok(vec![Ok(job(number, state).into())]));
}

fn proof(number: u8, seq: u64) -> ProofRecord {
    ProofRecord::of_job(seq, &job(number, JobState::Done { seq }), &[], Millis(0))
}

#[test]
fn a_trace_has_all_steps_even_if_the_proof_is_faster_than_the_answer() {
    let (traces, kept) = traces();
    let begun = begin(&traces, 1);
    let now = Instant::now();
    traces.taken(&job(1, JobState::Queued));
    traces.step(JobId([1; 32]), Step::Prove, now);
    traces.step(JobId([1; 32]), Step::Record, now);
    traces.end_as(JobId([1; 32]), Some(&job(1, JobState::Done { seq: 5 })));
    traces.step(JobId([1; 32]), Step::Reserve, now);
    assert_eq!(kept.outcomes(), [], "the client was not answered yet");
    answer(&traces, begun, JobState::Queued);
    assert_eq!(kept.outcomes(), [("RECORDED", vec!["queue", "prove", "record", "reserve"])]);
    traces.close(Duration::ZERO);
    assert_eq!(kept.outcomes(), []);
}

#[test]
fn what_is_refused_or_asked_twice_ends_with_the_answer() {
    let (traces, kept) = traces();
    let begun = traces.begin(&[Order::default(), Order::default()]);
    traces.answered(begun, &Ok(vec![Err(Problem::Busy), Err(Problem::Store)]));
    assert_eq!(kept.outcomes(), [("BUSY", vec![]), ("STORE_UNAVAILABLE", vec![])]);
    let (first, second) = (begin(&traces, 1), begin(&traces, 1));
    answer(&traces, second, JobState::Queued);
    assert_eq!(kept.outcomes(), [("QUEUED", vec![])], "the first one tells of the proof");
    traces.answered(first, &Err(Problem::Store));
    assert_eq!(kept.outcomes(), [("STORE_UNAVAILABLE", vec![])]);
}

#[test]
fn proofs_of_other_processes_end_traces_as_well() {
    let (traces, kept) = traces();
    let begun = begin(&traces, 1);
    answer(&traces, begun, JobState::Queued);
    traces.seen(&[proof(1, 9), proof(2, 10)]);
    traces.tidy(Millis(0));
    assert_eq!(kept.outcomes(), [], "this process may be about to say so");
    std::thread::sleep(LAST_STEP);
    traces.tidy(Millis(0));
    assert_eq!(kept.outcomes(), [("RECORDED", vec![])]);
}

#[test]
fn a_worker_alone_tells_of_its_part() {
    let (traces, kept) = traces();
    let id = JobId([3; 32]);
    traces.taken(&job(3, JobState::Proving { worker: WorkerId([0; 16]), until: Millis(0) }));
    traces.step(id, Step::Prove, Instant::now());
    traces.end_as(id, None);
    let trace = kept.0.lock().unwrap()[0].clone();
    assert!(trace.is_of_other);
    assert_eq!((trace.job, trace.epoch, trace.ids), (Some(id), Some(Epoch(7)), 1));
    assert_eq!(kept.outcomes(), [("LEASE_LOST", vec!["prove"])]);
}

#[test]
fn what_nobody_ends_is_forgotten_with_its_deadline() {
    let (traces, kept) = traces();
    let unanswered = begin(&traces, 1);
    let begun = begin(&traces, 2);
    answer(&traces, begun, JobState::Queued);
    drop(unanswered);
    traces.tidy(DEADLINE);
    assert_eq!(kept.outcomes(), []);
    traces.tidy(DEADLINE.plus(GRACE_MS));
    assert_eq!(kept.outcomes(), vec![("EPOCH_OR_DEADLINE_PASSED", vec![]); 2]);
    let begun = begin(&traces, 3);
    answer(&traces, begun, JobState::Queued);
    traces.close(Duration::ZERO);
    assert_eq!(kept.outcomes(), [("LEFT", vec![])]);
}

#[test]
fn open_traces_and_their_steps_have_a_bound() {
    let (traces, kept) = traces();
    for number in 0..=MAX_OPEN {
        let mut one = submission(0);
        one.id.0[..8].copy_from_slice(&number.to_le_bytes());
        let mut begun = traces.begin(&[Order::default()]);
        traces.enter(begun.first_mut(), &one);
        let is_alone = matches!(begun[0], Begun::Alone(_));
        assert_eq!(is_alone, number == MAX_OPEN, "{number}");
    }
    for _ in 0..2 * MAX_STEPS {
        traces.step(JobId([0; 32]), Step::Prove, Instant::now());
    }
    assert_eq!(traces.open()[&JobId([0; 32])].trace.steps.len(), MAX_STEPS);
    assert_eq!(kept.outcomes(), []);
}

#[test]
fn nothing_is_noted_for_nobody() {
    let traces = Traces::default();
    assert!(traces.begin(&[Order::default()]).is_empty());
    traces.taken(&job(1, JobState::Queued));
    assert!(traces.open().is_empty());
    let mut headers = HeaderMap::new();
    let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert("traceparent", value.parse().unwrap());
    assert_eq!(traces.parent_of(&headers), None);
    assert!(self::traces().0.parent_of(&headers).is_some());
}
