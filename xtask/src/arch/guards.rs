//! The lints that keep clocks, files and threads out of the protocol crates.

use std::fs;
use std::path::Path;

use super::layers::PRIMITIVES;

/// A protocol crate carries `crypto/clippy.toml`, word for word, and the workspace's lints.
pub(super) fn check(root: &Path) -> Vec<String> {
    let read = |path: String| fs::read_to_string(root.join(path)).ok();
    let model = read("crypto/clippy.toml".to_owned());
    let mut violations = Vec::new();
    for package in PRIMITIVES.split_whitespace() {
        let folder = package.trim_start_matches("logos-");
        let Some(manifest) = read(format!("{folder}/Cargo.toml")) else { continue };
        if !manifest.contains("[lints]\nworkspace = true") {
            violations.push(format!("{package} does not take the workspace's lints"));
        }
        if read(format!("{folder}/clippy.toml")) != model {
            violations.push(format!("{folder}/clippy.toml is not that of crypto"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_the_guards_is_found() {
        let root = std::env::temp_dir().join(format!("xtask-guards-{}", std::process::id()));
        for (folder, manifest, clippy) in [
            ("crypto", "[lints]\nworkspace = true\n", "a"),
            ("mix", "[lints]\nworkspace = true\n", "b"),
            ("rln", "", "a"),
        ] {
            fs::create_dir_all(root.join(folder)).unwrap();
            fs::write(root.join(folder).join("Cargo.toml"), manifest).unwrap();
            fs::write(root.join(folder).join("clippy.toml"), clippy).unwrap();
        }
        let found = check(&root);
        fs::remove_dir_all(&root).unwrap();
        let wanted = [
            "mix/clippy.toml is not that of crypto",
            "logos-rln does not take the workspace's lints",
        ];
        assert_eq!(found, wanted);
    }
}
