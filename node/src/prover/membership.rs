//! Where members come from: one trait, whatever keeps them.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::async_trait;

use super::registry::{Leaf, MemberRecord, RegisterRefusal, Registration};
use super::reservation::MemberKey;
use super::store::{Store, StoreError};

/// The setting that says where the members of a store come from.
const SOURCE: &str = "members/source";

/// Where members come from: a log of leaves that change, and a way to find a member.
#[async_trait]
pub trait MembershipSource: std::fmt::Debug + Send + Sync {
    /// As [`Store::leaves`].
    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError>;

    /// The member of a name.
    async fn named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError>;

    /// The member of a commitment.
    async fn keyed(&self, key: MemberKey) -> Result<Option<MemberRecord>, StoreError>;

    /// Adds one behind the last, where this source takes members at all.
    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError>;

    /// Keeps the log up to date with what the members follow, until `stop` turns true.
    async fn run(&self, stop: watch::Receiver<bool>);
}

/// Members who register with the service itself; their log is in its store.
#[derive(Clone, Debug)]
pub struct InService(pub Arc<dyn Store>);

#[async_trait]
impl MembershipSource for InService {
    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError> {
        self.0.leaves(after, max).await
    }

    async fn named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError> {
        self.0.member_named(name).await
    }

    async fn keyed(&self, key: MemberKey) -> Result<Option<MemberRecord>, StoreError> {
        self.0.member_keyed(key).await
    }

    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        self.0.register(registration, capacity).await
    }

    async fn run(&self, _: watch::Receiver<bool>) {}
}

/// Members that somebody else keeps and that were copied to the store: nobody registers here.
#[derive(Clone, Debug)]
pub struct Copied(pub Arc<dyn Store>);

#[async_trait]
impl MembershipSource for Copied {
    async fn leaves(&self, after: u64, max: usize) -> Result<Vec<Leaf>, StoreError> {
        self.0.leaves(after, max).await
    }

    async fn named(&self, name: &[u8]) -> Result<Option<MemberRecord>, StoreError> {
        self.0.member_named(name).await
    }

    async fn keyed(&self, key: MemberKey) -> Result<Option<MemberRecord>, StoreError> {
        self.0.member_keyed(key).await
    }

    async fn register(
        &self,
        _: Registration,
        _: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        Ok(Err(RegisterRefusal::ReadOnly))
    }

    async fn run(&self, _: watch::Receiver<bool>) {}
}

/// Notes where the members of a store come from, so that no other source ever writes over them.
///
/// # Errors
///
/// [`StoreError::OtherMembers`] if they come from elsewhere, and the store's.
pub async fn claim_members(store: &dyn Store, source: &str) -> Result<(), StoreError> {
    let other = |found: &str| StoreError::OtherMembers {
        found: found.to_owned(),
        wanted: source.to_owned(),
    };
    match store.setting(SOURCE).await? {
        Some(found) if found == source => Ok(()),
        Some(found) => Err(other(&found)),
        None if source != IN_SERVICE && store.depths().await?.members > 0 => Err(other(IN_SERVICE)),
        None => store.set(SOURCE, source).await,
    }
}

/// The name of members who register with the service.
pub const IN_SERVICE: &str = "service";
