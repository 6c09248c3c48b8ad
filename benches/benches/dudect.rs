//! Looks for secrets in the time operations take: `cargo bench -p logos-benches --bench dudect --
//! [CASE..]`. How it works and how to read it: `logos_benches::dudect`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use logos_benches::dudect::{Effort, cases};

const USAGE: &str = "\
usage: cargo bench -p logos-benches --bench dudect -- [OPTION].. [CASE]..

  --list        name the cases and end
  --quick       check that everything runs; too few samples to say anything
  --help        this text

CASE is the beginning of a name, such as ratchet or crypto.aead_tag. Without one all of them run.
|t| below 5: no evidence of a leak. Above 10: a leak. control.early_exit must be above 10.";

#[derive(Default)]
struct Options {
    list: bool,
    help: bool,
    quick: bool,
    only: Vec<String>,
}

impl Options {
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                // Cargo says so to every bench.
                "--bench" => {}
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--quick" => options.quick = true,
                flag if flag.starts_with('-') => bail!("unknown option {flag}\n\n{USAGE}"),
                case if cases().iter().any(|known| known.name.starts_with(case)) => {
                    options.only.push(argument);
                }
                case => bail!("no case begins with {case}; --list names them"),
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dudect: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if options.help {
        println!("{USAGE}");
        return Ok(());
    }
    let effort = if options.quick { Effort::QUICK } else { Effort::FULL };
    for case in cases().iter().filter(|case| options.wants(case.name)) {
        if options.list {
            println!("{:<24} {}", case.name, case.classes);
        } else {
            println!("{:<24} {}", case.name, (case.run)(&effort)?);
        }
    }
    Ok(())
}
