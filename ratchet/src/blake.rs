//! The BLAKE2b derivations of the deployed chat and of LIP 242.

use blake2::digest::FixedOutput;
use blake2::digest::array::ArraySize;
use blake2::digest::typenum::{IsLessOrEqual, True, U18, U32, U64};
use blake2::{Blake2b512, Blake2bMac};
use hkdf::SimpleHkdf;
use logos_crypto::secret::Secret;
use zeroize::Zeroize;

use crate::keys::{ChainKey, MessageKey, RootKey};
use crate::suite::RootStep;

/// `KDF_RK`: HKDF with HMAC-BLAKE2b-512, `salt = root`, `ikm = dh`, to `root || chain`.
pub(crate) fn root_step(root: &RootKey, dh: &Secret<32>, info: &[u8]) -> RootStep {
    let keys = Secret::<64>::with(|okm| {
        let filled =
            SimpleHkdf::<Blake2b512>::new(Some(root.expose()), dh.expose()).expand(info, okm);
        debug_assert!(filled.is_ok(), "one block of HMAC-BLAKE2b-512");
    });
    let (root, chain) = keys.expose().split_at(32);
    RootStep {
        root: RootKey::new(Secret::with(|key| key.copy_from_slice(root))),
        chain: ChainKey::new(Secret::with(|key| key.copy_from_slice(chain))),
        next_header: None,
    }
}

/// `KDF_CK`: BLAKE2b-256 keyed with the chain key, personalised `ck` and `mk`.
pub(crate) fn chain_step(chain: &ChainKey) -> (ChainKey, MessageKey) {
    let key = mac_256(chain.secret(), b"mk");
    (ChainKey::new(mac_256(chain.secret(), b"ck")), MessageKey::new(key))
}

/// BLAKE2b-256 of nothing, keyed and personalised.
pub(crate) fn mac_256(key: &Secret<32>, personal: &[u8]) -> Secret<32> {
    Secret::with(|out| mac::<U32>(key.expose(), personal, out))
}

/// BLAKE2b-144 of nothing, keyed and personalised.
pub(crate) fn mac_144(key: &Secret<32>, personal: &[u8]) -> [u8; 18] {
    let mut out = [0; 18];
    mac::<U18>(key.expose(), personal, &mut out);
    out
}

fn mac<N>(key: &[u8; 32], personal: &[u8], out: &mut [u8])
where
    N: ArraySize + IsLessOrEqual<U64, Output = True>,
{
    let state = Blake2bMac::<N>::new_with_salt_and_personal(Some(key), &[], personal);
    debug_assert!(state.is_ok(), "key and personalisation are of constant, valid length");
    if let Ok(state) = state {
        let mut tag = state.finalize_fixed();
        out.copy_from_slice(&tag);
        tag.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    // The constants of libchat's own tests, derived again with Python's hashlib and hmac.
    #[test]
    fn chain_step_of_libchat() {
        let (next, key) = chain_step(&ChainKey::new(Secret::new([0xff; 32])));
        assert_eq!(
            key.expose(),
            &hex!("da847bbfc87a352d0071a00e742f7cc1dad55603475f964d94f41524da334576")
        );
        assert_eq!(
            next.expose(),
            &hex!("96f5434af30901f4851325d50b4882b79b019a34386cc1a721d0be10acfaa847")
        );
    }

    #[test]
    fn root_step_of_libchat_and_of_lip_242() {
        let step = |info: &[u8]| {
            root_step(&RootKey::new(Secret::new([0x11; 32])), &Secret::new([0x22; 32]), info)
        };
        let shipped = step(b"DoubleRatchetRootKey");
        assert_eq!(
            shipped.root.expose(),
            &hex!("fc9578d127d1febbe6650a4899f2662b0eaf987abc757499a9f454eface44b9e")
        );
        assert_eq!(
            shipped.chain.expose(),
            &hex!("b3b2f4b09190379095772fd09ae64e432ac8da59c7d88a255da14ece557834d4")
        );
        let lip = step(b"PrivateV1RootKey");
        assert_eq!(
            lip.root.expose(),
            &hex!("c920793c1ace3ef31645262fb7e6dc781cb2be7bfc8d2fccc62877afb18b7d32")
        );
        assert_eq!(
            lip.chain.expose(),
            &hex!("28872a118d87cdc499e0d6faa172a6ccc0f283b633f9f40e568f7a8dc8d21e7e")
        );
    }
}
