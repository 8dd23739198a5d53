"""The processes of one training run: one, or several started by `torchrun` or `accelerate launch`, one per GPU.

Each samples, checks and scores its own share of the prompts. Quantities beyond one group (means over a batch) are
gathered from all, and gradients are summed, so that several processes take the same step as one. Each holds the whole
model, unless `training.trainer.distributed.sharding` shards it.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import distributed, nn

T = TypeVar("T")


class Rank:
    """Rank of this process among `count`."""

    def __init__(self) -> None:
        """Join the other processes, if there are any."""
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0")) if self.count > 1 else 0
        if self.count == 1:
            return
        # Trainer and engine of a process share its GPU, the only one that both then see. Must come before CUDA starts.
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
        """Return every process's value, in the order of ranks, on every process."""
        if self.count == 1:
            return [value]
        values: list[T | None] = [None] * self.count
        distributed.all_gather_object(values, value)
        return values  # type: ignore[return-value]

    def wait(self) -> None:
        """Wait until all processes have reached this point."""
        self.gather(None)

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process runs the context, then the others, which find its results."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum the gradients of all processes; a process without any counts as zero."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)

    def close(self) -> None:
        """Leave the group."""
        if self.count > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
