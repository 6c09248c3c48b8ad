//! One runner for every comparison with a peer.
//!
//! ```console
//! $ cargo bench -p logos-benches --bench vs -- rln
//! ```
//!
//! Both sides of a figure run in one process and take turns, so that a change of clock speed or a
//! busy neighbour meets both. What counts is the ratio of a round's two costs; the figure is the
//! median of the rounds' ratios, printed for people as a table and for machines as
//! `ratio <area>.<name> <value>`: the peer's cost over ours, bigger is better.
//!
//! | module | what it holds |
//! |---|---|
//! | [`runner`] | rounds, clocks, child processes |
//! | [`report`] | table, machine lines, JSON, SVG |
//! | [`areas`] | what is measured, one file for each area |
//! | [`peers`] | the peers, behind functions that say what they do |
//! | [`dudect`] | whether the time of an operation depends on a secret |
//! | [`steps`] | what each step on the way to the prover gave |
//! | [`machine`] | what it was measured on |

pub mod areas;
pub mod dudect;
pub mod machine;
pub mod peers;
pub mod report;
pub mod runner;
pub mod steps;
