//! Where members come from: one trait, whoever adds them to the store.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::async_trait;

use super::registry::{MemberRecord, RegisterRefusal, Registration};
use super::store::{Store, StoreError};

/// The setting that says where the members of a store come from.
const SOURCE: &str = "members/source";

/// Where members come from. They all stand in the [`Store`], which is read whatever their source is;
/// a source puts them there.
#[async_trait]
pub trait MembershipSource: std::fmt::Debug + Send + Sync {
    /// Adds one behind the last, where this source takes members at all.
    async fn register(
        &self,
        _: Registration,
        _capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        Ok(Err(RegisterRefusal::ReadOnly))
    }

    /// Keeps the store up to date with what the members follow, until the value turns true.
    async fn run(&self, _: watch::Receiver<bool>) {}
}

/// Members who register with the service itself.
#[derive(Clone, Debug)]
pub struct InService(pub Arc<dyn Store>);

#[async_trait]
impl MembershipSource for InService {
    async fn register(
        &self,
        registration: Registration,
        capacity: u64,
    ) -> Result<Result<MemberRecord, RegisterRefusal>, StoreError> {
        self.0.register(registration, capacity).await
    }
}

/// Members that somebody else keeps and that were copied to the store: nobody registers here.
#[derive(Clone, Copy, Debug)]
pub struct Copied;

impl MembershipSource for Copied {}

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
