//! Every type that holds a secret: what it prints, and that it is wiped.
//!
//! Types of several fields are taken apart without `..`, so that a field that is added must be
//! looked at here.

use alloc::vec;
use alloc::vec::Vec;
use core::marker::PhantomData;
use std::format;

use logos_crypto::keys::{PublicKey, SigningKey, StaticSecret};
use logos_crypto::secret::Secret;
use logos_crypto::tick::Tick;
use zeroize::ZeroizeOnDrop;

use crate::conversation::Conversation;
use crate::device::Device;
use crate::double_ratchet::{
    Answer, DoubleRatchet, KemRatchet, KemSignal, Offer, ReceivingChain, Sending, SendingChain,
    Skipped,
};
use crate::handshake::{KemPrekey, ResponderSecrets};
use crate::kem::{CIPHERTEXT_BYTES, Ciphertext, KemSecretKey};
use crate::keys::{ChainKey, HeaderKey, MessageKey, RootKey};
use crate::logos_v1::HybridV1;
use crate::session::{Role, Session, SessionId};
use crate::shipped::Prekey;
use crate::snapshot::StorageKey;
use crate::suite::RootStep;

/// What no output may show, in decimal or in hexadecimal.
const SECRET: u8 = 0xab;

fn secret<const N: usize>() -> Secret<N> {
    Secret::new([SECRET; N])
}

fn key() -> StaticSecret {
    StaticSecret::from_secret(secret())
}

fn kem_key() -> KemSecretKey {
    KemSecretKey::from_seed(secret())
}

fn ciphertext() -> Ciphertext {
    Ciphertext::from_bytes(&[1; CIPHERTEXT_BYTES])
}

fn sending_chain() -> SendingChain {
    SendingChain {
        secret: key(),
        chain: ChainKey::new(secret()),
        n: 3,
        previous: 2,
        header_key: Some(HeaderKey::new(secret())),
        flags: 0,
    }
}

fn receiving_chain() -> ReceivingChain {
    let remote = PublicKey::from_bytes([9; 32]);
    let header_key = Some(HeaderKey::new(secret()));
    let mut chain = ReceivingChain::new(remote, header_key, ChainKey::new(secret()));
    let skipped = vec![(0, MessageKey::new(secret()))];
    chain.advance_to(1, ChainKey::new(secret()), skipped, Tick::ORIGIN);
    chain
}

fn ratchet() -> DoubleRatchet<HybridV1> {
    DoubleRatchet {
        root: RootKey::new(secret()),
        binding: [0; 32],
        sending: Sending::Active(sending_chain()),
        receiving: vec![receiving_chain()],
        next_sending_header: Some(HeaderKey::new(secret())),
        next_receiving_header: Some(HeaderKey::new(secret())),
        kem: KemRatchet::Initiator { epoch: 4, state: Offer::Ready { secret: secret() } },
        suite: PhantomData,
    }
}

fn session() -> Session<HybridV1> {
    Session {
        ratchet: ratchet(),
        id: SessionId([8; 32]),
        role: Role::Initiator,
        peer: PublicKey::from_bytes([7; 32]),
        generation: 1,
        confirmed: true,
        preamble: Vec::new(),
    }
}

fn device() -> Device<true> {
    Device::new(key(), SigningKey::from_secret(&secret()), StorageKey::new(secret()))
}

/// All of them, one a line.
fn printed() -> Vec<std::string::String> {
    let device_key = SigningKey::from_secret(&secret()).verifying_key();
    let (identity, public) = (key(), kem_key().public_key());
    vec![
        format!("{:?}", RootKey::new(secret())),
        format!("{:?}", ChainKey::new(secret())),
        format!("{:?}", MessageKey::new(secret())),
        format!("{:?}", HeaderKey::new(secret())),
        format!("{:?}", StorageKey::new(secret())),
        format!("{:?}", kem_key()),
        format!("{:?}", kem_key().expand().0),
        format!("{:?}", Prekey::new(key())),
        format!(
            "{:?}",
            RootStep {
                root: RootKey::new(secret()),
                chain: ChainKey::new(secret()),
                next_header: Some(HeaderKey::new(secret())),
            }
        ),
        format!("{:?}", KemPrekey { secret: kem_key().expand().0, digest: [1; 32] }),
        format!(
            "{:?}",
            ResponderSecrets {
                identity: &identity,
                device: &device_key,
                signed: key(),
                one_time: Some(key()),
                kem: Some(KemPrekey { secret: kem_key().expand().0, digest: [1; 32] }),
            }
        ),
        format!("{:?}", Sending::Prepared { secret: key() }),
        format!("{:?}", Sending::Active(sending_chain())),
        format!("{:?}", receiving_chain()),
        format!("{:?}", Offer::Resting { chains: 2 }),
        format!("{:?}", Offer::Offering { secret: kem_key(), key: public.clone() }),
        format!("{:?}", Offer::Ready { secret: secret() }),
        format!("{:?}", Answer::Resting),
        format!("{:?}", Answer::Asked { key: public.clone() }),
        format!("{:?}", Answer::Answering { ciphertext: ciphertext(), secret: secret() }),
        format!("{:?}", KemSignal::Offer { epoch: 1, key: public }),
        format!("{:?}", KemSignal::Answer { epoch: 1, ciphertext: ciphertext() }),
        format!("{:?}", ratchet()),
        format!("{:?}", session()),
        format!("{:?}", Conversation::new(session())),
        format!("{:?}", device()),
    ]
}

#[test]
fn no_type_that_holds_a_secret_prints_it() {
    let printed = printed();
    for line in &printed {
        assert!(!line.contains("abab") && !line.contains("171, 171"), "{line}");
    }
    insta::assert_snapshot!(printed.join("\n"));
}

/// Stands for a field that is wiped on drop.
fn wiped(_: &impl ZeroizeOnDrop) {}

#[test]
fn keys_are_wiped_on_drop() {
    wiped(&RootKey::new(secret()));
    wiped(&ChainKey::new(secret()));
    wiped(&MessageKey::new(secret()));
    wiped(&HeaderKey::new(secret()));
    wiped(&StorageKey::new(secret()));
    wiped(&kem_key());
    wiped(&kem_key().expand().0);
    wiped(&Prekey::new(key()));
    let KemPrekey { secret, digest: _ } =
        KemPrekey { secret: kem_key().expand().0, digest: [1; 32] };
    wiped(&secret);
}

#[test]
fn every_secret_field_of_a_chain_is_wiped_on_drop() {
    let SendingChain { secret, chain, n: _, previous: _, header_key, flags: _ } = sending_chain();
    wiped(&secret);
    wiped(&chain);
    header_key.iter().for_each(wiped);
    let ReceivingChain { remote: _, header_key, chain, n: _, skipped } = receiving_chain();
    header_key.iter().for_each(wiped);
    chain.iter().for_each(wiped);
    for Skipped { key, since: _ } in skipped.values() {
        wiped(key);
    }
}

#[test]
fn every_secret_field_of_a_session_is_wiped_on_drop() {
    let Session { ratchet, id: _, role: _, peer: _, generation: _, confirmed: _, preamble: _ } =
        session();
    let DoubleRatchet {
        root,
        binding: _,
        sending,
        receiving,
        next_sending_header,
        next_receiving_header,
        kem,
        suite: _,
    } = ratchet;
    wiped(&root);
    next_sending_header.iter().chain(&next_receiving_header).for_each(wiped);
    assert_eq!(receiving.len(), 1, "their fields have a test of their own");
    match sending {
        Sending::Prepared { secret } => wiped(&secret),
        Sending::Idle { remote: _, previous: _ } => {}
        // Its fields have a test of their own.
        Sending::Active(SendingChain { .. }) => {}
    }
    match kem {
        KemRatchet::Off => {}
        KemRatchet::Initiator { epoch: _, state } => match state {
            Offer::Resting { chains: _ } => {}
            Offer::Offering { secret, key: _ } => wiped(&secret),
            Offer::Ready { secret } => wiped(&secret),
        },
        KemRatchet::Responder { epoch: _, state } => match state {
            Answer::Resting | Answer::Asked { key: _ } => {}
            Answer::Answering { ciphertext: _, secret } => wiped(&secret),
        },
    }
}

#[test]
fn every_secret_field_of_a_device_is_wiped_on_drop() {
    let Device { identity, signing, storage } = device();
    wiped(&identity);
    wiped(&signing);
    wiped(&storage);
}
