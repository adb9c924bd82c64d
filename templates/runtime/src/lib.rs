//! The allocator and the memory functions that slsbuild links into static musl binaries, in front of musl's own.
//!
//! musl gives freed memory back to the kernel at once and copies and compares memory slowly on some machines; a function
//! then burns twice the CPU of the same function on glibc. [`memory`] holds the memory functions, `allocator` the malloc
//! family. Both are exported here under C's names, as weak symbols: what a program defines itself wins.
//!
//! This crate is the one place where slsbuild has `unsafe` code.
#![cfg_attr(not(test), no_std)]
// The compiler would otherwise turn the loop in `memcpy` into a call of `memcpy`.
#![no_builtins]

#[cfg(feature = "allocator")]
mod allocator;
pub mod memory;

/// Exports `$ours` as the weak symbol `$name`, and as `slsbuild_$name`, by which slsbuild proves that it was linked in.
#[cfg(not(test))]
macro_rules! export {
    ($name:literal, $ours:path) => {
        core::arch::global_asm!(
            concat!(".weak ", $name),
            concat!(".type ", $name, ", %function"),
            concat!(".set ", $name, ", {ours}"),
            concat!(".globl slsbuild_", $name),
            concat!(".hidden slsbuild_", $name),
            concat!(".type slsbuild_", $name, ", %function"),
            concat!(".set slsbuild_", $name, ", {ours}"),
            ours = sym $ours,
        );
    };
}

#[cfg(not(test))]
mod exports {
    #[cfg(target_arch = "x86_64")]
    use crate::memory;
    #[cfg(target_arch = "aarch64")]
    use crate::memory;

    // musl's memcpy and memset for aarch64 are assembly by Arm, and fast.
    #[cfg(target_arch = "x86_64")]
    export!("memcpy", memory::memcpy);
    #[cfg(target_arch = "x86_64")]
    export!("memset", memory::memset);
    export!("memmove", memory::memmove);
    export!("memcmp", memory::memcmp);
    export!("bcmp", memory::bcmp);

    #[cfg(feature = "allocator")]
    mod allocator {
        use crate::allocator;

        export!("malloc", allocator::malloc);
        export!("calloc", allocator::calloc);
        export!("realloc", allocator::realloc);
        export!("free", allocator::free);
        export!("aligned_alloc", allocator::aligned_alloc);
        export!("memalign", allocator::memalign);
        export!("posix_memalign", allocator::posix_memalign);
        export!("malloc_usable_size", allocator::malloc_usable_size);
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    extern "C" {
        fn abort() -> !;
    }
    // SAFETY: libc's `abort` has no conditions.
    unsafe { abort() }
}
