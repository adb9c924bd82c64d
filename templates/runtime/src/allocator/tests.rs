//! Long random walks through the malloc family, alone and by many threads, and the edges of what C says about it.

use core::ffi::{c_int, c_uint, c_void};
use core::mem::replace;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, RwLock, mpsc};
use std::thread;

use super::heap;
use super::kernel::MAPPED;
use super::large;
use super::lock::Lock;
use super::{EINVAL, ENOMEM};
use crate::memory::tests::Random;

/// Everything is tried on a processor; an emulator and Miri take a share.
const SHARE: usize = if cfg!(miri) {
    400
} else if cfg!(target_arch = "aarch64") {
    5
} else {
    1
};

/// Tests run at the same time over one heap; one that looks at how much it has mapped must be alone.
static ALONE: RwLock<()> = RwLock::new(());

macro_rules! among_others {
    () => {
        let _guard = ALONE.read().unwrap_or_else(|error| error.into_inner());
    };
}

macro_rules! alone {
    () => {
        let _guard = ALONE.write().unwrap_or_else(|error| error.into_inner());
    };
}

fn set_errno(value: c_int) {
    // SAFETY: libc's own pointer to this thread's errno.
    unsafe { *super::__errno_location() = value };
}

fn errno() -> c_int {
    // SAFETY: libc's own pointer to this thread's errno.
    unsafe { *super::__errno_location() }
}

fn malloc(size: usize) -> *mut u8 {
    // SAFETY: any size is right.
    unsafe { super::malloc(size) }.cast()
}

fn calloc(count: usize, size: usize) -> *mut u8 {
    // SAFETY: any sizes are right.
    unsafe { super::calloc(count, size) }.cast()
}

fn aligned_alloc(alignment: usize, size: usize) -> *mut u8 {
    // SAFETY: any sizes are right.
    unsafe { super::aligned_alloc(alignment, size) }.cast()
}

fn posix_memalign(alignment: usize, size: usize) -> Result<*mut u8, c_int> {
    let mut block = ptr::null_mut();
    // SAFETY: `block` is writable.
    match unsafe { super::posix_memalign(&raw mut block, alignment, size) } {
        0 => Ok(block.cast()),
        error => {
            assert!(block.is_null());
            Err(error)
        }
    }
}

/// Frees a block of this test.
fn free(block: *mut u8) {
    // SAFETY: every test here frees its own blocks, once.
    unsafe { super::free(block.cast()) };
}

/// Reallocates a block of this test.
fn realloc(block: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: every test here gives its own live blocks.
    unsafe { super::realloc(block.cast(), size) }.cast()
}

fn usable(block: *mut u8) -> usize {
    // SAFETY: every test here asks for its own live blocks.
    unsafe { super::malloc_usable_size(block.cast()) }
}

/// Bytes of which each block is filled with its own part.
fn noise() -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    let count = if cfg!(miri) { 20_000 } else { 36 << 20 };
    NOISE.get_or_init(|| Random::new(12).bytes(count))
}

/// A live block, filled to its last usable byte.
struct Block {
    first: *mut u8,
    size: usize,
    /// Where in the noise its bytes begin.
    from: usize,
}

// SAFETY: a block belongs to whoever has it.
unsafe impl Send for Block {}

impl Block {
    fn new(first: *mut u8, asked: usize, alignment: usize, from: usize) -> Self {
        assert!(!first.is_null(), "no memory for {asked} bytes");
        assert_eq!(first.addr() % alignment, 0);
        let size = usable(first);
        assert!(size >= asked, "{size} of {asked} bytes");
        let bytes = &noise()[from..from + size];
        // SAFETY: all of a block may be written.
        unsafe { first.copy_from_nonoverlapping(bytes.as_ptr(), size) };
        Self { first, size, from }
    }

    /// That the first bytes are what was written.
    fn check(&self, size: usize) {
        // SAFETY: the block is live and ours alone, and `new` wrote all of it.
        let bytes = unsafe { core::slice::from_raw_parts(self.first, size) };
        let written = &noise()[self.from..self.from + size];
        assert!(
            bytes == written,
            "a block of {} bytes was overwritten",
            self.size
        );
    }

    fn free(self) {
        self.check(self.size);
        free(self.first);
    }
}

/// Sizes as programs ask for them: mostly small, a few large.
fn some_size(random: &mut Random) -> usize {
    let end = match random.below(100) {
        0..45 => 65,
        45..75 => 1100,
        75.. if cfg!(miri) => 3000,
        75..95 => 9000,
        95..99 => 100_000,
        _ => 1 << 20,
    };
    random.below(end)
}

/// One thread's walk.
struct Walk {
    random: Random,
    blocks: BTreeMap<usize, Block>,
    most: usize,
}

impl Walk {
    fn new(seed: u64, most: usize) -> Self {
        let (random, blocks) = (Random::new(seed), BTreeMap::new());
        Self {
            random,
            blocks,
            most,
        }
    }

    /// A new block by one of the functions, which must lie between those that there are.
    fn allocate(&mut self) {
        let random = &mut self.random;
        let size = some_size(random);
        let alignment = 1 << random.below(14);
        let (first, alignment) = match random.below(10) {
            0..5 => (malloc(size), 16),
            5..7 => {
                let count = [1, 2, 3, 7, 24][random.below(5)];
                let block = calloc(count, size / count);
                let bytes = count * (size / count);
                // SAFETY: calloc wrote that many.
                let zeros = unsafe { core::slice::from_raw_parts(block, bytes) };
                assert!(zeros.iter().all(|&byte| byte == 0), "calloc({bytes})");
                let block = Block::new(block, bytes, 16, random.below(5000));
                self.insert(block);
                return;
            }
            7 => (aligned_alloc(alignment, size), alignment),
            8 => {
                let alignment = alignment.max(8);
                (posix_memalign(alignment, size).unwrap(), alignment)
            }
            // SAFETY: any sizes are right.
            _ => (
                unsafe { super::memalign(alignment, size) }.cast(),
                alignment,
            ),
        };
        let block = Block::new(first, size, alignment.max(16), random.below(5000));
        self.insert(block);
    }

    fn insert(&mut self, block: Block) {
        let (start, end) = (block.first.addr(), block.first.addr() + block.size);
        if let Some((_, before)) = self.blocks.range(..=start).next_back() {
            assert!(before.first.addr() + before.size <= start);
        }
        if let Some((&after, _)) = self.blocks.range(start..).next() {
            assert!(end <= after);
        }
        assert!(self.blocks.insert(start, block).is_none());
    }

    /// Some block, taken out.
    fn take(&mut self) -> Option<Block> {
        let (&first, _) = self.blocks.first_key_value()?;
        let (&last, _) = self.blocks.last_key_value()?;
        let near = first + self.random.below(last - first + 1);
        let (&start, _) = self.blocks.range(near..).next()?;
        self.blocks.remove(&start)
    }

    fn reallocate(&mut self) {
        let Some(block) = self.take() else {
            return;
        };
        let size = match self.random.below(4) {
            0 => block.size * 2,
            1 => block.size / 3,
            2 => block.size + 1 + self.random.below(64),
            _ => some_size(&mut self.random),
        };
        let size = size.min(if cfg!(miri) { 10_000 } else { 2 << 20 });
        block.check(block.size);
        let first = realloc(block.first, size);
        assert!(!first.is_null());
        let kept = block.size.min(size);
        Block { first, ..block }.check(kept);
        let block = Block::new(first, size, 16, self.random.below(5000));
        self.insert(block);
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0..2 => self.reallocate(),
            2..6 if self.blocks.len() < self.most => self.allocate(),
            // Now and then half of all, so that caches run over and the heap merges.
            6 if self.random.below(self.most) == 0 => {
                for _ in 0..self.blocks.len() / 2 {
                    self.take().unwrap().free();
                }
            }
            6.. if self.blocks.len() < self.most / 2 => self.allocate(),
            _ => self.take().into_iter().for_each(Block::free),
        }
    }

    fn end(mut self) {
        while let Some((_, block)) = self.blocks.pop_first() {
            block.free();
        }
    }
}

/// Large blocks are cleared by taking their pages away: every byte must be zero all the same, at the edges too.
#[test]
#[cfg_attr(miri, ignore = "Miri has no madvise, and takes minutes for a megabyte")]
fn calloc_of_a_large_block_that_was_used() {
    among_others!();
    for size in [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 4097] {
        for _ in 0..3 {
            // SAFETY: each block is used within its size and freed once.
            unsafe {
                let used = malloc(size).cast::<u8>();
                assert!(!used.is_null());
                used.write_bytes(0xff, size);
                free(used.cast());
                let block = calloc(1, size).cast::<u8>();
                assert!(!block.is_null());
                let bytes = core::slice::from_raw_parts(block, size);
                assert!(bytes.iter().all(|byte| *byte == 0), "{size}");
                free(block.cast());
            }
        }
    }
}

#[test]
fn a_walk() {
    among_others!();
    for (seed, most) in [(1, 40), (2, 400), (3, 3000)] {
        let mut walk = Walk::new(seed, most);
        for _ in 0..40_000 / SHARE {
            walk.step();
        }
        walk.end();
    }
}

/// Threads walk at the same time and pass each other blocks, so that each also frees what others allocated.
#[test]
fn walks_of_threads_that_free_each_others_blocks() {
    among_others!();
    let passed = Mutex::new(Vec::<Block>::new());
    let threads = if cfg!(miri) { 3 } else { 6 };
    thread::scope(|scope| {
        for seed in 0..threads {
            let passed = &passed;
            scope.spawn(move || {
                let mut walk = Walk::new(100 + seed, 300);
                for _ in 0..20_000 / SHARE {
                    walk.step();
                    let given = if walk.random.below(3) == 0 {
                        walk.take()
                    } else {
                        None
                    };
                    let mut passed = passed.lock().unwrap();
                    passed.extend(given);
                    let taken = if passed.len() > 200 || walk.random.below(3) == 0 {
                        passed.pop()
                    } else {
                        None
                    };
                    drop(passed);
                    taken.into_iter().for_each(Block::free);
                }
                walk.end();
            });
        }
    });
    passed
        .into_inner()
        .unwrap()
        .into_iter()
        .for_each(Block::free);
}

/// One thread only allocates and one only frees: no cache may hoard what flows through.
#[test]
fn blocks_that_flow_from_one_thread_to_another_do_not_pile_up() {
    alone!();
    let (to, from) = mpsc::sync_channel::<Block>(64);
    let consumer = thread::spawn(move || from.into_iter().for_each(Block::free));
    let mut before = 0;
    let turns = if cfg!(miri) { 100 } else { 200_000 / SHARE };
    for turn in 0..turns {
        if turn == turns / 10 {
            before = MAPPED.load(Ordering::Relaxed);
        }
        let size = 1 + turn % 1000;
        to.send(Block::new(malloc(size), size, 16, turn % 5000))
            .unwrap();
    }
    let grown = MAPPED.load(Ordering::Relaxed).saturating_sub(before);
    drop(to);
    consumer.join().unwrap();
    assert!(grown < 4 << 20, "{grown} bytes more");
}

/// Fills every list of this thread's cache.
fn fill_cache() {
    let blocks: Vec<_> = (0..=1016)
        .step_by(if cfg!(miri) { 90 } else { 8 })
        .flat_map(|size| core::iter::repeat_n(size, if cfg!(miri) { 3 } else { 20 }))
        .map(malloc)
        .collect();
    blocks.into_iter().for_each(free);
}

#[test]
fn threads_that_end_give_back_what_they_kept() {
    alone!();
    let run = |count: usize| {
        for _ in 0..count {
            let threads = [thread::spawn(fill_cache), thread::spawn(fill_cache)];
            for thread in threads {
                thread.join().unwrap();
            }
        }
        MAPPED.load(Ordering::Relaxed)
    };
    let before = run(if cfg!(miri) { 2 } else { 20 });
    let after = run(if cfg!(miri) { 5 } else { 500 });
    // What twenty pairs of threads did not need, five hundred need not either; one more segment may be cut by chance.
    assert!(after <= before + (1 << 20), "{before} bytes, then {after}");
}

extern "C" {
    fn pthread_key_create(key: *mut c_uint, destructor: unsafe extern "C" fn(*mut c_void))
    -> c_int;
    fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
}

static DESTROYED: AtomicUsize = AtomicUsize::new(0);

/// What a program's destructor may do when the cache of its thread is gone.
unsafe extern "C" fn use_memory(block: *mut c_void) {
    let block = realloc(block.cast(), 500);
    assert!(!block.is_null());
    let others: Vec<_> = (1..200)
        .step_by(if cfg!(miri) { 40 } else { 1 })
        .map(|size| Block::new(malloc(size), size, 16, 7))
        .collect();
    others.into_iter().for_each(Block::free);
    free(block);
    DESTROYED.fetch_add(1, Ordering::Relaxed);
}

struct UsesMemory(*mut u8);

impl Drop for UsesMemory {
    fn drop(&mut self) {
        // SAFETY: a live block.
        unsafe { use_memory(self.0.cast()) };
    }
}

thread_local! {
    static LOCAL: UsesMemory = UsesMemory(malloc(30));
}

#[test]
fn destructors_that_allocate_after_the_cache_was_given_back() {
    alone!();
    // Makes the cache's key, so that ours comes after it, as destructors go by the order of their keys.
    free(malloc(1));
    let mut key = 0;
    // SAFETY: `key` is writable, and its values are blocks.
    let made = unsafe { pthread_key_create(&raw mut key, use_memory) };
    assert_eq!(made, 0);
    let run = |count: usize| {
        for _ in 0..count {
            let thread = thread::spawn(move || {
                LOCAL.with(|local| assert!(!local.0.is_null()));
                // SAFETY: the key's destructor expects a block.
                assert_eq!(unsafe { pthread_setspecific(key, malloc(40).cast()) }, 0);
            });
            thread.join().unwrap();
        }
        MAPPED.load(Ordering::Relaxed)
    };
    let count = if cfg!(miri) { 2 } else { 300 };
    let before = run(count);
    let after = run(count);
    assert_eq!(DESTROYED.load(Ordering::Relaxed), 4 * count);
    assert!(
        after <= before + (256 << 10),
        "{before} bytes, then {after}"
    );
}

/// Sizes that no machine has.
fn huge() -> Vec<usize> {
    let near_the_end = (0..100).chain([4096, 65_000, 65_535, 65_536, 65_700, 131_072, 1 << 20]);
    let mut sizes: Vec<_> = near_the_end.map(|less| usize::MAX - less).collect();
    sizes.extend([
        1 << 48,
        1 << 60,
        1 << 63,
        (1 << 63) - 1,
        (1 << 63) + 1,
        usize::MAX - (1 << 62),
    ]);
    sizes
}

#[test]
#[cfg_attr(miri, ignore = "Miri ends when it has no memory")]
fn there_is_no_memory_for_huge_sizes() {
    among_others!();
    let refused = |block: *mut u8| {
        assert!(block.is_null());
        assert_eq!(replace_errno(), ENOMEM);
    };
    let small = Block::new(malloc(100), 100, 16, 1);
    let large = Block::new(malloc(100_000), 100_000, 16, 2);
    let aligned = Block::new(aligned_alloc(4096, 5000), 5000, 4096, 3);
    for size in huge() {
        replace_errno();
        refused(malloc(size));
        refused(calloc(1, size));
        refused(calloc(size, 1));
        for block in [&small, &large, &aligned] {
            refused(realloc(block.first, size));
            block.check(block.size);
        }
        for shift in 0..64 {
            refused(aligned_alloc(1 << shift, size));
        }
        assert_eq!(posix_memalign(64, size), Err(ENOMEM));
        assert_eq!(
            errno(),
            0,
            "posix_memalign returns its error and leaves errno"
        );
    }
    // Alignments that no machine has.
    for shift in 56..64 {
        for size in [0, 1, 100, 5000, 1 << 20, usize::MAX >> 1, usize::MAX] {
            refused(aligned_alloc(1 << shift, size));
        }
    }
    for block in [small, large, aligned] {
        block.free();
    }
}

/// This thread's errno, which is 0 afterwards.
fn replace_errno() -> c_int {
    let found = errno();
    set_errno(0);
    found
}

#[test]
fn calloc_refuses_a_product_that_does_not_fit() {
    among_others!();
    for (count, size) in [
        (usize::MAX, 2),
        (2, usize::MAX),
        (1 << 32, 1 << 32),
        (usize::MAX, usize::MAX),
        ((1 << 63) + 1, 2),
        (1 << 60, 17),
    ] {
        replace_errno();
        assert!(calloc(count, size).is_null());
        assert_eq!(replace_errno(), ENOMEM);
    }
}

#[test]
fn a_size_of_zero_is_a_block_of_its_own() {
    among_others!();
    let blocks = [
        malloc(0),
        calloc(0, 0),
        calloc(0, usize::MAX),
        calloc(usize::MAX, 0),
        realloc(ptr::null_mut(), 0),
        aligned_alloc(1, 0),
        aligned_alloc(4096, 0),
        posix_memalign(8, 0).unwrap(),
        posix_memalign(1 << 16, 0).unwrap(),
        realloc(malloc(50), 0),
        realloc(malloc(5000), 0),
        realloc(malloc(500_000), 0),
    ];
    let blocks = blocks.map(|block| Block::new(block, 0, 16, block.addr() / 16 % 5000));
    for block in blocks {
        block.free();
    }
    free(ptr::null_mut());
    assert_eq!(usable(ptr::null_mut()), 0);
}

#[test]
fn alignments_that_are_none() {
    among_others!();
    for alignment in [0, 3, 5, 6, 12, 24, 48, 4095, usize::MAX, (1 << 63) + 1] {
        replace_errno();
        assert!(aligned_alloc(alignment, 8).is_null());
        assert_eq!(replace_errno(), EINVAL);
        assert_eq!(posix_memalign(alignment, 8), Err(EINVAL));
        assert_eq!(errno(), 0);
    }
    // POSIX wants a multiple of a pointer's size.
    for alignment in [1, 2, 4] {
        assert_eq!(posix_memalign(alignment, 8), Err(EINVAL));
        free(aligned_alloc(alignment, 8));
    }
    for shift in (0..24).step_by(if cfg!(miri) { 4 } else { 1 }) {
        for size in [0, 1, 8, 24, 25, 1016, 1017, 5000] {
            let block = Block::new(aligned_alloc(1 << shift, size), size, 1 << shift, 9);
            block.check(block.size);
            // Reallocated blocks need no alignment but the usual.
            let (first, kept) = (realloc(block.first, size + 1000), size);
            Block { first, ..block }.check(kept);
            free(first);
        }
    }
}

/// Whoever reads errno after a call of the system may have freed memory in between, and does not want to read of our lock.
#[test]
fn errno_stays_when_all_is_well() {
    among_others!();
    thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || {
                let mut random = Random::new(seed);
                set_errno(1234);
                for _ in 0..if cfg!(miri) { 30 } else { 100_000 / SHARE } {
                    // Around the lock, not the cache.
                    let block = malloc(1100 + random.below(1000));
                    free(realloc(block, 3000));
                    assert_eq!(errno(), 1234);
                }
            });
        }
    });
}

/// dlmalloc frees with a size and panics, before it does anything, when the block is smaller: so the size that is read from
/// the header is right, and one byte more is too much.
#[test]
fn the_size_in_the_header_is_what_dlmalloc_has() {
    among_others!();
    let mut dlmalloc = dlmalloc::Dlmalloc::new_with_allocator(heap::Kernel::new());
    let mut random = Random::new(11);
    let mut blocks = Vec::new();
    for turn in 0..3000 / SHARE {
        let size = if turn < 1200 {
            turn
        } else {
            some_size(&mut random)
        };
        let alignment = 1 << random.below(10);
        // SAFETY: a power of two, and any size.
        let block = unsafe { dlmalloc.c_memalign(alignment, size) };
        // SAFETY: a live block.
        let usable = unsafe { heap::usable_size(block) };
        assert!(usable >= size && usable % 16 == 8);
        if turn % 50 == 0 {
            let free = std::panic::AssertUnwindSafe(|| {
                // SAFETY: refused before the block is touched.
                unsafe { dlmalloc.free(block, usable + 1, 1) };
            });
            std::panic::catch_unwind(free).expect_err("one byte more");
        }
        blocks.push(block);
        if random.below(3) == 0 {
            let block = blocks.swap_remove(random.below(blocks.len()));
            // SAFETY: a live block.
            unsafe { dlmalloc.free(block, heap::usable_size(block), 1) };
        }
    }
    for block in blocks {
        // SAFETY: a live block.
        unsafe { dlmalloc.free(block, heap::usable_size(block), 1) };
    }
    // SAFETY: no block is left.
    unsafe { dlmalloc.destroy() };
}

#[test]
fn one_thread_at_a_time_has_the_lock() {
    struct Count(core::cell::UnsafeCell<usize>);
    // SAFETY: what the test is about.
    unsafe impl Sync for Count {}
    static LOCK: Lock = Lock::new();
    static COUNT: Count = Count(core::cell::UnsafeCell::new(0));

    let (threads, turns) = (4, 200_000 / SHARE);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for turn in 0..turns {
                    let _guard = LOCK.take();
                    // SAFETY: the lock is held.
                    unsafe { *COUNT.0.get() += 1 };
                    if turn % 64 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
    });
    // SAFETY: all threads are gone.
    assert_eq!(unsafe { replace(&mut *COUNT.0.get(), 0) }, threads * turns);
}

/// Also when dlmalloc, which gives up then, found nothing to give back before.
#[test]
#[cfg_attr(miri, ignore = "too much memory")]
fn unused_memory_at_the_end_goes_back() {
    alone!();
    let before = MAPPED.load(Ordering::Relaxed);
    let mapped = || MAPPED.load(Ordering::Relaxed) - before;
    let mut dlmalloc = dlmalloc::Dlmalloc::new_with_allocator(heap::Kernel::new());
    for size in [10 << 20, 300 << 20, 10 << 20, 200 << 20] {
        // SAFETY: any size is right.
        let mut block = Some(unsafe { dlmalloc.c_malloc(size) });
        assert!(mapped() >= size);
        // SAFETY: a live block of this heap.
        unsafe { heap::free_all_of(&mut dlmalloc, || block.take()) };
        assert!(
            mapped() < heap::KEPT + (16 << 20),
            "{} bytes after {size}",
            mapped()
        );
    }
    // SAFETY: no block is left.
    unsafe { dlmalloc.destroy() };
    assert_eq!(mapped(), 0);
}

/// Writes to each page of a block, and finds what was written.
struct Pages {
    first: *mut u8,
    size: usize,
    mark: u8,
}

impl Pages {
    fn places(size: usize) -> impl Iterator<Item = usize> {
        (0..size).step_by(1000).chain([size - 1])
    }

    fn new(first: *mut u8, size: usize, mark: u8) -> Self {
        assert!(!first.is_null() && first.addr().is_multiple_of(16));
        assert!(usable(first) >= size);
        for place in Self::places(size) {
            // SAFETY: within the block, which is ours.
            unsafe { first.add(place).write(mark) };
        }
        Self { first, size, mark }
    }

    fn check(&self, first: *mut u8, size: usize) {
        for place in Self::places(self.size).filter(|place| *place < size) {
            // SAFETY: within the block, which is ours.
            assert_eq!(unsafe { first.add(place).read() }, self.mark);
        }
    }
}

/// Blocks on both sides of the size from which they have a mapping, which grow, shrink, move between the two kinds and go.
#[test]
#[cfg_attr(miri, ignore = "takes minutes for a megabyte")]
fn a_walk_of_large_blocks() {
    among_others!();
    let mut random = Random::new(21);
    let mut blocks = Vec::<Pages>::new();
    for turn in 0..4000 / SHARE {
        let most = [64 << 10, 6 << 20, 12 << 20][random.below(3)];
        let size = 1 + random.below(most);
        let mark = u8::try_from(turn % 251).unwrap();
        match random.below(4) {
            0 if blocks.len() < 12 => blocks.push(Pages::new(malloc(size), size, mark)),
            1 if blocks.len() < 12 => {
                let block = calloc(1, size);
                // SAFETY: calloc wrote all of it.
                let bytes = unsafe { core::slice::from_raw_parts(block, size) };
                assert!(bytes.iter().step_by(61).all(|byte| *byte == 0));
                blocks.push(Pages::new(block, size, mark));
            }
            0..3 if !blocks.is_empty() => {
                let old = blocks.swap_remove(random.below(blocks.len()));
                let first = realloc(old.first, size);
                old.check(first, size);
                blocks.push(Pages::new(first, size, mark));
            }
            _ => {
                if let Some(old) = blocks.pop() {
                    old.check(old.first, old.size);
                    free(old.first);
                }
            }
        }
    }
    for old in blocks {
        old.check(old.first, old.size);
        free(old.first);
    }
}

fn is_of_the_heap(block: *mut u8) -> bool {
    // SAFETY: every test here asks for its own live blocks.
    unsafe { heap::owns(block) }
}

/// The flag by which a block of the heap is told from one with a mapping, for as long as it lives and whatever its neighbours do.
#[test]
fn dlmalloc_marks_what_is_in_use() {
    among_others!();
    let mut random = Random::new(22);
    let mut blocks = Vec::new();
    for _ in 0..20_000 / SHARE {
        let size = some_size(&mut random).min(large::FROM - 1);
        blocks.push(if random.below(5) == 0 {
            aligned_alloc(64, size)
        } else {
            malloc(size)
        });
        assert!(
            blocks
                .iter()
                .rev()
                .take(50)
                .all(|block| is_of_the_heap(*block))
        );
        if random.below(3) > 0 {
            free(blocks.swap_remove(random.below(blocks.len())));
        }
    }
    blocks.into_iter().for_each(free);
    let large = (!cfg!(miri)).then(|| malloc(large::FROM));
    assert!(large.is_none_or(|block| !is_of_the_heap(block)));
    large.into_iter().for_each(free);
}

#[test]
#[cfg_attr(miri, ignore = "too much memory")]
fn large_blocks_that_were_freed_are_used_again_and_bounded() {
    alone!();
    super::kept::empty();
    let before = MAPPED.load(Ordering::Relaxed);
    let mapped = || MAPPED.load(Ordering::Relaxed) - before;
    for round in 0..50 {
        let mut block = malloc(large::FROM);
        for size in [5 << 20, 8 << 20, 12 << 20, 20 << 20] {
            block = realloc(block, size);
            assert!(mapped() < (32 << 20) + size + (1 << 16), "round {round}");
        }
        free(block);
        let many: Vec<_> = (0..20)
            .map(|index| malloc(large::FROM + (index << 20)))
            .collect();
        many.into_iter().for_each(free);
        assert!(mapped() <= 32 << 20, "{} bytes", mapped());
    }
    super::kept::empty();
    assert_eq!(mapped(), 0);
}
