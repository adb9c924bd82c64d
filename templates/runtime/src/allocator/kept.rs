//! Mappings of large blocks that were freed and will be wanted again: a function is called again, and each page that is fresh
//! from the kernel costs a fault.

use core::cell::UnsafeCell;
use core::mem::replace;
use core::ptr;

use super::kernel;
use super::lock::Lock;

/// How many there are at most, and how many bytes together: with what the heap keeps, below a function's smallest memory size.
const SLOTS: usize = 8;
const MOST_BYTES: usize = 32 << 20;

/// A request gets a mapping of up to so many times its size: what asks for a few megabytes often grows.
const SLACK: usize = 4;

static KEPT: Kept = Kept {
    lock: Lock::new(),
    slots: UnsafeCell::new([NONE; SLOTS]),
};

struct Kept {
    lock: Lock,
    slots: UnsafeCell<[Mapping; SLOTS]>,
}

// SAFETY: the slots are reached only by `with`, under the lock.
unsafe impl Sync for Kept {}

// SAFETY: a kept mapping is nobody's.
unsafe impl Send for Mapping {}

/// Pages of this allocator, and how many bytes; none of size 0.
#[derive(Clone, Copy)]
pub(super) struct Mapping {
    pub(super) first: *mut u8,
    pub(super) size: usize,
}

const NONE: Mapping = Mapping {
    first: ptr::null_mut(),
    size: 0,
};

/// Does something with the slots, alone.
fn with<T>(act: impl FnOnce(&mut [Mapping; SLOTS]) -> T) -> T {
    let _guard = KEPT.lock.take();
    // SAFETY: the lock is held, and no `act` comes here again.
    act(unsafe { &mut *KEPT.slots.get() })
}

/// The smallest mapping that holds `size` bytes and is not far too large.
pub(super) fn fitting(size: usize) -> Option<Mapping> {
    with(|slots| {
        let fits = |slot: &&mut Mapping| slot.size >= size && slot.size / SLACK <= size;
        let slot = slots.iter_mut().filter(fits).min_by_key(|slot| slot.size)?;
        Some(replace(slot, NONE))
    })
}

/// The largest mapping of less than `size` bytes, which has most of the pages already.
pub(super) fn smaller(size: usize) -> Option<Mapping> {
    with(|slots| {
        let below = |slot: &&mut Mapping| (1..size).contains(&slot.size);
        let slot = slots
            .iter_mut()
            .filter(below)
            .max_by_key(|slot| slot.size)?;
        Some(replace(slot, NONE))
    })
}

/// Keeps a mapping in the place of the smallest one, or gives it back where that is larger, or there would be too much.
///
/// # Safety
/// It is a mapping of [`kernel`]'s that nobody uses.
pub(super) unsafe fn keep(mapping: Mapping) {
    let gone = with(|slots| {
        let bytes: usize = slots.iter().map(|slot| slot.size).sum();
        match slots.iter_mut().min_by_key(|slot| slot.size) {
            Some(slot)
                if slot.size < mapping.size && bytes - slot.size + mapping.size <= MOST_BYTES =>
            {
                replace(slot, mapping)
            }
            _ => mapping,
        }
    });
    // SAFETY: the caller's promise, for this one or an earlier one.
    unsafe { give_back(gone) };
}

/// Fresh pages, for which all mappings here are given back if the kernel has none otherwise; or null.
pub(super) fn map(size: usize) -> *mut u8 {
    let pages = kernel::map(size);
    if !pages.is_null() {
        return pages;
    }
    empty();
    kernel::map(size)
}

/// Gives all mappings back.
#[cold]
pub(super) fn empty() {
    for gone in with(|slots| replace(slots, [NONE; SLOTS])) {
        // SAFETY: nobody uses it.
        unsafe { give_back(gone) };
    }
}

/// # Safety
/// It is a mapping of [`kernel`]'s that nobody uses, or none.
unsafe fn give_back(mapping: Mapping) {
    if mapping.size > 0 {
        // SAFETY: the caller's promise. What the kernel does not take stays mapped and unused.
        unsafe { kernel::unmap(mapping.first, mapping.size) };
    }
}
