//! Modular inversion by division steps (Bernstein and Yang, "Fast constant-time gcd computation
//! and modular inversion", 2019), in the form with batches of 62 steps and five signed limbs.
//!
//! A batch of steps looks at the lowest words of `f` and `g` only and gives a 2x2 matrix; the
//! matrix is then applied to `f` and `g`, and modulo `p` to `d` and `e`. With
//! `d x = f` and `e x = g` modulo `p` kept all along, `f` ends as `1` or `-1` and `d` as the
//! inverse up to that sign.

#![expect(clippy::indexing_slicing, reason = "loops over arrays of constant length")]
#![expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]

use super::prime::Prime;

/// A number in signed limbs of 62 bits; all but the top one are in `0..2^62`.
type Signed = [i64; 5];

const LOW: u64 = (1 << 62) - 1;

/// A matrix of division steps, times `2^62`.
#[derive(Clone, Copy, Debug)]
struct Matrix {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

/// `1 / x mod p` for `x` below `p`, and zero for zero. The time depends on `x`.
pub(crate) fn vartime<P: Prime>(x: [u64; 4]) -> [u64; 4] {
    let mut state = State::new::<P>(x);
    let mut eta = -1;
    while state.g != [0; 5] {
        let (next, matrix) = vartime_steps(eta, state.f[0] as u64, state.g[0] as u64);
        eta = next;
        state.apply::<P>(&matrix);
    }
    state.finish::<P>()
}

/// `1 / x mod p` for `x` below `p`, and zero for zero. The time does not depend on `x`: 590
/// steps suffice for every 256-bit input.
pub(crate) fn constant_time<P: Prime>(x: [u64; 4]) -> [u64; 4] {
    let mut state = State::new::<P>(x);
    let mut zeta = -1;
    for _ in 0..10 {
        let (next, matrix) = constant_steps(zeta, state.f[0] as u64, state.g[0] as u64);
        zeta = next;
        state.apply::<P>(&matrix);
    }
    state.finish::<P>()
}

struct State {
    d: Signed,
    e: Signed,
    f: Signed,
    g: Signed,
}

impl State {
    fn new<P: Prime>(x: [u64; 4]) -> Self {
        Self { d: [0; 5], e: [1, 0, 0, 0, 0], f: signed(P::MODULUS), g: signed(x) }
    }

    fn apply<P: Prime>(&mut self, matrix: &Matrix) {
        update_modular::<P>(&mut self.d, &mut self.e, matrix);
        update(&mut self.f, &mut self.g, matrix);
    }

    /// `d`, negated if `f` ended as `-1`, as a number below the modulus.
    fn finish<P: Prime>(self) -> [u64; 4] {
        let modulus = signed(P::MODULUS);
        // d lies between -2 p and p.
        let mut d = add_where(self.d, &modulus, self.d[4] >> 63);
        let sign = self.f[4] >> 63;
        for limb in &mut d {
            *limb = (*limb ^ sign) - sign;
        }
        carry(&mut d);
        unsigned(add_where(d, &modulus, d[4] >> 63))
    }
}

/// 62 steps, several at a time: the lowest zeros of `g` are shifted out at once.
fn vartime_steps(mut eta: i64, f: u64, g: u64) -> (i64, Matrix) {
    let (mut f, mut g) = (f, g);
    let (mut u, mut v, mut q, mut r) = (1u64, 0u64, 0u64, 1u64);
    let mut left = 62u32;
    loop {
        let zeros = (g | u64::MAX << left).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        eta -= i64::from(zeros);
        left -= zeros;
        if left == 0 {
            break;
        }
        let weight;
        if eta < 0 {
            eta = -eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
            let mask = low_bits(eta, left) & 63;
            weight = f.wrapping_mul(g).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2)) & mask;
        } else {
            let mask = low_bits(eta, left) & 15;
            let inverse = f.wrapping_add((f.wrapping_add(1) & 4) << 1);
            weight = inverse.wrapping_neg().wrapping_mul(g) & mask;
        }
        g = g.wrapping_add(f.wrapping_mul(weight));
        q = q.wrapping_add(u.wrapping_mul(weight));
        r = r.wrapping_add(v.wrapping_mul(weight));
    }
    (eta, Matrix { u: u as i64, v: v as i64, q: q as i64, r: r as i64 })
}

/// As many ones as bits can be cleared before `eta` turns or the batch ends.
fn low_bits(eta: i64, left: u32) -> u64 {
    let limit = (eta + 1).min(i64::from(left));
    u64::MAX >> (64 - limit)
}

/// 59 steps without branches, in the variant that starts from one half. The matrix is scaled up
/// by three bits, so that it fits the same update.
fn constant_steps(mut zeta: i64, f: u64, g: u64) -> (i64, Matrix) {
    let (mut f, mut g) = (f, g);
    let (mut u, mut v, mut q, mut r) = (8u64, 0u64, 0u64, 8u64);
    for _ in 0..59 {
        let mut negative = (zeta >> 63) as u64;
        let odd = (g & 1).wrapping_neg();
        let flip = |x: u64| (x ^ negative).wrapping_sub(negative);
        let (x, y, z) = (flip(f), flip(u), flip(v));
        g = g.wrapping_add(x & odd);
        q = q.wrapping_add(y & odd);
        r = r.wrapping_add(z & odd);
        negative &= odd;
        zeta = (zeta ^ negative as i64) - 1;
        f = f.wrapping_add(g & negative);
        u = u.wrapping_add(q & negative);
        v = v.wrapping_add(r & negative);
        g >>= 1;
        u <<= 1;
        v <<= 1;
    }
    (zeta, Matrix { u: u as i64, v: v as i64, q: q as i64, r: r as i64 })
}

/// `(d, e) = matrix * (d, e) / 2^62 mod p`, with multiples of `p` that make it exact.
fn update_modular<P: Prime>(d: &mut Signed, e: &mut Signed, &Matrix { u, v, q, r }: &Matrix) {
    let modulus = signed(P::MODULUS);
    let inverse = P::NEGATED_INVERSE_64.wrapping_neg();
    let (negative_d, negative_e) = (d[4] >> 63, e[4] >> 63);
    let mut md = (u & negative_d) + (v & negative_e);
    let mut me = (q & negative_d) + (r & negative_e);
    let mut cd = product(u, d[0]) + product(v, e[0]);
    let mut ce = product(q, d[0]) + product(r, e[0]);
    md -= (inverse.wrapping_mul(cd as u64).wrapping_add(md as u64) & LOW) as i64;
    me -= (inverse.wrapping_mul(ce as u64).wrapping_add(me as u64) & LOW) as i64;
    cd = (cd + product(modulus[0], md)) >> 62;
    ce = (ce + product(modulus[0], me)) >> 62;
    for i in 1..5 {
        cd += product(u, d[i]) + product(v, e[i]) + product(modulus[i], md);
        ce += product(q, d[i]) + product(r, e[i]) + product(modulus[i], me);
        (d[i - 1], e[i - 1]) = ((cd as u64 & LOW) as i64, (ce as u64 & LOW) as i64);
        (cd, ce) = (cd >> 62, ce >> 62);
    }
    (d[4], e[4]) = (cd as i64, ce as i64);
}

/// `(f, g) = matrix * (f, g) / 2^62`, which is exact.
fn update(f: &mut Signed, g: &mut Signed, &Matrix { u, v, q, r }: &Matrix) {
    let mut cf = (product(u, f[0]) + product(v, g[0])) >> 62;
    let mut cg = (product(q, f[0]) + product(r, g[0])) >> 62;
    for i in 1..5 {
        cf += product(u, f[i]) + product(v, g[i]);
        cg += product(q, f[i]) + product(r, g[i]);
        (f[i - 1], g[i - 1]) = ((cf as u64 & LOW) as i64, (cg as u64 & LOW) as i64);
        (cf, cg) = (cf >> 62, cg >> 62);
    }
    (f[4], g[4]) = (cf as i64, cg as i64);
}

fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// Adds `other` where the mask is all ones.
fn add_where(mut value: Signed, other: &Signed, mask: i64) -> Signed {
    for (limb, other) in value.iter_mut().zip(other) {
        *limb += other & mask;
    }
    carry(&mut value);
    value
}

fn carry(value: &mut Signed) {
    for i in 0..4 {
        value[i + 1] += value[i] >> 62;
        value[i] &= LOW as i64;
    }
}

const fn signed([a, b, c, d]: [u64; 4]) -> Signed {
    [
        (a & LOW) as i64,
        ((a >> 62 | b << 2) & LOW) as i64,
        ((b >> 60 | c << 4) & LOW) as i64,
        ((c >> 58 | d << 6) & LOW) as i64,
        (d >> 56) as i64,
    ]
}

fn unsigned(value: Signed) -> [u64; 4] {
    let [a, b, c, d, e] = value.map(|limb| limb as u64);
    [a | b << 62, b >> 2 | c << 60, c >> 4 | d << 58, d >> 6 | e << 56]
}
