//! Blocks from four megabytes on: each is a mapping of its own. The kernel moves the pages of one that grows, where the heap would
//! copy it and be left with a hole of the old size.
//!
//! A block is told from one of the heap's by the word before it, which holds the size in the same way: dlmalloc sets a flag
//! there for as long as a block is live, and here it is never set (`heap::owns`).

use core::ptr;

use super::kept::{self, Mapping};
use super::{ALIGNMENT, heap, kernel};

/// Requests from this size on get a mapping. Below, the heap's copy costs less than what the kernel does for a mapping: with a
/// megabyte, texts of 500 kB took 2 % more CPU (docs/benchmarks.md).
pub(super) const FROM: usize = 4 << 20;

/// What lies before a block: an unused word, and its size.
const HEAD: usize = ALIGNMENT;
const WORD: usize = size_of::<usize>();

/// How many bytes a block's mapping has, if there can be one.
fn mapping_for(size: usize) -> Option<usize> {
    size.checked_add(HEAD)?
        .checked_next_multiple_of(kernel::PAGE)
}

/// # Safety
/// `block` is a live block of this module.
unsafe fn mapping_of(block: *mut u8) -> Mapping {
    // SAFETY: the caller's promise.
    unsafe {
        Mapping {
            first: block.sub(HEAD),
            size: heap::usable_size(block) + HEAD,
        }
    }
}

/// The block that is all of a mapping.
///
/// # Safety
/// Nobody else uses the mapping, which is not empty.
unsafe fn block_in(mapping: Mapping) -> *mut u8 {
    // SAFETY: a page is larger than the head.
    let block = unsafe { mapping.first.add(HEAD) };
    // SAFETY: as above, and the word is aligned as the page is. The size is that of a chunk of dlmalloc's: a block and its word.
    unsafe { block.sub(WORD).cast::<usize>().write(mapping.size - WORD) };
    block
}

/// A block of at least `size` bytes, or null.
pub(super) fn allocate(size: usize) -> *mut u8 {
    let Some(size) = mapping_for(size) else {
        return ptr::null_mut();
    };
    if let Some(mapping) = kept::fitting(size) {
        // SAFETY: a kept mapping is nobody's.
        return unsafe { block_in(mapping) };
    }
    if let Some(mapping) = kept::smaller(size) {
        // SAFETY: a kept mapping is nobody's.
        unsafe {
            let first = kernel::remap(mapping.first, mapping.size, size);
            if !first.is_null() {
                return block_in(Mapping { first, size });
            }
            kept::keep(mapping);
        }
    }
    let first = kept::map(size);
    if first.is_null() {
        return first;
    }
    // SAFETY: fresh pages.
    unsafe { block_in(Mapping { first, size }) }
}

/// Makes a block larger or smaller, moved if it must be; null leaves the old one as it is.
///
/// # Safety
/// `block` is a live block of this module.
pub(super) unsafe fn resize(block: *mut u8, size: usize) -> *mut u8 {
    let Some(size) = mapping_for(size) else {
        return ptr::null_mut();
    };
    // SAFETY: the caller's promise.
    let old = unsafe { mapping_of(block) };
    if old.size < size {
        // To copy is quicker than to have the kernel clear what is beyond the old size.
        if let Some(mapping) = kept::fitting(size) {
            // SAFETY: a kept mapping is nobody's, and this one is larger than the old; the old one's owner gives it up.
            unsafe {
                let new = block_in(mapping);
                ptr::copy_nonoverlapping(block, new, old.size - HEAD);
                free(block);
                return new;
            }
        }
    }
    // SAFETY: a whole mapping, whose owner waits for where it is now.
    let remap = || unsafe { kernel::remap(old.first, old.size, size) };
    let mut first = remap();
    if first.is_null() {
        kept::empty();
        first = remap();
    }
    if first.is_null() {
        return first;
    }
    // SAFETY: the owner's mapping as it is now.
    unsafe { block_in(Mapping { first, size }) }
}

/// Frees a block.
///
/// # Safety
/// `block` is a live block of this module.
pub(super) unsafe fn free(block: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { kept::keep(mapping_of(block)) };
}
