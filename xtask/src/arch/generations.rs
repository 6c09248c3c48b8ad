//! One generation of cryptography in what is shipped.

use std::collections::BTreeSet;

use super::layers::matches;
use crate::metadata::Graph;

/// The packages that are published or run.
const SHIPPED: &[&str] =
    &["logos-crypto", "logos-mix", "logos-node", "logos-ratchet", "logos-rln", "logos-wasm"];

/// A package, or `prefix*`, and the one version line it may have.
const GENERATIONS: &[(&str, &str)] = &[
    ("rand_core", "0.10."),
    ("digest", "0.11."),
    ("sha2", "0.11."),
    ("curve25519-dalek", "5."),
    ("x25519-dalek", "3."),
    ("ed25519-dalek", "3."),
    ("ark-bn254", "0.6."),
    ("ark-ec", "0.6."),
    ("ark-ff", "0.6."),
    ("ark-poly", "0.6."),
    ("ark-serialize", "0.6."),
];

/// Packages that bring an older generation with them for their own use, and show none of it.
const GATES: &[&str] = &[
    // arkworks 0.6 brings rand 0.8 for its own sampling and digest 0.10 for its own hash to field.
    // We call neither.
    "ark-ff",
    "ark-serialize",
    "ark-std",
    // Its handshake hashes with sha2 0.10 and draws with rand_core 0.6, for itself.
    "libp2p",
    // Draws the ids of spans with rand 0.9, for itself.
    "opentelemetry_sdk",
    // The oracle's package, read by a build script for the published keys.
    "rln",
    // In the lock file only: the driver of PostgreSQL names sha2 0.10 for migrations and macros,
    // which are not built.
    "sqlx-core",
    "sqlx-macros",
];

/// Older generations among what is shipped.
pub(super) fn check(graph: &Graph) -> Vec<String> {
    let mut violations = BTreeSet::new();
    for package in graph.members().filter(|member| SHIPPED.contains(&member.name.as_str())) {
        for other in graph.closure(package, GATES) {
            let line = GENERATIONS.iter().find(|(pattern, _)| matches(pattern, &other.name));
            if let Some((_, line)) = line.filter(|(_, line)| !other.version.starts_with(line)) {
                violations.insert(format!(
                    "{} is built on {} {}, not {line}x",
                    package.name, other.name, other.version
                ));
            }
        }
    }
    violations.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Kind::{Dev, Normal};
    use crate::metadata::tests::graph;

    #[test]
    fn an_older_generation_is_found_below_a_shipped_crate() {
        let graph = graph(&[
            ("logos-mix", "0.1.0", true, &[("blake2", Normal)]),
            ("blake2", "0.10.0", false, &[("digest", Normal)]),
            ("digest", "0.10.7", false, &[]),
        ]);
        assert_eq!(check(&graph), ["logos-mix is built on digest 0.10.7, not 0.11.x"]);
    }

    #[test]
    fn tests_may_use_oracles_of_any_generation() {
        let graph = graph(&[
            ("logos-rln", "0.1.0", true, &[("rln", Dev)]),
            ("logos-tests", "0.1.0", true, &[("ark-ff", Normal)]),
            ("rln", "3.0.0", false, &[("ark-ff", Normal)]),
            ("ark-ff", "0.5.0", false, &[]),
        ]);
        assert_eq!(check(&graph), Vec::<String>::new());
    }

    #[test]
    fn arkworks_keeps_its_own_random_source_to_itself() {
        let graph = graph(&[
            ("logos-crypto", "0.1.0", true, &[("ark-std", Normal)]),
            ("ark-std", "0.6.0", false, &[("rand_core", Normal)]),
            ("rand_core", "0.6.4", false, &[]),
        ]);
        // The gate's own dependencies are seen no further than the gate.
        assert_eq!(check(&graph), Vec::<String>::new());
    }
}
