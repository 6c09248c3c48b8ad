//! What a machine has of the tools for JavaScript.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Folders;

/// The target that the modules are built for.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Where Debian and others put the browser.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// The browser to drive, if it and what drives it are there.
pub(super) fn browser(folders: &Folders) -> Result<PathBuf, &'static str> {
    if super::package::npm_tools(folders).is_err() {
        return Err("playwright-core cannot be installed from npm");
    }
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Ok(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path)
        .flat_map(|folder| BROWSERS.iter().map(move |name| folder.join(name)));
    found.find(|path| path.is_file()).ok_or("there is no Chromium")
}

/// What is missing to build the package, if anything is.
pub(crate) fn missing() -> Option<&'static str> {
    if !has_target() {
        return Some("the target wasm32-unknown-unknown is not installed");
    }
    if !prints("node", &["--version"], |version| major(version) >= Some(20)) {
        return Some("there is no Node 20 or later");
    }
    if !prints("npm", &["--version"], |_| true) {
        return Some("there is no npm");
    }
    None
}

/// Is the standard library of the target installed?
pub(crate) fn has_target() -> bool {
    let arguments = ["--print", "target-libdir", "--target", TARGET];
    prints("rustc", &arguments, |folder| Path::new(folder.trim()).is_dir())
}

/// Does the program run and print something acceptable?
pub(crate) fn prints(program: &str, arguments: &[&str], accept: impl Fn(&str) -> bool) -> bool {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output();
    output.is_ok_and(|o| o.status.success() && accept(&String::from_utf8_lossy(&o.stdout)))
}

/// The major number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20.20.2"), None);
        assert!(major("v18.1.0") < Some(20));
    }
}
