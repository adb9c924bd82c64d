//! The clocks and the memory of this process.

use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::Instant;

/// A moment on both clocks.
pub(crate) struct Moment {
    cpu: i128,
    wall: Instant,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self {
            cpu: cpu_nanoseconds(),
            wall: Instant::now(),
        }
    }

    /// Nanoseconds since then: of CPU in all threads, user and system, and of wall time.
    pub(crate) fn elapsed(&self) -> (i128, u128) {
        (cpu_nanoseconds() - self.cpu, self.wall.elapsed().as_nanos())
    }
}

fn cpu_nanoseconds() -> i128 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// The most memory that this process has had resident, in kB.
pub(crate) fn peak_memory() -> std::io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?
            .trim()
            .strip_suffix(" kB")?
            .parse()
            .ok()
    });
    peak.ok_or_else(|| std::io::Error::other("/proc/self/status has no VmHWM"))
}
