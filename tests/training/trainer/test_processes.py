"""Two processes (gloo, on a CPU) take the steps that one takes, whether each holds the whole model or it is sharded."""

import copy
import os
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from tests.support.commands import leansieve
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from tests.training.trainer.test_updates import GROUPS, REWARDS, rollouts_of, settings
from training.algorithms.registry import create_algorithm
from training.config import ModelConfig, OptimizerConfig, TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.model.llama import save_for_serving
from training.model.load import load_or_build
from training.model.sft import fine_tune
from training.trainer.checkpoint import load_checkpoint, save_checkpoint
from training.trainer.distributed.processes import Rank
from training.trainer.distributed.sharding import load_whole_state, shard, whole, whole_state
from training.trainer.optimization import make_optimizer
from training.trainer.updates import score, score_by_base, train_on
from training.trainer.watch import Watch

ALGORITHMS = ("gpg", "erc_dapo")  # what they divide by is a property of the whole batch
ADAPTERS = {"rank": 2}


class Run:
    """A model in training, on every `count`-th group in this process."""

    def __init__(self, processes: Rank, sharded: bool = False, path: Path | None = None) -> None:
        """A tiny model, or adapters on the one at `path`."""
        torch.set_num_threads(1)
        self.processes = processes
        self.model: PreTrainedModel = tiny_model(tiny_tokenizer())
        if path is not None:
            self.model, _ = load_or_build(ModelConfig.model_validate({"path": path, "lora": ADAPTERS}), (), 0)
        self.fresh = copy.deepcopy(self.model.eval())
        if sharded:
            shard(self.model, processes)
        self.optimizer = make_optimizer(self.model, OptimizerConfig())

    def step(self, name: str) -> dict[str, float]:
        # As unequal as can be: all groups but one are the first process's.
        cut = len(GROUPS) if self.processes.count == 1 else len(GROUPS) - 1
        mine = slice(None, cut) if self.processes.first else slice(cut, None)
        rollouts = rollouts_of(self.model, GROUPS[mine], REWARDS[mine])
        return train_on(
            self.model,
            self.optimizer,
            create_algorithm(name, {}, 8),
            GROUPS[mine],
            rollouts,
            settings(micro_tokens=16),
            1e-3,
            1.0,
            self.processes,
            Watch(),
        )

    def trained(self) -> dict[str, Tensor]:
        return {name: value.detach() for name, value in self.model.named_parameters() if value.requires_grad}

    def save(self, folder: Path) -> None:
        state = whole_state(self.trained(), self.optimizer, keep=self.processes.first)
        if self.processes.first:
            save_checkpoint(folder, 1, state, keep=1)
        self.processes.wait()

    def load(self, folder: Path) -> None:
        state = load_checkpoint(folder)
        assert state is not None
        load_whole_state(self.trained(), self.optimizer, state)


def fine_tuned(folder: Path, name: str, steps: int, sharded: bool = False) -> None:
    """Runs are resumed if they are there."""
    config = {
        "run": {"folder": folder / name, "device": "cpu", "threads": 1, "log_every": 9, "sharded": sharded},
        "model": {"path": folder / "base"},
        "sft": {"proofs": [folder / "proofs.jsonl"], "steps": steps, "row_length": 160, "rows": 3, "micro_rows": 1},
        "optimizer": {"learning_rate": 1e-3},
    }
    fine_tune(TrainingConfig.model_validate(config))


def in_a_process(rank: int, port: int, folder: Path) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = Rank()
    found: dict[str, Any] = {}
    for sharded in (False, True):
        for name in ALGORITHMS:
            run = Run(processes, sharded)
            metrics = run.step(name)
            found[f"{name} {sharded}"] = whole(run.trained()), metrics
    # The last run, sharded, is stopped after its step and goes on in another.
    assert all(isinstance(value, DTensor) for value in run.trained().values())
    run.save(folder / "sharded")
    resumed = Run(processes, sharded=True)
    resumed.load(folder / "sharded")
    resumed.step("erc_dapo")
    found["resumed"] = whole(resumed.trained())
    save_for_serving(resumed.model, tiny_tokenizer(), folder / "served", write=processes.first)

    adapted = Run(processes, sharded=True, path=folder / "base")
    adapted.step("gpg")
    found["adapters"] = whole(adapted.trained())
    found["of base"] = score_by_base(adapted.model, None, GROUPS, 16).log_probs
    save_for_serving(adapted.model, tiny_tokenizer(), folder / "adapters", adapters=True, write=processes.first)
    torch.save(found, folder / f"{rank}.pt")
    fine_tuned(folder, "tuned", 2, sharded=True)  # leaves the group of processes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes left; the files of both are their weights and metrics."""
    folder = tmp_path_factory.mktemp("processes")
    save_for_serving(tiny_model(tiny_tokenizer()), tiny_tokenizer(), folder / "base")
    records = generate(12, families=["inequalities"])
    write_jsonl(folder / "proofs.jsonl", [ProvedTheorem(theorem=record, proofs=("by omega",)) for record in records])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with ThreadPoolExecutor() as both:
        done = both.map(lambda rank: leansieve(str(rank), str(port), folder, program=("-m", __name__)), range(2))
    assert [(process.returncode, process.stderr) for process in done if process.returncode] == []
    return folder


def of(folder: Path, rank: int) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / f"{rank}.pt", weights_only=True)
    return found


def assert_same(found: dict[str, Tensor], alone: dict[str, Tensor], untrained: dict[str, Tensor]) -> None:
    moved = max(float((alone[name] - untrained[name]).abs().max()) for name in alone)
    assert moved > 5e-4
    for name, value in alone.items():
        # Adam divides by the gradient's size: where a gradient is nothing but rounding, its sign is.
        assert torch.allclose(found[name], value, atol=1e-2 * moved), name


def parameters(model: PreTrainedModel) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in model.named_parameters()}


@pytest.mark.timeout(1200)  # starting two more processes with torch takes minutes on a busy machine
@pytest.mark.parametrize("sharded", [False, True], ids=["whole", "sharded"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_two_processes_take_the_step_of_one(folder: Path, name: str, sharded: bool) -> None:
    (weights, of_first), (of_second, _) = (of(folder, rank)[f"{name} {sharded}"] for rank in range(2))
    alone = Run(Rank())
    metrics = alone.step(name)
    assert_same(weights, alone.trained(), parameters(alone.fresh))
    assert all(torch.equal(value, of_second[key]) for key, value in weights.items())
    assert of_first["loss"] == pytest.approx(metrics["loss"], rel=1e-3, abs=1e-6)
    assert of_first["gradient_norm"] == pytest.approx(metrics["gradient_norm"], rel=1e-3)
    assert of_first["reward"] == pytest.approx(metrics["reward"])


@pytest.mark.timeout(1200)
def test_a_sharded_run_goes_on_from_its_checkpoint_and_so_does_one_that_is_not(folder: Path) -> None:
    alone = Run(Rank())
    alone.step("erc_dapo")
    alone.step("erc_dapo")
    untrained = parameters(alone.fresh)
    assert_same(of(folder, 0)["resumed"], alone.trained(), untrained)
    going_on = Run(Rank())
    going_on.load(folder / "sharded")
    going_on.step("erc_dapo")
    assert_same(going_on.trained(), alone.trained(), untrained)


@pytest.mark.timeout(1200)
def test_a_sharded_model_is_served_whole(folder: Path) -> None:
    served, _ = load_or_build(ModelConfig(path=folder / "served"), (), 0)
    assert served.config.architectures == ["LlamaForCausalLM"]
    for name, value in parameters(served).items():
        assert torch.equal(value, of(folder, 0)["resumed"][name])


@pytest.mark.timeout(1200)
def test_adapters_on_a_sharded_model_are_those_that_one_process_trains(folder: Path) -> None:
    alone = Run(Rank(), path=folder / "base")
    alone.step("gpg")
    found = of(folder, 0)
    assert_same(found["adapters"], alone.trained(), parameters(alone.fresh))
    of_base = score(tiny_model(tiny_tokenizer()).eval(), GROUPS, 1000).log_probs
    assert torch.allclose(found["of base"], of_base, atol=1e-5)
    assert sorted(path.name for path in (folder / "adapters").glob("*.safetensors")) == ["adapter_model.safetensors"]


@pytest.mark.timeout(1200)
def test_two_processes_fine_tune_as_one_does(folder: Path) -> None:
    fine_tuned(folder, "alone", 2)
    tuned, alone, base = (
        parameters(load_or_build(ModelConfig(path=path), (), 0)[0])
        for path in (folder / "tuned" / "model", folder / "alone" / "model", folder / "base")
    )
    assert_same(tuned, alone, base)


if __name__ == "__main__":
    in_a_process(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
