//! The CPUs of Lambda's machines.

use crate::target::Arch;

/// What every machine of an arch has at least, as LLVM names it; cargo-lambda builds for `neoverse-n1` and `haswell`.
///
/// arm64 functions run on Graviton2 or later, whose cores are Neoverse N1
/// (<https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html>, 2026-11); amd64 ones have AVX2, which came with Haswell
/// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-avx2.html>, 2026-11).
///
/// Compact code gets no AVX: what is not inlined there mixes AVX with the SHA instructions, which know only SSE, and a 50 kB
/// SHA-256 took 50 times as long (docs/adr/0010-the-cpu-that-is-compiled-for.md).
pub fn baseline_cpu(arch: Arch, compact: bool) -> &'static str {
    match (arch, compact) {
        (Arch::Arm64, _) => "neoverse-n1",
        (Arch::Amd64, false) => "haswell",
        (Arch::Amd64, true) => "x86-64-v2",
    }
}

/// The same for go, as the variable and value that tell it: AVX2 and its company, and Armv8.2 with its atomics. CPU per call
/// is 0.98 times that of go's own default, and the zip a little smaller (docs/benchmarks.md).
pub fn go_level(arch: Arch) -> (&'static str, &'static str) {
    match arch {
        Arch::Arm64 => ("GOARM64", "v8.2"),
        Arch::Amd64 => ("GOAMD64", "v3"),
    }
}
