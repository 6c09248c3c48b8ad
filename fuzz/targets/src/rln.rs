//! Targets for `logos-rln`: every decoder is canonical, and the log never forgets a double signal.

use logos_crypto::Fr;
use logos_rln::wire::{ByteOrder, ForeignPartial, Frame, read_witness, write_witness};
use logos_rln::{
    ExtendedIdentity, ExternalNullifier, Identity, Membership, MerklePath, NullifierLog,
    PointChecks, Proof, ProofValues, ProvingKey, RlnProof, SingleValues, Verdict, VerifyingKey,
};

const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

/// A proof in each frame and both point forms: what decodes is encoded back to the same bytes.
///
/// # Panics
///
/// If it is not.
pub fn proof(data: &[u8]) {
    for frame in [Frame::V3, Frame::V3Mixed, Frame::V2, Frame::V0_9] {
        if let Ok(proof) = RlnProof::from_frame(data, frame) {
            assert_eq!(proof.to_frame(frame).as_deref(), Ok(data), "one proof has one encoding");
        }
    }
    if let Ok(proof) = Proof::from_bytes(data) {
        assert_eq!(proof.to_bytes(), data);
    }
    if let Ok(proof) = Proof::from_uncompressed(data) {
        assert_eq!(proof.to_uncompressed(), data);
    }
    let _ = RlnProof::from_bytes(data);
}

/// Public values in both byte orders.
///
/// # Panics
///
/// If what decodes is encoded to other bytes.
pub fn values(data: &[u8]) {
    for order in ORDERS {
        if let Ok(values) = ProofValues::from_bytes(data, order) {
            assert_eq!(values.to_bytes(order), data, "values have one encoding");
        }
    }
}

/// Identities, paths, memberships and witnesses in both byte orders, and partial proofs.
///
/// # Panics
///
/// If what decodes is encoded to other bytes.
pub fn witness(data: &[u8]) {
    for order in ORDERS {
        if let Ok(identity) = Identity::from_bytes(data, order) {
            assert_eq!(identity.to_bytes(order).expose(), data);
        }
        if let Ok(identity) = ExtendedIdentity::from_bytes(data, order) {
            assert_eq!(identity.to_bytes(order).expose(), data);
        }
        if let Ok(path) = MerklePath::from_bytes(data, order) {
            assert_eq!(path.to_bytes(order), data);
        }
        if let Ok(membership) = Membership::from_bytes(data, order) {
            assert_eq!(membership.to_bytes(order).expose(), data);
        }
        if let Ok((membership, message)) = read_witness(data, order) {
            assert_eq!(write_witness(&membership, &message, order).expose(), data);
        }
    }
    if let Ok(partial) = ForeignPartial::from_bytes(data) {
        assert_eq!(partial.to_bytes().expose(), data);
    }
}

/// Keys in every format; the first byte chooses one. No bytes make a reader panic or reserve more
/// than they bear out.
///
/// # Panics
///
/// If a verifying key that decodes is encoded to other bytes.
pub fn keys(data: &[u8]) {
    let Some((format, data)) = data.split_first() else { return };
    match format % 4 {
        0 => drop(ProvingKey::from_arkzkey(data, PointChecks::All, &mut |_| ())),
        1 => drop(ProvingKey::from_zkey(data, PointChecks::All, &mut |_| ())),
        2 => drop(ProvingKey::from_bytes(data)),
        _ => {
            if let Ok(key) = VerifyingKey::from_bytes(data) {
                assert_eq!(key.to_bytes(), data);
            }
        }
    }
}

/// Runs a script of epochs and signals through a nullifier log, beside a list of all signals.
///
/// # Panics
///
/// If the log calls a repeated nullifier fresh, or keeps more than it was allowed.
pub fn nullifiers(data: &[u8]) {
    const CAPACITY: usize = 8;
    let mut log = NullifierLog::new(2, CAPACITY);
    let epochs = [b"0", b"1", b"2"].map(|name| ExternalNullifier::new(name, b"fuzz"));
    let mut seen: Vec<(ExternalNullifier, u8, u8)> = Vec::new();
    for step in data.chunks_exact(3) {
        let [choice, id, x] = [step[0], step[1] % 16, step[2] % 4];
        let epoch = epochs[usize::from(choice) % 3];
        if choice & 0x80 != 0 {
            if !log.is_open(epoch) {
                seen.retain(|(other, ..)| *other != epoch);
            }
            log.open(epoch);
            continue;
        }
        let before = seen.iter().find(|(e, i, _)| (*e, *i) == (epoch, id)).map(|(.., x)| *x);
        match log.record(&signal(epoch, id, x)) {
            Ok(Verdict::Fresh) => {
                assert!(before.is_none(), "a fresh nullifier was not seen before");
                seen.push((epoch, id, x));
            }
            Ok(Verdict::Duplicate) => assert_eq!(before, Some(x)),
            Ok(_) => assert!(before.is_some_and(|other| other != x)),
            Err(_) => {}
        }
        assert!(log.len() <= 2 * CAPACITY);
    }
}

fn signal(epoch: ExternalNullifier, id: u8, x: u8) -> ProofValues {
    ProofValues::Single(SingleValues {
        y: Fr::from(u64::from(x) + 1),
        root: Fr::ONE,
        nullifier: Fr::from(u64::from(id)),
        x: Fr::from(u64::from(x) + 1),
        external_nullifier: epoch.to_field(),
    })
}
