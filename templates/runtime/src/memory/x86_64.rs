//! `x86_64`: 16-byte words by SSE2, which every such machine has, and the string instructions for long ranges.

#[cfg(not(miri))]
use core::arch::asm;
use core::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi64x};

use super::{copy_forward, fill_blocks};

/// From this size on the string instructions are faster than a loop, where the machine has fast ones (ERMS: Intel since
/// Ivy Bridge, AMD since Zen 3).
#[cfg(not(miri))]
const STRING: usize = 2048;

/// 16 bytes.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Word(__m128i);

impl Word {
    /// Eight bytes, twice.
    #[inline(always)]
    pub(super) fn of(eight: u64) -> Self {
        #[expect(clippy::cast_possible_wrap, reason = "the bits are what counts")]
        // SAFETY: SSE2 is part of `x86_64`.
        Self(unsafe { _mm_set1_epi64x(eight as i64) })
    }
}

/// The place of the first byte that differs.
#[inline(always)]
pub(super) fn difference(left: Word, right: Word) -> Option<usize> {
    // SAFETY: SSE2 is part of `x86_64`.
    let equal = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(left.0, right.0)) };
    let differing = !equal & 0xffff;
    (differing != 0).then(|| differing.trailing_zeros() as usize)
}

/// Copies over 128 bytes.
///
/// # Safety
/// As `copy`.
#[inline(always)]
pub(super) unsafe fn copy_long(target: *mut u8, source: *const u8, n: usize) {
    // Near overlaps are slow in microcode. Miri knows no assembly.
    #[cfg(not(miri))]
    if n >= STRING && (source as usize).wrapping_sub(target as usize) >= 64 {
        // SAFETY: the caller's promise; the direction flag is clear by the ABI.
        unsafe {
            asm!("rep movsb", inout("rcx") n => _, inout("rdi") target => _, inout("rsi") source => _,
                options(nostack, preserves_flags));
        }
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { copy_forward(target, source, n) };
}

/// Fills over 128 bytes.
///
/// # Safety
/// As `fill`.
#[inline(always)]
pub(super) unsafe fn fill_long(target: *mut u8, byte: u8, word: Word, n: usize) {
    #[cfg(not(miri))]
    if n >= STRING {
        // SAFETY: the caller's promise; the direction flag is clear by the ABI.
        unsafe {
            asm!("rep stosb", inout("rcx") n => _, inout("rdi") target => _, in("al") byte,
                options(nostack, preserves_flags));
        }
        return;
    }
    #[cfg(miri)]
    let _ = byte;
    // SAFETY: the caller's promise.
    unsafe { fill_blocks(target, word, n) };
}
