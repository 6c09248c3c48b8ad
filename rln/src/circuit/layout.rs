//! Which wire holds what.
//!
//! The order is that of the deployed circuits, so that their keys fit; it was read off the
//! published circuit data once and is pinned by tests against the ceremony keys.

use core::ops::Range;

use super::{Circuit, CircuitKind};

/// Full rounds of every Poseidon instance, half of them before the partial ones.
pub(crate) const FULL_ROUNDS: usize = 8;

/// Partial rounds of the Poseidon instance of width `t`.
pub(crate) const fn partial_rounds(width: usize) -> usize {
    match width {
        2 | 4 => 56,
        3 => 57,
        _ => 60,
    }
}

/// The wires inside one Poseidon of `inputs` inputs, from `start` on.
///
/// In order: the S-box outputs of the full rounds with the next round's constant added (without
/// lane 0 of the first round, which is constant, and the last lane of the last, which follows
/// from the hash), the lane-0 states after each partial round, `x^2, x^4` of each full-round
/// S-box, and `x^2, x^4` of each partial one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpongeWires {
    pub(crate) inputs: usize,
    pub(crate) start: usize,
}

impl SpongeWires {
    pub(crate) const fn width(&self) -> usize {
        self.inputs + 1
    }

    pub(crate) const fn n_full_outputs(&self) -> usize {
        FULL_ROUNDS * self.width() - 2
    }

    pub(crate) const fn n_full_powers(&self) -> usize {
        2 * (FULL_ROUNDS * self.width() - 1)
    }

    pub(crate) const fn full_outputs(&self) -> Range<usize> {
        self.start..self.start + self.n_full_outputs()
    }

    pub(crate) const fn partial_states(&self) -> Range<usize> {
        let start = self.full_outputs().end;
        start..start + partial_rounds(self.width())
    }

    pub(crate) const fn full_powers(&self) -> Range<usize> {
        let start = self.partial_states().end;
        start..start + self.n_full_powers()
    }

    pub(crate) const fn partial_powers(&self) -> Range<usize> {
        let start = self.full_powers().end;
        start..start + 2 * partial_rounds(self.width())
    }

    pub(crate) const fn end(&self) -> usize {
        self.partial_powers().end
    }

    /// Does a wire follow from the first input alone?
    pub(crate) const fn is_first_input(&self, wire: usize) -> bool {
        let powers = self.full_powers().start;
        wire == self.start || wire == powers || wire == powers + 1
    }

    /// Three constraints an S-box.
    pub(crate) const fn n_constraints(&self) -> usize {
        3 * (FULL_ROUNDS * self.width() - 1 + partial_rounds(self.width()))
    }
}

/// The wires of the range check of one message id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeWires {
    /// Multi circuit only: `id * selector`.
    pub(crate) masked_id: Option<usize>,
    /// Multi circuit only: `1` if the id is below the limit.
    pub(crate) below: Option<usize>,
    /// Bits of the id, without the top one.
    pub(crate) id_bits: usize,
    /// Bits of `id + 2^bits - limit`, without the two top ones.
    pub(crate) difference_bits: usize,
    /// Wires in each of the two runs of bits.
    pub(crate) n_bits: usize,
}

/// Where every wire of a circuit stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) circuit: Circuit,
    pub(crate) ys: usize,
    pub(crate) root: usize,
    pub(crate) nullifiers: usize,
    pub(crate) x: usize,
    pub(crate) external_nullifier: usize,
    /// Multi circuit only.
    pub(crate) selector: usize,
    pub(crate) secret: usize,
    pub(crate) limit: usize,
    pub(crate) message_ids: usize,
    pub(crate) path: usize,
    pub(crate) index_bits: usize,
    pub(crate) identity_commitment: usize,
    pub(crate) rate_commitment: usize,
    /// Multi circuit only: products of selectors, one a pair of slots.
    pub(crate) selector_pairs: usize,
    /// Multi circuit only: is-equal of ids, one a pair of slots.
    pub(crate) equal_pairs: usize,
    pub(crate) slopes: usize,
    /// Multi circuit only: `y` and nullifier before the selector.
    pub(crate) raw_ys: usize,
    pub(crate) raw_nullifiers: usize,
    /// First of the slots' range checks (multi circuit).
    ranges: usize,
    /// Multi circuit only: inverse of the number of used slots.
    pub(crate) used_inverse: usize,
    /// Multi circuit only: inverses of the differences of ids.
    pub(crate) difference_inverses: usize,
    /// Two wires a level: left and right child.
    pub(crate) children: usize,
    /// One wire a level but the last, whose hash is the root.
    pub(crate) nodes: usize,
    levels: usize,
    pub(crate) n_wires: usize,
}

impl Layout {
    pub(crate) const fn new(circuit: Circuit) -> Self {
        match circuit.kind {
            CircuitKind::Single => Self::single(circuit),
            CircuitKind::Multi { slots } => Self::multi(circuit, slots as usize),
        }
    }

    const fn single(circuit: Circuit) -> Self {
        let depth = circuit.depth as usize;
        let path = 9;
        let index_bits = path + depth;
        let identity_commitment = index_bits + depth;
        let children = identity_commitment + 3;
        let nodes = children + 2 * depth;
        let levels = nodes + depth - 1;
        let mut layout = Self {
            circuit,
            ys: 1,
            root: 2,
            nullifiers: 3,
            x: 4,
            external_nullifier: 5,
            selector: 0,
            secret: 6,
            limit: 7,
            message_ids: 8,
            path,
            index_bits,
            identity_commitment,
            rate_commitment: identity_commitment + 1,
            selector_pairs: 0,
            equal_pairs: 0,
            slopes: identity_commitment + 2,
            raw_ys: 0,
            raw_nullifiers: 0,
            ranges: 0,
            used_inverse: 0,
            difference_inverses: 0,
            children,
            nodes,
            levels,
            n_wires: 0,
        };
        layout.ranges = layout.nullifier_sponge(0).end();
        layout.n_wires = layout.ranges + 2 * (circuit.limit_bits as usize - 1);
        layout
    }

    const fn multi(circuit: Circuit, slots: usize) -> Self {
        let depth = circuit.depth as usize;
        let pairs = slots * (slots - 1) / 2;
        let root = 1 + slots;
        let x = root + 1 + slots;
        let selector = x + 2;
        let secret = selector + slots;
        let message_ids = secret + 2;
        let path = message_ids + slots;
        let index_bits = path + depth;
        let identity_commitment = index_bits + depth;
        let selector_pairs = identity_commitment + 2;
        let slopes = selector_pairs + 2 * pairs;
        let ranges = slopes + 3 * slots;
        let used_inverse = ranges + 2 * slots * circuit.limit_bits as usize;
        let children = used_inverse + 1 + pairs;
        let nodes = children + 2 * depth;
        let mut layout = Self {
            circuit,
            ys: 1,
            root,
            nullifiers: root + 1,
            x,
            external_nullifier: x + 1,
            selector,
            secret,
            limit: secret + 1,
            message_ids,
            path,
            index_bits,
            identity_commitment,
            rate_commitment: identity_commitment + 1,
            selector_pairs,
            equal_pairs: selector_pairs + pairs,
            slopes,
            raw_ys: slopes + slots,
            raw_nullifiers: slopes + 2 * slots,
            ranges,
            used_inverse,
            difference_inverses: used_inverse + 1,
            children,
            nodes,
            levels: nodes + depth - 1,
            n_wires: 0,
        };
        layout.n_wires = layout.nullifier_sponge(slots - 1).end();
        layout
    }

    pub(crate) const fn depth(&self) -> usize {
        self.circuit.depth as usize
    }

    pub(crate) const fn slots(&self) -> usize {
        self.circuit.slots()
    }

    pub(crate) const fn is_multi(&self) -> bool {
        matches!(self.circuit.kind, CircuitKind::Multi { .. })
    }

    /// The hash of the two children at `level`, counted from the leaf.
    pub(crate) const fn level_sponge(&self, level: usize) -> SpongeWires {
        let size = SpongeWires { inputs: 2, start: 0 }.end();
        SpongeWires { inputs: 2, start: self.levels + level * size }
    }

    pub(crate) const fn identity_sponge(&self) -> SpongeWires {
        SpongeWires { inputs: 1, start: self.level_sponge(self.depth()).start }
    }

    pub(crate) const fn rate_sponge(&self) -> SpongeWires {
        SpongeWires { inputs: 2, start: self.identity_sponge().end() }
    }

    pub(crate) const fn slope_sponge(&self, slot: usize) -> SpongeWires {
        let size = SpongeWires { inputs: 3, start: 0 }.end();
        SpongeWires { inputs: 3, start: self.rate_sponge().end() + slot * size }
    }

    pub(crate) const fn nullifier_sponge(&self, slot: usize) -> SpongeWires {
        let size = SpongeWires { inputs: 1, start: 0 }.end();
        SpongeWires { inputs: 1, start: self.slope_sponge(self.slots()).start + slot * size }
    }

    pub(crate) const fn range(&self, slot: usize) -> RangeWires {
        let n_bits = self.circuit.limit_bits as usize - 1;
        if self.is_multi() {
            let start = self.ranges + 2 * (n_bits + 1) * slot;
            RangeWires {
                masked_id: Some(start),
                below: Some(start + 1 + n_bits),
                id_bits: start + 1,
                difference_bits: start + 2 + n_bits,
                n_bits,
            }
        } else {
            RangeWires {
                masked_id: None,
                below: None,
                id_bits: self.ranges,
                difference_bits: self.ranges + n_bits,
                n_bits,
            }
        }
    }

    /// The node a level's hash goes to: an inner wire, or the public root at the last level.
    pub(crate) const fn node(&self, level: usize) -> usize {
        if level + 1 == self.depth() { self.root } else { self.nodes + level }
    }

    /// Pairs of slots `(i, j)`, `i < j`, with their number.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let slots = self.slots();
        (0..slots)
            .flat_map(move |i| (i + 1..slots).map(move |j| (i, j)))
            .enumerate()
            .map(|(pair, (i, j))| (pair, i, j))
    }

    /// Does a wire follow from the membership alone? All others change with the message.
    pub(crate) fn is_fixed(&self, wire: usize) -> bool {
        let membership = self.path..self.rate_commitment + 1;
        let tree = self.children..self.slope_sponge(0).start;
        wire == 0
            || wire == self.root
            || wire == self.secret
            || wire == self.limit
            || membership.contains(&wire)
            || tree.contains(&wire)
            || (0..self.slots()).any(|slot| self.slope_sponge(slot).is_first_input(wire))
    }

    pub(crate) const fn n_constraints(&self) -> usize {
        let depth = self.depth();
        let slots = self.slots();
        let bits = self.circuit.limit_bits as usize;
        let sponges = depth * self.level_sponge(0).n_constraints()
            + self.identity_sponge().n_constraints()
            + self.rate_sponge().n_constraints()
            + slots
                * (self.slope_sponge(0).n_constraints() + self.nullifier_sponge(0).n_constraints());
        let tree = 3 * depth;
        if self.is_multi() {
            let pairs = slots * (slots - 1) / 2;
            sponges + tree + 4 * pairs + 3 * slots + slots * (2 * bits + 4) + 1
        } else {
            sponges + tree + 1 + 2 * bits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_circuits_have_their_published_sizes() {
        assert_eq!(Circuit::SINGLE_20.n_wires(), 5844);
        assert_eq!(Circuit::SINGLE_20.n_constraints(), 5820);
        assert_eq!(Circuit::MULTI_20.n_wires(), 7401);
        assert_eq!(Circuit::MULTI_20.n_constraints(), 7390);
        assert_eq!(Circuit::MULTI_20.domain_size(), 8192);
    }

    #[test]
    fn a_message_changes_the_wires_it_is_known_to_change() {
        let changing = |circuit: Circuit| {
            let layout = Layout::new(circuit);
            (0..layout.n_wires).filter(|wire| !layout.is_fixed(*wire)).count()
        };
        assert_eq!(changing(Circuit::SINGLE_20), 505);
        assert_eq!(changing(Circuit::MULTI_20), 2053);
    }
}
