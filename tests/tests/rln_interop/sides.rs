//! Both sides, and statements to prove on them.

use std::sync::LazyLock;

use logos_crypto::Fr;
use logos_crypto::backend::Backend;
use logos_rln::wire::{ByteOrder, write_witness};
use logos_rln::{
    ExternalNullifier, IdentitySecret, Membership, MerklePath, Message, MessageIds, MessageLimit,
    ProofValues, Prover, ProvingKey, RlnProof, Signal, Verifier,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use rln::prelude::{
    ArkGroth16Backend, CanonicalDeserialize, CanonicalSerialize, PoseidonHash, RLN, RLNBuilder,
    RLNProof, RLNProofValues, RLNWitnessInput, Stateless, default_graph_multi, default_zkey_multi,
};

/// zerokit's field element.
pub(crate) type TheirFr = rln::prelude::Fr;

/// Slots of the deployed multi circuit.
pub(crate) const SLOTS: u8 = 4;

/// This side on one of the deployed keys.
pub(crate) struct Ours {
    pub(crate) prover: Prover,
    pub(crate) verifier: Verifier,
}

/// This side, one message id a proof.
pub(crate) static OUR_SINGLE: LazyLock<Ours> = LazyLock::new(|| Ours {
    prover: prover(logos_rln_keys::single()),
    verifier: Verifier::with_backend(logos_rln_keys::single_verifying_key(), backend()),
});

/// This side, up to four message ids a proof.
pub(crate) static OUR_MULTI: LazyLock<Ours> = LazyLock::new(|| Ours {
    prover: prover(logos_rln_keys::multi()),
    verifier: Verifier::with_backend(logos_rln_keys::multi_verifying_key(), backend()),
});

fn prover(key: ProvingKey) -> Prover {
    Prover::with_backend(key, backend(), &mut |_| ())
}

/// The fastest arithmetic of this processor, unless the environment asks for the portable one.
pub(crate) fn backend() -> Backend {
    let portable = std::env::var("LOGOS_BACKEND").is_ok_and(|name| name == "portable");
    if portable { Backend::Portable } else { Backend::detect() }
}

/// zerokit on one of the deployed keys.
pub(crate) struct Theirs {
    pub(crate) rln: RLN<Stateless, ArkGroth16Backend<PoseidonHash>>,
}

/// zerokit, one message id a proof.
pub(crate) static THEIR_SINGLE: LazyLock<Theirs> =
    LazyLock::new(|| Theirs { rln: RLNBuilder::stateless().build() });

/// zerokit, up to four message ids a proof.
pub(crate) static THEIR_MULTI: LazyLock<Theirs> = LazyLock::new(|| {
    let (graph, zkey) = (default_graph_multi().clone(), default_zkey_multi().clone());
    Theirs { rln: RLNBuilder::stateless().graph(graph).zkey(zkey).build() }
});

impl Ours {
    pub(crate) fn prove(&self, case: &Case, rng: &mut ChaCha20Rng) -> RlnProof {
        self.prover.prove(&case.member, &case.message, rng).unwrap()
    }

    /// Is the proof valid for the case's message and root?
    pub(crate) fn verifies(&self, proof: &RlnProof, case: &Case) -> bool {
        self.verifier.verify(proof, case.message.signal, &[case.member.root()]).is_ok()
    }
}

impl Theirs {
    pub(crate) fn prove(&self, case: &Case) -> RLNProof {
        let (proof, values) = self.rln.generate_proof(&case.their_witness()).unwrap();
        RLNProof::new(proof, values)
    }

    /// Is the proof valid for the case's message and root?
    pub(crate) fn verifies(&self, proof: &RLNProof, case: &Case) -> bool {
        let (x, root) = (their_fr(case.message.signal.to_field()), their_fr(case.member.root()));
        self.rln.verify_with_roots(&proof.proof, &proof.values, &x, &[root]).unwrap()
    }
}

/// A statement to prove.
pub(crate) struct Case {
    pub(crate) member: Membership,
    pub(crate) message: Message,
}

impl Case {
    /// One random message id of a random member.
    pub(crate) fn single(rng: &mut ChaCha20Rng) -> Self {
        let member = member(rng);
        let message = single_message(&member, rng);
        Self { member, message }
    }

    /// Random message ids in the slots whose bit is set in `mask`.
    pub(crate) fn multi(mask: u8, rng: &mut ChaCha20Rng) -> Self {
        let member = member(rng);
        let message = multi_message(&member, mask, rng);
        Self { member, message }
    }

    /// zerokit's form of it, which it reads from bytes written here.
    pub(crate) fn their_witness(&self) -> RLNWitnessInput {
        let bytes = write_witness(&self.member, &self.message, ByteOrder::Little);
        RLNWitnessInput::deserialize_compressed(bytes.expose()).unwrap()
    }

    /// The values a proof of it has, by zerokit's reckoning.
    pub(crate) fn their_values(&self) -> RLNProofValues {
        RLNProofValues::from_witness::<PoseidonHash>(&self.their_witness())
    }
}

/// A member with a random place in a tree of depth 20 and a limit of at least four.
pub(crate) fn member(rng: &mut ChaCha20Rng) -> Membership {
    let siblings = (0..20).map(|_| Fr::random(rng)).collect();
    let path = MerklePath::new(siblings, u64::from(rng.next_u32() >> 12)).unwrap();
    let limit = MessageLimit::new(4 + rng.next_u32() % 65_533).unwrap();
    Membership::new(IdentitySecret::random(rng), limit, path)
}

/// A random message under a random id.
pub(crate) fn single_message(member: &Membership, rng: &mut ChaCha20Rng) -> Message {
    let limit = member.limit();
    let id = limit.id(rng.next_u32() % limit.get()).unwrap();
    Message::new(epoch(rng), signal(rng), id)
}

/// A random message under random ids.
pub(crate) fn multi_message(member: &Membership, mask: u8, rng: &mut ChaCha20Rng) -> Message {
    let limit = member.limit();
    let first = rng.next_u32() % limit.get();
    let id = |slot: u32| limit.id((first + slot) % limit.get()).unwrap();
    let slots = (0..u32::from(SLOTS)).map(|slot| (id(slot), mask >> slot & 1 == 1));
    Message::new(epoch(rng), signal(rng), MessageIds::Multi(slots.collect()))
}

/// A random message.
pub(crate) fn signal(rng: &mut ChaCha20Rng) -> Signal {
    Signal::from_field(Fr::random(rng)).unwrap()
}

/// A random epoch.
pub(crate) fn epoch(rng: &mut ChaCha20Rng) -> ExternalNullifier {
    ExternalNullifier::from_field(Fr::random(rng))
}

/// Every choice of slots but none.
pub(crate) fn masks() -> impl Iterator<Item = u8> + Clone {
    1..1 << SLOTS
}

/// Seeded randomness.
pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// How many proofs to send across, `usual` unless the environment asks for more.
pub(crate) fn n_proofs(usual: usize) -> usize {
    let wanted = std::env::var("LOGOS_INTEROP_PROOFS").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// zerokit's bytes of an object, least significant first.
pub(crate) fn their_bytes(object: &impl CanonicalSerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    object.serialize_compressed(&mut bytes).unwrap();
    bytes
}

/// zerokit's form of a field element.
pub(crate) fn their_fr(element: Fr) -> TheirFr {
    TheirFr::deserialize_compressed(&element.to_bytes()[..]).unwrap()
}

/// This side's form of a field element of theirs.
pub(crate) fn our_fr(element: &TheirFr) -> Fr {
    Fr::from_bytes(their_bytes(element).as_slice().try_into().unwrap()).unwrap()
}

/// A proof of theirs as this side reads it.
pub(crate) fn to_ours(proof: &RLNProof) -> RlnProof {
    RlnProof::from_bytes(&their_bytes(proof)).unwrap()
}

/// A proof of ours as zerokit reads it.
pub(crate) fn to_theirs(proof: &RlnProof) -> RLNProof {
    RLNProof::deserialize_compressed(proof.to_bytes().as_slice()).unwrap()
}

/// Values of theirs as this side reads them.
pub(crate) fn our_values(values: &RLNProofValues) -> ProofValues {
    ProofValues::from_bytes(&their_bytes(values), ByteOrder::Little).unwrap()
}
