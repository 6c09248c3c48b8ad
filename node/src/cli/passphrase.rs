//! The passphrase of a database: from a file, or typed unseen.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use logos_node::Passphrase;
use zeroize::Zeroizing;

use super::input::read;

/// Bytes of a passphrase file, at most.
const MAX_BYTES: u64 = 4096;

/// The passphrase: the first line of `file`, or asked for. A new one is asked for twice.
pub(super) fn passphrase(file: Option<&Path>, is_new: bool) -> Result<Passphrase> {
    let text = match file {
        Some(path) => first_line(path)?,
        None if io::stdin().is_terminal() => ask(is_new)?,
        None => bail!("nobody is there to ask: name a file with --passphrase-file"),
    };
    if text.is_empty() {
        bail!("the passphrase is empty");
    }
    Ok(Passphrase::new(text.as_str().to_owned()))
}

fn first_line(path: &Path) -> Result<Zeroizing<String>> {
    let bytes = Zeroizing::new(read(path, MAX_BYTES)?);
    let text = std::str::from_utf8(&bytes).context("the passphrase is not text in UTF-8")?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn ask(is_new: bool) -> Result<Zeroizing<String>> {
    let text = unseen("passphrase: ")?;
    if is_new && *unseen("once more: ")? != *text {
        bail!("they are not the same");
    }
    Ok(text)
}

/// Reads a line that is not shown while it is typed.
fn unseen(prompt: &str) -> Result<Zeroizing<String>> {
    let mut out = io::stderr().lock();
    // First: what is typed before is thrown away.
    let hidden = echo::hide();
    write!(out, "{prompt}").and_then(|()| out.flush()).context("cannot ask")?;
    let mut line = Zeroizing::new(String::new());
    let done = io::stdin().lock().read_line(&mut line);
    drop(hidden);
    writeln!(out).ok();
    done.context("cannot read the passphrase")?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(unix)]
mod echo {
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// Shows what is typed again when it is dropped.
    pub(super) struct Hidden(Option<Termios>);

    /// Hides what is typed, where standard input is a terminal.
    pub(super) fn hide() -> Hidden {
        let Ok(shown) = tcgetattr(io::stdin()) else { return Hidden(None) };
        let mut unseen = shown.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        let hidden = tcsetattr(io::stdin(), OptionalActions::Flush, &unseen).is_ok();
        Hidden(hidden.then_some(shown))
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            if let Some(shown) = &self.0 {
                // Nothing better can be done about a terminal that has gone.
                tcsetattr(io::stdin(), OptionalActions::Now, shown).ok();
            }
        }
    }
}

#[cfg(not(unix))]
mod echo {
    /// What is typed is shown here.
    pub(super) struct Hidden;

    pub(super) const fn hide() -> Hidden {
        Hidden
    }
}
