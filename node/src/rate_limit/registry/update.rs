//! One update as bytes.
//!
//! | offset | bytes | content |
//! |---|---|---|
//! | 0 | 1 | [`TAG`] |
//! | 1 | 32 | the group |
//! | 33 | 8 | number in the log |
//! | 41 | 32 | hash of the update before, of the group for the first |
//! | 73 | 1 | 0 to register, 1 to remove |
//! | 74 | 32 or 8 | the leaf, or its place |
//! | | 1 | which of the registrars |
//! | | 64 | its signature over [`LABEL`] and all before |
//!
//! Numbers have their least significant byte first.

use logos_crypto::Fr;
use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::keys::{Signature, SigningKey, VerifyingKey};
use logos_rln::RateCommitment;

use super::{Operation, RegistryError};

/// The first byte of every update.
pub(super) const TAG: u8 = 0x55;
/// Keeps these signatures apart from others of the same key.
const LABEL: &[u8] = b"logos registry update 1\0";

const REGISTER: u8 = 0;
const REMOVE: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) group: [u8; 32],
    pub(super) sequence: u64,
    pub(super) parent: [u8; 32],
    pub(super) operation: Operation,
    pub(super) registrar: u8,
}

impl Update {
    /// The update's bytes with its signature.
    pub(super) fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let mut bytes = self.unsigned();
        let signature = key.sign(&[LABEL, &bytes].concat());
        bytes.extend_from_slice(signature.as_bytes());
        bytes
    }

    pub(super) fn verify(
        &self,
        registrar: &VerifyingKey,
        signature: &Signature,
    ) -> Result<(), RegistryError> {
        let signed = [LABEL, &self.unsigned()].concat();
        registrar.verify(&signed, signature).map_err(|_| RegistryError::Signature)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Self, Signature), RegistryError> {
        let mut reader = Reader::new(bytes);
        expect(&mut reader, TAG)?;
        let group = *reader.array()?;
        let sequence = reader.u64_le()?;
        let parent = *reader.array()?;
        let operation = match reader.u8()? {
            REGISTER => Operation::Register(leaf(reader.array()?)?),
            REMOVE => Operation::Remove(reader.u64_le()?),
            tag => return Err(DecodeError::UnknownTag { tag }.into()),
        };
        let registrar = reader.u8()?;
        let signature = Signature::from_bytes(*reader.array()?);
        reader.finish()?;
        Ok((Self { group, sequence, parent, operation, registrar }, signature))
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(171);
        writer.u8(TAG).put(&self.group).u64_le(self.sequence).put(&self.parent);
        match self.operation {
            Operation::Register(leaf) => writer.u8(REGISTER).put(&leaf.to_field().to_bytes()),
            Operation::Remove(index) => writer.u8(REMOVE).u64_le(index),
        };
        writer.u8(self.registrar);
        writer.into_bytes()
    }
}

fn expect(reader: &mut Reader<'_>, expected: u8) -> Result<(), DecodeError> {
    match reader.u8()? {
        tag if tag == expected => Ok(()),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

/// A leaf that a member can have: canonical and not the empty one.
fn leaf(bytes: &[u8; 32]) -> Result<RateCommitment, RegistryError> {
    match Fr::from_bytes(bytes) {
        Ok(leaf) if !leaf.is_zero() => Ok(RateCommitment::from_field(leaf)),
        _ => Err(RegistryError::Leaf),
    }
}
