//! How much memory a process used at most, as the kernel counts it. Through qemu, the emulator's own is in it.

use crate::fs;

/// The peak of a running process's resident memory in MB (of 2^20 bytes, as Lambda's), rounded up; `None` when it is gone.
pub(super) fn peak_mb(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(peak_kb(&status)?.div_ceil(1024))
}

fn peak_kb(status: &str) -> Option<u64> {
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
            peak_kb("Name:\tx\nVmHWM:\t    1025 kB\nVmRSS:\t 1 kB\n"),
            Some(1025)
        );
        assert_eq!(peak_kb("State:\tZ (zombie)\n"), None);
        assert!(peak_mb(std::process::id()).is_some_and(|peak| peak > 0));
    }
}
