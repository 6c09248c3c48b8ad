//! Who may depend on whom.

use crate::metadata::{Graph, Kind, Package};

/// What one of our packages may be built from.
struct Layer {
    package: &'static str,
    /// Which of ours it may use.
    ours: &'static str,
    /// Which of others', by name or by `prefix*`. `None` is free.
    foreign: Option<&'static str>,
    /// Is it free of runtimes, sockets and databases, all the way down?
    pure: bool,
}

/// The crates that hold the protocols.
pub(super) const PRIMITIVES: &str = "logos-crypto logos-mix logos-ratchet logos-rln";

/// Every package of the workspace. A new one gets its line here before it gets code.
const LAYERS: &[Layer] = &[
    Layer {
        package: "logos-crypto",
        ours: "",
        foreign: Some(
            "aes ark-* blake2 chacha20 chacha20poly1305 cipher cpufeatures ctr curve25519-dalek \
             ed25519-dalek graviola hkdf hmac once_cell poly1305 rand_core rayon sha2 sha3 subtle thiserror \
             zerocopy zeroize",
        ),
        pure: true,
    },
    Layer {
        package: "logos-rln",
        ours: "logos-crypto",
        foreign: Some(
            "ark-* once_cell rand_chacha rand_core rayon sha2 sha3 subtle thiserror zeroize",
        ),
        pure: true,
    },
    // Its build script takes the published keys out of the oracle's package.
    Layer { package: "logos-rln-keys", ours: "logos-rln", foreign: Some("rln sha2"), pure: true },
    Layer {
        package: "logos-ratchet",
        ours: "logos-crypto",
        foreign: Some(
            "aes blake2 cbc chacha20 curve25519-dalek hkdf hmac libcrux-ml-kem openmls* prost rand_core sha2 \
             sha3 subtle thiserror tls_codec zeroize",
        ),
        pure: true,
    },
    Layer {
        package: "logos-mix",
        ours: "logos-crypto",
        foreign: Some(
            "aes blake2 chacha20 cipher cpufeatures ctr hmac libcrux-ml-kem libcrux-sha3 libm rand_core reed-solomon-simd sha2 sha3 \
             sphinx-packet subtle thiserror x25519-dalek zeroize",
        ),
        pure: true,
    },
    Layer {
        package: "logos-node",
        ours: "logos-crypto logos-mix logos-ratchet logos-rln logos-rln-keys",
        foreign: None,
        pure: false,
    },
    Layer { package: "logos-wasm", ours: PRIMITIVES, foreign: None, pure: false },
    // The machines of the node are fuzzed where they are.
    Layer {
        package: "logos-fuzz-targets",
        ours: "logos-crypto logos-mix logos-node logos-ratchet logos-rln",
        foreign: Some("rand_*"),
        pure: false,
    },
    Layer {
        package: "logos-fuzz",
        ours: "logos-fuzz-targets",
        foreign: Some("libfuzzer-sys"),
        pure: false,
    },
    Layer { package: "logos-benches", ours: WORKSHOP, foreign: None, pure: false },
    Layer { package: "logos-tests", ours: WORKSHOP, foreign: None, pure: false },
    Layer { package: "xtask", ours: "", foreign: None, pure: false },
];

const WORKSHOP: &str = "logos-crypto logos-fuzz-targets logos-mix logos-node logos-ratchet \
                        logos-rln logos-rln-keys";

/// Runtimes, sockets, databases: nothing pure has one of these anywhere below it.
const IMPURE: &str = "async-std hyper libp2p libp2p-* mio redb reqwest rusqlite sled smol socket2 \
                      tokio";

/// What the layers forbid.
pub(super) fn check(graph: &Graph) -> Vec<String> {
    graph.members().flat_map(|package| check_member(graph, package)).collect()
}

fn check_member(graph: &Graph, package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    let Some(layer) = LAYERS.iter().find(|layer| layer.package == name) else {
        return vec![format!("{name} has no layer: give it one in xtask/src/arch/layers.rs")];
    };
    let mut violations = Vec::new();
    for other in graph.ours(package, &[Kind::Normal, Kind::Build]) {
        if !is_among(layer.ours, other) {
            violations.push(format!("{name} must not depend on {other}"));
        }
    }
    if let Some(allowed) = layer.foreign {
        for other in graph.direct(package, &[Kind::Normal]).filter(|other| !other.member) {
            if !is_among(allowed, &other.name) {
                violations.push(format!("{name} must not depend on {}", other.name));
            }
        }
    }
    if layer.pure {
        for other in graph.closure(package, &[]) {
            if is_among(IMPURE, &other.name) {
                violations.push(format!("{name} is pure but is built on {}", other.name));
            }
        }
    }
    for declared in &package.declared {
        if declared.source.as_deref().is_some_and(|source| source.starts_with("git+")) {
            violations.push(format!("{name} takes {} from git", declared.name));
        }
        if declared.requirement == "*" && declared.source.is_some() {
            violations.push(format!("{name} takes any version of {}", declared.name));
        }
    }
    violations
}

/// Does `name` match one of `patterns`, which stand between spaces?
fn is_among(patterns: &str, name: &str) -> bool {
    patterns.split_whitespace().any(|pattern| matches(pattern, name))
}

/// Does `name` match `pattern`, which may end in `*`?
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Declared;
    use crate::metadata::tests::graph;

    const N: Kind = Kind::Normal;

    #[test]
    fn the_intended_graph_passes() {
        let graph = graph(&[
            ("logos-crypto", "0.1.0", true, &[("ark-ff", N), ("proptest", Kind::Dev)]),
            ("logos-rln", "0.1.0", true, &[("logos-crypto", N)]),
            ("logos-node", "0.1.0", true, &[("logos-rln", N), ("tokio", N)]),
            ("logos-tests", "0.1.0", true, &[("logos-node", Kind::Dev), ("rln", Kind::Dev)]),
            ("ark-ff", "0.6.0", false, &[]),
            ("proptest", "1.0.0", false, &[]),
            ("tokio", "1.0.0", false, &[]),
            ("rln", "3.0.0", false, &[]),
        ]);
        assert_eq!(check(&graph), Vec::<String>::new());
    }

    #[test]
    fn siblings_do_not_meet() {
        let graph = graph(&[
            ("logos-mix", "0.1.0", true, &[("logos-rln", N)]),
            ("logos-rln", "0.1.0", true, &[]),
        ]);
        assert_eq!(check(&graph), ["logos-mix must not depend on logos-rln"]);
    }

    #[test]
    fn nothing_but_the_workshop_depends_on_the_node() {
        let graph = graph(&[
            ("logos-wasm", "0.1.0", true, &[("logos-node", N)]),
            ("logos-node", "0.1.0", true, &[]),
        ]);
        assert_eq!(check(&graph), ["logos-wasm must not depend on logos-node"]);
    }

    #[test]
    fn a_runtime_below_a_pure_crate_is_found_wherever_it_hides() {
        let graph = graph(&[
            ("logos-crypto", "0.1.0", true, &[("sha2", N)]),
            ("sha2", "0.11.0", false, &[("tokio", N)]),
            ("tokio", "1.0.0", false, &[]),
        ]);
        assert_eq!(check(&graph), ["logos-crypto is pure but is built on tokio"]);
    }

    #[test]
    fn a_foreign_crate_needs_a_line_in_the_table() {
        let graph = graph(&[
            ("logos-crypto", "0.1.0", true, &[("serde", N)]),
            ("serde", "1.0.0", false, &[]),
        ]);
        assert_eq!(check(&graph), ["logos-crypto must not depend on serde"]);
    }

    #[test]
    fn a_member_without_a_layer_is_refused() {
        let graph = graph(&[("logos-utils", "0.1.0", true, &[])]);
        assert_eq!(check(&graph).len(), 1);
    }

    #[test]
    fn git_and_wildcard_dependencies_are_refused() {
        let mut graph = graph(&[("logos-crypto", "0.1.0", true, &[])]);
        let declare = |requirement: &str, source: &str| Declared {
            name: "sha2".to_owned(),
            requirement: requirement.to_owned(),
            source: Some(source.to_owned()),
        };
        let package = graph.packages.get_mut("logos-crypto").unwrap();
        package.declared = vec![declare("^0.11", "git+https://a"), declare("*", "registry+b")];
        let found = check(&graph);
        assert_eq!(
            found,
            ["logos-crypto takes sha2 from git", "logos-crypto takes any version of sha2"]
        );
    }
}
