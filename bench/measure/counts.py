"""What does not depend on how busy the machine is: instructions, memory, sizes. These runs share the cores."""

import concurrent.futures
import os
import re
import shutil

from measure.calls import call
from measure.events import SIZES

# Callgrind makes a call some fifty times slower.
COUNTED_CALLS = {1: 100, 5: 50, 50: 10, 500: 4, 5000: 1}
CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def in_parallel(task, builds, keys):
    """Gives name -> key -> the task's result."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = {name: {key: pool.submit(task, built, key) for key in keys} for name, built in builds.items()}
        return {name: {key: future.result() for key, future in row.items()} for name, row in futures.items()}


def instructions(builds, cells, files):
    """Gives name -> cell -> (instructions per call, shown), or nothing without valgrind.

    The start of the process falls out as the difference of two runs. The kernel's share is not seen, each step of a `rep movs` counts as an
    instruction, and valgrind shows the process a CPU without SHA extensions.
    """
    if not shutil.which("valgrind"):
        return None

    def count(built, cell):
        handler, size = cell
        few, many = 2, 2 + COUNTED_CALLS[size]
        totals = [collected(call(built[handler].bootstrap, [files[cell]], calls, under=CALLGRIND)["stderr"]) for calls in (few, many)]
        per_call = (totals[1] - totals[0]) / (many - few)
        return per_call, f"{per_call / 1000:,.1f}"
    return in_parallel(count, builds, cells)


def collected(stderr):
    return int(re.search(r"Collected : (\d+)", stderr)[1])


def memory(builds, handlers, files, calls):
    """Gives name -> handler -> (peak kB after that many calls with events of all sizes in turn, shown)."""
    def peak(built, handler):
        kilobytes = call(built[handler].bootstrap, [files[handler, size] for size in SIZES], calls)["peak_kb"]
        return kilobytes, f"{kilobytes / 1000:.1f}"
    return in_parallel(peak, builds, handlers)


def sizes(builds, handlers):
    """Gives name -> handler -> (bytes of the zip, shown)."""
    return {name: {handler: (built[handler].zip_bytes, f"{built[handler].zip_bytes:,d}") for handler in handlers} for name, built in builds.items()}
