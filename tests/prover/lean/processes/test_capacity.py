"""The number of workers for a machine or container."""

from pathlib import Path

import psutil
import pytest

from prover.lean.processes import capacity


def test_container_limits_count(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text(f"{2 << 30}\n")
    (tmp_path / "memory.current").write_text(f"{1 << 30}\n")
    (tmp_path / "memory.stat").write_text(f"anon 5\nactive_file {100 << 20}\ninactive_file {200 << 20}\n")
    assert capacity.cores(tmp_path) == 1
    assert capacity.free_memory(tmp_path) == min(psutil.virtual_memory().available, (1 << 30) + (300 << 20))


@pytest.mark.parametrize("limit", [None, "max\n"])
def test_without_container_limits_the_machine_counts(tmp_path: Path, limit: str | None) -> None:
    if limit:
        (tmp_path / "memory.max").write_text(limit)
        (tmp_path / "cpu.max").write_text("max 100000\n")
    assert capacity.cores(tmp_path) >= 1
    assert capacity.free_memory(tmp_path) > 100 << 20


@pytest.mark.parametrize(
    ("free", "processors", "expected"),
    [(1, 8, (1, 0)), (4, 8, (1, 0)), (5, 8, (2, 0)), (100, 2, (2, 1)), (7, 2, (2, 1)), (6, 2, (2, 0))],
)
def test_memory_then_processors_bound_the_workers(
    monkeypatch: pytest.MonkeyPatch, free: int, processors: int, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(capacity, "free_memory", lambda: free << 30)
    monkeypatch.setattr(capacity, "cores", lambda: processors)
    assert capacity.worker_count(2 << 30, 2 << 30) == expected


@pytest.mark.parametrize(("free", "expected"), [(1, (1, 0)), (3, (1, 0)), (4, (3, 0)), (5, (4, 1)), (100, (4, 1))])
def test_workers_that_share_memory_are_more(
    monkeypatch: pytest.MonkeyPatch, free: int, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(capacity, "free_memory", lambda: free << 30)
    monkeypatch.setattr(capacity, "cores", lambda: 4)
    assert capacity.worker_count(5 << 29, 1 << 29) == expected
