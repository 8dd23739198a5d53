"""Replicas of a model in metrics and GetServerInfo; and invalid settings of replicas."""

from typing import Any

import pytest

from leansieve.v1 import server_pb2
from prover.errors import UserError
from prover.sampling.sampler import ReplicaStatus
from service.contract.messages import info
from service.core.engine import Engine
from service.core.resources.models import Models
from service.ops.config import LeanSettings, ModelSettings, Settings
from service.ops.health import Health
from service.ops.metrics.collector import ServerCollector

REPLICAS = (ReplicaStatus("one", True, 3), ReplicaStatus("", False, 0, "no host of the cluster has room for it"))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine(Settings(model=ModelSettings.model_validate({"path": "shipped"})))
    sampler = type(engine.models.sampler)
    monkeypatch.setattr(sampler, "models", property(lambda _: ("base", "alpha-0.25")))
    monkeypatch.setattr(sampler, "replicas", property(lambda _: {"base": REPLICAS}))
    return engine


async def test_a_server_says_which_replica_is_missing_and_why(engine: Engine) -> None:
    said = await engine.info()
    assert [model.replicas for model in said.models] == [REPLICAS, ()]
    wire = server_pb2.GetServerInfoResponse.FromString(info.to_proto(said).SerializeToString())
    assert info.from_proto(wire, said.default).models == said.models


def test_metrics_tell_replicas_apart(engine: Engine) -> None:
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in ServerCollector(engine, Health()).collect()
        for sample in family.samples
        if sample.name.startswith("leansieve_model_replica")
    }
    assert samples == {
        ("leansieve_model_replica_up", "base", "0"): 1,
        ("leansieve_model_replica_up", "base", "1"): 0,
        ("leansieve_model_replica_running", "base", "0"): 3,
        ("leansieve_model_replica_running", "base", "1"): 0,
    }


@pytest.mark.parametrize(
    ("model", "lean", "said"),
    [
        ({"path": "shipped", "cluster": {"replicas": 2}}, {}, "needs a cluster: set model.cluster.address"),
        ({"cluster": {"replicas": 2, "address": "auto"}}, {}, "of the weights in model.path"),
        (
            {"path": "shipped", "cluster": {"replicas": 2, "address": "a:1"}},
            {"cluster": "b:1"},
            "a process joins one cluster: lean.cluster is b:1",
        ),
        ({"path": "shipped", "cluster": {"of": {"base": 2}}}, {}, "model.cluster.of needs model.cluster.replicas"),
        (
            {"path": "shipped", "cluster": {"replicas": 1, "address": "auto", "of": {"bas": 2}}},
            {},
            r"model.cluster.of names bas, and .* has base, alpha-0.25, alpha-0.999",
        ),
    ],
)
def test_settings_of_replicas_that_do_not_fit_are_one_sentence(
    model: dict[str, Any], lean: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        Models(ModelSettings.model_validate(model), LeanSettings.model_validate(lean))
