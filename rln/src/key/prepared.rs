//! The prepared form of a proving key: quick to load, nothing to compute.

use alloc::vec::Vec;

use logos_crypto::Fr;
use logos_crypto::codec::{Reader, Writer};
use sha2::{Digest, Sha256};

use super::points::{KeyPoint, read_points};
use super::{KeyError, ProvingKey, QueryPoints, VerifyingKey};
use crate::circuit::{Layout, SparseMatrix, Sponges};

/// Distinguishes a prepared key from other files.
const MAGIC: &[u8; 8] = b"rln-pk\0\x01";
/// Bytes of the checksum that ends the file.
const CHECKSUM_BYTES: usize = 32;
/// Most terms of a matrix, far above the largest circuit allowed.
const MAX_TERMS: usize = 1 << 22;

impl ProvingKey {
    /// Encodes the key in its prepared form.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 8 | magic `rln-pk` and version 1 |
    /// | | verifying key without its magic |
    /// | 64 or 128 a point | `A`, `B`, wire and row points |
    /// | | matrices `A` and `B`: a row is a u32 count and (u32 wire, 32 bytes) each |
    /// | 32 | SHA-256 of all before |
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(3 << 20);
        writer.put(MAGIC);
        self.verifying.write(&mut writer);
        let points = &self.points;
        points.a.iter().for_each(|point| point.write_words(&mut writer));
        points.b.iter().for_each(|point| point.write_words(&mut writer));
        points.wires.iter().for_each(|point| point.write_words(&mut writer));
        points.rows.iter().for_each(|point| point.write_words(&mut writer));
        write_matrix(&self.a_matrix, &mut writer);
        write_matrix(&self.b_matrix, &mut writer);
        let mut bytes = writer.into_bytes();
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// Decodes the prepared form: milliseconds.
    ///
    /// # Errors
    ///
    /// [`KeyError::Checksum`] for damaged bytes, and one error a defect beyond that.
    ///
    /// # Security
    ///
    /// The points are not checked again: prepared bytes are for a machine to keep for itself, and
    /// a wrong key makes proofs that fail, never proofs that give a secret away to a verifier who
    /// has the right one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let body = check_frame(bytes)?;
        let mut reader = Reader::new(body);
        let verifying = VerifyingKey::read(&mut reader)?;
        let circuit = verifying.circuit();
        let layout = Layout::new(circuit);
        let n_rows = circuit.n_constraints() + circuit.n_public() + 1;
        let points = QueryPoints {
            a: read_points(&mut reader, layout.n_wires, KeyPoint::read_words)?,
            b: read_points(&mut reader, layout.n_wires, KeyPoint::read_words)?,
            wires: read_points(&mut reader, layout.n_wires, KeyPoint::read_words)?,
            rows: read_points(&mut reader, n_rows, KeyPoint::read_words)?,
        };
        let a_matrix = read_matrix(&mut reader, circuit.n_constraints())?;
        let b_matrix = read_matrix(&mut reader, circuit.n_constraints())?;
        reader.finish()?;
        let sponges = Sponges::new();
        Ok(Self { circuit, layout, sponges, verifying, a_matrix, b_matrix, points })
    }
}

fn check_frame(bytes: &[u8]) -> Result<&[u8], KeyError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(KeyError::Format)?;
    let (_, checksum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(KeyError::Format)?;
    let hashed = bytes.len() - CHECKSUM_BYTES;
    if Sha256::digest(bytes.get(..hashed).unwrap_or_default()).as_slice() != checksum {
        return Err(KeyError::Checksum);
    }
    rest.split_last_chunk::<CHECKSUM_BYTES>().map(|(body, _)| body).ok_or(KeyError::Format)
}

fn write_matrix(matrix: &SparseMatrix, writer: &mut Writer) {
    for row in matrix.rows() {
        writer.u32_le(u32::try_from(row.len()).unwrap_or(u32::MAX));
        for (wire, coefficient) in row {
            writer.u32_le(*wire).put(&coefficient.to_bytes());
        }
    }
}

fn read_matrix(reader: &mut Reader<'_>, rows: usize) -> Result<SparseMatrix, KeyError> {
    let mut matrix = SparseMatrix::default();
    let mut row = Vec::new();
    for _ in 0..rows {
        let terms = u64::from(reader.u32_le()?);
        let terms = reader.checked_count(terms, MAX_TERMS, 4 + Fr::BYTES)?;
        row.clear();
        for _ in 0..terms {
            let wire = reader.u32_le()?;
            let value = Fr::from_bytes(reader.array()?).map_err(|_| KeyError::NotCanonical)?;
            row.push((wire, value));
        }
        matrix.push(&row);
    }
    Ok(matrix)
}
