//! Linear combinations of wires and the constraints between them.

use alloc::vec::Vec;

use logos_crypto::Fr;

/// A linear combination of wires, ordered by wire and without zero coefficients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Combination {
    terms: Vec<(u32, Fr)>,
}

impl Combination {
    /// The wire whose value is always one.
    const ONE: u32 = 0;

    pub(crate) fn constant(value: Fr) -> Self {
        Self::term(Self::ONE, value)
    }

    pub(crate) fn wire(wire: usize) -> Self {
        // A circuit has far fewer wires than 2^32: the largest one allowed has under 2^16.
        Self::term(u32::try_from(wire).unwrap_or(u32::MAX), Fr::ONE)
    }

    fn term(wire: u32, coefficient: Fr) -> Self {
        let mut terms = Vec::new();
        if !coefficient.is_zero() {
            terms.push((wire, coefficient));
        }
        Self { terms }
    }

    pub(crate) fn scaled(&self, factor: Fr) -> Self {
        if factor.is_zero() {
            return Self::default();
        }
        let terms = self.terms.iter().map(|(wire, k)| (*wire, *k * factor)).collect();
        Self { terms }
    }

    pub(crate) fn negated(&self) -> Self {
        self.scaled(-Fr::ONE)
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut terms = Vec::with_capacity(self.terms.len() + other.terms.len());
        let (mut ours, mut theirs) = (self.terms.as_slice(), other.terms.as_slice());
        while let ([(a, ka), rest_a @ ..], [(b, kb), rest_b @ ..]) = (ours, theirs) {
            let wire = *a.min(b);
            let mut sum = Fr::ZERO;
            if *a == wire {
                sum += *ka;
                ours = rest_a;
            }
            if *b == wire {
                sum += *kb;
                theirs = rest_b;
            }
            if !sum.is_zero() {
                terms.push((wire, sum));
            }
        }
        terms.extend_from_slice(ours);
        terms.extend_from_slice(theirs);
        Self { terms }
    }

    pub(crate) fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    pub(crate) fn shifted(&self, constant: Fr) -> Self {
        self.plus(&Self::constant(constant))
    }

    pub(crate) fn terms(&self) -> &[(u32, Fr)] {
        &self.terms
    }
}

/// Rows of `(wire, coefficient)`, stored one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SparseMatrix {
    /// Where each row starts; one more entry than rows.
    starts: Vec<u32>,
    terms: Vec<(u32, Fr)>,
}

impl Default for SparseMatrix {
    fn default() -> Self {
        Self { starts: [0].into(), terms: Vec::new() }
    }
}

impl SparseMatrix {
    pub(crate) fn push(&mut self, row: &[(u32, Fr)]) {
        self.terms.extend_from_slice(row);
        self.starts.push(u32::try_from(self.terms.len()).unwrap_or(u32::MAX));
    }

    pub(crate) fn append(&mut self, other: &Self) {
        other.rows().for_each(|row| self.push(row));
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub(crate) fn row(&self, row: usize) -> &[(u32, Fr)] {
        let bounds = self.starts.get(row).zip(self.starts.get(row + 1));
        bounds
            .and_then(|(start, end)| self.terms.get(*start as usize..*end as usize))
            .unwrap_or_default()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[(u32, Fr)]> {
        (0..self.n_rows()).map(|row| self.row(row))
    }

    /// One row times an assignment.
    pub(crate) fn evaluate(&self, row: usize, assignment: &[Fr]) -> Fr {
        let terms = self.row(row).iter();
        terms
            .map(|(wire, coefficient)| {
                let value = assignment.get(*wire as usize).copied().unwrap_or_default();
                if *coefficient == Fr::ONE { value } else { value * coefficient }
            })
            .sum()
    }
}

/// Constraints `a * b = c`, row by row.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConstraintSystem {
    pub(crate) a: SparseMatrix,
    pub(crate) b: SparseMatrix,
    pub(crate) c: SparseMatrix,
}

impl ConstraintSystem {
    pub(crate) fn push(&mut self, a: &Combination, b: &Combination, c: &Combination) {
        self.a.push(a.terms());
        self.b.push(b.terms());
        self.c.push(c.terms());
    }

    /// Appends the rows of another system.
    pub(crate) fn append(&mut self, other: Self) {
        self.a.append(&other.a);
        self.b.append(&other.b);
        self.c.append(&other.c);
    }

    /// The first row the assignment violates.
    #[cfg(test)]
    pub(crate) fn violated(&self, assignment: &[Fr]) -> Option<usize> {
        (0..self.a.n_rows()).find(|row| {
            self.a.evaluate(*row, assignment) * self.b.evaluate(*row, assignment)
                != self.c.evaluate(*row, assignment)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_add_up_and_drop_what_cancels() {
        let x = Combination::wire(3);
        let y = Combination::wire(5).scaled(Fr::from(2u64));
        let sum = y.plus(&x).shifted(Fr::from(7u64));
        let expected = [(0, Fr::from(7u64)), (3, Fr::ONE), (5, Fr::from(2u64))];
        assert_eq!(sum.terms(), &expected);
        assert_eq!(sum.minus(&sum), Combination::default());
    }
}
