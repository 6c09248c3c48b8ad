//! `logos`: the command line of the Logos stack.

#![allow(clippy::std_instead_of_core, reason = "the one crate that stands on std")]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
