//! The chat: account, sessions, conversations and history over one sealed database.

mod account;
mod conversation;
mod inbox;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use logos_crypto::keys::PublicKey;
use logos_crypto::tick::Tick;
use logos_ratchet::identity::Fingerprint;
use logos_ratchet::{Bundle, BundleError, BundlePlan, DeviceError};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use thiserror::Error;

use super::content::Content;
use super::history::{Line, LineState};
use super::topic::{self, ConversationId};
use crate::channel::{ChannelError, MessageId, Page, Query, RestoreError, SendError};
use crate::store::{RecordError, Records, RedbSessions};
use account::Account;
use conversation::Conversation;

/// Conversations of one account, at most.
pub const MAX_CONVERSATIONS: usize = 1000;
/// How long an introduction is good for.
pub const INTRODUCTION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Why a chat did not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatError {
    /// The database failed.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// A session or a prekey was not usable.
    #[error(transparent)]
    Device(#[from] DeviceError<RecordError>),
    /// The introduction is not one, or not usable any more.
    #[error(transparent)]
    Introduction(#[from] BundleError),
    /// The introduction is our own.
    #[error("the introduction is our own")]
    Ourselves,
    /// There is no such conversation.
    #[error("there is no conversation {0}")]
    Unknown(ConversationId),
    /// There are [`MAX_CONVERSATIONS`] already.
    #[error("there are {MAX_CONVERSATIONS} conversations already")]
    TooMany,
    /// The message was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The records of a conversation are damaged.
    #[error(transparent)]
    Damaged(#[from] RestoreError),
}

impl From<ChannelError<RecordError>> for ChatError {
    fn from(error: ChannelError<RecordError>) -> Self {
        match error {
            ChannelError::Store(error) => Self::Records(error),
            ChannelError::Restore(error) => Self::Damaged(error),
            ChannelError::Send(error) => Self::Send(error),
        }
    }
}

/// Why a payload was passed over. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unwanted {
    /// Its topic is none of ours.
    Topic,
    /// No session of ours reads it.
    Unreadable,
    /// It came before, or is a frame that the channel refuses.
    Known,
}

/// Something the person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatEvent {
    /// Somebody used an introduction of ours.
    Started {
        /// The conversation.
        conversation: ConversationId,
    },
    /// They said something.
    Said {
        /// The conversation.
        conversation: ConversationId,
        /// What they said.
        line: Line,
    },
    /// A line of ours has come further.
    Settled {
        /// The conversation.
        conversation: ConversationId,
        /// The line, as it is now.
        line: Line,
    },
    /// Something they said is not to be had.
    Lost {
        /// The conversation.
        conversation: ConversationId,
    },
}

/// Which message of a conversation was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub(super) conversation: ConversationId,
    pub(super) message: MessageId,
}

/// What a chat gives out. All of it is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChatOutput {
    /// Listen to this topic.
    Subscribe {
        /// The topic.
        topic: String,
    },
    /// Publish this.
    Publish {
        /// Where.
        topic: String,
        /// What.
        payload: Vec<u8>,
        /// Comes back with the transport hash, to [`Chat::handle_published`].
        receipt: Option<Receipt>,
    },
    /// Ask a store for one message, by its transport hash.
    Fetch {
        /// Where it was published.
        topic: String,
        /// Its hash.
        hash: Vec<u8>,
    },
    /// Ask a store for a page of a topic, and hand it to [`Chat::handle_page`].
    Query {
        /// The topic.
        topic: String,
        /// Which page.
        query: Query,
    },
    /// Tell the person.
    Event(ChatEvent),
}

/// The chats of one account.
///
/// Time and randomness are arguments, the database is below: no clock, no network. After each call
/// [`Chat::poll_output`] until it gives nothing, and sleep until [`Chat::next_deadline`] or input.
/// Time is counted from 1970.
#[derive(Debug)]
pub struct Chat {
    records: Records,
    sessions: RedbSessions,
    account: Account,
    conversations: BTreeMap<ConversationId, Conversation>,
    inbox: inbox::Inbox,
    outputs: VecDeque<ChatOutput>,
    rng: ChaCha20Rng,
}

impl Chat {
    /// The account of `records`, or a new one if there is none. `rng` gives keys and nonces.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn open(records: Records, now: Tick, mut rng: ChaCha20Rng) -> Result<Self, ChatError> {
        let account = Account::open(&records, &mut rng)?;
        let sessions = RedbSessions::new(records.clone(), ChaCha20Rng::from_rng(&mut rng));
        let inbox = inbox::Inbox::open(&records, now)?;
        let mut chat = Self {
            records,
            sessions,
            account,
            conversations: BTreeMap::new(),
            inbox,
            outputs: VecDeque::new(),
            rng,
        };
        chat.outputs.push_back(ChatOutput::Subscribe { topic: chat.inbox_topic() });
        for peer in conversation::peers(&chat.records)? {
            chat.resume(peer, now)?;
        }
        chat.query_inbox(now);
        Ok(chat)
    }

    /// Makes an introduction: a text that one person can start one conversation with.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn introduce(&mut self, now: Tick) -> Result<String, ChatError> {
        let plan = BundlePlan::introduction(now + INTRODUCTION_LIFETIME);
        let Self { account, sessions, rng, .. } = self;
        let bundle = account.device().publish(sessions, &plan, rng)?;
        Ok(bundle.to_text())
    }

    /// Starts a conversation with the person who made `introduction`, and says something.
    ///
    /// # Errors
    ///
    /// See [`ChatError`]; then nothing was said.
    pub fn start(
        &mut self,
        now: Tick,
        introduction: &str,
        content: &Content,
    ) -> Result<ConversationId, ChatError> {
        let bundle = Bundle::<true>::from_text(introduction, now)?;
        let peer = *bundle.identity();
        if peer == self.identity() {
            return Err(ChatError::Ourselves);
        }
        let id = ConversationId::of(&self.identity(), &peer);
        if !self.conversations.contains_key(&id) && self.conversations.len() >= MAX_CONVERSATIONS {
            return Err(ChatError::TooMany);
        }
        // The opening says nothing and is not published: until they answer, every message of the
        // session shows how to open it, and the channel repeats what is said.
        let Self { account, sessions, rng, .. } = self;
        account.device().initiate(sessions, &bundle, &[], now, rng)?;
        self.resume(peer, now)?;
        self.say(now, &id, content)?;
        Ok(id)
    }

    /// Says something in a conversation.
    ///
    /// # Errors
    ///
    /// See [`ChatError`]; then it was not said.
    pub fn say(
        &mut self,
        now: Tick,
        id: &ConversationId,
        content: &Content,
    ) -> Result<Line, ChatError> {
        let conversation = self.conversations.get_mut(id).ok_or(ChatError::Unknown(*id))?;
        let line = conversation.say(&self.records, now, content, &mut self.rng)?;
        self.drain(now, id)?;
        Ok(line)
    }

    /// Takes what came on a topic, under its transport hash.
    ///
    /// # Errors
    ///
    /// Outside, that the database failed; inside, why the payload was passed over.
    ///
    /// # Security
    ///
    /// `payload` is whatever the network says. A forged one costs what
    /// [`logos_ratchet::Device::receive`] says and changes nothing.
    pub fn handle_message(
        &mut self,
        now: Tick,
        topic: &str,
        payload: &[u8],
        hash: &[u8],
    ) -> Result<Result<(), Unwanted>, ChatError> {
        let peer = match self.peer_of(topic) {
            Ok(peer) => peer,
            Err(unwanted) => return Ok(Err(unwanted)),
        };
        let Some((peer, frame)) = self.decrypt(now, peer, payload)? else {
            return Ok(Err(Unwanted::Unreadable));
        };
        let id = ConversationId::of(&self.identity(), &peer);
        if !self.conversations.contains_key(&id) {
            self.resume(peer, now)?;
            self.outputs.push_back(ChatOutput::Event(ChatEvent::Started { conversation: id }));
        }
        let taken = match self.conversations.get_mut(&id) {
            Some(conversation) => conversation.handle_frame(now, &frame, hash)?,
            None => Err(Unwanted::Topic),
        };
        self.drain(now, &id)?;
        Ok(taken)
    }

    /// Takes the answer to a [`ChatOutput::Query`]; none if no store gave one.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn handle_page(
        &mut self,
        now: Tick,
        topic: &str,
        page: Option<&Page>,
    ) -> Result<(), ChatError> {
        if topic == self.inbox_topic() {
            return self.handle_inbox_page(now, page);
        }
        let Ok(Some(peer)) = self.peer_of(topic) else { return Ok(()) };
        let id = ConversationId::of(&self.identity(), &peer);
        let frames = match page {
            Some(page) => Some(self.decrypt_page(now, peer, page)?),
            None => None,
        };
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.handle_page(now, frames.as_ref())?;
        }
        self.drain(now, &id)
    }

    /// Does what is due.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn handle_timeout(&mut self, now: Tick) -> Result<(), ChatError> {
        for id in self.conversations.keys().copied().collect::<Vec<_>>() {
            let Some(conversation) = self.conversations.get_mut(&id) else { continue };
            if conversation.next_deadline().is_some_and(|deadline| deadline <= now) {
                conversation.handle_timeout(now)?;
                self.drain(now, &id)?;
            }
        }
        self.inbox_timeout(now);
        Ok(())
    }

    /// Tells under which transport hash something was published, so that the peer can fetch it.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn handle_published(
        &mut self,
        now: Tick,
        receipt: &Receipt,
        hash: &[u8],
    ) -> Result<(), ChatError> {
        let id = receipt.conversation;
        if let Some(conversation) = self.conversations.get_mut(&id) {
            conversation.handle_published(now, receipt, hash)?;
        }
        self.drain(now, &id)
    }

    /// Fetches what was missed: a connection came back.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn handle_connected(&mut self, now: Tick) -> Result<(), ChatError> {
        for id in self.conversations.keys().copied().collect::<Vec<_>>() {
            if let Some(conversation) = self.conversations.get_mut(&id) {
                conversation.handle_connected(now)?;
            }
            self.drain(now, &id)?;
        }
        self.query_inbox(now);
        Ok(())
    }

    /// The next thing to do. Call until it gives nothing.
    pub fn poll_output(&mut self) -> Option<ChatOutput> {
        self.outputs.pop_front()
    }

    /// When [`Chat::handle_timeout`] may have something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Tick> {
        let conversations = self.conversations.values().filter_map(Conversation::next_deadline);
        conversations.chain(self.inbox.deadline()).min()
    }

    /// The conversations.
    pub fn conversations(&self) -> impl Iterator<Item = &ConversationId> {
        self.conversations.keys()
    }

    /// The last `count` lines of a conversation, oldest first.
    ///
    /// # Errors
    ///
    /// See [`ChatError`].
    pub fn history(&self, id: &ConversationId, count: usize) -> Result<Vec<Line>, ChatError> {
        let conversation = self.conversations.get(id).ok_or(ChatError::Unknown(*id))?;
        conversation.history(&self.records, count)
    }

    /// The key that peers know this device by.
    #[must_use]
    pub const fn identity(&self) -> PublicKey {
        self.account.identity()
    }

    /// What we and `peer`'s device key give when compared; both sides see the same digits.
    #[must_use]
    pub fn fingerprint(&self, peer: &logos_crypto::keys::VerifyingKey) -> Fingerprint {
        Fingerprint::of(&self.account.verifying_key(), peer)
    }

    fn inbox_topic(&self) -> String {
        topic::inbox(&self.identity())
    }

    /// Whose topic is it? Nobody's in particular, if it is our inbox.
    fn peer_of(&self, topic: &str) -> Result<Option<PublicKey>, Unwanted> {
        if topic == self.inbox_topic() {
            return Ok(None);
        }
        let known = self.conversations.iter().find(|(id, _)| id.topic() == topic);
        known.map(|(_, conversation)| Some(*conversation.peer())).ok_or(Unwanted::Topic)
    }

    /// What a session of ours makes of a payload; nothing if none reads it.
    fn decrypt(
        &mut self,
        now: Tick,
        peer: Option<PublicKey>,
        payload: &[u8],
    ) -> Result<Option<(PublicKey, Vec<u8>)>, ChatError> {
        let Self { account, sessions, rng, .. } = self;
        match account.device().receive(sessions, peer.as_ref(), payload, now, rng) {
            Ok(received) if peer.is_some_and(|peer| peer != received.peer) => Ok(None),
            Ok(received) => Ok(Some((received.peer, received.content))),
            Err(DeviceError::Store(error)) => Err(error.into()),
            Err(DeviceError::Record(error)) => Err(DeviceError::Record(error).into()),
            Err(_) => Ok(None),
        }
    }

    fn decrypt_page(&mut self, now: Tick, peer: PublicKey, page: &Page) -> Result<Page, ChatError> {
        let mut frames = Vec::with_capacity(page.frames.len());
        for (payload, hash) in &page.frames {
            if let Some((_, frame)) = self.decrypt(now, Some(peer), payload)? {
                frames.push((frame, hash.clone()));
            }
        }
        Ok(Page { frames, cursor: page.cursor.clone() })
    }

    /// Opens the conversation with `peer`, new or known.
    fn resume(&mut self, peer: PublicKey, now: Tick) -> Result<(), ChatError> {
        let id = ConversationId::of(&self.identity(), &peer);
        if self.conversations.contains_key(&id) {
            return Ok(());
        }
        let me = self.identity();
        let conversation = Conversation::open(&self.records, &me, peer, now, &mut self.rng)?;
        self.conversations.insert(id, conversation);
        self.outputs.push_back(ChatOutput::Subscribe { topic: id.topic() });
        self.drain(now, &id)
    }

    /// Carries out what the conversation's channel wants.
    fn drain(&mut self, now: Tick, id: &ConversationId) -> Result<(), ChatError> {
        let Self { records, sessions, account, conversations, outputs, rng, .. } = self;
        let Some(conversation) = conversations.get_mut(id) else { return Ok(()) };
        conversation.drain(now, (records, sessions, account.device()), outputs, rng)
    }
}
