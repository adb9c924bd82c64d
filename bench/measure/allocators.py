"""Compares allocators: what the same handlers cost with slsbuild's, with musl's own, and with crates as `#[global_allocator]`.

All builds have slsbuild's memory functions, since the allocator alone is to differ; behind a crate stands musl's malloc for what libc itself allocates.
"""

import dataclasses
import shutil
import statistics

from measure import counts, events
from measure.builds import ours
from measure.calls import attempt
from measure.rounds import THREADS, rounds, summarized
from measure.tools import ROOT

LARGE = 5_000  # kB
TIMED_SIZES = [1, 50]
LIMIT_KB = 128 << 10
# A call with 5 MB takes longer than many processes live; what it holds at most is seen in the first.
LARGE_CALLS = 5


@dataclasses.dataclass
class GlobalAllocator:
    """A crate: its lines in Cargo.toml, and the static."""

    dependencies: str
    static: str


CRATES = {
    "mimalloc 3": GlobalAllocator('mimalloc = "=0.1.52"', "mimalloc::MiMalloc = mimalloc::MiMalloc"),
    "mimalloc 2": GlobalAllocator('mimalloc = { version = "=0.1.52", features = ["v2"] }', "mimalloc::MiMalloc = mimalloc::MiMalloc"),
    "talc": GlobalAllocator('talc = "=5.1.1"\nspinning_top = "=0.3.0"',
                            "talc::TalcLock<spinning_top::RawSpinlock, talc::source::GlobalAllocSource<std::alloc::System>> = "
                            "talc::TalcLock::new(talc::source::GlobalAllocSource::new(std::alloc::System))"),
    "rlsf": GlobalAllocator('rlsf = "=0.2.3"', "rlsf::GlobalTlsf = rlsf::GlobalTlsf::new()"),
}
NAMES = ["slsbuild", "musl", *CRATES]


def crate(tools, name, handler):
    """A copy of a handler that has the allocator; the lock file goes along, and cargo adds what is new to it."""
    root = tools.scratch / "allocators" / name.replace(" ", "-")
    for part in ["harness", handler]:
        shutil.copytree(ROOT / "bench/handlers" / part, root / part, ignore=shutil.ignore_patterns("target"), dirs_exist_ok=True)
    directory = root / handler
    if name in CRATES:
        chosen = CRATES[name]
        # The dependencies are the last table of each handler.
        append(directory / "Cargo.toml", chosen.dependencies)
        append(directory / "src/main.rs", f"#[global_allocator]\nstatic GLOBAL: {chosen.static};")
    return directory


def append(file, text):
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")


def build(tools, names, handlers):
    """Builds all; gives name -> handler -> Build. They share a target directory, where the dependencies are built once."""
    builds = {name: {} for name in names}
    for handler in handlers:
        for name in names:
            flags = "" if name == "slsbuild" else "--allocator system"
            builds[name][handler] = ours(tools, f"allocators/{name.replace(' ', '-')}", handler, flags, crate(tools, name, handler),
                                         tools.scratch / "allocators/target")
    return builds


def table(title, values):
    """Prints one table; `values` is name -> key -> (number or nothing, shown), and a ratio is to the first name."""
    names = list(values)
    keys = list(values[names[0]])

    def ratio(name, key):
        number, first = values[name][key][0], values[names[0]][key][0]
        return None if number is None or first is None else number / first

    def cell(name, key):
        against = ratio(name, key)
        return values[name][key][1] if name == names[0] or against is None else f"{values[name][key][1]} ({against:.2f})"

    def mean(name):
        ratios = [ratio(name, key) for key in keys]
        return "" if None in ratios else f"{statistics.geometric_mean(ratios):.3f}"
    print(f"\n**{title}**\n")
    print("| | " + " | ".join(names) + " |")
    print("|---" + "|--:" * len(names) + "|")
    for key in keys:
        print(f"| {label(key)} | " + " | ".join(cell(name, key) for name in names) + " |")
    print("| geometric mean | " + " | ".join(mean(name) for name in names) + " |", flush=True)


def label(key):
    if isinstance(key, str):
        return key
    handler, size = key
    return f"{handler}, {size // 1000} MB" if size >= 1000 else f"{handler}, {size} kB"


def limited(builds, handlers, files):
    """Gives name -> handler -> (peak kB with 5 MB events under the limit, shown); no number where the process failed."""
    under = ["sh", "-c", f'ulimit -v {LIMIT_KB}; exec "$0"']

    def peak(built, handler):
        called = attempt(built[handler].bootstrap, [files[handler, LARGE]], LARGE_CALLS, under=under)
        return (called["peak_kb"], f"{called['peak_kb'] / 1000:.1f}") if called else (None, "fails")
    return counts.in_parallel(peak, builds, handlers)


def stripped(builds, handlers):
    """Gives name -> handler -> (bytes of the stripped binary, shown)."""
    def size(built):
        return built.bootstrap.stat().st_size
    return {name: {handler: (size(built[handler]), f"{size(built[handler]):,d}") for handler in handlers} for name, built in builds.items()}


def measure(tools, arguments):
    handlers = arguments.handlers
    builds = build(tools, arguments.allocators, handlers)
    files = events.write(tools.scratch / "events", [*events.SIZES, LARGE])
    large = [(handler, LARGE) for handler in handlers]
    table("Bytes of the stripped binary", stripped(builds, handlers))
    table(f"Peak memory in MB, {arguments.memory_calls:,d} calls with all sizes to 500 kB in turn", counts.memory(builds, handlers, files, arguments.memory_calls))
    table(f"Peak memory in MB with 5 MB events and {LIMIT_KB >> 10} MB of address space", limited(builds, handlers, files))
    cells = [(handler, size) for handler in handlers for size in TIMED_SIZES]
    counted = counts.instructions(builds, [*cells, *large], files)
    if counted:
        table("Thousands of instructions per call (callgrind)", counted)
    for threads in [1, THREADS]:
        times, _ = rounds(builds, [*cells, *large], files, arguments.repetitions, threads)
        table(f"CPU µs per call, {threads} thread(s): median (minimum) of {arguments.repetitions} rounds", summarized(times))
