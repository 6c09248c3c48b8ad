//! zerokit: `rln` 3.0.0 without its `parallel` feature, on the key it ships.
//!
//! Every function is one call into its public interface, so that what is timed is theirs alone.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rln::prelude::{
    ArkGroth16Backend, CanonicalDeserialize, CanonicalSerialize, Fr, Graph, Hasher, PartialProof,
    PoseidonHash, Proof, RLN, RLNBuilder, RLNMerkleProof, RLNPartialWitnessInput, RLNProof,
    RLNProofValues, RLNWitnessInput, SecretFr, Stateless, Zkey, default_graph_multi,
    default_graph_single, default_zkey_multi, default_zkey_single, zkey_from_raw,
};
use zerokit_utils::merkle_tree::{FullMerkleTree, ZerokitMerkleProof, ZerokitMerkleTree};

/// The name and version that figures are reported against.
pub const NAME: &str = "zerokit rln 3.0.0";
/// Depth of the deployed circuit's tree.
pub const DEPTH: usize = 20;

/// The witness input of a single-message-id proof, in bytes both implementations agree on: field
/// elements are 32 bytes, least significant first.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The identity secret.
    pub secret: [u8; 32],
    /// Messages allowed in an epoch.
    pub limit: u64,
    /// Which of them this is.
    pub message_id: u64,
    /// Siblings from the leaf to the root.
    pub path: Vec<[u8; 32]>,
    /// The leaf's index, whose bit `i` says on which side `path[i]` stands.
    pub index: u32,
    /// The message's hash.
    pub x: [u8; 32],
    /// The hash of epoch and application.
    pub external_nullifier: [u8; 32],
}

/// A proof and its public values as the peer holds them.
pub type Proven = (Proof, RLNProofValues);

/// zerokit's prover and verifier without a tree.
pub struct Peer {
    rln: RLN<Stateless, ArkGroth16Backend<PoseidonHash>>,
}

impl Default for Peer {
    fn default() -> Self {
        Self::single()
    }
}

impl Peer {
    /// On the published key of the single-message-id circuit.
    #[must_use]
    pub fn single() -> Self {
        Self { rln: RLNBuilder::stateless().build() }
    }

    /// On the published key of the multi-message-id circuit, four messages a proof.
    #[must_use]
    pub fn multi() -> Self {
        let (graph, zkey) = (default_graph_multi().clone(), default_zkey_multi().clone());
        Self { rln: RLNBuilder::stateless().graph(graph).zkey(zkey).build() }
    }

    /// On a key and a graph the caller loaded.
    #[must_use]
    pub fn with_key(zkey: Arc<Zkey>, graph: Arc<Graph>) -> Self {
        Self { rln: RLNBuilder::stateless().graph(graph).zkey(zkey).build() }
    }

    /// A whole proof: `RLN::generate_proof`.
    pub fn generate_proof(&self, witness: &RLNWitnessInput) -> Result<Proven> {
        Ok(self.rln.generate_proof(witness)?)
    }

    /// What can be computed before the message is known: `RLN::generate_partial_proof`.
    pub fn generate_partial_proof(&self, known: &RLNPartialWitnessInput) -> Result<PartialProof> {
        Ok(self.rln.generate_partial_proof(known)?)
    }

    /// The rest of a proof: `RLN::finish_proof`.
    pub fn finish_proof(&self, part: &PartialProof, witness: &RLNWitnessInput) -> Result<Proven> {
        Ok(self.rln.finish_proof(part, witness)?)
    }

    /// The pairing check alone: `RLN::verify`.
    pub fn verify(&self, (proof, values): &Proven) -> Result<bool> {
        Ok(self.rln.verify(proof, values)?)
    }

    /// Signal, root window and pairing check: `RLN::verify_with_roots`.
    pub fn verify_with_roots(
        &self,
        (proof, values): &Proven,
        x: &Fr,
        roots: &[Fr],
    ) -> Result<bool> {
        Ok(self.rln.verify_with_roots(proof, values, x, roots)?)
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").finish_non_exhaustive()
    }
}

/// The peer's form of a statement.
pub fn witness(statement: &Statement) -> Result<RLNWitnessInput> {
    let path = statement.path.iter().map(element).collect::<Result<Vec<_>>>()?;
    let sides = (0..path.len()).map(|level| u8::from(statement.index >> level & 1 == 1)).collect();
    Ok(RLNWitnessInput::new_single()
        .identity_secret(secret(&statement.secret)?)
        .user_message_limit(Fr::from(statement.limit))
        .merkle_proof(RLNMerkleProof::new(path, sides))
        .x(element(&statement.x)?)
        .external_nullifier(element(&statement.external_nullifier)?)
        .message_id(Fr::from(statement.message_id))
        .build()?)
}

/// The part of a witness that is known before the message.
#[must_use]
pub fn partial_witness(witness: &RLNWitnessInput) -> RLNPartialWitnessInput {
    RLNPartialWitnessInput::from(witness)
}

/// A proof as 289 bytes: the proof and its values.
pub fn proof_to_bytes((proof, values): &Proven) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(289);
    proof.serialize_compressed(&mut bytes)?;
    values.serialize_compressed(&mut bytes)?;
    Ok(bytes)
}

/// A proof from 289 bytes, with the peer's own checks of the points.
pub fn proof_from_bytes(mut bytes: &[u8]) -> Result<Proven> {
    // The peer aborts on some hostile lengths, so only the one honest length gets through.
    ensure!(bytes.len() == 289 && bytes.get(128) == Some(&0), "a single proof has 289 bytes");
    RLNProof::deserialize_compressed(bytes)?;
    Ok((
        Proof::deserialize_compressed(&mut bytes)?,
        RLNProofValues::deserialize_compressed(&mut bytes)?,
    ))
}

/// A field element as the peer holds it.
pub type Element = Fr;

/// The hash of a message: `hash_to_field_le`.
#[must_use]
pub fn hash_to_field(message: &[u8]) -> Element {
    rln::prelude::hash_to_field_le(message)
}

/// A field element from its canonical bytes.
pub fn element(bytes: &[u8; 32]) -> Result<Fr> {
    Ok(Fr::deserialize_compressed(&bytes[..])?)
}

/// A field element's canonical bytes.
pub fn element_to_bytes(element: &Fr) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    element.serialize_compressed(&mut bytes[..])?;
    Ok(bytes)
}

fn secret(bytes: &[u8; 32]) -> Result<SecretFr> {
    Ok(SecretFr::from(&mut element(bytes)?))
}

/// The peer's Poseidon of two elements.
#[must_use]
pub fn hash_pair(left: Fr, right: Fr) -> Fr {
    Hasher::<PoseidonHash>::hash_pair(left, right)
}

/// A member's leaf: the hash of its commitment and its limit.
pub fn rate_commitment(secret: &[u8; 32], limit: u64) -> Result<Fr> {
    let commitment = Hasher::<PoseidonHash>::hash_single(element(secret)?);
    Ok(hash_pair(commitment, Fr::from(limit)))
}

/// The peer's fastest tree, all nodes in memory.
pub type Tree = FullMerkleTree<PoseidonHash>;

/// Builds a tree of `leaves` in one batch.
pub fn build_tree(leaves: &[Fr]) -> Result<Tree> {
    let mut tree = <Tree as ZerokitMerkleTree>::default(DEPTH)?;
    tree.set_range(0, leaves.iter().copied())?;
    Ok(tree)
}

/// The root's bytes.
pub fn root(tree: &Tree) -> Result<[u8; 32]> {
    element_to_bytes(&tree.root())
}

/// Takes the membership path of a leaf out of a tree, siblings and sides.
pub fn proof_query(tree: &Tree, index: usize) -> Result<(Vec<Fr>, Vec<u8>)> {
    let proof = tree.proof(index)?;
    Ok((proof.get_path_elements(), proof.get_path_index()))
}

/// The published single-message-id key, as the bytes in which it is published.
pub fn key_bytes() -> Result<Vec<u8>> {
    key_to_bytes(default_zkey_single())
}

/// Proving key, six counts, then the matrices: the `arkzkey` layout, uncompressed.
fn key_to_bytes((key, matrices): &Zkey) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(4 << 20);
    key.serialize_uncompressed(&mut bytes)?;
    let counts = [
        matrices.num_instance_variables,
        matrices.num_witness_variables,
        matrices.num_constraints,
        matrices.a_num_non_zero,
        matrices.b_num_non_zero,
        matrices.c_num_non_zero,
    ];
    for count in counts {
        count.serialize_uncompressed(&mut bytes)?;
    }
    for matrix in [&matrices.a, &matrices.b, &matrices.c] {
        matrix.serialize_uncompressed(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads a key and prepares the verifier; the graph is taken as loaded, which favours the peer.
/// It does not check the points.
pub fn load_key(bytes: &[u8]) -> Result<Peer> {
    Ok(Peer::with_key(Arc::new(zkey_from_raw(bytes)?), default_graph_single().clone()))
}

/// From nothing to ready for the first proof: key, graph, verifier and hash constants. Only the
/// first call in a process costs what it says.
#[must_use]
pub fn start() -> Peer {
    let peer = Peer::single();
    let _ = hash_pair(Fr::from(1), Fr::from(2));
    peer
}

/// The public values of a witness: `RLNProofValues::from_witness`.
#[must_use]
pub fn values(witness: &RLNWitnessInput) -> RLNProofValues {
    RLNProofValues::from_witness::<PoseidonHash>(witness)
}

/// Computes witnesses with the peer and nothing else.
///
/// The witness calculator is private, so this drives `generate_proof` with a key that claims more
/// constraints than any domain has room for: it computes the public values and the full
/// assignment and stops at the first step of the proof. Its cost is that of both together.
#[derive(Debug)]
pub struct WitnessCalculator {
    peer: Peer,
}

impl WitnessCalculator {
    /// Prepares the key that stops short.
    #[must_use]
    pub fn new() -> Self {
        let (key, matrices) = default_zkey_single().as_ref().clone();
        let mut matrices = matrices;
        matrices.num_constraints = 1 << 40;
        let peer = Peer::with_key(Arc::new((key, matrices)), default_graph_single().clone());
        Self { peer }
    }

    /// Public values and full assignment of a witness, both dropped.
    pub fn compute(&self, witness: &RLNWitnessInput) -> Result<()> {
        let stopped = self.peer.generate_proof(witness).err().context("the key stops short")?;
        ensure!(stopped.to_string().contains("olynomial"), "stopped elsewhere: {stopped}");
        Ok(())
    }
}

impl Default for WitnessCalculator {
    fn default() -> Self {
        Self::new()
    }
}

/// A statement about the member at `index` of a tree whose other leaves are empty.
pub fn sample_statement(index: u32, message_id: u64) -> Result<Statement> {
    let secret = element_to_bytes(&rln::prelude::hash_to_field_le(b"a member's secret"))?;
    let limit = 100;
    let mut tree = <Tree as ZerokitMerkleTree>::default(DEPTH)?;
    let leaf = usize::try_from(index)?;
    tree.set(leaf, rate_commitment(&secret, limit)?)?;
    let (path, _) = proof_query(&tree, leaf)?;
    let epoch = rln::prelude::hash_to_field_le(b"epoch 1");
    let application = rln::prelude::hash_to_field_le(b"an application");
    Ok(Statement {
        secret,
        limit,
        message_id,
        path: path.iter().map(element_to_bytes).collect::<Result<_>>()?,
        index,
        x: element_to_bytes(&rln::prelude::hash_to_field_le(b"a message"))?,
        external_nullifier: element_to_bytes(&hash_pair(epoch, application))?,
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_peer_accepts_its_own_proofs_made_either_way() {
        let peer = Peer::single();
        let statement = sample_statement(5, 1).unwrap();
        let witness = witness(&statement).unwrap();
        let whole = peer.generate_proof(&witness).unwrap();
        assert!(peer.verify(&whole).unwrap());
        let part = peer.generate_partial_proof(&partial_witness(&witness)).unwrap();
        let finished = peer.finish_proof(&part, &witness).unwrap();
        assert!(peer.verify_with_roots(&finished, &witness.x(), &[finished.1.root()]).unwrap());
        let bytes = proof_to_bytes(&finished).unwrap();
        assert!(peer.verify(&proof_from_bytes(&bytes).unwrap()).unwrap());
        assert_eq!(values(&witness), whole.1);
    }

    #[test]
    fn the_key_bytes_are_the_published_ones() {
        let bytes = key_bytes().unwrap();
        let digest: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "4736d28be856af6a739e1d5e9bebb69fd17f476a57cf4ad86375ed6cfda9827a");
        let peer = load_key(&bytes).unwrap();
        let witness = witness(&sample_statement(0, 0).unwrap()).unwrap();
        let proven = peer.generate_proof(&witness).unwrap();
        assert!(Peer::single().verify(&proven).unwrap());
    }

    #[test]
    fn the_witness_calculator_stops_before_the_proof() {
        let witness = witness(&sample_statement(1, 2).unwrap()).unwrap();
        WitnessCalculator::new().compute(&witness).unwrap();
    }

    #[test]
    fn a_path_leads_from_its_leaf_to_the_root() {
        let leaves: Vec<Fr> = (1..=5u64).map(Fr::from).collect();
        let tree = build_tree(&leaves).unwrap();
        let (path, sides) = proof_query(&tree, 3).unwrap();
        let root_from_path = path.iter().zip(&sides).fold(leaves[3], |node, (sibling, side)| {
            if *side == 0 { hash_pair(node, *sibling) } else { hash_pair(*sibling, node) }
        });
        assert_eq!(element_to_bytes(&root_from_path).unwrap(), root(&tree).unwrap());
    }
}
