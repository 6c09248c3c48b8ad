//! `cargo xtask arch`: the rules of ARCHITECTURE.md, checked.

mod generations;
mod guards;
mod layers;
mod sources;

use std::path::Path;

use anyhow::Result;

use crate::conclude;
use crate::metadata::Graph;

/// Checks the graph and the sources.
pub(crate) fn run(root: &Path) -> Result<()> {
    let graph = Graph::load(root)?;
    let mut violations = layers::check(&graph);
    violations.extend(generations::check(&graph));
    violations.extend(guards::check(root));
    let files = sources::files(root)?;
    for file in &files {
        violations.extend(sources::check(&file.path, &file.text));
    }
    let checked = format!("{} members, {} source files", graph.members().count(), files.len());
    conclude("arch", &checked, &violations)
}
