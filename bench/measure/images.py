"""Compares `slsbuild image` with ko and crane: the same Go server on the same base into the same registry, which runs here."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request

KO = "github.com/google/ko@v0.19.1"
CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"
# As many layers as distroless has, of about its size.
BASE_LAYERS = 12

# Outside of this workspace, whose Cargo.toml slsbuild would find.
PROJECTS = pathlib.Path(tempfile.gettempdir()) / "slsbuild-bench-image"

SERVER = """package main

import (
	"fmt"
	"net/http"
	"os"
)

const change = "{change}"

func main() {{
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {{ fmt.Fprintln(w, "{name}", change) }})
	http.ListenAndServe(":"+os.Getenv("PORT"), nil)
}}
"""


class Registry:
    """Debian's docker-registry on loopback, which writes a line for each request."""

    def __init__(self, scratch):
        self.directory = scratch / "registry"
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        config = self.directory / "config.yml"
        storage = {"filesystem": {"rootdirectory": str(self.directory / "storage")}, "delete": {"enabled": True}}
        config.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": self.host}, "log": {"accesslog": {"disabled": False}, "level": "error"}}))
        self.log = open(self.directory / "log", "wb+")
        self.child = subprocess.Popen(["docker-registry", "serve", config], stdout=self.log, stderr=self.log)
        for _ in range(100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://{self.host}/v2/")
                return
            time.sleep(0.05)
        sys.exit("docker-registry does not answer")

    def requests(self):
        """How many requests there were so far."""
        time.sleep(0.02)
        text = (self.directory / "log").read_text(errors="replace")
        return sum('HTTP/1.1"' in line for line in text.splitlines())

    def stop(self):
        self.child.terminate()
        self.child.wait()


def timed(command, cwd, env):
    """Runs a command; gives wall seconds, the peak memory in MB of its own process, and what it printed."""
    started = time.perf_counter()
    child = subprocess.Popen([str(word) for word in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    peak = [0]

    def watch():
        while child.returncode is None:
            with contextlib.suppress(OSError, StopIteration, ValueError):
                lines = pathlib.Path(f"/proc/{child.pid}/status").read_text().splitlines()
                peak[0] = max(peak[0], int(next(line for line in lines if line.startswith("VmHWM")).split()[1]))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, errors = child.communicate()
    elapsed = time.perf_counter() - started
    watcher.join()
    if child.returncode != 0:
        sys.exit(f"`{' '.join(map(str, command))}` failed:\n{errors.decode()}")
    return elapsed, peak[0] / 1000, out.decode()


def install(scratch):
    """ko and crane, built by go."""
    binaries = scratch / "peers/bin"
    for package, name in [(KO, "ko"), (CRANE, "crane")]:
        if not (binaries / name).exists():
            subprocess.run(["go", "install", package], env={**os.environ, "GOBIN": str(binaries)}, check=True)
    return binaries


def base(crane, registry, scratch):
    """A base of many small layers, for linux/amd64."""
    name = f"{registry.host}/base:1"
    layers = []
    for index in range(BASE_LAYERS):
        path = scratch / f"base-{index}.tar"
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for directory in ["etc", f"etc/part-{index}"]:
                entry = tarfile.TarInfo(directory)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            content = bytes((index * 31 + at * 7) % 251 for at in range(170_000))
            entry = tarfile.TarInfo(f"etc/part-{index}/data")
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
        layers += ["-f", str(path)]
    subprocess.run([crane, "append", "--insecure", *layers, "-t", name], check=True, capture_output=True)
    subprocess.run([crane, "mutate", "--insecure", "--set-platform", "linux/amd64", "-t", name, name], check=True, capture_output=True)
    return name


def project(name, count):
    """A Go module of servers, one package each."""
    directory = PROJECTS / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    (directory / "go.mod").write_text("module example.com/servers\n\ngo 1.21\n")
    functions = "".join(f'[functions.server{index}]\ngo = "./cmd/server{index}"\nplatform = "container"\n' for index in range(count))
    (directory / "slsbuild.toml").write_text(functions)
    for index in range(count):
        change(directory, index, "first")
    return directory


def change(directory, index, text):
    package = directory / f"cmd/server{index}"
    package.mkdir(parents=True, exist_ok=True)
    (package / "main.go").write_text(SERVER.format(name=f"server{index}", change=text))


def go_build(directory, env, count):
    """Seconds that go itself takes for all packages as they are, in the way of both tools."""
    started = time.perf_counter()
    for index in range(count):
        subprocess.run(["go", "build", "-trimpath", "-ldflags=-s -w", "-o", directory / "bare" / f"server{index}", f"./cmd/server{index}"], cwd=directory, env={**env, "CGO_ENABLED": "0", "GOOS": "linux", "GOARCH": "amd64"}, check=True)
    return time.perf_counter() - started


class Contest:
    """ko and slsbuild over the same sources, in turn."""

    def __init__(self, slsbuild, scratch, binaries, registry, base, count):
        self.count, self.registry, self.base = count, registry, base
        self.slsbuild, self.ko = slsbuild, binaries / "ko"
        self.ours = project(f"ours-{count}", count)
        self.theirs = project(f"ko-{count}", count)
        self.env = {**os.environ, "SLSBUILD_CACHE_DIR": str(scratch / "image/cache")}
        (self.theirs / ".ko.yaml").write_text(f"defaultBaseImage: {base}\ndefaultLdflags:\n- -s\n- -w\n")

    def push_ours(self, repository):
        command = [self.slsbuild, "image", "--base", self.base, "--push", f"{self.registry.host}/{repository}:1", "--format", "json"]
        before = self.registry.requests()
        elapsed, peak, out = timed(command, self.ours, self.env)
        compiled = max(artifact["timings"]["compile_ms"] for artifact in json.loads(out)["artifacts"]) / 1000
        return elapsed, compiled, peak, self.registry.requests() - before

    def push_theirs(self, repository):
        packages = [f"./cmd/server{index}" for index in range(self.count)]
        command = [self.ko, "build", "--bare", "--insecure-registry", "--sbom=none", "--tags=1", "--platform=linux/amd64", *packages]
        if self.count > 1:
            command[2] = "--base-import-paths"
        env = {**self.env, "KO_DOCKER_REPO": f"{self.registry.host}/{repository}", "KOCACHE": str(self.theirs / "cache")}
        before = self.registry.requests()
        elapsed, peak, _ = timed(command, self.theirs, env)
        requests = self.registry.requests() - before
        return elapsed, go_build(self.theirs, self.env, self.count), peak, requests

    def round(self, number):
        """First, unchanged and changed push of both; gives scenario -> tool -> (wall, compiler, peak, requests)."""
        rows = {"first": {}, "unchanged": {}, "changed": {}}
        for scenario, row in rows.items():
            for directory in [self.ours, self.theirs] if scenario == "changed" else []:
                change(directory, 0, f"round {number}")
            for tool, push in [("ko", self.push_theirs), ("slsbuild", self.push_ours)]:
                row[tool] = push(f"{tool}-{self.count}-{number}")
        return rows


def contest(slsbuild, scratch, binaries, registry, base_name, count, repetitions):
    one = Contest(slsbuild, scratch, binaries, registry, base_name, count)
    one.round("warm")
    rounds = [one.round(number) for number in range(repetitions)]
    images = "1 image" if count == 1 else f"{count} images"
    print(f"\n**{images}, seconds less the compiler's (wall, requests, peak MB): median of {repetitions} rounds**\n")
    print("| | ko | slsbuild | ratio |\n|---|--:|--:|--:|")
    for scenario in ["first", "unchanged", "changed"]:
        cells, net = [], {}
        for tool in ["ko", "slsbuild"]:
            runs = [row[scenario][tool] for row in rounds]
            wall, peak, requests = (statistics.median(run[at] for run in runs) for at in (0, 2, 3))
            net[tool] = statistics.median(max(run[0] - run[1], 0.001) for run in runs)
            cells.append(f"{net[tool]:.3f} ({wall:.3f}, {requests:.0f}, {peak:.0f})")
        print(f"| {scenario} push | {cells[0]} | {cells[1]} | {net['ko'] / net['slsbuild']:.2f} × faster |")


def appended(slsbuild, scratch, crane, registry, base_name, repetitions):
    """One changed layer on a warm base: a ready binary by slsbuild, the same layer by crane, as a tar and compressed."""
    directory = PROJECTS / "ready"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    source = project("ready-source", 1)
    go_build(source, os.environ, 1)
    program = (source / "bare/server0").read_bytes()
    env = {**os.environ, "SLSBUILD_CACHE_DIR": str(scratch / "image/cache")}
    names = ["crane append, tar", "crane append, tar.gz", "slsbuild"]
    rounds = {name: [] for name in names}
    for number in range(repetitions + 1):
        binary = directory / "server"
        binary.write_bytes(program + f"round {number}".encode())
        binary.chmod(0o755)
        with tarfile.open(directory / "layer.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            tar.add(binary, "app/server")
        subprocess.run(["gzip", "-kf6", directory / "layer.tar"], check=True)
        commands = {
            names[0]: [crane, "append", "--insecure", "-b", base_name, "-f", directory / "layer.tar", "-t", f"{registry.host}/tar:1"],
            names[1]: [crane, "append", "--insecure", "-b", base_name, "-f", directory / "layer.tar.gz", "-t", f"{registry.host}/gz:1"],
            names[2]: [slsbuild, "image", "--binary", binary, "--base", base_name, "--push", f"{registry.host}/ours:1"],
        }
        for name, command in commands.items():
            before = registry.requests()
            elapsed, peak, _ = timed(command, directory, env)
            # The first round warms the base and all caches.
            if number:
                rounds[name].append((elapsed, peak, registry.requests() - before))
    print(f"\n**One changed layer of {len(program) / 1e6:.1f} MB on a warm base: median of {repetitions} rounds**\n")
    print("| | seconds | requests | peak MB |\n|---|--:|--:|--:|")
    for name in names:
        wall, peak, requests = (statistics.median(run[at] for run in rounds[name]) for at in range(3))
        print(f"| {name} | {wall:.3f} | {requests:.0f} | {peak:.0f} |")


def memory(slsbuild, scratch, registry, base_name):
    """The peak of slsbuild with a binary of 50 MB that hardly shrinks."""
    directory = PROJECTS / "large"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    source = project("large-source", 1)
    go_build(source, os.environ, 1)
    binary = directory / "server"
    program = (source / "bare/server0").read_bytes()
    binary.write_bytes(program + os.urandom(50_000_000 - len(program)))
    binary.chmod(0o755)
    env = {**os.environ, "SLSBUILD_CACHE_DIR": str(scratch / "image/cache")}
    shared = [slsbuild, "image", "--binary", binary, "--base", base_name]
    print("\n**Peak memory with a binary of 50 MB**\n\n| | MB |\n|---|--:|")
    for name, command in [
        ("slsbuild image --push", [*shared, "--push", f"{registry.host}/large:1"]),
        ("slsbuild image", shared),
        ("slsbuild push LAYOUT", [slsbuild, "push", directory / ".slsbuild/server/container/amd64/image", f"{registry.host}/again:1"]),
    ]:
        _, peak, _ = timed(command, directory, env)
        print(f"| `{name}` | {peak:.0f} |")


def measure(slsbuild, scratch, repetitions, counts):
    binaries = install(scratch)
    (scratch / "image").mkdir(parents=True, exist_ok=True)
    registry = Registry(scratch)
    try:
        base_name = base(binaries / "crane", registry, scratch / "image")
        for count in counts:
            contest(slsbuild, scratch, binaries, registry, base_name, count, repetitions)
        appended(slsbuild, scratch, binaries / "crane", registry, base_name, repetitions)
        memory(slsbuild, scratch, registry, base_name)
    finally:
        registry.stop()
