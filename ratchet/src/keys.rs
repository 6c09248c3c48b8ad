//! The symmetric keys of a session, one type for each life.
//!
//! None of them is `Clone`, `Copy` or `Serialize`; they leave a session only inside an encrypted
//! snapshot.

use core::fmt;

use logos_crypto::secret::Secret;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(PartialEq, Eq, zeroize::ZeroizeOnDrop)]
        pub struct $name(Secret<32>);

        impl $name {
            pub(crate) const fn new(bytes: Secret<32>) -> Self {
                Self(bytes)
            }

            pub(crate) fn from_slice(bytes: &[u8; 32]) -> Self {
                Self(Secret::with(|key| key.copy_from_slice(bytes)))
            }

            pub(crate) const fn secret(&self) -> &Secret<32> {
                &self.0
            }

            pub(crate) fn expose(&self) -> &[u8; 32] {
                self.secret().expose()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let Self(_) = self;
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

key! {
    /// `RK`: what every Diffie-Hellman and KEM secret of the session has been mixed into.
    RootKey
}
key! {
    /// `CK`: every later message key of one chain follows from it, no earlier one does.
    ChainKey
}
key! {
    /// `MK`: seals one message.
    MessageKey
}
key! {
    /// `HK`: seals the headers of one chain.
    HeaderKey
}
