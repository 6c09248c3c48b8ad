//! The terminal.

use std::io::{self, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Standard output for answers, standard error for everything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    json: bool,
}

impl Console {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Are answers for programs?
    pub(crate) const fn json(self) -> bool {
        self.json
    }

    /// Prints an answer: `text` for people, `value` for programs.
    pub(crate) fn answer(self, text: &str, value: &impl Serialize) -> Result<()> {
        if self.json { self.json_line(value) } else { self.text(text) }
    }

    /// Prints one line of JSON, whoever reads.
    pub(crate) fn json_line(self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value).context("write JSON")?;
        line.push(b'\n');
        self.bytes(&line)
    }

    /// Prints a line, or several.
    pub(crate) fn text(self, text: &str) -> Result<()> {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        self.bytes(format!("{text}{end}").as_bytes())
    }

    /// Writes bytes as they are. A reader who has seen enough and left is no error.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("cannot write to standard output")
            }
            _ => Ok(()),
        }
    }

    /// Says something that is no answer.
    pub(crate) fn note(self, text: &str) {
        // Nobody is left to tell if this cannot be written.
        writeln!(io::stderr().lock(), "{text}").ok();
    }

    /// Says what went wrong, and what to do next.
    pub(crate) fn complain(self, error: &anyhow::Error, hint: Option<String>) {
        self.note(&format!("error: {error:#}"));
        if let Some(hint) = hint {
            self.note(&format!("  {hint}"));
        }
    }
}
