//! C's malloc family: what C says of sizes, alignments, null and errno. Blocks come from the thread's `cache`, which is filled
//! from and emptied into the one `heap`; a `large` one is a mapping of its own.
//!
//! Given up against musl: a double free or a damaged heap is not found and does not abort; a child that was forked from a
//! process with threads must `exec` before it allocates, as POSIX demands of it anyway.

mod cache;
mod heap;
mod kept;
mod kernel;
mod large;
mod list;
mod lock;

use core::ffi::{c_int, c_void};
use core::ptr;

/// The alignment of every block.
const ALIGNMENT: usize = 16;
/// What errno is set to: no memory, a bad argument. The same on every Linux.
const ENOMEM: c_int = 12;
const EINVAL: c_int = 22;

extern "C" {
    fn __errno_location() -> *mut c_int;
}

/// Does something whose calls of the system must not show in errno: the program may not have read it yet when it frees.
fn keeping_errno<T>(act: impl FnOnce() -> T) -> T {
    // SAFETY: libc's own pointer to this thread's errno.
    let place = unsafe { __errno_location() };
    // SAFETY: as above.
    let before = unsafe { *place };
    let result = act();
    // SAFETY: as above.
    unsafe { *place = before };
    result
}

/// The block, or null with errno set.
fn or_no_memory(block: *mut u8) -> *mut c_void {
    if block.is_null() {
        // SAFETY: libc's own pointer to this thread's errno.
        unsafe { *__errno_location() = ENOMEM };
    }
    block.cast()
}

#[cfg(not(test))]
extern "C" {
    #[link_name = "malloc"]
    fn malloc_of_the_program(size: usize) -> *mut c_void;
}
#[cfg(test)]
use malloc as malloc_of_the_program;

/// Whether the program's malloc is this one. A program that defines its own, but not the rest of the family, must not be
/// given blocks that its own `free` does not know.
fn is_in_use() -> bool {
    // In a test it is; and Miri gives a function a new address each time.
    cfg!(test) || malloc_of_the_program as *const () == malloc as *const ()
}

/// C's malloc.
///
/// # Safety
/// None beyond the rules of C for the block.
pub(crate) unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    or_no_memory(cache::allocate(size))
}

/// C's calloc: null when the product does not fit. Memory comes from the program's malloc if it has one, as in musl's calloc.
///
/// # Safety
/// As [`malloc`].
pub(crate) unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else {
        return or_no_memory(ptr::null_mut());
    };
    if is_in_use() {
        let block = cache::allocate(bytes);
        if !block.is_null() {
            // SAFETY: the block holds `bytes`, and is ours.
            unsafe { heap::clear(block, bytes) };
        }
        return or_no_memory(block);
    }
    // SAFETY: any size is right.
    let block = unsafe { malloc_of_the_program(bytes) };
    if !block.is_null() {
        // SAFETY: the block holds `bytes`.
        unsafe { ptr::write_bytes(block.cast::<u8>(), 0, bytes) };
    }
    block
}

/// C's realloc. A size of 0 gives a block that can be freed, as musl's does.
///
/// # Safety
/// `block` is null or a live block of this allocator.
pub(crate) unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        return or_no_memory(cache::allocate(size));
    }
    // SAFETY: the caller's promise.
    or_no_memory(unsafe { cache::reallocate(block.cast(), size) })
}

/// C's free.
///
/// # Safety
/// `block` is null or a live block of this allocator.
pub(crate) unsafe extern "C" fn free(block: *mut c_void) {
    if !block.is_null() {
        // SAFETY: the caller's promise.
        unsafe { cache::free(block.cast()) };
    }
}

/// A block at an alignment, or the errno that says why there is none.
fn aligned(alignment: usize, size: usize) -> Result<*mut u8, c_int> {
    if !alignment.is_power_of_two() {
        return Err(EINVAL);
    }
    // musl refuses in the same way.
    if !is_in_use() {
        return Err(ENOMEM);
    }
    let block = if alignment <= ALIGNMENT {
        cache::allocate(size)
    } else {
        heap::allocate_aligned(alignment, size)
    };
    if block.is_null() {
        Err(ENOMEM)
    } else {
        Ok(block)
    }
}

/// C's `aligned_alloc`, for any alignment that is a power of two.
///
/// # Safety
/// As [`malloc`].
pub(crate) unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    match aligned(alignment, size) {
        Ok(block) => block.cast(),
        Err(error) => {
            // SAFETY: libc's own pointer to this thread's errno.
            unsafe { *__errno_location() = error };
            ptr::null_mut()
        }
    }
}

/// The older name of [`aligned_alloc`].
///
/// # Safety
/// As [`malloc`].
pub(crate) unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: no condition.
    unsafe { aligned_alloc(alignment, size) }
}

/// POSIX's `posix_memalign`: the error is returned, errno stays.
///
/// # Safety
/// `place` is writable.
pub(crate) unsafe extern "C" fn posix_memalign(
    place: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    if alignment < size_of::<*mut c_void>() {
        return EINVAL;
    }
    match aligned(alignment, size) {
        Ok(block) => {
            // SAFETY: the caller's promise.
            unsafe { *place = block.cast() };
            0
        }
        Err(error) => error,
    }
}

/// How many bytes a block really has.
///
/// # Safety
/// `block` is null or a live block of this allocator.
pub(crate) unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    if block.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    unsafe { heap::usable_size(block.cast()) }
}

#[cfg(test)]
mod tests;
