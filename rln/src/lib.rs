//! Rate limiting nullifiers: prove that you are a member who has not yet sent too much, without
//! saying which member (RLN-V2).
//!
//! A member is a leaf of a Merkle tree, `Poseidon(Poseidon(secret), limit)`. A message carries a proof
//! that its sender is one of the leaves, a nullifier that names the message id it uses up in this
//! epoch, and a point of a line whose height at zero is the sender's secret. Who uses a message id
//! twice shows two points, and with them the secret.
//!
//! | to | take |
//! |---|---|
//! | be a member | [`Identity`], [`MessageLimit`], [`Membership`] with a [`MerklePath`] |
//! | say what a proof is about | [`Message`]: [`ExternalNullifier`], [`Signal`], [`MessageIds`] |
//! | prove | [`Prover`]: [`prove`](Prover::prove), or [`partial`](Prover::partial) and [`finish`](Prover::finish); many with [`prove_batch`](Prover::prove_batch) |
//! | prove in a fraction of a millisecond | [`SlotFactory`], [`Slot`], [`SlotPool`], with ids from [`burn`] |
//! | verify | [`Verifier`]: [`verify`](Verifier::verify), [`verify_batch`](Verifier::verify_batch) |
//! | catch spam | [`NullifierLog`], [`recover_secret`] |
//! | load keys | [`ProvingKey`], [`VerifyingKey`]; the deployed ones are in `logos-rln-keys` |
//! | choose memory or speed, start at once | [`Tables`] of a [`TableSize`], built or out of a file |
//! | read and write bytes | [`wire`]: zerokit 3.0's formats and the older proof frames |
//! | try other circuit sizes | [`development_setup`], not for production |
//!
//! The crate does no input or output: keys arrive as bytes, randomness as an argument, and proofs
//! leave as values. Proofs interoperate with zerokit on the same keys.
//!
//! # Examples
//!
//! A member proves a message and a relay checks it:
//!
//! ```
//! use logos_crypto::Fr;
//! use logos_rln::{
//!     ExternalNullifier, Identity, Membership, MerklePath, Message, MessageLimit, NullifierLog,
//!     Prover, Signal, Verdict, Verifier,
//! };
//! # use rand_chacha::ChaCha20Rng;
//! # use rand_core::SeedableRng;
//! # let mut rng = ChaCha20Rng::from_seed([7; 32]);
//!
//! let prover = Prover::new(logos_rln_keys::single());
//! let identity = Identity::random(&mut rng);
//! let limit = MessageLimit::new(10)?;
//! let path = MerklePath::new(vec![Fr::ZERO; 20], 0)?;
//! let member = Membership::new(identity.secret().duplicate(), limit, path);
//!
//! let epoch = ExternalNullifier::new(b"1763701200", b"chat");
//! let signal = Signal::from_message(b"hello");
//! let proof = prover.prove(&member, &Message::new(epoch, signal, limit.id(0)?), &mut rng)?;
//!
//! let verifier = Verifier::new(logos_rln_keys::single_verifying_key());
//! verifier.verify_in_epoch(&proof, signal, &[member.root()], epoch)?;
//! let mut log = NullifierLog::new(2, 10_000);
//! log.open(epoch);
//! assert_eq!(log.record(&proof.values)?, Verdict::Fresh);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod circuit;
mod epoch;
mod fixed_base;
pub mod hazmat;
mod identity;
mod key;
mod limit;
mod membership;
mod message;
mod nullifiers;
mod partial;
mod proof;
mod prover;
mod quotient;
mod setup;
mod share;
mod slot;
mod sums;
mod tables;
mod values;
mod verifier;
pub mod wire;

pub use circuit::{Circuit, CircuitError, CircuitKind};
pub use epoch::{ExternalNullifier, Signal};
pub use identity::{
    ExtendedIdentity, Identity, IdentityCommitment, IdentityError, IdentitySecret, RateCommitment,
};
pub use key::{KeyError, KeyHash, PointChecks, ProvingKey, Query, VerifyingKey};
pub use limit::{LimitError, MessageId, MessageLimit};
pub use membership::{Membership, MembershipError, MerklePath, PathError};
pub use message::{Message, MessageIds, MessageIdsError};
pub use nullifiers::{DoubleSignal, NullifierLog, NullifierLogError, Verdict};
pub use partial::PartialProof;
pub use proof::{Proof, RlnProof};
pub use prover::{BatchError, ProveError, Prover, Statement};
pub use setup::{DevelopmentKey, development_setup};
pub use share::{Line, Nullifier, RecoverError, Share, recover_secret};
pub use slot::{
    BurnError, BurntIds, IdLedger, MemoryLedger, PoolPolicy, Slot, SlotError, SlotFactory,
    SlotPool, Wanted, burn, next_id,
};
pub use tables::{TableSize, Tables, TablesError};
pub use values::{MultiValues, ProofValues, SignalSlot, SingleValues};
pub use verifier::{Verifier, VerifyError};
