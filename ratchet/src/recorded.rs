//! A source of randomness for tests that know every byte that will be drawn.

#![allow(clippy::panic, reason = "a test that draws anything else is wrong")]

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// Gives out recorded bytes in order, and panics where more or anything else is drawn.
pub(crate) struct Recorded<'a>(pub(crate) &'a [u8]);

impl TryRng for Recorded<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let (drawn, rest) = self.0.split_at(out.len());
        out.copy_from_slice(drawn);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Recorded<'_> {}
