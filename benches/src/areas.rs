//! What is measured: one file for each area.

mod crypto;
mod mix;
mod node;
mod prover;
pub(crate) mod ratchet;
pub(crate) mod rln;

use crate::runner::Area;

/// Every area, in the order they run.
pub const AREAS: &[Area] =
    &[crypto::AREA, mix::AREA, node::AREA, prover::AREA, ratchet::AREA, rln::AREA];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_areas_or_children_share_a_name() {
        let mut names = HashSet::new();
        for area in AREAS {
            assert!(names.insert(area.name.to_owned()));
            for (child, _) in area.children {
                assert!(names.insert(format!("{}.{child}", area.name)));
            }
        }
    }
}
