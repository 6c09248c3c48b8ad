//! The published vectors are what this implementation makes.

#![cfg(feature = "pq")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test that reads files"
)]

mod vectors {
    pub mod generate;
}

use std::path::Path;

#[test]
fn the_published_vectors_are_what_we_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/mix");
    for (name, value) in vectors::generate::files() {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let published: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(published == value, "{name} differs");
    }
}
