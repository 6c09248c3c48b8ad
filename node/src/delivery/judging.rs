//! Messages that wait to be judged, in batches on worker threads.

use std::collections::VecDeque;
use std::sync::Arc;

use libp2p::PeerId;
use libp2p::gossipsub::MessageId;
use tokio::sync::oneshot;

use super::admission::{Admission, Judgement};
use crate::wire::{LightPushResponse, MessageHash, PubsubTopic, UnixNanos, WakuMessage};

/// Where a message came from, and who is to learn the judgement.
#[derive(Debug)]
pub(super) enum Origin {
    /// Gossip waits with forwarding it.
    Gossip { id: MessageId, from: PeerId },
    /// A peer that filters for us.
    Filter { from: PeerId },
    /// A peer that publishes through us waits for its answer.
    Push { request_id: String, reply: oneshot::Sender<LightPushResponse> },
}

/// What is known of a message besides the message.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) origin: Origin,
    pub(super) topic: PubsubTopic,
    pub(super) hash: MessageHash,
}

/// Messages judged together.
#[derive(Debug)]
pub(super) struct Batch {
    messages: Vec<WakuMessage>,
    candidates: Vec<Candidate>,
}

/// A message with its judgement.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) message: WakuMessage,
    pub(super) candidate: Candidate,
    pub(super) judgement: Judgement,
}

impl Batch {
    /// Judges; blocks for as long as it takes.
    pub(super) fn judge(self, admission: &Arc<dyn Admission>, now: UnixNanos) -> Vec<Judged> {
        let mut judgements = admission.judge(&self.messages, now).into_iter();
        let pairs = self.messages.into_iter().zip(self.candidates);
        pairs
            .map(|(message, candidate)| {
                let judgement = judgements.next().unwrap_or(Judgement::Ignore);
                Judged { message, candidate, judgement }
            })
            .collect()
    }
}

/// The queue.
#[derive(Debug)]
pub(super) struct Judging {
    waiting: VecDeque<(WakuMessage, Candidate)>,
    workers: usize,
    busy: usize,
}

impl Judging {
    /// Messages that wait; further ones are dropped.
    pub(super) const MAX_WAITING: usize = 8192;
    /// Messages in one batch.
    pub(super) const MAX_BATCH: usize = 64;

    pub(super) const fn new(workers: usize) -> Self {
        Self { waiting: VecDeque::new(), workers, busy: 0 }
    }

    /// Adds a message, or gives the candidate back if too many wait.
    pub(super) fn push(&mut self, message: WakuMessage, candidate: Candidate) -> Option<Candidate> {
        if self.waiting.len() >= Self::MAX_WAITING {
            return Some(candidate);
        }
        self.waiting.push_back((message, candidate));
        None
    }

    /// The next batch for a worker, if one is free and there is anything to do.
    pub(super) fn next_batch(&mut self) -> Option<Batch> {
        if self.busy >= self.workers || self.waiting.is_empty() {
            return None;
        }
        self.busy += 1;
        let size = self.waiting.len().min(Self::MAX_BATCH);
        let (messages, candidates) = self.waiting.drain(..size).unzip();
        Some(Batch { messages, candidates })
    }

    /// A worker is free again.
    pub(super) const fn done(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate() -> Candidate {
        Candidate {
            origin: Origin::Filter { from: PeerId::random() },
            topic: PubsubTopic { cluster: 1, shard: 0 },
            hash: MessageHash::from_bytes([0; 32]),
        }
    }

    #[test]
    fn what_waits_goes_out_in_batches_to_free_workers() {
        let mut judging = Judging::new(2);
        for _ in 0..150 {
            assert!(judging.push(WakuMessage::default(), candidate()).is_none());
        }
        let mut sizes = Vec::new();
        while let Some(batch) = judging.next_batch() {
            sizes.push(batch.messages.len());
        }
        assert_eq!(sizes, [64, 64]);
        judging.done();
        assert_eq!(judging.next_batch().unwrap().messages.len(), 22);
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut judging = Judging::new(1);
        for _ in 0..Judging::MAX_WAITING {
            assert!(judging.push(WakuMessage::default(), candidate()).is_none());
        }
        assert!(judging.push(WakuMessage::default(), candidate()).is_some());
    }

    #[test]
    fn a_judge_who_says_too_little_accepts_nothing() {
        struct Silent;
        impl Admission for Silent {
            fn admit(
                &self,
                _: &mut WakuMessage,
                _: UnixNanos,
            ) -> Result<(), super::super::admission::AdmissionError> {
                Ok(())
            }
            fn judge(&self, _: &[WakuMessage], _: UnixNanos) -> Vec<Judgement> {
                Vec::new()
            }
        }
        let mut judging = Judging::new(1);
        assert!(judging.push(WakuMessage::default(), candidate()).is_none());
        let silent: Arc<dyn Admission> = Arc::new(Silent);
        let judged = judging.next_batch().unwrap().judge(&silent, UnixNanos::new(0));
        assert_eq!(judged[0].judgement, Judgement::Ignore);
    }
}
