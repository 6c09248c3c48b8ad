//! Commands in documentation, found and run.
//!
//! A fenced block marked `console` holds commands after `$ `, each with the output below it:
//!
//! ````text
//! ```console
//! $ logos rln keygen --limit 100 --out id.json
//! $ logos rln verify --members members.txt --epoch 1 --app chat proof.bin
//! valid
//! ```
//! ````
//!
//! A line `...` in the output stands for any lines. No output means that any will do.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// One command and what it should print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The line of the document, from 1.
    pub line: usize,
    /// The command, without `$ `.
    pub command: String,
    /// The lines below it.
    pub output: Vec<String>,
}

/// The examples of a Markdown document, in order.
#[must_use]
pub fn examples(markdown: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let mut inside = false;
    let mut fresh = false;
    for (number, line) in markdown.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```console";
            fresh = true;
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            let command = command.trim().to_owned();
            found.push(Example { line: number + 1, command, output: Vec::new() });
            fresh = false;
        } else if let Some(example) = found.last_mut().filter(|_| inside && !fresh) {
            example.output.push(line.to_owned());
        }
    }
    found
}

/// Why an example does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs an example with a shell in `folder`, with `tools` first on the path.
///
/// # Errors
///
/// [`Mismatch`] if the command fails or prints something else than the document says.
pub fn run(example: &Example, folder: &Path, tools: &Path) -> Result<(), Mismatch> {
    let place =
        |what: &str| Mismatch(format!("line {}: {}: {what}", example.line, example.command));
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &example.command])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .map_err(|error| place(&error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(place(&format!("failed:\n{printed}{complaint}")));
    }
    let lines: Vec<&str> = printed.lines().collect();
    let wanted: Vec<&str> = example.output.iter().map(String::as_str).collect();
    if wanted.is_empty() || agrees(&wanted, &lines) {
        Ok(())
    } else {
        Err(place(&format!("printed:\n{printed}")))
    }
}

/// Do the lines agree, where `...` stands for any number of lines?
fn agrees(wanted: &[&str], lines: &[&str]) -> bool {
    match wanted.split_first() {
        None => lines.is_empty(),
        Some((&"...", rest)) => {
            (0..=lines.len()).any(|skipped| agrees(rest, lines.get(skipped..).unwrap_or_default()))
        }
        Some((first, rest)) => match lines.split_first() {
            Some((line, others)) => line.trim_end() == first.trim_end() && agrees(rest, others),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
text
```sh
$ not this
```
```console
$ echo one
one
$ echo two; echo three; echo four
two
...
```
$ nor this
";

    #[test]
    fn only_console_blocks_hold_examples() {
        let found = examples(DOCUMENT);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[0].command.as_str()), (6, "echo one"));
        assert_eq!(found[1].output, ["two", "..."]);
    }

    #[test]
    fn an_example_holds_if_it_succeeds_and_prints_what_it_says() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for example in examples(DOCUMENT) {
            assert_eq!(run(&example, here, here), Ok(()));
        }
        let fails = |command: &str, output: &str| {
            let command = command.to_owned();
            let example = Example { line: 1, command, output: vec![output.to_owned()] };
            run(&example, here, here).is_err()
        };
        assert!(fails("echo one", "two"));
        assert!(fails("false", "..."));
        assert!(!fails("echo any", "..."));
    }
}
