//! What each step on the way to the prover gave: `cargo bench -p logos-benches --bench steps`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use logos_benches::steps::{ROUNDS, charts, subtitle};

const USAGE: &str = "\
usage: cargo bench -p logos-benches --bench steps -- [OPTION]..

  --quick         one round; the figures are rough
  --plots FOLDER  write each chart as SVG, docs/plots for those of docs/prover.md
  --help          this text

Prints the same charts as tables in Markdown. LOGOS_BACKEND=portable leaves the lanes out.";

#[derive(Default)]
struct Options {
    help: bool,
    quick: bool,
    plots: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--help" | "-h" => options.help = true,
                "--quick" => options.quick = true,
                "--plots" => {
                    let folder = arguments.next().context("--plots wants a folder")?;
                    options.plots = Some(folder.into());
                }
                other => bail!("unknown option {other}\n\n{USAGE}"),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("steps: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if options.help {
        println!("{USAGE}");
        return Ok(());
    }
    // Some peers reach for rayon's global pool: one thread for everyone.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().context("one thread")?;
    println!("{}", subtitle());
    for chart in charts(if options.quick { 1 } else { ROUNDS })? {
        println!("\n{}", chart.to_markdown());
        if let Some(folder) = &options.plots {
            // Cargo runs benches in their package's folder; a relative path is the caller's.
            let folder = from_root(folder);
            std::fs::create_dir_all(&folder).context("a folder for plots")?;
            let path = folder.join(format!("{}.svg", chart.name));
            std::fs::write(&path, chart.to_svg())
                .with_context(|| format!("write {}", path.display()))?;
        }
    }
    Ok(())
}

/// A path from the root of the repository.
fn from_root(path: &std::path::Path) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
