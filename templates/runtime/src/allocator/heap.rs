//! The one heap of the process: dlmalloc behind a lock, over memory from `mmap`.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use dlmalloc::{Allocator, Dlmalloc};

use super::lock::Lock;

/// How much unused memory is kept: a function is called again and would only ask the kernel for the same pages. Below a
/// function's smallest memory size of 128 MB.
const KEPT: usize = 64 << 20;

static HEAP: Heap = Heap {
    lock: Lock::new(),
    dlmalloc: UnsafeCell::new(Dlmalloc::new_with_allocator(Kernel)),
};

struct Heap {
    lock: Lock,
    dlmalloc: UnsafeCell<Dlmalloc<Kernel>>,
}

// SAFETY: `dlmalloc` is reached only by `with`, under the lock.
unsafe impl Sync for Heap {}

impl Heap {
    /// Does something with dlmalloc, alone.
    #[inline]
    fn with<T>(&self, act: impl FnOnce(&mut Dlmalloc<Kernel>) -> T) -> T {
        let _guard = self.lock.take();
        // SAFETY: the lock is held, and `act` has no way to come here again: dlmalloc calls nothing but `Kernel`.
        act(unsafe { &mut *self.dlmalloc.get() })
    }
}

/// Allocates `count` blocks of at least `size` bytes each and gives them to `keep`; stops when there is no more memory.
#[inline]
pub(super) fn allocate_many(size: usize, count: usize, mut keep: impl FnMut(*mut u8)) {
    HEAP.with(|heap| {
        for _ in 0..count {
            // SAFETY: any size is right.
            let block = unsafe { heap.c_malloc(size) };
            if block.is_null() {
                break;
            }
            keep(block);
        }
    });
}

/// A block of at least `size` bytes, or null.
pub(super) fn allocate(size: usize) -> *mut u8 {
    // SAFETY: any size is right.
    HEAP.with(|heap| unsafe { heap.c_malloc(size) })
}

/// A block at an alignment that is a power of two, or null.
pub(super) fn allocate_aligned(alignment: usize, size: usize) -> *mut u8 {
    // SAFETY: the alignment is a power of two.
    HEAP.with(|heap| unsafe { heap.c_memalign(alignment, size) })
}

/// Makes a block larger or smaller, moved if it must be; null leaves the old one as it is.
///
/// # Safety
/// `block` is a live block.
pub(super) unsafe fn reallocate(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    HEAP.with(|heap| unsafe { heap.c_realloc(block, size) })
}

/// Frees blocks until `next` has no more.
///
/// # Safety
/// Each is a live block.
#[inline]
pub(super) unsafe fn free_all(mut next: impl FnMut() -> Option<*mut u8>) {
    HEAP.with(|heap| {
        while let Some(block) = next() {
            // SAFETY: the caller's promise.
            unsafe { heap.c_free(block) };
        }
    });
}

/// How many bytes a block really has.
///
/// dlmalloc does not say it. The word before a block holds its chunk's size, with three flags in its lowest bits; the chunk is
/// that word and the block (`Chunk::size` and `overhead_for` in dlmalloc's source; a test holds it against the locked version).
///
/// # Safety
/// `block` is a live block.
#[inline]
pub(super) unsafe fn usable_size(block: *mut u8) -> usize {
    const FLAGS: usize = 7;
    // SAFETY: a live block has this word before it, and only its owner changes the size in it; the flag of the chunk before may
    // change under the lock of another thread at this moment, so the word is read as that thread writes it, whole.
    let head =
        unsafe { (*block.sub(size_of::<usize>()).cast::<AtomicUsize>()).load(Ordering::Relaxed) };
    (head & !FLAGS) - size_of::<usize>()
}

/// Memory from the kernel.
struct Kernel;

/// Bytes that are mapped.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

extern "C" {
    fn mmap(
        address: *mut c_void,
        size: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn munmap(address: *mut c_void, size: usize) -> c_int;
    fn mremap(address: *mut c_void, size: usize, new_size: usize, flags: c_int, ...)
    -> *mut c_void;
}

const PROT_READ_WRITE: c_int = 1 | 2;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x02 | 0x20;
const MREMAP_MAYMOVE: c_int = 1;

fn is_failure(address: *mut c_void) -> bool {
    address as usize == usize::MAX
}

// SAFETY: fresh pages of the kernel's are nobody else's.
unsafe impl Allocator for Kernel {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                size,
                PROT_READ_WRITE,
                MAP_PRIVATE_ANONYMOUS,
                -1,
                0,
            )
        };
        if is_failure(address) {
            return (ptr::null_mut(), 0, 0);
        }
        MAPPED.fetch_add(size, Ordering::Relaxed);
        (address.cast(), size, 0)
    }

    fn remap(&self, address: *mut u8, old: usize, new: usize, can_move: bool) -> *mut u8 {
        // SAFETY: dlmalloc's own mapping, which it gives up in favour of the answer.
        let moved = unsafe {
            mremap(
                address.cast(),
                old,
                new,
                if can_move { MREMAP_MAYMOVE } else { 0 },
            )
        };
        if is_failure(moved) {
            return ptr::null_mut();
        }
        MAPPED.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
        moved.cast()
    }

    fn free_part(&self, address: *mut u8, old: usize, new: usize) -> bool {
        // SAFETY: the end of dlmalloc's own mapping, which it no longer uses.
        let done = unsafe { munmap(address.add(new).cast(), old - new) } == 0;
        if done {
            MAPPED.fetch_sub(old - new, Ordering::Relaxed);
        }
        done
    }

    fn free(&self, address: *mut u8, size: usize) -> bool {
        // SAFETY: dlmalloc's own mapping, which it no longer uses.
        let done = unsafe { munmap(address.cast(), size) } == 0;
        if done {
            MAPPED.fetch_sub(size, Ordering::Relaxed);
        }
        done
    }

    fn can_release_part(&self, _flags: u32) -> bool {
        MAPPED.load(Ordering::Relaxed) > KEPT
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        4096
    }
}
