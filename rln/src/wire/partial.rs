//! zerokit's partial proofs.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use logos_crypto::codec::{Reader, Writer};
use logos_crypto::hazmat::to_ark;
use thiserror::Error;
use zeroize::Zeroize;

use super::points::WirePoint;
use super::{ProofPoint, SecretBytes, WireError, fields};
use crate::circuit::{Assignment, Circuit, Layout, Sponges, fill_fixed};
use crate::key::{CeremonyKey, KeyError, PointChecks};
use crate::membership::{Membership, MembershipError};
use crate::partial::PartialProof;
use crate::prover::{ProveError, Prover};

/// Most wires of a partial proof: more than any circuit here has.
const MAX_WIRES: usize = 1 << 16;
/// Bytes of the four points.
const POINT_BYTES: usize = 3 * 32 + 64;

/// Why a partial proof of zerokit is not one of a membership.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdoptError {
    /// The membership does not fit the circuit.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// It is of another circuit: it knows another number of wires, or others of them.
    #[error("the partial proof is of another circuit")]
    OtherCircuit,
    /// Its points are those of another member, limit or root.
    #[error("the partial proof is not this membership's")]
    OtherMembership,
}

/// A partial proof as zerokit 3.0 keeps it.
///
/// It cannot be finished without the membership it was made for, which is in none of its bytes,
/// and [`Prover::adopt`] takes both.
///
/// # Security
///
/// Its points are sums of the identity secret: whoever has them can test guesses of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ForeignPartial {
    /// Which wires are known, without wire 0.
    mask: Vec<bool>,
    a: G1Affine,
    /// `B` in G1.
    rho: G1Affine,
    b: G2Affine,
    /// The `L` part of `C`.
    c: G1Affine,
}

impl ForeignPartial {
    /// Encodes the partial proof: 6011 bytes for the deployed single circuit, 7568 for the multi.
    ///
    /// | bytes | content |
    /// |---|---|
    /// | 8 + 1 a wire | which wires but wire 0 are known, a byte each |
    /// | 32 | `A` |
    /// | 32 | `B` in G1 |
    /// | 64 | `B` |
    /// | 32 | `C` |
    ///
    /// Least significant byte first, points compressed as in a [`Proof`](crate::Proof).
    #[must_use]
    pub fn to_bytes(&self) -> SecretBytes {
        let length = fields::list_bytes(self.mask.len(), 1) + POINT_BYTES;
        let mut writer = Writer::with_capacity(length);
        writer.u64_le(self.mask.len() as u64);
        for known in &self.mask {
            writer.u8(u8::from(*known));
        }
        self.a.write(&mut writer);
        self.rho.write(&mut writer);
        self.b.write(&mut writer);
        self.c.write(&mut writer);
        SecretBytes::new(writer.into_bytes())
    }

    /// Decodes what [`ForeignPartial::to_bytes`] writes.
    ///
    /// # Errors
    ///
    /// [`WireError::Decode`] for a wrong length or more wires than any circuit has,
    /// [`WireError::NotABool`], or an error of a point; the point of `B` in G1 goes by the name
    /// [`ProofPoint::B`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let count = reader.u64_le()?;
        let count = reader.checked_count(count, MAX_WIRES, 1)?;
        let mask = reader.take(count)?.iter().copied().map(fields::answer);
        let partial = Self {
            mask: mask.collect::<Result<_, _>>()?,
            a: G1Affine::read(&mut reader, ProofPoint::A)?,
            rho: G1Affine::read(&mut reader, ProofPoint::B)?,
            b: G2Affine::read(&mut reader, ProofPoint::B)?,
            c: G1Affine::read(&mut reader, ProofPoint::C)?,
        };
        reader.finish()?;
        Ok(partial)
    }
}

impl core::fmt::Debug for ForeignPartial {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { mask, a: _, rho: _, b: _, c: _ } = self;
        f.debug_struct("ForeignPartial").field("wires", &mask.len()).finish_non_exhaustive()
    }
}

impl Prover {
    /// Takes over a partial proof of zerokit, to finish it here.
    ///
    /// Its `A` and `B` are compared with the membership's own, which makes this as costly as
    /// [`Prover::partial`]: what it saves is the doubt whether both sides mean the same. Its `C`
    /// is of zerokit's key and stays behind.
    ///
    /// # Errors
    ///
    /// One [`AdoptError`] a reason; [`AdoptError::OtherMembership`] also for a stale root.
    pub fn adopt(
        &self,
        foreign: &ForeignPartial,
        membership: &Membership,
    ) -> Result<PartialProof, AdoptError> {
        if foreign.mask != mask(&self.key.layout) {
            return Err(AdoptError::OtherCircuit);
        }
        let partial = self.partial(membership)?;
        let own = (partial.points.a.into_affine(), partial.points.b.into_affine());
        if own != (foreign.a, foreign.b) {
            return Err(AdoptError::OtherMembership);
        }
        Ok(partial)
    }
}

/// The points that zerokit's partial proofs are summed from, for writing them: more than a
/// [`ProvingKey`](crate::ProvingKey) holds, which needs no `B` in G1 and has its `C` in another
/// form.
pub struct PartialKey {
    circuit: Circuit,
    sponges: Sponges,
    key: CeremonyKey,
}

impl PartialKey {
    /// Reads the key format of zerokit.
    ///
    /// # Errors
    ///
    /// As [`ProvingKey::from_arkzkey`](crate::ProvingKey::from_arkzkey).
    pub fn from_arkzkey(bytes: &[u8], checks: PointChecks<'_>) -> Result<Self, KeyError> {
        let key = CeremonyKey::from_arkzkey(bytes, checks.wanted(bytes))?;
        let sponges = Sponges::new();
        let (circuit, _) = key.recognise(&sponges)?;
        Ok(Self { circuit, sponges, key })
    }

    /// The circuit the key is for.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Makes a partial proof that zerokit can finish: four sums of as many points as a membership
    /// fixes wires, a tenth of a second or two.
    ///
    /// # Errors
    ///
    /// One [`MembershipError`] a reason.
    pub fn partial(&self, membership: &Membership) -> Result<ForeignPartial, MembershipError> {
        membership.check(&self.circuit)?;
        let layout = Layout::new(self.circuit);
        let known = KnownWires::new(&layout, &fill_fixed(&layout, &self.sponges, membership));
        let (key, inputs) = (&self.key, self.key.vk.inputs.len());
        let a: G1Projective = known.sum(&key.a, 0);
        let rho: G1Projective = known.sum(&key.b_in_g1, 0);
        let b: G2Projective = known.sum(&key.b, 0);
        let c: G1Projective = known.sum(&key.l, inputs);
        Ok(ForeignPartial {
            mask: mask(&layout),
            a: (a + key.vk.alpha_g1).into_affine(),
            rho: (rho + key.beta_g1).into_affine(),
            b: (b + key.vk.beta_g2).into_affine(),
            c: c.into_affine(),
        })
    }
}

impl core::fmt::Debug for PartialKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PartialKey").field("circuit", &self.circuit).finish_non_exhaustive()
    }
}

/// The values of the wires that a membership fixes; wiped on drop.
struct KnownWires {
    wires: Vec<usize>,
    values: Vec<ark_bn254::Fr>,
}

impl KnownWires {
    fn new(layout: &Layout, assignment: &Assignment) -> Self {
        let wires: Vec<usize> = (0..layout.n_wires).filter(|wire| layout.is_fixed(*wire)).collect();
        let values = wires.iter().map(|wire| to_ark(&assignment.wire(*wire))).collect();
        Self { wires, values }
    }

    /// The sum of these wires' points, where the first point is that of wire `first`.
    fn sum<P, G>(&self, points: &[P], first: usize) -> G
    where
        P: AffineRepr<Group = G>,
        G: VariableBaseMSM<MulBase = P, ScalarField = ark_bn254::Fr>,
    {
        let (mut bases, mut scalars) = (Vec::new(), Vec::new());
        for (wire, value) in self.wires.iter().zip(&self.values) {
            if let Some(point) = wire.checked_sub(first).and_then(|index| points.get(index)) {
                bases.push(*point);
                scalars.push(*value);
            }
        }
        let sum = G::msm_unchecked(&bases, &scalars);
        scalars.iter_mut().for_each(|scalar| scalar.0.0.zeroize());
        sum
    }
}

impl Drop for KnownWires {
    fn drop(&mut self) {
        self.values.iter_mut().for_each(|value| value.0.0.zeroize());
    }
}

/// Which wires a membership fixes, without wire 0.
fn mask(layout: &Layout) -> Vec<bool> {
    (1..layout.n_wires).map(|wire| layout.is_fixed(wire)).collect()
}

#[cfg(test)]
mod tests {
    use logos_crypto::Fr;
    use logos_crypto::codec::DecodeError;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::circuit::CircuitKind;
    use crate::identity::IdentitySecret;
    use crate::limit::MessageLimit;
    use crate::membership::MerklePath;
    use crate::setup::development_setup;

    fn member(sibling: u64) -> Membership {
        let path = MerklePath::new([Fr::from(sibling)].into(), 1).unwrap();
        let secret = IdentitySecret::from_field(Fr::from(7u64)).unwrap();
        Membership::new(secret, MessageLimit::new(3).unwrap(), path)
    }

    fn keys() -> (PartialKey, Prover) {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let circuit = Circuit::new(1, 2, CircuitKind::Single).unwrap();
        let key = development_setup(circuit, &mut rng);
        let partial = PartialKey::from_arkzkey(&key.to_arkzkey(), PointChecks::All).unwrap();
        (partial, Prover::new(key.prepare(&mut |_| ()).unwrap()))
    }

    #[test]
    fn a_partial_proof_goes_out_and_comes_back() {
        let (key, prover) = keys();
        let written = key.partial(&member(5)).unwrap();
        let bytes = written.to_bytes();
        let read = ForeignPartial::from_bytes(bytes.expose()).unwrap();
        assert_eq!(read, written);
        let adopted = prover.adopt(&read, &member(5)).unwrap();
        assert_eq!(adopted.root(), member(5).root());
    }

    #[test]
    fn the_partial_proof_of_another_root_is_refused() {
        let (key, prover) = keys();
        let written = key.partial(&member(5)).unwrap();
        let adopted = prover.adopt(&written, &member(6));
        assert_eq!(adopted.err(), Some(AdoptError::OtherMembership));
        let mut other = written;
        other.mask[0] ^= true;
        let adopted = prover.adopt(&other, &member(5));
        assert_eq!(adopted.err(), Some(AdoptError::OtherCircuit));
    }

    #[test]
    fn damaged_partial_proofs_are_refused() {
        let (key, _) = keys();
        let whole = key.partial(&member(5)).unwrap().to_bytes().expose().to_vec();
        let refusal = |bytes: &[u8]| ForeignPartial::from_bytes(bytes).err();
        for end in 0..whole.len() {
            let truncated = refusal(&whole[..end]);
            assert!(matches!(truncated, Some(WireError::Decode(DecodeError::Truncated { .. }))));
        }
        let mut bytes = whole.clone();
        bytes.push(0);
        assert_eq!(refusal(&bytes), Some(DecodeError::Trailing { extra: 1 }.into()));
        let mut bytes = whole.clone();
        bytes[8] = 2;
        assert_eq!(refusal(&bytes), Some(WireError::NotABool { value: 2 }));
        for claimed in [1u64 << 31, 1 << 60, u64::MAX] {
            let mut bytes = whole.clone();
            bytes[..8].copy_from_slice(&claimed.to_le_bytes());
            let error = DecodeError::TooLong { length: claimed, bound: 65_536 };
            assert_eq!(refusal(&bytes), Some(error.into()));
        }
    }
}
