"""Measures memory of Lean processes, alone and together, their start and their rate of checks.

    python -m benchmarks.lean.memory [--checks 300] [--first 40] [--turns 3] [--most 3] [--json memory.json]

Everything is measured in turns for processes that map their image and for processes that read it, as they do without a C compiler
(runtimes/embedded/cache/pages.py). Memory is measured after the checks. `together` is the memory of a group of processes: their
private pages, plus each page of a file once. RSS counts such a page in every process, and PSS divides it among all processes of the
machine that have it.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from rich.console import Console

from benchmarks.lean.lean_pool import config, expect, show, tasks
from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.runtime import Launch
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.pool import WorkerPool
from prover.lean.workers.stats import State
from prover.verdict import Limits

PATIENT = Terms(Limits(seconds=120))
_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ \d+ *(.*)")
_FIELD = re.compile(r"(\w+): +(\d+) kB")
_PAGE = os.sysconf("SC_PAGESIZE")
_PRESENT_OF_FILE = 0b101  # bits 63 and 61 of an entry of pagemap
_FIRST = 1_000_000  # number of the first theorem, distinct from those of other parts of a run


class ReadingLean(EmbeddedLean):
    """A Lean whose processes read their image instead of mapping it."""

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """Return the launch of the base class without the library that maps files."""
        launch = super().launch(imports, role)
        return replace(launch, env={name: value for name, value in launch.env.items() if name != "LD_PRELOAD"})


def weigh(pids: Iterable[int]) -> dict[str, int]:
    """Return the MiB of a group of processes: together, private, PSS and RSS added up, and the share of image pages."""
    total: Counter[str] = Counter()
    files: defaultdict[str, set[int]] = defaultdict(set)
    for pid in pids:
        of_image = False
        with Path(f"/proc/{pid}/pagemap").open("rb") as pagemap:
            for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
                if mapping := _MAPPING.fullmatch(line):
                    start, end, offset = (int(number, 16) for number in mapping.groups()[:3])
                    of_image = mapping[4].endswith("/memory")
                    if mapping[4].startswith("/"):
                        files[mapping[4]] |= _file_pages(pagemap, start, end, offset)
                elif (field := _FIELD.fullmatch(line)) and field[1] in ("Rss", "Pss", "Anonymous"):
                    total[field[1]] += int(field[2])
                    total[f"image {field[1]}"] += int(field[2]) if of_image else 0
    once = sum(map(len, files.values())) * _PAGE // 1024
    parts = {"together": total["Anonymous"] + once, "own": total["Anonymous"], "pss": total["Pss"], "rss": total["Rss"]}
    parts |= {"of the image": total["image Rss"], "of the image, own": total["image Anonymous"]}
    return {f"{name} MiB": kilobytes >> 10 for name, kilobytes in parts.items()}


def _file_pages(pagemap: BinaryIO, start: int, end: int, offset: int) -> set[int]:
    """Return the pages of a file that a process has in memory in a mapping at an address and has not copied."""
    pagemap.seek(8 * (start // _PAGE))
    entries = array("Q", pagemap.read(8 * ((end - start) // _PAGE)))
    return {offset // _PAGE + place for place, entry in enumerate(entries) if entry >> 61 & 0b101 == _PRESENT_OF_FILE}


def pids(*pools: WorkerPool) -> list[int]:
    """Return the processes of pools."""
    return [worker.pid for pool in pools for worker in pool.stats().workers if worker.pid is not None]


async def check(pool: WorkerPool, count: int, first: int) -> float:
    """Return the checks per second for different proofs."""
    began = time.perf_counter()
    batch = tasks(count, _FIRST + first)
    verdicts = await asyncio.gather(*(pool.check(task.theorem, Candidate(task.proof), PATIENT) for task in batch))
    for verdict, task in zip(verdicts, batch, strict=True):
        expect(verdict, task)
    return count / (time.perf_counter() - began)


async def workers(lean: EmbeddedLean, count: int, first: int, checks: int) -> dict[str, Any]:
    """Measure a pool of `count` workers, each making about `first` checks and then `checks`."""
    began = time.perf_counter()
    async with WorkerPool(lean, config(count)) as pool:
        await pool.ready()
        result: dict[str, Any] = {"seconds to the first ready": time.perf_counter() - began}
        while any(worker.state is not State.IDLE for worker in pool.stats().workers):  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0.02)
        result["fresh"] = weigh(pids(pool))
        result["first checks a second"] = await check(pool, first * count, 0)
        result["further checks a second"] = await check(pool, checks * count, first * count)
        result["worked"] = weigh(pids(pool))
    return result


async def quarantine(lean: EmbeddedLean, checks: int) -> dict[str, Any]:
    """Measure an elaborator and a judge."""
    async with WorkerPool(lean, config(1)) as pool:
        batch = tasks(checks, _FIRST)
        some = pool.canonical(batch[0].theorem)
        elaborator = await pool.elaborator(some)

        async def lend() -> WorkerPool:
            return elaborator

        inside = Quarantine(lend, pool.judges)
        began = time.perf_counter()
        for task in batch:
            expect(await inside.check(pool.canonical(task.theorem), Candidate(task.proof), PATIENT), task)
        result: dict[str, Any] = {"checks a second": checks / (time.perf_counter() - began)}
        judges = await pool.judges()
        result["worked"] = weigh(pids(elaborator, judges))
        result["judge"] = weigh(pids(judges))
        await inside.close()
    return result


async def measure(first: int, checks: int, turns: int, most: int) -> dict[str, Any]:
    """Return all figures, each the median of its turns."""
    ways: dict[str, EmbeddedLean] = {"mapped": EmbeddedLean(), "read": ReadingLean()}
    for lean in ways.values():  # images and compiled code are made before anything is measured
        await workers(lean, 1, first, checks)
        await quarantine(lean, checks)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, lean in ways.items():
            run: dict[str, Any] = {
                f"{count} workers": await workers(lean, count, first, checks) for count in range(1, most + 1)
            }
            run["elaborator and judge"] = await quarantine(lean, checks)
            runs[name].append(_flat(run))
    result: dict[str, Any] = {"first": first, "checks": checks, "turns": turns}
    for name, each in runs.items():
        of = result[name] = {key: round(statistics.median(run[key] for run in each), 2) for key in each[0]}
        one, all_of_them = (of[f"{count} workers, worked, together MiB"] for count in (1, most))
        of["each further worker, MiB"] = (all_of_them - one) / (most - 1)
        of["elaborator and judge / worker"] = round(of["elaborator and judge, worked, together MiB"] / one, 2)
    return result


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}, ") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def main() -> None:
    """Run the benchmark and report its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=300)
    parser.add_argument("--first", type=int, default=40, help="first checks of each worker, before those")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--most", type=int, default=3, help="workers in the largest group, at least 2")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = asyncio.run(measure(options.first, options.checks, options.turns, options.most))
    show(result, Console())
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
