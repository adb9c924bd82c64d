"""Compares the functions themselves: what a call costs when slsbuild built the handler, and when cargo-lambda did."""

import shlex
import statistics

from measure import counts, events
from measure.builds import build
from measure.rounds import THREADS, rounds, summarized

THREADED_SIZES = [5, 50]  # kB


def label(key):
    return key if isinstance(key, str) else f"{key[0]}, {key[1]} kB"


def table(title, values):
    """Prints one table; `values` is name -> key -> (number, shown), and a ratio is always to cargo-lambda, which is the second name."""
    names = list(values)
    keys = list(values[names[0]])
    others = [name for name in names if name != names[1]]
    ratios = {name: [values[name][key][0] / values[names[1]][key][0] for key in keys] for name in others}
    print(f"\n**{title}**\n")
    print(f"| | {names[1]} | " + " | ".join(f"{name} | ratio" for name in others) + " |")
    print("|---" + "|--:" * (1 + 2 * len(others)) + "|")
    for index, key in enumerate(keys):
        cells = [f"{values[name][key][1]} | {ratios[name][index]:.3f}" for name in others]
        print(f"| {label(key)} | {values[names[1]][key][1]} | {' | '.join(cells)} |")
    print("| geometric mean | | " + " | ".join(f" | {statistics.geometric_mean(ratios[name]):.3f}" for name in others) + " |")
    print("| worst | | " + " | ".join(f"{label(keys[ratios[name].index(max(ratios[name]))])} | {max(ratios[name]):.3f}" for name in others) + " |",
          flush=True)


def timed(builds, cells, files, repetitions, threads):
    times, differing = rounds(builds, cells, files, repetitions, threads)
    beside = "one thread" if threads == 1 else f"{threads} threads"
    table(f"CPU µs per call, {beside}: median (minimum) of {repetitions} rounds", summarized(times))
    for cell in differing:
        print(f"\nThe builds answer differently: {label(cell)}.")


def measure(tools, arguments):
    handlers = arguments.handlers
    variants = dict(arguments.variant)
    if arguments.pgo:
        training = tools.scratch / "training"
        events.write_training(training)
        variants["pgo"] = shlex.join(["--pgo", str(training), "--pgo-repeat", "20"])
    builds = build(tools, handlers, arguments.ours_flags, variants)
    files = events.write(tools.scratch / "events")
    cells = [(handler, size) for handler in handlers for size in events.SIZES]
    timed(builds, cells, files, arguments.repetitions, 1)
    timed(builds, [cell for cell in cells if cell[1] in THREADED_SIZES], files, arguments.repetitions, THREADS)
    counted = counts.instructions(builds, cells, files)
    if counted:
        table("Thousands of instructions per call (callgrind)", counted)
    else:
        print("\nInstructions were not counted: valgrind is not installed.")
    table(f"Peak memory in MB, {arguments.memory_calls:,d} calls with all sizes in turn", counts.memory(builds, handlers, files, arguments.memory_calls))
    table("Bytes of the zip, amd64", counts.sizes(builds, handlers))
