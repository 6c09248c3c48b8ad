//! The package: three modules, their JavaScript, the key, and the check of their sizes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::machine::TARGET;
use super::{Folders, node, run};

/// The entry points: one module each, named as the feature it is built with.
const ENTRIES: &[&str] = &["verify", "identity", "full"];

/// Builds the package and checks its sizes.
pub(super) fn build(folders: &Folders) -> Result<()> {
    if let Err(error) = npm_tools(folders) {
        println!("wasm: no tools from npm, so modules stay as the compiler leaves them: {error:#}");
    }
    let bindgen = bindgen(folders)?;
    clear(&folders.package)?;
    for entry in ENTRIES {
        module(folders, &bindgen, entry)?;
    }
    copy(&folders.root.join("wasm/js"), &folders.package)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(folders.root.join(licence), folders.package.join(licence))?;
    }
    let key = key(folders)?;
    run(node(folders, "pack.mjs").arg(&folders.package).arg(key).arg(env!("CARGO_PKG_VERSION")))
}

/// Compiles one entry point, writes its JavaScript and makes it smaller.
fn module(folders: &Folders, bindgen: &Path, entry: &str) -> Result<()> {
    cargo(
        folders,
        &format!(
            "build --locked --profile wasm -p logos-wasm --lib --target {TARGET} \
         --no-default-features --features {entry}"
        ),
    )?;
    let built = folders.target.join(TARGET).join("wasm/logos_wasm.wasm");
    let modules = folders.package.join("module");
    run(Command::new(bindgen).arg(built).arg(&modules).arg(entry))?;
    optimise(folders, &modules.join(format!("{entry}_bg.wasm")))
}

fn optimise(folders: &Folders, file: &Path) -> Result<()> {
    let optimiser = folders.npm("binaryen/bin/wasm-opt");
    if !optimiser.is_file() {
        return Ok(());
    }
    run(Command::new("node").arg(optimiser).arg("-Os").arg(file).arg("-o").arg(file))
}

/// The program that writes the JavaScript of a module, built once.
fn bindgen(folders: &Folders) -> Result<PathBuf> {
    let target = folders.tools.join("bindgen");
    cargo(
        folders,
        &format!(
            "build -q --locked --manifest-path wasm/bindgen/Cargo.toml --target-dir {}",
            target.display()
        ),
    )?;
    Ok(target.join("debug/logos-wasm-bindgen"))
}

/// The deployed key, prepared.
fn key(folders: &Folders) -> Result<PathBuf> {
    let key = folders.tools.join("key");
    cargo(folders, &format!("run -q -p logos-rln-keys --example write -- {}", key.display()))?;
    Ok(key)
}

/// zerokit's published crate, built for the browser as it builds its own package.
pub(super) fn peer(folders: &Folders) -> Result<PathBuf> {
    let target = folders.tools.join("peer");
    cargo(
        folders,
        &format!(
            "build --locked --release --manifest-path wasm/peer/Cargo.toml --target {TARGET} \
         --target-dir {}",
            target.display()
        ),
    )?;
    let package = folders.tools.join("peer-package");
    clear(&package)?;
    let built = target.join(TARGET).join("release/zerokit_peer.wasm");
    run(Command::new(bindgen(folders)?).arg(built).arg(&package).arg("peer"))?;
    optimise(folders, &package.join("peer_bg.wasm"))?;
    Ok(package)
}

/// Installs what `wasm/build/package.json` names, if that was not done yet.
pub(super) fn npm_tools(folders: &Folders) -> Result<()> {
    let npm = folders.tools.join("npm");
    let wanted = fs::read(folders.root.join("wasm/build/package-lock.json"))?;
    let installed = npm.join("node_modules/.installed");
    if fs::read(&installed).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    fs::create_dir_all(&npm)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(folders.root.join("wasm/build").join(name), npm.join(name))?;
    }
    run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&npm))?;
    fs::write(installed, wanted).context("remember what was installed")
}

fn cargo(folders: &Folders, arguments: &str) -> Result<()> {
    run(Command::new(env!("CARGO")).args(arguments.split_whitespace()).current_dir(&folders.root))
}

fn clear(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}
