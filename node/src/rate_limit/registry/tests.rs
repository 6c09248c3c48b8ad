//! Updates in any order, from anybody.

use logos_crypto::Fr;
use logos_crypto::merkle::Depth;
use logos_crypto::secret::Secret;
use proptest::prelude::*;

use super::*;
use crate::rate_limit::{Group, UnixNanos};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_secret(&Secret::new([seed; 32]))
}

fn registry() -> Registry {
    Registry::new("test", vec![key(1).verifying_key(), key(2).verifying_key()])
}

fn leaf(value: u64) -> RateCommitment {
    RateCommitment::from_field(Fr::from(value))
}

/// A log of `n` updates by two registrars, every fourth one a removal.
fn log(n: u64) -> (Registry, Vec<Vec<u8>>) {
    let mut registry = registry();
    let updates = (0..n).map(|number| {
        let key = key(if number % 3 == 0 { 1 } else { 2 });
        match number % 4 {
            3 => registry.remove(number / 2, &key).unwrap(),
            _ => registry.register(leaf(number + 1), &key).unwrap(),
        }
    });
    let updates = updates.collect();
    (registry, updates)
}

fn root(registry: &mut Registry) -> Fr {
    let now = UnixNanos::default();
    let mut group = Group::new(Depth::new(8).unwrap(), now).unwrap();
    while let Some(change) = registry.next_change() {
        group.apply(&change, now).unwrap();
    }
    group.root()
}

fn refused(registry: &mut Registry, bytes: &[u8]) -> RegistryError {
    let before = (registry.next(), registry.head, registry.early.len());
    let error = registry.handle(bytes).unwrap_err();
    assert_eq!((registry.next(), registry.head, registry.early.len()), before);
    error
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn updates_in_any_order_give_one_tree(
        order in Just((0..24usize).collect::<Vec<_>>()).prop_shuffle(),
        again in proptest::collection::vec(0..24usize, 0..24),
    ) {
        let (mut first, updates) = log(24);
        let mut other = registry();
        for number in order.into_iter().chain(again) {
            other.handle(&updates[number]).unwrap();
        }
        prop_assert_eq!((other.next(), other.early.len()), (24, 0));
        prop_assert_eq!(root(&mut first), root(&mut other));
        let again: Vec<&[u8]> = other.updates(0, 100).collect();
        prop_assert!(again.iter().zip(&updates).all(|(kept, sent)| kept == sent));
    }

    #[test]
    fn an_update_with_any_byte_changed_is_refused(place in 0usize..171, flip in 1u8..) {
        let (_, updates) = log(1);
        let mut bytes = updates[0].clone();
        bytes[place] ^= flip;
        refused(&mut registry(), &bytes);
    }
}

#[test]
fn only_registrars_sign() {
    let mut registry = registry();
    let stranger = registry.register(leaf(1), &key(3));
    assert_eq!(stranger, Err(RegistryError::NotARegistrar));
    let mut theirs = Registry::new("test", vec![key(3).verifying_key()]);
    let bytes = theirs.register(leaf(1), &key(3)).unwrap();
    assert_eq!(refused(&mut registry, &bytes), RegistryError::OtherGroup);
    let update = Update {
        group: registry.id,
        sequence: 0,
        parent: registry.id,
        operation: Operation::Register(leaf(1)),
        registrar: 0,
    };
    assert_eq!(refused(&mut registry, &update.sign(&key(3))), RegistryError::Signature);
    let beyond = Update { registrar: 2, ..update };
    assert_eq!(refused(&mut registry, &beyond.sign(&key(2))), RegistryError::NotARegistrar);
}

#[test]
fn a_second_update_of_one_number_is_noticed() {
    let (mut one, updates) = log(3);
    let mut other = registry();
    let fork = other.register(leaf(99), &key(1)).unwrap();
    assert_eq!(refused(&mut one, &fork), RegistryError::Fork { sequence: 0 });
    // From another history, of the next number.
    other.register(leaf(2), &key(2)).unwrap();
    other.register(leaf(3), &key(2)).unwrap();
    let next = other.register(leaf(4), &key(2)).unwrap();
    assert_eq!(refused(&mut one, &next), RegistryError::Fork { sequence: 3 });
    // From another history, early: dropped when it is due.
    let mut third = registry();
    assert_eq!(third.handle(&next), Ok(Heard::Early { missing: 0 }));
    for update in &updates {
        third.handle(update).unwrap();
    }
    assert_eq!((third.next(), third.early.len()), (3, 0));
}

#[test]
fn what_is_kept_early_is_bounded() {
    let (_, updates) = log(300);
    let mut late = registry();
    for update in &updates[1..=256] {
        assert_eq!(late.handle(update), Ok(Heard::Early { missing: 0 }));
    }
    let far = RegistryError::TooFarAhead { sequence: 257, next: 0, ahead: 256 };
    assert_eq!(refused(&mut late, &updates[257]), far);
    late.handle(&updates[0]).unwrap();
    assert_eq!(late.next(), 257);
}

#[test]
fn nobody_removes_a_leaf_that_was_never_taken_or_registers_none() {
    let mut registry = registry();
    let none = registry.remove(0, &key(1));
    assert_eq!(none, Err(RegistryError::NoSuchLeaf { index: 0 }));
    assert_eq!(registry.register(leaf(0), &key(1)), Err(RegistryError::Leaf));
    assert_eq!(registry.next(), 0);
    registry.register(leaf(1), &key(1)).unwrap();
    registry.remove(0, &key(2)).unwrap();
    assert_eq!((registry.next(), registry.leaves()), (2, 1));
}
