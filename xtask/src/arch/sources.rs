//! What source files may hold.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Lines of a file, its tests not counted.
const MAX_LINES: usize = 700;

/// Where `unsafe` may stand: the SIMD kernels, each beside a portable path that equals it.
const UNSAFE_HOME: &[&str] =
    &["crypto/src/backend.rs", "crypto/src/backend/", "crypto/src/x25519/ifma.rs"];

/// Folders that hold no sources of ours.
const SKIPPED: &[&str] = &["target", "node_modules", "corpus", "artifacts"];

/// One source file.
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

/// Every Rust file below `root`.
pub(super) fn files(root: &Path) -> Result<Vec<File>> {
    let mut paths = Vec::new();
    walk(root, &mut paths).context("list the sources")?;
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let relative = path.strip_prefix(root).unwrap_or(&path);
        Ok(File { path: relative.to_string_lossy().replace('\\', "/"), text })
    };
    paths.into_iter().map(read).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !SKIPPED.contains(&name.as_ref()) {
                walk(&entry.path(), paths)?;
            }
        } else if name.ends_with(".rs") {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// What is wrong with one file.
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    let mut violations = Vec::new();
    if path.ends_with("/mod.rs") {
        violations.push(format!("{path}: a module is foo.rs beside foo/, never mod.rs"));
    }
    let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
    if lines > MAX_LINES && !is_test(path) {
        violations.push(format!("{path}: {lines} lines without tests, over {MAX_LINES}"));
    }
    violations.extend(unsafe_rules(path, text));
    violations
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn unsafe_rules(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let at_home = UNSAFE_HOME.iter().any(|home| path.starts_with(home));
    let mut violations = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let code = code_of(line);
        let lifts = ["allow(unsafe_code", "expect(unsafe_code"].iter().any(|a| code.contains(a));
        if !at_home && (lifts || has_word(&code, "unsafe")) {
            violations.push(format!(
                "{path}:{}: unsafe outside {}",
                number + 1,
                UNSAFE_HOME.join(" ")
            ));
        }
        let opens = code.contains("unsafe {") || code.contains("unsafe impl");
        if at_home && opens && !is_justified(&lines[..number]) {
            violations.push(format!("{path}:{}: no // SAFETY: line before this", number + 1));
        }
    }
    violations
}

/// Does a `// SAFETY:` comment stand right above, or above the start of the same statement?
fn is_justified(above: &[&str]) -> bool {
    let mut code_lines = 0;
    for line in above.iter().rev().map(|line| line.trim()) {
        if line.starts_with("// SAFETY:") {
            return true;
        }
        let is_note = line.starts_with("//") || line.starts_with("#[");
        if !is_note {
            // A statement may begin a line or two before its unsafe block.
            let ends_statement = line.ends_with([';', '{', '}']) || line.is_empty();
            code_lines += 1;
            if ends_statement || code_lines > 2 {
                return false;
            }
        }
    }
    false
}

/// The line without string literals and comments. Good for one line at a time, which is enough to
/// find a keyword; text over several lines is none of ours.
fn code_of(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let mut characters = line.chars().peekable();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' if quoted => drop(characters.next()),
            '"' => quoted = !quoted,
            '/' if !quoted && characters.peek() == Some(&'/') => break,
            _ if !quoted => code.push(character),
            _ => {}
        }
    }
    code
}

fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_stands_in_the_backends_alone() {
        let text = "fn f() {\n    // SAFETY: fine.\n    unsafe { g() }\n}\n";
        assert_eq!(check("crypto/src/backend/ifma.rs", text), Vec::<String>::new());
        assert_eq!(check("rln/src/prover.rs", text).len(), 1);
        assert_eq!(check("rln/src/lib.rs", "#![allow(unsafe_code)]\n").len(), 1);
    }

    #[test]
    fn every_unsafe_block_says_why_it_is_sound() {
        let home = "crypto/src/backend/ifma.rs";
        assert_eq!(check(home, "fn f() {\n    unsafe { g() }\n}\n").len(), 1);
        let split =
            "fn f() {\n    // SAFETY: n is in range.\n    let x =\n        unsafe { g() };\n}\n";
        assert_eq!(check(home, split), Vec::<String>::new());
        let stale = "fn f() {\n    // SAFETY: h.\n    h();\n    unsafe { g() }\n}\n";
        assert_eq!(check(home, stale).len(), 1);
    }

    #[test]
    fn the_word_in_comments_strings_and_names_is_not_the_keyword() {
        let text = "// unsafe { }\nlet a = \"unsafe {\";\nlet unsafe_code = 1; // unsafe\n";
        assert_eq!(check("rln/src/lib.rs", text), Vec::<String>::new());
    }

    #[test]
    fn mod_rs_and_god_files_are_refused() {
        assert_eq!(check("mix/src/packet/mod.rs", "").len(), 1);
        let long = "x();\n".repeat(MAX_LINES + 1);
        assert_eq!(check("mix/src/packet.rs", &long).len(), 1);
        assert_eq!(check("tests/tests/all.rs", &long), Vec::<String>::new());
        let tested = format!("x();\n#[cfg(test)]\n{long}");
        assert_eq!(check("mix/src/packet.rs", &tested), Vec::<String>::new());
    }
}
