"""One vLLM engine: a process that holds one checkpoint and any number of adapters."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from prover.sampling.pause import Pause
from prover.sampling.sampler import ReplicaStatus, SamplerStats, SamplerUnavailableError
from prover.sampling.serving import Checking, ModelAnswer, ModelRequest
from prover.sampling.vllm import vllm_patches, vllm_process
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.vllm.vllm_metrics import Record
from prover.sampling.vllm.vllm_platform import inspect_checkpoint

_LONGEST_REASON = 500


class ModelEngine:
    """A vLLM engine in a child process. Start it once; requests may run concurrently."""

    heals = False
    copies = 1
    replicas: tuple[ReplicaStatus, ...] = ()

    def __init__(self, name: str, checkpoint: Path, settings: EngineSettings, adapters: int = 0, rank: int = 8) -> None:
        """Create the engine; nothing is loaded.

        Args:
            name: name of its checkpoint in metrics and messages.
            checkpoint: a Hugging Face checkpoint.
            settings: `gpu_memory` is the share of this engine alone.
            adapters: maximum number of adapters.
            rank: maximum rank of an adapter.
        """
        self.name = name
        self.checkpoint = checkpoint
        self._settings = settings
        self.most_adapters = adapters
        self._rank = rank
        self._vllm: Any = None
        self._loading: asyncio.Task[None] | None = None
        self._requests = 0
        self._pause = Pause()
        self._adapter_ids = 0
        self._stats = SamplerStats()
        self.record = Record()
        self.dead = False  # whether its process has ended by itself
        self.longest_token = 0  # in the vocabulary, in characters

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, from transformers."""
        return self._vllm.get_tokenizer()

    @property
    def context(self) -> int:
        """Maximum length of prompt plus answer in tokens."""
        return int(self._vllm.model_config.max_model_len)

    @property
    def precision(self) -> str:
        """Number format of the computation: `float32`, `bfloat16`, …"""
        return str(self._vllm.model_config.dtype).removeprefix("torch.")

    @property
    def largest_rank(self) -> int:
        """Maximum rank of adapters; 0: adapters are not supported."""
        return vllm_process.rank_with_kernel(self._rank) if self.most_adapters else 0

    async def start(self) -> None:
        """Load vLLM and the checkpoint, which takes tens of seconds.

        Raises:
            SamplerUnavailableError: vLLM is not installed, or the checkpoint cannot be served.
        """
        inspect_checkpoint(self.checkpoint)
        vllm_process.prepare()
        self.dead = False
        self._loading = asyncio.create_task(asyncio.to_thread(self._create))
        try:
            await asyncio.shield(self._loading)
            self.longest_token = max(map(len, self.tokenizer.get_vocab()))
            # The first request with log-probabilities is slow; it is sent here so that no user waits for it.
            await self.answer(ModelRequest(self.tokenizer.encode("theorem"), seed=0, max_tokens=2))
        except Exception as error:
            await self.close()
            # Any exception of vLLM here means that this checkpoint does not run on this machine.
            reason = _one_line(error)
            raise SamplerUnavailableError(f"vLLM cannot serve the checkpoint {self.checkpoint}: {reason}") from error

    def _create(self) -> None:
        """Start vLLM's engine. Blocking."""
        self._vllm = vllm_process.create(
            self.name, self.checkpoint, self._settings, self.most_adapters, self.largest_rank, self.record.logger()
        )
        vllm_patches.report_tokens(self._vllm.output_processor, self.record.count)

    async def close(self) -> None:
        """Stop the engine and its process, even while it is being loaded."""
        loading, self._loading = self._loading, None
        if loading is None:
            return
        await asyncio.wait([loading])
        vllm, self._vllm = self._vllm, None
        if vllm is not None:
            await self._stop_reading(vllm)
            await asyncio.to_thread(vllm_process.shut_down, vllm)
            vllm_patches.close_sockets(vllm)
        await asyncio.to_thread(vllm_process.release)

    async def _stop_reading(self, vllm: Any) -> None:
        """Stop vLLM's reader of answers first: it would see the process end, take it for a failure and log errors."""
        from vllm.v1.engine.exceptions import EngineDeadError

        if vllm.output_handler is not None:
            vllm.output_handler.cancel()
            await asyncio.wait([vllm.output_handler])
            vllm.output_processor.propagate_error(EngineDeadError())  # ends the wait of tasks that await an answer

    async def answer(self, request: ModelRequest, adapter: Any = None) -> ModelAnswer:
        """Sample one answer. Cancelling aborts it in the engine.

        Raises:
            SamplerUnavailableError: the engine's process has died.
        """
        await self.unpaused()
        with self._pause.working():
            finished = await self._finish(request, adapter, logprobs=0)  # for the sampled token only
        output = finished.outputs[0]
        return ModelAnswer(output.text, tuple(output.token_ids), float(output.cumulative_logprob))

    async def log_probs(self, tokens: Sequence[int], adapter: Any = None) -> list[float]:
        """Return the log-probability of each token but the first, given those before it."""
        finished = await self._finish(ModelRequest(tokens, seed=0, max_tokens=1), adapter, prompt_logprobs=0)
        # vLLM returns a mapping per token that contains the token itself and likelier ones.
        steps = list(zip(tokens, finished.prompt_logprobs, strict=True))[1:]
        return [float(step[token].logprob) for token, step in steps]

    async def scores(self, tokens: Sequence[int], adapter: Any = None) -> Sequence[Sequence[float]]:
        """See `Scoring.scores`; there is one copy."""
        return [await self.log_probs(tokens, adapter)]

    async def unpaused(self) -> None:
        """Wait until requests are accepted."""
        await self._pause.opened()

    def paused(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Drain running requests; further ones wait until the block ends."""
        return self._pause.paused()

    async def load(self, checkpoint: Path) -> None:
        """Load other weights of the same shapes; the engine must be paused.

        Raises:
            SamplerUnavailableError: it failed, and what the engine holds now is unknown.
        """
        try:
            await self._vllm.collective_rpc("reload_weights", kwargs={"weights_path": str(checkpoint)})
        except Exception as error:
            raise SamplerUnavailableError(f"vLLM cannot load {checkpoint}: {_one_line(error)}") from error
        for _ in range(100):
            if await self.forget_prefixes():  # cached prefixes were computed with the old weights
                break
            await asyncio.sleep(0.01)  # the last request still holds its cache blocks
        else:
            raise SamplerUnavailableError(f"the engine of {self.name} keeps prefixes of the old weights")
        self.checkpoint = checkpoint

    async def forget_prefixes(self) -> bool:
        """Empty the prefix cache; returns False if a request in progress still uses a part of it."""
        return bool(await self._vllm.reset_prefix_cache())

    async def add_adapter(self, folder: Path) -> Any:
        """Load an adapter and return its handle for `answer`.

        Raises:
            SamplerUnavailableError: it cannot be loaded.
        """
        from vllm.lora.request import LoRARequest

        # Each adapter has its own name and number, so that requests and cached prefixes of others stay valid.
        self._adapter_ids += 1
        adapter = LoRARequest(f"adapter-{self._adapter_ids}", self._adapter_ids, str(folder))
        try:
            await self._vllm.add_lora(adapter)
        except Exception as error:
            raise SamplerUnavailableError(f"vLLM cannot load the adapter {folder}: {_one_line(error)}") from error
        return adapter

    async def remove_adapter(self, adapter: Any) -> None:
        """Unload an adapter that has no requests."""
        await self._vllm.remove_lora(adapter.lora_int_id)

    def stats(self) -> SamplerStats:
        """See `SamplerStats`."""
        inside = self._vllm.get_num_unfinished_requests() if self._vllm is not None else 0
        waiting = min(self.record.waiting, inside)
        return replace(
            self._stats, running=inside - waiting, waiting=waiting, sampled_tokens=self.record.sampled_tokens
        )

    def collect(self) -> Iterator[Metric]:
        """See `ServingEngine.collect`."""
        yield from self.record.registry.collect()

    def _count(self, finished: Any) -> None:
        old = self._stats
        if finished is None:
            self._stats = replace(old, aborted=old.aborted + 1)
            return
        self._stats = replace(
            old,
            finished=old.finished + 1,
            prompt_tokens=old.prompt_tokens + len(finished.prompt_token_ids),
            cached_tokens=old.cached_tokens + (finished.num_cached_tokens or 0),
            delivered_tokens=old.delivered_tokens + len(finished.outputs[0].token_ids),
        )

    async def _finish(self, request: ModelRequest, adapter: Any, **log_probs: int) -> Any:
        """Send a request to vLLM and wait for its only output."""
        import vllm
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError

        self._requests += 1
        outputs = self._vllm.generate(
            tokens_input(list(request.prompt)),  # already tokenised; vLLM would process other inputs in a thread
            vllm.SamplingParams(
                temperature=request.temperature,
                top_p=request.top_p,
                max_tokens=request.max_tokens,
                min_tokens=request.min_tokens,
                seed=request.seed,
                stop=list(request.stop),
                output_kind=vllm.sampling_params.RequestOutputKind.FINAL_ONLY,
                **log_probs,
            ),
            request_id=str(self._requests),
            lora_request=adapter,
            priority=request.priority,
        )
        finished = None
        try:
            async for output in outputs:
                finished = output
        except EngineDeadError:
            self.dead = True
            raise SamplerUnavailableError(f"the engine of {self.name} has died") from None
        finally:
            self._count(finished)
        return finished


class ProcessEngines:
    """`Engines` of this machine."""

    elsewhere = False

    async def open(self) -> None:
        """No preparation is needed."""

    async def close(self) -> None:
        """No resources are held."""

    def make(
        self,
        name: str,
        checkpoint: Path,
        settings: EngineSettings,
        adapters: int,
        rank: int,
        changing: asyncio.Lock,
        check: Checking,
    ) -> ModelEngine:
        """See `Engines.make`."""
        return ModelEngine(name, checkpoint, settings, adapters, rank)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_REASON]
