//! Free blocks of one size, linked through their first words, and the sizes there are: in steps of 16 bytes up to 1 kB, then
//! four to each doubling. Sizes are those of dlmalloc's chunks: a block and the word before it.

use core::ptr;

use super::heap;

/// The smallest chunk, and the step to the next.
const SMALLEST: usize = 32;
const STEP: usize = 16;
/// From this chunk on sizes grow by quarters of a doubling.
const COARSE: usize = 1024;
const COARSE_LIST: usize = (COARSE - SMALLEST) / STEP;
const QUARTERS: usize = 4;
const DOUBLINGS: usize = 5;
/// The word before a block.
const HEAD: usize = 8;

/// How many lists there are.
pub(super) const LISTS: usize = COARSE_LIST + DOUBLINGS * QUARTERS + 1;
/// The most that a block of the last list holds.
pub(super) const LARGEST: usize = size_of_list(LISTS - 1);

/// A list holds at most so many bytes.
const MOST_BYTES: usize = 256 * 1024;
/// An empty list is filled with so many blocks, and with twice as many each time it is empty again, up to this share of what it
/// may hold: a thread that needs many is seldom at the lock, and one that needs few takes little.
const FIRST_FILL: usize = 4;
const LAST_FILL: usize = 16;

/// How many bytes a list's blocks hold at least.
const fn size_of_list(index: usize) -> usize {
    if index <= COARSE_LIST {
        return SMALLEST + index * STEP - HEAD;
    }
    let (doubling, quarter) = (
        (index - COARSE_LIST) / QUARTERS,
        (index - COARSE_LIST) % QUARTERS,
    );
    let base = COARSE << doubling;
    base + base / QUARTERS * quarter - HEAD
}

/// The last list whose blocks are no larger than a chunk of at least 32 bytes.
#[inline]
fn list_below(chunk: usize) -> usize {
    if chunk <= COARSE {
        return (chunk - SMALLEST) / STEP;
    }
    let doubling = (chunk.ilog2() - COARSE.ilog2()) as usize;
    let base = COARSE << doubling;
    COARSE_LIST + doubling * QUARTERS + (chunk - base) / (base / QUARTERS)
}

/// The list whose blocks hold `size` bytes, at most [`LARGEST`].
#[inline]
pub(super) fn list_for(size: usize) -> usize {
    let chunk = usize::max(size + HEAD, SMALLEST);
    if chunk <= COARSE {
        return (chunk - SMALLEST).div_ceil(STEP);
    }
    list_below(chunk - 1) + 1
}

/// The list that keeps a block of `size` usable bytes, at most [`LARGEST`].
#[inline]
pub(super) fn list_of(size: usize) -> usize {
    list_below(size + HEAD)
}

/// Free blocks of one size.
#[derive(Clone, Copy)]
pub(super) struct List {
    first: *mut u8,
    length: usize,
    /// How many bytes each holds at least.
    pub(super) size: usize,
    most: usize,
    next_fill: usize,
}

impl List {
    /// The empty list of an index below [`LISTS`].
    pub(super) fn new(index: usize) -> Self {
        let size = size_of_list(index);
        Self {
            first: ptr::null_mut(),
            length: 0,
            size,
            most: MOST_BYTES / size,
            next_fill: FIRST_FILL.min(MOST_BYTES / size / LAST_FILL).max(1),
        }
    }

    /// Whether it holds all that it may.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.length >= self.most
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<*mut u8> {
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
    pub(super) unsafe fn push(&mut self, block: *mut u8) {
        // SAFETY: the smallest block has room for a word.
        unsafe { block.cast::<*mut u8>().write(self.first) };
        self.first = block;
        self.length += 1;
    }

    /// Takes blocks from the heap, in one turn of its lock; says how many.
    #[cold]
    pub(super) fn fill(&mut self) -> usize {
        let (before, count) = (self.length, self.next_fill);
        if count < self.most / LAST_FILL {
            self.next_fill = count * 2;
        }
        // SAFETY: a block that was just allocated is used by nobody. One that dlmalloc made larger than asked for is kept as one
        // of this size: what it holds beyond is unused until it comes back under its own size.
        heap::allocate_many(self.size, count, |block| unsafe { self.push(block) });
        self.length - before
    }

    /// Gives half of the blocks back to the heap, in one turn of its lock; says how many.
    #[cold]
    pub(super) fn halve(&mut self) -> usize {
        let (before, half) = (self.length, self.length / 2);
        let next = || (self.length > half).then(|| self.pop()).flatten();
        // SAFETY: a block in a list is live.
        unsafe { heap::free_all(next) };
        before - self.length
    }

    /// Gives all blocks back to the heap.
    #[cold]
    pub(super) fn empty(&mut self) {
        // SAFETY: a block in a list is live.
        unsafe { heap::free_all(|| self.pop()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_grow_and_leave_no_gap() {
        assert_eq!(LARGEST, 32 * 1024 - HEAD);
        assert_eq!(size_of_list(0), 24);
        assert_eq!(size_of_list(COARSE_LIST), 1016);
        for index in 1..LISTS {
            assert!(size_of_list(index - 1) < size_of_list(index), "{index}");
            assert_eq!((size_of_list(index) + HEAD) % STEP, 0, "{index}");
        }
    }

    #[test]
    fn a_request_finds_blocks_that_hold_it_and_a_block_finds_a_list_it_can_serve() {
        for size in 0..=LARGEST {
            let index = list_for(size);
            assert!(index < LISTS && size_of_list(index) >= size, "{size}");
            assert!(index == 0 || size_of_list(index - 1) < size, "{size}");
        }
        for usable in (24..=LARGEST).step_by(STEP) {
            let index = list_of(usable);
            assert!(index < LISTS && size_of_list(index) <= usable, "{usable}");
            assert!(
                index + 1 == LISTS || size_of_list(index + 1) > usable,
                "{usable}"
            );
        }
    }
}
