//! A mutex: free, held, or held with threads asleep. Held for less than a microsecond, so a waiter looks a few times before it
//! sleeps in the kernel.

use core::ffi::{c_int, c_long};
use core::hint;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::keeping_errno;

const FREE: u32 = 0;
const HELD: u32 = 1;
const AWAITED: u32 = 2;

/// How often a waiter looks before it sleeps.
const LOOKS: u32 = 100;

/// `futex` and its operations on memory that no other process shares. <https://man7.org/linux/man-pages/man2/futex.2.html>
#[cfg(target_arch = "x86_64")]
const SYS_FUTEX: c_long = 202;
#[cfg(target_arch = "aarch64")]
const SYS_FUTEX: c_long = 98;
const FUTEX_WAIT_PRIVATE: c_int = 128;
const FUTEX_WAKE_PRIVATE: c_int = 129;

extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// The lock of the heap.
pub(super) struct Lock(AtomicU32);

impl Lock {
    pub(super) const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Takes the lock, for as long as the guard lives.
    #[inline]
    pub(super) fn take(&self) -> Guard<'_> {
        if self
            .0
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.wait();
        }
        Guard(self)
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..LOOKS {
            if self.0.load(Ordering::Relaxed) == FREE
                && self
                    .0
                    .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
            hint::spin_loop();
        }
        // The kernel says when the word was another by the time it looked, or when a signal came.
        keeping_errno(|| {
            while self.0.swap(AWAITED, Ordering::Acquire) != FREE {
                // SAFETY: the kernel only compares the word, which lives as long as the program, and sleeps if it is AWAITED.
                unsafe {
                    syscall(
                        SYS_FUTEX,
                        self.0.as_ptr(),
                        FUTEX_WAIT_PRIVATE,
                        AWAITED,
                        ptr::null::<u8>(),
                    )
                };
            }
        });
    }
}

/// Gives the lock back when dropped.
pub(super) struct Guard<'a>(&'a Lock);

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.0.0.swap(FREE, Ordering::Release) == AWAITED {
            // SAFETY: wakes one thread that sleeps on the word, if there is one; this cannot fail, so errno stays.
            unsafe { syscall(SYS_FUTEX, self.0.0.as_ptr(), FUTEX_WAKE_PRIVATE, 1_i32) };
        }
    }
}
