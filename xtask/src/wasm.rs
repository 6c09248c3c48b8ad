//! `cargo xtask wasm`: the package for JavaScript, its tests and its benchmark.

mod machine;
mod package;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::metadata::target_directory;
use machine::browser;
pub(crate) use machine::{TARGET, has_target, missing, prints};

/// Where everything is written, in cargo's own folder: never committed.
pub(crate) struct Folders {
    root: PathBuf,
    /// Cargo's folder.
    target: PathBuf,
    /// The package, ready for `npm publish`.
    package: PathBuf,
    /// Tools, and what is only needed on the way.
    tools: PathBuf,
}

impl Folders {
    fn new(root: &Path) -> Result<Self> {
        let target = target_directory(root)?;
        let (package, tools) = (target.join("wasm-package"), target.join("wasm-tools"));
        Ok(Self { root: root.to_path_buf(), target, package, tools })
    }

    /// Programs that came from npm.
    fn npm(&self, path: &str) -> PathBuf {
        self.tools.join("npm/node_modules").join(path)
    }
}

/// Builds the package.
pub(crate) fn build(root: &Path) -> Result<()> {
    match missing() {
        Some(reason) => skip(reason),
        None => package::build(&Folders::new(root)?),
    }
}

/// Builds the package and drives it in Node and in Chromium.
pub(crate) fn test(root: &Path) -> Result<()> {
    if let Some(reason) = missing() {
        return skip(reason);
    }
    let folders = Folders::new(root)?;
    package::build(&folders)?;
    let fixtures = folders.tools.join("fixtures");
    interop(root, "make", &fixtures)?;
    node_tests(&folders, &fixtures, None)?;
    match browser(&folders) {
        Ok(browser) => node_tests(&folders, &fixtures, Some(&browser))?,
        Err(reason) => println!("skipped in a browser: {reason}"),
    }
    interop(root, "check", &fixtures)
}

/// Measures the package beside zerokit's in Chromium.
pub(crate) fn bench(root: &Path) -> Result<()> {
    if let Some(reason) = missing() {
        return skip(reason);
    }
    let folders = Folders::new(root)?;
    let browser = match browser(&folders) {
        Ok(browser) => browser,
        Err(reason) => return skip(&reason),
    };
    package::build(&folders)?;
    let peer = package::peer(&folders)?;
    run(node(&folders, "bench.mjs")
        .arg(&folders.package)
        .arg(peer)
        .arg(folders.npm("playwright-core/index.mjs"))
        .env("CHROMIUM", browser))
}

/// Builds the package and serves the demo page.
pub(crate) fn demo(root: &Path) -> Result<()> {
    if let Some(reason) = missing() {
        return skip(reason);
    }
    let folders = Folders::new(root)?;
    package::build(&folders)?;
    run(node(&folders, "serve.mjs").arg(&folders.package).arg(root.join("wasm/demo")))
}

fn skip(reason: &str) -> Result<()> {
    println!("wasm: skipped: {reason}");
    Ok(())
}

/// Native proofs for the package to check, or the check of the package's proofs, by us and by
/// zerokit.
fn interop(root: &Path, task: &str, fixtures: &Path) -> Result<()> {
    let arguments = ["run", "-q", "-p", "logos-tests", "--example", "javascript", "--", task];
    run(Command::new(env!("CARGO")).args(arguments).arg(fixtures).current_dir(root))
}

/// Runs the tests of one platform; those of the browser with the browser.
fn node_tests(folders: &Folders, fixtures: &Path, browser: Option<&Path>) -> Result<()> {
    let suite = if browser.is_some() { "browser" } else { "node" };
    let mut command = Command::new("node");
    command
        .arg("--test")
        .arg(folders.root.join("wasm/tests").join(format!("{suite}.test.mjs")))
        .env("PACKAGE", &folders.package)
        .env("FIXTURES", fixtures)
        .env("NPM", folders.tools.join("npm/node_modules"))
        .env("DEMO", folders.root.join("wasm/demo"))
        .env("SCREENSHOTS", folders.tools.join("screenshots"));
    if let Some(browser) = browser {
        command.env("CHROMIUM", browser);
    }
    run(&mut command)
}

fn node(folders: &Folders, script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folders.root.join("wasm/build").join(script));
    command
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", display(command));
    let status = command.status().with_context(|| display(command))?;
    if !status.success() {
        bail!("{} failed", display(command));
    }
    Ok(())
}

fn display(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let program = words.first().and_then(|word| Path::new(word.as_ref()).file_name());
    let rest = words.get(1..).unwrap_or_default().join(" ");
    format!("{} {rest}", program.unwrap_or_default().to_string_lossy())
}
