"""Transfers weights directly from the trainer's GPU to the hosts' GPUs, by vLLM's weight transfer over NCCL.

This has not run on a machine with GPUs yet: the tests run vLLM's trainer side with an emulated channel in place of
NCCL.
"""

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from training.rollouts.hosts.members import Member, SamplersLostError

_SECONDS = 600.0  # NCCL itself would wait forever


class WeightTransfer:
    """Sends the trainer's weights to all hosts at the same time. The NCCL group is recreated when the hosts change."""

    def __init__(self, ray: Any, address: str) -> None:
        """Create the transfer; nothing is opened. `address` is this machine's, as reachable from the hosts."""
        self._ray = ray
        self._address = address
        self._group: tuple[Member, ...] = ()
        self._trainer: Any = None
        self._tensors: Mapping[str, Tensor] = {}

    def send(self, members: Sequence[Member], tensors: Mapping[str, Tensor], version: int) -> None:
        """Send these weights to idle hosts, which use them from then on.

        Raises:
            SamplersLostError: it took too long: NCCL waits for a lost host.
            Exception: any exception of Ray, vLLM or NCCL; the hosts' weights are then unknown.
        """
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self._send(members, tensors, version)
            except BaseException as error:  # raised in the caller's thread
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
    """Forwards the calls of vLLM's trainer side to every host."""

    def __init__(self, ray: Any, members: Sequence[Member]) -> None:
        self._ray = ray
        self._members = members

    def each(self, method: str, arguments: Callable[[int], dict[str, Any]] = lambda number: {}) -> None:
        self._ray.get(
            [member.actor.transfer.remote(method, arguments(number)) for number, member in enumerate(self._members)]
        )

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        # Each host is a separate world whose only worker would count itself as the first.
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
    """Return the weights in vLLM's form; `tensors` is called for each push."""
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
