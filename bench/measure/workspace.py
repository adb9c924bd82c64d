"""Builds a workspace of many trivial functions with slsbuild, with cargo-lambda and with cargo alone: what a build with nothing to do costs,
and what of it is packing."""

import json
import shutil
import subprocess
import sys

from measure.zips import TARGET, Zips


class Workspace(Zips):
    """The same many functions, each a package with a binary that prints its name."""

    def __init__(self, tools, repetitions, functions):
        super().__init__(tools, repetitions)
        self.names = [f"function-{number:02}" for number in range(functions)]

    def crate(self, name):
        directory = self.scratch / f"workspace-{len(self.names)}-{name}"
        if (directory / "Cargo.toml").exists():
            return directory
        shutil.rmtree(directory, ignore_errors=True)
        members = ", ".join(f'"{member}"' for member in self.names)
        directory.mkdir(parents=True)
        (directory / "Cargo.toml").write_text(f'[workspace]\nresolver = "3"\nmembers = [{members}]\n')
        tables = (f'[functions.{member}]\npackage = "{member}"\n' for member in self.names)
        (directory / "slsbuild.toml").write_text("\n".join(tables))
        for member in self.names:
            source = directory / member / "src"
            source.mkdir(parents=True)
            (directory / member / "Cargo.toml").write_text(f'[package]\nname = "{member}"\nversion = "0.1.0"\nedition = "2024"\n')
            (source / "main.rs").write_text(f'fn main() {{\n    println!("{member}");\n}}\n')
        return directory

    def nothing_to_do(self):
        ours, peer, bare = self.crate("ours"), self.crate("cargo-lambda"), self.crate("bare")
        # What cargo alone is told is what slsbuild tells it, so that both look at the same files.
        planned = subprocess.run([self.ours, "plan", "--format", "json"], cwd=ours, env=self.env, check=True, capture_output=True, text=True)
        calls = [call for group in json.loads(planned.stdout)["groups"] for call in group.get("commands", [])]
        print(f"# {len(self.names)} functions in {len(calls)} call(s) of cargo", file=sys.stderr)
        bare_command = ["cargo", "build", "--release", "--target", TARGET, "--config", f"target.{TARGET}.linker='rust-lld'"]
        metadata = ["sh", "-c", "cargo metadata --no-deps --format-version 1 >/dev/null && exec \"$@\"", "sh", *bare_command]
        variants = {
            "slsbuild": (ours, [self.ours, "build", "--quiet"]),
            "cargo-lambda": (peer, ["cargo", "lambda", "build", "--release", "--arm64", "--output-format", "zip"]),
            "metadata and cargo": (bare, metadata),
        }
        for directory, command in variants.values():
            run_once(command, directory, self.env)
        noop, memory = self.compare("nothing to do", variants)
        milliseconds = (".0f", "ms")
        count = len(self.names)
        self.row(f"nothing to do, {count} functions", noop["slsbuild"] * 1000, noop["metadata and cargo"] * 1000,
                 "cargo metadata --no-deps, then cargo build", 1.5, milliseconds)
        self.row(f"nothing to do, {count} functions", noop["slsbuild"] * 1000, noop["cargo-lambda"] * 1000, "cargo-lambda", None, milliseconds)
        self.row("peak memory", memory["slsbuild"], memory["cargo-lambda"], "cargo-lambda", None, (".0f", "MB"))
        each = (noop["slsbuild"] - noop["metadata and cargo"]) * 1000 / count
        self.rows.append(f"| beyond metadata and cargo, for each function | {each:.2f} ms | 5 ms | bar | {each / 5:.3f} | ≤ 1 | {'held' if each < 5 else 'missed'} |")


def run_once(command, directory, env):
    subprocess.run(command, cwd=directory, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def measure(tools, repetitions, functions):
    workspace = Workspace(tools, repetitions, functions)
    workspace.nothing_to_do()
    workspace.table()
