//! The workshop: `cargo xtask <task>`.
//!
//! | task | what it does |
//! |---|---|
//! | `ci` | everything a change must pass, with the time of each step |
//! | `arch` | the dependency rules and the source rules of ARCHITECTURE.md |
//! | `deny` | bans, licences and sources of every dependency, by deny.toml |
//! | `vectors` | provenance and digests of the test vectors |
//! | `wasm` | the package for JavaScript, its tests, its benchmark |

mod arch;
mod ci;
mod deny;
mod metadata;
mod spdx;
mod vectors;
mod wasm;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask TASK

  ci                  run every check; stops at the first that fails
  arch                check who may depend on whom and what sources may hold
  deny                check bans, licences and sources of all dependencies
  vectors [--check]   write, or check, the digests of tests/vectors
  wasm                build the package for JavaScript in target/wasm-package
  wasm --test         build it, and drive it in Node and in Chromium
  wasm --demo         build it, and serve the demo page
  wasm --bench        build it, and measure it beside zerokit's in Chromium";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    let root = root()?;
    match words {
        ["ci"] => ci::run(&root),
        ["arch"] => arch::run(&root),
        ["deny"] => deny::run(&root),
        ["vectors"] => vectors::write(&root),
        ["vectors", "--check"] => vectors::check(&root),
        ["wasm"] => wasm::build(&root),
        ["wasm", "--test"] => wasm::test(&root),
        ["wasm", "--demo"] => wasm::demo(&root),
        ["wasm", "--bench"] => wasm::bench(&root),
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task: {}\n\n{USAGE}", words.join(" ")),
    }
}

/// The workspace root, one above this crate.
fn root() -> Result<PathBuf> {
    match Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
        Some(root) => Ok(root.to_path_buf()),
        None => bail!("xtask stands within a workspace"),
    }
}

/// Cargo, as if nobody had started this program by it: what `cargo run` tells a program of its own
/// package would make a build that looks at such words another one, and everything above it.
fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let is_told = ["CARGO_PKG_", "CARGO_MANIFEST_"];
        if is_told.iter().any(|told| name.to_string_lossy().starts_with(told)) {
            command.env_remove(name);
        }
    }
    command
}

/// Prints what was found and fails if that is anything.
fn conclude(task: &str, checked: &str, violations: &[String]) -> Result<()> {
    for violation in violations {
        eprintln!("{task}: {violation}");
    }
    match violations.len() {
        0 => {
            println!("{task}: ok ({checked})");
            Ok(())
        }
        1 => bail!("{task}: one violation"),
        count => bail!("{task}: {count} violations"),
    }
}
