"""Shards a model over the processes of a run (FSDP2): each holds a part of weights, gradients and optimiser states.

A layer's weights are gathered when it is used and freed afterwards. All processes therefore make the same passes at the
same time; one with fewer micro-batches makes idle passes meanwhile. Checkpoints are unsharded, so a run may resume with
or without sharding.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map
from transformers import PreTrainedModel

from training.trainer.distributed.processes import Rank


def shard(model: PreTrainedModel, processes: Rank) -> None:
    """Shard a model that every process holds whole, with equal weights, on its device; no effect for one process."""
    if processes.count == 1:
        return
    mesh = init_device_mesh(model.device.type, (processes.count,))
    layers = [module for module in model.modules() if type(module).__name__ in (model._no_split_modules or ())]
    for module in (*layers, model):
        # The outermost module also frees its weights after a pass without gradient, which an update may follow.
        part = fully_shard(module, mesh=mesh, reshard_after_forward=True)
        # The processes' losses are parts of one sum. Gloo supports only sums.
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` sharded the model."""
    return isinstance(model, FSDPModule)


def idle_passes(model: nn.Module, passes: int) -> int:
    """Return the number of passes that another process makes beyond this one's; all must call it before they begin. 0
    if not sharded.
    """
    if not is_sharded(model):
        return 0
    most = torch.tensor(passes)
    distributed.all_reduce(most, distributed.ReduceOp.MAX)
    return int(most) - passes


def whole(tree: Any, keep: bool = True) -> Any:
    """Return nested containers with every sharded tensor gathered, on the CPU; all processes must call it.

    Args:
        keep: whether this process needs the result; otherwise it only takes part.
    """

    def put_together(value: Any) -> Any:
        if not isinstance(value, DTensor):
            return value
        full = value.full_tensor()
        return full.cpu() if keep else None

    return tree_map(put_together, tree)


def whole_state(trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, keep: bool = True) -> dict[str, Any]:
    """Return the weights by name and the optimiser's state, for `load_whole_state`; see `whole`."""
    weights = {name: parameter.detach() for name, parameter in trained.items()}
    state: dict[str, Any] = whole({"weights": weights, "optimizer": optimizer.state_dict()}, keep)
    return state


@torch.no_grad()
def load_whole_state(trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load the result of `whole_state`, regardless of sharding now or then."""
    for name, parameter in trained.items():
        parameter.copy_(_share(state["weights"][name], parameter))
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    of_parameters = {
        index: {
            name: _share(value, parameters[index])
            if isinstance(value, Tensor) and value.shape == parameters[index].shape
            else value
            for name, value in values.items()
        }
        for index, values in state["optimizer"]["state"].items()
    }
    optimizer.load_state_dict({**state["optimizer"], "state": of_parameters})


def _share(value: Tensor, like: Tensor) -> Tensor:
    """Return this process's part of a whole tensor, sharded like `like`; all of it if `like` is not sharded."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
