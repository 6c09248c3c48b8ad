//! Targets for rate limiting in `logos-node`: what messages and the group carry, and its machines.

use std::collections::BTreeMap;
use std::time::Duration;

use logos_crypto::Fr;
use logos_crypto::keys::SigningKey;
use logos_crypto::merkle::Depth;
use logos_crypto::secret::Secret;
use logos_node::rate_limit::{
    Application, Change, Epochs, Evidence, Finding, Group, Incoming, MembershipSource,
    RateLimitProof, Registry, Rules, Signal, UnixNanos, Validator,
};
use logos_rln::RateCommitment;

/// The proof of a message and evidence: what decodes is encoded back to the same bytes.
///
/// # Panics
///
/// If it is not.
pub fn wire(data: &[u8]) {
    if let Ok(proof) = RateLimitProof::from_bytes(data) {
        assert_eq!(proof.to_bytes(), data, "one proof has one encoding");
        let _ = proof.points();
    }
    if let Ok(evidence) = Evidence::from_bytes(data) {
        assert_eq!(evidence.to_bytes(), data, "evidence has one encoding");
        let _ = evidence.open();
    }
}

/// Updates of a registry that reach another node in the order and with the damage that the script
/// says; whatever arrives is also tried as an update itself.
///
/// # Panics
///
/// If the other node takes an update that was never signed, or its group is not the registrar's
/// when it has taken all.
pub fn registry(data: &[u8]) {
    const MOST: usize = 24;
    let key = SigningKey::from_secret(&Secret::new([1; 32]));
    let new = || Registry::new("fuzz", vec![key.verifying_key()]);
    let (mut here, mut there) = (new(), new());
    let _ = there.handle_payload(data);
    let mut updates: Vec<Vec<u8>> = Vec::new();
    for step in data.chunks_exact(3).take(2 * MOST) {
        let (choice, number, place) = (step[0], usize::from(step[1]), usize::from(step[2]));
        match choice % 4 {
            0 if updates.len() < MOST => {
                let leaf = RateCommitment::from_field(Fr::from(u64::from(step[1])));
                updates.extend(here.register(leaf, &key));
            }
            1 if updates.len() < MOST => updates.extend(here.remove(u64::from(step[1]), &key)),
            2 if !updates.is_empty() => {
                let _ = there.handle_payload(&updates[number % updates.len()]);
            }
            3 if !updates.is_empty() => {
                let mut damaged = updates[number % updates.len()].clone();
                let place = place % damaged.len();
                damaged[place] ^= (choice >> 2) | 1;
                assert!(there.handle_payload(&damaged).is_err(), "nobody signed this");
            }
            _ => {}
        }
    }
    assert!(there.next() <= here.next());
    for update in &updates {
        there.handle_payload(update).expect("everything is taken in its order");
    }
    assert_eq!(group(&mut here).root(), group(&mut there).root());
}

fn group(source: &mut Registry) -> Group {
    let mut group =
        Group::new(Depth::new(6).expect("a depth"), UnixNanos::default()).expect("fits");
    while let Some(change) = source.next_change() {
        group.apply(&change, UnixNanos::default()).expect("24 leaves fit");
    }
    group
}

/// A script of messages whose proofs, had they one, would verify, beside a list of all of them.
///
/// # Panics
///
/// If a message id is called fresh twice in an epoch while that is kept, or what is remembered is
/// over its bounds.
pub fn validator(data: &[u8]) {
    const CAPACITY: usize = 8;
    let epochs = Epochs::new(Duration::from_secs(10), Application::WAKU_RELAY).expect("fits");
    let mut rules = Rules::new(epochs);
    rules.messages_an_epoch = CAPACITY;
    let mut now = UnixNanos::from_secs(1_763_701_200);
    let mut group = Group::new(Depth::new(2).expect("a depth"), now).expect("fits");
    let leaf = RateCommitment::from_field(Fr::ONE);
    group.apply(&Change::Append(vec![leaf]), now).expect("one leaf fits");
    let mut validator = Validator::new(rules);
    let mut seen: BTreeMap<(u64, u8), u8> = BTreeMap::new();
    for step in data.chunks_exact(4) {
        now = now + Duration::from_millis(u64::from(step[0]) * 20);
        let sent = now + Duration::from_secs(u64::from(step[1] % 44)) - Duration::from_secs(22);
        let (id, text) = (step[2] % 16, step[3] % 4);
        let epoch = epochs.at(sent).expect("after 1970");
        let signal = Signal { payload: &[text], content_topic: "fuzz", timestamp: sent };
        let claim = claim(group.root(), epoch.to_bytes(), &signal, id);
        let message = Incoming { signal, proof: &claim };
        let Ok(proof) = rules.read(&message, now) else { continue };
        let finding = match validator.screen(&proof, &group, now) {
            Ok(values) => validator.settle(epoch, &values).finding,
            Err(finding) => finding,
        };
        if finding == Finding::Fresh {
            let before = seen.insert((epoch.get(), id), text);
            assert!(before.is_none(), "a fresh message id was not seen before");
        }
        assert!(validator.epochs() <= 10 && validator.remembered() <= 10 * CAPACITY);
    }
}

/// The bytes of a proof that says what they are to say.
fn claim(root: Fr, epoch: [u8; 32], signal: &Signal<'_>, id: u8) -> Vec<u8> {
    let x = signal.hash().to_field().to_bytes();
    let nullifier = Fr::from(u64::from(id) + 1).to_bytes();
    let y = Fr::ONE.to_bytes();
    let mut bytes = [&[0x0a, 0x80, 0x01][..], &[0; 128]].concat();
    let application = *Application::WAKU_RELAY.as_bytes();
    let fields = [root.to_bytes(), epoch, x, y, nullifier, application];
    for (tag, field) in (0x12..).step_by(8).zip(fields) {
        bytes.extend_from_slice(&[tag, 32]);
        bytes.extend_from_slice(&field);
    }
    bytes
}
