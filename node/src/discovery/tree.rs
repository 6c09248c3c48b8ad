//! Lists of nodes in the domain name system (EIP-1459): trees of signed text.

mod entry;
mod walk;

pub use entry::{TreeError, TreeLink};
pub use walk::{TreeQuestion, TreeWalk};

#[cfg(test)]
mod tests;
