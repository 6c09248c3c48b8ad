//! A guard as the delivery network asks for one.

use crate::delivery::{Admission, AdmissionError, Judgement};
use crate::rate_limit::{
    AdmitError, BudgetError, Guard, Incoming, SendProofError, Signal, UnixNanos, Verdict,
};
use crate::wire::WakuMessage;

impl Admission for Guard {
    fn admit(&self, message: &mut WakuMessage, now: UnixNanos) -> Result<(), AdmissionError> {
        let admitted =
            Self::admit(self, signal(message), now).map_err(|error| self.told(error, now))?;
        message.timestamp = admitted.timestamp;
        message.rate_limit_proof = admitted.proof.to_vec();
        Ok(())
    }

    fn judge(&self, batch: &[WakuMessage], now: UnixNanos) -> Vec<Judgement> {
        let incoming = |message| Incoming {
            signal: signal(message),
            proof: message.rate_limit_proof.as_slice(),
        };
        let messages: Vec<Incoming<'_>> = batch.iter().map(incoming).collect();
        Self::judge(self, &messages, now).into_iter().map(Judgement::from).collect()
    }
}

impl Guard {
    /// What the network makes of it: whether to wait for an epoch, for a membership, or to try
    /// again.
    fn told(&self, error: AdmitError, now: UnixNanos) -> AdmissionError {
        match error {
            AdmitError::NoMembership | AdmitError::Prove(SendProofError::NotAMember) => {
                AdmissionError::NotMember
            }
            AdmitError::Prove(SendProofError::Budget(BudgetError::Exhausted { .. })) => {
                let next = self.next_epoch(now).unwrap_or(now);
                AdmissionError::Exhausted { next }
            }
            _ => AdmissionError::Unproved,
        }
    }
}

const fn signal(message: &WakuMessage) -> Signal<'_> {
    Signal {
        payload: message.payload.as_slice(),
        content_topic: message.content_topic.as_str(),
        timestamp: message.timestamp,
    }
}

impl From<Verdict> for Judgement {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accept,
            Verdict::Ignore(_) => Self::Ignore,
            Verdict::Reject(_) => Self::Reject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::guard::tests::{LIMIT, NOW, file_guard};

    fn message(text: &str) -> WakuMessage {
        WakuMessage::new("/test/1/chat/proto", text.as_bytes().to_vec())
    }

    #[test]
    fn a_message_that_one_node_admits_passes_at_another_and_only_as_it_was() {
        let (sender, relay) = (file_guard(0), file_guard(1));
        let mut sent = message("hello");
        Admission::admit(&sender, &mut sent, NOW).unwrap();
        assert_eq!(sent.timestamp, NOW);
        let mut changed = sent.clone();
        changed.payload.push(b'!');
        let batch = [message("no proof"), changed, sent.clone(), sent];
        let judged = Admission::judge(&relay, &batch, NOW);
        let (accept, ignore, reject) = (Judgement::Accept, Judgement::Ignore, Judgement::Reject);
        assert_eq!(judged, [reject, reject, accept, ignore]);
    }

    #[test]
    fn a_member_at_its_limit_is_told_when_the_next_epoch_begins() {
        let sender = file_guard(0);
        for number in 0..LIMIT {
            Admission::admit(&sender, &mut message(&number.to_string()), NOW).unwrap();
        }
        let next = sender.next_epoch(NOW).unwrap();
        let refused = Admission::admit(&sender, &mut message("one more"), NOW);
        assert_eq!(refused, Err(AdmissionError::Exhausted { next }));
        assert!(next > NOW);
        assert_eq!(Admission::admit(&sender, &mut message("one more"), next), Ok(()));
    }
}
