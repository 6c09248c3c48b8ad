//! Members of a file that somebody else keeps.

use std::collections::HashSet;

use logos_crypto::Fr;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::registry::{Amendment, Registration};
use super::reservation::MemberKey;
use super::store::{Store, StoreError};

/// The name of members from a file, as [`claim_members`](super::claim_members) notes it.
pub const FROM_FILE: &str = "file";
/// The setting that says which file was copied, and up to which leaf.
const CURSOR: &str = "members/file";
/// Leaves that are copied in one step.
const PAGE: usize = 4096;

/// Members of a file that somebody else keeps.
///
/// A line is `name commitment limit [tier]`, the commitment as 64 hexadecimal digits; empty lines
/// and those that begin with `#` say nothing. Line `k` of the others, from 0, is leaf `k`. No name
/// and no commitment stands there twice.
#[derive(Clone, Debug)]
pub struct StaticFile(String);

/// Why a file of members is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line} of the members: {reason}")]
pub struct StaticFileError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl StaticFile {
    /// Checks the text of such a file.
    ///
    /// # Errors
    ///
    /// [`StaticFileError`] for the first line that is none.
    pub fn parse(text: String) -> Result<Self, StaticFileError> {
        check(&text)?;
        Ok(Self(text))
    }

    /// Copies the members to a store, page by page: an interrupted copy goes on where it was.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn copy_to(&self, store: &dyn Store) -> Result<(), StoreError> {
        let name = crate::hex::encode(&Sha256::digest(&self.0));
        let total = lines_of(&self.0).count() as u64;
        loop {
            let before = store.setting(CURSOR).await?;
            let read = before.as_deref().and_then(|cursor| cursor.split_once(' '));
            let read = read.filter(|(of, _)| *of == name).and_then(|(_, to)| to.parse().ok());
            let known = store.depths().await?.members;
            let from: u64 = read.unwrap_or_default();
            if from >= total.max(known) && read.is_some() {
                return Ok(());
            }
            let leaves = self.page(from, total.max(known));
            let after = format!("{name} {}", from.saturating_add(leaves.len() as u64));
            store.amend(Amendment { leaves, cursor: CURSOR, before, after }).await?;
        }
    }

    /// What the leaves from one on are to be, behind the last line nobody's.
    fn page(&self, from: u64, end: u64) -> Vec<(u64, Option<Registration>)> {
        let skipped = usize::try_from(from).unwrap_or(usize::MAX);
        let mut lines = lines_of(&self.0).skip(skipped);
        let leaf = |index| (index, lines.next().and_then(|(_, text)| member_of(text).ok()));
        (from..end).take(PAGE).map(leaf).collect()
    }
}

fn check(text: &str) -> Result<(), StaticFileError> {
    let (mut names, mut commitments) = (HashSet::new(), HashSet::new());
    for (line, text) in lines_of(text) {
        let fails = |reason| StaticFileError { line, reason };
        let member = member_of(text).map_err(fails)?;
        if !text.split_whitespace().next().is_some_and(|name| names.insert(name)) {
            return Err(fails("the name stands there twice"));
        }
        if !commitments.insert(member.member.0) {
            return Err(fails("the commitment stands there twice"));
        }
    }
    Ok(())
}

/// The lines that say something, with their numbers from 1.
fn lines_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn member_of(line: &str) -> Result<Registration, &'static str> {
    let mut words = line.split_whitespace();
    let name = words.next().ok_or("no name")?.as_bytes().to_vec();
    let commitment = words.next().ok_or("no commitment")?;
    let member = crate::hex::decode_32(commitment).map_err(|_| "64 digits make a commitment")?;
    Fr::from_bytes(&member).map_err(|_| "the commitment is no field element")?;
    let limit = words.next().and_then(|word| word.parse().ok()).ok_or("no limit")?;
    let tier = words.next().unwrap_or_default().to_owned();
    let registration = Registration { member: MemberKey(*member), name, limit, tier, sealed: None };
    registration.check().map_err(|_| "the name, the limit or the tier is out of bounds")?;
    Ok(registration)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use logos_rln::Identity;

    use super::*;
    use crate::prover::epoch::{EpochSchedule, Millis};
    use crate::prover::store::EmbeddedStore;

    fn line(who: &str) -> String {
        let commitment = Identity::seeded(who.as_bytes()).commitment().to_field();
        format!("{who} {} 20 basic\n", crate::hex::encode_field(commitment))
    }

    fn store() -> EmbeddedStore {
        let schedule = EpochSchedule::new(Millis(0), NonZeroU64::new(1000).unwrap(), "test");
        EmbeddedStore::in_memory(&schedule, 0).unwrap()
    }

    async fn copy(store: &EmbeddedStore, who: &[&str]) -> Vec<Option<Vec<u8>>> {
        let text = who.iter().map(|who| line(who)).collect();
        StaticFile::parse(text).unwrap().copy_to(store).await.unwrap();
        let mut leaves = store.leaves(0, 100).await.unwrap();
        leaves.sort_by_key(|leaf| leaf.index);
        leaves.into_iter().map(|leaf| leaf.member.map(|member| member.name)).collect()
    }

    #[tokio::test]
    async fn a_copy_says_what_the_file_says_now() {
        let store = store();
        let name = |name: &str| Some(name.as_bytes().to_vec());
        assert_eq!(copy(&store, &["alice", "bob"]).await, [name("alice"), name("bob")]);
        let last = store.leaves(0, 100).await.unwrap().last().unwrap().number;
        copy(&store, &["alice", "bob"]).await;
        assert_eq!(store.leaves(last, 100).await.unwrap(), [], "nothing changed");
        assert_eq!(copy(&store, &["carol"]).await, [name("carol"), None]);
        assert_eq!(store.member_named(b"bob").await.unwrap(), None);
        assert_eq!(store.member_named(b"carol").await.unwrap().unwrap().index, 0);
    }

    #[test]
    fn a_line_that_is_no_member_is_named() {
        for (text, reason) in
            [("alice", "no commitment"), ("alice 00 5", "64 digits make a commitment")]
        {
            let text = format!("{}{text}\n", line("bob"));
            assert_eq!(StaticFile::parse(text).unwrap_err(), StaticFileError { line: 2, reason });
        }
        let over = format!("alice {} 5", "ff".repeat(32));
        assert!(StaticFile::parse(over).is_err());
        let twice = StaticFile::parse(format!("{}{}", line("bob"), line("bob"))).unwrap_err();
        assert_eq!(twice.reason, "the name stands there twice");
    }
}
