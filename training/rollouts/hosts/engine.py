"""An engine on hosts of a Ray cluster. The work of a lost host is sampled again by another one.

Hosts get weights through Ray's object store, and need no shared disk; the weights of an untrained base (of adapters and
RS-FT) are on their own disks.
"""

import asyncio
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.cluster.connection import ClusterAbsentError, RayConnection, RayMissingError
from prover.sampling.sampler import SamplerUnavailableError
from training.model.llama import save_for_serving
from training.rollouts.hosts.host import Files, HostSettings, MakeEngine, SamplerHost, open_engine
from training.rollouts.hosts.members import RESOURCE, Member, Members, SamplersLostError
from training.rollouts.hosts.transfer import WeightTransfer
from training.rollouts.requests import Response, RolloutRequest, SamplingStoppedError, parts_of

_LOST_HOSTS = 3  # after so many losses a part is given up, because it may be their cause


@dataclass(frozen=True, slots=True)
class SamplingPlace:
    """Settings of sampling on hosts.

    Attributes:
        address: address of a Ray cluster, as in `RayConnection`.
        token: file with the token that it requires.
        hosts: number of hosts with the resource `sampler` to use.
    """

    address: str
    token: Path | None
    hosts: int


@dataclass(eq=False, slots=True)
class _Pushed:
    """Weights of a version: files in Ray's store, or a copy on the trainer's GPU."""

    version: int
    files: Files = field(default_factory=dict)
    tensors: Mapping[str, torch.Tensor] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Part:
    """A part of the requests: its progress, and the number of hosts lost with it."""

    first: int
    requests: Sequence[RolloutRequest]
    done: set[int] = field(default_factory=set)
    lost: int = 0


class ClusterEngine:
    """A `RolloutSampler` on other hosts."""

    def __init__(
        self,
        place: SamplingPlace,
        settings: HostSettings,
        folder: Path,
        parts: int = 1,
        dtype: str = "float32",
        report: Callable[[str], None] = print,
        silence_seconds: float = 120.0,
        make_engine: MakeEngine = open_engine,
    ) -> None:
        """Join the cluster; hosts start with `open`.

        Args:
            folder: folder for weights in transit.
            parts: as for `RolloutEngine`; one host samples a part.
            dtype: number format of pushed weights.
            report: called for each lost host.
            silence_seconds: seconds without an answer after which a host counts as lost; must exceed a step of the
                engine.
            make_engine: makes a host's engine, on the host.

        Raises:
            SamplerUnavailableError: there is no such cluster, or no Ray.
        """
        try:
            self._connection = RayConnection(place.address, place.token)
            asyncio.run(self._connection.join())
        except (RayMissingError, ClusterAbsentError) as error:
            raise SamplerUnavailableError(str(error)) from None
        ray = self._ray = self._connection.ray
        self._folder = folder
        self._parts = parts
        self._dtype = dtype
        self._adapters = settings.adapter_rank is not None
        self._own_base = settings.base is not None
        self._silence = silence_seconds
        actor = ray.remote(SamplerHost)
        offered = [node["Resources"] for node in ray.nodes() if node["Alive"] and RESOURCE in node["Resources"]]
        gpus = int(any(resources.get("GPU") for resources in offered))
        settings = replace(settings, transfer=settings.transfer and gpus > 0)

        def start() -> Any:
            options = {"num_cpus": 0, "num_gpus": gpus, "resources": {RESOURCE: 1}, "scheduling_strategy": "SPREAD"}
            return actor.options(**options).remote(settings, make_engine)

        self._members = Members(ray, start, place.hosts, report)
        self._transfer = WeightTransfer(ray, ray.util.get_node_ip_address()) if settings.transfer else None
        self._weights = threading.Lock()
        self._written: _Pushed | None = None
        self._now = _Pushed(0)
        self._pushes = 0

    def open(self) -> None:
        """Load the model on the hosts, which takes tens of seconds. Call `write` first unless they have it on their
        disks.

        Raises:
            SamplerUnavailableError: no host starts, or none can serve the model.
        """
        self.load_written()
        about = {} if self._own_base else {name: ref for name, ref in self._now.files.items() if not _is_weights(name)}
        self._members.open(about)

    def write(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        """See `RolloutEngine.write`.

        Raises:
            OSError: they cannot be written to this machine's disk.
            SamplersLostError: the cluster's store rejects them.
        """
        with self._weights:
            self._pushes += 1
            if self._transfer is not None and self._pushes > 1:  # the first push includes the model's other files
                dtype = getattr(torch, self._dtype)
                tensors = {name: value.detach().to(dtype, copy=True) for name, value in model.named_parameters()}
                self._written = _Pushed(self._pushes, tensors=tensors)
                return
            save_for_serving(model, tokenizer, self._folder, self._adapters, dtype=self._dtype)
            try:
                paths = sorted(path for path in self._folder.iterdir() if path.is_file())
                self._written = _Pushed(
                    self._pushes, {path.name: self._put(np.fromfile(path, np.uint8)) for path in paths}
                )
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)

    def load_written(self) -> None:
        """See `RolloutEngine.load_written`: a host fetches the weights with its next part, unless they are
        transferred.
        """
        with self._weights:
            if self._written is None:
                return
            self._now, self._written = self._written, None
        if self._transfer is not None and self._now.tensors and self._members.idle:
            self._send(self._transfer, list(self._members.idle))

    def sample(
        self,
        requests: Sequence[RolloutRequest],
        done: Callable[[int, Response], None],
        stopped: threading.Event | None = None,
    ) -> None:
        """See `RolloutEngine.sample`. Answers received before the loss of their host are kept.

        Raises:
            SamplersLostError: no host is left, or three were lost with the same part.
            SamplingStoppedError: `stopped` was set.
        """
        waiting = deque(_Part(first, part) for first, part in parts_of(requests, self._parts))
        working: dict[Any, tuple[Member, _Part]] = {}
        try:
            while waiting or working:
                if stopped is not None and stopped.is_set():
                    raise SamplingStoppedError
                self._members.look()
                while waiting and self._members.idle:
                    member, part = self._members.taken(), waiting.popleft()
                    member.since = time.monotonic()
                    files = {} if member.version == self._now.version else self._files()
                    member.version = self._now.version
                    reference = member.actor.begin.remote(member.version, files, part.requests)
                    working[reference] = member, part
                for reference in self._ready([*working, *self._members.pending]):
                    if reference not in working:
                        self._members.came(reference)
                        continue
                    self._take(reference, working, waiting, done)
                for reference, (member, _) in list(working.items()):
                    if time.monotonic() - member.since > self._silence:
                        self._lost(reference, working, waiting, f"has said nothing for {self._silence:g} s")
        finally:
            for member, _ in working.values():
                member.actor.stop.remote()
                self._members.free(member)

    def close(self) -> None:
        """End the processes on the hosts, and leave the cluster if this engine joined it."""
        if self._transfer is not None:
            self._transfer.close()
        self._members.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        asyncio.run(self._connection.leave())

    def _send(self, transfer: WeightTransfer, members: list[Member]) -> None:
        """Transfer the newest weights to the hosts' GPUs. After a failure, all weights go through the store."""
        try:
            transfer.send(members, self._now.tensors, self._now.version)
        except SamplersLostError:
            raise
        except Exception as error:  # of Ray, vLLM or NCCL
            self._transfer = None
            for member in members:
                self._members.idle.remove(member)
                self._members.lose(member, f"did not get the weights of the trainer's GPU ({error})")
            return
        for member in members:
            member.version = self._now.version

    def _files(self) -> Files:
        """Return the newest weights in Ray's store; transferred ones are put there for a host that joined later."""
        if self._now.tensors and not self._now.files:
            content = safetensors.torch.save({name: value.cpu() for name, value in self._now.tensors.items()})
            self._now.files = {"model.safetensors": self._put(np.frombuffer(content, np.uint8))}
        return self._now.files

    def _put(self, content: "np.ndarray[Any, np.dtype[np.uint8]]") -> Any:
        try:
            return self._ray.put(content)
        except self._ray.exceptions.RayError as error:
            raise SamplersLostError(f"Ray's object store rejects the weights ({error})") from None

    def _ready(self, references: list[Any]) -> list[Any]:
        if not references:
            time.sleep(0.1)
            return []
        ready: list[Any] = self._ray.wait(references, num_returns=1, timeout=0.5)[0]
        return ready

    def _take(
        self,
        reference: Any,
        working: dict[Any, tuple[Member, _Part]],
        waiting: deque[_Part],
        done: Callable[[int, Response], None],
    ) -> None:
        """Process a host's report on its part, and let it continue."""
        try:
            progress = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._lost(reference, working, waiting, f"is lost ({type(error).__name__})")
            return
        member, part = working.pop(reference)
        if progress.more:
            member.since = time.monotonic()
            working[member.actor.go_on.remote()] = member, part
        else:
            self._members.free(member)
        for number, response in progress.done:
            if number not in part.done:
                part.done.add(number)
                done(part.first + number, response)

    def _lost(self, reference: Any, working: dict[Any, tuple[Member, _Part]], waiting: deque[_Part], why: str) -> None:
        member, part = working.pop(reference)
        self._members.lose(member, why)
        part.lost += 1
        if part.lost >= _LOST_HOSTS:
            raise SamplersLostError(f"{part.lost} hosts were lost with the same part of a batch; the last one {why}")
        waiting.appendleft(part)


def _is_weights(name: str) -> bool:
    return name.endswith(".safetensors")
