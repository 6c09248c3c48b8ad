//! Calls into the published crate `rln` 3.0.0, one function each, for the browser benchmark.

use rln::prelude::{
    ArkGroth16Backend, CanonicalDeserialize, CanonicalSerialize, Fr, PartialProof, PoseidonHash,
    Proof, RLN, RLNBuilder, RLNMerkleProof, RLNPartialWitnessInput, RLNProofValues,
    RLNWitnessInput, SecretFr, Stateless, graph_from_raw, zkey_from_raw,
};
use wasm_bindgen::prelude::wasm_bindgen;

/// What fails, as JavaScript gets it.
type Result<T> = std::result::Result<T, String>;

/// zerokit's prover on the key it ships, with one statement.
#[wasm_bindgen]
pub struct Peer {
    rln: RLN<Stateless, ArkGroth16Backend<PoseidonHash>>,
    witness: RLNWitnessInput,
    partial: Option<PartialProof>,
    made: Option<(Proof, RLNProofValues)>,
}

#[wasm_bindgen]
impl Peer {
    /// Loads the circuit and the key that zerokit ships, and takes the statement: a secret and a
    /// path of 32 bytes a level, for message id 0 of the leaf 0 with a limit of 100.
    pub fn create(
        graph: &[u8],
        zkey: &[u8],
        secret: &[u8],
        path: &[u8],
        x: &[u8],
        epoch: &[u8],
    ) -> Result<Peer> {
        let path: Vec<Fr> = path.chunks(32).map(element).collect::<Result<_>>()?;
        let depth = path.len();
        let witness = RLNWitnessInput::new_single()
            .identity_secret(SecretFr::from(&mut element(secret)?))
            .user_message_limit(Fr::from(100u64))
            .merkle_proof(RLNMerkleProof::new(path, vec![0; depth]))
            .x(element(x)?)
            .external_nullifier(element(epoch)?)
            .message_id(Fr::from(0u64))
            .build()
            .map_err(text)?;
        let graph = graph_from_raw(graph, Some(depth), None).map_err(text)?;
        let zkey = zkey_from_raw(zkey).map_err(text)?;
        let rln = RLNBuilder::stateless().graph(graph).zkey(zkey).build();
        Ok(Self { rln, witness, partial: None, made: None })
    }

    /// A whole proof: `RLN::generate_proof`.
    pub fn prove(&mut self) -> Result<()> {
        self.made = Some(self.rln.generate_proof(&self.witness).map_err(text)?);
        Ok(())
    }

    /// What can be computed before the message is known: `RLN::generate_partial_proof`.
    pub fn partial(&mut self) -> Result<()> {
        let known = RLNPartialWitnessInput::from(&self.witness);
        self.partial = Some(self.rln.generate_partial_proof(&known).map_err(text)?);
        Ok(())
    }

    /// The rest of a proof: `RLN::finish_proof`.
    pub fn finish(&mut self) -> Result<()> {
        let partial = self.partial.as_ref().ok_or("no partial proof")?;
        self.made = Some(self.rln.finish_proof(partial, &self.witness).map_err(text)?);
        Ok(())
    }

    /// The pairing check: `RLN::verify`.
    pub fn verify(&self) -> Result<bool> {
        let (proof, values) = self.made.as_ref().ok_or("no proof")?;
        self.rln.verify(proof, values).map_err(text)
    }

    /// The last proof as 289 bytes.
    pub fn proof(&self) -> Result<Vec<u8>> {
        let (proof, values) = self.made.as_ref().ok_or("no proof")?;
        let mut bytes = Vec::with_capacity(289);
        proof.serialize_compressed(&mut bytes).map_err(text)?;
        values.serialize_compressed(&mut bytes).map_err(text)?;
        Ok(bytes)
    }
}

fn element(bytes: &[u8]) -> Result<Fr> {
    Fr::deserialize_compressed(bytes).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
