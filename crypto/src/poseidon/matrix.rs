//! The little linear algebra that deriving parameters takes.

#![expect(clippy::indexing_slicing, reason = "dimensions are fixed by the caller's width")]

use alloc::vec;
use alloc::vec::Vec;

use crate::Fr;

/// A dense matrix, row by row.
pub(super) type Matrix = Vec<Vec<Fr>>;

/// The sum of products of two rows.
pub(super) fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    a.iter().zip(b).map(|(a, b)| *a * b).sum()
}

/// `matrix · column`.
pub(super) fn apply(matrix: &Matrix, column: &[Fr]) -> Vec<Fr> {
    matrix.iter().map(|row| dot(row, column)).collect()
}

/// `row · matrix`.
pub(super) fn apply_left(row: &[Fr], matrix: &Matrix) -> Vec<Fr> {
    let mut result = vec![Fr::ZERO; matrix.first().map_or(0, Vec::len)];
    for (factor, line) in row.iter().zip(matrix) {
        for (sum, element) in result.iter_mut().zip(line) {
            *sum += *factor * element;
        }
    }
    result
}

/// `a · b`.
pub(super) fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    a.iter().map(|row| apply_left(row, b)).collect()
}

/// The inverse by Gauss and Jordan, or `None` for a singular matrix.
pub(super) fn invert(matrix: &Matrix) -> Option<Matrix> {
    let n = matrix.len();
    let mut left = matrix.clone();
    let mut right: Matrix = (0..n).map(|i| (0..n).map(|j| Fr::from(i == j)).collect()).collect();
    for column in 0..n {
        let pivot = (column..n).find(|&row| !left[row][column].is_zero())?;
        left.swap(column, pivot);
        right.swap(column, pivot);
        let scale = left[column][column].vartime_inverse()?;
        left[column].iter_mut().chain(&mut right[column]).for_each(|x| *x *= scale);
        for row in (0..n).filter(|&row| row != column) {
            let factor = left[row][column];
            for j in 0..n {
                let (l, r) = (left[column][j], right[column][j]);
                left[row][j] -= factor * l;
                right[row][j] -= factor * r;
            }
        }
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() {
        let matrix: Matrix = (0..4u64)
            .map(|i| (0..4).map(|j| Fr::from((i * i + 3 * j * j + i * j + 1) % 7)).collect())
            .collect();
        let product = multiply(&matrix, &invert(&matrix).unwrap());
        for (i, row) in product.iter().enumerate() {
            for (j, element) in row.iter().enumerate() {
                assert_eq!(*element, Fr::from(i == j));
            }
        }
    }

    #[test]
    fn a_singular_matrix_has_no_inverse() {
        assert_eq!(invert(&vec![vec![Fr::ONE; 2]; 2]), None);
    }
}
