//! Pages from the kernel: mapped, moved, discarded and given back, with errno left as it is.

use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::keeping_errno;

/// The smallest page; a kernel with larger ones refuses to take parts of one away.
pub(super) const PAGE: usize = 4096;

/// Bytes that are mapped.
pub(super) static MAPPED: AtomicUsize = AtomicUsize::new(0);

extern "C" {
    fn mmap(
        address: *mut c_void,
        size: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    #[cfg(not(miri))]
    fn madvise(address: *mut c_void, size: usize, advice: c_int) -> c_int;
    fn mremap(address: *mut c_void, old: usize, new: usize, flags: c_int, ...) -> *mut c_void;
    fn munmap(address: *mut c_void, size: usize) -> c_int;
}

#[cfg(not(miri))]
const MADV_DONTNEED: c_int = 4;
const PROT_READ_WRITE: c_int = 1 | 2;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x02 | 0x20;
const MREMAP_MAYMOVE: c_int = 1;

fn is_failure(address: *mut c_void) -> bool {
    address as usize == usize::MAX
}

/// Fresh pages, or null.
pub(super) fn map(size: usize) -> *mut u8 {
    let (access, flags) = (PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS);
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let address = keeping_errno(|| unsafe { mmap(ptr::null_mut(), size, access, flags, -1, 0) });
    if is_failure(address) {
        return ptr::null_mut();
    }
    MAPPED.fetch_add(size, Ordering::Relaxed);
    address.cast()
}

/// Makes a mapping larger or smaller, its pages moved if they must be; null leaves the old one as it is.
///
/// # Safety
/// It is a whole mapping of `old` bytes, whose user knows that it may move.
pub(super) unsafe fn remap(mapping: *mut u8, old: usize, new: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    let address = keeping_errno(|| unsafe { mremap(mapping.cast(), old, new, MREMAP_MAYMOVE) });
    if is_failure(address) {
        return ptr::null_mut();
    }
    MAPPED.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
    address.cast()
}

/// Gives pages back; whether that was possible.
///
/// # Safety
/// They were mapped here, and nobody uses them.
pub(super) unsafe fn unmap(pages: *mut u8, size: usize) -> bool {
    // SAFETY: the caller's promise.
    let done = keeping_errno(|| unsafe { munmap(pages.cast(), size) }) == 0;
    if done {
        MAPPED.fetch_sub(size, Ordering::Relaxed);
    }
    done
}

/// Takes the pages' content away, so that they are zero and take no memory; whether that was possible.
///
/// # Safety
/// They were mapped here, and nobody wants what is in them.
#[cfg(not(miri))]
pub(super) unsafe fn discard(pages: *mut u8, size: usize) -> bool {
    // SAFETY: the caller's promise.
    keeping_errno(|| unsafe { madvise(pages.cast(), size, MADV_DONTNEED) }) == 0
}
