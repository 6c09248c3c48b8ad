//! A text as messages.

use super::DemoError;

/// Cuts `text` into `count` pieces that make it up again, between words if it has enough of them.
pub(super) fn split(text: &str, count: usize) -> Result<Vec<&str>, DemoError> {
    let words = ends(text, |before, after| before.is_whitespace() && !after.is_whitespace());
    let ends = if words.len() >= count { words } else { ends(text, |_, _| true) };
    if ends.len() < count {
        return Err(DemoError::Text { characters: text.chars().count(), messages: count });
    }
    let mut start = 0;
    let mut piece = |number: usize| {
        let end = ends.get((number + 1) * ends.len() / count - 1).copied()?;
        let piece = text.get(start..end)?;
        start = end;
        Some(piece)
    };
    Ok((0..count).filter_map(&mut piece).collect())
}

/// Where pieces can end: after a character that `may_end` finds before another, and at the end.
fn ends(text: &str, may_end: impl Fn(char, char) -> bool) -> Vec<usize> {
    let pairs = text.chars().zip(text.char_indices().skip(1));
    let mut ends: Vec<usize> = pairs
        .filter(|(before, (_, after))| may_end(*before, *after))
        .map(|(_, (place, _))| place)
        .collect();
    if !text.is_empty() {
        ends.push(text.len());
    }
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_stay_whole_while_there_are_enough() {
        assert_eq!(split("one two  three four", 2).unwrap(), ["one two  ", "three four"]);
        assert_eq!(split("ab é", 4).unwrap(), ["a", "b", " ", "é"]);
        let short = DemoError::Text { characters: 2, messages: 3 };
        assert_eq!(split("ab", 3), Err(short));
    }

    proptest! {
        #[test]
        fn the_pieces_make_the_text(text in "\\PC{0,200}", count in 1usize..50) {
            if let Ok(pieces) = split(&text, count) {
                prop_assert_eq!(pieces.concat(), text.as_str());
                prop_assert_eq!(pieces.len(), count);
                prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
            }
        }
    }
}
