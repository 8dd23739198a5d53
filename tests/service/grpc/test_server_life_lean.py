"""The life of a server process with a real Lean: workers that are lost and come back, settings read again, the drain."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from prover.options import Budget, SearchOptions
from prover.requests import Search, UnavailableError
from prover.search.search import Progress
from prover.theorem import Theorem
from service.client.client import Client
from service.ops.config import Settings
from tests.support.commands import Running, running
from tests.support.ports import free_port
from tests.support.stubs import SEARCH_SERVICE

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

FALSE = Theorem("theorem wrong (a b : Nat) : a + b = b + a + 1")
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@contextlib.asynccontextmanager
async def serving(config: Path, metrics: int) -> AsyncIterator[tuple[Running, str]]:
    """A server with one worker, and its address."""
    arguments = ["serve", "--listen", "127.0.0.1:0", "--metrics", f"127.0.0.1:{metrics}", "--workers", "1"]
    async with running(*arguments, "--config", config, LEANSIEVE_STORE__URL="none") as process:
        yield process, (await process.stdout.readline()).decode().split()[-1]


def sample(metrics: str, name: str, **labels: str) -> float:
    found = [
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert found, name
    return sum(found)


async def test_a_server_notices_lost_workers_reads_settings_again_and_drains(tmp_path: Path) -> None:
    config, port = tmp_path / "config.toml", free_port()
    config.write_text("[server]\nunhealthy_seconds = 0.1\ndrain_seconds = 0.1\n[log]\nlevel = 'info'\n")
    async with serving(config, port) as (process, address), httpx.AsyncClient() as http:
        page = f"http://127.0.0.1:{port}"
        async with Client(address, Settings()) as client, grpc.aio.insecure_channel(address) as channel:
            # 1. Ready is who has checked a proof.
            assert (await http.get(f"{page}/readyz")).status_code == 503
            await client.ready(300)
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=SEARCH_SERVICE))  # type: ignore[no-untyped-call]
            assert (await watch.read()).status == SERVING
            assert (await http.get(f"{page}/readyz")).status_code == 200

            # 2. Without a worker nothing can be proved; with a new one, a proof is checked before anyone is told.
            before = sample((await http.get(f"{page}/metrics")).text, "leansieve_checks_total", verdict="verified")
            for worker in psutil.Process(process.pid).children():
                worker.kill()
            assert (await watch.read()).status == NOT_SERVING
            assert (await http.get(f"{page}/readyz")).status_code == 503
            assert (await watch.read()).status == SERVING
            metrics = (await http.get(f"{page}/metrics")).text
            assert sample(metrics, "leansieve_checks_total", verdict="verified") == before + 1
            assert sample(metrics, "leansieve_worker_ends_total", reason="outside") == 1
            assert sample(metrics, "leansieve_ready") == 1

            # 3. SIGHUP takes another level of the log over.
            config.write_text(config.read_text().replace("info", "debug") + "[search]\nproofs = 2\n")
            process.send_signal(signal.SIGHUP)
            event = await logged(process.stderr, "settings were read again")
            assert event["log_level"] == "debug"
            assert event["changed_but_need_a_restart"] == ["search"]
            config.write_text("nonsense")
            process.send_signal(signal.SIGHUP)
            assert "nonsense" not in str(await logged(process.stderr, "the settings cannot be read again"))

            # 4. A search that the drain does not wait for is told to come back.
            searching = client.prove(Search(FALSE, SearchOptions(Budget(samples=10_000, seconds=120))))
            while not isinstance(await anext(searching), Progress):
                pass
            workers = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGTERM)
            assert (await watch.read()).status == NOT_SERVING
            with pytest.raises(UnavailableError, match="send the request again") as caught:
                async for _ in searching:
                    pass
            assert caught.value.seconds == 1.0
        _, rest = await process.communicate()
        assert process.returncode == 0, rest.decode()
        _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 10)
        assert not alive


async def logged(stream: asyncio.StreamReader, text: str) -> dict[str, object]:
    """The next event of the log that says so."""
    async with asyncio.timeout(60):
        while line := await stream.readline():
            if text in line.decode():
                event: dict[str, object] = json.loads(line)
                return event
    raise AssertionError(f"the log does not say: {text}")
