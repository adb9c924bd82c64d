//! Each function against its definition, over all sizes, alignments and overlaps that its branches can tell apart.

use core::ffi::{c_int, c_void};
use core::ops::Range;

/// Everything is tried on a processor; an emulator and Miri take a sample.
const THIN: usize = if cfg!(miri) {
    193
} else if cfg!(target_arch = "aarch64") {
    5
} else {
    1
};

/// The largest size of which every one is tried.
const LARGEST: usize = if cfg!(miri) { 200 } else { 4096 };

/// All pairs of bytes are tried at each place up to this size, one above.
const SHORT: usize = if cfg!(miri) { 16 } else { 300 };

/// The alignments for a size: with the sizes around it, all.
fn alignments(size: usize) -> impl Iterator<Item = usize> {
    (size.next_multiple_of(THIN) - size..64).step_by(THIN)
}

/// Bytes on either side of a range that must stay as they are.
const AROUND: usize = 128;

/// Distances between a source and a target, in both directions: all that a word, a block of a loop or a branch sees.
fn distances() -> Vec<isize> {
    let far = [65, 80, 96, 127, 128, 129, 191, 255, 256, 511, 1000, 2047];
    let near = (1..=64).chain(far);
    let both = near.flat_map(|distance: isize| [distance, -distance]);
    both.chain([0])
        .step_by(if cfg!(miri) { 13 } else { 1 })
        .collect()
}

/// Numbers without a pattern (xorshift64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() >> 1).expect("64 bits") % end
    }

    fn byte(&mut self) -> u8 {
        self.number().to_be_bytes()[0]
    }

    /// Bytes of which no two neighbourhoods look alike.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            bytes.extend_from_slice(&self.number().to_be_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}

/// Bytes whose first lies at a multiple of 64, so that an index is also an alignment.
struct Bytes {
    all: Vec<u8>,
    first: usize,
}

impl Bytes {
    fn from(bytes: &[u8]) -> Self {
        let mut all = vec![0; bytes.len() + 63];
        let first = all.as_ptr().addr().next_multiple_of(64) - all.as_ptr().addr();
        all[first..first + bytes.len()].copy_from_slice(bytes);
        Self { all, first }
    }

    fn get_mut(&mut self) -> &mut [u8] {
        &mut self.all[self.first..]
    }
}

/// memcpy or memmove within `bytes`.
fn copy_within(function: Copy, bytes: &mut [u8], source: Range<usize>, target: usize) {
    let size = source.len();
    assert!(source.end <= bytes.len() && target + size <= bytes.len());
    let all = bytes.as_mut_ptr();
    // SAFETY: both ranges lie within `bytes`, which is borrowed alone.
    let returned = unsafe {
        function(
            all.add(target).cast(),
            all.add(source.start).cast_const().cast(),
            size,
        )
    };
    assert_eq!(returned.addr(), all.addr() + target);
}

/// Copies, compares all around with what a byte loop over a copy of the source does, and puts the bytes back.
fn check_copy(function: Copy, bytes: &mut Bytes, before: &[u8], source: Range<usize>, to: usize) {
    let target = to..to + source.len();
    copy_within(function, bytes.get_mut(), source.clone(), to);
    let after = bytes.get_mut();
    let (head, tail) = (target.start - AROUND, target.end + AROUND);
    assert!(
        after[target.clone()] == before[source.clone()]
            && after[head..target.start] == before[head..target.start]
            && after[target.end..tail] == before[target.end..tail],
        "{source:?} to {target:?}"
    );
    after[target.clone()].copy_from_slice(&before[target]);
}

type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
type Compare = unsafe extern "C" fn(*const c_void, *const c_void, usize) -> c_int;

fn set(bytes: &mut [u8], value: c_int) {
    let first = bytes.as_mut_ptr().cast();
    // SAFETY: the range of a slice that is borrowed alone.
    let returned = unsafe { super::memset(first, value, bytes.len()) };
    assert_eq!(returned, first);
}

fn compare(function: Compare, left: &[u8], right: &[u8]) -> c_int {
    assert_eq!(left.len(), right.len());
    // SAFETY: the ranges of two slices of one length.
    unsafe { function(left.as_ptr().cast(), right.as_ptr().cast(), left.len()) }
}

#[test]
fn memmove_of_every_size_at_every_alignment_with_overlaps() {
    let before = Random::new(1).bytes(3 * 4096 + 2 * AROUND);
    let mut bytes = Bytes::from(&before);
    let distances = distances();
    let mut turn = 0;
    // Each size and alignment meets the next few distances; together they go round the set about 14,000 times.
    let rounds = if cfg!(miri) { 1 } else { 8 };
    for size in 0..=LARGEST {
        for alignment in alignments(size) {
            for _ in 0..rounds {
                let target = 4096 + AROUND + alignment;
                let source = target.wrapping_add_signed(distances[turn % distances.len()]);
                let source = source..source + size;
                check_copy(super::memmove, &mut bytes, &before, source, target);
                turn += 1;
            }
        }
    }
}

#[test]
fn memmove_at_every_distance_at_the_sizes_where_the_way_changes() {
    let before = Random::new(2).bytes(3 * 4096 + 2 * AROUND);
    let mut bytes = Bytes::from(&before);
    let edges = [
        1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 130, 143, 144, 145,
        191, 192, 193, 255, 256, 257, 2047, 2048, 2049, 2111, 2112, 2113,
    ];
    for size in edges {
        let step = if size > LARGEST { 37 * THIN } else { THIN };
        for alignment in (0..64).step_by(step) {
            for distance in distances() {
                let target = 4096 + AROUND + alignment;
                let source = target.wrapping_add_signed(distance);
                let source = source..source + size;
                check_copy(super::memmove, &mut bytes, &before, source, target);
            }
        }
    }
}

#[test]
fn memcpy_of_every_size_at_every_alignment() {
    let before = Random::new(3).bytes(3 * 4096 + 2 * AROUND);
    let mut bytes = Bytes::from(&before);
    let mut turn = 0;
    for size in 0..=LARGEST {
        for alignment in alignments(size) {
            let low = AROUND + alignment;
            let high = 4096 + 2 * AROUND + turn % 64;
            turn += 1;
            check_copy(super::memcpy, &mut bytes, &before, low..low + size, high);
            check_copy(super::memcpy, &mut bytes, &before, high..high + size, low);
            // The compiler copies a place onto itself by memcpy.
            check_copy(super::memcpy, &mut bytes, &before, low..low + size, low);
        }
    }
}

#[test]
fn memset_of_every_size_at_every_alignment() {
    let before = Random::new(4).bytes(4096 + 64 + 2 * AROUND);
    let mut bytes = Bytes::from(&before);
    let mut value = 0;
    for size in 0..=LARGEST {
        for alignment in alignments(size) {
            value += 1;
            let range = AROUND + alignment..AROUND + alignment + size;
            // Only the low byte counts: the rest of the int is noise.
            set(&mut bytes.get_mut()[range.clone()], value);
            let low = value.to_le_bytes()[0];
            let after = bytes.get_mut();
            let tail = range.end + AROUND;
            assert!(
                after[range.clone()].iter().all(|&byte| byte == low)
                    && after[..range.start] == before[..range.start]
                    && after[range.end..tail] == before[range.end..tail],
                "{range:?}"
            );
            after[range.clone()].copy_from_slice(&before[range]);
        }
    }
    // A negative int.
    let mut few = [0; 200];
    set(&mut few, -2);
    assert_eq!(few, [0xfe; 200]);
}

/// Sizes up to 1 MB at alignments drawn by lot.
#[test]
fn long_ranges() {
    let mut random = Random::new(5);
    let most = if cfg!(miri) { 3000 } else { 1 << 20 };
    let before = random.bytes(3 * most + 2 * AROUND);
    let mut bytes = Bytes::from(&before);
    for _ in 0..600 / THIN {
        let size = most - random.below(most - 2000);
        let target = AROUND + most / 2 + random.below(most);
        let apart = match random.below(3) {
            0 => random.below(200),
            1 => random.below(5000),
            _ => random.below(most),
        };
        let apart = apart.min(most / 2);
        for source in [target - apart, target + apart] {
            if source.max(target) + size + AROUND <= before.len() {
                let source = source..source + size;
                check_copy(super::memmove, &mut bytes, &before, source, target);
            }
        }
        let half = before.len() / 2;
        let (low, high) = (AROUND + random.below(64), half + random.below(64));
        let size = size.min(half - 64 - AROUND);
        check_copy(super::memcpy, &mut bytes, &before, low..low + size, high);
        check_copy(super::memcpy, &mut bytes, &before, high..high + size, low);

        let (byte, range) = (random.byte(), low..low + size);
        set(&mut bytes.get_mut()[range.clone()], byte.into());
        let after = bytes.get_mut();
        assert!(after[range.clone()].iter().all(|&after| after == byte));
        assert!(
            after[..low] == before[..low] && after[range.end..][..64] == before[range.end..][..64]
        );
        after[range.clone()].copy_from_slice(&before[range.clone()]);

        let mut other = before.clone();
        assert_eq!(
            compare(super::memcmp, &before[range.clone()], &other[range.clone()]),
            0
        );
        let place = range.start + random.below(size);
        other[place] = !other[place];
        check_compare(&before[range.clone()], &other[range]);
    }
}

/// memcmp and bcmp against the order of slices, in both directions.
fn check_compare(left: &[u8], right: &[u8]) {
    let order = left.cmp(right) as c_int;
    for (left, right, order) in [(left, right, order), (right, left, -order)] {
        let size = left.len();
        let found = compare(super::memcmp, left, right).signum();
        assert_eq!(found, order, "memcmp of {size} bytes");
        let found = compare(super::bcmp, left, right) != 0;
        assert_eq!(found, order != 0, "bcmp of {size} bytes");
    }
}

#[test]
fn compare_with_a_difference_at_every_place() {
    let mut random = Random::new(6);
    let bytes = random.bytes(LARGEST + 65);
    let mut left = Bytes::from(&bytes);
    let mut right = Bytes::from(&bytes);
    let pairs = [
        (0, 1),
        (0, 0xff),
        (0x7f, 0x80),
        (0x80, 0xff),
        (0x01, 0x80),
        (0xfe, 0xff),
    ];
    for size in (0..=SHORT).chain((SHORT..=LARGEST).step_by(if cfg!(miri) { 13 } else { 1 })) {
        let step = match size {
            0..=SHORT => 1,
            _ => 101 * THIN,
        };
        // The last place and those around the sampled ones.
        let places = (random.below(step)..size)
            .step_by(step)
            .chain(size.checked_sub(1));
        for (turn, place) in places.enumerate() {
            let (from, to) = (random.below(64), random.below(64));
            // The same bytes at two alignments, unlike outside of the range and after the first difference.
            let noise = random.byte();
            let (l, r) = (left.get_mut(), right.get_mut());
            l[to..=to + size].copy_from_slice(&bytes[from..=from + size]);
            r[from..=from + size].copy_from_slice(&bytes[from..=from + size]);
            r[from + size] = !r[from + size];
            check_compare(&l[to..to + size], &r[from..from + size]);
            for &(small, large) in &pairs[if size > SHORT {
                turn % 6..turn % 6 + 1
            } else {
                0..6
            }] {
                l[to + place] = small;
                r[from + place] = large;
                check_compare(&l[to..to + size], &r[from..from + size]);
                if place + 1 < size {
                    let after = place + 1 + usize::from(noise) % (size - place - 1);
                    let kept = (l[to + after], r[from + after]);
                    (l[to + after], r[from + after]) = (0xff, 0);
                    check_compare(&l[to..to + size], &r[from..from + size]);
                    (l[to + after], r[from + after]) = kept;
                }
            }
        }
    }
}

/// Ranges that end where the memory ends, and that begin where it begins: nothing beyond is read. Miri sees it by itself, for
/// each vector; a processor has to be shown pages that cannot be read.
#[test]
fn nothing_outside_is_touched() {
    let mut fenced = fence::Fenced::new();
    let random = Random::new(7).bytes(fenced.get().len());
    for size in (0..=700)
        .step_by(if cfg!(miri) { 83 } else { 1 })
        .chain([2047, 2048, 2049, 4096])
    {
        for at_end in [false, true] {
            let [left, right] = fenced.ends(size, at_end);
            left.copy_from_slice(&random[..size]);
            right.copy_from_slice(&random[..size]);
            check_compare(left, right);
            if let Some(last) = size.checked_sub(1) {
                right[last] ^= 1;
                check_compare(left, right);
            }
            for copy in [super::memcpy as Copy, super::memmove] {
                set(right, 7);
                // SAFETY: two slices of one size.
                unsafe { copy(right.as_mut_ptr().cast(), left.as_ptr().cast(), size) };
                assert!(left == right);
            }
        }
    }
}

#[cfg(miri)]
mod fence {
    pub(super) struct Fenced([Vec<u8>; 2], Vec<u8>);

    impl Fenced {
        pub(super) fn new() -> Self {
            Self([Vec::new(), Vec::new()], vec![0; 4096])
        }

        pub(super) fn get(&self) -> &[u8] {
            &self.1
        }

        pub(super) fn ends(&mut self, size: usize, _at_end: bool) -> [&mut [u8]; 2] {
            self.0 = [vec![0; size], vec![0; size]];
            self.0.each_mut().map(Vec::as_mut_slice)
        }
    }
}

#[cfg(not(miri))]
mod fence {
    use core::ffi::{c_int, c_void};
    use core::ptr;

    extern "C" {
        fn mmap(
            at: *mut c_void,
            size: usize,
            protection: c_int,
            flags: c_int,
            file: c_int,
            offset: i64,
        ) -> *mut c_void;
        fn mprotect(at: *mut c_void, size: usize, protection: c_int) -> c_int;
    }

    /// A multiple of every page size.
    const PAGES: usize = 64 * 1024;

    /// Two ranges of pages, each between pages that cannot be read.
    pub(super) struct Fenced([&'static mut [u8]; 2]);

    impl Fenced {
        pub(super) fn new() -> Self {
            Self([Self::one(), Self::one()])
        }

        fn one() -> &'static mut [u8] {
            // SAFETY: new private anonymous pages without access.
            let all = unsafe { mmap(ptr::null_mut(), 3 * PAGES, 0, 0x22, -1, 0) };
            assert_ne!(all.addr(), usize::MAX);
            // SAFETY: the middle third.
            let middle = unsafe { all.byte_add(PAGES) };
            // SAFETY: pages of our own, of which nothing is borrowed yet.
            assert_eq!(unsafe { mprotect(middle, PAGES, 3) }, 0);
            // SAFETY: zeroed pages that live as long as the process and have no other user.
            unsafe { core::slice::from_raw_parts_mut(middle.cast(), PAGES) }
        }

        pub(super) fn get(&self) -> &[u8] {
            self.0[0]
        }

        pub(super) fn ends(&mut self, size: usize, at_end: bool) -> [&mut [u8]; 2] {
            let range = if at_end { PAGES - size..PAGES } else { 0..size };
            self.0.each_mut().map(|bytes| &mut bytes[range.clone()])
        }
    }
}
