//! `node`: judging messages as a relay does, beside zerokit's verification.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use logos_crypto::Fr;
use logos_node::NodeStoreError;
use logos_node::rate_limit::{
    Application, BudgetName, BurnStore, Burns, Change, Epochs, Group, Guard, GuardConfig,
    GuardMember, Heard, Incoming, MembershipSource, RateBudget, RateLimitProof, Rules, Signal,
    SourceError, UnixNanos, Verdict,
};
use logos_rln::{Identity, MessageLimit, Prover, RateCommitment, Verifier};

use crate::machine::backend;
use crate::peers::zerokit;
use crate::report::Unit;
use crate::runner::{Area, Clock, Runner, Side};

/// The area.
pub(super) const AREA: Area = Area {
    name: "node",
    about: "messages judged with RLN on, beside zerokit's verify_with_roots",
    figures,
    children: &[],
};

/// Bytes of every message, and the content topic.
const PAYLOAD_BYTES: usize = 1024;
const TOPIC: &str = "/bench/1/chat/proto";
const NOW: UnixNanos = UnixNanos::from_secs(1_763_701_200);

/// One core judges a stream of messages, all different: decoding, clock, epoch, signal, root
/// window, pairing, double signals.
///
/// | figure | ours | the peer's |
/// |---|---|---|
/// | `validate` | all of it | the root and the pairing, of proofs decoded and hashed before |
/// | `validate_bytes` | all of it | decoding, hashing, root and pairing |
fn figures(runner: &mut Runner) -> Result<()> {
    let names = ["validate", "validate_bytes", "validate_rate", "admit_rate"];
    if !names.iter().any(|name| runner.wants(name)) {
        return Ok(());
    }
    runner.against(zerokit::NAME);
    let bench = Bench::new(if runner.quick() { 8 } else { 512 })?;
    bench.check()?;
    let peer = &bench.peer;
    let roots = bench.their_roots()?;
    let decoded = bench.sent.iter().map(Sent::for_the_peer).collect::<Result<Vec<_>>>()?;
    let mut turn = 0;
    let theirs = Side::new(|| {
        turn = (turn + 1) % decoded.len();
        let (proof, x) = &decoded[turn];
        peer.verify_with_roots(proof, x, &roots)
    });
    runner.compare_sides("validate", bench.ours(), theirs);
    let mut turn = 0;
    let theirs = Side::new(|| {
        turn = (turn + 1) % bench.sent.len();
        let (proof, x) = bench.sent[turn].for_the_peer()?;
        peer.verify_with_roots(&proof, &x, &roots)
    });
    runner.compare_sides("validate_bytes", bench.ours(), theirs);
    bench.rates(runner)
}

/// A message as it arrives.
struct Sent {
    payload: Vec<u8>,
    proof: [u8; RateLimitProof::BYTES],
}

/// Messages of one member in a group with a full window of roots, and the peer.
struct Bench {
    verifier: Arc<Verifier>,
    members: Vec<RateCommitment>,
    sent: Vec<Sent>,
    sender: Guard,
    peer: zerokit::Peer,
}

impl Bench {
    fn new(messages: u32) -> Result<Self> {
        let identity = Identity::seeded(b"bench");
        let limit = MessageLimit::new(2 * messages)?;
        let others = (1..=60u64).map(Fr::from).map(RateCommitment::from_field);
        let members: Vec<_> = [identity.rate_commitment(limit)].into_iter().chain(others).collect();
        let verifier = Arc::new(Verifier::new(logos_rln_keys::single_verifying_key()));
        let prover = Prover::with_backend(logos_rln_keys::single(), backend(), &mut |_| ());
        let member = identity.commitment();
        let budget = RateBudget::open(Box::new(Memory), member, limit, rules()?.epochs)?;
        let member = GuardMember { identity, budget, prover: Arc::new(prover) };
        let sender = start(&verifier, &members, Some(member))?;
        let sent = (0..messages).map(|number| Sent::new(&sender, number)).collect::<Result<_>>()?;
        Ok(Self { verifier, members, sent, sender, peer: zerokit::Peer::single() })
    }

    /// Both sides accept what is measured, and ours nothing twice.
    fn check(&self) -> Result<()> {
        let guard = start(&self.verifier, &self.members, None)?;
        let verdicts = guard.judge(&self.incoming(), NOW);
        ensure!(verdicts.iter().all(|verdict| *verdict == Verdict::Accept), "all are accepted");
        let again = guard.judge(&self.incoming(), NOW);
        ensure!(again.iter().all(|verdict| *verdict != Verdict::Accept), "none twice");
        let (proof, x) = self.sent.first().context("there are messages")?.for_the_peer()?;
        let roots = self.their_roots()?;
        ensure!(self.peer.verify_with_roots(&proof, &x, &roots)?, "the peer accepts one");
        ensure!(roots.len() == Group::WINDOW, "the window is full");
        Ok(())
    }

    /// A guard that has seen nothing judges all messages in the calling thread.
    fn ours(&self) -> Side<'_> {
        let incoming = self.incoming();
        let prepare = || start(&self.verifier, &self.members, None).ok();
        let run = move |guard: Option<Guard>| guard.map(|guard| guard.judge(&incoming, NOW));
        Side::prepared(prepare, run).items(self.sent.len() as u64)
    }

    fn incoming(&self) -> Vec<Incoming<'_>> {
        self.sent.iter().map(Sent::incoming).collect()
    }

    /// The window of our group, newest last.
    fn their_roots(&self) -> Result<Vec<zerokit::Element>> {
        let mut group = Group::new(logos_crypto::merkle::Depth::RLN, NOW)?;
        let mut roots = vec![group.root()];
        for leaf in &self.members {
            group.apply(&Change::Append(vec![*leaf]), NOW)?;
            roots.push(group.root());
        }
        let first = roots.len().saturating_sub(Group::WINDOW);
        roots[first..].iter().map(|root| zerokit::element(&root.to_bytes())).collect()
    }

    /// Messages a second of one core, judged and admitted.
    fn rates(&self, runner: &mut Runner) -> Result<()> {
        let guard = start(&self.verifier, &self.members, None)?;
        let (spent, _) = Clock::Cpu.time(|| guard.judge(&self.incoming(), NOW));
        runner.info("validate_rate", per_second(self.sent.len(), spent), Unit::PerSecond);
        let left = self.sender.left(NOW).min(if runner.quick() { 2 } else { 64 });
        let (spent, sent) = Clock::Cpu
            .time(|| (0..left).map(|n| Sent::new(&self.sender, n)).collect::<Result<Vec<_>>>());
        runner.info("admit_rate", per_second(sent?.len(), spent), Unit::PerSecond);
        Ok(())
    }
}

impl Sent {
    fn new(guard: &Guard, number: u32) -> Result<Self> {
        let mut payload = vec![0; PAYLOAD_BYTES];
        payload[..4].copy_from_slice(&number.to_le_bytes());
        let proof = guard.admit(signal(&payload), NOW)?.proof;
        Ok(Self { payload, proof })
    }

    fn incoming(&self) -> Incoming<'_> {
        Incoming { signal: signal(&self.payload), proof: &self.proof }
    }

    /// What the peer verifies, decoded from the same bytes by its own decoder.
    fn for_the_peer(&self) -> Result<(zerokit::Proven, zerokit::Element)> {
        let field = |offset| &self.proof[offset..offset + 32];
        let proof = RateLimitProof::from_bytes(&self.proof)?;
        let external = rules()?.epochs.external_nullifier(proof.epoch()).to_field().to_bytes();
        let (points, root, x, y, nullifier) =
            (&self.proof[3..131], field(133), field(201), field(235), field(269));
        let bytes = [points, &[0], y, root, nullifier, x, &external].concat();
        let stamp = NOW.get().to_le_bytes();
        let message = [&self.payload[..], TOPIC.as_bytes(), &stamp].concat();
        Ok((zerokit::proof_from_bytes(&bytes)?, zerokit::hash_to_field(&message)))
    }
}

const fn signal(payload: &[u8]) -> Signal<'_> {
    Signal { payload, content_topic: TOPIC, timestamp: NOW }
}

fn rules() -> Result<Rules> {
    Ok(Rules::new(Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY)?))
}

/// A guard that works in the calling thread.
fn start(
    verifier: &Arc<Verifier>,
    members: &[RateCommitment],
    member: Option<GuardMember>,
) -> Result<Guard> {
    let mut config = GuardConfig::new(rules()?);
    config.threads = 0;
    let members: Vec<RateCommitment> = members.to_vec();
    let source = Box::new(OneByOne(members.into_iter()));
    Ok(Guard::start(config, Arc::clone(verifier), source, member, NOW)?.0)
}

/// Members who joined one after another, so that the window of roots is full.
struct OneByOne(std::vec::IntoIter<RateCommitment>);

impl MembershipSource for OneByOne {
    fn next_change(&mut self) -> Option<Change> {
        self.0.next().map(|leaf| Change::Append(vec![leaf]))
    }

    fn handle_payload(&mut self, _: &[u8]) -> Result<Heard, SourceError> {
        Err(SourceError::Fixed)
    }
}

/// Remembers nothing: the process ends with its member.
struct Memory;

impl BurnStore for Memory {
    fn load(&mut self, _: &BudgetName) -> Result<Burns, NodeStoreError> {
        Ok(Burns::default())
    }

    fn commit(&mut self, _: &BudgetName, _: &Burns) -> Result<(), NodeStoreError> {
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn per_second(count: usize, spent: Duration) -> f64 {
    count as f64 / spent.as_secs_f64()
}
