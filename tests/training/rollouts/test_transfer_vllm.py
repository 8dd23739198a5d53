"""vLLM's own trainer side of a weight transfer, to hosts of this process. NCCL alone is emulated: no machine here has GPUs."""

import importlib.util
import queue
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from training.rollouts.hosts.host import HostSettings, SamplerHost
from training.rollouts.hosts.members import Member, SamplersLostError
from training.rollouts.hosts.transfer import WeightTransfer

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(300),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

CHANNEL: "queue.Queue[list[tuple[str, Tensor]]]" = queue.Queue()


class EmulatedEngine:
    """An engine whose worker takes tensors from `CHANNEL`, after the calls that a real one takes in this order."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.rank = 0
        self.weights: dict[str, Tensor] = {}

    def transfer(self, method: str, arguments: dict[str, Any]) -> None:
        self.calls.append(method)
        if method == "init_weight_transfer_engine":
            info = arguments["init_info"]
            self.rank = info["rank_offset"]
            assert info["world_size"] == 1 + len(ENGINES)
        if method == "update_weights":
            received = CHANNEL.get(timeout=30)
            info = arguments["update_info"]
            assert [name for name, _ in received] == info["names"]
            assert [list(tensor.shape) for _, tensor in received] == info["shapes"]
            assert [str(tensor.dtype) for _, tensor in received] == [f"torch.{name}" for name in info["dtype_names"]]
            self.weights = dict(received)


ENGINES: list[EmulatedEngine] = []


@dataclass
class Local:
    """A host of this process as an actor."""

    host: SamplerHost

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace(remote=getattr(self.host, name))


class Ray:
    @staticmethod
    def get(answers: Any) -> Any:
        return answers


def hosts(count: int) -> list[Member]:
    ENGINES[:] = [EmulatedEngine() for _ in range(count)]
    found = []
    for engine in ENGINES:
        host = SamplerHost(HostSettings(None, 64, 8, 0.4, None, (), 1))
        host._engine = engine  # type: ignore[assignment]
        found.append(Member(Local(host), 0.0))
    return found


@pytest.fixture(autouse=True)
def emulated_nccl(monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm.distributed.weight_transfer import nccl_engine

    def broadcast(self: Any, source: Any, meta: Any) -> None:
        for _ in ENGINES:
            CHANNEL.put(list(self._checked_iter(source, meta)))

    monkeypatch.setattr(nccl_engine, "open_trainer_endpoint", lambda info: None)
    monkeypatch.setattr(nccl_engine.NCCLTrainerWeightTransferEngine, "_broadcast", broadcast)


def test_every_host_gets_each_push_and_a_rank_of_its_own() -> None:
    members = hosts(2)
    transfer = WeightTransfer(Ray, "127.0.0.1")
    for version, scale in ((2, 1.0), (3, 5.0)):
        tensors = {"a": torch.full((2, 3), scale), "b": torch.full((4,), scale, dtype=torch.bfloat16)}
        transfer.send(members, tensors, version)
        for member, engine in zip(members, ENGINES, strict=True):
            assert engine.weights.keys() == tensors.keys()
            assert all(engine.weights[name].equal(tensor) for name, tensor in tensors.items())
            assert member.actor.host._version == version
    assert [engine.rank for engine in ENGINES] == [1, 2]
    update = ["start_weight_update", "update_weights", "finish_weight_update"]
    assert ENGINES[0].calls == ["init_weight_transfer_engine", *update, *update]
    # Other hosts: a group of their own.
    others = hosts(1)
    transfer.send(others, {"a": torch.ones(1)}, 4)
    assert ENGINES[0].calls == ["shutdown_weight_transfer_engine", "init_weight_transfer_engine", *update]


def test_a_transfer_that_waits_for_ever_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    members = hosts(1)
    monkeypatch.setattr("training.rollouts.hosts.transfer._SECONDS", 0.2)
    done = queue.Queue[None]()
    monkeypatch.setattr(ENGINES[0], "transfer", lambda method, arguments: done.get(timeout=30))
    with pytest.raises(SamplersLostError, match=r"the weights did not reach the hosts that sample within 0\.2 s"):
        WeightTransfer(Ray, "127.0.0.1").send(members, {"a": torch.ones(1)}, 2)
    for _ in range(5):
        done.put(None)


def test_what_a_host_raises_is_raised(tmp_path: Path) -> None:
    members = hosts(1)
    ENGINES[0].transfer = lambda method, arguments: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    with pytest.raises(ZeroDivisionError):
        WeightTransfer(Ray, "127.0.0.1").send(members, {"a": torch.ones(1)}, 2)
