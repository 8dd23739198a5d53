"""The processes of one training run: one, or several that `torchrun` or `accelerate launch` started, one a GPU.

Each samples, checks and scores its own share of the prompts. What a loss depends on beyond one group (means over a
batch) is gathered from all, and gradients are summed, so that several processes take the step that one would take. Each
holds the whole model, unless `training.trainer.distributed.sharding` shares it out.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import distributed, nn

T = TypeVar("T")


class Rank:
    """This process among `count`."""

    def __init__(self) -> None:
        """Join the others, if there are any."""
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.count > 1 else 0
        if self.count == 1:
            return
        # The engine gets a process of its own: vLLM joins a group of one, and a process can be in one world only.
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "1"
        # Trainer and engine of a process share its own GPU, the only one that both then see. Must come before CUDA starts.
        local = int(os.environ.get("LOCAL_RANK", "0"))
        visible = [device for device in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if device]
        os.environ["CUDA_VISIBLE_DEVICES"] = visible[local] if visible else str(local)
        if not distributed.is_initialized():
            distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")

    @property
    def first(self) -> bool:
        """Whether this process writes logs and checkpoints."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Every process's value, in the order of ranks, on every process."""
        if self.count == 1:
            return [value]
        values: list[T | None] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values  # type: ignore[return-value]

    def wait(self) -> None:
        """Until all have come here."""
        self.gather(None)

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process does what is inside, then the others do, who find what it wrote."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up what the processes' losses gave; a process without any counts as zero."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)

    def close(self) -> None:
        """Leave."""
        if self.count > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
