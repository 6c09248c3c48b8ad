use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::store::tests::Folder;

/// Takes the place of a ceremony key's slow preparation.
fn prepare(
    _: &[u8],
    checks: PointChecks<'_>,
    progress: &mut dyn FnMut(f32),
) -> Result<ProvingKey, KeyError> {
    assert!(matches!(checks, PointChecks::UnlessKnown(_)));
    progress(1.0);
    Ok(logos_rln_keys::single())
}

fn notices_of(store: &KeyStore, bytes: &[u8]) -> Vec<CacheNotice> {
    let mut notices = Vec::new();
    store.prepared(bytes, &mut |notice| notices.push(notice), prepare).unwrap();
    notices
}

#[test]
fn a_key_is_prepared_once_and_kept_under_its_hash() {
    let folder = Folder::new("keys");
    let store = KeyStore::in_folder(folder.join("deep/keys"));
    assert_eq!(notices_of(&store, b"one"), [CacheNotice::Preparing(1.0)]);
    assert_eq!(notices_of(&store, b"one"), []);
    assert_eq!(notices_of(&store, b"two"), [CacheNotice::Preparing(1.0)]);
}

#[test]
fn a_damaged_cache_is_made_again_without_checking_points_again() {
    static CHECKED: AtomicUsize = AtomicUsize::new(0);
    fn count_checks(
        bytes: &[u8],
        checks: PointChecks<'_>,
        progress: &mut dyn FnMut(f32),
    ) -> Result<ProvingKey, KeyError> {
        let PointChecks::UnlessKnown(known) = checks else { panic!("the list was not asked") };
        CHECKED.fetch_add(usize::from(!known.contains(&KeyHash::of(bytes))), Ordering::Relaxed);
        prepare(bytes, checks, progress)
    }
    let folder = Folder::new("damaged");
    let store = KeyStore::in_folder(folder.join("keys"));
    store.prepared(b"key", &mut |_| (), count_checks).unwrap();
    let path = store.cache.as_ref().unwrap().path(KeyHash::of(b"key"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();

    let mut notices = Vec::new();
    store.prepared(b"key", &mut |notice| notices.push(notice), count_checks).unwrap();
    let damaged = CacheNotice::Damaged { path, error: KeyError::Checksum };
    assert_eq!(notices, [damaged, CacheNotice::Preparing(1.0)]);
    assert_eq!(notices_of(&store, b"key"), []);
    assert_eq!(CHECKED.load(Ordering::Relaxed), 1);
}

#[test]
fn a_cache_that_cannot_be_written_is_no_failure() {
    let folder = Folder::new("no-cache");
    let path = folder.join("file");
    fs::write(&path, "").unwrap();
    let notices = notices_of(&KeyStore::in_folder(path.join("keys")), b"key");
    assert!(matches!(&notices[..], [CacheNotice::Preparing(_), CacheNotice::NotKept(_)]));
}

#[test]
fn files_are_told_apart_by_their_content() {
    let folder = Folder::new("formats");
    let store = KeyStore::without_cache();
    let path = folder.join("key");
    let load = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        store.proving_key(&path, &mut |_| ()).map(|key| key.circuit())
    };
    let prepared = logos_rln_keys::multi_bytes();
    assert_eq!(load(prepared), Ok(logos_rln::Circuit::MULTI_20));
    let verifying = logos_rln_keys::single_verifying_key().to_bytes();
    assert_eq!(load(&verifying), Err(KeyFileError::VerifyingOnly { path: path.clone() }));
    assert!(store.verifying_key(&path, &mut |_| ()).is_ok());
    assert_eq!(load(b"a letter"), Err(KeyFileError::Format { path: path.clone() }));
    let cut = load(&prepared[..prepared.len() - 1]);
    assert!(matches!(cut, Err(KeyFileError::Key { .. })), "{cut:?}");
    assert!(matches!(load(b"zkey\x01"), Err(KeyFileError::Key { .. })));
}
