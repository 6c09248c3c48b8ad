//! The package: three modules, their JavaScript, the key, and the check of their sizes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::machine::TARGET;
use super::{Folders, node, run};

/// The entry points: one module each, named as the feature it is built with. The largest is first,
/// because it is made smaller while the others are compiled.
const ENTRIES: &[&str] = &["full", "verify", "identity"];

/// Builds the package and checks its sizes.
pub(super) fn build(folders: &Folders) -> Result<()> {
    if let Err(error) = npm_tools(folders) {
        println!("wasm: no tools from npm, so modules stay as the compiler leaves them: {error:#}");
    }
    let bindgen = bindgen(folders)?;
    clear(&folders.package)?;
    modules(folders, &bindgen)?;
    copy(&folders.root.join("wasm/js"), &folders.package)?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(folders.root.join(licence), folders.package.join(licence))?;
    }
    let key = key(folders)?;
    run(node(folders, "pack.mjs").arg(&folders.package).arg(key).arg(env!("CARGO_PKG_VERSION")))
}

/// Compiles each entry point, writes its JavaScript and makes it smaller.
fn modules(folders: &Folders, bindgen: &Path) -> Result<()> {
    std::thread::scope(|scope| {
        let mut shrinking = Vec::new();
        for entry in ENTRIES {
            let module = module(folders, bindgen, entry)?;
            shrinking.push(scope.spawn(move || optimise(folders, "-Oz", &module)));
        }
        shrinking.into_iter().try_for_each(|work| match work.join() {
            Ok(result) => result,
            Err(_) => bail!("a module was not made smaller"),
        })
    })
}

/// Hashes that are a fifth as large and little slower.
const SMALL: &str =
    r#"target.wasm32-unknown-unknown.rustflags=["--cfg=sha2_backend_soft=\"compact\""]"#;

/// Compiles one entry point and writes its JavaScript.
fn module(folders: &Folders, bindgen: &Path, entry: &str) -> Result<PathBuf> {
    cargo(
        folders,
        &format!(
            "build --locked --config {SMALL} --profile wasm -p logos-wasm --lib --target {TARGET} \
         --no-default-features --features {entry}"
        ),
    )?;
    let built = folders.target.join(TARGET).join("wasm/logos_wasm.wasm");
    let modules = folders.package.join("module");
    run(Command::new(bindgen).arg(built).arg(&modules).arg(entry))?;
    Ok(modules.join(format!("{entry}_bg.wasm")))
}

fn optimise(folders: &Folders, level: &str, file: &Path) -> Result<()> {
    let optimiser = folders.npm("binaryen/bin/wasm-opt");
    if !optimiser.is_file() {
        return Ok(());
    }
    run(Command::new("node").arg(optimiser).arg(level).arg(file).arg("-o").arg(file))
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

/// The deployed key, prepared by a program for this machine. The whole workspace is named so that
/// what `cargo test --workspace` built is not built again for other features.
fn key(folders: &Folders) -> Result<PathBuf> {
    let arguments =
        "build -q --profile test --workspace --example write --example javascript".split(' ');
    let environment = folders.environment.iter().copied();
    let mut build = crate::cargo();
    run(build.args(arguments).envs(environment).current_dir(&folders.root))?;
    let key = folders.tools.join("key");
    run(Command::new(folders.native("write")).arg(&key))?;
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
    optimise(folders, "-O3", &package.join("peer_bg.wasm"))?;
    let resources = published(folders)?.join("resources/tree_depth_20");
    for name in ["graph.bin", "rln_final.arkzkey"] {
        fs::copy(resources.join(name), package.join(name))?;
    }
    Ok(package)
}

/// The sources of zerokit's crate, where cargo put them.
fn published(folders: &Folders) -> Result<PathBuf> {
    let arguments = "metadata --locked --format-version 1 --manifest-path wasm/peer/Cargo.toml";
    let output =
        crate::cargo().args(arguments.split_whitespace()).current_dir(&folders.root).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(serde_json::Value::as_array);
    let manifest = packages
        .and_then(|packages| packages.iter().find(|package| package["name"] == "rln"))
        .and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    Ok(folder.context("zerokit's crate is not where cargo says")?.to_path_buf())
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
    run(crate::cargo().args(arguments.split_whitespace()).current_dir(&folders.root))
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
