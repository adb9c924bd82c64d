"""CPU time per call over many short rounds in which all builds take turns, so that the machine's drift meets all of them."""

import statistics
import sys

from measure.calls import call

ROUND_NS = 150_000_000
THREADS = 8


def calls_per_round(builds, cell, files, threads):
    """The same number for all builds: so many that the slowest one's round takes its time, and never too few for a mean."""
    handler, _ = cell
    slowest = max(call(built[handler].bootstrap, [files[cell]], 5, 2)["cpu_ns"] for built in builds.values())
    return min(max(ROUND_NS // slowest // threads, 3), 20_000)


def rounds(builds, cells, files, repetitions, threads):
    """Gives name -> cell -> CPU µs per call of each round, and the cells whose answers differ.

    A round goes over all cells, so that a minute of noise meets a few rounds of each cell rather than all rounds of one.
    """
    calls = {cell: calls_per_round(builds, cell, files, threads) for cell in cells}
    times = {name: {cell: [] for cell in cells} for name in builds}
    answers = {cell: set() for cell in cells}
    for number in range(repetitions):
        print(f"# round {number + 1} of {repetitions}, {threads} thread(s)", file=sys.stderr)
        order = list(builds) if number % 2 == 0 else list(reversed(builds))
        for cell in cells:
            for name in order:
                measured = call(builds[name][cell[0]].bootstrap, [files[cell]], calls[cell], calls[cell] // 10 + 1, threads)
                times[name][cell].append(measured["cpu_ns"] / 1000)
                answers[cell].add(measured["answers"])
    return times, [cell for cell in cells if len(answers[cell]) > 1]


def summarized(times):
    """Gives name -> cell -> (median, what is shown: the median, and the minimum in parentheses)."""
    return {name: {cell: (statistics.median(values), f"{statistics.median(values):,.1f} ({min(values):,.1f})") for cell, values in cells.items()}
            for name, cells in times.items()}
