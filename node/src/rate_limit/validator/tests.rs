//! Many nodes in virtual time. The proofs are not made, as everything but the pairing is tested
//! here: what they claim is computed as the circuit does.

use std::collections::BTreeMap;

use logos_crypto::merkle::Depth;
use logos_rln::{IdentitySecret, Line, MessageLimit, RateCommitment};
use proptest::prelude::*;

use super::*;
use crate::rate_limit::{Application, Change, Evidence, RateLimitProofError, Signal, Verdict};

const TOPIC: &str = "/test/1/chat/proto";

fn rules(epoch: Duration) -> Rules {
    Rules::new(Epochs::new(epoch, Application::WAKU_RELAY).unwrap())
}

/// A member and how many ids it used of each epoch, by its own clock.
struct Member {
    secret: IdentitySecret,
    limit: MessageLimit,
    used: BTreeMap<EpochNumber, u32>,
}

/// A message on its way.
#[derive(Clone)]
struct Sent {
    payload: Vec<u8>,
    timestamp: UnixNanos,
    proof: Vec<u8>,
}

impl Member {
    fn new(number: u64, limit: u32) -> Self {
        let secret = IdentitySecret::from_field(Fr::from(1_000 + number)).unwrap();
        Self { secret, limit: MessageLimit::new(limit).unwrap(), used: BTreeMap::new() }
    }

    fn leaf(&self) -> RateCommitment {
        self.secret.commitment().rate_commitment(self.limit)
    }

    /// A message with the next id of the epoch, or `None` if the quota is used up.
    fn send(&mut self, rules: &Rules, root: Fr, text: &str, now: UnixNanos) -> Option<Sent> {
        let used = self.used.entry(rules.epochs.at(now)?).or_default();
        let id = *used;
        *used += 1;
        (id < self.limit.get()).then(|| self.sign(rules, root, text, now, id))
    }

    /// A message with any id.
    fn sign(&self, rules: &Rules, root: Fr, text: &str, now: UnixNanos, id: u32) -> Sent {
        let epoch = rules.epochs.at(now).unwrap();
        let signal = Signal { payload: text.as_bytes(), content_topic: TOPIC, timestamp: now };
        let external = rules.epochs.external_nullifier(epoch);
        let line = Line::new(&self.secret, external, self.limit.id(id).unwrap());
        let claim = (line.share(signal.hash()), line.nullifier());
        let application = *rules.epochs.application();
        let proof = RateLimitProof::unproved(root, epoch, claim, application).to_bytes();
        Sent { payload: text.as_bytes().to_vec(), timestamp: now, proof: proof.to_vec() }
    }
}

impl Sent {
    fn incoming(&self) -> Incoming<'_> {
        let Self { payload, timestamp, proof } = self;
        let signal = Signal { payload, content_topic: TOPIC, timestamp: *timestamp };
        Incoming { signal, proof }
    }
}

/// A node: its clock is off by `skew` nanoseconds.
struct Node {
    validator: Validator,
    group: Group,
    skew: i64,
}

impl Node {
    fn new(rules: Rules, members: &[Member], skew: i64) -> Self {
        let mut group = Group::new(Depth::new(8).unwrap(), UnixNanos::default()).unwrap();
        let leaves = members.iter().map(Member::leaf).collect();
        group.apply(&Change::Append(leaves), UnixNanos::default()).unwrap();
        Self { validator: Validator::new(rules), group, skew }
    }

    fn clock(&self, time: i64) -> UnixNanos {
        UnixNanos::new(time + self.skew)
    }

    /// Judges a message whose proof, had it one, would verify.
    fn judge(&mut self, sent: &Sent, time: i64) -> Settled {
        let now = self.clock(time);
        let rules = *self.validator.rules();
        let judged = rules.read(&sent.incoming(), now).and_then(|proof| {
            Ok((proof.epoch(), self.validator.screen(&proof, &self.group, now)?))
        });
        match judged {
            Ok((epoch, values)) => self.validator.settle(epoch, &values),
            Err(finding) => finding.into(),
        }
    }

    /// Acts on evidence as every node does.
    fn convict(&mut self, evidence: &Evidence, time: i64) -> bool {
        let now = self.clock(time);
        let (secret, leaf) = evidence.open().unwrap();
        self.group.remove_member(leaf, now).is_some()
            && self.validator.ban(secret, Some(evidence.limit()), now)
    }
}

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_763_701_200 * SECOND;

fn honest(epoch_secs: u64, limit: u32, skews: &[i64], jitter: &[i64]) -> Result<(), TestCaseError> {
    let rules = rules(Duration::from_secs(epoch_secs));
    let mut members: Vec<Member> =
        (0..skews.len() as u64).map(|number| Member::new(number, limit)).collect();
    let mut nodes: Vec<Node> = skews.iter().map(|skew| Node::new(rules, &members, *skew)).collect();
    let root = nodes[0].group.root();
    let length = i64::try_from(rules.epochs.length().as_nanos()).unwrap();
    let mut jitter = jitter.iter().cycle();
    let mut next_jitter = || *jitter.next().unwrap();
    let mut seen: Vec<usize> = vec![0; nodes.len()];
    // Everybody sends its whole quota at both ends of each epoch of its own clock.
    for boundary in 1..=3 {
        for attempt in 0..2 * limit {
            for (number, member) in members.iter_mut().enumerate() {
                let sent_at = START - START % length + boundary * length + next_jitter() / 20
                    - nodes[number].skew;
                let text = format!("{number} {boundary} {attempt}");
                let now = nodes[number].clock(sent_at);
                let Some(sent) = member.send(&rules, root, &text, now) else { continue };
                for (receiver, node) in nodes.iter_mut().enumerate() {
                    let time = sent_at + next_jitter().abs();
                    let gap = node.clock(time).distance(sent.timestamp);
                    let verdict = node.judge(&sent, time).finding.verdict(OnInvalid::Reject);
                    if gap > rules.max_clock_gap {
                        prop_assert_eq!(verdict, Verdict::Ignore(Finding::Clock));
                    } else {
                        prop_assert_eq!(verdict, Verdict::Accept);
                        seen[receiver] += 1;
                    }
                    // What comes again, over another way, is nobody's fault.
                    let again = node.judge(&sent, time).finding.verdict(OnInvalid::Reject);
                    prop_assert!(matches!(again, Verdict::Ignore(_)), "{:?}", again);
                }
            }
        }
    }
    prop_assert!(seen.iter().all(|count| *count > 0));
    for node in &nodes {
        let kept = 4 * rules.max_clock_gap.as_secs() / epoch_secs + 2;
        prop_assert!(node.validator.epochs() as u64 <= kept);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_honest_member_at_its_full_quota_is_never_rejected(
        epoch_secs in prop_oneof![Just(1u64), Just(7), Just(10), Just(600)],
        limit in 1u32..5,
        skews in proptest::collection::vec(-10 * SECOND..=10 * SECOND, 2..6),
        jitter in proptest::collection::vec(-2 * SECOND..=2 * SECOND, 64),
    ) {
        honest(epoch_secs, limit, &skews, &jitter)?;
    }
}

#[test]
fn the_last_nanosecond_of_an_epoch_and_the_first_of_the_next_are_two_quotas() {
    let rules = rules(Duration::from_secs(600));
    let mut member = Member::new(0, 1);
    let mut node = Node::new(rules, std::slice::from_ref(&member), 0);
    let boundary = rules.epochs.start(EpochNumber::new(2_939_503)).get();
    for (text, time) in [("last", boundary - 1), ("first", boundary)] {
        let sent = member.send(&rules, node.group.root(), text, UnixNanos::new(time)).unwrap();
        // Both arrive after the boundary.
        assert_eq!(node.judge(&sent, boundary + SECOND).finding, Finding::Fresh);
    }
    let over = member.send(&rules, node.group.root(), "over", UnixNanos::new(boundary));
    assert!(over.is_none());
}

#[test]
fn one_message_over_the_limit_is_rejected_everywhere_and_its_sender_gone_in_two_seconds() {
    let rules = rules(Duration::from_secs(600));
    let limit = 5;
    let mut members = [Member::new(0, limit), Member::new(1, limit)];
    let skews = (0..20).map(|number| (number - 10) * SECOND);
    let mut nodes: Vec<Node> = skews.map(|skew| Node::new(rules, &members, skew)).collect();
    let root = nodes[0].group.root();
    for number in 0..limit {
        let sent =
            members[0].send(&rules, root, &format!("{number}"), UnixNanos::new(START)).unwrap();
        assert!(nodes.iter_mut().all(|node| node.judge(&sent, START).finding == Finding::Fresh));
    }
    // There is no id left, so the spammer takes one again.
    let over = members[0].sign(&rules, root, "over the limit", UnixNanos::new(START), 3);
    let mut evidence = Vec::new();
    for node in &mut nodes {
        let settled = node.judge(&over, START + SECOND / 10);
        assert_eq!(settled.finding, Finding::DoubleSignal);
        let signals = settled.evidence.unwrap();
        assert_eq!(signals.secret.as_ref(), Some(&members[0].secret));
        let commitment = signals.secret.as_ref().unwrap().commitment();
        let found = node.group.limit_of(commitment).unwrap();
        evidence.push(Evidence::new(&signals, found));
        assert_eq!(node.judge(&over, START + SECOND / 5).finding, Finding::Repeated);
    }
    // Each hears of it within a second, some from themselves, some from a neighbour.
    for (number, node) in nodes.iter_mut().enumerate() {
        let heard = START + SECOND / 10 * i64::try_from(number % 10).unwrap();
        let neighbour = &evidence[(number + 7) % 20];
        assert!(node.convict(neighbour, heard));
        assert!(!node.convict(&evidence[number], heard));
    }
    let roots: Vec<Fr> = nodes.iter().map(|node| node.group.root()).collect();
    assert!(roots.iter().all(|after| *after == roots[0] && *after != root));
    // Two seconds later nobody takes anything of the spammer, the honest member goes on.
    let later = UnixNanos::new(START + 2 * SECOND);
    let spam = members[0].sign(&rules, root, "more", later, 4);
    let fine = members[1].send(&rules, root, "as I was saying", later).unwrap();
    for node in &mut nodes {
        let spam = node.judge(&spam, later.get()).finding;
        assert_eq!(spam.verdict(OnInvalid::Reject), Verdict::Reject(Finding::Banned));
        assert_eq!(node.judge(&fine, later.get()).finding, Finding::Fresh);
    }
    let next_epoch = later + rules.epochs.length();
    let spam = members[0].sign(&rules, root, "a new epoch", next_epoch, 0);
    for node in &mut nodes {
        node.group.handle_time(node.clock(next_epoch.get()));
        assert_eq!(node.judge(&spam, next_epoch.get()).finding, Finding::UnknownRoot);
    }
}

#[test]
fn what_does_not_pass_changes_nothing() {
    let rules = rules(Duration::from_secs(600));
    let members = [Member::new(0, 2)];
    let mut node = Node::new(rules, &members, 0);
    let root = node.group.root();
    let good = members[0].sign(&rules, root, "good", UnixNanos::new(START), 0);
    let mut judge = |sent: &Sent, time| node.judge(sent, time).finding;
    let altered = Sent { payload: b"goods".to_vec(), ..good.clone() };
    assert_eq!(judge(&altered, START), Invalid::OtherSignal.into());
    let bare = Sent { proof: Vec::new(), ..good.clone() };
    let missing = Invalid::from(RateLimitProofError::Missing);
    assert_eq!(judge(&bare, START), missing.into());
    assert_eq!(judge(&good, START + 21 * SECOND), Finding::Clock);
    assert_eq!(judge(&good, START - 21 * SECOND), Finding::Clock);
    let other_root = members[0].sign(&rules, Fr::ONE, "good", UnixNanos::new(START), 0);
    assert_eq!(judge(&other_root, START), Finding::UnknownRoot);
    let length = 600 * SECOND;
    let late = members[0].sign(&rules, root, "late", UnixNanos::new(START + length), 0);
    let late = Sent { timestamp: UnixNanos::new(START), ..late };
    assert_eq!(judge(&late, START), Invalid::OtherEpoch.into());
    let forum = Rules::new(
        Epochs::new(rules.epochs.length(), Application::named("forum").unwrap()).unwrap(),
    );
    let forum = members[0].sign(&forum, root, "good", UnixNanos::new(START), 0);
    assert_eq!(judge(&forum, START), Invalid::OtherApplication.into());
    assert_eq!(node.validator.remembered(), 0);
    assert_eq!(node.judge(&good, START).finding, Finding::Fresh);
    assert_eq!(node.validator.remembered(), 1);
}

#[test]
fn a_full_epoch_ignores_and_still_catches() {
    let rules = Rules { messages_an_epoch: 2, ..rules(Duration::from_secs(600)) };
    let members = [Member::new(0, 9)];
    let mut node = Node::new(rules, &members, 0);
    let root = node.group.root();
    let mut judge = |text, id| {
        node.judge(&members[0].sign(&rules, root, text, UnixNanos::new(START), id), START).finding
    };
    assert_eq!(
        [judge("a", 0), judge("b", 1), judge("c", 2)],
        [Finding::Fresh, Finding::Fresh, Finding::Full]
    );
    assert_eq!(judge("another", 1), Finding::DoubleSignal);
}

#[test]
fn invalid_proofs_are_ignored_where_others_forward_them() {
    let invalid = Finding::from(Invalid::Proof);
    assert_eq!(invalid.verdict(OnInvalid::Reject), Verdict::Reject(invalid));
    assert_eq!(invalid.verdict(OnInvalid::Ignore), Verdict::Ignore(invalid));
    let spam = Finding::DoubleSignal;
    assert_eq!(spam.verdict(OnInvalid::Ignore), Verdict::Reject(spam));
}

#[test]
fn epochs_are_forgotten_when_no_message_of_theirs_can_come() {
    let rules = rules(Duration::from_secs(10));
    let mut member = Member::new(0, 1);
    let mut node = Node::new(rules, std::slice::from_ref(&member), 0);
    for step in 0..200 {
        let time = START + 10 * SECOND * step;
        let sent = member
            .send(&rules, node.group.root(), &format!("{step}"), UnixNanos::new(time))
            .unwrap();
        assert_eq!(node.judge(&sent, time).finding, Finding::Fresh);
        assert!(node.validator.remembered() <= 5);
    }
}
