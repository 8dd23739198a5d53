"""A model shared out over the processes of a run (FSDP2): each keeps a part of weights, gradients and optimiser states.

A layer's weights are put together when it is its turn and let go afterwards. All processes therefore make the same passes
at the same time; one with fewer micro-batches than another makes idle passes meanwhile. In checkpoints everything is
whole, so a run may go on sharded or not.
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
    """Share out a model that every process holds whole, with the same weights, on its device; nothing to do for one process."""
    if processes.count == 1:
        return
    mesh = init_device_mesh(model.device.type, (processes.count,))
    layers = [module for module in model.modules() if type(module).__name__ in (model._no_split_modules or ())]
    for module in (*layers, model):
        # Also the outermost lets its weights go after a pass without gradient, which an update may follow.
        part = fully_shard(module, mesh=mesh, reshard_after_forward=True)
        # The processes' losses are parts of one sum. Gloo can do nothing but sum.
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` did it."""
    return isinstance(model, FSDPModule)


def idle_passes(model: nn.Module, passes: int) -> int:
    """How many passes another process will make beyond this one's; all must ask before they begin. 0 if not sharded."""
    if not is_sharded(model):
        return 0
    most = torch.tensor(passes)
    distributed.all_reduce(most, distributed.ReduceOp.MAX)
    return int(most) - passes


def whole(tree: Any, keep: bool = True) -> Any:
    """A nest of containers with every sharded tensor put together, on the CPU; all processes must ask.

    Args:
        keep: else this process only helps, and gets nothing in their places.
    """

    def put_together(value: Any) -> Any:
        if not isinstance(value, DTensor):
            return value
        full = value.full_tensor()
        return full.cpu() if keep else None

    return tree_map(put_together, tree)


def whole_state(trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, keep: bool = True) -> dict[str, Any]:
    """Weights by name and the optimiser's state, as `load_whole_state` takes them; see `whole`."""
    weights = {name: parameter.detach() for name, parameter in trained.items()}
    state: dict[str, Any] = whole({"weights": weights, "optimizer": optimizer.state_dict()}, keep)
    return state


@torch.no_grad()
def load_whole_state(trained: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Take up what `whole_state` gave, be it sharded now or not, as it was then or not."""
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
    """This process's part of a whole tensor, sharded as `like`; all of it if `like` is whole."""
    if not isinstance(like, DTensor):
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
