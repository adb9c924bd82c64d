//! aarch64: 16-byte words by NEON, which every such machine has.

use core::arch::aarch64::{
    uint8x16_t, vceqq_u8, vdupq_n_u64, vget_lane_u64, vreinterpret_u64_u8, vreinterpretq_u8_u64,
    vreinterpretq_u16_u8, vshrn_n_u16,
};

use super::{copy_forward, fill_blocks};

/// 16 bytes.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Word(uint8x16_t);

impl Word {
    /// Eight bytes, twice.
    #[inline(always)]
    pub(super) fn of(eight: u64) -> Self {
        // SAFETY: NEON is part of the target.
        Self(unsafe { vreinterpretq_u8_u64(vdupq_n_u64(eight)) })
    }
}

/// The place of the first byte that differs.
#[inline(always)]
pub(super) fn difference(left: Word, right: Word) -> Option<usize> {
    // SAFETY: NEON is part of the target.
    let equal = unsafe {
        // Four bits of each byte: there is no movemask here.
        let bytes = vceqq_u8(left.0, right.0);
        vget_lane_u64::<0>(vreinterpret_u64_u8(vshrn_n_u16::<4>(vreinterpretq_u16_u8(
            bytes,
        ))))
    };
    (equal != u64::MAX).then(|| (!equal).trailing_zeros() as usize / 4)
}

/// Copies over 128 bytes.
///
/// # Safety
/// As `copy`.
#[inline(always)]
pub(super) unsafe fn copy_long(target: *mut u8, source: *const u8, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { copy_forward(target, source, n) };
}

/// Fills over 128 bytes.
///
/// # Safety
/// As `fill`.
#[inline(always)]
pub(super) unsafe fn fill_long(target: *mut u8, _byte: u8, word: Word, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { fill_blocks(target, word, n) };
}
