//! Keys for other circuits, made on the spot: for development, **not for production**.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::PrimeGroup;
use ark_ec::scalar_mul::ScalarMul;
use ark_ff::{AdditiveGroup, Field};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use logos_crypto::Fr;
use logos_crypto::hazmat::to_ark;
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::circuit::{Circuit, ConstraintSystem, Layout, SparseMatrix, Sponges, constraints};
use crate::key::{CeremonyKey, KeyError, ProvingKey, RawVerifyingKey};

type Scalar = ark_bn254::Fr;
type Domain = Radix2EvaluationDomain<Scalar>;

/// Makes a key for a circuit of any size: **not for production**.
///
/// Whoever runs this, and whoever can predict `rng`, can forge proofs under the key: no ceremony
/// spreads the knowledge over many. It exists so that other depths, limits and slots can be tried
/// before a ceremony is held for them. Costs about a quarter of a second for the deployed sizes,
/// and [`DevelopmentKey::prepare`] some seconds more.
///
/// # Examples
///
/// ```
/// use logos_rln::{Circuit, CircuitKind, development_setup};
/// # use rand_core::SeedableRng;
/// # let mut rng = rand_chacha::ChaCha20Rng::from_seed([0; 32]);
///
/// let circuit = Circuit::new(2, 4, CircuitKind::Single)?;
/// let key = development_setup(circuit, &mut rng).prepare(&mut |_| ())?;
/// assert_eq!(key.circuit(), circuit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn development_setup(circuit: Circuit, rng: &mut (impl CryptoRng + ?Sized)) -> DevelopmentKey {
    let layout = Layout::new(circuit);
    let system = constraints(&layout, &Sponges::new());
    let domain = domain(circuit.domain_size());
    let trapdoor = Trapdoor::draw(&domain, rng);
    let columns = Columns::evaluate(&circuit, &system, &domain, &trapdoor);
    DevelopmentKey { key: columns.into_key(&circuit, system, &domain, &trapdoor) }
}

/// A key somebody made alone: **not for production**. See [`development_setup`].
pub struct DevelopmentKey {
    key: CeremonyKey,
}

impl DevelopmentKey {
    /// Prepares the key for proving: seconds. `progress` is told the part done, from 0 to 1.
    ///
    /// # Errors
    ///
    /// None is known; a [`KeyError`] would mean that the circuit contradicts itself.
    pub fn prepare(self, progress: &mut dyn FnMut(f32)) -> Result<ProvingKey, KeyError> {
        self.key.prepare(progress)
    }

    /// The key in the format of zerokit, which verifies with it. Proving there takes a witness
    /// graph besides.
    #[must_use]
    pub fn to_arkzkey(&self) -> Vec<u8> {
        self.key.to_arkzkey()
    }

    /// The key in the format of snarkjs, with no record of contributions.
    #[must_use]
    pub fn to_zkey(&self) -> Vec<u8> {
        self.key.to_zkey()
    }
}

impl core::fmt::Debug for DevelopmentKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DevelopmentKey").field("wires", &self.key.a.len()).finish_non_exhaustive()
    }
}

/// What must be forgotten once the key is made; wiped on drop. `gamma` is one.
struct Trapdoor {
    tau: Scalar,
    alpha: Scalar,
    beta: Scalar,
    delta: Scalar,
    delta_inverse: Scalar,
}

impl Trapdoor {
    fn draw(domain: &Domain, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut draw = || to_ark(&Fr::random(rng));
        loop {
            let (tau, alpha, beta, delta) = (draw(), draw(), draw(), draw());
            // On the domain the vanishing polynomial is zero and the key would be hollow.
            let vanishes = domain.evaluate_vanishing_polynomial(tau) == Scalar::ZERO;
            match delta.inverse() {
                Some(delta_inverse) if !vanishes => {
                    return Self { tau, alpha, beta, delta, delta_inverse };
                }
                _ => {}
            }
        }
    }
}

impl Drop for Trapdoor {
    fn drop(&mut self) {
        let Self { tau, alpha, beta, delta, delta_inverse } = self;
        for value in [tau, alpha, beta, delta, delta_inverse] {
            value.0.0.zeroize();
        }
    }
}

/// The wires' polynomials at `tau`; secret as the trapdoor is.
struct Columns {
    a: Vec<Scalar>,
    b: Vec<Scalar>,
    /// `beta A + alpha B + C`.
    mixed: Vec<Scalar>,
}

impl Columns {
    fn evaluate(
        circuit: &Circuit,
        system: &ConstraintSystem,
        domain: &Domain,
        trapdoor: &Trapdoor,
    ) -> Self {
        let lagrange = domain.evaluate_all_lagrange_coefficients(trapdoor.tau);
        let n_wires = circuit.n_wires();
        let mut a = column_sums(&system.a, &lagrange, n_wires);
        // Groth16 adds a row a public signal, which keeps their polynomials apart.
        let consistency = lagrange.iter().skip(circuit.n_constraints());
        for (sum, row) in a.iter_mut().zip(consistency).take(circuit.n_public() + 1) {
            *sum += row;
        }
        let b = column_sums(&system.b, &lagrange, n_wires);
        let c = column_sums(&system.c, &lagrange, n_wires);
        let mixed = a.iter().zip(&b).zip(&c);
        let mixed = mixed.map(|((a, b), c)| trapdoor.beta * a + trapdoor.alpha * b + c).collect();
        Self { a, b, mixed }
    }

    fn into_key(
        self,
        circuit: &Circuit,
        system: ConstraintSystem,
        domain: &Domain,
        trapdoor: &Trapdoor,
    ) -> CeremonyKey {
        let n_inputs = circuit.n_public() + 1;
        let (inputs, private) = self.mixed.split_at(n_inputs.min(self.mixed.len()));
        let l: Vec<Scalar> = private.iter().map(|value| trapdoor.delta_inverse * value).collect();
        let in_g1 = g1(&[trapdoor.alpha, trapdoor.beta, trapdoor.delta]);
        let [alpha_g1, beta_g1, delta_g1] = fixed(&in_g1);
        let in_g2 = g2(&[trapdoor.beta, Scalar::ONE, trapdoor.delta]);
        let [beta_g2, gamma_g2, delta_g2] = fixed(&in_g2);
        CeremonyKey {
            vk: RawVerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, inputs: g1(inputs) },
            beta_g1,
            delta_g1,
            a: g1(&self.a),
            b_in_g1: g1(&self.b),
            b: g2(&self.b),
            h: g1(&quotient_scalars(domain, trapdoor)),
            l: g1(&l),
            a_matrix: system.a,
            b_matrix: system.b,
        }
    }
}

impl Drop for Columns {
    fn drop(&mut self) {
        let Self { a, b, mixed } = self;
        a.iter_mut().chain(b).chain(mixed).for_each(|value| value.0.0.zeroize());
    }
}

/// The `H` query as snarkjs has it: powers of `tau` up to the degree of `A B`, in the Lagrange
/// form of a domain twice as large, of which the odd points are kept.
fn quotient_scalars(half: &Domain, trapdoor: &Trapdoor) -> Vec<Scalar> {
    let size = 2 * half.size();
    let next = |power: &Scalar| Some(*power * trapdoor.tau);
    let powers = core::iter::successors(Some(trapdoor.delta_inverse), next);
    let mut scalars: Vec<Scalar> = powers.take(size - 1).collect();
    domain(size).ifft_in_place(&mut scalars);
    let odd = scalars.iter().copied().skip(1).step_by(2).collect();
    scalars.iter_mut().for_each(|scalar| scalar.0.0.zeroize());
    odd
}

/// The domain of a circuit, or one twice as large.
#[expect(clippy::expect_used, reason = "the largest circuit's domain has 2^16 points, of 2^28")]
fn domain(size: usize) -> Domain {
    Radix2EvaluationDomain::new(size).expect("the field has roots of unity of this order")
}

/// `sum_row matrix[row][wire] L_row`, one a wire.
fn column_sums(matrix: &SparseMatrix, lagrange: &[Scalar], n_wires: usize) -> Vec<Scalar> {
    let mut sums = alloc::vec![Scalar::ZERO; n_wires];
    for (row, value) in matrix.rows().zip(lagrange) {
        for (wire, coefficient) in row {
            if let Some(sum) = sums.get_mut(*wire as usize) {
                *sum += to_ark(coefficient) * value;
            }
        }
    }
    sums
}

fn g1(scalars: &[Scalar]) -> Vec<G1Affine> {
    G1Projective::generator().batch_mul(scalars)
}

fn g2(scalars: &[Scalar]) -> Vec<G2Affine> {
    G2Projective::generator().batch_mul(scalars)
}

/// The first points as an array; the rest of it is at infinity.
fn fixed<P: Copy + Default, const N: usize>(points: &[P]) -> [P; N] {
    core::array::from_fn(|i| points.get(i).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests;
