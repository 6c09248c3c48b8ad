//! The constraints of both circuits, in the order of the deployed keys.

use logos_crypto::Fr;

use super::builder::{Combination, ConstraintSystem};
use super::layout::{Layout, RangeWires};
use super::sponge::Sponges;

/// All constraints of a circuit.
pub(crate) fn constraints(layout: &Layout, sponges: &Sponges) -> ConstraintSystem {
    let mut system = ConstraintSystem::default();
    if layout.is_multi() {
        constrain_selectors(layout, &mut system);
        (0..layout.slots()).for_each(|slot| constrain_slot(layout, slot, &mut system));
        for slot in 0..layout.slots() {
            constrain_conditional_range(layout, slot, &mut system);
        }
        constrain_used_slots(layout, &mut system);
        constrain_distinct_ids(layout, &mut system);
    } else {
        constrain_share(layout, 0, layout.ys, &mut system);
    }
    constrain_path(layout, &mut system);
    constrain_hashes(layout, sponges, &mut system);
    if !layout.is_multi() {
        let range = layout.range(0);
        let id = wire(layout.message_ids);
        constrain_difference(layout, &range, &id, &mut system);
        constrain_id_bits(&range, &id, &mut system);
    }
    system
}

fn wire(wire: usize) -> Combination {
    Combination::wire(wire)
}

fn zero() -> Combination {
    Combination::default()
}

/// `(v - 1) v = 0`.
fn constrain_bit(value: &Combination, system: &mut ConstraintSystem) {
    system.push(&value.shifted(-Fr::ONE), value, &zero());
}

/// `a1 x = y - a0`.
fn constrain_share(layout: &Layout, slot: usize, y: usize, system: &mut ConstraintSystem) {
    let slope = wire(layout.slopes + slot);
    system.push(&slope.negated(), &wire(layout.x), &wire(layout.secret).minus(&wire(y)));
}

/// No two slots in use have the same id.
fn constrain_selectors(layout: &Layout, system: &mut ConstraintSystem) {
    for (pair, i, j) in layout.pairs() {
        let both = wire(layout.selector_pairs + pair);
        let (first, second) = (wire(layout.selector + i), wire(layout.selector + j));
        system.push(&first.negated(), &second, &both.negated());
        system.push(&both, &wire(layout.equal_pairs + pair), &zero());
    }
}

/// A slot's share and nullifier, and both masked by its selector.
fn constrain_slot(layout: &Layout, slot: usize, system: &mut ConstraintSystem) {
    let off = wire(layout.selector + slot).negated();
    let raw_y = layout.raw_ys + slot;
    constrain_share(layout, slot, raw_y, system);
    system.push(&off, &wire(raw_y), &wire(layout.ys + slot).negated());
    let raw_nullifier = wire(layout.raw_nullifiers + slot);
    system.push(&off, &raw_nullifier, &wire(layout.nullifiers + slot).negated());
}

/// A slot in use has an id below the limit.
fn constrain_conditional_range(layout: &Layout, slot: usize, system: &mut ConstraintSystem) {
    let range = layout.range(slot);
    let (Some(masked), Some(below)) = (range.masked_id, range.below) else { return };
    let (masked, below) = (wire(masked), wire(below));
    let selector = wire(layout.selector + slot);
    constrain_bit(&selector, system);
    system.push(&wire(layout.message_ids + slot).negated(), &selector, &masked.negated());
    system.push(&below.negated(), &selector, &selector.negated());
    constrain_difference(layout, &range, &masked, system);
    system.push(&below.negated(), &below.negated().shifted(Fr::ONE), &zero());
    constrain_id_bits(&range, &masked, system);
}

/// `id + 2^bits - limit` has `bits + 1` bits, and its top bit is off: the id is below the limit.
fn constrain_difference(
    layout: &Layout,
    range: &RangeWires,
    id: &Combination,
    system: &mut ConstraintSystem,
) {
    let n_bits = range.n_bits;
    let whole = power_of_two(n_bits + 1);
    let top = match range.below {
        Some(below) => wire(below).negated().shifted(Fr::ONE),
        None => zero(),
    };
    let difference = id.minus(&wire(layout.limit)).shifted(whole).minus(&top.scaled(whole));
    constrain_bits(range.difference_bits, n_bits, &difference, system);
}

/// The id has `bits` bits.
fn constrain_id_bits(range: &RangeWires, id: &Combination, system: &mut ConstraintSystem) {
    constrain_bits(range.id_bits, range.n_bits, id, system);
}

/// `value` is the sum of `n_bits` wires from `first` and one more bit, which has no wire.
fn constrain_bits(first: usize, n_bits: usize, value: &Combination, system: &mut ConstraintSystem) {
    let mut rest = value.clone();
    for bit in 0..n_bits {
        constrain_bit(&wire(first + bit), system);
        rest = rest.minus(&wire(first + bit).scaled(power_of_two(bit)));
    }
    let top = rest.scaled(power_of_two(n_bits).vartime_inverse().unwrap_or_default());
    constrain_bit(&top, system);
}

fn power_of_two(exponent: usize) -> Fr {
    (0..exponent).fold(Fr::ONE, |power, _| power + power)
}

/// At least one slot is in use: the sum of the selectors has an inverse.
fn constrain_used_slots(layout: &Layout, system: &mut ConstraintSystem) {
    let used =
        (0..layout.slots()).fold(zero(), |sum, slot| sum.plus(&wire(layout.selector + slot)));
    system.push(&used, &wire(layout.used_inverse), &Combination::constant(Fr::ONE));
}

/// `equal = 1 - (id - id') inverse` and `(id - id') equal = 0` for each pair of slots.
fn constrain_distinct_ids(layout: &Layout, system: &mut ConstraintSystem) {
    for (pair, i, j) in layout.pairs() {
        let difference = wire(layout.message_ids + i).minus(&wire(layout.message_ids + j));
        let equal = wire(layout.equal_pairs + pair);
        let inverse = wire(layout.difference_inverses + pair);
        system.push(&difference, &inverse, &equal.negated().shifted(Fr::ONE));
        system.push(&difference, &equal, &zero());
    }
}

/// Index bits are bits, and order node and sibling.
fn constrain_path(layout: &Layout, system: &mut ConstraintSystem) {
    for level in 0..layout.depth() {
        constrain_bit(&wire(layout.index_bits + level), system);
    }
    for level in 0..layout.depth() {
        let bit = wire(layout.index_bits + level);
        let (node, sibling) = (below(layout, level), wire(layout.path + level));
        let [left, right] = children(layout, level);
        let swap = node.minus(&sibling);
        system.push(&swap, &bit, &node.minus(&left));
        system.push(&swap.negated(), &bit, &sibling.minus(&right));
    }
}

/// The node a level starts from: the leaf, or the hash of the level below.
fn below(layout: &Layout, level: usize) -> Combination {
    match level.checked_sub(1) {
        None => wire(layout.rate_commitment),
        Some(lower) => wire(layout.node(lower)),
    }
}

fn children(layout: &Layout, level: usize) -> [Combination; 2] {
    [0, 1].map(|side| wire(layout.children + 2 * level + side))
}

fn constrain_hashes(layout: &Layout, sponges: &Sponges, system: &mut ConstraintSystem) {
    let mut hash = |wires, inputs: &[Combination], output| {
        sponges.of(&wires).constrain(&wires, inputs, output, system);
    };
    for level in 0..layout.depth() {
        hash(layout.level_sponge(level), &children(layout, level), layout.node(level));
    }
    let secret = wire(layout.secret);
    let commitment = layout.identity_commitment;
    hash(layout.identity_sponge(), core::slice::from_ref(&secret), commitment);
    let leaf = [wire(commitment), wire(layout.limit)];
    hash(layout.rate_sponge(), &leaf, layout.rate_commitment);
    for slot in 0..layout.slots() {
        let id = wire(layout.message_ids + slot);
        let inputs = [secret.clone(), wire(layout.external_nullifier), id];
        hash(layout.slope_sponge(slot), &inputs, layout.slopes + slot);
    }
    for slot in 0..layout.slots() {
        let output = if layout.is_multi() { layout.raw_nullifiers } else { layout.nullifiers };
        hash(layout.nullifier_sponge(slot), &[wire(layout.slopes + slot)], output + slot);
    }
}
