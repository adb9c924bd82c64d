//! How much memory a process used at most, as the kernel counts it. Through qemu, the emulator's own is in it.

use crate::fs;

/// The peak of a running process's resident memory in KiB; `None` when it is gone.
pub(super) fn peak_kib(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_in(&status)
}

/// The kernel's `kB` are of 1024 bytes.
fn peak_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_kernels_text() {
        assert_eq!(
            peak_in("Name:\tx\nVmHWM:\t    1025 kB\nVmRSS:\t 1 kB\n"),
            Some(1025)
        );
        assert_eq!(peak_in("State:\tZ (zombie)\n"), None);
        assert!(peak_kib(std::process::id()).is_some_and(|peak| peak > 0));
    }
}
