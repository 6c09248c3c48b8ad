//! Guards with real proofs, in virtual time.

use std::sync::LazyLock;

use logos_crypto::keys::SigningKey;
use logos_crypto::secret::Secret;
use logos_rln::{MessageLimit, RateCommitment};

use super::*;
use crate::rate_limit::budget::tests::Disk;
use crate::rate_limit::{
    Application, BudgetError, Change, Epochs, Invalid, Registry, RegistryError, StaticMembers,
};
use crate::{Members, encode_hex};

const TOPIC: &str = "/test/1/chat/proto";
pub(in crate::rate_limit) const NOW: UnixNanos = UnixNanos::from_secs(1_763_701_300);
pub(in crate::rate_limit) const LIMIT: u32 = 6;

static PROVER: LazyLock<Arc<Prover>> =
    LazyLock::new(|| Arc::new(Prover::new(logos_rln_keys::single())));
static VERIFIER: LazyLock<Arc<Verifier>> =
    LazyLock::new(|| Arc::new(Verifier::new(logos_rln_keys::single_verifying_key())));

fn rules() -> Rules {
    Rules::new(Epochs::new(Duration::from_secs(600), Application::WAKU_RELAY).unwrap())
}

fn limit() -> MessageLimit {
    MessageLimit::new(LIMIT).unwrap()
}

fn identity(number: u8) -> Identity {
    Identity::seeded(&[b'm', number])
}

fn leaf(number: u8) -> RateCommitment {
    identity(number).rate_commitment(limit())
}

fn member(number: u8, disk: &Disk) -> GuardMember {
    member_of(rules(), number, disk)
}

fn member_of(rules: Rules, number: u8, disk: &Disk) -> GuardMember {
    let identity = identity(number);
    let store = Box::new(disk.clone());
    let budget = RateBudget::open(store, identity.commitment(), limit(), rules.epochs).unwrap();
    GuardMember { identity, budget, prover: Arc::clone(&PROVER) }
}

/// The file of members 0, 1 and 2.
fn file() -> Box<dyn MembershipSource> {
    let lines = (0..3).map(|number| encode_hex(&leaf(number).to_field().to_bytes()) + "\n");
    let members = Members::parse(lines.collect::<String>().as_bytes(), Depth::RLN).unwrap();
    Box::new(StaticMembers::new(&members))
}

type Started = (Guard, Receiver<GuardEvent>);

fn start(
    source: Box<dyn MembershipSource>,
    member: Option<GuardMember>,
    threads: usize,
) -> Started {
    start_by(rules(), source, member, threads)
}

fn start_by(
    rules: Rules,
    source: Box<dyn MembershipSource>,
    member: Option<GuardMember>,
    threads: usize,
) -> Started {
    let config = GuardConfig { threads, batch: 4, ..GuardConfig::new(rules) };
    Guard::start(config, Arc::clone(&VERIFIER), source, member, NOW).unwrap()
}

/// A guard of one of the members in the file, for other tests.
pub(in crate::rate_limit) fn file_guard(number: u8) -> Guard {
    start(file(), Some(member(number, &Disk::default())), 0).0
}

/// A guard of one of the members in the file that counts packets.
pub(in crate::rate_limit) fn packet_guard(number: u8) -> Guard {
    let rules = Rules::of_packets(Duration::from_secs(10)).unwrap();
    start_by(rules, file(), Some(member_of(rules, number, &Disk::default())), 0).0
}

/// A message on its way.
#[derive(Clone)]
struct Sent {
    text: String,
    timestamp: UnixNanos,
    proof: [u8; RateLimitProof::BYTES],
}

impl Sent {
    fn incoming(&self) -> Incoming<'_> {
        let Self { text, timestamp, proof } = self;
        let timestamp = *timestamp;
        let signal = Signal { payload: text.as_bytes(), content_topic: TOPIC, timestamp };
        Incoming { signal, proof }
    }
}

fn send(guard: &Guard, text: &str, now: UnixNanos) -> Result<Sent, AdmitError> {
    // The stamp is the guard's to make.
    let timestamp = UnixNanos::default();
    let signal = Signal { payload: text.as_bytes(), content_topic: TOPIC, timestamp };
    let Admitted { timestamp, proof, .. } = guard.admit(signal, now)?;
    Ok(Sent { text: text.to_owned(), timestamp, proof })
}

fn judge(guard: &Guard, sent: &[Sent], now: UnixNanos) -> Vec<Verdict> {
    guard.judge(&sent.iter().map(Sent::incoming).collect::<Vec<_>>(), now)
}

fn judge_one(guard: &Guard, sent: &Sent, now: UnixNanos) -> Verdict {
    judge(guard, std::slice::from_ref(sent), now)[0]
}

#[test]
fn what_one_node_admits_others_accept_once_with_threads_and_without() {
    let (sender, _events) = start(file(), Some(member(0, &Disk::default())), 0);
    assert_eq!(sender.left(NOW), LIMIT);
    let mut sent: Vec<Sent> =
        (0..LIMIT).map(|number| send(&sender, &format!("{number}"), NOW).unwrap()).collect();
    assert_eq!(sender.left(NOW), 0);
    let epoch = rules().epochs.at(NOW).unwrap();
    let exhausted = SendProofError::from(BudgetError::Exhausted { epoch, limit: LIMIT });
    assert_eq!(send(&sender, "one more", NOW).err(), Some(exhausted.into()));
    assert_eq!(sender.left(sender.next_epoch(NOW).unwrap()), LIMIT);
    // One of them with another's points: alone it fails.
    let mut forged = sent[1].clone();
    forged.text = "forged".to_owned();
    sent.insert(3, forged);
    for threads in [0, 1, 2] {
        let (guard, _events) = start(file(), None, threads);
        let verdicts = judge(&guard, &sent, NOW);
        for (place, verdict) in verdicts.into_iter().enumerate() {
            let other_signal = Verdict::Reject(Invalid::OtherSignal.into());
            assert_eq!(verdict, if place == 3 { other_signal } else { Verdict::Accept });
        }
        let again = Verdict::Ignore(Finding::Duplicate);
        assert_eq!(judge_one(&guard, &sent[0], NOW), again);
        assert_eq!(judge_one(&sender, &sent[0], NOW), again, "its own, come back");
        let counts = guard.counts();
        assert_eq!((counts.fresh, counts.duplicates, counts.invalid), (6, 1, 1));
        assert_eq!(counts.verified, 6);
    }
}

#[test]
fn a_proof_with_other_points_is_singled_out_of_its_batch() {
    let (sender, _events) = start(file(), Some(member(1, &Disk::default())), 0);
    let mut sent: Vec<Sent> =
        (0..3).map(|number| send(&sender, &format!("{number}"), NOW).unwrap()).collect();
    let points = sent[0].proof[3..131].to_vec();
    sent[1].proof[3..131].copy_from_slice(&points);
    sent[2].proof[3..131].fill(0xff);
    let (guard, _events) = start(file(), None, 1);
    let verdicts = judge(&guard, &sent, NOW);
    assert_eq!(verdicts[0], Verdict::Accept);
    assert_eq!(verdicts[1], Verdict::Reject(Invalid::Proof.into()));
    assert!(matches!(verdicts[2], Verdict::Reject(Finding::Invalid(Invalid::Points(_)))));
}

#[test]
fn proofs_are_prepared_and_used() {
    let (guard, _events) = start(file(), Some(member(0, &Disk::default())), 0);
    while guard.ready() < 4 {
        std::thread::yield_now();
    }
    send(&guard, "prepared", NOW).unwrap();
    assert_eq!((guard.counts().proved_ahead, guard.counts().proved_late), (1, 0));
    // The next epoch's were made ahead as well, as far as there was time; either way it proves.
    let later = guard.next_epoch(NOW).unwrap();
    let sent = send(&guard, "later", later).unwrap();
    let (other, _events) = start(file(), None, 0);
    assert_eq!(judge_one(&other, &sent, later), Verdict::Accept);
}

#[test]
fn a_spammer_is_caught_and_every_node_removes_it() {
    // The same member on two machines that know nothing of each other.
    let [one, two] = [(); 2].map(|()| start(file(), Some(member(0, &Disk::default())), 0));
    let (first, second) = (send(&one.0, "one", NOW).unwrap(), send(&two.0, "two", NOW).unwrap());
    let nodes: Vec<Started> = (0..3).map(|number| start(file(), None, number % 2)).collect();
    let (catcher, others) = nodes.split_first().unwrap();
    assert_eq!(judge_one(&catcher.0, &first, NOW), Verdict::Accept);
    let spam = Verdict::Reject(Finding::DoubleSignal);
    assert_eq!(judge_one(&catcher.0, &second, NOW), spam);
    let repeated = Verdict::Ignore(Finding::Repeated);
    assert_eq!(judge_one(&catcher.0, &second, NOW), repeated);
    let Ok(GuardEvent::Caught(removal)) = catcher.1.try_recv() else { panic!("one was caught") };
    assert_eq!((removal.index, &removal.secret), (0, identity(0).secret()));
    assert!(catcher.1.try_recv().is_err(), "each is told about once");
    let payload = removal.evidence.to_bytes();
    let soon = NOW + Duration::from_secs(1);
    for (guard, events) in others {
        assert_eq!(guard.handle_payload(&payload, soon), Ok(Heard::New));
        assert_eq!(guard.handle_payload(&payload, soon), Ok(Heard::Known));
        assert!(matches!(events.try_recv(), Ok(GuardEvent::Convicted(told)) if told.index == 0));
        assert_eq!(guard.with_group(Group::root), catcher.0.with_group(Group::root));
    }
    // It goes on for as long as it does not hear of it itself; nobody takes that.
    let more = send(&one.0, "more", soon).unwrap();
    for (guard, _) in &nodes {
        assert_eq!(judge_one(guard, &more, soon), Verdict::Reject(Finding::Banned));
        assert_eq!(guard.counts().removed, 1);
    }
    assert_eq!(one.0.handle_payload(&payload, soon), Ok(Heard::New));
    let refused = send(&one.0, "and more", soon).err();
    assert_eq!(refused, Some(SendProofError::NotAMember.into()));
    // Evidence about nobody changes nothing.
    let mut forged = payload;
    forged[161] ^= 1;
    assert_eq!(catcher.0.handle_payload(&forged, soon), Ok(Heard::Known));
}

#[test]
fn members_of_a_registry_join_while_others_send() {
    let key = SigningKey::from_secret(&Secret::new([3; 32]));
    let mut registry = Registry::new("test", vec![key.verifying_key()]);
    let new = || Box::new(Registry::new("test", vec![key.verifying_key()]));
    let (sender, _sent) = start(new(), Some(member(0, &Disk::default())), 0);
    let (other, _told) = start(new(), None, 0);
    assert_eq!(send(&sender, "early", NOW).err(), Some(SendProofError::NotAMember.into()));
    let update = registry.register(leaf(0), &key).unwrap();
    assert_eq!(sender.handle_payload(&update, NOW), Ok(Heard::New));
    let sent = send(&sender, "hello", NOW).unwrap();
    let unknown = Verdict::Ignore(Finding::UnknownRoot);
    assert_eq!(judge_one(&other, &sent, NOW), unknown);
    assert_eq!(other.handle_payload(&update, NOW), Ok(Heard::New));
    assert_eq!(judge_one(&other, &sent, NOW), Verdict::Accept);
    // The sender hears of another member first, and proves under the root all others have.
    let update = registry.register(leaf(1), &key).unwrap();
    assert_eq!(sender.handle_payload(&update, NOW), Ok(Heard::New));
    let sent = send(&sender, "still", NOW).unwrap();
    assert_eq!(judge_one(&other, &sent, NOW), Verdict::Accept);
    // When it has settled, under the new one.
    assert_eq!(other.handle_payload(&update, NOW), Ok(Heard::New));
    let later = NOW + Guard::SETTLE;
    sender.handle_time(later);
    let sent = send(&sender, "later", later).unwrap();
    assert_eq!(judge_one(&other, &sent, later), Verdict::Accept);
    let damaged = other.handle_payload(&update[..update.len() - 1], later);
    assert!(matches!(
        damaged,
        Err(PayloadError::Source(SourceError::Registry(RegistryError::Decode(_))))
    ));
}

#[test]
fn a_panel_that_stops_answers_whoever_waits() {
    let (sender, _events) = start(file(), Some(member(2, &Disk::default())), 0);
    let sent = send(&sender, "waits", NOW).unwrap();
    let (told, _events) = sync_channel(1);
    let mut group = Group::new(Depth::RLN, NOW).unwrap();
    group.apply(&Change::Append((0..3).map(leaf).collect()), NOW).unwrap();
    let court = Arc::new(Court::new(rules(), Arc::clone(&VERIFIER), group, told));
    let panel = Panel::start(&court, 0, 4);
    let (tell, told) = channel();
    let docket = Docket::open(vec![None], move |findings| tell.send(findings).unwrap());
    panel.file(&docket, vec![(0, court.open(&sent.incoming(), NOW).unwrap())]);
    assert_eq!(panel.waiting(), 1);
    drop(panel);
    assert_eq!(told.recv(), Ok(vec![Finding::Stopped]));
}

#[test]
fn what_was_not_sent_is_given_back_and_shows_nothing() {
    let (guard, _events) = start(file(), Some(member(0, &Disk::default())), 0);
    let signal = |payload| Signal { payload, content_topic: TOPIC, timestamp: NOW };
    for _ in 1..LIMIT {
        guard.admit(signal(b"sent"), NOW).unwrap();
    }
    let unsent = guard.admit(signal(b"not sent"), NOW).unwrap();
    assert_eq!((unsent.message_id, guard.left(NOW)), (LIMIT - 1, 0));
    guard.give_back(unsent);
    assert_eq!(guard.left(NOW), 1);
    let sent = send(&guard, "sent instead", NOW).unwrap();
    let (other, _events) = start(file(), None, 0);
    assert_eq!(judge_one(&other, &sent, NOW), Verdict::Accept);
    assert_eq!(judge_one(&guard, &sent, NOW), Verdict::Ignore(Finding::Duplicate));
}

#[test]
fn a_disk_that_fails_admits_nothing_more() {
    let disk = Disk::default();
    let (guard, _events) = start(file(), Some(member(0, &disk)), 0);
    disk.crash(Some(false));
    for _ in 0..2 {
        let refused = send(&guard, "lost", NOW).err();
        assert!(matches!(
            refused,
            Some(AdmitError::Prove(SendProofError::Budget(BudgetError::Store(_))))
        ));
    }
}
