//! The Grain LFSR that Poseidon and Poseidon2 draw their constants from.

use ark_ff::{BigInt, PrimeField};

use crate::Fr;

/// Width of the field's modulus in bits, a part of the seed.
const FIELD_BITS: u128 = 254;

/// The 80-bit shift register in self-shrinking mode, appendix F of the Poseidon paper.
///
/// The lowest tap feeds back after 18 steps at the earliest, so 16 steps are done at once.
pub(crate) struct Grain {
    /// Bit `i` is the register's bit `b_i`.
    state: u128,
    /// Raw bits not used yet, next first.
    block: u128,
    /// Pairs of bits in `block`.
    pairs: u32,
}

impl Grain {
    /// The generator for a prime field and width `t`. `sbox` is the seed's code of the S-box: 0 for
    /// a power, 1 for the inverse.
    pub(crate) fn new(sbox: u8, t: usize, full_rounds: usize, partial_rounds: usize) -> Self {
        let seed = [
            (1, 2),
            (u128::from(sbox), 4),
            (FIELD_BITS, 12),
            (t as u128, 12),
            (full_rounds as u128, 10),
            (partial_rounds as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        let mut state = 0;
        let mut position = 0;
        for (value, width) in seed {
            for bit in (0..width).rev() {
                state |= ((value >> bit) & 1) << position;
                position += 1;
            }
        }
        let mut grain = Self { state, block: 0, pairs: 0 };
        for _ in 0..160 / 16 {
            grain.step_16();
        }
        grain
    }

    /// An element below the modulus, drawn again until it is.
    pub(crate) fn element(&mut self) -> Fr {
        loop {
            if let Some(element) = ark_bn254::Fr::from_bigint(self.integer()) {
                return Fr(element);
            }
        }
    }

    /// An integer of as many bits as the modulus, taken modulo it.
    pub(crate) fn element_reduced(&mut self) -> Fr {
        let mut bytes = [0; 32];
        for (chunk, limb) in bytes.chunks_exact_mut(8).zip(self.integer().0) {
            chunk.copy_from_slice(&limb.to_le_bytes());
        }
        Fr::from_bytes_reduced(&bytes)
    }

    /// 254 bits, most significant first.
    fn integer(&mut self) -> BigInt<4> {
        let mut limbs = [62, 64, 64, 64].map(|width| self.bits(width));
        limbs.reverse();
        BigInt(limbs)
    }

    /// `width` bits of the self-shrunk stream: of each pair the second bit, if the first is one.
    fn bits(&mut self, width: u64) -> u64 {
        let mut word = 0;
        let mut taken = 0;
        while taken < width {
            let pair = self.pair();
            let keep = pair & 1;
            word = (word << keep) | ((pair >> 1) & keep);
            taken += keep;
        }
        word
    }

    fn pair(&mut self) -> u64 {
        if self.pairs == 0 {
            self.block = self.step_16();
            self.pairs = 8;
        }
        let pair = self.block & 3;
        self.block >>= 2;
        self.pairs -= 1;
        u64::from(pair & 1 != 0) | u64::from(pair & 2 != 0) << 1
    }

    /// Shifts 16 times and returns the 16 new bits, first one lowest.
    fn step_16(&mut self) -> u128 {
        let s = self.state;
        let new = (s >> 62 ^ s >> 51 ^ s >> 38 ^ s >> 23 ^ s >> 13 ^ s) & 0xffff;
        self.state = s >> 16 | new << 64;
        new
    }
}
