"""Calls a handler in its own process, without HTTP, and gives what that process says of itself."""

import json
import subprocess
import sys


def call(bootstrap, events, calls, warm_up=0, threads=1, under=()):
    """Gives what `attempt` gives, and ends all when the handler fails."""
    called, errors = run(bootstrap, events, calls, warm_up, threads, under)
    if called is None:
        sys.exit(f"{bootstrap} failed with {events}:\n{errors}")
    return called


def attempt(bootstrap, events, calls, warm_up=0, threads=1, under=()):
    """Gives `cpu_ns` and `wall_ns` per call, `peak_kb`, `answers` (a digest), and `stderr` for the tool that it ran under; nothing when it failed."""
    return run(bootstrap, events, calls, warm_up, threads, under)[0]


def run(bootstrap, events, calls, warm_up, threads, under):
    """The environment is empty but for the bench's own variables, as two builds must not differ by what a shell sets."""
    env = {"BENCH_EVENT": ":".join(map(str, events)), "BENCH_CALLS": str(calls), "BENCH_WARM_UP": str(warm_up), "BENCH_THREADS": str(threads)}
    done = subprocess.run([*under, bootstrap], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        return None, done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr}, done.stderr
