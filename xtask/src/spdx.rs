//! Licence expressions: names joined by `AND`, `OR` and `WITH`, with parentheses.

use anyhow::{Result, bail};

/// Can `expression` be satisfied with the licences that `allowed` accepts?
///
/// `AND` binds closer than `OR`. The `/` of old manifests means `OR`. A `WITH` exception belongs
/// to the name before it.
pub(crate) fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let verdict = parser.either()?;
    if let Some(extra) = parser.words.first() {
        bail!("licence {expression:?}: unexpected {extra:?}");
    }
    Ok(verdict)
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl Parser<'_> {
    fn either(&mut self) -> Result<bool> {
        let mut verdict = self.both()?;
        while self.eat("OR") {
            verdict |= self.both()?;
        }
        Ok(verdict)
    }

    fn both(&mut self) -> Result<bool> {
        let mut verdict = self.one()?;
        while self.eat("AND") {
            verdict &= self.one()?;
        }
        Ok(verdict)
    }

    fn one(&mut self) -> Result<bool> {
        if self.eat("(") {
            let verdict = self.either()?;
            if !self.eat(")") {
                bail!("licence: a parenthesis stays open");
            }
            return Ok(verdict);
        }
        let mut name = self.next()?.to_owned();
        if self.eat("WITH") {
            name = format!("{name} WITH {}", self.next()?);
        }
        Ok((self.allowed)(&name))
    }

    fn eat(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }

    fn next(&mut self) -> Result<&str> {
        match self.words.split_first() {
            Some((first, rest)) if !matches!(*first, ")" | "AND" | "OR" | "WITH") => {
                self.words = rest;
                Ok(first)
            }
            _ => bail!("licence: a name is missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(expression: &str) -> bool {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
        satisfied(expression, &|name| allowed.contains(&name)).unwrap()
    }

    #[test]
    fn expressions_are_judged_by_their_logic() {
        assert!(ok("MIT"));
        assert!(ok("MIT/GPL-3.0"));
        assert!(ok("GPL-3.0 OR MIT AND Apache-2.0"));
        assert!(ok("(MIT OR GPL-3.0) AND Unicode-3.0"));
        assert!(ok("Apache-2.0 WITH LLVM-exception"));
        assert!(!ok("GPL-3.0"));
        assert!(!ok("MIT AND GPL-3.0"));
    }

    #[test]
    fn broken_expressions_are_errors() {
        for broken in ["", "(MIT", "MIT MIT", "MIT OR", "AND MIT", "MIT WITH"] {
            assert!(satisfied(broken, &|_| true).is_err(), "{broken}");
        }
    }
}
