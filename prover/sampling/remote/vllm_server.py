"""Samples proofs from models on remote `vllm serve` processes, over their OpenAI-compatible HTTP API."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from pydantic import SecretStr

from prover.candidate import Candidate
from prover.sampling.prompt import PromptFormat
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
from prover.sampling.remote.endpoints import Endpoints, EndpointStatus
from prover.sampling.sampler import (
    PromptTooLongError,
    ReplicaStatus,
    SamplerStats,
    SamplerUnavailableError,
    SamplingParams,
)
from prover.sampling.tokenizers import load_tokenizer
from prover.sampling.weights import Weights, WeightsError
from prover.theorem import Theorem

__all__ = ["EndpointStatus", "RemoteServerSettings", "VllmServerSampler"]


@dataclass(frozen=True, slots=True)
class RemoteServerSettings:
    """Settings for remote servers.

    Attributes:
        api_key: bearer token for the servers.
        model: default model; empty: the first that a server lists.
        prompt_format: prompt format of models without a manifest.
        tokenizer: folder of the models' tokenizer, for prompt formats that need its chat template.
        stop_texts: maximum number of stop texts that the servers accept (`VLLM_MAX_STOP_STRINGS` in their environment);
            for further ones, complete answers are cut here.
        sequences: maximum number of concurrent sequences of one call on each server.
        best_first: whether the likeliest of the waiting candidates is returned first.
        connect_seconds: time limit of a connection.
        request_seconds: time limit of a candidate.
        health_seconds: interval of health checks.
    """

    api_key: SecretStr | None = None
    model: str = ""
    prompt_format: str = "source"
    tokenizer: Path | None = None
    stop_texts: int = 4
    sequences: int = 64
    best_first: bool = True
    connect_seconds: float = 5.0
    request_seconds: float = 300.0
    health_seconds: float = 5.0


class VllmServerSampler(QuestionSampler):
    """A `ProofModel` over any number of servers. `VllmEngineSampler` describes the fields of candidates.

    Each sequence goes to the healthy server with the fewest of our sequences. If a server fails, the others sample its
    sequences again from the same seeds. `SamplingParams.priority` is not passed on: a server not started with
    priorities rejects them.
    """

    name = "model"

    def __init__(
        self,
        urls: tuple[str, ...] | list[str],
        settings: RemoteServerSettings | None = None,
        weights: Weights | None = None,
        formats: Formats = own_formats,
    ) -> None:
        """Create the sampler; no server is contacted.

        Args:
            urls: addresses of the servers, with or without the final `/v1`.
            settings: settings for the servers.
            weights: measured curves of the models, by the servers' model names.
            formats: resolves the names of prompt formats in manifest or settings.

        Raises:
            ValueError: an address is invalid.
        """
        self._settings = settings or RemoteServerSettings()
        self.weights = weights
        self._formats = formats
        self._form: PromptFormat | None = None
        self._stats = SamplerStats()
        self._endpoints = Endpoints(
            urls,
            self._settings.api_key,
            self._settings.connect_seconds,
            self._settings.request_seconds,
            self._settings.health_seconds,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Names that `SamplingParams.model` may use now; the default first."""
        names = list(self._endpoints.contexts)
        default = self._settings.model or (self.weights.base if self.weights else "")
        return tuple(sorted(names, key=lambda name: name != default))

    @property
    def loading(self) -> frozenset[str]:
        """Always empty: models that a server lists are loaded."""
        return frozenset()

    @property
    def failed(self) -> Mapping[str, str]:
        """Models of the manifest that no healthy server has now."""
        known = [model.name for model in self.weights.models] if self.weights else []
        return {name: "no vLLM server that has it answers" for name in known if name not in self._endpoints.contexts}

    @property
    def replicas(self) -> Mapping[str, tuple[ReplicaStatus, ...]]:
        """Always empty: remote servers are not replicas; `endpoints` gives their status."""
        return {}

    @property
    def endpoints(self) -> tuple[EndpointStatus, ...]:
        """Status of each server."""
        return self._endpoints.status

    async def start(self) -> None:
        """Query the servers.

        Raises:
            SamplerUnavailableError: no server is healthy, or the settings do not fit them.
        """
        try:
            self._form = self._format_of(self.weights)
        except (ValueError, OSError, ImportError) as error:
            raise SamplerUnavailableError(f"prompt_format of the vLLM servers: {error}") from None
        await self._endpoints.open()
        self._check_models(self.weights, SamplerUnavailableError)

    async def close(self) -> None:
        """Close all connections."""
        await self._endpoints.close()

    async def reload(self, weights: Weights | None = None) -> Weights | None:
        """Query again which models the servers serve, and apply the current manifest.

        Raises:
            WeightsError: a model named by the manifest or the settings is not served, or its prompt format is unknown;
                nothing changes.
        """
        weights = weights or self.weights
        await self._endpoints.ask_all()
        self._check_models(weights, WeightsError)
        try:
            self._form, self.weights = self._format_of(weights), weights
        except ValueError as error:
            raise WeightsError(f"prompt_format of the vLLM servers: {error}") from None
        return self.weights

    def stats(self) -> SamplerStats:
        """Statistics of our requests; `sampled_tokens` omits tokens of sequences that a server aborted."""
        running = sum(endpoint.running for endpoint in self.endpoints)
        return replace(self._stats, running=running, sampled_tokens=self._stats.delivered_tokens)

    def collect(self) -> Iterator[Metric]:
        """Yield the servers' status as metrics: the sampler is a Prometheus collector."""
        healthy = GaugeMetricFamily("leansieve_vllm_server_healthy", "1 if it answers.", labels=["server"])
        running = GaugeMetricFamily("leansieve_vllm_server_running", "Candidates that it works on.", labels=["server"])
        for endpoint in self.endpoints:
            healthy.add_metric([endpoint.url], endpoint.healthy)
            running.add_metric([endpoint.url], endpoint.running)
        yield from (healthy, running)

    def _format_of(self, weights: Weights | None) -> PromptFormat:
        name = weights.prompt_format if weights else self._settings.prompt_format
        folder = self._settings.tokenizer
        return self._formats(name, None if folder is None else load_tokenizer(folder))

    def _check_models(self, weights: Weights | None, error: type[Exception]) -> None:
        served = self._endpoints.contexts
        wanted = [model.name for model in weights.models] if weights else []
        for name in filter(None, [self._settings.model, *wanted]):
            if name not in served:
                raise error(f"no vLLM server serves the model {name!r}; they serve {', '.join(served) or 'none'}")

    async def _draw(self, params: SamplingParams, theorem: Theorem, ask: Ask) -> AsyncGenerator[Candidate, None]:
        if self._form is None:
            raise RuntimeError("candidates were requested before the model was started")
        models = self.models
        if params.model and params.model not in models and any(endpoint.healthy for endpoint in self.endpoints):
            raise ValueError(f"there is no model {params.model!r}; there are {', '.join(models)}")
        model = params.model or next(iter(models), "")
        wanted = min(params.max_tokens, self._endpoints.contexts.get(model, params.max_tokens) // ANSWERS_SHARE)
        theorem = await self._informed(self._form, theorem)
        fitting = await first_fitting(partial(ask, self._form), theorem, partial(self._encode, model), wanted)
        if fitting is None:
            return
        question, prompt = fitting
        body = {
            "model": model,
            "prompt": prompt,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "max_tokens": min(params.max_tokens, self._endpoints.contexts.get(model, len(prompt) + 1) - len(prompt)),
            "min_tokens": question.min_tokens,
            "stop": list(question.stop[: self._settings.stop_texts]),
            "logprobs": 0,  # for the sampled token only
            # Override defaults of the checkpoint's generation_config.json:
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
        }

        async def one(seed: int) -> Candidate:
            answer = None
            try:
                answer = await self._endpoints.post("/v1/completions", body | {"seed": seed})
            finally:
                self._count(answer)
            text, log_probs = _cut(answer["choices"][0], question.stop[self._settings.stop_texts :])
            source = f"{self.name}:{model}"
            return Candidate(
                question.read(text), source=source, log_prob=sum(log_probs), tokens=len(log_probs), seed=seed
            )

        healthy = sum(endpoint.healthy for endpoint in self.endpoints)
        sequences = draw(params, self._settings.sequences * max(1, healthy), one, self._settings.best_first)
        try:
            async for candidate in sequences:
                yield candidate
        finally:
            await sequences.aclose()

    async def _encode(self, model: str, question: Question, room: int) -> list[int]:
        """Return the tokens of a question, from the server's tokenizer.

        Raises:
            PromptTooLongError: fewer than `room` tokens remain for an answer.
        """
        parts = [(question.prompt, True), (question.beginning, False)]
        tokens: list[int] = []
        for text, special in parts:
            if text:
                body = {"model": model, "prompt": text, "add_special_tokens": special}
                tokens += (await self._endpoints.post("/tokenize", body))["tokens"]
        context = self._endpoints.contexts.get(model, len(tokens) + room)
        if len(tokens) + room > context:
            raise PromptTooLongError(
                f"the theorem is too long for {model}: {len(tokens)} tokens, while prompt and answer together may have {context}"
            )
        return tokens

    def _count(self, answer: Any) -> None:
        old = self._stats
        if answer is None:
            self._stats = replace(old, aborted=old.aborted + 1)
            return
        usage = answer["usage"]
        details = usage.get("prompt_tokens_details") or {}
        self._stats = replace(
            old,
            finished=old.finished + 1,
            prompt_tokens=old.prompt_tokens + usage["prompt_tokens"],
            cached_tokens=old.cached_tokens + (details.get("cached_tokens") or 0),
            delivered_tokens=old.delivered_tokens + usage["completion_tokens"],
        )


def _cut(choice: Any, stop: tuple[str, ...]) -> tuple[str, list[float]]:
    """Cut an answer at the first stop text that its server did not know, and its tokens' log-probabilities after it."""
    text, log_probs = str(choice["text"]), [float(value) for value in choice["logprobs"]["token_logprobs"]]
    found = [(start, start + len(one)) for one in stop if (start := text.find(one)) >= 0]
    if not found:
        return text, log_probs
    start, end = min(found)
    offsets = choice["logprobs"]["text_offset"]
    return text[:start], [value for value, offset in zip(log_probs, offsets, strict=True) if offset < end]
