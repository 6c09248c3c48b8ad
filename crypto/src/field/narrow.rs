//! Multiplication where the widest product has 64 bits.

use core::ops::{Mul, MulAssign};

use super::Fr;
use crate::backend::prime::Scalar;
use crate::backend::words::Words;

impl MulAssign for Fr {
    fn mul_assign(&mut self, rhs: Self) {
        *self *= &rhs;
    }
}

impl MulAssign<&Self> for Fr {
    fn mul_assign(&mut self, rhs: &Self) {
        self.0 = Words::<Scalar>::from_ark(&self.0).mul(Words::from_ark(&rhs.0)).to_ark();
    }
}

impl Mul for Fr {
    type Output = Self;

    fn mul(mut self, rhs: Self) -> Self {
        self *= &rhs;
        self
    }
}

impl Mul<&Self> for Fr {
    type Output = Self;

    fn mul(mut self, rhs: &Self) -> Self {
        self *= rhs;
        self
    }
}
