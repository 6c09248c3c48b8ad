//! What became of our messages, until somebody has asked.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::NodeChannel;
use crate::channel::event::{ChannelRequestId, EventNumber, Outcome};

/// Who wants to know.
pub(super) type Asker = oneshot::Sender<Option<Outcome>>;

/// Outcomes, each with the event it came by until that was told, and those who wait for one.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    settled: BTreeMap<ChannelRequestId, (Option<EventNumber>, Outcome)>,
    asked: BTreeMap<ChannelRequestId, Vec<Asker>>,
}

impl Outcomes {
    /// Takes an outcome; gives the events that are done with. One that comes again is known.
    pub(super) fn settle(
        &mut self,
        request: ChannelRequestId,
        number: EventNumber,
        outcome: Outcome,
    ) -> Vec<EventNumber> {
        let askers = self.asked.remove(&request).unwrap_or_default();
        let mut is_told = false;
        for asker in askers {
            is_told |= asker.send(Some(outcome.clone())).is_ok();
        }
        let mut done = Vec::new();
        if is_told {
            done.push(number);
        }
        self.settled.insert(request, ((!is_told).then_some(number), outcome));
        while self.settled.len() > NodeChannel::MAX_OUTCOMES {
            let oldest = self.settled.pop_first();
            done.extend(oldest.and_then(|(_, (number, _))| number));
        }
        done
    }

    /// Answers now or when there is an answer; gives the event that is done with.
    pub(super) fn ask(
        &mut self,
        request: ChannelRequestId,
        is_open: bool,
        asker: Asker,
    ) -> Option<EventNumber> {
        if let Some((number, outcome)) = self.settled.get_mut(&request) {
            let is_told = asker.send(Some(outcome.clone())).is_ok();
            return if is_told { number.take() } else { None };
        }
        if is_open {
            let askers = self.asked.entry(request).or_default();
            askers.retain(|asker| !asker.is_closed());
            askers.push(asker);
        } else {
            // Whoever asked may have gone.
            asker.send(None).ok();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ParticipantId;

    const fn request(number: u64) -> ChannelRequestId {
        ChannelRequestId::new(number)
    }

    fn acked() -> Outcome {
        Outcome::Acked { by: ParticipantId::new("raya").unwrap() }
    }

    #[test]
    fn an_outcome_is_done_with_when_somebody_knows() {
        let mut outcomes = Outcomes::default();
        let (asker, mut answer) = oneshot::channel();
        assert_eq!(outcomes.ask(request(1), true, asker), None);
        assert_eq!(outcomes.settle(request(1), EventNumber(5), acked()), [EventNumber(5)]);
        assert_eq!(answer.try_recv(), Ok(Some(acked())));
        // Nobody waits for this one.
        assert!(outcomes.settle(request(2), EventNumber(6), acked()).is_empty());
        let (gone, _) = oneshot::channel();
        assert_eq!(outcomes.ask(request(2), false, gone), None);
        let (asker, _answer) = oneshot::channel();
        assert_eq!(outcomes.ask(request(2), false, asker), Some(EventNumber(6)));
        let (asker, mut answer) = oneshot::channel();
        assert_eq!(outcomes.ask(request(2), false, asker), None, "once");
        assert_eq!(answer.try_recv(), Ok(Some(acked())));
        let (asker, mut answer) = oneshot::channel();
        assert_eq!(outcomes.ask(request(3), false, asker), None);
        assert_eq!(answer.try_recv(), Ok(None));
    }

    #[test]
    fn the_oldest_outcomes_are_forgotten() {
        let mut outcomes = Outcomes::default();
        let most = NodeChannel::MAX_OUTCOMES as u64;
        for number in 0..most {
            assert!(outcomes.settle(request(number), EventNumber(number), acked()).is_empty());
        }
        assert_eq!(outcomes.settle(request(most), EventNumber(most), acked()), [EventNumber(0)]);
    }
}
