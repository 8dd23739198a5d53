"""Weights from the trainer's GPU straight into those of the hosts, by vLLM's weight transfer over NCCL.

No machine with GPUs has run this yet: the tests run vLLM's own trainer side with an emulated channel in NCCL's place.
"""

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from training.rollouts.hosts.members import Member, SamplersLostError

_SECONDS = 600.0  # NCCL itself would wait for ever


class WeightTransfer:
    """Sends the trainer's weights to hosts, all at the same time. A group of them is made anew when other hosts sample."""

    def __init__(self, ray: Any, address: str) -> None:
        """Nothing is opened yet. `address` is that of this machine, as the hosts reach it."""
        self._ray = ray
        self._address = address
        self._group: tuple[Member, ...] = ()
        self._trainer: Any = None
        self._tensors: Mapping[str, Tensor] = {}

    def send(self, members: Sequence[Member], tensors: Mapping[str, Tensor], version: int) -> None:
        """Give idle hosts these weights; they sample with them from then on.

        Raises:
            SamplersLostError: it took minutes; NCCL waits for a host that is lost.
            Exception: whatever Ray, vLLM or NCCL raises; what a host has is then unknown.
        """
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self._send(members, tensors, version)
            except BaseException as error:  # the caller's thread raises it
                failed.append(error)

        thread = threading.Thread(target=work, name="weight-transfer", daemon=True)
        thread.start()
        thread.join(_SECONDS)
        if thread.is_alive():
            raise SamplersLostError(f"the weights did not reach the hosts that sample within {_SECONDS:g} s")
        if failed:
            raise failed[0]

    def close(self) -> None:
        """Leave the group."""
        if self._trainer is not None:
            self._trainer.shutdown()
        self._trainer, self._group = None, ()

    def _send(self, members: Sequence[Member], tensors: Mapping[str, Tensor], version: int) -> None:
        from vllm.distributed.weight_transfer import WeightTransferTrainerFactory
        from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo

        self._tensors = tensors
        client = _Client(self._ray, members)
        if self._group != tuple(members):
            if self._group:
                client.each("shutdown_weight_transfer_engine")
            self.close()
            info = NCCLTrainerInitInfo(self._address, _free_port(), 1 + len(members), rank=0)
            self._trainer = WeightTransferTrainerFactory.trainer_init(
                info, client=client, source=_source(lambda: self._tensors)
            )
            self._group = tuple(members)
        self._trainer.send_weights()
        self._ray.get([member.actor.has.remote(version) for member in members])


class _Client:
    """What vLLM's trainer side tells the engines, told to every host."""

    def __init__(self, ray: Any, members: Sequence[Member]) -> None:
        self._ray = ray
        self._members = members

    def each(self, method: str, arguments: Callable[[int], dict[str, Any]] = lambda number: {}) -> None:
        self._ray.get(
            [member.actor.transfer.remote(method, arguments(number)) for number, member in enumerate(self._members)]
        )

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        # Every host is a world of its own, whose only worker would count itself the first.
        self.each(
            "init_weight_transfer_engine",
            lambda number: {"init_info": {**init_info, "rank_offset": init_info["rank_offset"] + number}},
        )

    def start_weight_update(self) -> None:
        self.each("start_weight_update")

    def update_weights(self, update_info: Any) -> None:
        self.each("update_weights", lambda number: {"update_info": update_info})

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        self.each("finish_weight_update")


def _source(tensors: Callable[[], Mapping[str, Tensor]]) -> Any:
    """The weights as vLLM reads them; another call of `tensors` for each push."""
    from vllm.distributed.weight_transfer import ParamMeta, WeightSource

    class Source(WeightSource):  # type: ignore[misc]
        def metadata(self) -> list[Any]:
            return [ParamMeta(name, tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors().items()]

        def __iter__(self) -> Any:
            yield from tensors().items()

    return Source()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("", 0))
        port: int = listener.getsockname()[1]
        return port
