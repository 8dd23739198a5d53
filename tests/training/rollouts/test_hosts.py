"""Hosts of a real Ray cluster on loopback that sample, really killed and stopped; a scripted engine (scripted_host.py)."""

import os
import re
import signal
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import safetensors.torch
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.lean.cluster.ray.local import LocalCluster, local_cluster
from prover.sampling.sampler import SamplerUnavailableError
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from tests.training.rollouts.scripted_host import Script, answer
from training.rollouts.hosts import members
from training.rollouts.hosts.engine import ClusterEngine, SamplingPlace
from training.rollouts.hosts.host import HostSettings
from training.rollouts.hosts.members import Member, SamplersLostError
from training.rollouts.requests import Response, RolloutRequest, SamplingStoppedError

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(300)

REQUESTS = [RolloutRequest((number, 7), 1000 + number, 5) for number in range(40)]


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hosts' folder for temporary files."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def cluster(temporary: Path) -> Iterator[LocalCluster]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TMPDIR", str(temporary))
        (temporary / "ray").mkdir()  # else Ray does not start
        with local_cluster(hosts=2) as cluster:
            yield cluster


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


@pytest.fixture
def model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return tiny_model(tokenizer, 0)


Start = Callable[..., ClusterEngine]


@pytest.fixture
def start(cluster: LocalCluster, tmp_path: Path, temporary: Path) -> Iterator[Start]:
    """Makes an engine on the hosts; it ends with the test, and nothing of it is left."""
    engines: list[ClusterEngine] = []
    (tmp_path / "up").mkdir()

    def start(script: Script, hosts: int = 2, parts: int = 4, base: Path | None = None, **more: Any) -> ClusterEngine:
        settings = HostSettings(base, 64, 8, 0.4, None, (), 1)
        place = SamplingPlace(cluster.address, None, hosts)
        more = {"report": lambda line: None, **more}
        engines.append(ClusterEngine(place, settings, tmp_path / "pushed", parts, make_engine=script, **more))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()
    processes = [int(path.name) for path in (tmp_path / "up").iterdir()]

    def left() -> list[object]:
        return [*filter(psutil.pid_exists, processes), *temporary.glob("leansieve-*")]

    until = time.monotonic() + 30
    while left() and time.monotonic() < until:
        time.sleep(0.05)
    assert not left()
    assert not (tmp_path / "pushed").exists()


def written(model: LlamaForCausalLM) -> int:
    """What the scripted engine makes of a model's weights."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return zlib.crc32((Path(folder) / "model.safetensors").read_bytes())


def opened(engine: ClusterEngine, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> ClusterEngine:
    engine.write(model, tokenizer)
    engine.open()
    return engine


def sampled(engine: ClusterEngine, meanwhile: Callable[[int], None] | None = None) -> list[Response]:
    """The answers, each of which must come once; `meanwhile` is told after each how many have come."""
    found: dict[int, Response] = {}
    times: Counter[int] = Counter()

    def done(number: int, response: Response) -> None:
        found[number] = response
        times[number] += 1
        if meanwhile is not None:
            meanwhile(len(found))

    engine.sample(REQUESTS, done)
    assert set(times.values()) == {1}
    return [found[number] for number in range(len(REQUESTS))]


def test_every_request_is_answered_once_and_with_the_weights_that_were_pushed_last(
    start: Start, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    script = Script(tmp_path / "up")
    engine = opened(start(script), model, tokenizer)
    assert sampled(engine) == [answer(written(model), request) for request in REQUESTS]
    other = tiny_model(tokenizer, 1)
    engine.write(other, tokenizer)
    assert sampled(engine) == [answer(written(model), request) for request in REQUESTS], "not before they are loaded"
    engine.load_written()
    assert sampled(engine) == [answer(written(other), request) for request in REQUESTS]
    assert 1 <= len(script.processes()) <= 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_what_a_lost_host_had_in_work_is_sampled_by_another_one_with_the_same_answers(
    start: Start, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, how: int
) -> None:
    said: list[str] = []
    script = Script(tmp_path / "up", seconds=0.05)
    engine = start(script, report=said.append, silence_seconds=2.0)
    opened(engine, model, tokenizer)

    def disturb(number: int) -> None:
        if number == 6:
            os.kill(script.processes()[0], how)

    assert sampled(engine, disturb) == [answer(written(model), request) for request in REQUESTS]
    (line,) = said
    why = r"is lost \(Actor\w+Error\)" if how == signal.SIGKILL else "has said nothing for 2 s"
    assert re.fullmatch(rf"host 127\S+ \(process \d+\) {why}; another one is requested", line)
    assert sampled(engine) == [answer(written(model), request) for request in REQUESTS]


class EmulatedTransfer:
    """In the place of `WeightTransfer`, since no machine here has GPUs: weights travel in the question."""

    def __init__(self, ray: Any, fails: bool) -> None:
        self.sent: list[int] = []
        self._ray = ray
        self._fails = fails

    def send(self, hosts: Sequence[Member], tensors: Mapping[str, torch.Tensor], version: int) -> None:
        if self._fails:
            raise RuntimeError("no NCCL here")
        content = safetensors.torch.save(dict(tensors))
        for host in hosts:
            self._ray.get(host.actor.transfer.remote("update_weights", {"content": content}))
            self._ray.get(host.actor.has.remote(version))
        self.sent.append(len(hosts))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("fails", [False, True])
def test_hosts_without_the_weights_of_the_trainer_s_gpu_get_them_through_the_store(
    start: Start, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, fails: bool
) -> None:
    script = Script(tmp_path / "up", seconds=0.05)
    engine = opened(start(script, hosts=1), model, tokenizer)
    engine._transfer = transfer = EmulatedTransfer(engine._ray, fails)  # type: ignore[assignment]
    other = tiny_model(tokenizer, 1)
    engine.write(other, tokenizer)
    engine.load_written()
    weights = zlib.crc32(safetensors.torch.save({name: value.data for name, value in other.named_parameters()}))

    def disturb(number: int) -> None:
        if number == 6 and not fails:
            os.kill(script.processes()[0], signal.SIGKILL)

    assert sampled(engine, disturb) == [answer(weights, request) for request in REQUESTS]
    assert (transfer.sent, len(script.processes())) == ([] if fails else [1], 2)


def test_a_machine_that_is_killed_in_the_middle_of_a_part_is_done_without(
    start: Start, cluster: LocalCluster, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    engine = opened(start(Script(tmp_path / "up", seconds=0.05)), model, tokenizer)
    victim = cluster.hosts[-1]

    def disturb(number: int) -> None:
        if number == 6:
            cluster.kill(cluster.hosts.pop())

    assert sampled(engine, disturb) == [answer(written(model), request) for request in REQUESTS]
    assert victim not in cluster.hosts
    cluster.hosts.append(cluster.add())


def test_a_host_that_is_killed_while_it_loads_the_model_leaves_no_file(
    start: Start, temporary: Path, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    script = Script(tmp_path / "up", loading=60)
    engine = opened(start(script), model, tokenizer)
    while len(script.processes()) < 2:
        sampled(engine)  # which takes up hosts that come
    assert list(temporary.glob("leansieve-rollouts-*"))


def test_sampling_that_is_stopped_leaves_the_hosts_free(
    start: Start, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    engine = opened(start(Script(tmp_path / "up", seconds=0.02)), model, tokenizer)
    stopped = threading.Event()
    with pytest.raises(SamplingStoppedError):
        engine.sample(REQUESTS, lambda number, response: stopped.set(), stopped)
    assert sampled(engine) == [answer(written(model), request) for request in REQUESTS]


def test_a_host_without_the_base_s_files_is_one_sentence(start: Start, tmp_path: Path) -> None:
    engine = start(Script(tmp_path / "up"), base=tmp_path / "nowhere")
    with pytest.raises(
        SamplerUnavailableError, match=rf"^host 127.* there is no checkpoint folder {tmp_path}/nowhere$"
    ):
        engine.open()


def test_the_loss_of_a_host_is_told_and_not_that_its_replacement_did_not_start(
    start: Start, tmp_path: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    hosts = opened(start(Script(tmp_path / "up"), hosts=1), model, tokenizer)._members
    lost = hosts.taken()
    hosts.lose(lost, "is lost (ActorDiedError)")
    hosts.lose(Member(lost.actor, time.monotonic()), "did not come up (ActorDiedError)")
    hosts._hope_until = time.monotonic() - 1
    with pytest.raises(SamplersLostError, match=rf"^host {re.escape(lost.name)} is lost \(ActorDiedError\)$"):
        hosts.look()


def test_when_the_last_machine_is_lost_it_is_one_sentence(
    start: Start,
    cluster: LocalCluster,
    tmp_path: Path,
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = opened(start(Script(tmp_path / "up", seconds=0.05)), model, tokenizer)
    monkeypatch.setattr(members, "_PLACE_SECONDS", 2.0)

    def disturb(number: int) -> None:
        while number == 6 and cluster.hosts:
            cluster.kill(cluster.hosts.pop())

    with pytest.raises(SamplersLostError, match=r"^host 127.* is lost \(Actor\w+Error\)$"):
        sampled(engine, disturb)
    with pytest.raises(SamplerUnavailableError, match=r"has room for one that samples|did not come up"):
        opened(start(Script(tmp_path / "up")), model, tokenizer)
