//! Writing snarkjs' key format.

use alloc::vec::Vec;

use ark_ff::{BigInt, PrimeField};
use logos_crypto::Fr;
use logos_crypto::codec::Writer;
use logos_crypto::hazmat::to_ark;

use crate::circuit::SparseMatrix;
use crate::key::CeremonyKey;
use crate::key::points::KeyPoint;

/// Protocol number of Groth16, and the version of the file.
const GROTH16: u32 = 1;
/// Sections of a file.
const N_SECTIONS: u32 = 9;

impl CeremonyKey {
    pub(crate) fn to_zkey(&self) -> Vec<u8> {
        let points = 5 * self.a.len() + self.h.len();
        let mut writer = Writer::with_capacity(64 * points + (1 << 20));
        writer.put(b"zkey").u32_le(1).u32_le(N_SECTIONS);
        section(1, &GROTH16.to_le_bytes(), &mut writer);
        section(2, &self.header(), &mut writer);
        section(3, &words(&self.vk.inputs), &mut writer);
        section(4, &self.terms(), &mut writer);
        section(5, &words(&self.a), &mut writer);
        section(6, &words(&self.b_in_g1), &mut writer);
        section(7, &words(&self.b), &mut writer);
        section(8, &words(&self.l), &mut writer);
        section(9, &words(&self.h), &mut writer);
        writer.into_bytes()
    }

    fn header(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        put_modulus(ark_bn254::Fq::MODULUS, &mut writer);
        put_modulus(ark_bn254::Fr::MODULUS, &mut writer);
        for count in [self.a.len(), self.vk.inputs.len() - 1, self.h.len()] {
            writer.u32_le(number(count));
        }
        self.vk.alpha_g1.write_words(&mut writer);
        self.beta_g1.write_words(&mut writer);
        self.vk.beta_g2.write_words(&mut writer);
        self.vk.gamma_g2.write_words(&mut writer);
        self.delta_g1.write_words(&mut writer);
        self.vk.delta_g2.write_words(&mut writer);
        writer.into_bytes()
    }

    /// The terms of `A` and `B`, and the consistency rows behind those of `A`.
    fn terms(&self) -> Vec<u8> {
        let mut terms = Vec::new();
        let mut count = 0u32;
        let mut put = |matrix: u32, row: usize, wire: u32, value: &Fr| {
            count += 1;
            for index in [matrix, number(row), wire] {
                terms.extend(index.to_le_bytes());
            }
            terms.extend(twice_montgomery(value));
        };
        let mut put_matrix = |number: u32, matrix: &SparseMatrix| {
            for (row, entries) in matrix.rows().enumerate() {
                entries.iter().for_each(|(wire, value)| put(number, row, *wire, value));
            }
        };
        put_matrix(0, &self.a_matrix);
        put_matrix(1, &self.b_matrix);
        let own = self.a_matrix.n_rows();
        for signal in 0..self.vk.inputs.len() {
            put(0, own + signal, number(signal), &Fr::ONE);
        }
        let mut section = count.to_le_bytes().to_vec();
        section.append(&mut terms);
        section
    }
}

fn section(number: u32, content: &[u8], writer: &mut Writer) {
    writer.u32_le(number).u64_le(content.len() as u64).put(content);
}

fn words<P: KeyPoint>(points: &[P]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(points.len() * P::BYTES);
    points.iter().for_each(|point| point.write_words(&mut writer));
    writer.into_bytes()
}

fn put_modulus(modulus: BigInt<4>, writer: &mut Writer) {
    writer.u32_le(32);
    modulus.0.iter().for_each(|word| {
        writer.u64_le(*word);
    });
}

/// The Montgomery form of the Montgomery form.
fn twice_montgomery(value: &Fr) -> [u8; 32] {
    let once = to_ark(value).0;
    let words = ark_bn254::Fr::from_bigint(once).unwrap_or_default().0.0;
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_exact_mut(8).zip(words) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Circuits have far fewer than 2^32 of anything.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
