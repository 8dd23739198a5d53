"""Searches with a real engine: it drops requests that they no longer need."""

import asyncio
import importlib.util
import time
from dataclasses import dataclass, field

import pytest

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import Budget
from prover.sampling.sampler import ProofModel, SamplingParams
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.search.search import Ending, Finished, ProofSearch
from prover.search.stepper import TacticState
from prover.search.strategies.independent import Independent
from prover.search.strategies.scripts import Tactic
from prover.search.strategies.stepwise import ModelTactics
from prover.search.strategies.strategy import SearchContext
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

THEOREM = Theorem("theorem u (n : Nat) : n = n")
OPTIONS = SearchTerms(SamplingParams(max_tokens=40, seed=3))


@dataclass
class ThirdTimeLucky:
    """Verifies the third candidate: what a model with random weights writes, Lean never would."""

    checked: int = 0

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        self.checked += 1
        if self.checked < 3:
            return Verdict(VerdictKind.REJECTED)
        return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)


@dataclass
class Lines:
    """Asks a model for the lines that may follow a state, and keeps them."""

    model: ProofModel
    name: str = "lines"
    found: list[Tactic] = field(default_factory=list)

    async def run(self, context: SearchContext) -> None:
        state = TacticState(("⊢ n = n",), ("intro x",))
        async for tactic in ModelTactics(self.model, width=6).propose(context, state):
            self.found.append(tactic)


async def test_meeting_the_goal_ends_all_sampling_in_the_engine(sampler: VllmEngineSampler) -> None:
    search = ProofSearch(ThirdTimeLucky(), 2)
    events = [event async for event in search.prove(THEOREM, [[Independent(sampler)]], Budget(samples=64), OPTIONS)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.ending is Ending.PROOFS_FOUND
    assert finished.spent.tokens == finished.spending[0].tokens > 0
    assert finished.spent.sampled < 64
    end = time.monotonic() + 5
    while sampler.stats().running or sampler.stats().waiting:
        assert time.monotonic() < end, "the engine goes on for nobody"
        await asyncio.sleep(0.02)


async def test_a_model_proposes_single_lines_with_their_log_probabilities(sampler: VllmEngineSampler) -> None:
    lines = Lines(sampler)
    search = ProofSearch(ThirdTimeLucky(), 2)
    events = [event async for event in search.prove(THEOREM, [[lines]], Budget(samples=64), OPTIONS)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.spent.sampled == 6
    assert lines.found
    assert all("\n" not in tactic.text and tactic.log_prob < 0 for tactic in lines.found)
