"""Complete processes with their own Lean: their children end with them."""

import asyncio
import json
import signal
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from prover.candidate import Candidate
from prover.options import Budget, SearchOptions
from prover.requests import Check, Search, UnavailableError
from prover.search.search import Finished, Progress
from prover.theorem import Theorem
from service.client.client import Client
from service.ops.config import Settings
from tests.support.commands import Running, running
from tests.support.stubs import SEARCH_SERVICE

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

ONE = ("--workers", "1")
FALSE = Theorem("theorem wrong (a b : Nat) : a + b = b + a + 1")


def family(process: Running) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


async def gone(processes: list[psutil.Process]) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, 10)
    assert not alive


async def test_a_server_is_ready_once_a_proof_was_checked_and_drains_at_sigterm() -> None:
    async with running("serve", "--listen", "127.0.0.1:0", *ONE) as process:
        address = (await process.stdout.readline()).decode().split()[-1]
        async with Client(address, Settings()) as client, grpc.aio.insecure_channel(address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=SEARCH_SERVICE)
            state = health_pb2.HealthCheckResponse
            assert (await health.Check(request)).status == state.NOT_SERVING
            await client.ready(300)
            assert (await health.Check(request)).status == state.SERVING
            # A search is in work when the signal comes: it is answered, and no further one is let in.
            searching = client.prove(
                Search(FALSE, SearchOptions(Budget(samples=12, seconds=60), strategy="independent"))
            )
            while not isinstance(await anext(searching), Progress):
                pass
            workers = family(process)
            assert workers
            watch = health.Watch(request)
            assert (await watch.read()).status == state.SERVING
            process.send_signal(signal.SIGTERM)
            assert (await watch.read()).status == state.NOT_SERVING
            events = [event async for event in searching]
            assert isinstance(events[-1], Finished)
            assert events[-1].spent.checked == 12
            with pytest.raises(UnavailableError):
                await client.check(Check(FALSE, Candidate("rfl")))
        _, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        await gone(workers)
        # Nothing of a theorem's text is logged.
        assert b"draining" in err
        assert FALSE.digest.encode() in err
        assert b"wrong" not in err


async def test_a_second_signal_does_not_wait() -> None:
    async with running("serve", "--listen", "127.0.0.1:0", *ONE) as process:
        address = (await process.stdout.readline()).decode().split()[-1]
        async with Client(address, Settings()) as client:
            await client.ready(300)
            searching = client.prove(Search(FALSE, SearchOptions(Budget(samples=1000, seconds=120))))
            while not isinstance(await anext(searching), Progress):
                pass
            workers = family(process)
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.3)
            assert process.returncode is None
            process.send_signal(signal.SIGINT)
            with pytest.raises(UnavailableError):
                async for _ in searching:
                    pass
        assert await process.wait() == 0
        await gone(workers)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_batch_leaves_nothing_and_is_resumed(tmp_path: Path, number: signal.Signals) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    items = [{"id": n, "statement": f"theorem a : {n} + 1 = {n + 1}", "proof": "by omega"} for n in range(40)]
    source.write_text("".join(json.dumps(item) + "\n" for item in items))
    async with running("check", "--jsonl", source, "--out", out, *ONE) as process:
        while not (out.exists() and out.read_bytes().count(b"\n") >= 3):
            assert process.returncode is None
            await asyncio.sleep(0.05)
        workers = family(process)
        process.send_signal(number)
        _, err = await process.communicate()
        assert process.returncode == 130
        assert err.decode().startswith("check: ")
        await gone(workers)
    answered = out.read_bytes().count(b"\n")
    assert answered < 40
    async with running("check", "--jsonl", source, "--out", out, *ONE) as process:
        _, err = await process.communicate()
    assert process.returncode == 0
    assert f"{answered} answered by an earlier run" in err.decode()
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(row["id"] for row in rows) == list(range(40))
    assert {row["verdict"] for row in rows} == {"VERIFIED"}


async def test_the_demo_proves_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.lean").write_text("import Std\ntheorem a (x y : Nat) : x + y = y + x := by sorry\n")
    async with running("demo", tmp_path, *ONE) as process:
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert "✓ a.lean:2 a (" in out.decode()
    assert "KERNEL_REPLAYED" in out.decode()
    assert out.decode().endswith("1 of 1 theorems proved; no process is left\n")


async def test_the_demo_fails_if_a_theorem_is_not_proved(tmp_path: Path) -> None:
    (tmp_path / "a.lean").write_text("import Std\ntheorem a (x : Nat) : x + 1 = x := by sorry\n")
    async with running("demo", "--no-model", tmp_path, *ONE, LEANSIEVE_SEARCH__SECONDS="3") as process:
        out, _ = await process.communicate()
    assert process.returncode == 1
    assert "✗ a.lean:2 a: time is over" in out.decode()
