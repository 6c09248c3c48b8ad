//! The reader on a node's JSON-RPC and the service's store.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use logos_crypto::tick::Tick;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::async_trait;

use super::contract::{Contract, LogError};
use super::reader::{Commit, Output, ReadError, Reader, Reading, Reply, Request};
use super::rpc::{Rpc, RpcError};
use crate::prover::membership::MembershipSource;
use crate::prover::registry::{Amendment, MemberRecord, Registration};
use crate::prover::reservation::MemberKey;
use crate::prover::store::{Store, StoreError};

/// The setting in which the reader's cursor is kept.
const CURSOR: &str = "members/chain";

/// Why a step of reading failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError {
    /// The node.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the node says does not fit.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A call's answer is not the contract's.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Members of a contract: the store has a copy, and [`MembershipSource::run`] keeps it up to date.
#[derive(Clone, Debug)]
pub struct Chain {
    store: Arc<dyn Store>,
    rpc: Rpc,
    contract: [u8; 20],
    reading: Reading,
}

impl Chain {
    /// Reads the contract at this address into the store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, rpc: Rpc, contract: [u8; 20], reading: Reading) -> Self {
        Self { store, rpc, contract, reading }
    }

    /// How members of this contract are named in [`claim_members`](super::super::claim_members).
    #[must_use]
    pub fn name(&self) -> String {
        format!("evm/{}/0x{}", self.reading.chain, crate::hex::encode(&self.contract))
    }

    /// Does one thing the reader wants.
    ///
    /// # Errors
    ///
    /// [`ChainError`]; the reader is told, and tries again later.
    pub async fn step(
        &self,
        reader: &mut Reader,
        now: Tick,
        output: Output,
    ) -> Result<(), ChainError> {
        let done = match output {
            Output::Ask(request) => match self.answer(request).await {
                Ok(reply) => reader.handle_reply(now, reply).map_err(ChainError::from),
                Err(error) => Err(error),
            },
            Output::Commit(Commit { leaves, before, after }) => {
                let amendment = Amendment { leaves, cursor: CURSOR, before, after };
                let committed = self.store.amend(amendment).await;
                committed.map(|is_done| reader.handle_committed(is_done)).map_err(ChainError::from)
            }
        };
        if done.is_err() {
            reader.handle_failure(now);
        }
        done
    }

    async fn answer(&self, request: Request) -> Result<Reply, ChainError> {
        let (rpc, store, contract) = (&self.rpc, &self.store, self.contract);
        Ok(match request {
            Request::Chain => Reply::Number(rpc.chain().await?),
            Request::Cursor => Reply::Cursor(store.setting(CURSOR).await?),
            Request::Head => Reply::Number(rpc.head().await?),
            Request::Hash(block) => Reply::Hash(rpc.hash(block).await?),
            Request::Logs { from, to } => {
                let topics = self.reading.contract.topics();
                Reply::Logs(rpc.logs(contract, &topics, from, to).await?)
            }
            Request::Empty { leaves, block } => Reply::Empty(self.empty(&leaves, block).await?),
            Request::Holders(commitments) => Reply::Holders(self.holders(&commitments).await?),
            Request::Occupants(leaves) => Reply::Occupants(self.occupants(&leaves).await?),
        })
    }

    async fn empty(&self, leaves: &[u64], block: Option<u64>) -> Result<BTreeSet<u64>, ChainError> {
        let calls: Vec<Vec<u8>> = leaves.iter().map(|leaf| Contract::leaf_call(*leaf)).collect();
        let answers = self.rpc.calls(self.contract, &calls, block).await?;
        let mut empty = BTreeSet::new();
        for (leaf, answer) in leaves.iter().zip(answers) {
            if Contract::is_empty_leaf(&answer.ok_or(LogError::Form)?)? {
                empty.insert(*leaf);
            }
        }
        Ok(empty)
    }

    async fn holders(
        &self,
        commitments: &[MemberKey],
    ) -> Result<HashMap<MemberKey, Vec<u8>>, ChainError> {
        let calls: Vec<Vec<u8>> =
            commitments.iter().map(|who| Contract::holder_call(*who)).collect();
        let answers = self.rpc.calls(self.contract, &calls, None).await?;
        let mut holders = HashMap::new();
        for (commitment, answer) in commitments.iter().zip(answers) {
            if let Some(holder) = Contract::holder(&answer.ok_or(LogError::Form)?)? {
                holders.insert(*commitment, holder.to_vec());
            }
        }
        Ok(holders)
    }

    async fn occupants(
        &self,
        leaves: &[u64],
    ) -> Result<Vec<(u64, Option<Registration>)>, ChainError> {
        let mut occupants = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let member = self.store.member_at(*leaf).await?;
            occupants.push((*leaf, member.map(MemberRecord::into_registration)));
        }
        Ok(occupants)
    }
}

#[async_trait]
impl MembershipSource for Chain {
    async fn run(&self, mut stop: watch::Receiver<bool>) {
        let (origin, mut reader) = (Instant::now(), Reader::new(self.reading));
        while !*stop.borrow() {
            let now = Tick::new(origin.elapsed());
            let work = async {
                match reader.poll_output(now) {
                    Some(output) => {
                        if let Err(error) = self.step(&mut reader, now, output).await {
                            tracing::warn!(%error, "the chain was not read");
                        }
                    }
                    None => {
                        let until =
                            reader.next_deadline().map_or(Duration::ZERO, Tick::since_origin);
                        tokio::time::sleep_until(origin + until).await;
                    }
                }
            };
            tokio::select! {
                () = work => {}
                _ = stop.changed() => {}
            }
        }
    }
}
