//! The roots of the last moments.

use alloc::collections::VecDeque;
use core::num::NonZeroUsize;

/// The last roots of a tree, so that a proof made shortly before a change still counts.
///
/// A fixed window: a new root pushes the oldest one out. An empty window accepts nothing, so
/// forgetting to fill it cannot pass for accepting every root.
///
/// # Examples
///
/// ```
/// use core::num::NonZeroUsize;
/// use logos_crypto::merkle::RootHistory;
///
/// let mut roots = RootHistory::new(NonZeroUsize::new(3).unwrap());
/// assert!(!roots.is_acceptable(&"a"));
/// for root in ["a", "b", "c", "d"] {
///     roots.push(root);
/// }
/// assert_eq!(roots.current(), Some(&"d"));
/// assert_eq!(roots.age(&"b"), Some(2));
/// assert!(!roots.is_acceptable(&"a"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootHistory<N> {
    // Invariant: at most `window` roots, the newest at the front, no two neighbours equal.
    roots: VecDeque<N>,
    window: NonZeroUsize,
}

impl<N: Eq> RootHistory<N> {
    /// Keeps the last `window` roots.
    #[must_use]
    pub const fn new(window: NonZeroUsize) -> Self {
        Self { roots: VecDeque::new(), window }
    }

    /// Makes `root` the current one. Nothing happens if it is already.
    pub fn push(&mut self, root: N) {
        if self.current() == Some(&root) {
            return;
        }
        self.roots.truncate(self.window.get() - 1);
        self.roots.push_front(root);
    }

    /// The newest root.
    #[must_use]
    pub fn current(&self) -> Option<&N> {
        self.roots.front()
    }

    /// How many changes ago `root` was current, or `None` if it is not in the window. A root that
    /// the tree returned to counts as the younger of the two.
    #[must_use]
    pub fn age(&self, root: &N) -> Option<usize> {
        self.roots.iter().position(|known| known == root)
    }

    /// Is `root` in the window?
    #[must_use]
    pub fn is_acceptable(&self, root: &N) -> bool {
        self.age(root).is_some()
    }

    /// The roots, newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &N> {
        self.roots.iter()
    }

    /// How many roots are kept at most.
    #[must_use]
    pub const fn window(&self) -> NonZeroUsize {
        self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_one_knows_only_the_current_root() {
        let mut roots = RootHistory::new(NonZeroUsize::MIN);
        roots.push(1);
        roots.push(2);
        assert_eq!(roots.iter().collect::<std::vec::Vec<_>>(), [&2]);
    }

    #[test]
    fn an_update_that_changes_nothing_pushes_no_root_out() {
        let mut roots = RootHistory::new(NonZeroUsize::new(2).unwrap());
        roots.push(1);
        roots.push(2);
        roots.push(2);
        assert_eq!(roots.age(&1), Some(1));
    }
}
