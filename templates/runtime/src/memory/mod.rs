//! memcpy, memmove, memset, memcmp and bcmp. One algorithm for every machine; what a machine is good at (16-byte words,
//! string instructions) is in the file of its name.
//!
//! Short sizes are two loads from the head and two from the tail that overlap in the middle: everything is loaded before
//! anything is stored, so it is right for overlapping ranges too. Long ones are a loop of 64 bytes.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
use aarch64::{Word, copy_long, difference, fill_long};
#[cfg(target_arch = "x86_64")]
use x86_64::{Word, copy_long, difference, fill_long};

use core::ffi::{c_int, c_void};

/// Bytes of a [`Word`].
const WORD: usize = 16;
/// Bytes that a loop moves in one turn.
const BLOCK: usize = 4 * WORD;

/// C's memcpy.
///
/// # Safety
/// `source` is readable and `target` writable for `n` bytes.
pub unsafe extern "C" fn memcpy(
    target: *mut c_void,
    source: *const c_void,
    n: usize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { copy(target.cast(), source.cast(), n) };
    target
}

/// C's memmove: the ranges may overlap.
///
/// # Safety
/// `source` is readable and `target` writable for `n` bytes.
pub unsafe extern "C" fn memmove(
    target: *mut c_void,
    source: *const c_void,
    n: usize,
) -> *mut c_void {
    // Whether `target` begins inside of the source: a forward loop would overwrite what it has yet to read.
    let ahead = (target as usize).wrapping_sub(source as usize) < n;
    // SAFETY: the caller's promise.
    unsafe {
        if ahead && n > 2 * BLOCK {
            copy_backward(target.cast(), source.cast(), n);
        } else {
            copy(target.cast(), source.cast(), n);
        }
    }
    target
}

/// C's memset.
///
/// # Safety
/// `target` is writable for `n` bytes.
pub unsafe extern "C" fn memset(target: *mut c_void, byte: c_int, n: usize) -> *mut c_void {
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "C's memset stores the low byte"
    )]
    let byte = byte as u8;
    // SAFETY: the caller's promise.
    unsafe { fill(target.cast(), byte, n) };
    target
}

/// C's memcmp: the sign of the first difference.
///
/// # Safety
/// Both are readable for `n` bytes.
pub unsafe extern "C" fn memcmp(left: *const c_void, right: *const c_void, n: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { compare(left.cast(), right.cast(), n) }
}

/// bcmp: not zero when there is a difference, which is all that Rust's `==` asks.
///
/// # Safety
/// Both are readable for `n` bytes.
pub unsafe extern "C" fn bcmp(left: *const c_void, right: *const c_void, n: usize) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { differ(left.cast(), right.cast(), n) }
}

/// Reads a value of any alignment.
///
/// # Safety
/// `from` is readable for the size of `T`.
#[inline(always)]
unsafe fn load<T: Copy>(from: *const u8) -> T {
    // SAFETY: the caller's promise; `read_unaligned` has no other condition.
    unsafe { from.cast::<T>().read_unaligned() }
}

/// Writes a value at any alignment.
///
/// # Safety
/// `to` is writable for the size of `T`.
#[inline(always)]
unsafe fn store<T: Copy>(to: *mut u8, value: T) {
    // SAFETY: the caller's promise; `write_unaligned` has no other condition.
    unsafe { to.cast::<T>().write_unaligned(value) };
}

/// Copies the first and the last `T`, which together are all of it: `size_of::<T>() <= n <= 2 * size_of::<T>()`.
///
/// # Safety
/// As [`copy`].
#[inline(always)]
unsafe fn copy_ends<T: Copy>(target: *mut u8, source: *const u8, n: usize) {
    let tail = n - size_of::<T>();
    // SAFETY: both values lie within the `n` bytes of the caller's promise.
    unsafe {
        let (first, last) = (load::<T>(source), load::<T>(source.add(tail)));
        store(target, first);
        store(target.add(tail), last);
    }
}

/// Copies `n` bytes. Right for overlapping ranges unless `target` begins inside of the source and `n` is over 128.
///
/// # Safety
/// `source` is readable and `target` writable for `n` bytes.
#[inline(always)]
unsafe fn copy(target: *mut u8, source: *const u8, n: usize) {
    // SAFETY: each arm touches only the `n` bytes of the caller's promise.
    unsafe {
        match n {
            0 => {}
            1 => store(target, load::<u8>(source)),
            2..=3 => copy_ends::<u16>(target, source, n),
            4..=7 => copy_ends::<u32>(target, source, n),
            8..=15 => copy_ends::<u64>(target, source, n),
            16..=32 => copy_ends::<Word>(target, source, n),
            33..=64 => copy_ends::<[Word; 2]>(target, source, n),
            65..=128 => copy_ends::<[Word; 4]>(target, source, n),
            _ => copy_long(target, source, n),
        }
    }
}

/// The loop of [`copy`]: blocks from the front. First word and last block were read before any was written.
///
/// # Safety
/// As [`copy`], with `n` of at least 64.
#[inline(always)]
unsafe fn copy_forward(target: *mut u8, source: *const u8, n: usize) {
    let tail = n - BLOCK;
    // SAFETY: `offset` is below `tail`, so a block from it ends within the `n` bytes.
    unsafe {
        let last = load::<[Word; 4]>(source.add(tail));
        let first = load::<Word>(source);
        // Stores are aligned from the second word on; a store over two cache lines costs more than such a load.
        let mut offset = WORD - (target as usize) % WORD;
        while offset < tail {
            let block = load::<[Word; 4]>(source.add(offset));
            store(target.add(offset), block);
            offset += BLOCK;
        }
        store(target, first);
        store(target.add(tail), last);
    }
}

/// [`copy_forward`] from the back: for a `target` that begins inside of the source.
///
/// # Safety
/// As [`copy`], with `n` of at least 64.
unsafe fn copy_backward(target: *mut u8, source: *const u8, n: usize) {
    // SAFETY: `end` is over 64 before each block, so a block before it lies within the `n` bytes.
    unsafe {
        let first = load::<[Word; 4]>(source);
        let mut end = n;
        while end > BLOCK {
            end -= BLOCK;
            let block = load::<[Word; 4]>(source.add(end));
            store(target.add(end), block);
        }
        store(target, first);
    }
}

/// Fills `n` bytes.
///
/// # Safety
/// `target` is writable for `n` bytes.
#[inline(always)]
unsafe fn fill(target: *mut u8, byte: u8, n: usize) {
    let eight = u64::from(byte) * 0x0101_0101_0101_0101;
    #[expect(clippy::cast_possible_truncation, reason = "all bytes are the same")]
    let (four, two) = (eight as u32, eight as u16);
    let word = Word::of(eight);
    // SAFETY: each arm touches only the `n` bytes of the caller's promise.
    unsafe {
        match n {
            0 => {}
            1 => store(target, byte),
            2..=3 => fill_ends(target, two, n),
            4..=7 => fill_ends(target, four, n),
            8..=15 => fill_ends(target, eight, n),
            16..=32 => fill_ends(target, word, n),
            33..=64 => fill_ends(target, [word; 2], n),
            65..=128 => fill_ends(target, [word; 4], n),
            _ => fill_long(target, byte, word, n),
        }
    }
}

/// Fills the first and the last `T`, which together are all of it.
///
/// # Safety
/// As [`fill`].
#[inline(always)]
unsafe fn fill_ends<T: Copy>(target: *mut u8, value: T, n: usize) {
    // SAFETY: both values lie within the `n` bytes of the caller's promise.
    unsafe {
        store(target, value);
        store(target.add(n - size_of::<T>()), value);
    }
}

/// The loop of [`fill`].
///
/// # Safety
/// As [`fill`], with `n` of at least 64.
#[inline(always)]
unsafe fn fill_blocks(target: *mut u8, word: Word, n: usize) {
    let tail = n - BLOCK;
    // SAFETY: `offset` is below `tail`, so a block from it ends within the `n` bytes.
    unsafe {
        store(target, word);
        let mut offset = WORD - (target as usize) % WORD;
        while offset < tail {
            store(target.add(offset), [word; 4]);
            offset += BLOCK;
        }
        store(target.add(tail), [word; 4]);
    }
}

/// The sign of the first difference of `n` bytes.
///
/// # Safety
/// Both are readable for `n` bytes.
#[inline(always)]
unsafe fn compare(left: *const u8, right: *const u8, n: usize) -> c_int {
    // SAFETY: each read lies within the `n` bytes of the caller's promise.
    unsafe {
        match n {
            0 => 0,
            1 => c_int::from(load::<u8>(left)) - c_int::from(load::<u8>(right)),
            2..=3 => order(short(left, n), short(right, n)),
            4..=7 => order(ends(left, n), ends(right, n)),
            8..=15 => {
                let head = (load::<u64>(left).to_be(), load::<u64>(right).to_be());
                let tail = n - size_of::<u64>();
                if head.0 == head.1 {
                    order(
                        load::<u64>(left.add(tail)).to_be(),
                        load::<u64>(right.add(tail)).to_be(),
                    )
                } else {
                    order(head.0, head.1)
                }
            }
            _ => compare_words(left, right, n),
        }
    }
}

/// The loop of [`compare`].
///
/// # Safety
/// As [`compare`], with `n` of at least 16.
#[inline(always)]
unsafe fn compare_words(left: *const u8, right: *const u8, n: usize) -> c_int {
    let tail = n - WORD;
    let mut offset = 0;
    // SAFETY: `offset` is at most `tail`, so a word from it ends within the `n` bytes, and `at` is one of them.
    unsafe {
        loop {
            if let Some(place) = difference(load(left.add(offset)), load(right.add(offset))) {
                let at = offset + place;
                return c_int::from(load::<u8>(left.add(at)))
                    - c_int::from(load::<u8>(right.add(at)));
            }
            if offset == tail {
                return 0;
            }
            offset = usize::min(offset + WORD, tail);
        }
    }
}

/// Two or three bytes as a number that orders as they do.
///
/// # Safety
/// `from` is readable for `n` bytes.
#[inline(always)]
unsafe fn short(from: *const u8, n: usize) -> u64 {
    // SAFETY: `n` is 2 or 3.
    unsafe { u64::from(load::<u16>(from).to_be()) << 8 | u64::from(load::<u8>(from.add(n - 1))) }
}

/// Four to seven bytes as a number that orders as they do.
///
/// # Safety
/// `from` is readable for `n` bytes.
#[inline(always)]
unsafe fn ends(from: *const u8, n: usize) -> u64 {
    let tail = n - size_of::<u32>();
    // SAFETY: both values lie within the `n` bytes.
    unsafe {
        u64::from(load::<u32>(from).to_be()) << 32 | u64::from(load::<u32>(from.add(tail)).to_be())
    }
}

/// -1, 0 or 1.
#[inline(always)]
fn order(left: u64, right: u64) -> c_int {
    c_int::from(left > right) - c_int::from(left < right)
}

/// Whether `n` bytes differ: not zero when they do.
///
/// # Safety
/// Both are readable for `n` bytes.
#[inline(always)]
unsafe fn differ(left: *const u8, right: *const u8, n: usize) -> c_int {
    // SAFETY: each arm reads only the `n` bytes of the caller's promise.
    let differs = unsafe {
        match n {
            0 => false,
            1 => load::<u8>(left) != load::<u8>(right),
            2..=3 => differ_ends::<u16>(left, right, n),
            4..=7 => differ_ends::<u32>(left, right, n),
            8..=15 => differ_ends::<u64>(left, right, n),
            _ => return compare_words(left, right, n),
        }
    };
    c_int::from(differs)
}

/// Whether the first or the last `T` differs.
///
/// # Safety
/// As [`differ`].
#[inline(always)]
unsafe fn differ_ends<T: Copy + PartialEq>(left: *const u8, right: *const u8, n: usize) -> bool {
    let tail = n - size_of::<T>();
    // SAFETY: both values lie within the `n` bytes of the caller's promise.
    unsafe {
        load::<T>(left) != load::<T>(right)
            || load::<T>(left.add(tail)) != load::<T>(right.add(tail))
    }
}

#[cfg(test)]
pub(crate) mod tests;
