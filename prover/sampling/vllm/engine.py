"""One engine of vLLM: a process that holds one checkpoint, and any number of adapters on it."""

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
from prover.sampling.vllm import vllm_process
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.vllm.vllm_metrics import Record
from prover.sampling.vllm.vllm_platform import inspect_checkpoint

_LONGEST_REASON = 500


class ModelEngine:
    """See the module. Start it once; any number of answers may be asked for at once."""

    heals = False
    copies = 1
    replicas: tuple[ReplicaStatus, ...] = ()

    def __init__(self, name: str, checkpoint: Path, settings: EngineSettings, adapters: int = 0, rank: int = 8) -> None:
        """Nothing is loaded yet.

        Args:
            name: of its checkpoint, in metrics and messages.
            checkpoint: a Hugging Face checkpoint.
            settings: `gpu_memory` is the share of this engine alone.
            adapters: most adapters at once.
            rank: the largest of their ranks.
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
        self.dead = False  # its process has ended by itself
        self.longest_token = 0  # of the vocabulary, in characters

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, of transformers."""
        return self._vllm.get_tokenizer()

    @property
    def context(self) -> int:
        """Longest prompt plus answer, in tokens."""
        return int(self._vllm.model_config.max_model_len)

    @property
    def precision(self) -> str:
        """What it computes with: `float32`, `bfloat16`, …"""
        return str(self._vllm.model_config.dtype).removeprefix("torch.")

    @property
    def largest_rank(self) -> int:
        """Highest rank of an adapter that the engine takes; 0: it takes none."""
        return vllm_process.rank_with_kernel(self._rank) if self.most_adapters else 0

    async def start(self) -> None:
        """Load vLLM and the checkpoint: tens of seconds.

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
            # The first request with log-probabilities is slow once; users should not be the ones who wait for it.
            await self.answer(ModelRequest(self.tokenizer.encode("theorem"), seed=0, max_tokens=2))
        except Exception as error:
            await self.close()
            # Whatever vLLM raises here, the reason is that this checkpoint does not run on this machine.
            reason = _one_line(error)
            raise SamplerUnavailableError(f"vLLM cannot serve the checkpoint {self.checkpoint}: {reason}") from error

    def _create(self) -> None:
        """Start vLLM's engine. Blocking."""
        self._vllm = vllm_process.create(
            self.name, self.checkpoint, self._settings, self.most_adapters, self.largest_rank, self.record.logger()
        )
        self.record.count(self._vllm.output_processor)

    async def close(self) -> None:
        """Stop the engine and its process; one that is still being loaded, as soon as it is."""
        loading, self._loading = self._loading, None
        if loading is None:
            return
        await asyncio.wait([loading])
        vllm, self._vllm = self._vllm, None
        if vllm is not None:
            await self._stop_reading(vllm)
            await asyncio.to_thread(vllm_process.shut_down, vllm)
            vllm_process.close_sockets(vllm)
        await asyncio.to_thread(vllm_process.release)

    async def _stop_reading(self, vllm: Any) -> None:
        """End vLLM's reader of answers: it would see the process end before it hears that this is meant, and complain."""
        from vllm.v1.engine.exceptions import EngineDeadError

        if vllm.output_handler is not None:
            vllm.output_handler.cancel()
            await asyncio.wait([vllm.output_handler])
            vllm.output_processor.propagate_error(EngineDeadError())  # to those who wait for an answer all the same

    async def answer(self, request: ModelRequest, adapter: Any = None) -> ModelAnswer:
        """Sample one answer. Cancelling aborts it in the engine.

        Raises:
            SamplerUnavailableError: the engine's process has died.
        """
        await self.unpaused()
        with self._pause.working():
            finished = await self._finish(request, adapter, logprobs=0)  # of the sampled token alone
        output = finished.outputs[0]
        return ModelAnswer(output.text, tuple(output.token_ids), float(output.cumulative_logprob))

    async def log_probs(self, tokens: Sequence[int], adapter: Any = None) -> list[float]:
        """Log-probability of each token but the first, given those before it."""
        finished = await self._finish(ModelRequest(tokens, seed=0, max_tokens=1), adapter, prompt_logprobs=0)
        # vLLM gives a mapping a token, with the token itself and likelier ones in it.
        steps = list(zip(tokens, finished.prompt_logprobs, strict=True))[1:]
        return [float(step[token].logprob) for token, step in steps]

    async def scores(self, tokens: Sequence[int], adapter: Any = None) -> Sequence[Sequence[float]]:
        """See `Scoring.scores`: there is one copy."""
        return [await self.log_probs(tokens, adapter)]

    async def unpaused(self) -> None:
        """Return when answers may be asked for."""
        await self._pause.opened()

    def paused(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Let what is running come to its end; further requests for answers wait until the block is left."""
        return self._pause.paused()

    async def load(self, checkpoint: Path) -> None:
        """Take in other weights of the same shapes; the engine must be paused.

        Raises:
            SamplerUnavailableError: it failed, and what the engine holds now is unknown.
        """
        try:
            await self._vllm.collective_rpc("reload_weights", kwargs={"weights_path": str(checkpoint)})
        except Exception as error:
            raise SamplerUnavailableError(f"vLLM cannot load {checkpoint}: {_one_line(error)}") from error
        for _ in range(100):
            if await self.forget_prefixes():  # they were computed with the old weights
                break
            await asyncio.sleep(0.01)  # the blocks of the last request are not given back yet
        else:
            raise SamplerUnavailableError(f"the engine of {self.name} keeps prefixes of the old weights")
        self.checkpoint = checkpoint

    async def forget_prefixes(self) -> bool:
        """Empty the prefix cache; False if a request that the engine's process works on holds some of it."""
        return bool(await self._vllm.reset_prefix_cache())

    async def add_adapter(self, folder: Path) -> Any:
        """Load an adapter and return what `answer` wants for it.

        Raises:
            SamplerUnavailableError: it cannot be loaded.
        """
        from vllm.lora.request import LoRARequest

        # Under a name and number of its own: another adapter's requests and cached prefixes are not touched.
        self._adapter_ids += 1
        adapter = LoRARequest(f"adapter-{self._adapter_ids}", self._adapter_ids, str(folder))
        try:
            await self._vllm.add_lora(adapter)
        except Exception as error:
            raise SamplerUnavailableError(f"vLLM cannot load the adapter {folder}: {_one_line(error)}") from error
        return adapter

    async def remove_adapter(self, adapter: Any) -> None:
        """Forget an adapter that is no longer asked."""
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
        """Put a request to vLLM and wait for its only output."""
        import vllm
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError

        self._requests += 1
        outputs = self._vllm.generate(
            tokens_input(list(request.prompt)),  # what needs no further work: vLLM gives the rest to a thread
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
        """Nothing is needed."""

    async def close(self) -> None:
        """Nothing is left."""

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
