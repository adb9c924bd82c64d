"""The tools that are compared, and how a command is run."""

import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = ["cargo-lambda==1.9.2", "ziglang==0.17.1"]


def run(command, cwd, env):
    """Runs a command; gives wall seconds and the peak memory in MB of its largest process."""
    started = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    elapsed = time.perf_counter() - started
    if child.returncode != 0:
        sys.exit(f"`{' '.join(map(str, command))}` failed:\n{errors.decode()}")
    return elapsed, usage.ru_maxrss / 1000


class Tools:
    """slsbuild as it stands here, and cargo-lambda with zig from their Python wheels."""

    def __init__(self, scratch):
        self.scratch = scratch
        venv = scratch / "peers"
        if not (venv / "bin/cargo-lambda").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([venv / "bin/pip", "install", "-q", *PEERS], check=True)
        subprocess.run(["cargo", "build", "--release", "--locked", "-q"], cwd=ROOT, check=True)
        # What the caller's shell says about cargo must not meet one of the two only.
        self.env = {name: value for name, value in os.environ.items() if name == "CARGO_HOME" or not name.startswith(("CARGO_", "RUSTFLAGS"))}
        self.env["PATH"] = f"{venv / 'bin'}{os.pathsep}{self.env['PATH']}"
        self.slsbuild = str(ROOT / "target/release/slsbuild")
