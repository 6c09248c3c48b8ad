//! Members looked up lately: a bounded memory in front of the store.

use std::collections::HashMap;
use std::sync::Arc;

use super::registry::MemberRecord;
use super::reservation::MemberKey;

/// Members that are remembered in one generation; two generations are kept.
pub(super) const GENERATION: usize = 2048;

/// Remembers the members that were asked for last.
///
/// Whoever is asked for moves into the young generation; when that is full it becomes the old one,
/// and the old one is forgotten. So the last [`GENERATION`] members asked for are there, and never
/// more than twice as many.
#[derive(Debug, Default)]
pub(super) struct Recent {
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    names: HashMap<Vec<u8>, MemberKey>,
    members: HashMap<MemberKey, Arc<MemberRecord>>,
}

impl Generation {
    fn put(&mut self, member: &Arc<MemberRecord>) {
        self.names.insert(member.name.clone(), member.member);
        self.members.insert(member.member, Arc::clone(member));
    }
}

impl Recent {
    /// A member by name, if it is remembered.
    pub(super) fn named(&mut self, name: &[u8]) -> Option<Arc<MemberRecord>> {
        let key = self.young.names.get(name).or_else(|| self.old.names.get(name)).copied()?;
        self.keyed(key).filter(|member| member.name == name)
    }

    /// A member by commitment, if it is remembered.
    pub(super) fn keyed(&mut self, key: MemberKey) -> Option<Arc<MemberRecord>> {
        if let Some(member) = self.young.members.get(&key) {
            return Some(Arc::clone(member));
        }
        let member = self.old.members.get(&key).cloned()?;
        self.put(&member);
        Some(member)
    }

    /// Remembers a member.
    pub(super) fn put(&mut self, member: &Arc<MemberRecord>) {
        if self.young.members.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.put(member);
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.members.len() + self.old.members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u64) -> Arc<MemberRecord> {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        let name = number.to_be_bytes().to_vec();
        let (tier, sealed) = (String::new(), None);
        let member = MemberKey(key);
        Arc::new(MemberRecord { index: number, member, name, limit: 1, tier, sealed })
    }

    #[test]
    fn the_last_ones_are_there_and_others_are_forgotten() {
        let mut recent = Recent::default();
        let most = GENERATION as u64;
        for number in 0..10 * most {
            recent.put(&member(number));
            assert!(recent.named(&member(0).name).is_some(), "it is asked for all the time");
            assert!(recent.len() <= 2 * GENERATION);
        }
        for number in 9 * most + 1..10 * most {
            assert_eq!(recent.keyed(member(number).member), Some(member(number)));
        }
        assert_eq!(recent.named(&member(1).name), None);
        recent.clear();
        assert_eq!(recent.named(&member(0).name), None);
    }
}
