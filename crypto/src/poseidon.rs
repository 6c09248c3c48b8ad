//! Poseidon over BN254, with the parameters of circomlib.
//!
//! The hash that RLN circuits compute: S-box `x^5`, 8 full rounds, constants from the Grain LFSR,
//! a Cauchy matrix, the state `[0, inputs..]` and the first element of the permuted state as output.
//!
//! | inputs | state `t` | partial rounds |
//! |---|---|---|
//! | 1 | 2 | 56 |
//! | 2 | 3 | 57 |
//! | 3 | 4 | 56 |
//! | 4 | 5 | 60 |
//! | 5 | 6 | 60 |
//! | 6 | 7 | 63 |
//! | 7 | 8 | 64 |
//!
//! The number of inputs is part of the type, so inputs of another length cannot be confused: they
//! are other hash functions. Parameters of a width are derived when it is first used, which takes
//! a fraction of a millisecond, and kept.
//!
//! # Security
//!
//! Inputs may be secret: no branch and no address depends on an element. The permuted state stands
//! on the stack and is not wiped; it gives away no more than the stack of the caller does, who
//! passed the same elements.
//!
//! Source: Grassi, Khovratovich, Rechberger, Roy, Schofnegger, *Poseidon: A New Hash Function for
//! Zero-Knowledge Proof Systems*, ePrint 2019/458; circomlib `circuits/poseidon.circom`.
//!
//! # Examples
//!
//! ```
//! use logos_crypto::{Fr, poseidon};
//!
//! let secret = Fr::from(1u64);
//! let commitment = poseidon::hash1(secret);
//! assert_eq!(poseidon::hash(&[secret]), commitment);
//! assert_ne!(poseidon::hash2(secret, Fr::ZERO), commitment);
//! ```

pub(crate) mod grain;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod matrix;
mod parameters;
mod permutation;
#[cfg(test)]
mod reference;

use alloc::boxed::Box;
use alloc::vec::Vec;

#[cfg(target_arch = "x86_64")]
use lanes::LaneParameters;
use once_cell::race::OnceBox;
use parameters::Parameters;
use thiserror::Error;

use crate::Fr;
use crate::backend::Backend;

/// The most elements one hash takes.
pub const MAX_INPUTS: usize = 7;

/// Full rounds, half of them before the partial ones.
const FULL_ROUNDS: usize = 8;

/// Partial rounds of width `t`.
const fn partial_rounds(t: usize) -> usize {
    match t {
        2 | 4 => 56,
        3 => 57,
        5 | 6 => 60,
        7 => 63,
        _ => 64,
    }
}

/// The rows and the places for their hashes are not equally many.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{inputs} rows to hash, {outputs} places for the results")]
#[non_exhaustive]
pub struct LengthMismatch {
    /// How many rows were given.
    pub inputs: usize,
    /// How many places.
    pub outputs: usize,
}

/// A function that returns a value made at its first call.
macro_rules! once {
    ($($name:ident: $type:ty = $value:expr;)*) => {
        $(fn $name() -> &'static $type {
            static VALUE: OnceBox<$type> = OnceBox::new();
            VALUE.get_or_init(|| Box::new($value))
        })*
    };
}

once! {
    width_2: Parameters<2> = Parameters::derive();
    width_3: Parameters<3> = Parameters::derive();
    width_4: Parameters<4> = Parameters::derive();
    width_5: Parameters<5> = Parameters::derive();
    width_6: Parameters<6> = Parameters::derive();
    width_7: Parameters<7> = Parameters::derive();
    width_8: Parameters<8> = Parameters::derive();
}

#[cfg(target_arch = "x86_64")]
once! {
    lanes_2: LaneParameters<2> = LaneParameters::convert(width_2());
    lanes_3: LaneParameters<3> = LaneParameters::convert(width_3());
    lanes_4: LaneParameters<4> = LaneParameters::convert(width_4());
}

/// The constants of one width as the Poseidon paper defines them: for whoever writes the hash down
/// as a circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Round constants: a row for each round, an element for each lane.
    pub rounds: Vec<Vec<Fr>>,
    /// The matrix every round multiplies the state by, row by row.
    pub mds: Vec<Vec<Fr>>,
}

impl Definition {
    /// Derives the constants of state width `width` from the generator, in under a millisecond.
    ///
    /// `None` unless `2 <= width <= 8`.
    #[must_use]
    pub fn derive(width: usize) -> Option<Self> {
        let parameters::Dense { rounds, mds } =
            (2..=MAX_INPUTS + 1).contains(&width).then(|| parameters::Dense::derive(width))?;
        Some(Self { rounds, mds })
    }
}

/// The hash of `N` elements, `1 <= N <= 7`; another `N` does not compile.
///
/// # Examples
///
/// ```
/// use logos_crypto::{Fr, poseidon};
///
/// let inputs = [1u64, 2, 3].map(Fr::from);
/// let digest = poseidon::hash(&inputs);
/// assert_eq!(
///     digest.to_string(),
///     "6542985608222806190361240322586112750744169038454362455181422643027100751666"
/// );
/// ```
///
/// ```compile_fail
/// logos_crypto::poseidon::hash(&[logos_crypto::Fr::ZERO; 8]);
/// ```
#[must_use]
pub fn hash<const N: usize>(inputs: &[Fr; N]) -> Fr {
    const { assert!(N >= 1 && N <= MAX_INPUTS, "Poseidon takes 1 to 7 elements") };
    match N {
        1 => permutation::hash(width_2(), inputs),
        2 => permutation::hash(width_3(), inputs),
        3 => permutation::hash(width_4(), inputs),
        4 => permutation::hash(width_5(), inputs),
        5 => permutation::hash(width_6(), inputs),
        6 => permutation::hash(width_7(), inputs),
        _ => permutation::hash(width_8(), inputs),
    }
}

/// The hash of one element: an identity commitment, a nullifier.
#[must_use]
pub fn hash1(a: Fr) -> Fr {
    hash(&[a])
}

/// The hash of two elements: a Merkle node, a rate commitment.
#[must_use]
pub fn hash2(a: Fr, b: Fr) -> Fr {
    hash(&[a, b])
}

/// The hash of three elements: the slope of a share.
#[must_use]
pub fn hash3(a: Fr, b: Fr, c: Fr) -> Fr {
    hash(&[a, b, c])
}

/// The hashes of many rows, each as [`hash`] gives it.
///
/// On [`Backend::Ifma`] rows of up to three elements are hashed eight at a time, at about a fifth of
/// the cost of one after another.
///
/// # Errors
///
/// [`LengthMismatch`] unless there is one place in `outputs` for each row; nothing is written.
///
/// # Examples
///
/// ```
/// use logos_crypto::backend::Backend;
/// use logos_crypto::{Fr, poseidon};
///
/// let pairs: Vec<[Fr; 2]> = (0..100u64).map(|i| [Fr::from(i), Fr::ONE]).collect();
/// let mut nodes = vec![Fr::ZERO; pairs.len()];
/// poseidon::hash_many(Backend::detect(), &pairs, &mut nodes)?;
/// assert_eq!(nodes[7], poseidon::hash2(Fr::from(7u64), Fr::ONE));
/// # Ok::<(), poseidon::LengthMismatch>(())
/// ```
pub fn hash_many<const N: usize>(
    backend: Backend,
    inputs: &[[Fr; N]],
    outputs: &mut [Fr],
) -> Result<(), LengthMismatch> {
    if inputs.len() != outputs.len() {
        return Err(LengthMismatch { inputs: inputs.len(), outputs: outputs.len() });
    }
    hash_each(backend, inputs, outputs);
    Ok(())
}

/// Hashes as many rows as there are places.
pub(crate) fn hash_each<const N: usize>(backend: Backend, inputs: &[[Fr; N]], outputs: &mut [Fr]) {
    #[cfg(target_arch = "x86_64")]
    if let (true, Some(ifma)) = (inputs.len() > 1, backend.ifma()) {
        let inputs = inputs.as_flattened();
        match N {
            1 => return ifma.launch(lanes_2().of(inputs, outputs)),
            2 => return ifma.launch(lanes_3().of(inputs, outputs)),
            3 => return ifma.launch(lanes_4().of(inputs, outputs)),
            _ => {}
        }
    }
    let _ = backend;
    for (output, row) in outputs.iter_mut().zip(inputs) {
        *output = hash(row);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// circomlib `test/poseidoncircuit.js`, and zerokit for one and three inputs.
    #[test]
    fn known_answers_of_circomlib_are_met() {
        let [one, two, three] = [1u64, 2, 3].map(Fr::from);
        assert_eq!(
            hash1(one).to_string(),
            "18586133768512220936620570745912940619677854269274689475585506675881198879027"
        );
        assert_eq!(
            hash2(one, two).to_string(),
            "7853200120776062878684798364095072458815029376092732009249414926327459813530"
        );
        assert_eq!(
            hash3(one, two, three).to_string(),
            "6542985608222806190361240322586112750744169038454362455181422643027100751666"
        );
    }

    #[test]
    fn twenty_levels_of_zeros_hash_to_the_empty_root() {
        let root = (0..20).fold(Fr::ZERO, |node, _| hash2(node, node));
        assert_eq!(
            root.to_string(),
            "15019797232609675441998260052101280400536945603062888308240081994073687793470"
        );
    }

    fn element() -> impl Strategy<Value = Fr> {
        prop_oneof![
            8 => any::<[u8; 64]>().prop_map(|bytes| Fr::from_bytes_reduced(&bytes)),
            1 => Just(Fr::ZERO),
            1 => Just(-Fr::ONE),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn every_backend_hashes_many_as_one_by_one(
            rows in proptest::collection::vec(proptest::array::uniform7(element()), 0..40),
        ) {
            fn check<const N: usize>(rows: &[[Fr; 7]]) -> Result<(), TestCaseError> {
                let rows: Vec<[Fr; N]> = rows.iter().map(|row| *row.first_chunk().unwrap()).collect();
                let expected: Vec<Fr> = rows.iter().map(hash).collect();
                for backend in Backend::available() {
                    let mut digests = vec![Fr::ZERO; rows.len()];
                    hash_many(backend, &rows, &mut digests).unwrap();
                    prop_assert_eq!(&digests, &expected, "{:?}", backend);
                }
                Ok(())
            }
            check::<1>(&rows)?;
            check::<2>(&rows)?;
            check::<3>(&rows)?;
            check::<4>(&rows)?;
            check::<7>(&rows)?;
        }
    }

    #[test]
    fn a_batch_with_too_few_places_writes_nothing() {
        let mut digests = [Fr::ZERO; 2];
        let error = hash_many(Backend::detect(), &[[Fr::ONE]; 3], &mut digests);
        assert_eq!(error, Err(LengthMismatch { inputs: 3, outputs: 2 }));
        assert_eq!(digests, [Fr::ZERO; 2]);
    }

    macro_rules! agrees_with_the_definition {
        ($($name:ident $n:literal)*) => {
            proptest! {
                #![proptest_config(ProptestConfig::with_cases(32))]
                $(#[test]
                fn $name(inputs in proptest::collection::vec(element(), $n)) {
                    let inputs: [Fr; $n] = inputs.try_into().unwrap();
                    prop_assert_eq!(hash(&inputs), reference::hash(&inputs));
                })*
            }
        };
    }

    agrees_with_the_definition! {
        one_input_agrees_with_the_definition 1
        two_inputs_agree_with_the_definition 2
        three_inputs_agree_with_the_definition 3
        four_inputs_agree_with_the_definition 4
        five_inputs_agree_with_the_definition 5
        six_inputs_agree_with_the_definition 6
        seven_inputs_agree_with_the_definition 7
    }
}
