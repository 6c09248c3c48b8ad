//! `cargo xtask ci`: everything a change must pass.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::wasm::{self, TARGET, has_target, prints};
use crate::{arch, deny, vectors};

/// Clippy in the place of the compiler, for the crates of this workspace: it builds as it lints, so
/// nothing is read twice. This is what `cargo clippy -- -D warnings` sets, but for a command that
/// builds.
const LINTED: &[(&str, &str)] = &[
    ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
    ("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"),
];

/// As [`LINTED`], without the vector unit.
const PORTABLE: &[(&str, &str)] =
    &[LINTED[0], LINTED[1], ("LOGOS_BACKEND", "portable"), ("LOGOS_INTEROP_PROOFS", "20")];

/// The crates that must build where there is no operating system.
const PURE: &[&str] = &["crypto", "rln", "ratchet", "mix", "wasm"];

/// What a step does.
enum Action {
    /// A cargo command, with environment variables.
    Cargo(Vec<String>, &'static [(&'static str, &'static str)]),
    /// A task of this program.
    Task(fn(&Path) -> Result<()>),
    /// A task of this program that may find that it cannot be done here, and why.
    Attempt(fn(&Path) -> Result<Option<&'static str>>),
    /// Nothing here, and why.
    Skip(&'static str),
}

struct Step {
    name: &'static str,
    action: Action,
}

/// How a step ended.
enum End {
    Passed(Duration),
    Skipped(&'static str),
    Failed(Duration),
}

/// Runs all steps, stops at the first that fails, and ends with a summary either way.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut ends = Vec::new();
    let mut failure = None;
    for step in steps(root) {
        println!("\n== {}", step.name);
        let start = Instant::now();
        let end = match perform(root, &step.action) {
            Ok(None) => End::Passed(start.elapsed()),
            Ok(Some(reason)) => End::Skipped(reason),
            Err(error) => {
                failure = Some(error.context(step.name));
                End::Failed(start.elapsed())
            }
        };
        ends.push((step.name, end));
        if failure.is_some() {
            break;
        }
    }
    summarise(&ends);
    failure.map_or(Ok(()), Err)
}

fn steps(root: &Path) -> Vec<Step> {
    let mut steps = vec![
        cargo("format", "fmt --all --check", &[]),
        // Unit, property, oracle and documentation tests, the fuzz seeds, the README; the lints of
        // all they are built from.
        cargo("tests and lints", "test --workspace", LINTED),
        Step { name: "portable backend", action: portable() },
        cargo(
            "documentation",
            "doc --no-deps --workspace --profile test",
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
        Step { name: "arch", action: Action::Task(arch::run) },
        Step { name: "deny", action: Action::Task(deny::run) },
        Step { name: "vectors", action: Action::Task(vectors::check) },
        // The tests' profile: built already, and precision is not the point.
        cargo(
            "benches and lints",
            "bench --workspace --bench dudect --bench micro --bench steps --bench vs --profile test \
             --no-run",
            LINTED,
        ),
        cargo("benches run", "bench --workspace --bench vs --profile test -- --quick", LINTED),
        cargo(
            "timing check runs",
            "bench --workspace --bench dudect --profile test -- --quick",
            LINTED,
        ),
        Step { name: "programs and lints", action: programs() },
    ];
    steps.extend(javascript(root));
    steps
}

/// The package for JavaScript, built and driven; only a check that it compiles where that cannot be.
fn javascript(root: &Path) -> Vec<Step> {
    let (node, browser) = ("JavaScript", "JavaScript, browser");
    match wasm::missing() {
        None => vec![
            Step { name: node, action: Action::Task(|root| wasm::node_step(root, LINTED)) },
            Step { name: browser, action: Action::Attempt(wasm::browser_step) },
        ],
        Some(reason) => vec![
            Step { name: "wasm32", action: wasm32(root) },
            Step { name: node, action: Action::Skip(reason) },
            Step { name: browser, action: Action::Skip(reason) },
        ],
    }
}

fn cargo(
    name: &'static str,
    arguments: &str,
    environment: &'static [(&'static str, &'static str)],
) -> Step {
    Step { name, action: Action::Cargo(words(arguments), environment) }
}

fn words(arguments: &str) -> Vec<String> {
    arguments.split_whitespace().map(ToOwned::to_owned).collect()
}

/// The proofs once more without the vector unit. Smaller tests run on every backend as they are.
/// The whole workspace is named so that nothing is built for other features.
fn portable() -> Action {
    if !has_vector_unit() {
        return Action::Skip("without AVX-512 IFMA the tests ran on it already");
    }
    Action::Cargo(words("test --workspace --test rln_interop --test deployed"), PORTABLE)
}

fn has_vector_unit() -> bool {
    #[cfg(target_arch = "x86_64")]
    let found = std::arch::is_x86_feature_detected!("avx512ifma");
    #[cfg(not(target_arch = "x86_64"))]
    let found = false;
    found
}

fn wasm32(root: &Path) -> Action {
    if !has_target() {
        return Action::Skip("the target wasm32-unknown-unknown is not installed");
    }
    let mut arguments = words("check --lib --target");
    arguments.push(TARGET.to_owned());
    for crate_ in PURE.iter().filter(|name| root.join(name).join("Cargo.toml").is_file()) {
        arguments.extend(["-p".to_owned(), format!("logos-{crate_}")]);
    }
    Action::Cargo(arguments, &[])
}

/// Every program, but for those of the fuzzer where libFuzzer has no C++ compiler. As a test, which
/// has the features that everything above was built with.
fn programs() -> Action {
    let mut arguments = words("test --workspace --bins --no-run");
    if !prints("c++", &["--version"], |_| true) {
        println!("left out: the fuzz programs, for want of a C++ compiler");
        arguments.extend(words("--exclude logos-fuzz"));
    }
    Action::Cargo(arguments, LINTED)
}

/// Performs a step; gives the reason if there was nothing to do.
fn perform(root: &Path, action: &Action) -> Result<Option<&'static str>> {
    match action {
        Action::Skip(reason) => {
            println!("skipped: {reason}");
            Ok(Some(reason))
        }
        Action::Task(task) => task(root).map(|()| None),
        Action::Attempt(task) => task(root),
        Action::Cargo(arguments, environment) => {
            println!("$ cargo {}", arguments.join(" "));
            let child = crate::cargo()
                .args(arguments)
                .envs(environment.iter().copied())
                .current_dir(root)
                .process_group(0)
                .spawn()
                .context("run cargo")?;
            let status =
                wait(child, LIMIT).with_context(|| format!("cargo {}", arguments.join(" ")))?;
            if !status.success() {
                bail!("cargo {} failed", arguments.join(" "));
            }
            Ok(None)
        }
    }
}

/// How long a step may take: several times what the longest does on two cores. A test that hangs
/// ends here, with its name as the last that was printed.
const LIMIT: Duration = Duration::from_secs(45 * 60);

/// Waits for the leader of a process group, and ends the whole group if that takes too long.
fn wait(mut child: Child, limit: Duration) -> Result<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().context("wait")? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(50));
    }
    let group = format!("-{}", child.id());
    Command::new("kill").args(["-KILL", "--", &group]).status().context("end the step")?;
    child.wait().context("wait")?;
    bail!("not over after {limit:?}")
}

fn summarise(ends: &[(&str, End)]) {
    println!("\n== summary");
    for (name, end) in ends {
        println!("{}", line(name, end));
    }
    let passed = ends.iter().all(|(_, end)| !matches!(end, End::Failed(_)));
    println!("{}", if passed { "ci: passed" } else { "ci: FAILED" });
}

fn line(name: &str, end: &End) -> String {
    match end {
        End::Passed(time) => format!("  ok      {name:<20} {:>6.1} s", time.as_secs_f64()),
        End::Failed(time) => format!("  FAILED  {name:<20} {:>6.1} s", time.as_secs_f64()),
        End::Skipped(reason) => format!("  skipped {name:<20} {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_told_from_a_passed_and_a_skipped_one() {
        let second = Duration::from_secs(1);
        assert_eq!(line("a", &End::Passed(second)).trim(), "ok      a                       1.0 s");
        assert!(line("a", &End::Failed(second)).contains("FAILED"));
        assert!(line("a", &End::Skipped("no target")).ends_with("no target"));
    }

    #[test]
    fn a_step_that_hangs_is_ended_with_all_it_started() {
        let mut command = Command::new("sh");
        let child = command.args(["-c", "sleep 600 & wait"]).process_group(0).spawn().unwrap();
        let (group, start) = (child.id(), Instant::now());
        assert!(wait(child, Duration::from_millis(200)).is_err());
        assert!(start.elapsed() < Duration::from_secs(60));
        let group = format!("-{group}");
        let alive = || Command::new("kill").args(["-0", "--", &group]).output().unwrap();
        while alive().status.success() {
            // Killed, and not yet collected by whoever adopted it.
            assert!(start.elapsed() < Duration::from_secs(60));
            thread::sleep(Duration::from_millis(50));
        }
    }

    #[test]
    fn a_task_that_fails_fails_its_step() {
        let failing = Action::Task(|_| bail!("broken"));
        assert!(perform(Path::new("."), &failing).is_err());
        let passing = Action::Task(|_| Ok(()));
        assert_eq!(perform(Path::new("."), &passing).unwrap(), None);
        let absent = Action::Attempt(|_| Ok(Some("no browser")));
        assert_eq!(perform(Path::new("."), &absent).unwrap(), Some("no browser"));
    }
}
