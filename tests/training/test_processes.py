"""Two processes (gloo, on a CPU) take the step that one takes."""

import copy
import os
import socket
from pathlib import Path

import pytest
import torch
from torch import multiprocessing

from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from tests.training.test_updates import GROUPS, REWARDS, rollouts_of, settings
from training.algorithms.registry import create_algorithm
from training.config import OptimizerConfig
from training.optimization import make_optimizer
from training.processes import Processes
from training.updates import train_on

ALGORITHMS = ("gpg", "erc_dapo")  # what they divide by is a property of the whole batch


def step_of(name: str, processes: Processes) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Weights after one batch, of which this process has every `count`-th group."""
    torch.set_num_threads(1)
    model = tiny_model(tiny_tokenizer()).eval()
    optimizer = make_optimizer(model, OptimizerConfig())
    mine = list(range(len(GROUPS)))[processes.rank :: processes.count]
    groups = [GROUPS[index] for index in mine]
    rollouts = rollouts_of(copy.deepcopy(model), groups, [REWARDS[index] for index in mine])
    algorithm = create_algorithm(name, {}, 8)
    metrics = train_on(model, optimizer, algorithm, groups, rollouts, settings(micro_tokens=16), 1e-3, 1.0, processes)
    return model.state_dict(), metrics


def in_a_process(rank: int, port: int, folder: str) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = Processes()
    torch.save({name: step_of(name, processes) for name in ALGORITHMS}, Path(folder) / f"{rank}.pt")
    processes.close()


@pytest.mark.timeout(1200)  # starting two more processes with torch takes minutes on a busy machine
def test_two_processes_take_the_step_of_one(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.spawn(in_a_process, (port, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    untrained = tiny_model(tiny_tokenizer()).state_dict()
    for name in ALGORITHMS:
        alone, metrics = step_of(name, Processes())
        weights, of_first = first[name]
        moved = max(float((alone[key] - value).abs().max()) for key, value in untrained.items())
        assert moved > 5e-4
        for key, value in weights.items():
            assert torch.equal(value, second[name][0][key])
            assert torch.allclose(value, alone[key], atol=1e-2 * moved)
        assert of_first["loss"] == pytest.approx(metrics["loss"], rel=1e-3, abs=1e-6)
        assert of_first["reward"] == pytest.approx(metrics["reward"])
