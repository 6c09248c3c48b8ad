//! The key format of zerokit: arkworks' uncompressed proving key with the matrices behind it.
//!
//! | part | bytes |
//! |---|---|
//! | `alpha` G1, `beta gamma delta` G2 | 64 + 3 x 128 |
//! | input points | u64 count, 64 each |
//! | `beta delta` G1 | 2 x 64 |
//! | `A`, `B` in G1, `B` in G2, `H`, `L` queries | u64 count, 64 or 128 each |
//! | instance, witness and constraint counts, non-zero counts of `A B C` | 6 x u64 |
//! | matrices `A B C` | u64 rows; a row: u64 count, (32-byte value, u64 wire) each |
//!
//! Integers and field elements are little-endian. The published files claim one witness variable
//! too many and leave `C` empty.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};
use logos_crypto::Fr;
use logos_crypto::codec::{Reader, Writer};

use super::KeyError;
use super::ceremony::{CeremonyKey, RawVerifyingKey};
use super::points::{KeyPoint, read_points};
use crate::circuit::SparseMatrix;

/// Most points or rows of any part: the domain of the largest circuit allowed.
const MAX_ENTRIES: usize = 1 << 17;
/// Numbers between the points and the matrices.
const N_COUNTS: usize = 6;
/// Bytes of a matrix entry.
const TERM_BYTES: usize = 40;

impl CeremonyKey {
    pub(crate) fn from_arkzkey(bytes: &[u8], checked: bool) -> Result<Self, KeyError> {
        let mut reader = Reader::new(bytes);
        let vk = RawVerifyingKey {
            alpha_g1: G1Affine::read(&mut reader)?,
            beta_g2: G2Affine::read(&mut reader)?,
            gamma_g2: G2Affine::read(&mut reader)?,
            delta_g2: G2Affine::read(&mut reader)?,
            inputs: read_query(&mut reader)?,
        };
        let (beta_g1, delta_g1) = (G1Affine::read(&mut reader)?, G1Affine::read(&mut reader)?);
        let a = read_query(&mut reader)?;
        let b_in_g1 = read_query(&mut reader)?;
        let b = read_query(&mut reader)?;
        let h = read_query(&mut reader)?;
        let l = read_query(&mut reader)?;
        reader.take(N_COUNTS * 8)?;
        let a_matrix = read_matrix(&mut reader)?;
        let b_matrix = read_matrix(&mut reader)?;
        read_matrix(&mut reader)?;
        reader.finish()?;
        let key = Self { vk, beta_g1, delta_g1, a, b_in_g1, b, h, l, a_matrix, b_matrix };
        if checked {
            key.check_points()?;
        }
        Ok(key)
    }

    pub(crate) fn to_arkzkey(&self) -> Vec<u8> {
        let points = 5 * self.a.len() + self.h.len();
        let mut writer = Writer::with_capacity(G1Affine::BYTES * points + (1 << 20));
        let vk = &self.vk;
        vk.alpha_g1.write(&mut writer);
        for point in [vk.beta_g2, vk.gamma_g2, vk.delta_g2] {
            point.write(&mut writer);
        }
        write_query(&vk.inputs, &mut writer);
        self.beta_g1.write(&mut writer);
        self.delta_g1.write(&mut writer);
        write_query(&self.a, &mut writer);
        write_query(&self.b_in_g1, &mut writer);
        write_query(&self.b, &mut writer);
        write_query(&self.h, &mut writer);
        write_query(&self.l, &mut writer);
        for count in self.counts() {
            writer.u64_le(count as u64);
        }
        for matrix in [&self.a_matrix, &self.b_matrix, &SparseMatrix::default()] {
            write_matrix(matrix, &mut writer);
        }
        writer.into_bytes()
    }

    /// What stands between points and matrices.
    fn counts(&self) -> [usize; N_COUNTS] {
        let entries = |matrix: &SparseMatrix| matrix.rows().map(<[_]>::len).sum();
        [
            self.vk.inputs.len(),
            self.l.len(),
            self.a_matrix.n_rows(),
            entries(&self.a_matrix),
            entries(&self.b_matrix),
            0,
        ]
    }
}

fn write_query<P: KeyPoint>(points: &[P], writer: &mut Writer) {
    writer.u64_le(points.len() as u64);
    points.iter().for_each(|point| point.write(writer));
}

fn write_matrix(matrix: &SparseMatrix, writer: &mut Writer) {
    writer.u64_le(matrix.n_rows() as u64);
    for row in matrix.rows() {
        writer.u64_le(row.len() as u64);
        for (wire, value) in row {
            writer.put(&value.to_bytes()).u64_le(u64::from(*wire));
        }
    }
}

fn read_query<P: KeyPoint>(reader: &mut Reader<'_>) -> Result<Vec<P>, KeyError> {
    let count = reader.u64_le()?;
    let count = reader.checked_count(count, MAX_ENTRIES, P::BYTES)?;
    read_points(reader, count, P::read)
}

fn read_matrix(reader: &mut Reader<'_>) -> Result<SparseMatrix, KeyError> {
    let rows = reader.u64_le()?;
    let rows = reader.checked_count(rows, MAX_ENTRIES, 8)?;
    let mut matrix = SparseMatrix::default();
    let mut row = Vec::new();
    for _ in 0..rows {
        let terms = reader.u64_le()?;
        let terms = reader.checked_count(terms, MAX_ENTRIES, TERM_BYTES)?;
        row.clear();
        for _ in 0..terms {
            let value = Fr::from_bytes(reader.array()?).map_err(|_| KeyError::NotCanonical)?;
            let wire = u32::try_from(reader.u64_le()?).map_err(|_| KeyError::Ragged)?;
            row.push((wire, value));
        }
        matrix.push(&row);
    }
    Ok(matrix)
}
