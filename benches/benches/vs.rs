//! Measures us and the peers in one run: `cargo bench -p logos-benches --bench vs -- [<area>..]`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use logos_benches::areas::AREAS;
use logos_benches::machine::Machine;
use logos_benches::report::{to_json, to_svg};
use logos_benches::runner::{CHILD_FLAG, Runner, run_child};

const USAGE: &str = "\
usage: cargo bench -p logos-benches --bench vs -- [OPTION].. [AREA | AREA.FIGURE]..

  --list        name the areas and end
  --quick       check that everything runs; the figures are rough
  --json FILE   write the report as JSON
  --plot FILE   write a bar chart as SVG
  --help        this text

Without an area all of them run. LOGOS_BACKEND=portable forces the portable backend.";

#[derive(Default)]
struct Options {
    list: bool,
    help: bool,
    quick: bool,
    json: Option<PathBuf>,
    plot: Option<PathBuf>,
    child: Option<String>,
    only: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().with_context(|| format!("{argument} wants a value"));
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--quick" => options.quick = true,
                "--json" => options.json = Some(value()?.into()),
                "--plot" => options.plot = Some(value()?.into()),
                CHILD_FLAG => options.child = Some(value()?),
                flag if flag.starts_with('-') => bail!("unknown option {flag}\n\n{USAGE}"),
                area => options.only.push(known(area)?),
            }
        }
        Ok(options)
    }
}

/// An area's name, or one of its figures'; a wrong name must not pass for "nothing to measure".
fn known(name: &str) -> Result<String> {
    let area = name.split('.').next().unwrap_or(name);
    if AREAS.iter().any(|known| known.name == area) {
        return Ok(name.to_owned());
    }
    let areas: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
    bail!("no area {area}; there are: {}", areas.join(" "))
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vs: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if options.help {
        println!("{USAGE}");
        return Ok(());
    }
    if options.list {
        for area in AREAS {
            println!("{:<10} {}", area.name, area.about);
        }
        return Ok(());
    }
    // Some peers reach for rayon's global pool: one thread for everyone.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().context("one thread")?;
    match &options.child {
        Some(id) => child(id),
        None => measure(options),
    }
}

fn child(id: &str) -> Result<()> {
    let (area, name) = id.split_once('.').context("a child is <area>.<figure>.<side>")?;
    let children = AREAS.iter().find(|known| known.name == area).map_or(&[][..], |a| a.children);
    let (_, work) = children.iter().find(|(known, _)| *known == name).context("no such child")?;
    run_child(*work)
}

fn measure(options: &Options) -> Result<()> {
    let machine = Machine::look();
    println!("{machine}");
    println!("  {:<26} {:>10} {:>10}  ratio", "figure", "ours", "peer");
    let mut runner = Runner::new(options.quick, options.only.clone());
    for area in AREAS {
        runner.run(area)?;
    }
    let report = runner.into_report();
    if report.figures.is_empty() && report.infos.is_empty() {
        bail!("no figure matches {}", options.only.join(" "));
    }
    println!();
    print!("{}", report.machine_lines());
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&to_json(&report, &machine, options.quick))?;
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    if let Some(path) = &options.plot {
        std::fs::write(path, to_svg(&report, &machine))
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}
