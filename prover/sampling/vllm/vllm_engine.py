"""Samples proofs from language models with vLLM in child processes, on CPUs and on GPUs.

A folder of weights (`prover.sampling.weights`) is served as a whole: each checkpoint has its own engine; adapters run
in the engine of their base. On CPUs whole checkpoints are better for small models: an adapter costs vLLM 3.3 times the
processor time per token there (5 M parameters, rank 16), an engine about 0.7 GiB. On GPUs adapters cost little, and
memory is scarce.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from prover.candidate import Candidate
from prover.sampling.questions import (
    ANSWERS_SHARE,
    Ask,
    Formats,
    Question,
    QuestionSampler,
    draw,
    first_fitting,
    own_formats,
)
from prover.sampling.sampler import (
    PromptTooLongError,
    ReplicaStatus,
    SamplerStats,
    SamplerUnavailableError,
    SamplingParams,
    WeightsReplacedError,
)
from prover.sampling.serving import Engines, ModelRequest, ServingEngine
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.vllm.fleet import Fleet
from prover.sampling.vllm.served import Served
from prover.sampling.vllm.vllm_metrics import merged
from prover.sampling.weights import Weights
from prover.theorem import Theorem

__all__ = ["EngineSettings", "VllmEngineSampler"]


class VllmEngineSampler(QuestionSampler):
    """A `ProofModel` of all models in a folder, shared by any number of concurrent calls.

    A candidate's `log_prob` is the sum over its tokens, the end token included, of their log-probabilities under the
    model at temperature 1, without truncation by `top_p`; its `source` is `model:` and the model's name.
    """

    name = "model"

    def __init__(
        self,
        folder: Path,
        settings: EngineSettings | None = None,
        formats: Formats = own_formats,
        engines: Engines | None = None,
    ) -> None:
        """Create the sampler; nothing is loaded.

        Args:
            folder: folder of weights with a manifest, or a bare Hugging Face checkpoint.
            settings: settings of engines.
            formats: resolves the name of the manifest's prompt format.
            engines: makes engines; by default in processes of this machine.
        """
        self._settings = settings or EngineSettings()
        self._fleet = Fleet(folder, self._settings, formats, engines)

    @property
    def weights(self) -> Weights | None:
        """The served manifest; None for a bare checkpoint."""
        return self._fleet.weights

    @property
    def models(self) -> tuple[str, ...]:
        """Names that `SamplingParams.model` may use; the default first."""
        names = self._fleet.models
        return (self._fleet.default, *(name for name in names if name != self._fleet.default)) if names else ()

    @property
    def loading(self) -> frozenset[str]:
        """Models of `models` still being loaded; a call that names one waits for it."""
        return frozenset(self._fleet.loading)

    @property
    def failed(self) -> Mapping[str, str]:
        """Models of the folder that could not be loaded, with the reason."""
        return self._fleet.failed

    @property
    def replicas(self) -> Mapping[str, tuple[ReplicaStatus, ...]]:
        """Replicas of the models' engines, if these are on hosts of a cluster."""
        return {name: one.engine.replicas for name, one in self._fleet.served.items()}

    async def start(self) -> None:
        """Load vLLM and the models, or with `EngineSettings.background` the base alone.

        Raises:
            SamplerUnavailableError: vLLM is not installed, or the folder cannot be served.
        """
        await self._fleet.start()

    async def close(self) -> None:
        """Stop the engines and their processes, even those being loaded."""
        await self._fleet.close()

    async def reload(self) -> Weights:
        """Serve the models of the folder's current manifest; see `Fleet.reload`."""
        return await self._fleet.reload()

    def stats(self) -> SamplerStats:
        """Statistics of all models together."""
        return SamplerStats.sum([engine.stats() for engine in self._fleet.engines] + self._fleet.retired)

    @property
    def aborted_tokens(self) -> int:
        """Number of tokens sampled without use; exact while no sequence is in progress."""
        stats = self.stats()
        return stats.sampled_tokens - stats.delivered_tokens

    def collect(self) -> Iterator[Metric]:
        """Yield vLLM's own metrics: the sampler is a Prometheus collector."""
        return merged(metric for engine in self._fleet.engines for metric in engine.collect())

    async def _draw(self, params: SamplingParams, theorem: Theorem, ask: Ask) -> AsyncGenerator[Candidate, None]:
        await self._fleet.arrived(params.model)
        served = self._served(params.model)
        context = served.engine.context
        wanted = min(params.max_tokens, context // ANSWERS_SHARE)

        async def encode(question: Question, room: int) -> list[int]:
            return _encode(served, question, room)

        theorem = await self._informed(served.form, theorem)
        fitting = await first_fitting(partial(ask, served.form), theorem, encode, wanted)
        if fitting is None:
            return
        question, prompt = fitting
        room = context - len(prompt)
        begun: tuple[ServingEngine, Path, Any] | None = None
        replaced = False

        async def one(seed: int) -> Candidate | None:
            nonlocal begun, replaced
            served = await self._ready(params.model)
            begun = begun or served.weights
            if served.weights != begun:
                replaced = True
                return None
            request = ModelRequest(
                prompt=prompt,
                seed=seed,
                max_tokens=min(params.max_tokens, room),
                temperature=params.temperature,
                top_p=params.top_p,
                stop=question.stop,
                min_tokens=question.min_tokens,
                priority=params.priority,
                family=theorem.digest,
            )
            try:
                answer = await served.engine.answer(request, served.adapter)
            except SamplerUnavailableError:
                self._fleet.revive(served.engine)
                raise
            return Candidate(
                text=question.read(answer.text),
                source=f"{self.name}:{served.name}",
                log_prob=answer.log_prob,
                tokens=len(answer.tokens),
                seed=seed,
            )

        width = self._settings.sequences * max(1, served.engine.copies)
        sequences = draw(params, width, one, self._settings.best_first)
        try:
            async for candidate in sequences:
                yield candidate
        finally:
            await sequences.aclose()
        if replaced:
            raise WeightsReplacedError(f"new weights took the place of those of {served.name} while it was asked")

    def _served(self, name: str) -> Served:
        served = self._fleet.served
        if not served:
            raise RuntimeError("candidates were requested before the model was started")
        if (name or self._fleet.default) not in served:
            raise ValueError(f"there is no model {name!r}; there are {', '.join(self.models)}")
        return served[name or self._fleet.default]

    async def _ready(self, name: str) -> Served:
        """Return the model once its engine accepts requests."""
        while True:
            served = self._fleet.served.get(name) or self._fleet.served[self._fleet.default]
            await served.engine.unpaused()
            if any(served is one for one in self._fleet.served.values()):
                return served


def _encode(served: Served, question: Question, room: int) -> list[int]:
    """Return the tokens of a question.

    Raises:
        PromptTooLongError: fewer than `room` tokens remain for an answer.
    """
    tokenizer, context = served.engine.tokenizer, served.engine.context
    text = f"the theorem is too long for {served.name}"
    if len(question.prompt) > context * served.engine.longest_token:  # rejects an enormous text before it is tokenised
        raise PromptTooLongError(
            f"{text}: {len(question.prompt)} characters, while it may have {context} tokens with its answer"
        )
    tokens: list[int] = tokenizer.encode(question.prompt)
    tokens += tokenizer.encode(question.beginning, add_special_tokens=False)
    if len(tokens) + room > context:
        raise PromptTooLongError(f"{text}: {len(tokens)} tokens, while prompt and answer together may have {context}")
    return tokens
