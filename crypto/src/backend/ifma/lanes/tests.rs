use ark_ff::{AdditiveGroup, Field, PrimeField};
use proptest::prelude::*;

use super::super::prime::{Base, Scalar};
use super::super::{Ifma, Kernel};
use super::*;

/// Runs every operation on eight pairs and returns what each gave.
struct Everything<P: Prime>([P::Ark; 8], [P::Ark; 8]);

struct Results<P: Prime> {
    sum: [P::Ark; 8],
    difference: [P::Ark; 8],
    negative: [P::Ark; 8],
    product: [P::Ark; 8],
    square: [P::Ark; 8],
    dot: [P::Ark; 8],
    lazy: [P::Ark; 8],
    squeezed: [P::Ark; 8],
    nine: [P::Ark; 8],
    thrice: [P::Ark; 8],
    permuted: [P::Ark; 8],
    zero_differences: u8,
    rows: [[u64; 4]; 8],
    integers: [[u64; 4]; 8],
}

impl<P: Prime> Kernel for Everything<P> {
    type Output = Results<P>;
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Results<P> {
        let (a, b) = (Lanes::<P>::from_ark(ifma, &self.0), Lanes::<P>::from_ark(ifma, &self.1));
        let difference: Lanes<P, 4> = a.sub(b);
        let sum: Lanes<P, 4> = a.add(b);
        let negative: Lanes<P, 3> = a.neg();
        let dot: Product<P, 8> = a.product::<2, 4>(b).plus(a, a);
        let wide: Lanes<P, 9> = sum.double::<8>().add::<1, 9>(Lanes::zero(ifma));
        let rows = a.canonical().store();
        Results {
            sum: sum.reduced().to_ark(),
            difference: difference.reduced().to_ark(),
            negative: negative.reduced().to_ark(),
            product: a.mul(b).to_ark(),
            square: difference.square().to_ark(),
            dot: dot.reduce().to_ark(),
            lazy: wide.mul(wide).blend(0x0f, wide.reduced()).to_ark(),
            squeezed: wide.squeezed().to_ark(),
            nine: a.times_nine_plus(negative).to_ark(),
            thrice: negative.thrice_plus_twice(sum).to_ark(),
            permuted: a.permuted(&[1, 8, 3, 10, 5, 12, 7, 14], b).to_ark(),
            zero_differences: difference.is_zero(),
            rows: Lanes::<P, 1>::load(ifma, &rows).store(),
            integers: a.leave_montgomery().canonical().store(),
        }
    }
}

fn agree<P: Prime>(a: [P::Ark; 8], b: [P::Ark; 8]) {
    let Some(ifma) = Ifma::detect() else { return };
    let lanes = ifma.launch(Everything::<P>(a, b));
    for i in 0..8 {
        let (x, y) = (a[i], b[i]);
        assert_eq!(lanes.sum[i], x + y);
        assert_eq!(lanes.difference[i], x - y);
        assert_eq!(lanes.negative[i], -x);
        assert_eq!(lanes.product[i], x * y);
        assert_eq!(lanes.square[i], (x - y).square());
        assert_eq!(lanes.dot[i], x * y + x * x);
        let wide = (x + y).double();
        assert_eq!(lanes.lazy[i], if i < 4 { wide } else { wide.square() });
        assert_eq!(lanes.squeezed[i], wide);
        assert_eq!(lanes.nine[i], P::Ark::from(8u64) * x);
        assert_eq!(lanes.thrice[i], y.double() - x);
        assert_eq!(lanes.permuted[i], if i % 2 == 0 { a[i + 1] } else { b[i - 1] });
        assert_eq!(lanes.zero_differences >> i & 1 == 1, x == y);
        assert_eq!(lanes.rows[i], super::super::packed::row::<P>(&x));
        assert_eq!(lanes.integers[i], x.into_bigint().0);
    }
}

/// Numbers at the ends of the field, next to multiples of powers of two, and in between.
fn element<F: PrimeField>() -> impl Strategy<Value = F> {
    prop_oneof![
        2 => (0u64..3).prop_map(F::from),
        2 => (1u64..4).prop_map(|x| -F::from(x)),
        1 => (0u64..=260).prop_map(|power| F::from(2u64).pow([power])),
        1 => (0u64..=260).prop_map(|power| -F::from(2u64).pow([power])),
        6 => any::<[u8; 32]>().prop_map(|bytes| F::from_le_bytes_mod_order(&bytes)),
    ]
}

fn eight<F: PrimeField>() -> impl Strategy<Value = [F; 8]> {
    proptest::array::uniform8(element())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lanes_of_the_base_field_agree_with_arkworks(a in eight(), b in eight()) {
        agree::<Base>(a, b);
        agree::<Base>(a, a);
    }

    #[test]
    fn lanes_of_the_scalar_field_agree_with_arkworks(a in eight(), b in eight()) {
        agree::<Scalar>(a, b);
        agree::<Scalar>(a, a);
    }
}

/// Squeezes numbers next to multiples of the modulus, as far as the type admits.
struct Squeeze<P: Prime>(PhantomData<P>);

impl<P: Prime> Kernel for Squeeze<P> {
    type Output = ();
    #[inline(always)]
    fn run(self, ifma: Ifma) {
        for factor in 1..=64 {
            for less in 0..2 {
                let mut limbs = multiple(P::LIMBS, factor);
                limbs[0] -= less;
                let squeezed = Lanes::<P, 64>::splat(ifma, &limbs).squeezed();
                let zero: Lanes<P, 3> =
                    squeezed.add::<1, 3>(Lanes::splat(ifma, &[less, 0, 0, 0, 0]));
                assert_eq!(zero.is_zero(), 0xff, "{factor} p - {less}");
                assert!(squeezed.0[4].to_array()[0] <= P::LIMBS[4] + 1);
            }
        }
    }
}

#[test]
fn whatever_the_types_admit_is_squeezed_to_little_more_than_the_modulus() {
    let Some(ifma) = Ifma::detect() else { return };
    ifma.launch(Squeeze::<Base>(PhantomData));
    ifma.launch(Squeeze::<Scalar>(PhantomData));
}

/// A chain of operations on the largest numbers that the types admit.
struct Extremes<P: Prime>(PhantomData<P>);

impl<P: Prime> Kernel for Extremes<P> {
    type Output = [P::Ark; 8];
    #[inline(always)]
    fn run(self, ifma: Ifma) -> Self::Output {
        // 9 p - 1 in every lane: the largest value of `Lanes<P, 9>`.
        let mut limbs = multiple(P::LIMBS, 9);
        limbs[0] -= 1;
        let large = Lanes::<P, 9>::splat(ifma, &limbs);
        large.mul(large).to_ark()
    }
}

#[test]
fn the_largest_factors_that_the_types_admit_multiply_right() {
    let Some(ifma) = Ifma::detect() else { return };
    // As a Montgomery number 9 p - 1 is -1/R, its square 1/R^2, in Montgomery form.
    let r = ark_bn254::Fq::from(2u64).pow([260]).inverse().unwrap();
    assert_eq!(ifma.launch(Extremes::<Base>(PhantomData)), [r * r; 8]);
    let r = ark_bn254::Fr::from(2u64).pow([260]).inverse().unwrap();
    assert_eq!(ifma.launch(Extremes::<Scalar>(PhantomData)), [r * r; 8]);
}
