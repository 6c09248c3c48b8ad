//! The value of every wire.

use alloc::vec;
use alloc::vec::Vec;

use logos_crypto::Fr;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::layout::Layout;
use super::sponge::Sponges;
use crate::membership::Membership;
use crate::message::MessageInputs;

/// One value a wire; wiped on drop, for it holds the identity secret.
pub(crate) struct Assignment {
    wires: Vec<Fr>,
}

impl Assignment {
    fn set(&mut self, wire: usize, value: Fr) {
        if let Some(slot) = self.wires.get_mut(wire) {
            *slot = value;
        }
    }

    fn set_bits(&mut self, first: usize, n_bits: usize, value: u64) {
        for bit in 0..n_bits {
            self.set(first + bit, Fr::from(value >> bit & 1 == 1));
        }
    }

    pub(crate) fn as_slice(&self) -> &[Fr] {
        &self.wires
    }

    pub(crate) fn wire(&self, wire: usize) -> Fr {
        self.wires.get(wire).copied().unwrap_or_default()
    }

    pub(crate) fn duplicate(&self) -> Self {
        Self { wires: self.wires.clone() }
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.wires.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl ZeroizeOnDrop for Assignment {}

impl core::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { wires } = self;
        f.debug_struct("Assignment").field("wires", &wires.len()).finish_non_exhaustive()
    }
}

/// The wires that follow from a membership alone; all others are zero.
pub(crate) fn fill_fixed(
    layout: &Layout,
    sponges: &Sponges,
    membership: &Membership,
) -> Assignment {
    let mut assignment = Assignment { wires: vec![Fr::ZERO; layout.n_wires] };
    let secret = *membership.secret().expose_secret();
    let limit = Fr::from(membership.limit().get());
    assignment.set(0, Fr::ONE);
    assignment.set(layout.secret, secret);
    assignment.set(layout.limit, limit);
    let commitment = hash(layout.identity_sponge(), sponges, &[secret], &mut assignment);
    assignment.set(layout.identity_commitment, commitment);
    let leaf = hash(layout.rate_sponge(), sponges, &[commitment, limit], &mut assignment);
    assignment.set(layout.rate_commitment, leaf);
    for slot in 0..layout.slots() {
        let wires = layout.slope_sponge(slot);
        sponges.of(&wires).assign_first_input(&wires, secret, &mut assignment.wires);
    }
    let mut node = leaf;
    for (level, sibling) in membership.path().siblings().iter().enumerate() {
        let is_right = membership.path().is_right(level);
        let children = if is_right { [*sibling, node] } else { [node, *sibling] };
        assignment.set(layout.path + level, *sibling);
        assignment.set(layout.index_bits + level, Fr::from(is_right));
        for (side, child) in children.iter().enumerate() {
            assignment.set(layout.children + 2 * level + side, *child);
        }
        node = hash(layout.level_sponge(level), sponges, &children, &mut assignment);
        assignment.set(layout.node(level), node);
    }
    assignment
}

/// The wires that follow from a message, on top of the fixed ones.
pub(crate) fn fill_message(
    layout: &Layout,
    sponges: &Sponges,
    inputs: &MessageInputs<'_>,
    assignment: &mut Assignment,
) {
    let secret = assignment.wire(layout.secret);
    let external_nullifier = inputs.external_nullifier.to_field();
    let x = inputs.x;
    assignment.set(layout.x, x);
    assignment.set(layout.external_nullifier, external_nullifier);
    for (slot, (id, used)) in inputs.slots().enumerate() {
        let id_value = Fr::from(id);
        assignment.set(layout.message_ids + slot, id_value);
        let slope_inputs = [secret, external_nullifier, id_value];
        let slope = hash(layout.slope_sponge(slot), sponges, &slope_inputs, assignment);
        let nullifier = hash(layout.nullifier_sponge(slot), sponges, &[slope], assignment);
        let y = secret + slope * x;
        assignment.set(layout.slopes + slot, slope);
        assignment.set(layout.ys + slot, if used { y } else { Fr::ZERO });
        assignment.set(layout.nullifiers + slot, if used { nullifier } else { Fr::ZERO });
        if layout.is_multi() {
            assignment.set(layout.raw_ys + slot, y);
            assignment.set(layout.raw_nullifiers + slot, nullifier);
            assignment.set(layout.selector + slot, Fr::from(used));
        }
        fill_range(layout, slot, u64::from(if used { id } else { 0 }), assignment);
    }
    if layout.is_multi() {
        fill_pairs(layout, inputs, assignment);
    }
}

fn hash(
    wires: super::layout::SpongeWires,
    sponges: &Sponges,
    inputs: &[Fr],
    assignment: &mut Assignment,
) -> Fr {
    sponges.of(&wires).assign(&wires, inputs, &mut assignment.wires)
}

/// The bits of the range check of `id`.
fn fill_range(layout: &Layout, slot: usize, id: u64, assignment: &mut Assignment) {
    let range = layout.range(slot);
    let limit = assignment.wire(layout.limit).to_u64().unwrap_or_default();
    let whole = 1u64 << (range.n_bits + 1);
    // Limits are at most `whole`, so this stays within `bits + 1` bits.
    let difference = (id + whole).saturating_sub(limit);
    assignment.set_bits(range.id_bits, range.n_bits, id);
    assignment.set_bits(range.difference_bits, range.n_bits, difference);
    if let (Some(masked), Some(below)) = (range.masked_id, range.below) {
        assignment.set(masked, Fr::from(id));
        assignment.set(below, Fr::from(difference < whole));
    }
}

/// The wires that show slots in use to have different ids.
fn fill_pairs(layout: &Layout, inputs: &MessageInputs<'_>, assignment: &mut Assignment) {
    let slots: Vec<(u32, bool)> = inputs.slots().collect();
    let used = slots.iter().filter(|(_, used)| *used).count() as u64;
    assignment.set(layout.used_inverse, inverse_or_zero(Fr::from(used)));
    for (pair, i, j) in layout.pairs() {
        let (Some((a, a_used)), Some((b, b_used))) = (slots.get(i), slots.get(j)) else { continue };
        let difference = Fr::from(*a) - Fr::from(*b);
        assignment.set(layout.selector_pairs + pair, Fr::from(*a_used && *b_used));
        assignment.set(layout.equal_pairs + pair, Fr::from(a == b));
        assignment.set(layout.difference_inverses + pair, inverse_or_zero(difference));
    }
}

fn inverse_or_zero(value: Fr) -> Fr {
    value.vartime_inverse().unwrap_or(Fr::ZERO)
}
