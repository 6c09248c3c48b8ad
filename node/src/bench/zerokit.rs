//! zerokit on the statements that were just proved here.

use std::fmt::Display;

use logos_rln::wire::{ByteOrder, write_witness};
use logos_rln::{CircuitKind, Membership, RlnProof};
use rln::prelude::{
    ArkGroth16Backend, CanonicalDeserialize, PoseidonHash, RLN, RLNBuilder, RLNPartialWitnessInput,
    RLNProof, RLNWitnessInput, Stateless, default_graph_multi, default_zkey_multi,
};

use super::{BenchError, Run, message};
use crate::demo::Timing;

type Peer = RLN<Stateless, ArkGroth16Backend<PoseidonHash>>;

/// Full proof, partial, finish and verification, each as often as ours. All proofs made here are
/// shown to zerokit first: figures of proofs that it refuses would mean nothing.
pub(super) fn measure(run: &Run<'_>, member: &Membership) -> Result<Vec<Timing>, BenchError> {
    let peer = peer(run);
    let accepted: Vec<RLNProof> =
        run.proofs.iter().map(|(proof, _)| theirs(proof)).collect::<Result<_, _>>()?;
    accepted.iter().try_for_each(|proof| accept(&peer, proof))?;
    let full = run.sample("full proof", &mut |round| {
        let witness = witness(run, member, round)?;
        peer.generate_proof(&witness).map(drop).map_err(failed)
    })?;
    let known = RLNPartialWitnessInput::from(&witness(run, member, 0)?);
    let mut partial = peer.generate_partial_proof(&known).map_err(failed)?;
    let prepare = run.sample("partial proof", &mut |_| {
        partial = peer.generate_partial_proof(&known).map_err(failed)?;
        Ok(())
    })?;
    let finish = run.sample("finish", &mut |round| {
        let witness = witness(run, member, round)?;
        peer.finish_proof(&partial, &witness).map(drop).map_err(failed)
    })?;
    let mut all = accepted.iter().cycle();
    let verify =
        run.sample("verify", &mut |_| all.next().map_or(Ok(()), |one| accept(&peer, one)))?;
    Ok(vec![full, prepare, finish, verify])
}

fn peer(run: &Run<'_>) -> Peer {
    match run.prover.circuit().kind() {
        CircuitKind::Multi { .. } => {
            let (graph, zkey) = (default_graph_multi().clone(), default_zkey_multi().clone());
            RLNBuilder::stateless().graph(graph).zkey(zkey).build()
        }
        _ => RLNBuilder::stateless().build(),
    }
}

fn theirs(proof: &RlnProof) -> Result<RLNProof, BenchError> {
    RLNProof::deserialize_compressed(proof.to_bytes().as_slice()).map_err(failed)
}

fn accept(peer: &Peer, proof: &RLNProof) -> Result<(), BenchError> {
    match peer.verify(&proof.proof, &proof.values) {
        Ok(true) => Ok(()),
        Ok(false) => Err(failed("a proof made here was refused")),
        Err(error) => Err(failed(error)),
    }
}

fn witness(
    run: &Run<'_>,
    member: &Membership,
    round: usize,
) -> Result<RLNWitnessInput, BenchError> {
    let bytes = write_witness(member, &message(run.prover, round)?, ByteOrder::Little);
    RLNWitnessInput::deserialize_compressed(bytes.expose()).map_err(failed)
}

fn failed(error: impl Display) -> BenchError {
    BenchError::Zerokit(error.to_string())
}
