//! One side alone in a process of its own: start-up costs and peak memory.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::clock::Clock;

/// The flag with which the runner starts itself again.
pub const FLAG: &str = "--child";

/// What a child measures within itself: only the part in [`Lap::time`] counts as its time.
#[derive(Debug, Default)]
pub struct Lap {
    spent: Option<Duration>,
}

impl Lap {
    /// Times the part that matters. Without a call the whole child counts.
    pub fn time<T>(&mut self, run: impl FnOnce() -> T) -> T {
        let (cost, output) = Clock::Cpu.time(run);
        self.spent = Some(self.spent.unwrap_or_default() + cost);
        output
    }
}

/// Work that runs alone, named `<figure>.<side>`.
pub type Child = (&'static str, fn(&mut Lap));

/// What a child reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Cost of the timed part.
    pub spent: Duration,
    /// The most memory that was resident at any moment, in bytes.
    pub peak_bytes: u64,
}

/// Runs `work` and prints what [`spawn`] reads. This is the child's `main`.
pub fn run(work: fn(&mut Lap)) -> Result<()> {
    let mut lap = Lap::default();
    let (whole, ()) = Clock::Cpu.time(|| work(&mut lap));
    let spent = lap.spent.unwrap_or(whole);
    println!("{}", format(&Alone { spent, peak_bytes: peak_bytes()? }));
    Ok(())
}

/// Runs the child `id` (`<area>.<figure>.<side>`) and waits for its report.
pub fn spawn(id: &str) -> Result<Alone> {
    let program = std::env::current_exe().context("the path of this program")?;
    let output = Command::new(program).args([FLAG, id]).output().context("start a child")?;
    if !output.status.success() {
        bail!("child {id} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().rev().find_map(parse).with_context(|| format!("child {id} reported nothing"))
}

fn format(alone: &Alone) -> String {
    format!("child spent_ns {} peak_bytes {}", alone.spent.as_nanos(), alone.peak_bytes)
}

fn parse(line: &str) -> Option<Alone> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["child", "spent_ns", spent, "peak_bytes", peak] => Some(Alone {
            spent: Duration::from_nanos(spent.parse().ok()?),
            peak_bytes: peak.parse().ok()?,
        }),
        _ => None,
    }
}

/// The high-water mark of resident memory, which the kernel resets when a program starts.
fn peak_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("memory needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let kibibytes = line.trim().trim_end_matches("kB").trim();
    Ok(kibibytes.parse::<u64>().context("VmHWM is a number")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let alone = Alone { spent: Duration::from_nanos(12_345), peak_bytes: 4096 };
        assert_eq!(parse(&format(&alone)), Some(alone));
        assert_eq!(parse("child spent_ns x peak_bytes 1"), None);
    }

    #[test]
    fn memory_that_was_touched_shows_in_the_peak() {
        let before = peak_bytes().unwrap();
        let touched = vec![1u8; 64 << 20];
        assert!(touched.iter().step_by(4096).all(|byte| *byte == 1));
        assert!(peak_bytes().unwrap() >= before.max(48 << 20));
    }
}
