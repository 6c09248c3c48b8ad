use std::vec::Vec;

use logos_crypto::Fr;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::{
    Circuit, CircuitKind, ExternalNullifier, IdentitySecret, Membership, MerklePath, Message,
    MessageLimit, Prover, Signal, Verifier, development_setup,
};

fn key(seed: u8) -> ProvingKey {
    let circuit = Circuit::new(2, 8, CircuitKind::Single).unwrap();
    let setup = development_setup(circuit, &mut ChaCha20Rng::from_seed([seed; 32]));
    setup.prepare(&mut |_| ()).unwrap()
}

fn tables(key: &ProvingKey, backend: Backend, size: TableSize) -> Tables {
    Tables::build(key, backend, size, &mut |_| ())
}

/// A copy that begins at a multiple of 64 and stays for the life of the test.
fn kept(bytes: &[u8]) -> &'static [u8] {
    let copy = Vec::leak(std::vec![0; bytes.len() + 64]);
    let start = copy.as_ptr().align_offset(64);
    let place = &mut copy[start..start + bytes.len()];
    place.copy_from_slice(bytes);
    place
}

#[test]
fn every_size_on_every_backend_makes_the_same_proof() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let limit = MessageLimit::new(9).unwrap();
    let path = MerklePath::new(std::vec![Fr::ONE; 2], 1).unwrap();
    let member = Membership::new(IdentitySecret::random(&mut rng), limit, path);
    let signal = Signal::from_message(b"a message");
    let epoch = ExternalNullifier::new(b"1", b"test");
    let message = Message::new(epoch, signal, limit.id(3).unwrap());
    let mut first = None;
    for backend in Backend::available() {
        for size in TableSize::ALL {
            let prover = Prover::with_tables(key(1), tables(&key(1), backend, size));
            assert_eq!((prover.tables().size(), prover.backend()), (size, backend));
            let mut rng = ChaCha20Rng::from_seed([2; 32]);
            let proof = prover.prove(&member, &message, &mut rng).unwrap();
            let verifier = Verifier::new(prover.key().verifying_key().clone());
            verifier.verify(&proof, signal, &[member.root()]).unwrap();
            assert_eq!(*first.get_or_insert(proof.to_bytes()), proof.to_bytes());
        }
    }
}

#[test]
fn tables_come_back_from_their_bytes() {
    let key = key(1);
    for backend in Backend::available() {
        for size in TableSize::ALL {
            let built = tables(&key, backend, size);
            let bytes = built.to_bytes();
            assert_eq!(bytes.len(), built.memory());
            let read = Tables::from_bytes(&key, kept(&bytes)).unwrap();
            assert_eq!((read.size(), read.backend()), (size, backend));
            assert!(read.to_bytes() == bytes);
        }
    }
}

#[test]
fn bytes_that_are_not_the_keys_tables_are_refused() {
    let key_of_another = key(2);
    let key = key(1);
    let bytes = tables(&key, Backend::Portable, TableSize::None).to_bytes();
    let load = |key: &ProvingKey, change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        Tables::from_bytes(key, kept(&changed)).err()
    };
    assert_eq!(load(&key, &|_| ()), None);
    let foreign = TablesError::Table(TableError::OtherSource);
    assert_eq!(load(&key_of_another, &|_| ()), Some(foreign));
    assert_eq!(load(&key, &|bytes| bytes[7] ^= 1), Some(TablesError::Format));
    let in_the_middle = bytes.len() / 2;
    for place in [32, HEADER + 20, in_the_middle, bytes.len() - 1] {
        let error = load(&key, &|bytes| bytes[place] ^= 0x10);
        assert_eq!(error, Some(TablesError::Checksum), "byte {place}");
    }
    for end in [0, 7, HEADER - 1] {
        let error = load(&key, &|bytes| bytes.truncate(end));
        assert!(matches!(error, Some(TablesError::Decode(_))), "{end}: {error:?}");
    }
    for end in [HEADER, in_the_middle, bytes.len() - 1] {
        let error = load(&key, &|bytes| bytes.truncate(end));
        let cut = |error| matches!(error, TablesError::Table(TableError::Length { .. }));
        assert!(error.is_some_and(cut), "{end}: {error:?}");
    }
    assert!(load(&key, &|bytes| bytes.push(0)).is_some());
    assert!(load(&key, &|bytes| bytes[8] ^= 64).is_some());
}
