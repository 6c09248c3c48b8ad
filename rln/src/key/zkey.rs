//! The key format of snarkjs: Groth16 over BN254 in numbered sections.
//!
//! | section | content |
//! |---|---|
//! | 1 | protocol: 1 for Groth16 |
//! | 2 | field sizes and moduli, counts, `alpha beta` G1, `beta gamma` G2, `delta` G1, `delta` G2 |
//! | 3 | input points |
//! | 4 | terms of `A` and `B`: u32 matrix, row and wire, 32-byte value times R^2 |
//! | 5..9 | `A`, `B` in G1, `B` in G2, `L`, `H` queries |
//!
//! Points are Montgomery words, all zero for infinity. The rows of `A` after the circuit's own are
//! the consistency rows of the public signals.

mod write;

use alloc::vec;
use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};
use ark_ff::{BigInt, PrimeField};
use logos_crypto::Fr;
use logos_crypto::codec::{DecodeError, Reader};
use logos_crypto::hazmat::from_ark;

use super::KeyError;
use super::ceremony::{CeremonyKey, RawVerifyingKey};
use super::points::{KeyPoint, le_words, read_points};
use crate::circuit::SparseMatrix;

/// Sections of a Groth16 key, and room for those other tools add.
const MAX_SECTIONS: u32 = 64;
/// Bytes of a term of section 4.
const TERM_BYTES: usize = 44;
/// Most wires or rows, far above the largest circuit allowed.
const MAX_ENTRIES: usize = 1 << 17;

/// The counts of section 2.
struct Counts {
    wires: usize,
    public: usize,
    domain: usize,
}

impl CeremonyKey {
    pub(crate) fn from_zkey(bytes: &[u8], checked: bool) -> Result<Self, KeyError> {
        let sections = Sections::split(bytes)?;
        let mut protocol = sections.get(1)?;
        if protocol.u32_le()? != 1 {
            return Err(KeyError::Format);
        }
        let mut header = sections.get(2)?;
        let (counts, vk, [beta_g1, delta_g1]) = read_header(&mut header)?;
        header.finish()?;
        let inputs = sections.points(3, counts.public + 1)?;
        let private = counts.wires.checked_sub(counts.public + 1).ok_or(KeyError::Ragged)?;
        let [a_matrix, b_matrix] = read_terms(&mut sections.get(4)?, &counts)?;
        let key = Self {
            vk: RawVerifyingKey { inputs, ..vk },
            beta_g1,
            delta_g1,
            a: sections.points(5, counts.wires)?,
            b_in_g1: sections.points(6, counts.wires)?,
            b: sections.points::<G2Affine>(7, counts.wires)?,
            l: sections.points(8, private)?,
            h: sections.points(9, counts.domain)?,
            a_matrix,
            b_matrix,
        };
        if checked {
            key.check_points()?;
        }
        Ok(key)
    }
}

/// The sections of a file, by number.
struct Sections<'a> {
    found: Vec<(u32, &'a [u8])>,
}

impl<'a> Sections<'a> {
    fn split(bytes: &'a [u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != b"zkey" || reader.u32_le()? != 1 {
            return Err(KeyError::Format);
        }
        let count = reader.u32_le()?;
        if count > MAX_SECTIONS {
            let (length, bound) = (u64::from(count), u64::from(MAX_SECTIONS));
            return Err(DecodeError::TooLong { length, bound }.into());
        }
        let mut found = Vec::new();
        for _ in 0..count {
            let number = reader.u32_le()?;
            let length = reader.u64_le()?;
            let length = reader.checked_count(length, usize::MAX, 1)?;
            found.push((number, reader.take(length)?));
        }
        reader.finish()?;
        Ok(Self { found })
    }

    fn get(&self, number: u32) -> Result<Reader<'a>, KeyError> {
        let section = self.found.iter().find(|(found, _)| *found == number);
        section.map(|(_, bytes)| Reader::new(bytes)).ok_or(KeyError::Format)
    }

    fn points<P: KeyPoint>(&self, number: u32, count: usize) -> Result<Vec<P>, KeyError> {
        let mut reader = self.get(number)?;
        let points = read_points(&mut reader, count, P::read_words)?;
        reader.finish()?;
        Ok(points)
    }
}

/// Counts and the single points; the input points stand in a section of their own.
fn read_header(
    reader: &mut Reader<'_>,
) -> Result<(Counts, RawVerifyingKey, [G1Affine; 2]), KeyError> {
    expect_modulus(reader, ark_bn254::Fq::MODULUS)?;
    expect_modulus(reader, ark_bn254::Fr::MODULUS)?;
    let mut count = || {
        let count = reader.u32_le()? as usize;
        if count > MAX_ENTRIES {
            let (length, bound) = (count as u64, MAX_ENTRIES as u64);
            return Err(KeyError::Decode(DecodeError::TooLong { length, bound }));
        }
        Ok(count)
    };
    let counts = Counts { wires: count()?, public: count()?, domain: count()? };
    let alpha_g1 = G1Affine::read_words(reader)?;
    let beta_g1 = G1Affine::read_words(reader)?;
    let beta_g2 = G2Affine::read_words(reader)?;
    let gamma_g2 = G2Affine::read_words(reader)?;
    let delta_g1 = G1Affine::read_words(reader)?;
    let delta_g2 = G2Affine::read_words(reader)?;
    let vk = RawVerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, inputs: Vec::new() };
    Ok((counts, vk, [beta_g1, delta_g1]))
}

fn expect_modulus(reader: &mut Reader<'_>, modulus: BigInt<4>) -> Result<(), KeyError> {
    let size = reader.u32_le()?;
    let words = le_words(reader.array()?);
    if size == 32 && words == modulus.0 { Ok(()) } else { Err(KeyError::Format) }
}

/// The matrices `A` and `B`, without the consistency rows, which are checked.
fn read_terms(reader: &mut Reader<'_>, counts: &Counts) -> Result<[SparseMatrix; 2], KeyError> {
    let terms = u64::from(reader.u32_le()?);
    let terms = reader.checked_count(terms, usize::MAX, TERM_BYTES)?;
    let mut rows = [vec![Vec::new(); counts.domain], vec![Vec::new(); counts.domain]];
    let mut used = 0;
    for _ in 0..terms {
        let [matrix, row, wire] = [reader.u32_le()?, reader.u32_le()?, reader.u32_le()?];
        let value = coefficient(reader.array()?)?;
        if wire as usize >= counts.wires {
            return Err(KeyError::Ragged);
        }
        let rows = rows.get_mut(matrix as usize).and_then(|rows| rows.get_mut(row as usize));
        rows.ok_or(KeyError::Ragged)?.push((wire, value));
        used = used.max(row as usize + 1);
    }
    let own = used.checked_sub(counts.public + 1).ok_or(KeyError::Ragged)?;
    let [a, b] = rows;
    let consistent = a.iter().take(used).skip(own).zip(0u32..).all(|(row, signal)| {
        matches!(row.as_slice(), [(wire, one)] if *wire == signal && *one == Fr::ONE)
    });
    if !consistent {
        return Err(KeyError::Ragged);
    }
    Ok([a, b].map(|rows| {
        let mut matrix = SparseMatrix::default();
        rows.iter().take(own).for_each(|row| matrix.push(row));
        matrix
    }))
}

/// Values are stored in Montgomery form, multiplied by R once more.
fn coefficient(bytes: &[u8; 32]) -> Result<Fr, KeyError> {
    let words = BigInt(le_words(bytes));
    if words >= ark_bn254::Fr::MODULUS {
        return Err(KeyError::NotCanonical);
    }
    let once = ark_bn254::Fr::new_unchecked(words).into_bigint();
    Ok(from_ark(ark_bn254::Fr::new_unchecked(once)))
}
