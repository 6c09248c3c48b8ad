//! The dependency graph, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Why a package depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It is part of what is built.
    Normal,
    /// Its build script needs it.
    Build,
    /// Its tests need it.
    Dev,
}

/// A dependency as a manifest declares it.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// The version requirement; `*` where none is given.
    pub(crate) requirement: String,
    /// The registry or repository; nothing for a path.
    pub(crate) source: Option<String>,
}

/// One package of one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    /// Is it one of ours?
    pub(crate) member: bool,
    pub(crate) declared: Vec<Declared>,
    /// Resolved edges: id of the other package, and why.
    pub(crate) edges: Vec<(String, Kind)>,
}

/// Packages by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    pub(crate) packages: BTreeMap<String, Package>,
}

impl Graph {
    /// Asks cargo about the workspace at `root`, from the lock file alone.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        Self::parse(&ask(root, "--locked")?)
    }

    /// Reads cargo's JSON.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let raw: raw::Metadata = serde_json::from_slice(json).context("read cargo metadata")?;
        let members: BTreeSet<String> = raw.workspace_members.into_iter().collect();
        let mut packages: BTreeMap<String, Package> = raw
            .packages
            .into_iter()
            .map(|package| {
                let member = members.contains(&package.id);
                (package.id.clone(), package.into_package(member))
            })
            .collect();
        for node in raw.resolve.nodes {
            if let Some(package) = packages.get_mut(&node.id) {
                package.edges = node.edges();
            }
        }
        Ok(Self { packages })
    }

    /// Our packages, by name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.member)
    }

    /// The names of the members that `package` depends on for one of `kinds`.
    pub(crate) fn ours<'a>(&'a self, package: &'a Package, kinds: &'a [Kind]) -> BTreeSet<&'a str> {
        self.direct(package, kinds).filter(|p| p.member).map(|p| p.name.as_str()).collect()
    }

    /// The packages that `package` depends on directly for one of `kinds`.
    pub(crate) fn direct<'a>(
        &'a self,
        package: &'a Package,
        kinds: &'a [Kind],
    ) -> impl Iterator<Item = &'a Package> {
        let wanted = package.edges.iter().filter(move |(_, kind)| kinds.contains(kind));
        wanted.filter_map(|(id, _)| self.packages.get(id))
    }

    /// Everything that is built into `package`, itself not among it. What lies only behind a
    /// package named in `gates` is left out.
    pub(crate) fn closure(&self, package: &Package, gates: &[&str]) -> Vec<&Package> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let mut queue = vec![package];
        while let Some(current) = queue.pop() {
            for (id, kind) in &current.edges {
                let Some(next) = self.packages.get(id) else { continue };
                if *kind == Kind::Normal && seen.insert(id) {
                    found.push(next);
                    if !gates.contains(&next.name.as_str()) {
                        queue.push(next);
                    }
                }
            }
        }
        found
    }
}

/// Where cargo puts what it builds for the workspace at `root`.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    let raw: raw::Place = serde_json::from_slice(&ask(root, "--no-deps")?)?;
    Ok(raw.target_directory)
}

fn ask(root: &Path, option: &str) -> Result<Vec<u8>> {
    let output = crate::cargo()
        .args(["metadata", "--format-version", "1", option])
        .current_dir(root)
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

/// The parts of cargo's format that are read.
mod raw {
    use super::{Declared, Deserialize, Kind, Package, PathBuf};

    #[derive(Deserialize)]
    pub(super) struct Place {
        pub(super) target_directory: PathBuf,
    }

    #[derive(Deserialize)]
    pub(super) struct Metadata {
        pub(super) packages: Vec<RawPackage>,
        pub(super) workspace_members: Vec<String>,
        pub(super) resolve: Resolve,
    }

    #[derive(Deserialize)]
    pub(super) struct RawPackage {
        pub(super) id: String,
        name: String,
        version: String,
        license: Option<String>,
        source: Option<String>,
        dependencies: Vec<RawDeclared>,
    }

    #[derive(Deserialize)]
    struct RawDeclared {
        name: String,
        req: String,
        source: Option<String>,
    }

    #[derive(Deserialize)]
    pub(super) struct Resolve {
        pub(super) nodes: Vec<Node>,
    }

    #[derive(Deserialize)]
    pub(super) struct Node {
        pub(super) id: String,
        deps: Vec<Edge>,
    }

    #[derive(Deserialize)]
    struct Edge {
        pkg: String,
        dep_kinds: Vec<EdgeKind>,
    }

    #[derive(Deserialize)]
    struct EdgeKind {
        kind: Option<String>,
    }

    fn kind(word: Option<&str>) -> Kind {
        match word {
            Some("build") => Kind::Build,
            Some("dev") => Kind::Dev,
            _ => Kind::Normal,
        }
    }

    impl RawPackage {
        pub(super) fn into_package(self, member: bool) -> Package {
            let declared = self.dependencies.into_iter().map(|dependency| Declared {
                name: dependency.name,
                requirement: dependency.req,
                source: dependency.source,
            });
            Package {
                declared: declared.collect(),
                name: self.name,
                version: self.version,
                license: self.license,
                source: self.source,
                member,
                edges: Vec::new(),
            }
        }
    }

    impl Node {
        pub(super) fn edges(self) -> Vec<(String, Kind)> {
            let edges = self.deps.into_iter().flat_map(|edge| {
                let Edge { pkg, dep_kinds } = edge;
                dep_kinds.into_iter().map(move |k| (pkg.clone(), kind(k.kind.as_deref())))
            });
            edges.collect()
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Name and id, version, whether it is a member, and edges by name.
    type Sketch<'a> = (&'a str, &'a str, bool, &'a [(&'a str, Kind)]);

    /// A graph as sketched, every package under our own licence.
    pub(crate) fn graph(packages: &[Sketch<'_>]) -> Graph {
        let package = |(name, version, member, edges): &Sketch<'_>| {
            let edges = edges.iter().map(|(to, kind)| ((*to).to_owned(), *kind)).collect();
            let (name, version) = ((*name).to_owned(), (*version).to_owned());
            let license = Some("MIT OR Apache-2.0".to_owned());
            let id = name.clone();
            (id, Package { name, version, license, member: *member, edges, ..Package::default() })
        };
        Graph { packages: packages.iter().map(package).collect() }
    }

    #[test]
    fn cargo_metadata_is_read() {
        let json = br#"{
            "packages": [
                {"id": "a 1", "name": "a", "version": "1.0.0", "license": "MIT", "source": null,
                 "dependencies": [{"name": "b", "req": "^2", "source": "registry+x", "kind": null}]},
                {"id": "b 2", "name": "b", "version": "2.0.0", "license": null,
                 "source": "registry+x", "dependencies": []}
            ],
            "workspace_members": ["a 1"],
            "resolve": {"nodes": [
                {"id": "a 1", "deps": [{"pkg": "b 2", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "b 2", "deps": []}
            ]}
        }"#;
        let graph = Graph::parse(json).unwrap();
        let a = graph.members().next().unwrap();
        assert_eq!((a.name.as_str(), a.member), ("a", true));
        assert_eq!(a.edges, [("b 2".to_owned(), Kind::Dev)]);
        assert!(graph.closure(a, &[]).is_empty());
    }

    #[test]
    fn a_closure_stops_at_a_gate() {
        let graph = graph(&[
            ("a", "1.0.0", true, &[("gate", Kind::Normal), ("t", Kind::Dev)]),
            ("gate", "1.0.0", false, &[("old", Kind::Normal)]),
            ("old", "0.1.0", false, &[]),
            ("t", "0.1.0", false, &[]),
        ]);
        let a = graph.packages.get("a").unwrap();
        let names = |gates: &[&str]| -> Vec<String> {
            graph.closure(a, gates).iter().map(|p| p.name.clone()).collect()
        };
        assert_eq!(names(&[]), ["gate", "old"]);
        assert_eq!(names(&["gate"]), ["gate"]);
    }
}
