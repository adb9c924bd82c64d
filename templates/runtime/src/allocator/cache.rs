//! Blocks that a thread freed and will want again, kept without the heap's lock. An empty list is filled, and a full one
//! halved, in one turn of the lock.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::heap;
use super::large;
use super::list::{LARGEST, LISTS, List, list_for, list_of};

/// A thread keeps at most so many bytes: a function with 128 MB may have eight.
const MOST_BYTES: usize = 2 << 20;

/// The lists of one thread.
struct Cache {
    lists: [List; LISTS],
    /// What they hold together.
    bytes: usize,
}

impl Cache {
    /// The cache of this thread, which is made with its first allocation and goes with the thread.
    #[inline]
    fn of_this_thread() -> Option<&'static mut Self> {
        let key = KEY.load(Ordering::Acquire).checked_sub(1)?;
        // SAFETY: the value under the key is null, or the cache that `create` made for this thread; only this thread has it, for
        // the length of one call here, and no call here makes another one.
        unsafe { pthread_getspecific(key).cast::<Self>().as_mut() }
    }

    #[cold]
    fn create() -> Option<&'static mut Self> {
        let key = key()?;
        let cache = heap::allocate(size_of::<Self>()).cast::<Self>();
        if cache.is_null() {
            return None;
        }
        let fresh = Self {
            lists: core::array::from_fn(List::new),
            bytes: 0,
        };
        // SAFETY: the block is large enough, aligned to 16, and ours alone.
        unsafe { cache.write(fresh) };
        // SAFETY: the key exists, and its destructor expects a cache.
        if unsafe { pthread_setspecific(key, cache.cast()) } != 0 {
            // SAFETY: a live block that nobody knows of.
            unsafe { heap::free_all(once(cache.cast())) };
            return None;
        }
        // SAFETY: as in `of_this_thread`.
        unsafe { cache.as_mut() }
    }
}

impl Cache {
    /// A block of a list, which is below [`LISTS`]; null when there is no memory.
    #[inline]
    fn take(&mut self, index: usize) -> *mut u8 {
        // SAFETY: the caller's index.
        let list = unsafe { self.lists.get_unchecked_mut(index) };
        let block = list.pop().or_else(|| {
            self.bytes += list.fill() * list.size;
            list.pop()
        });
        match block {
            Some(block) => {
                self.bytes -= list.size;
                block
            }
            None => ptr::null_mut(),
        }
    }

    /// Keeps a block in a list, which is below [`LISTS`].
    ///
    /// # Safety
    /// `block` is live, of that list's size or larger, and used by nobody.
    #[inline]
    unsafe fn keep(&mut self, index: usize, block: *mut u8) {
        // SAFETY: the caller's index.
        let list = unsafe { self.lists.get_unchecked_mut(index) };
        if list.is_full() {
            self.bytes -= list.halve() * list.size;
        }
        // SAFETY: the caller's promise.
        unsafe { list.push(block) };
        self.bytes += list.size;
        if self.bytes > MOST_BYTES {
            self.halve();
        }
    }

    /// Gives half of everything back.
    #[cold]
    fn halve(&mut self) {
        for list in &mut self.lists {
            self.bytes -= list.halve() * list.size;
        }
    }
}

fn once(block: *mut u8) -> impl FnMut() -> Option<*mut u8> {
    let mut block = Some(block);
    move || block.take()
}

/// A block of at least `size` bytes, or null.
#[inline]
pub(super) fn allocate(size: usize) -> *mut u8 {
    if size <= LARGEST {
        if let Some(cache) = Cache::of_this_thread().or_else(Cache::create) {
            return cache.take(list_for(size));
        }
    }
    allocate_beyond(size)
}

/// A block that no list has: a mapping of its own where it is large, and if the kernel has none, what the heap still has.
fn allocate_beyond(size: usize) -> *mut u8 {
    if size >= large::FROM {
        let block = large::allocate(size);
        if !block.is_null() {
            return block;
        }
    }
    heap::allocate(size)
}

/// Frees a block.
///
/// # Safety
/// `block` is live.
#[inline]
pub(super) unsafe fn free(block: *mut u8) {
    // SAFETY: the caller's promise.
    let size = unsafe { heap::usable_size(block) };
    if size <= LARGEST {
        // A thread that only frees, or is about to end, gets no cache for it.
        if let Some(cache) = Cache::of_this_thread() {
            // SAFETY: the caller gives the block up.
            unsafe { cache.keep(list_of(size), block) };
            return;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { free_beyond(block) };
}

/// Frees a block that no list takes.
///
/// # Safety
/// `block` is live.
unsafe fn free_beyond(block: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        if heap::owns(block) {
            heap::free_all(once(block));
        } else {
            large::free(block);
        }
    }
}

/// Makes a block larger or smaller, moved if it must be; null leaves the old one as it is.
///
/// # Safety
/// `block` is live.
#[inline]
pub(super) unsafe fn reallocate(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    let old = unsafe { heap::usable_size(block) };
    if size <= old && size >= old / 2 {
        return block;
    }
    if old > LARGEST || size > LARGEST {
        // SAFETY: the caller's promise.
        return unsafe { reallocate_beyond(block, old, size) };
    }
    // SAFETY: the caller's promise.
    unsafe { moved(block, usize::min(old, size), allocate(size)) }
}

/// Reallocates where one of the two blocks is no list's.
///
/// # Safety
/// `block` is live, of `old` bytes.
unsafe fn reallocate_beyond(block: *mut u8, old: usize, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        match (heap::owns(block), size >= large::FROM) {
            (true, false) => heap::reallocate(block, size),
            (false, true) => large::resize(block, size),
            (false, false) => moved(block, size, allocate(size)),
            (true, true) => {
                let new = moved(block, usize::min(old, size), large::allocate(size));
                if new.is_null() {
                    return heap::reallocate(block, size);
                }
                new
            }
        }
    }
}

/// Moves what is in a block to a new one, which may be null: then the old one stays as it is.
///
/// # Safety
/// `block` is live, and both hold `bytes`.
#[inline]
unsafe fn moved(block: *mut u8, bytes: usize, new: *mut u8) -> *mut u8 {
    if !new.is_null() {
        // SAFETY: the caller's promise, who gives the old block up.
        unsafe {
            ptr::copy_nonoverlapping(block, new, bytes);
            free(block);
        }
    }
    new
}

/// The key of the threads' caches plus one; 0 before there is one.
static KEY: AtomicU32 = AtomicU32::new(0);

extern "C" {
    fn pthread_key_create(key: *mut c_uint, destructor: unsafe extern "C" fn(*mut c_void))
    -> c_int;
    fn pthread_key_delete(key: c_uint) -> c_int;
    fn pthread_getspecific(key: c_uint) -> *mut c_void;
    fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
}

/// The key, made by the first thread that comes here.
fn key() -> Option<c_uint> {
    if let Some(key) = KEY.load(Ordering::Acquire).checked_sub(1) {
        return Some(key);
    }
    let mut key = 0;
    // SAFETY: `key` is writable. Neither musl nor glibc allocates for a key.
    if unsafe { pthread_key_create(&raw mut key, give_back) } != 0 {
        return None;
    }
    match KEY.compare_exchange(0, key + 1, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(key),
        Err(others) => {
            // SAFETY: our own key, which nobody has seen.
            unsafe { pthread_key_delete(key) };
            Some(others - 1)
        }
    }
}

/// A thread ends: its blocks go back to the heap. A destructor that allocates after this makes a new cache, which the libc
/// hands to this function again, four times at most; what remains after that is lost.
unsafe extern "C" fn give_back(cache: *mut c_void) {
    let cache = cache.cast::<Cache>();
    // SAFETY: the libc hands over the cache of the ending thread, which has no other user now.
    for list in &mut unsafe { &mut *cache }.lists {
        list.empty();
    }
    // SAFETY: a live block that nobody uses any more.
    unsafe { heap::free_all(once(cache.cast())) };
}
