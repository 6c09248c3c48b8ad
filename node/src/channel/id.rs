//! Names of participants and messages.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Bytes of a name, at most.
pub const MAX_ID_BYTES: usize = 128;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A copy shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text of 1 to [`MAX_ID_BYTES`] bytes; nothing for any other.
            #[must_use]
            pub fn new(text: &str) -> Option<Self> {
                (1..=MAX_ID_BYTES).contains(&text.len()).then(|| Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let short: String = self.0.chars().take(12).collect();
                write!(f, "{}({short:?})", stringify!($name))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// Who sends: the `sender_id` of LIP-109.
    ParticipantId
}
name! {
    /// A message of a channel: the `message_id` of LIP-109, the same for every transmission.
    MessageId
}
name! {
    /// A channel: the `channel_id` of LIP-109.
    ChannelId
}
