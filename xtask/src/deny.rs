//! `cargo xtask deny`: bans, licences and sources, read from deny.toml.
//!
//! The file is that of cargo-deny, which checks the same and more (advisories, duplicates); this
//! task needs no tool and no network.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::conclude;
use crate::metadata::{Graph, Package};
use crate::spdx::satisfied;

/// The parts of deny.toml that are read.
#[derive(Debug, Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    #[serde(default)]
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    reason: String,
    /// A ban holds only for what is not below one of these.
    #[serde(default)]
    wrappers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    allow_registry: Vec<String>,
}

/// Checks every package of the lock file.
pub(crate) fn run(root: &Path) -> Result<()> {
    let text = fs::read_to_string(root.join("deny.toml")).context("read deny.toml")?;
    let policy: Policy = toml::from_str(&text).context("deny.toml")?;
    let graph = Graph::load(root)?;
    let checked = format!("{} packages", graph.packages.len());
    conclude("deny", &checked, &check(&policy, &graph))
}

fn check(policy: &Policy, graph: &Graph) -> Vec<String> {
    let parents = parents(graph);
    let mut violations = Vec::new();
    for package in graph.packages.values() {
        violations.extend(licence(&policy.licenses, package));
        violations.extend(source(&policy.sources, package));
        let above = parents.get(package.name.as_str()).map_or(&[][..], Vec::as_slice);
        violations.extend(ban(&policy.bans, package, above));
    }
    violations
}

/// The names of the packages that depend on each name.
fn parents(graph: &Graph) -> BTreeMap<&str, Vec<&str>> {
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in graph.packages.values() {
        for (id, _) in &package.edges {
            if let Some(child) = graph.packages.get(id) {
                parents.entry(&child.name).or_default().push(&package.name);
            }
        }
    }
    parents
}

fn licence(policy: &Licenses, package: &Package) -> Option<String> {
    let named = |list: &[String], name: &str| list.iter().any(|allowed| allowed == name);
    let exception = policy.exceptions.iter().find(|exception| exception.name == package.name);
    let allowed = |name: &str| {
        named(&policy.allow, name) || exception.is_some_and(|found| named(&found.allow, name))
    };
    let Package { name, version, license, .. } = package;
    let Some(expression) = license else {
        return Some(format!("{name} {version} states no licence"));
    };
    match satisfied(expression, &allowed) {
        Ok(true) => None,
        Ok(false) => Some(format!("{name} {version} is under {expression}")),
        Err(error) => Some(format!("{name} {version}: {error}")),
    }
}

fn source(policy: &Sources, package: &Package) -> Option<String> {
    let source = package.source.as_deref().filter(|_| !package.member)?;
    let registry = source.strip_prefix("registry+").or_else(|| source.strip_prefix("sparse+"));
    let known = registry.is_some_and(|url| policy.allow_registry.iter().any(|a| a == url));
    (!known).then(|| format!("{} {} comes from {source}", package.name, package.version))
}

fn ban(policy: &Bans, package: &Package, parents: &[&str]) -> Option<String> {
    let ban = policy.deny.iter().find(|ban| ban.name == package.name)?;
    let wrapped = |parent: &&str| ban.wrappers.iter().any(|wrapper| wrapper == *parent);
    let by = parents.iter().find(|parent| !wrapped(parent))?;
    Some(format!("{} is banned, needed by {by}: {}", package.name, ban.reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Kind::Normal;
    use crate::metadata::tests::graph;

    fn policy() -> Policy {
        toml::from_str(
            r#"
            [licenses]
            allow = ["MIT", "Apache-2.0"]
            exceptions = [{ crate = "odd", allow = ["Zlib"] }]
            [bans]
            deny = [{ crate = "sled", wrappers = ["rln"], reason = "unmaintained" }]
            [sources]
            allow-registry = ["https://registry"]
            "#,
        )
        .unwrap()
    }

    fn package(name: &str, license: Option<&str>, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            license: license.map(ToOwned::to_owned),
            source: Some(source.to_owned()),
            ..Package::default()
        }
    }

    #[test]
    fn a_licence_must_be_stated_and_allowed() {
        let policy = policy().licenses;
        let judge = |name, text| licence(&policy, &package(name, text, ""));
        assert_eq!(judge("a", Some("MIT OR GPL-3.0")), None);
        assert!(judge("a", Some("GPL-3.0")).is_some());
        assert!(judge("a", None).is_some());
        assert!(judge("a", Some("Zlib")).is_some());
        assert_eq!(judge("odd", Some("Zlib")), None);
    }

    #[test]
    fn a_package_comes_from_a_known_registry() {
        let policy = policy().sources;
        let judge = |from| source(&policy, &package("a", None, from));
        assert_eq!(judge("registry+https://registry"), None);
        assert!(judge("registry+https://elsewhere").is_some());
        assert!(judge("git+https://registry/a").is_some());
    }

    #[test]
    fn a_ban_holds_except_below_its_wrapper() {
        let mut graph =
            graph(&[("sled", "0.34.0", false, &[]), ("rln", "3.0.0", false, &[("sled", Normal)])]);
        assert_eq!(check(&policy(), &graph), Vec::<String>::new());
        let ours = Package {
            name: "logos-node".into(),
            license: Some("MIT".into()),
            member: true,
            edges: vec![("sled".into(), Normal)],
            ..Package::default()
        };
        graph.packages.insert("logos-node".into(), ours);
        assert_eq!(
            check(&policy(), &graph),
            ["sled is banned, needed by logos-node: unmaintained"]
        );
    }
}
