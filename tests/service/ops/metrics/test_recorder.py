"""Counters of checks, samplers and searches."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from prometheus_client import CollectorRegistry

from prover.candidate import Candidate
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.sampling.sampler import ProofModel, SamplingParams
from prover.search.search import Ending, Event, Finished, Progress, Proof
from prover.theorem import Theorem
from prover.verdict import Message, Trust, Verdict, VerdictKind
from service.ops.metrics.recorder import Recorder


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    found = registry.get_sample_value(name, labels)
    return 0.0 if found is None else found


VERIFIED = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, elapsed_ms=200.0)


def test_a_check_is_counted_by_verdict_and_trust() -> None:
    recorder = Recorder()
    recorder.checks.checked(VERIFIED, 0.5)
    recorder.checks.checked(Verdict(VerdictKind.REJECTED, elapsed_ms=20.0), 0.02)
    registry = recorder.registry
    assert value(registry, "leansieve_checks_total", verdict="verified", trust="kernel_replayed", path="listed") == 1
    assert value(registry, "leansieve_checks_total", verdict="rejected", trust="none", path="listed") == 1
    assert value(registry, "leansieve_check_seconds_sum") == pytest.approx(0.22)
    assert value(registry, "leansieve_check_wait_seconds_sum") == pytest.approx(0.3)


async def events() -> AsyncGenerator[Event, None]:
    candidate = Candidate("rfl")
    yield Progress(sampled=1, distinct=1, checked=1)
    yield Proof(candidate, VERIFIED, 0.75)
    yield Progress(sampled=3, distinct=2, checked=2, proofs=1)
    yield Proof(candidate, VERIFIED, 2.0)
    spent = Progress(sampled=6, distinct=4, checked=4, proofs=2)
    yield spent
    yield Finished(Ending.PROOFS_FOUND, spent, {})


async def test_a_search_is_counted_as_it_goes_on() -> None:
    recorder = Recorder()
    registry = recorder.registry
    seen = []
    async for event in recorder.search(events()):
        seen.append(event)
        if not isinstance(event, Finished):
            assert value(registry, "leansieve_searches_in_progress") == 1
    assert len(seen) == 6
    assert value(registry, "leansieve_searches_in_progress") == 0
    assert value(registry, "leansieve_searches_total", end="proofs_found") == 1
    assert value(registry, "leansieve_first_proof_seconds_sum") == 0.75
    assert value(registry, "leansieve_first_proof_seconds_count") == 1
    assert value(registry, "leansieve_duplicate_candidates_total") == 2
    assert value(registry, "leansieve_proofs_total") == 2
    assert value(registry, "leansieve_search_seconds_count") == 1


async def test_a_search_whose_client_leaves_is_counted_as_abandoned_and_ended() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield Progress(sampled=1, distinct=1)
        finally:
            ended.set()

    recorder = Recorder()
    search = recorder.search(endless())
    await anext(search)
    await search.aclose()
    assert ended.is_set()
    assert value(recorder.registry, "leansieve_searches_total", end="abandoned") == 1
    assert value(recorder.registry, "leansieve_searches_in_progress") == 0


async def test_a_search_that_breaks_is_counted_as_failed() -> None:
    async def broken() -> AsyncGenerator[Event, None]:
        yield Progress()
        raise ValueError

    recorder = Recorder()
    with pytest.raises(ValueError):  # noqa: PT011
        _ = [event async for event in recorder.search(broken())]
    assert value(recorder.registry, "leansieve_searches_total", end="failed") == 1


async def test_candidates_are_counted_by_sampler() -> None:
    recorder = Recorder()
    sampler = recorder.sampler(PortfolioSampler())
    theorem = Theorem("theorem a (x y : Nat) : x + y = y + x")
    found = [candidate async for candidate in sampler.sample(theorem, SamplingParams(samples=5))]
    assert len(found) == 5
    assert value(recorder.registry, "leansieve_candidates_total", sampler=sampler.name) == 5
    assert value(recorder.registry, "leansieve_sample_seconds_count", sampler=sampler.name) == 5


async def test_a_model_stays_one_and_is_counted_by_the_names_of_its_models() -> None:
    class Model(PortfolioSampler):
        async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
            yield Candidate("rfl", source="model:alpha=0.5")

        async def continue_proof(
            self, theorem: Theorem, prefix: str, params: SamplingParams
        ) -> AsyncGenerator[Candidate, None]:
            yield Candidate(prefix, source="model:alpha=0.5")

        async def repair_proof(
            self, theorem: Theorem, proof: str, error: Message, params: SamplingParams
        ) -> AsyncGenerator[Candidate, None]:
            yield Candidate(proof + error.text, source="model:base")

    recorder, theorem, params = Recorder(), Theorem("theorem a : True"), SamplingParams()
    model = recorder.sampler(Model())
    assert isinstance(model, ProofModel)
    texts = [
        candidate.text
        for asked in (
            model.sample(theorem, params),
            model.continue_proof(theorem, "intro", params),
            model.repair_proof(theorem, "simp", Message("error", "!"), params),
        )
        async for candidate in asked
    ]
    assert texts == ["rfl", "intro", "simp!"]
    assert value(recorder.registry, "leansieve_candidates_total", sampler="model:alpha=0.5") == 2
    assert value(recorder.registry, "leansieve_candidates_total", sampler="model:base") == 1
