"""Hosts of a cluster in metrics and GetServerInfo."""

import pytest

from leansieve.v1 import server_pb2
from prover.lean.workers.stats import HostStats, PoolStats
from prover.requests import HostInfo
from service.contract.messages import info
from service.core.engine import Engine
from service.ops.config import Settings
from service.ops.health import Health
from service.ops.metrics.collector import ServerCollector

STATS = PoolStats(
    (),
    0,
    {},
    0,
    {},
    0,
    0,
    (HostStats("one", 2, 2, 3, 40), HostStats("two", 0, 2, 0, 7, "no memory here")),
    1,
    {"agreed": 5, "disagreed": 1, "undecided": 0},
)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine(Settings())
    monkeypatch.setattr(engine.pool, "stats", lambda: STATS)
    return engine


def test_metrics_tell_hosts_apart(engine: Engine) -> None:
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in ServerCollector(engine, Health()).collect()
        for sample in family.samples
    }
    assert (samples["leansieve_host_workers", "one"], samples["leansieve_host_workers", "two"]) == (2, 0)
    assert samples["leansieve_host_questions", "one"] == 3
    assert samples["leansieve_host_answers_total", "two"] == 7
    assert samples["leansieve_hosts_lost_total",] == 1
    assert samples["leansieve_host_rechecks_total", "disagreed"] == 1


async def test_a_server_says_which_host_is_degraded_and_why(engine: Engine) -> None:
    said = await engine.info()
    assert said.hosts == (HostInfo("one", 2, 2, 3), HostInfo("two", 2, 0, 0, "no memory here"))
    wire = server_pb2.GetServerInfoResponse.FromString(info.to_proto(said).SerializeToString())
    assert info.from_proto(wire, said.default).hosts == said.hosts
