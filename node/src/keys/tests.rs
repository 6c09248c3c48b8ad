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

/// The notices of a prover made with tables of a size, and whether it has them.
fn tables_of(store: &KeyStore, size: TableSize) -> Vec<CacheNotice> {
    let mut notices = Vec::new();
    let mut notice = |notice| match notice {
        // One for each shift.
        CacheNotice::BuildingTables(part) if part < 1.0 => {}
        other => notices.push(other),
    };
    let prover = store.prover(small_key(), Backend::Portable, size, &mut notice);
    assert_eq!((prover.tables().size(), prover.backend()), (size, Backend::Portable));
    notices
}

fn small_key() -> ProvingKey {
    use rand_core::SeedableRng;
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([8; 32]);
    let circuit = logos_rln::Circuit::new(2, 8, logos_rln::CircuitKind::Single).unwrap();
    logos_rln::development_setup(circuit, &mut rng).prepare(&mut |_| ()).unwrap()
}

const BUILT: CacheNotice = CacheNotice::BuildingTables(1.0);

#[test]
fn tables_of_each_size_are_built_once_and_mapped_after() {
    let folder = Folder::new("tables");
    let store = KeyStore::in_folder(folder.join("keys"));
    for size in [TableSize::Small, TableSize::Large] {
        assert_eq!(tables_of(&store, size), [BUILT]);
        assert_eq!(tables_of(&store, size), []);
    }
    assert_eq!(tables_of(&store, TableSize::None), [BUILT]);
    assert_eq!(fs::read_dir(folder.join("keys")).unwrap().count(), 2);
    assert_eq!(tables_of(&KeyStore::without_cache(), TableSize::Small), [BUILT]);
}

#[test]
fn damaged_or_foreign_tables_are_said_and_built_again() {
    let folder = Folder::new("damaged-tables");
    let store = KeyStore::in_folder(folder.join("keys"));
    tables_of(&store, TableSize::Small);
    tables_of(&store, TableSize::Large);
    let cache = store.cache.as_ref().unwrap();
    let path = |size| cache.tables_path(&small_key(), Backend::Portable, size);
    let small = path(TableSize::Small);
    let whole = fs::read(&small).unwrap();
    let other = fs::read(path(TableSize::Large)).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let (cut, longer) = (whole[..whole.len() - 64].to_vec(), [whole.clone(), vec![0]].concat());
    for damaged in [flipped, cut, longer, vec![0; 4096], b"short".to_vec(), other] {
        // As whoever damages files does not: the mapped bytes of this process must not change.
        fs::remove_file(&small).unwrap();
        fs::write(&small, damaged).unwrap();
        let notices = tables_of(&store, TableSize::Small);
        let [CacheNotice::DamagedTables { path, .. }, BUILT] = &notices[..] else {
            panic!("{notices:?}")
        };
        assert_eq!(*path, small);
        assert_eq!(fs::read(&small).unwrap(), whole);
        assert_eq!(tables_of(&store, TableSize::Small), []);
    }
}

#[test]
fn an_empty_table_file_and_a_full_disk_are_no_failure() {
    let folder = Folder::new("no-tables");
    let store = KeyStore::in_folder(folder.join("keys"));
    tables_of(&store, TableSize::Small);
    let cache = store.cache.as_ref().unwrap();
    let path = cache.tables_path(&small_key(), Backend::Portable, TableSize::Small);
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"").unwrap();
    assert_eq!(tables_of(&store, TableSize::Small).last(), Some(&BUILT));
    assert_eq!(tables_of(&store, TableSize::Small), []);
    let file = folder.join("file");
    fs::write(&file, "").unwrap();
    let notices = tables_of(&KeyStore::in_folder(file.join("keys")), TableSize::Small);
    assert!(matches!(&notices[..], [BUILT, CacheNotice::NotKept(_)]), "{notices:?}");
}
