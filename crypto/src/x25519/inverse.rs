//! Inverses modulo `p = 2^255 - 19` by division steps, in constant time.
//!
//! Bernstein and Yang, "Fast constant-time gcd computation and modular inversion" (CHES 2019), in
//! the variant that starts with half a step: 590 division steps bring any pair of at most 256 bits
//! to `(±1, 0)`. They are taken 59 at a time on the low words alone, as a matrix that is then
//! applied to the whole numbers. Half the time of a power `p - 2` in vector lanes, which cannot go
//! side by side.
//!
//! Numbers are five limbs of 62 bits, the last of which carries the sign.

#![expect(clippy::indexing_slicing, reason = "indices are constants below the array length")]

use zeroize::Zeroize;

const LIMBS: usize = 5;
const LIMB_BITS: u32 = 62;
const MASK: i64 = (1 << LIMB_BITS) - 1;

/// `2^255 - 19`: limb 4 has weight `2^248`.
const P: [i64; LIMBS] = [MASK - 18, MASK, MASK, MASK, 0x7f];
/// `1 / p` modulo `2^62`.
const P_INVERSE: i64 = inverse_of_odd(P[0]) & MASK;

/// Matrices that are applied, of 59 division steps each.
const ROUNDS: usize = 10;
/// Division steps of a matrix; it is scaled by `2^62`, so three steps' worth stands in it at first.
const STEPS: u32 = 59;

/// `1 / x` modulo `2^64` by Newton's iteration, which doubles the correct bits: three at first.
const fn inverse_of_odd(x: i64) -> i64 {
    let mut inverse = x;
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2_i64.wrapping_sub(x.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

/// What a number of division steps does to `f` and `g`: `2^62 [f', g'] = [[u, v], [q, r]] [f, g]`.
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// `1 / x` modulo `p` for `x` below `p`, both as four words; zero for zero. About 6000 word
/// operations, the same ones for every `x`.
pub(super) fn invert(x: [u64; 4]) -> [u64; 4] {
    let (mut d, mut e) = ([0; LIMBS], [1, 0, 0, 0, 0]);
    let (mut f, mut g) = (P, split(x));
    let mut zeta = -1;
    for _ in 0..ROUNDS {
        let (next, matrix) = division_steps(zeta, f[0], g[0]);
        zeta = next;
        update_inverses(&mut d, &mut e, &matrix);
        update_numbers(&mut f, &mut g, &matrix);
    }
    // `f` is 1 or -1, and `d` is `f / x` modulo `p`.
    let inverse = join(normalised(d, f[4] >> 63));
    d.zeroize();
    e.zeroize();
    f.zeroize();
    g.zeroize();
    inverse
}

/// Takes [`STEPS`] division steps on the low bits of `f` and `g`.
///
/// `zeta` is `-(delta + 1/2)` for the step counter `delta` of the paper.
fn division_steps(mut zeta: i64, f: i64, g: i64) -> (i64, Matrix) {
    let (mut f, mut g) = (f, g);
    let scale = 1_i64 << (LIMB_BITS - STEPS);
    let (mut u, mut v, mut q, mut r) = (scale, 0_i64, 0_i64, scale);
    for _ in 0..STEPS {
        let negative = zeta >> 63;
        let odd = -(g & 1);
        // Where `g` is odd, `f` is added to it, or subtracted where the two change places.
        let signed = |x: i64| ((x ^ negative).wrapping_sub(negative)) & odd;
        g = g.wrapping_add(signed(f));
        q = q.wrapping_add(signed(u));
        r = r.wrapping_add(signed(v));
        let swap = negative & odd;
        zeta = (zeta ^ swap) - 1;
        f = f.wrapping_add(g & swap);
        u = u.wrapping_add(q & swap);
        v = v.wrapping_add(r & swap);
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    (zeta, Matrix { u, v, q, r })
}

/// Two terms of a row.
const fn row(a: i64, x: i64, b: i64, y: i64) -> i128 {
    a as i128 * x as i128 + b as i128 * y as i128
}

/// The low 62 bits of a sum.
#[expect(clippy::cast_possible_truncation, reason = "the low word is meant")]
const fn low(sum: i128) -> i64 {
    sum as i64 & MASK
}

/// Applies a matrix to `f` and `g`, whose low 62 bits come out zero.
#[expect(clippy::cast_possible_truncation, reason = "the top limb is below 2^62 in magnitude")]
fn update_numbers(f: &mut [i64; LIMBS], g: &mut [i64; LIMBS], matrix: &Matrix) {
    let &Matrix { u, v, q, r } = matrix;
    let mut carry_f = row(u, f[0], v, g[0]) >> LIMB_BITS;
    let mut carry_g = row(q, f[0], r, g[0]) >> LIMB_BITS;
    for i in 1..LIMBS {
        let (limb_f, limb_g) = (f[i], g[i]);
        carry_f += row(u, limb_f, v, limb_g);
        carry_g += row(q, limb_f, r, limb_g);
        f[i - 1] = low(carry_f);
        g[i - 1] = low(carry_g);
        carry_f >>= LIMB_BITS;
        carry_g >>= LIMB_BITS;
    }
    f[LIMBS - 1] = carry_f as i64;
    g[LIMBS - 1] = carry_g as i64;
}

/// Applies a matrix to `d` and `e` modulo `p`, which stay in `(-2 p, p)`.
#[expect(clippy::cast_possible_truncation, reason = "the top limb is below 2^62 in magnitude")]
fn update_inverses(d: &mut [i64; LIMBS], e: &mut [i64; LIMBS], matrix: &Matrix) {
    let &Matrix { u, v, q, r } = matrix;
    let (sign_d, sign_e) = (d[LIMBS - 1] >> 63, e[LIMBS - 1] >> 63);
    let mut carry_d = row(u, d[0], v, e[0]);
    let mut carry_e = row(q, d[0], r, e[0]);
    // The multiples of `p` that clear the low 62 bits, after `p` was added to negative numbers.
    let times_d = multiple((u & sign_d) + (v & sign_e), carry_d);
    let times_e = multiple((q & sign_d) + (r & sign_e), carry_e);
    carry_d = (carry_d + i128::from(P[0]) * i128::from(times_d)) >> LIMB_BITS;
    carry_e = (carry_e + i128::from(P[0]) * i128::from(times_e)) >> LIMB_BITS;
    for i in 1..LIMBS {
        let (limb_d, limb_e) = (d[i], e[i]);
        carry_d += row(u, limb_d, v, limb_e) + i128::from(P[i]) * i128::from(times_d);
        carry_e += row(q, limb_d, r, limb_e) + i128::from(P[i]) * i128::from(times_e);
        d[i - 1] = low(carry_d);
        e[i - 1] = low(carry_e);
        carry_d >>= LIMB_BITS;
        carry_e >>= LIMB_BITS;
    }
    d[LIMBS - 1] = carry_d as i64;
    e[LIMBS - 1] = carry_e as i64;
}

/// `start`, less what makes the low 62 bits of `sum + p * multiple` zero.
const fn multiple(start: i64, sum: i128) -> i64 {
    start - (P_INVERSE.wrapping_mul(low(sum)).wrapping_add(start) & MASK)
}

/// `d`, negated if `sign` is -1, in `[0, p)`.
fn normalised(d: [i64; LIMBS], sign: i64) -> [i64; LIMBS] {
    let d = plus_p_if_negative(d);
    plus_p_if_negative(carried(d.map(|limb| (limb ^ sign) - sign)))
}

/// Adds `p` to a negative number.
fn plus_p_if_negative(d: [i64; LIMBS]) -> [i64; LIMBS] {
    let negative = d[LIMBS - 1] >> 63;
    let mut sum = d;
    for (limb, p) in sum.iter_mut().zip(P) {
        *limb += p & negative;
    }
    carried(sum)
}

/// Brings all limbs but the last to 62 bits.
fn carried(mut d: [i64; LIMBS]) -> [i64; LIMBS] {
    for i in 1..LIMBS {
        d[i] += d[i - 1] >> LIMB_BITS;
        d[i - 1] &= MASK;
    }
    d
}

fn split([w0, w1, w2, w3]: [u64; 4]) -> [i64; LIMBS] {
    let limbs = [w0, w0 >> 62 | w1 << 2, w1 >> 60 | w2 << 4, w2 >> 58 | w3 << 6, w3 >> 56];
    limbs.map(|limb| limb.cast_signed() & MASK)
}

fn join(limbs: [i64; LIMBS]) -> [u64; 4] {
    let [l0, l1, l2, l3, l4] = limbs.map(i64::cast_unsigned);
    [l0 | l1 << 62, l1 >> 2 | l2 << 60, l2 >> 4 | l3 << 58, l3 >> 6 | l4 << 56]
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(words: [u64; 4]) -> BigUint {
        BigUint::from_bytes_le(&words.map(u64::to_le_bytes).concat())
    }

    fn p() -> BigUint {
        (BigUint::from(1_u8) << 255) - 19_u8
    }

    fn check(words: [u64; 4]) {
        let inverse = big(invert(words));
        assert!(inverse < p());
        let expected = if big(words) == BigUint::ZERO { 0_u8 } else { 1 };
        assert_eq!(big(words) * inverse % p(), expected.into(), "{words:x?}");
    }

    #[test]
    fn the_edges_of_the_field_have_inverses() {
        for low in 0..70 {
            check([low, 0, 0, 0]);
            check([u64::MAX - 18 - 1 - low, u64::MAX, u64::MAX, u64::MAX >> 1]);
        }
        for bit in 0..255 {
            let mut words = [0; 4];
            words[bit / 64] = 1 << (bit % 64);
            check(words);
        }
    }

    proptest! {
        #[test]
        fn a_number_times_its_inverse_is_one(words: [u64; 4]) {
            let [w0, w1, w2, w3] = words;
            let words = [w0, w1, w2, w3 >> 1];
            prop_assume!(big(words) < p());
            check(words);
        }
    }
}
