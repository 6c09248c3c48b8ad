use std::collections::HashSet;

use super::*;

const ID: RequestId = RequestId::new(1);

fn at(seconds: u64) -> Tick {
    Tick::new(Duration::from_secs(seconds))
}

fn name(n: u8) -> MessageHash {
    MessageHash::from_bytes([n; 32])
}

/// A network that answers a machine's outputs, in virtual time.
struct Network {
    now: Tick,
    /// Peers to relay to; none without.
    peers: Option<usize>,
    /// What a service says.
    service: Result<usize, PushFailure>,
    /// Does a store get what leaves?
    stores: bool,
    prepared: u8,
    relayed: Vec<Tick>,
    pushed: Vec<Tick>,
    checks: Vec<Tick>,
    stored: Vec<MessageHash>,
    progress: Vec<Progress>,
    outcomes: Vec<(Tick, Outcome)>,
}

impl Network {
    fn new() -> Self {
        Self {
            now: at(0),
            peers: Some(3),
            service: Err(PushFailure::Unreachable),
            stores: false,
            prepared: 0,
            relayed: Vec::new(),
            pushed: Vec::new(),
            checks: Vec::new(),
            stored: Vec::new(),
            progress: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    fn prepare(&mut self) -> Result<MessageHash, PrepareFailure> {
        self.prepared += 1;
        Ok(name(self.prepared))
    }

    fn answer(&mut self, machine: &mut SendMachine, output: SendOutput) {
        let now = self.now;
        match output {
            SendOutput::Prepare(id) => {
                let prepared = self.prepare();
                machine.handle_prepared(now, id, prepared);
            }
            SendOutput::Relay(id) => {
                self.relayed.push(now);
                let result = self.peers.ok_or(RelayFailure::NoPeers);
                if self.stores && result.is_ok() {
                    self.stored.push(name(self.prepared));
                }
                machine.handle_relayed(now, id, result);
            }
            SendOutput::Push(id) => {
                self.pushed.push(now);
                machine.handle_pushed(now, id, self.service);
            }
            SendOutput::Check(_) => {
                self.checks.push(now);
                machine.handle_checked(now, &self.stored);
            }
            SendOutput::Progress(_, progress) => self.progress.push(progress),
            SendOutput::Finished(_, outcome) => self.outcomes.push((now, outcome)),
        }
    }

    /// Runs until the machine has nothing left to wait for, or until `end`.
    fn run(&mut self, machine: &mut SendMachine, end: Tick) {
        loop {
            while let Some(output) = machine.poll_output(self.now) {
                self.answer(machine, output);
            }
            match machine.next_deadline() {
                Some(next) if next <= end => self.now = next,
                _ => break,
            }
        }
    }

    fn only_outcome(&self) -> (Tick, Outcome) {
        assert_eq!(self.outcomes.len(), 1, "{:?}", self.outcomes);
        self.outcomes[0]
    }
}

fn machine(route: Route) -> SendMachine {
    SendMachine::new(route, SendTimes::default())
}

fn sending(route: Route) -> SendMachine {
    let mut machine = machine(route);
    machine.handle_send(at(0), ID, false).unwrap();
    machine
}

#[test]
fn without_a_store_a_message_that_left_is_done() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    network.run(&mut machine, at(100));
    assert_eq!(network.progress, [Progress::Accepted, Progress::Propagated { peers: 3 }]);
    assert_eq!(network.only_outcome(), (at(0), Outcome::Propagated { peers: 3 }));
    assert_eq!(machine.next_deadline(), None);
}

#[test]
fn with_a_store_a_message_is_done_when_it_is_there() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    machine.handle_store_known(true);
    network.stores = true;
    network.run(&mut machine, at(100));
    assert_eq!(network.only_outcome(), (at(3), Outcome::Stored));
    assert_eq!(network.checks, [at(3)]);
}

#[test]
fn a_message_that_no_store_has_leaves_again_with_a_new_stamp() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    machine.handle_store_known(true);
    network.run(&mut machine, at(15));
    assert_eq!(network.relayed, [at(0), at(10)]);
    assert_eq!(network.prepared, 2);
    network.stored = vec![name(1)];
    network.run(&mut machine, at(100));
    assert_eq!(network.only_outcome().1, Outcome::Stored);
}

#[test]
fn a_message_that_is_never_found_ends_as_propagated() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    machine.handle_store_known(true);
    network.run(&mut machine, at(1000));
    assert_eq!(network.only_outcome(), (at(60), Outcome::Propagated { peers: 3 }));
    assert_eq!(network.relayed, [at(0), at(10), at(30)]);
    assert!(network.checks.windows(2).all(|two| two[1] - two[0] >= Duration::from_secs(3)));
}

#[test]
fn nobody_looks_for_ephemeral_messages() {
    let (mut machine, mut network) = (machine(Route::Relay), Network::new());
    machine.handle_store_known(true);
    machine.handle_send(at(0), ID, true).unwrap();
    network.run(&mut machine, at(100));
    assert_eq!(network.only_outcome(), (at(0), Outcome::Propagated { peers: 3 }));
    assert_eq!(network.checks, []);
}

#[test]
fn without_peers_a_service_publishes_in_the_same_pass() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    (network.peers, network.service) = (None, Ok(5));
    network.run(&mut machine, at(100));
    assert_eq!((network.relayed, network.pushed), (vec![at(0)], vec![at(0)]));
    assert_eq!(network.outcomes, [(at(0), Outcome::Propagated { peers: 5 })]);
}

#[test]
fn an_edge_node_publishes_through_a_service_only() {
    let (mut machine, mut network) = (sending(Route::Service), Network::new());
    network.service = Ok(1);
    network.run(&mut machine, at(100));
    assert_eq!((network.relayed.len(), network.pushed.len()), (0, 1));
}

#[test]
fn a_send_without_a_way_out_fails_at_the_deadline_and_stays_fresh_until_then() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    network.peers = None;
    network.run(&mut machine, at(1000));
    assert_eq!(network.only_outcome(), (at(60), Outcome::Failed(SendFailure::NoRoute)));
    assert_eq!(network.relayed[..5], [at(0), at(1), at(3), at(7), at(15)]);
    // At 15 s the stamp of 0 s was old, at 31 s that of 15 s, at 47 s that of 31 s.
    assert_eq!(network.prepared, 4);
}

#[test]
fn passing_statuses_are_tried_again_and_others_end_the_send() {
    for code in [429, 500, 503, 504, 505] {
        let (mut machine, mut network) = (sending(Route::Service), Network::new());
        network.service = Err(PushFailure::Status(code));
        network.run(&mut machine, at(2));
        network.service = Ok(2);
        network.run(&mut machine, at(100));
        assert_eq!(network.only_outcome().1, Outcome::Propagated { peers: 2 });
    }
    let (mut machine, mut network) = (sending(Route::Service), Network::new());
    network.service = Err(PushFailure::Status(421));
    network.run(&mut machine, at(100));
    let refused = Outcome::Failed(SendFailure::Refused { status: 421 });
    assert_eq!(network.only_outcome(), (at(0), refused));
}

#[test]
fn a_refused_proof_is_made_anew_a_few_times() {
    let (mut machine, mut network) = (sending(Route::Service), Network::new());
    network.service = Err(PushFailure::Status(420));
    network.run(&mut machine, at(100));
    let refused = Outcome::Failed(SendFailure::Refused { status: 420 });
    assert_eq!(network.only_outcome().1, refused);
    assert_eq!(u32::from(network.prepared), SendMachine::MAX_REFUSALS + 1);
}

#[test]
fn a_used_up_epoch_is_waited_for_if_the_next_comes_in_time() {
    let next = UnixNanos::new(9);
    let until = |seconds| Err(PrepareFailure::RateLimited { until: at(seconds), next });
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    while let Some(output) = machine.poll_output(at(0)) {
        if output == SendOutput::Prepare(ID) {
            machine.handle_prepared(at(0), ID, until(20));
        }
    }
    network.run(&mut machine, at(100));
    assert_eq!(network.relayed, [at(20)]);

    let mut machine = sending(Route::Relay);
    machine.handle_prepared(at(0), ID, until(600));
    let mut network = Network::new();
    network.run(&mut machine, at(0));
    let limited = Outcome::Failed(SendFailure::RateLimited { next });
    assert_eq!(network.only_outcome(), (at(0), limited));
}

#[test]
fn late_answers_change_nothing() {
    let (mut machine, mut network) = (sending(Route::Relay), Network::new());
    network.run(&mut machine, at(100));
    machine.handle_prepared(at(1), ID, Ok(name(9)));
    machine.handle_relayed(at(1), ID, Ok(9));
    machine.handle_pushed(at(1), ID, Err(PushFailure::Unreachable));
    machine.handle_checked(at(1), &[name(1)]);
    assert_eq!(machine.poll_output(at(1)), None);
    assert_eq!(machine.next_deadline(), None);
}

#[test]
fn every_send_ends_once_when_the_node_stops() {
    let mut machine = machine(Route::Relay);
    for n in 0..5 {
        machine.handle_send(at(0), RequestId::new(n), false).unwrap();
    }
    machine.handle_shutdown();
    let mut ended = Vec::new();
    while let Some(output) = machine.poll_output(at(0)) {
        if let SendOutput::Finished(id, outcome) = output {
            assert_eq!(outcome, Outcome::Failed(SendFailure::ShuttingDown));
            ended.push(id.get());
        }
    }
    assert_eq!(ended, [0, 1, 2, 3, 4]);
}

#[test]
fn sends_under_way_are_bounded() {
    let mut machine = machine(Route::Relay);
    for n in 0..SendMachine::MAX_REQUESTS {
        machine.handle_send(at(0), RequestId::new(n as u64), false).unwrap();
    }
    let limit = SendMachine::MAX_REQUESTS;
    assert_eq!(
        machine.handle_send(at(0), RequestId::new(9999), false),
        Err(TooManySends { limit })
    );
    assert_eq!(machine.under_way(), limit);
}

/// A network whose store answers only what it is asked, for many sends at a time.
#[derive(Default)]
struct Busy {
    /// Requests whose messages no store gets.
    lost: HashSet<RequestId>,
    stored: HashSet<MessageHash>,
    relayed: usize,
    outcomes: Vec<(RequestId, Tick, Outcome)>,
}

impl Busy {
    fn name(id: RequestId) -> MessageHash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&id.get().to_le_bytes());
        MessageHash::from_bytes(bytes)
    }

    fn settle(&mut self, machine: &mut SendMachine, now: Tick) {
        while let Some(output) = machine.poll_output(now) {
            match output {
                SendOutput::Prepare(id) => machine.handle_prepared(now, id, Ok(Self::name(id))),
                SendOutput::Relay(id) => {
                    self.relayed += 1;
                    if !self.lost.contains(&id) {
                        self.stored.insert(Self::name(id));
                    }
                    machine.handle_relayed(now, id, Ok(3));
                }
                SendOutput::Check(mut names) => {
                    assert!(!names.is_empty() && names.len() <= StoreRequest::MAX_HASHES);
                    names.retain(|name| self.stored.contains(name));
                    machine.handle_checked(now, &names);
                }
                SendOutput::Finished(id, outcome) => self.outcomes.push((id, now, outcome)),
                SendOutput::Push(_) | SendOutput::Progress(..) => {}
            }
        }
    }
}

#[test]
fn messages_that_leave_all_the_time_are_found_all_the_time_and_leave_once() {
    let (mut machine, mut network) = (machine(Route::Relay), Busy::default());
    machine.handle_store_known(true);
    let (sends, mut most) = (4000, 0);
    for number in 0..sends + 1000 {
        let now = Tick::new(Duration::from_millis(10) * number);
        if number < sends {
            machine.handle_send(now, RequestId::new(number.into()), false).unwrap();
        }
        network.settle(&mut machine, now);
        most = most.max(machine.under_way());
    }
    assert_eq!((network.outcomes.len(), network.relayed), (4000, 4000));
    assert!(network.outcomes.iter().all(|(.., outcome)| *outcome == Outcome::Stored));
    // A hundred a second, each looked for after three seconds.
    assert!(most <= 320, "{most}");
}

#[test]
fn messages_that_no_store_has_do_not_keep_others_from_being_found() {
    let (mut machine, mut network) = (machine(Route::Relay), Busy::default());
    machine.handle_store_known(true);
    network.lost = (0..250).map(RequestId::new).collect();
    for number in 0..300 {
        machine.handle_send(at(0), RequestId::new(number), false).unwrap();
    }
    for second in 0..10 {
        network.settle(&mut machine, at(second));
    }
    let found: HashSet<_> = network.outcomes.iter().map(|(id, ..)| *id).collect();
    assert_eq!(found, (250..300).map(RequestId::new).collect());
}
