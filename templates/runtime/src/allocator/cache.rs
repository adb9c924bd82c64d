//! Small blocks that a thread freed and will want again, kept without the heap's lock. A list for each size in steps of 16
//! bytes; an empty one is filled, and a full one emptied by half, in one turn of the lock.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::heap;

/// The usable sizes of dlmalloc's blocks: 24, 40, 56 … bytes, each with a list of its own up to the largest.
const SMALLEST: usize = 24;
const STEP: usize = 16;
const LARGEST: usize = 1016;
/// How many lists there are.
const LISTS: usize = (LARGEST - SMALLEST) / STEP + 1;

/// A list holds at most so many blocks, and at most so many bytes.
const MOST_BLOCKS: usize = 128;
const MOST_BYTES: usize = 16 * 1024;
/// This share of what a list may hold is what an empty one is filled with.
const FILL: usize = 8;

/// The list whose blocks hold `size` bytes, at most [`LARGEST`].
#[inline]
fn list_for(size: usize) -> usize {
    (usize::max(size, SMALLEST) - SMALLEST).div_ceil(STEP)
}

/// How many bytes a list's blocks hold.
#[inline]
const fn size_of_list(index: usize) -> usize {
    SMALLEST + index * STEP
}

/// How many blocks a list may hold.
#[inline]
const fn most(index: usize) -> usize {
    let fit = MOST_BYTES / size_of_list(index);
    if fit < MOST_BLOCKS { fit } else { MOST_BLOCKS }
}

/// Blocks of one size, linked through their first words.
#[derive(Clone, Copy)]
struct List {
    first: *mut u8,
    length: usize,
    most: usize,
}

impl List {
    #[inline]
    fn pop(&mut self) -> Option<*mut u8> {
        let block = self.first;
        if block.is_null() {
            return None;
        }
        // SAFETY: a block in a list is the list's alone, and its first word is the next one.
        self.first = unsafe { block.cast::<*mut u8>().read() };
        self.length -= 1;
        Some(block)
    }

    /// # Safety
    /// `block` is live, of this list's size, and used by nobody.
    #[inline]
    unsafe fn push(&mut self, block: *mut u8) {
        // SAFETY: the smallest block has room for a word.
        unsafe { block.cast::<*mut u8>().write(self.first) };
        self.first = block;
        self.length += 1;
    }

    #[cold]
    fn fill(&mut self, size: usize) {
        let count = usize::max(self.most / FILL, 1);
        // SAFETY: a block that was just allocated is used by nobody. One that dlmalloc made larger than asked for is kept as one
        // of this size: what it holds beyond is unused until it comes back under its own size.
        heap::allocate_many(size, count, |block| unsafe { self.push(block) });
    }

    #[cold]
    fn shrink_to(&mut self, length: usize) {
        let next = || (self.length > length).then(|| self.pop()).flatten();
        // SAFETY: a block in a list is live.
        unsafe { heap::free_all(next) };
    }
}

/// The lists of one thread.
struct Cache([List; LISTS]);

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
        let mut lists = [List {
            first: ptr::null_mut(),
            length: 0,
            most: 0,
        }; LISTS];
        for (index, list) in lists.iter_mut().enumerate() {
            list.most = most(index);
        }
        // SAFETY: the block is large enough, aligned to 16, and ours alone.
        unsafe { cache.write(Self(lists)) };
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

fn once(block: *mut u8) -> impl FnMut() -> Option<*mut u8> {
    let mut block = Some(block);
    move || block.take()
}

/// A block of at least `size` bytes, or null.
#[inline]
pub(super) fn allocate(size: usize) -> *mut u8 {
    if size <= LARGEST {
        if let Some(cache) = Cache::of_this_thread().or_else(Cache::create) {
            let index = list_for(size);
            // SAFETY: `index` is below `LISTS` for a size of at most `LARGEST`.
            let list = unsafe { cache.0.get_unchecked_mut(index) };
            if let Some(block) = list.pop() {
                return block;
            }
            list.fill(size_of_list(index));
            return list.pop().unwrap_or(ptr::null_mut());
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
            let index = (size - SMALLEST) / STEP;
            // SAFETY: `index` is below `LISTS` for a size of at most `LARGEST`.
            let list = unsafe { cache.0.get_unchecked_mut(index) };
            if list.length >= list.most {
                list.shrink_to(list.most / 2);
            }
            // SAFETY: the caller gives the block up.
            unsafe { list.push(block) };
            return;
        }
    }
    // SAFETY: the caller's promise.
    unsafe { heap::free_all(once(block)) };
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
    if old > LARGEST {
        // SAFETY: the caller's promise.
        return unsafe { heap::reallocate(block, size) };
    }
    let new = allocate(size);
    if !new.is_null() {
        // SAFETY: both blocks hold the smaller of the two sizes, and the caller gives the old one up.
        unsafe {
            ptr::copy_nonoverlapping(block, new, usize::min(old, size));
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
    for list in &mut unsafe { &mut *cache }.0 {
        list.shrink_to(0);
    }
    // SAFETY: a live block that nobody uses any more.
    unsafe { heap::free_all(once(cache.cast())) };
}
