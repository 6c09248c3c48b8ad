//! Arguments, commands and exit codes.

mod bench;
#[cfg(feature = "delivery")]
mod chat;
mod console;
mod demo;
mod hint;
mod input;
mod inspect;
mod keygen;
#[cfg(feature = "delivery")]
mod limit;
#[cfg(feature = "delivery")]
mod network;
#[cfg(feature = "delivery")]
mod node;
#[cfg(feature = "delivery")]
mod passphrase;
mod progress;
mod prove;
#[cfg(feature = "prover")]
mod prover;
mod recover;
mod register;
#[cfg(feature = "delivery")]
mod status;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use console::Console;

/// The Logos stack on the command line.
///
/// `logos demo` shows what it does; `logos rln` are the tools for rate-limiting nullifiers (RLN):
/// proofs that a message comes from a member of a group who has not sent too much, without saying
/// from which.
#[derive(Debug, Parser)]
#[command(name = "logos", version, after_help = EXIT_CODES, arg_required_else_help = true)]
struct Cli {
    /// Print one line of JSON for programs instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done; the proof is valid; every claim holds
  1  the answer is no: not valid, nothing to recover, a claim that does not hold
  2  the command could not be carried out: wrong arguments, unusable input, a full disk

Start here:
  logos demo              a group at work, with spammers caught: under two minutes
  logos rln --help        the tools, with a session to copy
";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows a group sending a text, spammers caught, and every claim checked
    Demo(demo::Arguments),
    /// Runs a node of the delivery network
    #[cfg(feature = "delivery")]
    Node(node::Arguments),
    /// Talks to somebody, encrypted, in the terminal
    #[cfg(feature = "delivery")]
    Chat(chat::Arguments),
    /// Asks a running node how it is
    #[cfg(feature = "delivery")]
    Status(status::Arguments),
    /// Rate-limiting nullifiers: identities, proofs, verification, recovery
    #[command(subcommand, after_help = SESSION)]
    Rln(RlnCommand),
    /// The prover service: proofs for others, message ids that are never used twice
    #[cfg(feature = "prover")]
    #[command(subcommand)]
    Prover(prover::ProverCommand),
}

const SESSION: &str = "\
A session:
  logos rln keygen --limit 100 --out id.json
  logos rln register --members members.txt id.json
  echo hello > message.txt
  logos rln prove --identity id.json --members members.txt --index 0 \\
      --epoch 2026-11-21T10:00 --app chat --message-id 0 --message message.txt --out proof.bin
  logos rln verify --members members.txt --epoch 2026-11-21T10:00 --app chat \\
      --message message.txt proof.bin

Use every message id from 0 to limit - 1 once an epoch. Two messages under one id of one epoch give
the secret away: `logos rln recover a.bin b.bin` prints it.

Files:
  id.json      {\"secret\", \"commitment\", \"rate_commitment\", \"limit\"}; field elements are 64
               hexadecimal digits, 32 bytes with the least significant first
  members.txt  line k, counted from 0, is leaf k of the tree: a rate commitment; 64 zeros are an
               empty leaf
  proof.bin    289 bytes, zerokit 3.0's RLNProof
  -            standard input or output, wherever a file is named
";

#[derive(Debug, Subcommand)]
enum RlnCommand {
    /// Draws an identity
    Keygen(keygen::Arguments),
    /// Appends an identity to the members file
    Register(register::Arguments),
    /// Proves that a message comes from a member within the limit
    Prove(prove::Arguments),
    /// Checks a proof: exit code 0 valid, 1 not valid, 2 unusable input
    Verify(verify::Arguments),
    /// Recovers the secret of a member who sent two messages under one id
    Recover(recover::Arguments),
    /// Says what a file is and what it holds
    Inspect(inspect::Arguments),
    /// Measures proving and verifying on this machine
    Bench(bench::Arguments),
}

/// How a command ended that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// Parses the arguments, does what they say, and tells how it went.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Nobody is left to tell if this cannot be printed.
            usage.print().ok();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    let console = Console::new(cli.json);
    let done = match cli.command {
        Command::Demo(arguments) => arguments.run(&console),
        #[cfg(feature = "delivery")]
        Command::Node(arguments) => arguments.run(&console),
        #[cfg(feature = "delivery")]
        Command::Chat(arguments) => arguments.run(&console),
        #[cfg(feature = "delivery")]
        Command::Status(arguments) => arguments.run(&console),
        Command::Rln(RlnCommand::Keygen(arguments)) => arguments.run(&console),
        Command::Rln(RlnCommand::Register(arguments)) => arguments.run(&console),
        Command::Rln(RlnCommand::Prove(arguments)) => arguments.run(&console),
        Command::Rln(RlnCommand::Verify(arguments)) => arguments.run(&console),
        Command::Rln(RlnCommand::Recover(arguments)) => arguments.run(&console),
        Command::Rln(RlnCommand::Inspect(arguments)) => arguments.run(&console),
        Command::Rln(RlnCommand::Bench(arguments)) => arguments.run(&console),
        #[cfg(feature = "prover")]
        Command::Prover(command) => command.run(&console),
    };
    match done {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) => {
            console.complain(&error, hint::of(&error));
            ExitCode::from(2)
        }
    }
}
