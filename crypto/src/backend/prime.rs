//! The two primes of BN254, in 64-bit words and in 52-bit limbs, with constants that the
//! backends need, computed at compile time.

#![expect(clippy::indexing_slicing, reason = "constant indices, evaluated at compile time")]

use ark_ff::PrimeField;

/// Five 52-bit limbs, the least significant first.
pub(crate) type Limbs = [u64; 5];

/// The low 52 bits.
pub(crate) const MASK: u64 = (1 << 52) - 1;

/// A prime below 2^254. The constants follow from [`Prime::MODULUS`].
pub(crate) trait Prime: Copy + 'static {
    /// The same field in arkworks.
    type Ark: PrimeField<BigInt = ark_ff::BigInt<4>>;
    /// The modulus in 64-bit words.
    const MODULUS: [u64; 4];
    /// The modulus in limbs.
    const LIMBS: Limbs = split(Self::MODULUS);
    /// `-p^-1 mod 2^52`.
    const NEGATED_INVERSE: u64 = negated_inverse(Self::MODULUS[0]);
    /// `2^260 mod p`: one in the Montgomery form of lanes.
    const ONE: Limbs = split(power_of_two(260, Self::MODULUS));
    /// `-p^-1 mod 2^64`.
    const NEGATED_INVERSE_64: u64 = negated_inverse_64(Self::MODULUS[0]);
    /// `2^256 mod p`: one in the Montgomery form of words.
    const R: [u64; 4] = power_of_two(256, Self::MODULUS);
    /// `2^768 mod p`: multiplying by it turns `1 / (x 2^256)` into `2^256 / x`.
    const CUBE_OF_R: [u64; 4] = power_of_two(768, Self::MODULUS);
    /// `2^520 mod p`: multiplying by it enters Montgomery form.
    const R2: Limbs = split(power_of_two(520, Self::MODULUS));
    /// `2^264 mod p`: multiplying by it turns `x * 2^256` into `x * 2^260`.
    const FROM_ARK: Limbs = split(power_of_two(264, Self::MODULUS));
    /// `2^256 mod p`: multiplying by it turns `x * 2^260` into `x * 2^256`.
    const INTO_ARK: Limbs = split(power_of_two(256, Self::MODULUS));
    /// An element in arkworks' Montgomery form, `x * 2^256 mod p`.
    fn to_words(element: &Self::Ark) -> [u64; 4];
    /// The inverse of [`Prime::to_words`]. The words must be below the modulus.
    fn from_words(words: [u64; 4]) -> Self::Ark;
    /// `a b / 2^256` for `a` and `b` below `2 p`, as a number below `2 p`.
    #[cfg(any(test, target_arch = "wasm32"))]
    fn multiply(a: [u64; 4], b: [u64; 4]) -> [u64; 4];
}

/// The base field of BN254, over which its curves are defined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base;

/// The scalar field of BN254, which is the field of circuits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scalar;

macro_rules! prime {
    ($name:ty, $ark:ty) => {
        impl Prime for $name {
            type Ark = $ark;
            const MODULUS: [u64; 4] = <$ark as PrimeField>::MODULUS.0;
            #[inline(always)]
            fn to_words(element: &$ark) -> [u64; 4] {
                element.0.0
            }
            #[inline(always)]
            fn from_words(words: [u64; 4]) -> $ark {
                <$ark>::new_unchecked(ark_ff::BigInt(words))
            }
            // Compiled here, once, and for speed, whatever those who call it are compiled for.
            #[cfg(any(test, target_arch = "wasm32"))]
            #[inline(never)]
            fn multiply(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
                super::limbs29::multiply::<Self>(a, b)
            }
        }
    };
}

prime!(Base, ark_bn254::Fq);
prime!(Scalar, ark_bn254::Fr);

/// Cuts 256 bits into limbs.
pub(crate) const fn split(words: [u64; 4]) -> Limbs {
    let [a, b, c, d] = words;
    [
        a & MASK,
        (a >> 52 | b << 12) & MASK,
        (b >> 40 | c << 24) & MASK,
        (c >> 28 | d << 36) & MASK,
        d >> 16,
    ]
}

/// `-p^-1 mod 2^52`.
const fn negated_inverse(low: u64) -> u64 {
    negated_inverse_64(low) & MASK
}

/// `-p^-1 mod 2^64` by Newton's iteration, which doubles the number of right bits.
const fn negated_inverse_64(low: u64) -> u64 {
    let mut inverse = 1u64;
    let mut round = 0;
    while round < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(low.wrapping_mul(inverse)));
        round += 1;
    }
    inverse.wrapping_neg()
}

/// `2^exponent mod p` by doubling.
const fn power_of_two(exponent: u32, modulus: [u64; 4]) -> [u64; 4] {
    let mut power = [1, 0, 0, 0];
    let mut step = 0;
    while step < exponent {
        power = add(power, power);
        if !below(power, modulus) {
            power = sub(power, modulus);
        }
        step += 1;
    }
    power
}

const fn add(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut sum = [0; 4];
    let mut carry = 0;
    let mut i = 0;
    while i < 4 {
        let (partial, first) = a[i].overflowing_add(b[i]);
        let (total, second) = partial.overflowing_add(carry);
        (sum[i], carry) = (total, (first | second) as u64);
        i += 1;
    }
    sum
}

const fn sub(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut difference = [0; 4];
    let mut borrow = 0;
    let mut i = 0;
    while i < 4 {
        let (partial, first) = a[i].overflowing_sub(b[i]);
        let (total, second) = partial.overflowing_sub(borrow);
        (difference[i], borrow) = (total, (first | second) as u64);
        i += 1;
    }
    difference
}

/// Is `a` below `b`?
const fn below(a: [u64; 4], b: [u64; 4]) -> bool {
    let mut i = 4;
    while i > 0 {
        i -= 1;
        if a[i] != b[i] {
            return a[i] < b[i];
        }
    }
    false
}

/// `factor * value`, which must be below 2^260.
pub(crate) const fn multiple(value: Limbs, factor: u32) -> Limbs {
    let mut product = [0; 5];
    let mut carry = 0;
    let mut i = 0;
    while i < 5 {
        let sum = value[i] * factor as u64 + carry;
        (product[i], carry) = (sum & MASK, sum >> 52);
        i += 1;
    }
    assert!(carry == 0, "the multiple does not fit in five limbs");
    product
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;

    use super::*;

    fn check<P: Prime>() {
        let low = P::LIMBS[0].wrapping_mul(P::NEGATED_INVERSE) & MASK;
        assert_eq!(low, MASK, "p * (-1/p) is -1 modulo 2^52");
        let two = P::Ark::from(2u64);
        let as_limbs = |power: u64| split(two.pow([power]).into_bigint().0);
        assert_eq!(P::ONE, as_limbs(260));
        assert_eq!(P::R2, as_limbs(520));
        assert_eq!(P::FROM_ARK, as_limbs(264));
        assert_eq!(P::INTO_ARK, as_limbs(256));
    }

    #[test]
    fn the_constants_of_both_primes_follow_from_the_modulus() {
        check::<Base>();
        check::<Scalar>();
    }
}
