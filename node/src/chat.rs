//! Encrypted conversations of two, over reliable channels.
//!
//! A person's [`Chat`] has one device with its account. Who wants to be written to hands out an
//! introduction, good for one conversation; who reads it writes. From then on messages go through a
//! session of the ratchet, each transmission encrypted anew, and below it a reliable channel keeps
//! their order, repeats what was lost and says when the other has it. Sessions, channels and
//! history are sealed on disk under a passphrase, and a process that is killed loses nothing that
//! was accepted.
//!
//! | topic | for |
//! |---|---|
//! | `/logos-chat/2/<inbox>/proto` | first messages; `<inbox>` is a hash of the receiver's key |
//! | `/logos-chat/2/<conversation>/proto` | the rest; `<conversation>` is a hash of both keys |
//!
//! # Security
//!
//! A payload is what the ratchet encrypts, padded, and nothing else: no identity, no name, no
//! signature that a stranger could check. Topics are hashes of public keys: who has both keys of
//! two people can see that they write, and when. That a device is a person's is for the two to
//! find out, by comparing fingerprints.

mod content;
mod history;
mod machine;
mod terminal;
mod topic;

pub use crate::channel::{Arrival, Carrier, CarrierError};
pub use content::{Content, ContentFrame};
pub use history::{Line, LineState};
pub use machine::{
    Chat, ChatError, ChatEvent, ChatOutput, INTRODUCTION_LIFETIME, MAX_CONVERSATIONS, Receipt,
    Unwanted,
};
pub use terminal::{TerminalError, run_terminal};
pub use topic::ConversationId;
