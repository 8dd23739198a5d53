"""Core automation as a sampler: no model, no randomness, and the baseline that every model has to beat."""

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
"""Fillings tried before plans: what templates prove, they mostly prove by then."""

_MOST_PLANS = 12


LEMMA_TEMPLATES = (
    Template("lemmas-construct", "$intros\nsolve_by_elim [And.intro, Exists.intro, $lemmas]"),
    Template("lemmas-facts", "$intros\n$facts\nfirst | omega | grind"),
)
"""For theorems of whose context other theorems or axioms are a part, before all others: the lemma above is often the proof. Of
the 20 theorems of benchmarks/lemmas.jsonl they prove 11, in 0.07 s a check, and 17, in 0.8 s; together all."""


@cache
def templates() -> tuple[Template, ...]:
    """The templates of portfolio.json in the order in which it lists them: by measured success per second.

    benchmarks/search/portfolio.py measured them and wrote the file; the figures stand in it next to each template.
    """
    content = json.loads(files("prover.sampling.portfolio").joinpath("portfolio.json").read_text(encoding="utf-8"))
    return tuple(Template(entry["name"], entry["tactics"]) for entry in content["templates"])


@cache
def mathlib_templates() -> tuple[Template, ...]:
    """The templates for theorems that import Mathlib, which precede the others there; their order has not been measured."""
    content = json.loads(files("prover.sampling.portfolio").joinpath("mathlib.json").read_text(encoding="utf-8"))
    return tuple(Template(entry["name"], entry["tactics"]) for entry in content["templates"])


def templates_for(theorem: Theorem) -> tuple[Template, ...]:
    """The templates that a theorem is tried with, in their order."""
    with_mathlib = any(module.partition(".")[0] == "Mathlib" for module in theorem.header.imports)
    return (*LEMMA_TEMPLATES, *(mathlib_templates() if with_mathlib else ()), *templates())


class PortfolioSampler:
    """Proposes every filling of every template and every plan, in order, at most `params.samples`; the other parameters do nothing."""

    name = "portfolio"

    def __init__(self, reader: NameReader | None = None, finder: PremiseFinder | None = None) -> None:
        """Ask `reader` what a theorem's context declares; without one it is guessed from the text.

        Args:
            finder: suggests theorems of the library, which automation is given when all else has been proposed.
        """
        self._reader = reader
        self._finder = finder

    async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """See `Sampler.sample`."""
        proposed = itertools.islice(proposals(theorem, await declared(self._reader, theorem)), params.samples)
        left = params.samples
        for name, proof in await asyncio.to_thread(list, proposed):  # plans compute
            left -= 1
            yield Candidate(proof, source=f"{self.name}:{name}")
        if self._finder is not None and left:
            names = await self._finder.premises(theorem, MOST)
            for name, proof in itertools.islice(with_premises(names), left):
                yield Candidate(proof, source=f"{self.name}:{name}")

    async def start(self) -> None:
        """Nothing to load but the templates."""
        templates()

    async def close(self) -> None:
        """Nothing to give back."""


def proposals(theorem: Theorem, known: Declared | None = None) -> Iterator[tuple[str, str]]:
    """All that is proposed, by name, without repetitions: the first templates, plans, and the other templates."""
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
    """The proofs that the templates make for a theorem, without repetitions; `known` is what its context declares."""
    shape = replace(read_shape(theorem.statement), declared=scanned(theorem) if known is None else known)
    seen: set[str] = set()
    for template in templates_for(theorem):
        for proof in template.fill(theorem, shape):
            if proof not in seen:
                seen.add(proof)
                yield template, proof
