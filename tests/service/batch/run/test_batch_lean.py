"""`leansieve batch`, as processes that are killed, with Lean of their own."""

import asyncio
import json
import re
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import commands

pytestmark = [pytest.mark.lean, pytest.mark.timeout(900)]

COUNT = 40
running = partial(commands.running, LEANSIEVE_BATCHES__LEASE_SECONDS="2")


async def finished(*arguments: str | Path, status: int = 0) -> tuple[str, str]:
    async with running(*arguments) as process:
        out, err = await process.communicate()
    assert process.returncode == status, err.decode()
    return out.decode(), err.decode()


def items(path: Path) -> Path:
    rows = [{"id": n, "statement": f"theorem t{n} (a b : Nat) : a + b + {n} = {n} + (b + a)"} for n in range(COUNT)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def results(out: Path) -> list[dict[str, Any]]:
    path = out / "results.jsonl"
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith(b"\n")]


async def until_answered(out: Path, count: int) -> None:
    async with asyncio.timeout(300):
        while len(results(out)) < count:  # noqa: ASYNC110, the process tells nobody
            await asyncio.sleep(0.05)


async def until_connected(process: commands.Running) -> None:
    async with asyncio.timeout(60):
        while not any(link.status == psutil.CONN_ESTABLISHED for link in psutil.Process(process.pid).net_connections()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def each_once(out: Path) -> None:
    assert Counter(row["id"] for row in results(out)) == Counter(range(COUNT))
    assert {row["outcome"] for row in results(out)} == {"proved"}
    report = json.loads((out / "report.json").read_text())
    assert (report["state"], report["items"], report["answered"], report["solved"]) == ("done", COUNT, COUNT, COUNT)


async def test_a_batch_in_this_process_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    source, out = items(tmp_path / "in.jsonl"), tmp_path / "out"
    command = ("batch", source, "--out", out, "--workers", "1")
    for life in (1, 2):
        async with running(*command) as process:
            await until_answered(out, 6 * life)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        assert len(results(out)) < COUNT
    said, _ = await finished(*command)
    assert said.startswith(f"batch: {COUNT} of {COUNT} theorems proved")
    each_once(out)
    said, _ = await finished(*command)  # nothing is left to do: no Lean is started
    assert said.startswith(f"batch: {COUNT} of {COUNT} theorems proved")
    _, complaint = await finished(*command, "--samples", "9", status=2)
    assert "holds a batch with another samples" in complaint


async def test_a_batch_survives_that_client_and_server_are_killed(tmp_path: Path) -> None:
    source, out = items(tmp_path / "in.jsonl"), tmp_path / "out"
    store = tmp_path / "store.sqlite"
    async with running(
        "serve", "--listen", "127.0.0.1:0", "--metrics", "", "--workers", "1", "--store", store
    ) as server:
        address = (await server.stdout.readline()).decode().split()[-1]
        command = ("batch", source, "--out", out, "--server", address)
        async with running(*command) as client:
            await until_answered(out, 6)
            server.send_signal(signal.SIGSTOP)  # else it has done everything before the second client is up
            client.send_signal(signal.SIGKILL)
            await client.wait()
        seen = len(results(out))
        async with running(*command) as client:
            await until_connected(client)
            server.send_signal(signal.SIGCONT)
            await until_answered(out, seen + 2)
            server.send_signal(signal.SIGKILL)
            await server.wait()
            again = ("serve", "--listen", address, "--metrics", "", "--workers", "1", "--store", store)
            async with running(*again):
                out_text, complaint = await asyncio.wait_for(client.communicate(), 300)
    assert client.returncode == 0, complaint
    assert f"{COUNT} of {COUNT} theorems proved".encode() in out_text
    assert b"waiting for it" in complaint
    assert b"going on" in complaint
    each_once(out)


async def test_every_hole_of_a_folder_is_filled_and_what_is_left_is_told(tmp_path: Path) -> None:
    folder, out = tmp_path / "src", tmp_path / "out"
    folder.mkdir()
    (folder / "A.lean").write_text(
        'notation "ℕ" => Nat\n\n'
        "theorem whole (n : ℕ) : 0 + n = n := by\n  -- a remark\n  sorry\n\n"
        "theorem inner (n : ℕ) : 0 + n = n ∧ n = n := by\n  constructor\n  · sorry\n  · sorry\n\n"
        "def positive (n : ℕ) : { m : ℕ // n < m } := ⟨n + 1, by sorry⟩\n\n"
        "def data : ℕ := sorry\n"
    )
    (folder / "Odd.lean").write_text("import ../x\n")
    command = ("batch", folder, "--out", out, "--workers", "1", "--samples", "20", "--seconds", "60", "--write")
    said, remarks = await finished(*command, "--strategy", "independent", status=1)
    assert said.startswith("batch: 4 of 6 theorems proved, 6 answered")
    assert f"wrote {folder / 'A.lean'}" in remarks
    text = (folder / "A.lean").read_text()
    assert text.startswith('notation "ℕ" => Nat\n\ntheorem whole (n : ℕ) : 0 + n = n := by\n  -- a remark\n  ')
    assert text.count("sorry") == 1
    assert text.endswith("def data : ℕ := sorry\n")
    rows = {row["id"]: row for row in results(out)}
    assert rows["A.lean:9:4:inner"]["outcome"] == rows["A.lean:12:56:positive"]["outcome"] == "proved"
    assert rows["A.lean:14:16:data"]["outcome"] == "unproved"
    report = (out / "report.html").read_text()
    assert all(place in report for place in ("A.lean:14:16:data", "Odd.lean", "header line 1"))


async def test_what_a_batch_writes_is_what_was_preferred_and_minimised(tmp_path: Path) -> None:
    path, out = tmp_path / "A.lean", tmp_path / "out"
    path.write_text("theorem root : ∃ n : Nat, n * n = 49 := by sorry\n")
    command = ("batch", path, "--out", out, "--workers", "1", "--samples", "64", "--seconds", "60", "--write")
    await finished(*command, "--strategy", "independent", "--prefer", "shortest", "--minimise")
    statement, _, proof = path.read_text().partition(" := ")
    assert statement == "theorem root : ∃ n : Nat, n * n = 49"
    assert "7" in proof
    assert all(word not in proof for word in ("sorry", "first", "8"))  # the numbers that were tried first
    said, remarks = await finished(*command, "--strategy", "independent", "--prefer", "shortest", "--minimise")
    assert said.startswith("batch: 1 of 1 theorems proved")
    assert f"{path} has no hole left" in remarks


async def test_a_hole_that_is_gone_when_its_turn_comes_is_told(tmp_path: Path) -> None:
    path, out = tmp_path / "A.lean", tmp_path / "out"
    inner = "theorem inner : 1 = 1 ∧ 2 = 2 := by\n  constructor\n  · rfl\n  · sorry\n"
    many = "".join(f"theorem t{n} (a : Nat) : a + {n} = {n} + a := by sorry\n" for n in range(8))
    path.write_text(many + inner)
    async with running("batch", path, "--out", out, "--workers", "1") as process:
        await until_answered(out, 1)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    path.write_text(many + inner.replace("sorry", "rfl"))
    said, _ = await finished("batch", path, "--out", out, "--workers", "1", status=1)
    assert said.startswith("batch: 8 of 9 theorems proved, 9 answered")
    (row,) = [row for row in results(out) if row["id"] == "A.lean:12:4:inner"]
    assert (row["outcome"], row["error"]) == (
        "refused",
        "it no longer exists, or has changed since the batch began",
    )


async def test_theorems_of_a_library_are_proved_without_themselves(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("batch", "--library", "Init.Data.Option.Instances", "--out", out, "--workers", "1", "--seconds", "4")
    said, _ = await finished(*command, status=1)  # not all of them are found
    match = re.match(r"batch: (\d+) of (\d+) theorems proved", said)
    assert match is not None, said
    assert 0 < int(match[1]) < int(match[2])
    for row in results(out):
        assert row["family"] == "Init.Data.Option.Instances"
        assert all(str(row["id"]) not in proof["proof"] for proof in row["proofs"])


async def test_a_batch_is_cancelled_and_keeps_what_it_has(tmp_path: Path) -> None:
    source, out = items(tmp_path / "in.jsonl"), tmp_path / "out"
    command = ("batch", source, "--out", out, "--workers", "1")
    async with running(*command) as process:
        await until_answered(out, 2)
        process.send_signal(signal.SIGTERM)
        _, remarks = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 130
    assert (
        re.search(rf"interrupted after \d+ of {COUNT} answers; the same command resumes", remarks.decode()) is not None
    )
    assert json.loads((out / "report.json").read_text())["state"] == "interrupted"
    seen = len(results(out))
    _, remarks = await finished(*command, "--cancel")
    assert "1 of 1 batches were cancelled" in remarks
    assert len(results(out)) == seen
    _, complaint = await finished(*command, status=2)
    assert "this batch was cancelled" in complaint
