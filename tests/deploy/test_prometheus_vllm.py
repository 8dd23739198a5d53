"""The dashboard's queries about vLLM, answered by a real Prometheus that scrapes a real engine."""

import importlib.util
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from prover.sampling.sampler import SamplingParams
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.theorem import Theorem
from service.client.address import Address
from service.ops.metrics import http
from service.ops.metrics.recorder import Recorder
from tests.support.ports import free_port
from tests.support.programs.prometheus import needs_prometheus, panels, query, scraping, without_data

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
    needs_prometheus,
]


async def test_every_panel_of_vllm_has_data_under_either_spelling_of_the_names(
    sampler: VllmEngineSampler, tmp_path: Path
) -> None:
    """Prometheus 2 asks for OpenMetrics: prometheus_client then writes `_` for the `:` in vLLM's names, we do not."""
    async for _ in sampler.sample(Theorem("theorem a : True"), SamplingParams(samples=2, max_tokens=4)):
        pass
    registry = CollectorRegistry()
    registry.register(sampler)
    foreign = free_port()
    server, thread = start_http_server(foreign, "127.0.0.1", registry)
    wanted = [panel for panel in panels() if "vllm[" in panel[1]]
    assert len(wanted) >= 4
    tallies = Recorder().connections("metrics")
    with http.serving(Address("127.0.0.1", 0), registry, {}, tallies) as own:
        async with scraping(tmp_path, '{__name__=~"vllm[:_]num_requests_running"}', own, foreign) as prometheus:
            for port in (own, foreign):
                assert await without_data(prometheus, f"127.0.0.1:{port}", wanted) == []
            names = {one["metric"]["instance"]: one["metric"]["__name__"] for one in await query(
                prometheus, '{__name__=~"vllm[:_]generation_tokens_total"}'
            )}  # fmt: skip
    server.shutdown()
    thread.join()
    server.server_close()
    assert names == {
        f"127.0.0.1:{own}": "vllm:generation_tokens_total",
        f"127.0.0.1:{foreign}": "vllm_generation_tokens_total",
    }
