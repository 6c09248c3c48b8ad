use logos_crypto::keys::{SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use logos_ratchet::store::{Change as SessionChange, CommitError, Key as SessionKey, Store};
use logos_ratchet::{Bundle, BundlePlan, Device, StorageKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::time::Duration;

use super::*;
use crate::channel::{ChannelId, ChannelStore, RecordChange as Change, RecordKey};
use crate::store::tests::Folder;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned())
}

fn open(folder: &Folder) -> Records {
    let path = folder.join("records.redb");
    Records::open(&path, &passphrase("right"), Hardness::TEST, &mut rng(1)).unwrap()
}

fn put(key: &[u8], value: &[u8]) -> RecordChange {
    RecordChange::Put(key.to_vec(), value.to_vec())
}

#[test]
fn another_passphrase_does_not_open_it() {
    let folder = Folder::new("records");
    drop(open(&folder));
    let path = folder.join("records.redb");
    let wrong = Records::open(&path, &passphrase("wrong"), Hardness::TEST, &mut rng(2));
    assert_eq!(wrong.unwrap_err(), RecordError::WrongPassphrase);
    drop(open(&folder));
}

#[test]
fn nothing_that_was_written_is_readable_in_the_file() {
    let folder = Folder::new("records-sealed");
    let records = open(&folder);
    records.commit(1, &[put(b"k", b"the very secret text")], &mut rng(3)).unwrap();
    drop(records);
    let bytes = std::fs::read(folder.join("records.redb")).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"very secret"));
    assert_eq!(open(&folder).get(1, b"k").unwrap(), Some(b"the very secret text".to_vec()));
}

#[test]
fn a_record_that_was_moved_does_not_open() {
    let folder = Folder::new("records-moved");
    let records = open(&folder);
    records.commit(1, &[put(b"a", b"value")], &mut rng(3)).unwrap();
    let sealed = records.shared.read(&place(1, b"a")).unwrap().unwrap();
    let transaction = records.shared.database.begin_write().unwrap();
    let moved = place(1, b"b");
    transaction.open_table(RECORDS).unwrap().insert(&moved[..], &sealed[..]).unwrap();
    transaction.commit().unwrap();
    assert_eq!(records.get(1, b"b"), Err(RecordError::Sealed { space: 1 }));
}

#[test]
fn a_scan_stays_in_its_prefix() {
    let folder = Folder::new("records-scan");
    let records = open(&folder);
    let changes = [put(b"a1", b"1"), put(b"a2", b"2"), put(b"b1", b"3")];
    records.commit(1, &changes, &mut rng(3)).unwrap();
    records.commit(2, &[put(b"a3", b"4")], &mut rng(3)).unwrap();
    let found = records.scan(1, b"a", 10).unwrap();
    assert_eq!(found, [(b"a1".to_vec(), b"1".to_vec()), (b"a2".to_vec(), b"2".to_vec())]);
    assert_eq!(records.scan(1, b"a", 1).unwrap().len(), 1);
    records.commit(1, &[RecordChange::Delete(b"a1".to_vec())], &mut rng(3)).unwrap();
    assert_eq!(records.scan(1, b"a", 10).unwrap().len(), 1);
}

#[test]
fn a_channel_has_its_own_records() {
    let folder = Folder::new("records-channel");
    let records = open(&folder);
    let channel = |name| {
        let id = ChannelId::new(name).unwrap();
        RedbChannel::new(records.clone(), &id, rng(4))
    };
    let (mut one, other) = (channel("a"), channel("aa"));
    one.commit(vec![Change::Put(RecordKey::Event(1), vec![1]), Change::Delete(RecordKey::State)])
        .unwrap();
    assert_eq!(one.records().unwrap(), [(RecordKey::Event(1), vec![1])]);
    assert_eq!(other.records().unwrap(), []);
}

#[test]
fn a_prekey_is_taken_once() {
    let folder = Folder::new("records-sessions");
    let mut store = RedbSessions::new(open(&folder), rng(5));
    let key = SessionKey::OneTimePrekey(7);
    store.commit(vec![SessionChange::Insert(key, vec![1])]).unwrap();
    assert_eq!(
        store.commit(vec![SessionChange::Insert(key, vec![2])]),
        Err(CommitError::Conflict(key))
    );
    store.commit(vec![SessionChange::Take(key)]).unwrap();
    let again =
        vec![SessionChange::Put(SessionKey::SignedPrekey(1), vec![2]), SessionChange::Take(key)];
    assert_eq!(store.commit(again), Err(CommitError::Conflict(key)));
    assert_eq!(store.get(&SessionKey::SignedPrekey(1)), Ok(None), "nothing of it happened");
}

#[test]
fn a_session_outlives_the_process() {
    let folder = Folder::new("records-device");
    let now = Tick::new(Duration::from_secs(1_800_000_000));
    let device = |seed| {
        let mut rng = rng(seed);
        let (identity, signing) = (StaticSecret::random(&mut rng), SigningKey::random(&mut rng));
        Device::<true>::new(identity, signing, StorageKey::new(Secret::random(&mut rng)))
    };
    let (saro, raya) = (device(1), device(2));
    let mut at_saro = logos_ratchet::store::MemoryStore::default();
    let mut at_raya = RedbSessions::new(open(&folder), rng(6));
    let plan = BundlePlan::introduction(now + Duration::from_secs(60));
    let bundle = raya.publish(&mut at_raya, &plan, &mut rng(7)).unwrap();
    assert_eq!(at_raya.prekeys_and_handshakes(10).unwrap().len(), 3);
    let bundle = Bundle::decode(&bundle.encode(), now).unwrap();
    let first = saro.initiate(&mut at_saro, &bundle, b"hello", now, &mut rng(8)).unwrap();
    drop(at_raya);

    let mut at_raya = RedbSessions::new(open(&folder), rng(9));
    let received = raya.receive(&mut at_raya, None, &first, now, &mut rng(10)).unwrap();
    assert_eq!((received.content, received.peer), (b"hello".to_vec(), saro.identity()));
    drop(at_raya);
    let mut at_raya = RedbSessions::new(open(&folder), rng(11));
    let answer = raya.send(&mut at_raya, &saro.identity(), b"hi", &mut rng(12)).unwrap();
    let peer = raya.identity();
    let heard = saro.receive(&mut at_saro, Some(&peer), &answer, now, &mut rng(13)).unwrap();
    assert_eq!(heard.content, b"hi");
}
