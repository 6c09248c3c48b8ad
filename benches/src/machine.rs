//! What a run was made on, so that a figure can be read later.

use std::fmt;
use std::process::Command;

use logos_crypto::backend::Backend;

/// The machine, the build and the backend of a run.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// Logical cores that are there; figures use one unless they say otherwise.
    pub cores: usize,
    /// The arithmetic backend that runs.
    pub backend: String,
    /// The compiler.
    pub rustc: String,
    /// The commit, with `+` if the tree had changes.
    pub commit: String,
}

impl Machine {
    /// Looks around.
    #[must_use]
    pub fn look() -> Self {
        Self {
            processor: processor().unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            backend: format!("{:?}", backend()).to_lowercase(),
            rustc: output("rustc", &["--version"]).unwrap_or_default(),
            commit: commit().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, backend, rustc, commit } = self;
        write!(f, "{processor}, {cores} cores; backend {backend}; {rustc}; commit {commit}")
    }
}

/// The backend that figures run on: the fastest, unless `LOGOS_BACKEND=portable` forces the
/// portable one.
#[must_use]
pub fn backend() -> Backend {
    let forced = std::env::var("LOGOS_BACKEND").is_ok_and(|name| name == "portable");
    if forced { Backend::Portable } else { Backend::detect() }
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split(':').nth(1)?.trim().to_owned())
}

fn commit() -> Option<String> {
    let id = output("git", &["rev-parse", "--short=10", "HEAD"])?;
    let changed = output("git", &["status", "--porcelain", "-uno"])?;
    Some(if changed.is_empty() { id } else { id + "+" })
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
