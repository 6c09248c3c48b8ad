//! The README, run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use logos_tests::console::{Example, examples, run};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The folder of built programs: two above this test's own.
fn programs() -> PathBuf {
    let this = env::current_exe().unwrap();
    this.parent().and_then(Path::parent).unwrap().to_path_buf()
}

#[test]
fn every_file_that_the_documents_link_to_exists() {
    let documents =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "fuzz/README.md"];
    for document in documents {
        let path = root().join(document);
        let text = fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(path.parent().unwrap().join(file).exists(), "{document} links to {link}");
            }
        }
    }
}

/// Builds the program if no build of the workspace left it there.
fn ensure_built() {
    if !programs().join(format!("logos{}", env::consts::EXE_SUFFIX)).exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-q", "-p", "logos-node", "--bin", "logos"]).current_dir(root());
        if programs().ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "logos does not build");
    }
}

/// What a test runs of a command: the program itself, but cargo not within cargo.
fn testable(example: Example) -> Option<Example> {
    match example.command.strip_prefix("cargo ") {
        None => Some(example),
        Some(cargo) => {
            let arguments = cargo.strip_prefix("run --release -- ")?;
            Some(Example { command: format!("logos {arguments}"), ..example })
        }
    }
}

#[test]
fn the_readme_does_what_it_says() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let examples: Vec<Example> = examples(&text).into_iter().filter_map(testable).collect();
    if !root().join("node/Cargo.toml").exists() {
        // Without the node there is no program to run.
        return;
    }
    ensure_built();
    let folder = env::temp_dir().join(format!("logos-readme-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for example in examples {
        if let Err(mismatch) = run(&example, &folder, &programs()) {
            panic!("README.md {mismatch}");
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}
