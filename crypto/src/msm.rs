//! Sums of multiples of fixed points: `sum s_i P_i` over the points of a proving key.
//!
//! The points never change, so a [`Table`] holds, for every point `P`, the shifts
//! `2^(c j) P`. A scalar is cut in signed digits of `c` bits, and every digit of every scalar
//! then falls in one and the same set of `2^(c-1)` buckets: there are no doublings. Where a table
//! is too large or takes too long, [`Density`] keeps every `k`-th shift or none; where there is
//! memory to spare, multiples too. A bucket is
//! summed by a tree of affine additions that share one inversion a level; eight additions run
//! side by side where the processor has AVX-512 IFMA.
//!
//! | module | what it holds |
//! |---|---|
//! | `digits` | scalars as signed digits, cut once for all tables of one window |
//! | `factors` | digits as products, for tables with multiples |
//! | `table` | the shifted points, built from points or taken from bytes |
//! | `format` | tables as bytes, used where they lie |
//! | `buckets` | sorting digits to buckets, and the weighted sum of the buckets |
//! | `segments` | many sums of points at once, over an `Adder` |
//! | `portable`, `lanes` | the two adders |
//!
//! # Security
//!
//! Everything here is variable time and its memory access depends on the scalars, as in every
//! prover that works with buckets. What an observer on the same machine could learn is the
//! witness of one proof.
//!
//! Hazmat: points are arkworks types, which are no part of the stable interface.

mod buckets;
mod digits;
mod factors;
mod format;
pub(crate) mod group;
#[cfg(target_arch = "x86_64")]
pub(crate) mod lanes;
pub(crate) mod portable;
mod segments;
mod table;

pub use digits::{Density, Digits, Window};
pub use format::TableError;
pub use group::{G1, G2, Group};
pub use table::Table;

/// A table of points of G1.
pub type G1Table<'a> = Table<'a, G1>;
/// A table of points of G2.
pub type G2Table<'a> = Table<'a, G2>;
