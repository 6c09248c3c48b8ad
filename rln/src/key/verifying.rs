//! The part of a key a verifier needs.

use alloc::vec::Vec;

use ark_bn254::{G1Affine, G2Affine};
use logos_crypto::codec::{Reader, Writer};

use super::KeyError;
use super::Query;
use super::points::{G1_BYTES, KeyPoint, check, read_points};
use crate::circuit::{Circuit, CircuitKind};

/// Distinguishes a verifying key from other files.
const MAGIC: &[u8; 8] = b"rln-vk\0\x01";

/// A Groth16 verifying key and the circuit it is for: about a kilobyte.
///
/// | bytes | content |
/// |---|---|
/// | 8 | magic `rln-vk` and version 1 |
/// | 3 | depth, limit bits, slots (0 for the single-message-id circuit) |
/// | 64, 3 x 128 | `alpha` in G1; `beta`, `gamma`, `delta` in G2 |
/// | 64 a point | input points: one for the constant, one a public signal |
///
/// Points are Montgomery words, least significant first, `x` before `y`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    pub(crate) circuit: Circuit,
    pub(crate) alpha_g1: G1Affine,
    pub(crate) beta_g2: G2Affine,
    pub(crate) gamma_g2: G2Affine,
    pub(crate) delta_g2: G2Affine,
    pub(crate) inputs: Vec<G1Affine>,
}

impl VerifyingKey {
    /// The circuit this key is for.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// Encodes the key.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(512 + self.inputs.len() * G1_BYTES);
        writer.put(MAGIC);
        self.write(&mut writer);
        writer.into_bytes()
    }

    /// Decodes a key and checks every point.
    ///
    /// # Errors
    ///
    /// One [`KeyError`] a defect.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC {
            return Err(KeyError::Format);
        }
        let key = Self::read(&mut reader)?;
        reader.finish()?;
        check(&[key.alpha_g1], Query::Verifying)?;
        check(&[key.beta_g2, key.gamma_g2, key.delta_g2], Query::Verifying)?;
        check(&key.inputs, Query::Verifying)?;
        Ok(key)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        write_circuit(&self.circuit, writer);
        self.alpha_g1.write_words(writer);
        for point in [self.beta_g2, self.gamma_g2, self.delta_g2] {
            point.write_words(writer);
        }
        self.inputs.iter().for_each(|point| point.write_words(writer));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, KeyError> {
        let circuit = read_circuit(reader)?;
        Ok(Self {
            circuit,
            alpha_g1: G1Affine::read_words(reader)?,
            beta_g2: G2Affine::read_words(reader)?,
            gamma_g2: G2Affine::read_words(reader)?,
            delta_g2: G2Affine::read_words(reader)?,
            inputs: read_points(reader, circuit.n_public() + 1, G1Affine::read_words)?,
        })
    }
}

fn write_circuit(circuit: &Circuit, writer: &mut Writer) {
    let slots = match circuit.kind() {
        CircuitKind::Single => 0,
        CircuitKind::Multi { slots } => slots,
    };
    writer.u8(circuit.depth()).u8(circuit.limit_bits()).u8(slots);
}

fn read_circuit(reader: &mut Reader<'_>) -> Result<Circuit, KeyError> {
    let [depth, limit_bits, slots] = *reader.array()?;
    let kind = match slots {
        0 => CircuitKind::Single,
        slots => CircuitKind::Multi { slots },
    };
    Circuit::new(depth, limit_bits, kind).map_err(|_| KeyError::Format)
}
