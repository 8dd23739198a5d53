"""Core automation as a sampler: no model, no randomness; the baseline for all models."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files

from prover.candidate import Candidate
from prover.sampling.plans.plans import plans
from prover.sampling.plans.statement import Statement
from prover.sampling.portfolio.premises import MOST, PremiseFinder, with_premises
from prover.sampling.portfolio.templates import Template
from prover.sampling.sampler import SamplingParams
from prover.source.binders import read_shape
from prover.source.context.declarations import Declared, NameReader, declared, scanned
from prover.theorem import Theorem

_BEFORE_PLANS = 16
"""Fillings tried before plans; most proofs that templates find are among these."""

_MOST_PLANS = 12


LEMMA_TEMPLATES = (
    Template("lemmas-construct", "$intros\nsolve_by_elim [And.intro, Exists.intro, $lemmas]"),
    Template("lemmas-facts", "$intros\n$facts\nfirst | omega | grind"),
)
"""Templates tried first for theorems whose context has other theorems or axioms: the previous lemma is often the proof.
On the 20 theorems of benchmarks/lemmas.jsonl they prove 11, at 0.07 s a check, and 17, at 0.8 s; together all.
"""


@cache
def templates() -> tuple[Template, ...]:
    """Return the templates of portfolio.json in its order, by measured success per second.

    benchmarks/search/portfolio.py wrote the file, with the measured figures next to each template.
    """
    content = json.loads(files("prover.sampling.portfolio").joinpath("portfolio.json").read_text(encoding="utf-8"))
    return tuple(Template(entry["name"], entry["tactics"]) for entry in content["templates"])


@cache
def mathlib_templates() -> tuple[Template, ...]:
    """Return the templates that come first for theorems that import Mathlib; their order has not been measured."""
    content = json.loads(files("prover.sampling.portfolio").joinpath("mathlib.json").read_text(encoding="utf-8"))
    return tuple(Template(entry["name"], entry["tactics"]) for entry in content["templates"])


def templates_for(theorem: Theorem) -> tuple[Template, ...]:
    """Return the templates for a theorem, in order."""
    with_mathlib = any(module.partition(".")[0] == "Mathlib" for module in theorem.header.imports)
    return (*LEMMA_TEMPLATES, *(mathlib_templates() if with_mathlib else ()), *templates())


class PortfolioSampler:
    """Proposes every filling of every template and every plan, in order, at most `params.samples`; other parameters are
    ignored.
    """

    name = "portfolio"

    def __init__(self, reader: NameReader | None = None, finder: PremiseFinder | None = None) -> None:
        """Use `reader` to read a theorem's context; without it, the context is parsed as text.

        Args:
            finder: suggests library theorems, which are passed to automation after all other proposals.
        """
        self._reader = reader
        self._finder = finder

    async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """See `Sampler.sample`."""
        proposed = itertools.islice(proposals(theorem, await declared(self._reader, theorem)), params.samples)
        left = params.samples
        for name, proof in await asyncio.to_thread(list, proposed):  # plans take processor time
            left -= 1
            yield Candidate(proof, source=f"{self.name}:{name}")
        if self._finder is not None and left:
            names = await self._finder.premises(theorem, MOST)
            for name, proof in itertools.islice(with_premises(names), left):
                yield Candidate(proof, source=f"{self.name}:{name}")

    async def start(self) -> None:
        """Load the templates."""
        templates()

    async def close(self) -> None:
        """Nothing to release."""


def proposals(theorem: Theorem, known: Declared | None = None) -> Iterator[tuple[str, str]]:
    """Return all proposals by name, without repetitions: the first templates, plans, then the other templates."""
    filled = ((template.name, proof) for template, proof in fillings(theorem, known))
    statement = Statement.read(theorem)
    planned = (
        () if statement is None else (("plan", proof) for proof in itertools.islice(plans(statement), _MOST_PLANS))
    )
    seen: set[str] = set()
    for name, proof in itertools.chain(itertools.islice(filled, _BEFORE_PLANS), planned, filled):
        if proof not in seen:
            seen.add(proof)
            yield name, proof


def fillings(theorem: Theorem, known: Declared | None = None) -> Iterator[tuple[Template, str]]:
    """Return the proofs that the templates make for a theorem, without repetitions; `known` holds its context's
    declarations.
    """
    shape = replace(read_shape(theorem.statement), declared=scanned(theorem) if known is None else known)
    seen: set[str] = set()
    for template in templates_for(theorem):
        for proof in template.fill(theorem, shape):
            if proof not in seen:
                seen.add(proof)
                yield template, proof
