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
    /// What the programs for this machine are built with.
    environment: &'static [(&'static str, &'static str)],
}

impl Folders {
    fn new(root: &Path) -> Result<Self> {
        let target = target_directory(root)?;
        let (package, tools) = (target.join("wasm-package"), target.join("wasm-tools"));
        Ok(Self { root: root.to_path_buf(), target, package, tools, environment: &[] })
    }

    /// Proofs that pass between the package and programs for this machine.
    fn fixtures(&self) -> PathBuf {
        self.tools.join("fixtures")
    }

    /// A program for this machine, an example of `logos-rln-keys`.
    fn native(&self, name: &str) -> PathBuf {
        self.target.join("debug/examples").join(name)
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
    test_in_node(&folders)?;
    match test_in_browser(&folders)? {
        Some(reason) => skip(&format!("in a browser: {reason}")),
        None => Ok(()),
    }
}

/// Builds the package and drives it in Node. The programs for this machine are built with
/// `environment`, so that those that tests were built with are found and not built again.
pub(crate) fn node_step(
    root: &Path,
    environment: &'static [(&'static str, &'static str)],
) -> Result<()> {
    test_in_node(&Folders { environment, ..Folders::new(root)? })
}

/// Drives the package that [`node_step`] built in Chromium; gives the reason if there is none.
pub(crate) fn browser_step(root: &Path) -> Result<Option<&'static str>> {
    test_in_browser(&Folders::new(root)?)
}

fn test_in_node(folders: &Folders) -> Result<()> {
    package::build(folders)?;
    interop(folders, "make")?;
    drive(folders, None)?;
    interop(folders, "check")
}

fn test_in_browser(folders: &Folders) -> Result<Option<&'static str>> {
    let browser = match browser(folders) {
        Ok(browser) => browser,
        Err(reason) => return Ok(Some(reason)),
    };
    drive(folders, Some(&browser))?;
    interop(folders, "check")?;
    Ok(None)
}

/// Measures the package beside zerokit's in Chromium.
pub(crate) fn bench(root: &Path) -> Result<()> {
    if let Some(reason) = missing() {
        return skip(reason);
    }
    let folders = Folders::new(root)?;
    let browser = match browser(&folders) {
        Ok(browser) => browser,
        Err(reason) => return skip(reason),
    };
    package::build(&folders)?;
    let peer = package::peer(&folders)?;
    run(node(&folders, "bench.mjs")
        .arg(&folders.package)
        .arg(peer)
        .arg(folders.npm(""))
        .env("CHROMIUM", browser))
}

/// Builds the package and serves the demo page.
pub(crate) fn demo(root: &Path) -> Result<()> {
    if let Some(reason) = missing() {
        return skip(reason);
    }
    let folders = Folders::new(root)?;
    package::build(&folders)?;
    let page = page(&folders)?;
    run(node(&folders, "serve.mjs").arg(&folders.package).arg(page))
}

/// Compiles the demo page.
fn page(folders: &Folders) -> Result<PathBuf> {
    package::npm_tools(folders)?;
    let (sources, page) = (folders.root.join("wasm/demo"), folders.tools.join("demo"));
    let (npm, mut compile) = (folders.npm(""), node(folders, "demo.mjs"));
    run(compile.arg(&folders.package).arg(sources).arg(npm).arg(&page))?;
    Ok(page)
}

fn skip(reason: &str) -> Result<()> {
    println!("wasm: skipped: {reason}");
    Ok(())
}

/// Native proofs for the package to check, or the check of the package's proofs, by us and by
/// zerokit.
fn interop(folders: &Folders, task: &str) -> Result<()> {
    run(Command::new(folders.native("javascript")).arg(task).arg(folders.fixtures()))
}

/// Runs the tests of one platform; those of the browser with the browser.
fn drive(folders: &Folders, browser: Option<&Path>) -> Result<()> {
    let suite = if browser.is_some() { "browser" } else { "node" };
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-timeout=300000"])
        .arg(folders.root.join("wasm/tests").join(format!("{suite}.test.mjs")))
        .env("PACKAGE", &folders.package)
        .env("FIXTURES", folders.fixtures())
        .env("NPM", folders.tools.join("npm/node_modules"))
        .env("SCREENSHOTS", folders.tools.join("screenshots"));
    if let Some(browser) = browser {
        command.env("CHROMIUM", browser).env("DEMO", page(folders)?);
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
