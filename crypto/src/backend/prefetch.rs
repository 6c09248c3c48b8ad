//! Asking for memory before it is needed.

#![allow(unsafe_code, reason = "the prefetch instruction is an intrinsic")]

/// Asks for the cache lines of `value`, which must begin on one. Changes nothing but time.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let start = core::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(64) {
        // SAFETY: every x86-64 has the instruction; it reads nothing that a program could see and
        // faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset)) }
    }
}

/// Nothing: the other processors are not asked.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn prefetch<T>(_value: &T) {}
