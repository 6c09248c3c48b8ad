//! Which records of peers are given to those who ask: a machine.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};

use libp2p::PeerId;
use logos_crypto::tick::Tick;

use crate::discovery::Enr;
use crate::wire::{PeerExchange, status};

/// Records to hand out, and who was answered when.
///
/// What is handed out are records from elsewhere, in turn, and this node's own; never those of peers
/// it is connected with, which would show who its neighbours are (LIP 34).
#[derive(Debug, Default)]
pub(super) struct Exchange {
    // The one given longest ago first.
    records: VecDeque<Enr>,
    answered: HashMap<PeerId, Tick>,
}

impl Exchange {
    /// Records that are kept; a further one takes the place of the one given last.
    const MAX_RECORDS: usize = PeerExchange::MAX_RECORDS;
    /// How long a peer waits for another answer.
    const PAUSE: Duration = Duration::from_secs(5);
    /// Records that we ask for.
    pub(super) const WANTED: u64 = 10;

    /// Keeps a record that was heard of.
    pub(super) fn handle_record(&mut self, record: &Enr) {
        let place = self.records.iter().position(|other| other.peer_id() == record.peer_id());
        match place.and_then(|place| self.records.get_mut(place)) {
            Some(other) if other.content().seq < record.content().seq => *other = record.clone(),
            Some(_) => {}
            None => {
                if self.records.len() >= Self::MAX_RECORDS {
                    self.records.pop_back();
                }
                self.records.push_front(record.clone());
            }
        }
    }

    pub(super) fn handle_gone(&mut self, peer: &PeerId) {
        self.answered.remove(peer);
    }

    /// Answers a peer that is connected and wants `wanted` records.
    pub(super) fn handle_query(
        &mut self,
        now: Tick,
        peer: PeerId,
        wanted: u64,
        own: Option<&Enr>,
        is_neighbour: impl Fn(&PeerId) -> bool,
    ) -> PeerExchange {
        let last = self.answered.get(&peer);
        if last.is_some_and(|last| now < *last + Self::PAUSE) {
            return refusal(status::TOO_MANY_REQUESTS);
        }
        self.answered.insert(peer, now);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(Self::MAX_RECORDS);
        let mut given: Vec<_> = own.into_iter().map(|own| own.as_bytes().to_vec()).collect();
        for _ in 0..self.records.len() {
            if given.len() >= wanted {
                break;
            }
            let Some(record) = self.records.pop_front() else { break };
            let id = record.peer_id();
            if id != peer && !is_neighbour(&id) {
                given.push(record.as_bytes().to_vec());
            }
            self.records.push_back(record);
        }
        given.truncate(wanted);
        PeerExchange::Response { records: given, status: Some(status::OK), description: None }
    }
}

pub(super) fn refusal(status: u32) -> PeerExchange {
    PeerExchange::Response { records: Vec::new(), status: Some(status), description: None }
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;

    use super::*;
    use crate::discovery::EnrContent;
    use crate::wire::Wire;

    fn record() -> Enr {
        Enr::sign(EnrContent::default(), &Keypair::generate_secp256k1()).unwrap()
    }

    fn at(seconds: u64) -> Tick {
        Tick::new(Duration::from_secs(seconds))
    }

    fn given(response: PeerExchange) -> Vec<Vec<u8>> {
        assert!(response.encode().len() < PeerExchange::MAX_BYTES);
        let PeerExchange::Response { records, status: Some(status::OK), .. } = response else {
            panic!("{response:?}")
        };
        records
    }

    #[test]
    fn records_are_given_in_turn_and_neighbours_are_not() {
        let (mut exchange, own, asking) = (Exchange::default(), record(), PeerId::random());
        let records: Vec<_> = (0..10).map(|_| record()).collect();
        records.iter().for_each(|record| exchange.handle_record(record));
        let neighbour = records[3].peer_id();
        let mut seen = HashMap::new();
        for second in 0..4 {
            let is_neighbour = |peer: &PeerId| *peer == neighbour;
            let query = exchange.handle_query(at(5 * second), asking, 4, Some(&own), is_neighbour);
            let given = given(query);
            assert_eq!((given.len(), given[0].as_slice()), (4, own.as_bytes()));
            given.into_iter().skip(1).for_each(|record| *seen.entry(record).or_insert(0) += 1);
        }
        assert!(!seen.contains_key(records[3].as_bytes()));
        assert!(seen.len() == 9 && seen.values().all(|times| *times <= 2), "{seen:?}");
    }

    #[test]
    fn who_asks_too_often_or_for_too_much_gets_less() {
        let (mut exchange, asking) = (Exchange::default(), PeerId::random());
        (0..100).for_each(|_| exchange.handle_record(&record()));
        let first = exchange.handle_query(at(0), asking, u64::MAX, None, |_| false);
        assert_eq!(given(first).len(), Exchange::MAX_RECORDS);
        let again = exchange.handle_query(at(4), asking, 1, None, |_| false);
        assert_eq!(again, refusal(status::TOO_MANY_REQUESTS));
        exchange.handle_gone(&asking);
        assert_eq!(given(exchange.handle_query(at(4), asking, 1, None, |_| false)).len(), 1);
        assert_eq!(given(exchange.handle_query(at(99), asking, 0, None, |_| false)).len(), 0);
    }
}
