"""`ReplicatedEngine`: a number of replicas of one checkpoint on hosts of a cluster."""

import asyncio
import contextlib
import functools
import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import Metric

from prover.cluster.asking import HostLostError, unless_lost
from prover.sampling.pause import Pause
from prover.sampling.replicas.handle import Places
from prover.sampling.replicas.replica import EngineFacts, MakeEngine
from prover.sampling.replicas.routing import choose
from prover.sampling.replicas.seat import Seat
from prover.sampling.sampler import ReplicaStatus, SamplerStats, SamplerUnavailableError
from prover.sampling.serving import Checking, ModelAnswer, ModelRequest, ServingEngine
from prover.sampling.tokenizers import load_tokenizer
from prover.sampling.vllm import vllm_process
from prover.sampling.vllm.engine import ModelEngine
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.vllm.vllm_platform import inspect_checkpoint

T = TypeVar("T")

MOST_LOSSES = 2
"""Number of replicas that may be lost during one request; after one more the request fails."""
_OTHERS_SECONDS = 60.0  # for the remaining replicas, once one is up
_PATIENCE_SECONDS = 60.0  # for an engine without a running replica


class ReplicatedEngine:
    """A `ServingEngine` that restarts lost replicas.

    A request of a lost replica goes to another one, with the same seed.
    """

    heals = True

    def __init__(
        self,
        name: str,
        checkpoint: Path,
        settings: EngineSettings,
        adapters: int,
        rank: int,
        changing: asyncio.Lock,
        check: Checking,
        places: Places,
        replicas: int,
        make: Callable[..., ServingEngine] = ModelEngine,
    ) -> None:
        """Create the engine; nothing is started.

        Args:
            name, checkpoint, settings, adapters, rank, changing, check: see `Engines.make`.
            places: source of replicas.
            replicas: number of replicas.
            make: makes a replica's engine, on its host.
        """
        self.name = name
        self.checkpoint = checkpoint
        self.most_adapters = adapters
        self.longest_token = 0
        self.tokenizer: Any = None
        self.context = 0
        self.precision = ""
        self.lost = 0
        self._rank = rank
        self._changing = changing
        self._check = check
        self._make = functools.partial(make, name, settings=settings, adapters=adapters, rank=rank)
        self._pause = Pause()
        self._adapters: dict[int, Path] = {}
        self._adapter_numbers = itertools.count(1)
        self._numbers = itertools.count(1)
        self._seats = [Seat(number, places, self._changed) for number in range(replicas)]
        self._changes = asyncio.Event()
        self._starting = self._closed = False
        self._lost = SamplerStats()  # of lost replicas

    @property
    def live(self) -> list[Seat]:
        """The running replicas."""
        return [seat for seat in self._seats if seat.live]

    @property
    def copies(self) -> int:
        """See `ServingEngine.copies`."""
        return len(self.live)

    @property
    def replicas(self) -> tuple[ReplicaStatus, ...]:
        """See `ServingEngine.replicas`."""
        return tuple(ReplicaStatus(seat.host, seat.live, seat.in_work, seat.problem) for seat in self._seats)

    @property
    def dead(self) -> bool:
        """Whether no replica is running."""
        return not self.live

    @property
    def largest_rank(self) -> int:
        """See `ServingEngine.largest_rank`."""
        return vllm_process.rank_with_kernel(self._rank) if self.most_adapters else 0

    async def start(self) -> None:
        """Load the checkpoint on the hosts. Returns when all replicas are up, or some have been up for a minute.

        Raises:
            SamplerUnavailableError: none starts.
        """
        inspect_checkpoint(self.checkpoint)
        try:
            self.tokenizer = await asyncio.to_thread(load_tokenizer, self.checkpoint)
        except (ImportError, OSError, ValueError) as error:
            raise SamplerUnavailableError(f"the tokenizer of {self.checkpoint} cannot be read: {error}") from None
        self.longest_token = max(map(len, self.tokenizer.get_vocab()))
        self._starting = True
        loop = asyncio.get_running_loop()
        until: float | None = None
        for seat in self._seats:
            seat.take(self._next, self._join)
        try:
            while not all(seat.live or seat.problem for seat in self._seats):
                if self.live:
                    until = until or loop.time() + _OTHERS_SECONDS
                    if loop.time() > until:
                        break
                await self._news()
        except BaseException:
            await self.close()
            raise
        self._starting = False
        if not self.live:
            why = self._seats[0].problem
            await self.close()
            raise SamplerUnavailableError(f"no replica of the model {self.name} comes up: {why}")

    async def close(self) -> None:
        """End all replicas."""
        self._closed = True
        self._changes.set()
        await asyncio.gather(*(seat.leave() for seat in self._seats))

    async def answer(self, request: ModelRequest, adapter: int | None = None) -> ModelAnswer:
        """See `ServingEngine.answer`; one of the replicas answers.

        Raises:
            SamplerUnavailableError: no replica is up or starts soon, or several were lost during the request.
        """
        await self.unpaused()
        with self._pause.working():
            for _ in range(MOST_LOSSES + 1):
                seat = await self._seat(request)
                with contextlib.suppress(HostLostError):
                    return await self._ask(seat, request, adapter or 0)
        raise SamplerUnavailableError(f"{MOST_LOSSES + 1} replicas of the model {self.name} were lost over a request")

    async def scores(self, tokens: Sequence[int], adapter: int | None = None) -> Sequence[Sequence[float]]:
        """See `Scoring.scores`."""
        return await self._all(lambda seat: seat.handle.scores(tokens, adapter or 0))

    async def unpaused(self) -> None:
        """See `ServingEngine.unpaused`."""
        await self._pause.opened()

    def paused(self) -> contextlib.AbstractAsyncContextManager[None]:
        """See `ServingEngine.paused`: no replica gets requests within the block."""
        return self._pause.paused()

    async def load(self, checkpoint: Path) -> None:
        """See `ServingEngine.load`: applies to all running replicas, and to those that start later."""
        await self._all(lambda seat: seat.handle.load(checkpoint))
        self.checkpoint = checkpoint

    async def add_adapter(self, folder: Path) -> int:
        """See `ServingEngine.add_adapter`."""
        number = next(self._adapter_numbers)
        await self._all(lambda seat: seat.handle.add_adapter(number, folder))
        self._adapters[number] = folder
        return number

    async def remove_adapter(self, adapter: int) -> None:
        """See `ServingEngine.remove_adapter`."""
        del self._adapters[adapter]
        await self._all(lambda seat: seat.handle.remove_adapter(adapter))

    def stats(self) -> SamplerStats:
        """Statistics as last reported by the replicas, including lost ones."""
        return SamplerStats.sum([seat.stats for seat in self._seats] + [self._lost])

    def collect(self) -> Iterator[Metric]:
        """Yield vLLM's own metrics as last reported, with the label `replica`."""
        for seat in self._seats:
            for metric in seat.metrics:
                labelled = Metric(metric.name, metric.documentation, metric.type, metric.unit)
                labelled.samples = [
                    sample._replace(labels={**sample.labels, "replica": str(seat.number)}) for sample in metric.samples
                ]
                yield labelled

    async def _seat(self, request: ModelRequest) -> Seat:
        """Return the replica for a request; if there is none, wait for the first that starts."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_SECONDS
        while not self.live:
            # During a pause there is no waiting: a replica that starts now may have other weights.
            if loop.time() > until or self._closed or self._pause.closed:
                problem = next((seat.problem for seat in self._seats if seat.problem), "they are being started")
                raise SamplerUnavailableError(f"no replica of the model {self.name} is up: {problem}")
            await self._news()
        return self._seats[choose(request.family, {seat.number: seat.in_work for seat in self.live})]

    async def _ask(self, seat: Seat, request: ModelRequest, adapter: int) -> ModelAnswer:
        number = next(self._numbers)
        handle, gone = seat.handle, seat.gone
        seat.in_work += 1
        try:
            asked = handle.answer(number, request, adapter)
            answer = await unless_lost(asked, gone, seat.host, lambda: handle.cancel(number))
        except (HostLostError, SamplerUnavailableError) as error:
            seat.lose(gone, str(error))
            raise HostLostError(str(error)) from None
        finally:
            if gone is seat.gone:
                seat.in_work -= 1
        if answer is None:
            raise HostLostError(f"host {seat.host} has forgotten a request")
        return answer

    async def _all(self, ask: Callable[[Seat], Awaitable[T]]) -> list[T]:
        """Return the results of all running replicas; those lost meanwhile are left out."""

        async def one(seat: Seat) -> list[T]:
            gone = seat.gone
            try:
                return [await unless_lost(ask(seat), gone, seat.host, lambda: None)]
            except HostLostError as error:
                seat.lose(gone, str(error))
                return []

        # `return_exceptions` waits for all: no task is left running after an error.
        answers = await asyncio.gather(*map(one, self.live), return_exceptions=True)
        if error := next((each for each in answers if isinstance(each, BaseException)), None):
            raise error
        found = [each for one in answers if not isinstance(one, BaseException) for each in one]
        if not found:
            raise SamplerUnavailableError(f"no replica of the model {self.name} is up")
        return found

    def _next(self) -> MakeEngine:
        """Return a function that makes the engine of a new replica."""
        return functools.partial(self._make, self.checkpoint)

    async def _join(self, seat: Seat, loaded: EngineFacts, made: MakeEngine) -> None:
        """Bring a newly loaded replica to the state of the others."""
        self.context, self.precision = loaded.context, loaded.precision
        if self._starting:  # they are all checked together
            return
        async with self._changing:
            if made.args[0] != self.checkpoint:
                await seat.handle.load(self.checkpoint)
            for number, folder in self._adapters.items():
                await seat.handle.add_adapter(number, folder)
            await self._check(_One(self, seat))

    def _changed(self, seat: Seat, live: bool) -> None:
        if not live:
            self.lost += 1
            self._lost = SamplerStats.sum([self._lost, replace(seat.stats, running=0, waiting=0)])
        self._changes.set()

    async def _news(self) -> None:
        """Wait until a replica starts or is lost, for at most a second."""
        self._changes.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._changes.wait()


class _One:
    """A single replica as `Scoring`."""

    def __init__(self, engine: ReplicatedEngine, seat: Seat) -> None:
        self.tokenizer, self.context, self.precision = engine.tokenizer, engine.context, engine.precision
        self._seat = seat

    async def scores(self, tokens: Sequence[int], adapter: int | None = None) -> Sequence[Sequence[float]]:
        return [await self._seat.handle.scores(tokens, adapter or 0)]
