"""A real Prometheus scrapes a real server, loads the rules, and answers every query of the dashboard.

test_prometheus_vllm.py tests those of vLLM's own metrics with an engine.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme
from pydantic import SecretStr

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, SearchOptions
from prover.requests import Check, Search
from prover.store.database import Database
from prover.theorem import Theorem
from service.batch.work import Figures
from service.client.address import Address
from service.client.client import Client
from service.core.engine import Engine
from service.ops.config import HttpSettings, SecuritySettings, ServerSettings, Settings, StoreSettings
from service.ops.health import readiness
from service.ops.metrics import http
from service.ops.metrics.collector import ProcessCollector, ServerCollector
from service.ops.metrics.operations import CertificateCollector, StoreCollector
from service.ops.metrics.recorder import Recorder
from service.server import listening
from tests.support.programs.prometheus import needs_prometheus, panels, query, scraping, without_data

pytestmark = [
    pytest.mark.lean,
    pytest.mark.timeout(600),
    needs_prometheus,
]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
OF_MODELS = {"leansieve_vllm_server_healthy", "leansieve_vllm_server_running"}


@contextlib.asynccontextmanager
async def worked_on(pool: WorkerPool, folder: Path) -> AsyncIterator[int]:
    """A server with data for every metric: verdicts, searches, HTTP. Yields the port of its metrics."""
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0"),
        http=HttpSettings(listen="127.0.0.1:0"),
        store=StoreSettings(url=SecretStr("none")),
    )
    recorder, urls = Recorder(), list[str]()
    engine = Engine(settings, pool, recorder=recorder)
    await engine.start()
    async with listening(engine, settings, asyncio.Event(), recorder, None, urls.append) as (address, state):
        await state.report(serving=True)
        recorder.registry.register(ServerCollector(engine, state))
        recorder.registry.register(ProcessCollector())
        with contextlib.closing(Database.open(str(folder / "store.sqlite"))) as database:
            recorder.registry.register(StoreCollector(database, Figures()))
        (folder / "tls.crt").write_bytes(trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes())
        security = SecuritySettings(certificate=folder / "tls.crt", key=folder / "tls.key")
        recorder.registry.register(CertificateCollector(security))
        async with Client(address, settings) as client:
            swap = Theorem("theorem swap (a b : Nat) : a + b = b + a")
            for proof in ("by omega", "by rfl"):
                await client.check(Check(swap, Candidate(proof)))
            async for _ in client.prove(Search(swap, SearchOptions(Budget(samples=8, proofs=2, seconds=60)))):
                pass
            async with httpx.AsyncClient(base_url=urls[0]) as web:
                assert (await web.post("/v1/get-server-info", json={})).is_success
            tallies, checks = recorder.connections("metrics"), readiness(settings.server, state, None)
            with http.serving(Address("127.0.0.1", 0), recorder.registry, checks, tallies) as port:
                yield port
    await engine.close()


async def test_prometheus_answers_every_panel_and_every_rule(tmp_path: Path, lean_pool: WorkerPool) -> None:
    async with worked_on(lean_pool, tmp_path) as port, scraping(tmp_path, "leansieve_ready", port) as prometheus:
        # 1. The scraped page is well-formed for Prometheus, and contains no text of requests.
        async with httpx.AsyncClient() as server:
            page = await server.get(f"http://127.0.0.1:{port}/metrics")
        linter = await asyncio.create_subprocess_exec(
            "promtool", "check", "metrics", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, complaints = await linter.communicate(page.content)
        # Neither are the names of prometheus_client's own collectors ours, nor those of vLLM, if this process has started it.
        foreign = ("python_", "process_", "vllm:")
        assert [line for line in complaints.decode().splitlines() if not line.startswith(foreign)] == []
        assert "swap" not in page.text
        # The manual names every metric of ours, and no other.
        shown = {name for name in re.findall(r"^# TYPE (\S+)", page.text, re.M) if not name.endswith("_created")}
        ours = {name for name in shown if name.startswith(("leansieve_", "grpc_server_"))}
        manual = (ROOT / "docs" / "operations.md").read_text()
        table = manual[manual.index("## Metrics") : manual.index("## Logs")]
        named = set(re.findall(r"`((?:leansieve|grpc_server)_\w+)", table))
        assert ours - named == set()
        assert named - ours == OF_MODELS
        # Calls over HTTP do not count as gRPC calls.
        assert 'leansieve_http_handled_total{code="OK",method="GetServerInfo"} 1.0' in page.text
        assert 'grpc_method="GetServerInfo"' not in page.text

        # 2. Each query of the dashboard has an answer with the labels of its legend.
        wanted = [
            panel for panel in panels() if not re.search(r"vllm\[|leansieve_host_|leansieve_model_replica", panel[1])
        ]
        assert await without_data(prometheus, ".*", wanted) == []

        # 3. The rules are evaluated without an error; no alert fires for a healthy server.
        groups = (await prometheus.get("/api/v1/rules")).json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) >= 20
        assert [rule["name"] for rule in rules if rule.get("lastError")] == []
        assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []
        recorded = [rule["name"] for rule in rules if rule["type"] == "recording"]
        assert [name for name in recorded if not await query(prometheus, name)] == []
