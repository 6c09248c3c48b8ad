//! Takes the deployed keys from the published zerokit package, checks that they are the known
//! ones, and prepares them for the prover.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script stops the build by panicking"
)]

use std::path::Path;
use std::{env, fs};

use ark_serialize_05::CanonicalSerialize;
use logos_rln::{KeyHash, PointChecks, ProvingKey};
use rln::circuit::{Zkey, default_zkey_multi, default_zkey_single};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    write_key("single", default_zkey_single(), KeyHash::SINGLE_20);
    write_key("multi", default_zkey_multi(), KeyHash::MULTI_20);
}

/// Writes `<name>.key` and `<name>.vk` if the key is the one with hash `expected`.
fn write_key(name: &str, zkey: &Zkey, expected: KeyHash) {
    let bytes = arkzkey(zkey);
    let hash = KeyHash::of(&bytes);
    assert_eq!(hash, expected, "the {name} key of the zerokit package is not the ceremony's");
    let key = ProvingKey::from_arkzkey(&bytes, PointChecks::UnlessKnown(&[expected]), &mut |_| ())
        .expect("the ceremony's key is a key of the RLN circuit");
    write(&format!("{name}.key"), &key.to_bytes());
    write(&format!("{name}.vk"), &key.verifying_key().to_bytes());
}

/// The bytes of the published file: the key, the counts and the matrices, uncompressed.
fn arkzkey(zkey: &Zkey) -> Vec<u8> {
    let (key, matrices) = zkey;
    let mut bytes = Vec::new();
    let mut put = |part: &dyn Fn(&mut Vec<u8>)| part(&mut bytes);
    put(&|out| key.serialize_uncompressed(out).expect("writing to memory"));
    for count in [
        matrices.num_instance_variables,
        matrices.num_witness_variables,
        matrices.num_constraints,
        matrices.a_num_non_zero,
        matrices.b_num_non_zero,
        matrices.c_num_non_zero,
    ] {
        put(&|out| out.extend_from_slice(&(count as u64).to_le_bytes()));
    }
    for matrix in [&matrices.a, &matrices.b, &matrices.c] {
        put(&|out| matrix.serialize_uncompressed(out).expect("writing to memory"));
    }
    bytes
}

fn write(name: &str, bytes: &[u8]) {
    let directory = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let path = Path::new(&directory).join(name);
    fs::write(&path, bytes).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}
