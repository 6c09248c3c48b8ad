//! Messages of others, from segments to events.

use logos_crypto::codec::{DecodeError, Reader, Writer};
use logos_crypto::tick::Tick;

use super::Channel;
use crate::channel::event::{ChannelEvent, participant, put_text};
use crate::channel::id::ParticipantId;
use crate::channel::sds::RestoreError;
use crate::channel::segment::{DropReason, ReassemblyOutput, Segment};
use crate::channel::store::{Change, Key};

impl Channel {
    /// Takes a segment that came in its turn, and keeps it until its message is whole.
    pub(super) fn take_segment(&mut self, now: Tick, sender: &ParticipantId, content: Vec<u8>) {
        let Ok((_, segment)) = Segment::decode(&content) else {
            let sender = sender.clone();
            return self.tell(ChannelEvent::Dropped { sender, reason: None });
        };
        let tag = self.state.take_tag();
        if self.reassembler.handle_segment(now, sender, segment, tag).is_err() {
            let (sender, reason) = (sender.clone(), Some(DropReason::Evicted));
            return self.tell(ChannelEvent::Dropped { sender, reason });
        }
        let record = encode(sender, &content);
        self.changes.push(Change::Put(Key::Segment(tag), record));
        self.collect_messages();
    }

    pub(super) fn collect_messages(&mut self) {
        while let Some(output) = self.reassembler.poll_output() {
            let (tags, event) = match output {
                ReassemblyOutput::Reassembled { sender, payload, tags } => {
                    (tags, ChannelEvent::Message { sender, payload })
                }
                ReassemblyOutput::Dropped { sender, reason, tags } => {
                    (tags, ChannelEvent::Dropped { sender, reason: Some(reason) })
                }
            };
            for tag in tags {
                self.forget_segment(tag);
            }
            self.tell(event);
        }
    }

    /// A segment of the same batch is not written at all.
    fn forget_segment(&mut self, tag: u64) {
        let key = Key::Segment(tag);
        match self.changes.last() {
            Some(Change::Put(last, _)) if *last == key => drop(self.changes.pop()),
            _ => self.changes.push(Change::Delete(key)),
        }
    }

    pub(super) fn restore_segment(
        &mut self,
        tag: u64,
        value: &[u8],
        now: Tick,
    ) -> Result<(), RestoreError> {
        let mut reader = Reader::new(value);
        let sender = participant(&mut reader)?.ok_or(DecodeError::NotCanonical)?;
        let content = reader.take(reader.remaining())?;
        let segment = Segment::decode(content).map_err(|_| RestoreError::Inconsistent)?;
        let taken = self.reassembler.handle_segment(now, &sender, segment.1, tag);
        taken.map_err(|_| RestoreError::Inconsistent)
    }
}

fn encode(sender: &ParticipantId, content: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(content.len() + 130);
    put_text(&mut out, sender.as_str());
    out.put(content);
    out.into_bytes()
}
