"""Counters and histograms of checks, samples, searches and look-ups. Recording only adds to a number.

Label values are few and defined by the server: verdicts, samplers, methods; never theorems, clients or texts of these.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from prover.candidate import Candidate
from prover.sampling.sampler import ProofModel, Sampler, SamplingParams
from prover.search.search import Event, Finished, Progress, Proof
from prover.theorem import Theorem
from prover.verdict import Message
from service.auth.identity import Refusal
from service.ops.connections.guests import Tallies
from service.ops.metrics.calls import CHECK_SECONDS, CheckRecorder, Tracing

_SEARCH_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600)


class Recorder:
    """One server's counters, in their own registry.

    Attributes:
        checks: counters of checks.
    """

    def __init__(self, tracing: Tracing | None = None) -> None:
        """Start at zero; checks and samplers are also traced."""
        self.tracing = tracing or Tracing()
        self.registry = CollectorRegistry()
        self.checks = CheckRecorder(self.registry, self.tracing)
        self._count_samples()
        self._count_searches()
        self._count_clients()

    def _count_samples(self) -> None:
        self._candidates = Counter(
            "leansieve_candidates", "Candidates sampled, by sampler.", ["sampler"], registry=self.registry
        )
        self._sample_seconds = Histogram(
            "leansieve_sample_seconds",
            "Wait for the next candidate of a sampler.",
            ["sampler"],
            buckets=CHECK_SECONDS,
            registry=self.registry,
        )

    def _count_searches(self) -> None:
        self._duplicates = Counter(
            "leansieve_duplicate_candidates",
            "Candidates that were the same as an earlier one of their search.",
            registry=self.registry,
        )
        self._proofs = Counter(
            "leansieve_proofs", "Distinct verified proofs found by searches.", registry=self.registry
        )
        self._searches = Counter(
            "leansieve_searches",
            "Searches that ended, by how; `abandoned`: the client left.",
            ["end"],
            registry=self.registry,
        )
        self._searching = Gauge("leansieve_searches_in_progress", "Running searches.", registry=self.registry)
        self._first_proof_seconds = Histogram(
            "leansieve_first_proof_seconds",
            "From the start of a search to its first verified proof.",
            buckets=_SEARCH_SECONDS,
            registry=self.registry,
        )
        self._search_seconds = Histogram(
            "leansieve_search_seconds", "How long searches took.", buckets=_SEARCH_SECONDS, registry=self.registry
        )
        self._lookups = Counter(
            "leansieve_store_lookups",
            "Look-ups in the store of verdicts and proofs, by result.",
            ["result"],
            registry=self.registry,
        )
        for result in ("hit", "miss"):
            self._lookups.labels(result)

    def _count_clients(self) -> None:
        self._connections = Gauge("leansieve_connections", "Connections, by port.", ["port"], registry=self.registry)
        self._refused_connections = Counter(
            "leansieve_connections_refused",
            "Connections turned away, or closed to make room for others, by port.",
            ["port"],
            registry=self.registry,
        )

        self._refused_calls = Counter(
            "leansieve_refused_calls", "Calls that were not let in, by reason.", ["reason"], registry=self.registry
        )
        for reason in Refusal:
            self._refused_calls.labels(reason.value)

    def refused(self, reason: Refusal) -> None:
        """Count a refused call."""
        self._refused_calls.labels(reason.value).inc()

    def connections(self, port: str) -> Tallies:
        """Return the metrics for connections to a port: `grpc`, `http` or `metrics`."""
        return Tallies(self._connections.labels(port), self._refused_connections.labels(port))

    def sampler(self, sampler: Sampler) -> Sampler:
        """Return `sampler` with recording, under its name or the names of its models."""
        return _RecordedModel(self, sampler) if isinstance(sampler, ProofModel) else _RecordedSampler(self, sampler)

    def sampled(self, sampler: str, seconds: float) -> None:
        """Record a candidate that was proposed `seconds` after its request."""
        self._candidates.labels(sampler).inc()
        self._sample_seconds.labels(sampler).observe(seconds)

    def looked_up(self, hit: bool) -> None:
        """Record a look-up of known proofs in the store."""
        self._lookups.labels("hit" if hit else "miss").inc()

    async def search(self, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        """Pass on the events of a search and record them."""
        with self._in_progress() as record:
            async with contextlib.aclosing(events):
                async for event in events:
                    record(event)
                    yield event

    @contextlib.contextmanager
    def _in_progress(self) -> Iterator["_SearchRecord"]:
        record = _SearchRecord(self._first_proof_seconds, self._duplicates, self._proofs)
        self._searching.inc()
        try:
            yield record
        except Exception:
            record.end = "failed"
            raise
        finally:
            self._searching.dec()
            self._searches.labels(record.end).inc()
            self._search_seconds.observe(time.monotonic() - record.began)


class _SearchRecord:
    """Adds the increments in each event of a search."""

    def __init__(self, first_proof: Histogram, duplicates: Counter, proofs: Counter) -> None:
        self.began = time.monotonic()
        self.end = "abandoned"
        self._first_proof = first_proof
        self._duplicates = duplicates
        self._proofs = proofs
        self._seen = Progress()

    def __call__(self, event: Event) -> None:
        match event:
            case Proof(seconds=seconds):
                if not self._seen.proofs:
                    self._first_proof.observe(seconds)
            case Progress():
                self._add(event)
            case Finished(ending=ending, spent=spent):
                self._add(spent)
                self.end = ending.value

    def _add(self, now: Progress) -> None:
        before, self._seen = self._seen, now
        self._duplicates.inc(max(0, (now.sampled - now.distinct) - (before.sampled - before.distinct)))
        self._proofs.inc(max(0, now.proofs - before.proofs))


class _RecordedSampler:
    def __init__(self, recorder: Recorder, sampler: Sampler) -> None:
        self._recorder = recorder
        self._sampler = sampler

    @property
    def name(self) -> str:
        return self._sampler.name

    async def start(self) -> None:
        await self._sampler.start()

    async def close(self) -> None:
        await self._sampler.close()

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        return self._recorded(self._sampler.sample(theorem, params), lambda _candidate: self.name)

    async def _recorded(
        self, candidates: AsyncGenerator[Candidate, None], label: Callable[[Candidate], str]
    ) -> AsyncGenerator[Candidate, None]:
        with self._recorder.tracing.span("sample", current=False) as span:
            span.set_attribute("leansieve.sampler", self.name)
            async with contextlib.aclosing(candidates):
                began = time.monotonic()
                async for candidate in candidates:
                    self._recorder.sampled(label(candidate), time.monotonic() - began)
                    yield candidate
                    began = time.monotonic()


class _RecordedModel(_RecordedSampler):
    """Records a model's candidates by their source, the model's name; there are few models."""

    def __init__(self, recorder: Recorder, model: ProofModel) -> None:
        super().__init__(recorder, model)
        self._model = model

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        return self._recorded(self._model.sample(theorem, params), _source)

    def continue_proof(self, theorem: Theorem, prefix: str, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        return self._recorded(self._model.continue_proof(theorem, prefix, params), _source)

    def repair_proof(
        self, theorem: Theorem, proof: str, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        return self._recorded(self._model.repair_proof(theorem, proof, error, params), _source)


def _source(candidate: Candidate) -> str:
    return candidate.source
