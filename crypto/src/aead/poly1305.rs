//! Poly1305 (RFC 8439 section 2.5) on whole 16-byte blocks, for short messages.
//!
//! The vectorised implementation below `chacha20poly1305` prepares powers of the key first, which
//! costs more than a short message has blocks to win it back on. Here an element modulo
//! `2^130 - 5` is three limbs of 44, 44 and 42 bits, and a block is nine products.

use zeroize::ZeroizeOnDrop;

const MASK_44: u64 = (1 << 44) - 1;
const MASK_42: u64 = (1 << 42) - 1;
/// The bit above a block: every block here is a whole one.
const HIGH_BIT: u64 = 1 << 40;

/// The sum so far and the key.
#[derive(ZeroizeOnDrop)]
pub(super) struct Poly1305 {
    // Invariant: limbs 0 and 2 are below 2^44 and 2^42, limb 1 below 2^45.
    sum: [u64; 3],
    r: [u64; 3],
    s: [u64; 2],
}

impl Poly1305 {
    /// Starts under a key that is used once: `r`, which is clamped here, and `s`.
    pub(super) fn new(key: &[u64; 4]) -> Self {
        let [r0, r1, s0, s1] = *key;
        let r = [
            r0 & 0xffc_0fff_ffff,
            ((r0 >> 44) | (r1 << 20)) & 0xfff_ffc0_ffff,
            (r1 >> 24) & 0x00f_ffff_fc0f,
        ];
        Self { sum: [0; 3], r, s: [s0, s1] }
    }

    /// Takes in `bytes`, filled up with zeros to a whole number of blocks.
    pub(super) fn update_padded(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<16>();
        let multiplier = Multiplier::new(self.r);
        self.sum = blocks.iter().fold(self.sum, |sum, block| multiplier.step(sum, block));
        if !rest.is_empty() {
            let mut last = [0; 16];
            last.iter_mut().zip(rest).for_each(|(byte, value)| *byte = *value);
            self.sum = multiplier.step(self.sum, &last);
        }
    }

    /// `sum mod (2^130 - 5) + s`, modulo `2^128`.
    pub(super) fn tag(self) -> [u8; 16] {
        let [h0, h1, h2] = carried(carried(self.sum));
        // h - p, if that is not negative: h + 5 - 2^130.
        let g0 = h0 + 5;
        let g1 = h1 + (g0 >> 44);
        let g2 = (h2 + (g1 >> 44)).wrapping_sub(1 << 42);
        let keep_h = 0_u64.wrapping_sub(g2 >> 63);
        let pick = |h: u64, g: u64| (h & keep_h) | (g & !keep_h);
        let (h0, h1, h2) = (pick(h0, g0 & MASK_44), pick(h1, g1 & MASK_44), pick(h2, g2));
        let (low, high) = (h0 | (h1 << 44), (h1 >> 20) | (h2 << 24));
        let [s0, s1] = self.s;
        let sum = (u128::from(high) << 64 | u128::from(low))
            .wrapping_add(u128::from(s1) << 64 | u128::from(s0));
        sum.to_le_bytes()
    }
}

/// `r`, and 20 times its upper limbs: what stands above `2^130` comes back times 5, and products
/// that stand at `2^132` times 4 more.
struct Multiplier {
    r: [u64; 3],
    r1_times_20: u64,
    r2_times_20: u64,
}

impl Multiplier {
    const fn new(r: [u64; 3]) -> Self {
        let [_, r1, r2] = r;
        Self { r, r1_times_20: 20 * r1, r2_times_20: 20 * r2 }
    }

    /// `(sum + block) * r`, carried once.
    #[inline]
    fn step(&self, [h0, h1, h2]: [u64; 3], block: &[u8; 16]) -> [u64; 3] {
        let Self { r: [r0, r1, r2], r1_times_20: s1, r2_times_20: s2 } = *self;
        let [low, high] = halves(block);
        let h = [
            h0 + (low & MASK_44),
            h1 + (((low >> 44) | (high << 20)) & MASK_44),
            h2 + ((high >> 24) | HIGH_BIT),
        ];
        let d0 = dot(h, [r0, s2, s1]);
        let d1 = dot(h, [r1, r0, s2]) + (d0 >> 44);
        let d2 = dot(h, [r2, r1, r0]) + (d1 >> 44);
        let low = (word(d0) & MASK_44) + 5 * word(d2 >> 42);
        [low & MASK_44, (word(d1) & MASK_44) + (low >> 44), word(d2) & MASK_42]
    }
}

#[inline]
fn halves(block: &[u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(*block);
    [word(both), word(both >> 64)]
}

#[inline]
fn dot([a0, a1, a2]: [u64; 3], [b0, b1, b2]: [u64; 3]) -> u128 {
    let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
    product(a0, b0) + product(a1, b1) + product(a2, b2)
}

/// One round of carries, from the top limb around to the bottom times 5.
const fn carried([h0, h1, h2]: [u64; 3]) -> [u64; 3] {
    let h2 = h2 + (h1 >> 44);
    let h0 = h0 + 5 * (h2 >> 42);
    let h1 = (h1 & MASK_44) + (h0 >> 44);
    [h0 & MASK_44, h1, h2 & MASK_42]
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
const fn word(wide: u128) -> u64 {
    wide as u64
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use std::vec::Vec;

    use super::*;

    fn tag(key: [u8; 32], blocks: &[u8]) -> [u8; 16] {
        let (words, _) = key.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let mut poly = Poly1305::new(&words.try_into().unwrap());
        poly.update_padded(blocks);
        poly.tag()
    }

    /// `r` and then `s`, each from its low bytes.
    fn key(r: &[u8], s: &[u8]) -> [u8; 32] {
        let mut key = [0; 32];
        key[..r.len()].copy_from_slice(r);
        key[16..16 + s.len()].copy_from_slice(s);
        key
    }

    // RFC 8439 appendix A.3, vectors 7 to 11: sums around the modulus and carries through all limbs.
    #[test]
    fn rfc_8439_appendix_a_3() {
        let sums = [
            (key(&[2], &[]), [0xff; 16].to_vec(), 3),
            (key(&[2], &[0xff; 16]), [&[2][..], &[0; 15]].concat(), 3),
            (
                key(&[1], &[]),
                [&[0xff; 16][..], &[0xf0], &[0xff; 15], &[0x11], &[0; 15]].concat(),
                5,
            ),
            (key(&[1], &[]), [&[0xff; 16][..], &[0xfb], &[0xfe; 15], &[0x01; 16]].concat(), 0),
        ];
        for (key, blocks, expected) in sums {
            let mut low = [0; 16];
            low[0] = expected;
            assert_eq!(tag(key, &blocks), low);
        }
        let minus_two = tag(key(&[2], &[]), &[&[0xfd][..], &[0xff; 15]].concat());
        assert_eq!(minus_two, hex!("faffffffffffffffffffffffffffffff"));
    }

    #[test]
    fn rfc_8439_section_2_5_2_on_its_whole_blocks() {
        let key = hex!("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b");
        let mut poly = Poly1305::new(&[
            0x336d_5557_78be_d685,
            0xa806_d542_fe52_447f,
            0xfdb2_0dfb_8a80_0301,
            0x1bf5_4941_aff6_bf4a,
        ]);
        poly.update_padded(b"Cryptographic Fo");
        // The accumulator after the first block, from the same section.
        assert_eq!(carried(carried(poly.sum)), limbs(&hex!("02c88c77849d64ae9147ddeb88e69c83fc")));
        poly.update_padded(b"rum Research Gro");
        assert_eq!(carried(carried(poly.sum)), limbs(&hex!("02d8adaf23b0337fa7cccfb4ea344b30de")));
        assert_eq!(poly.tag(), tag(key, b"Cryptographic Forum Research Gro"));
    }

    fn limbs(big_endian: &[u8; 17]) -> [u64; 3] {
        let low = u128::from_be_bytes(big_endian[1..].try_into().unwrap());
        let high = u64::from(big_endian[0]);
        [word(low) & MASK_44, word(low >> 44) & MASK_44, word(low >> 88) | high << 40]
    }
}
