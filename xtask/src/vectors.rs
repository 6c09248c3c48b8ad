//! `cargo xtask vectors`: where test vectors come from, and that nobody edited them by hand.
//!
//! Every `*.json` in `tests/vectors` and the folders in it is an object with the strings `source` (who says so), `version`
//! (of the source) and `command` (how the file was made). `SHA256SUMS` beside them lists their
//! digests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::conclude;

const FOLDER: &str = "tests/vectors";
const SUMS: &str = "tests/vectors/SHA256SUMS";
const PROVENANCE: [&str; 3] = ["source", "version", "command"];

/// Checks provenance and digests.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = files(root)?;
    let mut violations = provenance(&files);
    let listed = fs::read_to_string(root.join(SUMS)).unwrap_or_default();
    if listed != sums(&files) {
        violations.push(format!("{SUMS} is not up to date: run `cargo xtask vectors`"));
    }
    conclude("vectors", &format!("{} files", files.len()), &violations)
}

/// Writes the digests of files that state their provenance.
pub(crate) fn write(root: &Path) -> Result<()> {
    let files = files(root)?;
    conclude("vectors", &format!("{} files", files.len()), &provenance(&files))?;
    fs::write(root.join(SUMS), sums(&files)).with_context(|| format!("write {SUMS}"))
}

/// Names and bytes of the vector files, by name.
fn files(root: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    collect(&root.join(FOLDER), "", &mut files)?;
    files.sort();
    Ok(files)
}

/// Adds the vector files of a folder, whose name in [`FOLDER`] is `prefix`.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {FOLDER}/{prefix}"))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            bail!("{FOLDER}/{prefix} holds a file with a strange name");
        };
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else if name.ends_with(".json") {
            let bytes = fs::read(&path).with_context(|| format!("read {FOLDER}/{name}"))?;
            files.push((name, bytes));
        }
    }
    Ok(())
}

fn provenance(files: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut violations = Vec::new();
    for (name, bytes) in files {
        match serde_json::from_slice::<Value>(bytes) {
            Err(error) => violations.push(format!("{FOLDER}/{name}: {error}")),
            Ok(value) => {
                let states = |key: &&str| {
                    value.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
                };
                for key in PROVENANCE.iter().filter(|key| !states(key)) {
                    violations.push(format!("{FOLDER}/{name} does not state its {key}"));
                }
            }
        }
    }
    violations
}

fn sums(files: &[(String, Vec<u8>)]) -> String {
    let line = |(name, bytes): &(String, Vec<u8>)| {
        let digest: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        format!("{digest}  {name}\n")
    };
    files.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Vec<(String, Vec<u8>)> {
        vec![("a.json".to_owned(), text.as_bytes().to_vec())]
    }

    #[test]
    fn a_vector_file_states_where_it_comes_from() {
        let stated = file(r#"{"source": "RFC 1", "version": "1", "command": "by hand", "n": 1}"#);
        assert_eq!(provenance(&stated), Vec::<String>::new());
        assert_eq!(provenance(&file(r#"{"source": "RFC 1", "version": ""}"#)).len(), 2);
        assert_eq!(provenance(&file("[]")).len(), 3);
        assert_eq!(provenance(&file("{")).len(), 1);
    }

    #[test]
    fn vectors_in_folders_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let files = files(&root).unwrap();
        assert!(files.iter().any(|(name, _)| name == "mix/forward.json"));
    }

    #[test]
    fn a_changed_byte_changes_the_sums() {
        assert_ne!(sums(&file("{}")), sums(&file("{ }")));
        assert!(sums(&file("")).starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
    }
}
