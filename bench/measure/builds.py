"""Builds the handlers of bench/handlers for amd64 with slsbuild and with cargo-lambda, each in a target directory of its own that is kept."""

import dataclasses
import pathlib
import re
import shlex
import sys
import zipfile

from measure.tools import ROOT, run

HANDLERS = ["json", "text", "crypto", "client"]


@dataclasses.dataclass
class Build:
    """What stands in a zip, ready to be started."""

    bootstrap: pathlib.Path
    zip_bytes: int


def ours(tools, name, handler, words, crate=None, target=None):
    """slsbuild's zip, of the handler itself or of a copy. Words like `NAME=VALUE` before the first flag are its environment, as in a shell."""
    flags = shlex.split(words)
    env = {}
    while flags and (assignment := re.fullmatch(r"([A-Z_][A-Z0-9_]*)=(.*)", flags[0], re.DOTALL)):
        env[assignment[1]] = assignment[2]
        flags.pop(0)
    own = tools.scratch / "cpu" / name / handler
    target, out = target or own, own / "out"
    command = [tools.slsbuild, "zip", "--arch", "amd64", "--quiet", "--target-dir", target, "--out-dir", out, *flags]
    run(command, crate or ROOT / "bench/handlers" / handler, {**tools.env, **env})
    return unpack(out / "bootstrap.zip")


def theirs(tools, handler):
    """cargo-lambda's zip, with all that it chooses by itself. It knows the target directory only by its environment."""
    target = tools.scratch / "cpu/theirs" / handler
    command = ["cargo", "lambda", "build", "--release", "--x86-64", "--output-format", "zip", "--lambda-dir", target / "lambda"]
    run(command, ROOT / "bench/handlers" / handler, {**tools.env, "CARGO_TARGET_DIR": str(target)})
    return unpack(target / f"lambda/{handler}/bootstrap.zip")


def unpack(archive):
    """What is measured is what would be deployed: the binary from the zip."""
    bootstrap = archive.parent / "unpacked/bootstrap"
    with zipfile.ZipFile(archive) as opened:
        opened.extract("bootstrap", bootstrap.parent)
    bootstrap.chmod(0o755)
    return Build(bootstrap, archive.stat().st_size)


def build(tools, handlers, flags, variants):
    """Builds all; gives name -> handler -> Build, slsbuild first and cargo-lambda second."""
    makers = {"slsbuild": lambda handler: ours(tools, "ours", handler, flags), "cargo-lambda": lambda handler: theirs(tools, handler)}
    for name, words in variants.items():
        makers[name] = lambda handler, name=name, words=words: ours(tools, f"variant-{name}", handler, words)
    builds = {name: {} for name in makers}
    for handler in handlers:
        for name, make in makers.items():
            print(f"# building {handler} with {name}", file=sys.stderr)
            builds[name][handler] = make(handler)
    return builds
