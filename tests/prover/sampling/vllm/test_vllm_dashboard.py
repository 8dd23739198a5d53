"""What the dashboard shows of vLLM is what vLLM tells."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from prover.sampling.sampler import SamplingParams
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.theorem import Theorem

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(600),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


async def test_every_vllm_metric_of_the_dashboard_is_served_with_the_models_name(sampler: VllmEngineSampler) -> None:
    board = (Path(__file__).parents[4] / "deploy" / "grafana" / "leansieve.json").read_text()
    queries = [target["expr"] for panel in json.loads(board)["panels"] for target in panel.get("targets", [])]
    wanted = {name for query in queries for name in re.findall(r"vllm:\w+", query)}
    assert len(wanted) >= 4
    async for _ in sampler.sample(Theorem("theorem a : True"), SamplingParams(samples=2, max_tokens=4)):
        pass
    served = {sample.name for metric in sampler.collect() for sample in metric.samples if "model_name" in sample.labels}
    assert wanted <= served
