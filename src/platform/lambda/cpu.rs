//! The CPUs of Lambda's machines.

use crate::target::Arch;

/// What every machine of an arch has at least, as LLVM names it. cargo-lambda builds for the same two.
///
/// arm64 functions run on Graviton2 or later, whose cores are Neoverse N1
/// (<https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html>, 2026-11); amd64 ones have AVX2, which came with Haswell
/// (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-avx2.html>, 2026-11).
pub fn baseline_cpu(arch: Arch) -> &'static str {
    match arch {
        Arch::Arm64 => "neoverse-n1",
        Arch::Amd64 => "haswell",
    }
}
