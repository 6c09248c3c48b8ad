//! Poseidon2 over BN254 with a state of three elements.
//!
//! S-box `x^5`, 8 external and 56 internal rounds. Two sets of round constants are in use, both
//! drawn from the Grain LFSR that Poseidon takes its own from:
//!
//! | constants | Grain's S-box code | used by |
//! |---|---|---|
//! | [`Constants::Blockchain`] | 0, a power | Logos Blockchain, called zkhash there (LIP 200) |
//! | [`Constants::Storage`] | 1, the inverse | Logos Storage (LIP 153), the older published set |
//!
//! RLN uses [`poseidon`](crate::poseidon), a different hash.
//!
//! # Security
//!
//! Inputs may be secret: no branch and no address depends on an element. The state stands on the
//! stack and is not wiped.
//!
//! Source: Grassi, Khovratovich, Schofnegger, *Poseidon2*, ePrint 2023/323; LIP 200 *Common
//! Cryptographic Components*; LIP 153 *Merkle Tree*.
//!
//! # Examples
//!
//! ```
//! use logos_crypto::{Fr, poseidon2};
//!
//! let note = poseidon2::zkhash(&[Fr::from(1u64), Fr::from(2u64)]);
//! assert_eq!(
//!     note.to_bytes_be(),
//!     hex_literal::hex!("1f36d032e4a519d0fbe1502fd8e4ad5fad61868c72c03f4294589f506bb52b6b")
//! );
//! ```

use alloc::boxed::Box;

use once_cell::race::OnceBox;

use crate::Fr;
use crate::field::wide::{Limbs, add, add_then_fifth_power, element, limbs};
use crate::poseidon::grain::Grain;

/// Elements of the state.
const WIDTH: usize = 3;
/// External rounds, half of them before the internal ones.
const EXTERNAL: usize = 8;
/// Internal rounds.
const INTERNAL: usize = 56;

/// Which round constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Constants {
    /// Those of Logos Blockchain.
    Blockchain,
    /// Those of Logos Storage.
    Storage,
}

/// What a Merkle node of Logos Storage stands over, the key of its compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// Two children that are inner nodes.
    Inner = 0,
    /// Two children that are leaves.
    Bottom = 1,
    /// One child, an inner node.
    OddInner = 2,
    /// One child, a leaf.
    OddBottom = 3,
}

struct Rounds {
    before: [[Limbs; WIDTH]; EXTERNAL / 2],
    internal: [Limbs; INTERNAL],
    after: [[Limbs; WIDTH]; EXTERNAL / 2],
}

impl Rounds {
    fn derive(sbox: u8) -> Self {
        let mut grain = Grain::new(sbox, WIDTH, EXTERNAL, INTERNAL);
        let mut next = || *limbs(&grain.element());
        Self {
            before: [[(); WIDTH]; EXTERNAL / 2].map(|row| row.map(|()| next())),
            internal: [(); INTERNAL].map(|()| next()),
            after: [[(); WIDTH]; EXTERNAL / 2].map(|row| row.map(|()| next())),
        }
    }

    fn of(constants: Constants) -> &'static Self {
        static BLOCKCHAIN: OnceBox<Rounds> = OnceBox::new();
        static STORAGE: OnceBox<Rounds> = OnceBox::new();
        match constants {
            Constants::Blockchain => BLOCKCHAIN.get_or_init(|| Box::new(Self::derive(0))),
            Constants::Storage => STORAGE.get_or_init(|| Box::new(Self::derive(1))),
        }
    }
}

/// The permutation.
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::poseidon2::{Constants, permute};
///
/// let [first, ..] = permute(Constants::Storage, [0u64, 1, 2].map(Fr::from));
/// assert_eq!(
///     first.to_bytes_be(),
///     hex_literal::hex!("30610a447b7dec194697fb50786aa7421494bd64c221ba4d3b1af25fb07bd103")
/// );
/// ```
#[must_use]
pub fn permute(constants: Constants, state: [Fr; WIDTH]) -> [Fr; WIDTH] {
    let rounds = Rounds::of(constants);
    let mut state = mix_external(state.map(|element| *limbs(&element)));
    for constants in &rounds.before {
        state = external_round(constants, &state);
    }
    for constant in &rounds.internal {
        state = internal_round(constant, &state);
    }
    for constants in &rounds.after {
        state = external_round(constants, &state);
    }
    state.map(element)
}

/// S-box on every element, then the circulant matrix of `2, 1, 1`.
#[inline(always)]
fn external_round(constants: &[Limbs; WIDTH], [x, y, z]: &[Limbs; WIDTH]) -> [Limbs; WIDTH] {
    let [c, d, e] = constants;
    mix_external([
        add_then_fifth_power(x, c),
        add_then_fifth_power(y, d),
        add_then_fifth_power(z, e),
    ])
}

#[inline(always)]
fn mix_external([x, y, z]: [Limbs; WIDTH]) -> [Limbs; WIDTH] {
    let sum = add(&add(&x, &y), &z);
    [add(&x, &sum), add(&y, &sum), add(&z, &sum)]
}

/// S-box on the first element, then the matrix of ones with `2, 2, 3` on the diagonal.
#[inline(always)]
fn internal_round(constant: &Limbs, [x, y, z]: &[Limbs; WIDTH]) -> [Limbs; WIDTH] {
    let x = add_then_fifth_power(x, constant);
    let sum = add(&add(&x, y), z);
    [add(&x, &sum), add(y, &sum), add(&add(z, z), &sum)]
}

/// zkhash in hash mode: a sponge of rate 1 with the padding `10*`, so one permutation for each
/// input and one more (LIP 200).
#[must_use]
pub fn zkhash(inputs: &[Fr]) -> Fr {
    let padded = inputs.iter().chain(core::iter::once(&Fr::ONE));
    let [digest, ..] = padded.fold([Fr::ZERO; WIDTH], |[x, y, z], input| {
        permute(Constants::Blockchain, [x + input, y, z])
    });
    digest
}

/// zkhash in compression mode, for Merkle nodes, keys and nullifiers: one permutation and no feed
/// forward (LIP 200).
///
/// # Examples
///
/// ```
/// use logos_crypto::{Fr, poseidon2};
///
/// let node = poseidon2::zkcompress(Fr::ONE, Fr::ONE);
/// assert_eq!(
///     node.to_bytes_be(),
///     hex_literal::hex!("277530b5f2b87dfe4535f43bb1998eda77736b4b05d15d983503566743c88031")
/// );
/// ```
#[must_use]
pub fn zkcompress(left: Fr, right: Fr) -> Fr {
    let [node, ..] = permute(Constants::Blockchain, [left, right, Fr::ZERO]);
    node
}

/// A Merkle node of Logos Storage, keyed by what it stands over. The right child of an odd node is
/// zero (LIP 153).
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::poseidon2::{NodeKind, storage_node};
///
/// let [left, right] = [1234u64, 5678].map(Fr::from);
/// assert_eq!(
///     storage_node(NodeKind::Inner, left, right).to_bytes_be(),
///     hex_literal::hex!("152ef46ec26a9afb6748e7fff3f75081af33f84b77d2afa05207509fb63ec4a6")
/// );
/// ```
#[must_use]
pub fn storage_node(kind: NodeKind, left: Fr, right: Fr) -> Fr {
    let [node, ..] = permute(Constants::Storage, [left, right, Fr::from(kind as u64)]);
    node
}

/// The domain of [`storage_sponge`] for sequences of field elements: `2^64 + 2^24·padding +
/// 2^16·254 + 2^8·t + rate` with the padding code 1, as Logos Storage counts them.
#[must_use]
pub fn storage_elements_domain() -> Fr {
    Fr::from(u64::MAX) + Fr::ONE + Fr::from(0x01fe_0302u64)
}

/// The sponge of Logos Storage: rate 2, the padding `10*`, the domain in the capacity element
/// (LIP 153).
///
/// # Examples
///
/// ```
/// use logos_crypto::Fr;
/// use logos_crypto::poseidon2::{storage_elements_domain, storage_sponge};
///
/// let digest = storage_sponge(storage_elements_domain(), &[Fr::ONE]);
/// assert_eq!(
///     digest.to_string(),
///     "18575012789231469229884764324941297325518518125159947154666143736134627612926"
/// );
/// ```
#[must_use]
pub fn storage_sponge(domain: Fr, inputs: &[Fr]) -> Fr {
    let (pairs, last) = inputs.as_chunks::<2>();
    let absorb =
        |[x, y, z]: [Fr; WIDTH], [a, b]: &[Fr; 2]| permute(Constants::Storage, [x + a, y + b, z]);
    let state = pairs.iter().fold([Fr::ZERO, Fr::ZERO, domain], absorb);
    let padded = match last {
        [element] => [*element, Fr::ONE],
        _ => [Fr::ONE, Fr::ZERO],
    };
    let [digest, ..] = absorb(state, &padded);
    digest
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;
    use std::string::ToString;
    use std::vec::Vec;

    use super::*;

    fn big_endian(bytes: [u8; 32]) -> Fr {
        Fr::from_bytes_be(&bytes).unwrap()
    }

    #[test]
    fn the_answers_of_lip_200_are_met_in_hash_mode() {
        let answers: [(&[u64], [u8; 32]); 8] = [
            (&[0], hex!("1fed118d9f4466859761f22cad078722b8c4a743b5ebe90443b2dce6bbeb7b23")),
            (&[1], hex!("1eda5b2807bb78c5d061263409295d5115b7793a68c5220e37ea8ab2e94068f8")),
            (&[0, 0], hex!("20579a2bf857cd36947250ec60f374c1faf02a40130b5fc867c2bde4da940fd2")),
            (&[1, 2], hex!("1f36d032e4a519d0fbe1502fd8e4ad5fad61868c72c03f4294589f506bb52b6b")),
            (&[2, 1], hex!("26418d3cada2e7ad9e17b50731f6de916c80fc0ef88ea3ea6520dafbd37f4d7b")),
            (&[1, 0, 0], hex!("129e88e8d9ae077e2e750222bc131da8b2268ad957cbf83d2b9beed6b9eed7c2")),
            (&[0, 0, 1], hex!("2a29cf254d2376ef660166c0647bcbed3decee8b3903eadeebecf304cd404dd0")),
            (
                &[0, 1, 0, 1],
                hex!("0793b1db3204a1bbb8cd7d06dac0b8ef98ae2664aa1ed57fccd37baf01682d3d"),
            ),
        ];
        for (inputs, digest) in answers {
            let inputs: Vec<Fr> = inputs.iter().copied().map(Fr::from).collect();
            assert_eq!(zkhash(&inputs), big_endian(digest), "{inputs:?}");
        }
    }

    #[test]
    fn the_answers_of_lip_200_are_met_in_compression_mode() {
        let answers = [
            (0, 0, hex!("2ed1da00b14d635bd35b88ab49390d5c13c90da7e9e3a5f1ea69cd87a0aa3e82")),
            (1, 0, hex!("063c4e8cac9a858304f0035b069255b069288c2af698ececf362cd8ec8c96665")),
            (0, 1, hex!("222816f2669279d4c256ed2f196e8b0d54df83d35d61811bac36ea4e858483fc")),
            (1, 1, hex!("277530b5f2b87dfe4535f43bb1998eda77736b4b05d15d983503566743c88031")),
        ];
        for (left, right, node) in answers {
            let [left, right]: [Fr; 2] = [left, right].map(|input: u64| Fr::from(input));
            assert_eq!(zkcompress(left, right), big_endian(node));
        }
    }

    #[test]
    fn the_answers_of_lip_153_are_met() {
        let permuted = permute(Constants::Storage, [0u64, 1, 2].map(Fr::from));
        let expected = [
            hex!("30610a447b7dec194697fb50786aa7421494bd64c221ba4d3b1af25fb07bd103"),
            hex!("13f731d6ffbad391be22d2ac364151849e19fa38eced4e761bcd21dbdc600288"),
            hex!("1433e2c8f68382c447c5c14b8b3df7cbfd9273dd655fe52f1357c27150da786f"),
        ];
        assert_eq!(permuted, expected.map(big_endian));
        let answers = [
            (
                NodeKind::Inner,
                [1234u64, 5678],
                hex!("152ef46ec26a9afb6748e7fff3f75081af33f84b77d2afa05207509fb63ec4a6"),
            ),
            (
                NodeKind::Bottom,
                [6666, 7777],
                hex!("04f222443879d40e17174f08adfd76c23d515d370e351f5d5da69a41d84dc48a"),
            ),
            (
                NodeKind::OddInner,
                [9876, 5432],
                hex!("1ddd85a82b30a09cded68735a8fb9a353e6448f64f28f96a6f0e495b4e50f372"),
            ),
            (
                NodeKind::OddBottom,
                [1133, 5577],
                hex!("222eda4baf17bf55f2167e6c9cd8828b8cb1762cfc61ec3195892ebc38d5d478"),
            ),
        ];
        for (kind, children, node) in answers {
            let [left, right] = children.map(Fr::from);
            assert_eq!(storage_node(kind, left, right), big_endian(node));
        }
    }

    /// nim-poseidon2 `tests/poseidon2/testSponge.nim`, rate 2, old constants: the elements 1 to n.
    #[test]
    fn the_sponge_of_storage_absorbs_as_nim_poseidon2() {
        let answers = [
            "19499082269592267598445447545057958665614609297846978854367973542689225942769",
            "18575012789231469229884764324941297325518518125159947154666143736134627612926",
            "8497041170554791294461959662381834821683188757759653310126334787903454881833",
            "7477361136953606818741895260704612015724121297282898803513690475311354933324",
            "124468679175306239235509344657309567209200730228442938605071013597332255858",
            "16623067489256565233778087665060282683386099247772442960143578746217625299219",
        ];
        for (count, answer) in (0u64..).zip(answers) {
            let elements: Vec<Fr> = (1..=count).map(Fr::from).collect();
            assert_eq!(storage_sponge(storage_elements_domain(), &elements).to_string(), answer);
        }
    }
}
