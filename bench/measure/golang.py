"""Compares Go handlers with themselves: compiled for any CPU, for Lambda's, and guided by a profile. Sizes beside `go build` as SAM runs it."""

import os
import random
import zipfile

from measure import events
from measure.builds import Build
from measure.calls import call
from measure.cpu import table
from measure.rounds import rounds, summarized
from measure.tools import ROOT, run

HANDLERS = ["json", "text", "crypto"]
SIZES = [1, 5, 50, 500]  # kB
# As src/build/go.rs has it.
FLAGS = ["-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid="]
BASE = {"amd64": ("GOAMD64", "v1"), "arm64": ("GOARM64", "v8.0")}
LAMBDA = {"amd64": ("GOAMD64", "v3"), "arm64": ("GOARM64", "v8.2")}


def build(scratch, name, handler, arch, level, flags):
    """Builds one handler and zips it as everybody can."""
    bootstrap = scratch / "go" / name / arch / handler / "bootstrap"
    env = {**os.environ, "GOOS": "linux", "GOARCH": arch}
    if level:
        env |= {"CGO_ENABLED": "0", level[0]: level[1]}
    run(["go", "build", *flags, "-o", bootstrap, f"./{handler}"], ROOT / "bench/handlers/go", env)
    archive = bootstrap.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        opened.write(bootstrap, "bootstrap")
    return Build(bootstrap, archive.stat().st_size)


def profile(scratch, handler, built):
    """A CPU profile of a build that answers other events than the measured ones: no build learns what it is measured by."""
    directory = scratch / "go/training" / handler
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for size in SIZES:
        file = directory / f"{size}kB.json"
        file.write_text(events.EVENTS[handler](random.Random(f"training {handler} {size}"), size * 1000), encoding="utf-8")
        files.append(file)
    profile = directory / "default.pgo"
    # One that is there is kept: another makes go compile everything anew.
    if not profile.exists():
        call(built.bootstrap, files, 1200, 100, under=["env", f"BENCH_PROFILE={profile}"])
    return profile


def builds(scratch):
    """Gives arch -> name -> handler -> Build. A profile does not depend on the arch."""
    made = {"amd64": {}, "arm64": {}}
    for arch, rows in made.items():
        lambdas, base = LAMBDA[arch][1], BASE[arch][1]
        for name, level, flags in [(lambdas, LAMBDA[arch], FLAGS), (base, BASE[arch], FLAGS), ("as SAM", None, [])]:
            rows[name] = {handler: build(scratch, name, handler, arch, level, flags) for handler in HANDLERS}
        rows[f"{lambdas}, pgo"] = {}
        for handler in HANDLERS:
            learned = profile(scratch, handler, made["amd64"]["v3"][handler])
            flags = [*FLAGS, f"-pgo={learned}"]
            rows[f"{lambdas}, pgo"][handler] = build(scratch, "pgo", handler, arch, LAMBDA[arch], flags)
    return made


def measure(scratch, repetitions):
    made = builds(scratch)
    files = events.write(scratch / "events")
    cells = [(handler, size) for handler in HANDLERS for size in SIZES]
    timed = {name: made["amd64"][name] for name in ["v3", "v1", "v3, pgo"]}
    times, differing = rounds(timed, cells, files, repetitions, 1)
    table(f"CPU µs per call, GOAMD64, all threads of the process: median (minimum) of {repetitions} rounds", summarized(times))
    for handler, size in differing:
        print(f"\nThe builds answer differently: {handler}, {size} kB.")
    for arch, rows in made.items():
        names = [LAMBDA[arch][1], "as SAM", *[name for name in rows if name not in ("as SAM", LAMBDA[arch][1])]]
        bytes_of = {name: {handler: (rows[name][handler].zip_bytes, f"{rows[name][handler].zip_bytes:,d}") for handler in HANDLERS} for name in names}
        table(f"Bytes of the zip, {arch}", bytes_of)
