//! The symmetric keys of a session, one type for each life.
//!
//! None of them is `Clone`, `Copy` or `Serialize`; they leave a session only inside an encrypted
//! snapshot.

use core::fmt;

use logos_crypto::secret::Secret;

macro_rules! key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(PartialEq, Eq)]
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

        impl zeroize::ZeroizeOnDrop for $name {}
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

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn assert_zeroize_on_drop<T: zeroize::ZeroizeOnDrop>() {}

    #[test]
    fn keys_are_wiped_and_never_printed() {
        assert_zeroize_on_drop::<RootKey>();
        assert_zeroize_on_drop::<ChainKey>();
        assert_zeroize_on_drop::<MessageKey>();
        assert_zeroize_on_drop::<HeaderKey>();
        let secret = || Secret::new([0xab; 32]);
        insta::assert_snapshot!(
            format!(
                "{:?} {:?} {:?} {:?}",
                RootKey::new(secret()),
                ChainKey::new(secret()),
                MessageKey::new(secret()),
                HeaderKey::new(secret())
            ),
            @"RootKey(..) ChainKey(..) MessageKey(..) HeaderKey(..)"
        );
    }
}
