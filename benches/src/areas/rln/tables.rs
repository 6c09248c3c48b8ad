//! What tables of each size cost: time to build, bytes, time to map.

use std::path::Path;

use anyhow::{Context, Result};
use logos_rln::{TableSize, Tables};

use super::start::mapped;
use crate::machine::backend;
use crate::report::Unit;
use crate::runner::{Clock, Runner, median, nanoseconds};

/// Mappings whose median counts.
const ROUNDS: usize = 5;

/// `tables_<size>_build`, `_bytes` and `_load`, each a value without a peer.
pub(super) fn figures(runner: &mut Runner) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("logos-tables-{}", std::process::id()));
    for size in TableSize::ALL {
        let name = |what: &str| format!("tables_{}_{what}", size.name());
        if !["build", "bytes", "load"].iter().any(|what| runner.wants(&name(what))) {
            continue;
        }
        std::fs::create_dir_all(&folder).context("a folder for a file")?;
        let (build, bytes, load) = measure(size, &folder.join(size.name()))?;
        std::fs::remove_dir_all(&folder).context("remove a file")?;
        runner.info(&name("build"), build, Unit::Nanoseconds);
        runner.info(&name("bytes"), bytes, Unit::Bytes);
        runner.info(&name("load"), load, Unit::Nanoseconds);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "tables are below 2^53 bytes")]
fn measure(size: TableSize, file: &Path) -> Result<(f64, f64, f64)> {
    let key = logos_rln_keys::single();
    let (build, tables) = Clock::Wall.time(|| Tables::build(&key, backend(), size, &mut |_| ()));
    std::fs::write(file, tables.to_bytes()).context("write the tables")?;
    let bytes = tables.memory() as f64;
    drop(tables);
    let loads = (0..ROUNDS)
        .map(|_| {
            let (time, read) = Clock::Wall.time(|| Tables::from_bytes(&key, mapped(file)));
            read.context("the tables are whole")?;
            Ok(nanoseconds(time))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((nanoseconds(build), bytes, median(&loads)))
}
