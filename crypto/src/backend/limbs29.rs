//! Products in nine limbs of 29 bits, for machines whose widest product has 64 bits (wasm32).
//!
//! A product of 64-bit words needs 128 bits, which there is four multiplications and their
//! carries. Products of 29-bit limbs fit in 58 bits, and eighteen of them and a carry in 64, so a
//! column of the whole product and of its reduction is summed before any carry is taken.
//!
//! Elements stay in words, in the Montgomery form of words: with `32 a` in place of `a`, dividing
//! by `2^261` divides `a b` by `2^256`. For `a` and `b` below `2 p` the result is below
//! `(128 p / 2^261 + 1) p`, which is below `2 p`.

#![expect(clippy::indexing_slicing, reason = "loops over arrays of constant length")]

use super::prime::Prime;

/// Nine limbs, the least significant first.
type Limbs = [u64; 9];

/// The low 29 bits.
const MASK: u64 = (1 << 29) - 1;

/// `a b / 2^256 mod p` for `a` and `b` below `2 p`, as a number below `2 p`.
#[inline]
pub(crate) fn multiply<P: Prime>(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let (a, b) = (split(a, 5), split(b, 0));
    let mut sum = [0u64; 9];
    for limb in a {
        for j in 0..9 {
            sum[j] += limb * b[j];
        }
        reduce::<P>(&mut sum);
    }
    join(sum)
}

/// `(a b + c d) / 2^256 mod p` for factors below `2 p`, as a number below `3 p`: twenty-seven
/// products of limbs and a carry fit in 64 bits too.
#[inline(never)]
pub(crate) fn multiply_two<P: Prime>([a, b]: [[u64; 4]; 2], [c, d]: [[u64; 4]; 2]) -> [u64; 4] {
    let (a, b) = (split(a, 5), split(b, 0));
    let (c, d) = (split(c, 5), split(d, 0));
    let mut sum = [0u64; 9];
    for i in 0..9 {
        for j in 0..9 {
            sum[j] += a[i] * b[j] + c[i] * d[j];
        }
        reduce::<P>(&mut sum);
    }
    join(sum)
}

/// Makes the lowest limb zero by a multiple of the modulus, and drops it.
#[inline(always)]
fn reduce<P: Prime>(sum: &mut Limbs) {
    let modulus = const { split(P::MODULUS, 0) };
    let negated_inverse = const { P::NEGATED_INVERSE_64 & MASK };
    let factor = ((sum[0] & MASK) * negated_inverse) & MASK;
    let carry = (sum[0] + factor * modulus[0]) >> 29;
    for j in 1..9 {
        sum[j - 1] = sum[j] + factor * modulus[j];
    }
    sum[0] += carry;
    sum[8] = 0;
}

/// Cuts `2^shift` times the number, which must be below `2^261`.
#[inline(always)]
const fn split([a, b, c, d]: [u64; 4], shift: u32) -> Limbs {
    let words = [
        a << shift,
        b << shift | carry(a, shift),
        c << shift | carry(b, shift),
        d << shift | carry(c, shift),
        carry(d, shift),
    ];
    let [a, b, c, d, e] = words;
    [
        a & MASK,
        a >> 29 & MASK,
        (a >> 58 | b << 6) & MASK,
        b >> 23 & MASK,
        (b >> 52 | c << 12) & MASK,
        c >> 17 & MASK,
        (c >> 46 | d << 18) & MASK,
        d >> 11 & MASK,
        (d >> 40 | e << 24) & MASK,
    ]
}

/// What a shift to the left pushes out of a word.
#[inline(always)]
const fn carry(word: u64, shift: u32) -> u64 {
    if shift == 0 { 0 } else { word >> (64 - shift) }
}

/// The number whose limbs, of more than 29 bits, these are. It must be below `2^256`.
#[inline(always)]
fn join(mut sum: Limbs) -> [u64; 4] {
    for j in 1..9 {
        sum[j] += sum[j - 1] >> 29;
        sum[j - 1] &= MASK;
    }
    let [a, b, c, d, e, f, g, h, i] = sum;
    [
        a | b << 29 | c << 58,
        c >> 6 | d << 23 | e << 52,
        e >> 12 | f << 17 | g << 46,
        g >> 18 | h << 11 | i << 40,
    ]
}

#[cfg(test)]
mod tests {
    use ark_ff::PrimeField;
    use proptest::prelude::*;

    use super::super::prime::{Base, Scalar};
    use super::*;

    /// A number below twice the modulus, often one at an end of the range.
    fn element<P: Prime>() -> impl Strategy<Value = [u64; 4]> {
        prop_oneof![
            Just([0; 4]),
            Just(P::MODULUS),
            Just([P::MODULUS[0] - 1, P::MODULUS[1], P::MODULUS[2], P::MODULUS[3]]),
            Just(twice_less_one(P::MODULUS)),
            any::<([u8; 40], bool)>().prop_map(|(bytes, lift)| {
                let words = P::to_words(&P::Ark::from_le_bytes_mod_order(&bytes));
                if lift { sum(words, P::MODULUS) } else { words }
            }),
        ]
    }

    fn sum(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
        let mut carry = 0;
        core::array::from_fn(|i| {
            let total = u128::from(a[i]) + u128::from(b[i]) + carry;
            carry = total >> 64;
            u64::try_from(total & u128::from(u64::MAX)).unwrap()
        })
    }

    fn twice_less_one(modulus: [u64; 4]) -> [u64; 4] {
        let mut twice = sum(modulus, modulus);
        twice[0] -= 1;
        twice
    }

    fn reduced<P: Prime>(words: [u64; 4]) -> P::Ark {
        let less = |a: [u64; 4], b: [u64; 4]| a.iter().rev().lt(b.iter().rev());
        assert!(!less(twice_less_one(P::MODULUS), words), "a result is below 2 p");
        element_of::<P>(words)
    }

    fn element_of<P: Prime>(words: [u64; 4]) -> P::Ark {
        let mut bytes = [0; 32];
        bytes.chunks_exact_mut(8).zip(words).for_each(|(to, word)| {
            to.copy_from_slice(&word.to_le_bytes());
        });
        // Montgomery form is linear, so reducing the number reduces the element.
        P::from_words(P::Ark::from_le_bytes_mod_order(&bytes).into_bigint().0)
    }

    fn agree<P: Prime>(a: [u64; 4], b: [u64; 4]) {
        let product = reduced::<P>(multiply::<P>(a, b));
        assert_eq!(product, reduced::<P>(a) * reduced::<P>(b));
    }

    fn agree_on_two<P: Prime>([a, b, c, d]: [[u64; 4]; 4]) {
        let words = multiply_two::<P>([a, b], [c, d]);
        assert!(words[3] >> 62 < 3, "a result is below 3 p, which is below 3 * 2^254");
        let [a, b, c, d] = [a, b, c, d].map(element_of::<P>);
        assert_eq!(element_of::<P>(words), a * b + c * d);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn products_in_the_base_field_agree_with_arkworks(
            a in element::<Base>(), b in element::<Base>(),
        ) {
            agree::<Base>(a, b);
        }

        #[test]
        fn products_in_the_scalar_field_agree_with_arkworks(
            a in element::<Scalar>(), b in element::<Scalar>(),
        ) {
            agree::<Scalar>(a, b);
        }

        #[test]
        fn sums_of_two_products_agree_with_arkworks(
            base in [element::<Base>(), element::<Base>(), element::<Base>(), element::<Base>()],
            scalar in [
                element::<Scalar>(), element::<Scalar>(), element::<Scalar>(), element::<Scalar>(),
            ],
        ) {
            agree_on_two::<Base>(base);
            agree_on_two::<Scalar>(scalar);
        }
    }
}
