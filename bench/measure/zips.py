"""Builds copies of the echo fixture with slsbuild, with cargo-lambda and with bare cargo, in turn: build times, sizes, the start of the function."""

import json
import os
import shutil
import statistics
import subprocess
import sys

from measure.tools import ROOT, run

TARGET = "aarch64-unknown-linux-musl"


class Zips:
    def __init__(self, tools, repetitions):
        self.scratch, self.env, self.ours, self.repetitions = tools.scratch, tools.env, tools.slsbuild, repetitions
        self.rows = []

    def crate(self, name):
        """A fresh copy of the echo fixture, with its lock file."""
        directory = self.scratch / name
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(ROOT / "fixtures/echo", directory, ignore=shutil.ignore_patterns("target"))
        return directory

    def compare(self, what, variants, before=lambda directory: None):
        """Times variants (name -> (directory, command)) in turn."""
        times = {name: [] for name in variants}
        memory = {name: [] for name in variants}
        for _ in range(self.repetitions):
            for name, (directory, command) in variants.items():
                before(directory)
                elapsed, peak = run(command, directory, self.env)
                times[name].append(elapsed)
                memory[name].append(peak)
        for name in variants:
            print(f"# {what}, {name}: {' '.join(f'{t:.3f}' for t in times[name])} s, peak {max(memory[name]):.0f} MB", file=sys.stderr)
        return {name: statistics.median(values) for name, values in times.items()}, {name: statistics.median(values) for name, values in memory.items()}

    def row(self, what, ours, theirs, against, bar, unit):
        ratio = ours / theirs
        verdict = "" if bar is None else ("held" if ratio <= bar else "missed")
        bar = "" if bar is None else f"≤ {bar:.3g}"
        self.rows.append(f"| {what} | {ours:{unit[0]}} {unit[1]} | {theirs:{unit[0]}} {unit[1]} | {against} | {ratio:.3f} | {bar} | {verdict} |")

    def builds(self):
        ours, peer, bare = self.crate("ours"), self.crate("cargo-lambda"), self.crate("bare")
        zip_command = [self.ours, "zip", "--arch", "arm64", "--quiet"]
        lambda_command = ["cargo", "lambda", "build", "--release", "--arm64", "--output-format", "zip"]
        bare_command = ["cargo", "build", "--release", "--target", TARGET, "--config", "profile.release.lto='fat'",
                        "--config", "profile.release.codegen-units=1", "--config", f"target.{TARGET}.linker='rust-lld'"]
        variants = {"slsbuild": (ours, zip_command), "cargo-lambda": (peer, lambda_command), "bare cargo": (bare, bare_command)}
        # A fresh CI runner has no cache of zig's either, which then builds what it links with.
        runner = self.crate("cargo-lambda-on-a-fresh-runner")
        zig_cache = runner / "target/zig-cache"
        fresh = {"cargo-lambda, zig's cache empty": (runner, ["env", f"ZIG_GLOBAL_CACHE_DIR={zig_cache}", *lambda_command])}
        seconds = (".2f", "s")

        def clean(directory):
            shutil.rmtree(directory / "target", ignore_errors=True)

        def touch(directory):
            os.utime(directory / "src/main.rs")

        for directory, command in variants.values():
            run(command, directory, self.env)  # zig's own caches, the registry
        cold, _ = self.compare("cold", {**variants, **fresh}, clean)
        self.row("cold build", cold["slsbuild"], cold["cargo-lambda"], "cargo-lambda", 0.9, seconds)
        self.row("cold build", cold["slsbuild"], cold["cargo-lambda, zig's cache empty"], "cargo-lambda on a fresh runner (zig's cache empty)", None, seconds)
        self.row("cold build", cold["slsbuild"], cold["bare cargo"], "bare cargo, same profile", 1.03, seconds)
        touched, _ = self.compare("touched", {k: variants[k] for k in ("slsbuild", "cargo-lambda")}, touch)
        self.row("one file touched", touched["slsbuild"], touched["cargo-lambda"], "cargo-lambda", None, seconds)

        metadata = ["sh", "-c", "cargo metadata --no-deps --format-version 1 >/dev/null && exec \"$@\"", "sh", *bare_command]
        noop, memory = self.compare("no-op", {**variants, "metadata and cargo": (bare, metadata)})
        milliseconds = (".0f", "ms")
        self.row("nothing to do", noop["slsbuild"] * 1000, noop["metadata and cargo"] * 1000, "cargo metadata --no-deps, then cargo build", 1.5, milliseconds)
        self.row("nothing to do", noop["slsbuild"] * 1000, noop["cargo-lambda"] * 1000, "cargo-lambda", 1 / 3.5, milliseconds)
        self.row("peak memory, nothing to do", memory["slsbuild"], memory["cargo-lambda"], "cargo-lambda", None, (".0f", "MB"))

    def sizes(self):
        peer = (self.scratch / "cargo-lambda/target/lambda/echo/bootstrap.zip").stat().st_size
        for flags, bar in [([], None), (["--optimize", "balanced"], 0.95), (["--optimize", "size"], 0.9),
                           (["--optimize", "size", "--panic", "abort"], 0.76)]:
            directory = self.scratch / "ours"
            run([self.ours, "zip", "--arch", "arm64", "--quiet", *flags], directory, self.env)
            size = (directory / "target/slsbuild/echo/lambda/arm64/bootstrap.zip").stat().st_size
            self.row(" ".join(["zip, arm64", *flags]), size, peer, "cargo-lambda", bar, (",d", "B"))

    def first_next(self):
        ours, peer = self.crate("ours-amd64"), self.crate("cargo-lambda-amd64")
        run([self.ours, "zip", "--arch", "amd64", "--quiet", "--out-dir", "out"], ours, self.env)
        run(["cargo", "lambda", "build", "--release", "--x86-64"], peer, self.env)
        out = subprocess.run([self.ours, "bench", ours / "out/bootstrap.zip", peer / "target/lambda/echo/bootstrap", "--starts", "30", "--calls", "10", "--format", "json"],
                             check=True, capture_output=True, text=True).stdout
        first, second = (artifact["first_next_us"]["median"] for artifact in json.loads(out)["artifacts"])
        self.row("start to first `GET /next`, amd64", first, second, "cargo-lambda", 0.5, (".0f", "µs"))

    def table(self):
        print("| what | slsbuild | other | against | ratio | bar | |\n|---|---|---|---|---|---|---|")
        print("\n".join(self.rows))


def measure(tools, repetitions):
    zips = Zips(tools, repetitions)
    zips.builds()
    zips.sizes()
    zips.first_next()
    zips.table()
