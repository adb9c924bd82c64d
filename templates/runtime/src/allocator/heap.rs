//! The one heap of the process: dlmalloc behind a lock, over memory from `mmap`.

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use dlmalloc::{Allocator, Dlmalloc};

use super::kept;
#[cfg(not(miri))]
use super::kernel::discard;
use super::kernel::{self, MAPPED, PAGE};
use super::lock::Lock;

/// How much unused memory is kept at the heap's end: a function is called again and would only ask the kernel for the same
/// pages. Below a function's smallest memory size of 128 MB.
pub(super) const KEPT: usize = 64 << 20;

/// When so many bytes were freed, what is over that goes back to the kernel.
const TURN: usize = 16 << 20;

static HEAP: Heap = Heap {
    lock: Lock::new(),
    dlmalloc: UnsafeCell::new(Dlmalloc::new_with_allocator(Kernel::new())),
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
pub(super) unsafe fn free_all(next: impl FnMut() -> Option<*mut u8>) {
    // SAFETY: the caller's promise.
    HEAP.with(|heap| unsafe { free_all_of(heap, next) });
}

/// # Safety
/// Each is a live block of this heap.
#[inline]
pub(super) unsafe fn free_all_of(
    heap: &mut Dlmalloc<Kernel>,
    mut next: impl FnMut() -> Option<*mut u8>,
) {
    while let Some(block) = next() {
        // SAFETY: the caller's promise.
        unsafe {
            heap.allocator_mut().freed += size_in_header(block);
            heap.c_free(block);
        }
    }
    if heap.allocator().freed >= TURN {
        give_back(heap);
    }
}

/// Gives unused memory over [`KEPT`] back to the kernel: what lies at the end of the newest mapping, and mappings without a
/// block; holes between blocks stay. dlmalloc's own rule is no use here: it gives back all but 2 MB, and never again once there
/// was nothing that it might.
#[cold]
fn give_back(heap: &mut Dlmalloc<Kernel>) {
    let kernel = heap.allocator_mut();
    kernel.freed = 0;
    kernel.takes_back = MAPPED.load(Ordering::Relaxed) > KEPT;
    if kernel.takes_back {
        // SAFETY: no condition.
        unsafe { heap.trim(KEPT) };
        heap.allocator_mut().takes_back = false;
    }
}

/// Blocks from this size on are cleared by taking their pages away: those that are never read then take no memory, as with
/// pages fresh from the kernel.
#[cfg(not(miri))]
const LARGE: usize = 1 << 20;

/// Makes the first `size` bytes of a block zero.
///
/// # Safety
/// `block` is a live block of this heap that holds them.
pub(super) unsafe fn clear(block: *mut u8, size: usize) {
    #[cfg(not(miri))]
    if size >= LARGE {
        let head = block.align_offset(PAGE);
        let pages = (size - head) / PAGE * PAGE;
        // SAFETY: whole pages inside of the block, private and anonymous: the kernel gives zeros when they are next touched.
        let gone = unsafe { discard(block.add(head), pages) };
        if gone {
            // SAFETY: what is before and behind those pages, in the block.
            unsafe {
                ptr::write_bytes(block, 0, head);
                ptr::write_bytes(block.add(head + pages), 0, size - head - pages);
            }
            return;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { ptr::write_bytes(block, 0, size) };
}

/// How many bytes a block really has.
///
/// # Safety
/// `block` is a live block.
#[inline]
pub(super) unsafe fn usable_size(block: *mut u8) -> usize {
    // Miri would report the race that `header` tells of; with the lock it finds the others.
    #[cfg(miri)]
    let _guard = HEAP.lock.take();
    // SAFETY: the caller's promise.
    unsafe { size_in_header(block) }
}

/// Whether a block is one of the heap's, and not one of `large`'s, which never set this flag.
///
/// # Safety
/// `block` is live.
#[inline]
pub(super) unsafe fn owns(block: *mut u8) -> bool {
    /// `CINUSE` in dlmalloc's source: set for as long as a block is live.
    const IN_USE: usize = 2;
    #[cfg(miri)]
    let _guard = HEAP.lock.take();
    // SAFETY: the caller's promise.
    unsafe { header(block) & IN_USE != 0 }
}

/// The size of a block without the lock.
///
/// # Safety
/// `block` is a live block.
#[inline]
unsafe fn size_in_header(block: *mut u8) -> usize {
    const FLAGS: usize = 7;
    // SAFETY: the caller's promise.
    let head = unsafe { header(block) };
    (head & !FLAGS) - size_of::<usize>()
}

/// The word before a block, without the lock.
///
/// dlmalloc does not tell a block's size. This word holds its chunk's, with three flags in its lowest bits; the chunk is that word
/// and the block (`Chunk::size` and `overhead_for` in dlmalloc's source; a test holds it against the locked version).
///
/// The block's owner alone has the size changed, and whether the block is in use, but another thread that has the lock may at
/// this moment set or clear the flag that says whether the chunk before is. By the letter of the memory model that is a race,
/// since dlmalloc's write is not atomic. On both machines it is one aligned store of a word, or of its lowest byte, whose other
/// bits are as they were: whichever of the two words the load finds, what is read of it is right.
///
/// # Safety
/// `block` is a live block.
#[inline]
unsafe fn header(block: *mut u8) -> usize {
    // SAFETY: a live block has this word before it, aligned.
    unsafe { (*block.sub(size_of::<usize>()).cast::<AtomicUsize>()).load(Ordering::Relaxed) }
}

/// Memory from the kernel.
pub(super) struct Kernel {
    /// Bytes that were freed since memory was last given back.
    freed: usize,
    /// Whether dlmalloc may give memory back now.
    takes_back: bool,
}

impl Kernel {
    pub(super) const fn new() -> Self {
        Self {
            freed: 0,
            takes_back: false,
        }
    }
}

// SAFETY: fresh pages of the kernel's are nobody else's.
unsafe impl Allocator for Kernel {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        (kept::map(size), size, 0)
    }

    fn remap(&self, _address: *mut u8, _old: usize, _new: usize, _can_move: bool) -> *mut u8 {
        // Only for chunks that are a mapping of their own, which this version of dlmalloc never makes: see `large`.
        ptr::null_mut()
    }

    fn free_part(&self, address: *mut u8, old: usize, new: usize) -> bool {
        // SAFETY: the end of dlmalloc's own mapping, which it no longer uses.
        unsafe { kernel::unmap(address.add(new), old - new) }
    }

    fn free(&self, address: *mut u8, size: usize) -> bool {
        // SAFETY: dlmalloc's own mapping, which it no longer uses.
        unsafe { kernel::unmap(address, size) }
    }

    fn can_release_part(&self, _flags: u32) -> bool {
        self.takes_back
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE
    }
}
