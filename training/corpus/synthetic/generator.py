"""Draws theorems from all templates in turn; equal seeds give equal corpora."""

import hashlib
from collections.abc import Mapping, Sequence
from random import Random

from training.corpus.dedupe import canonical
from training.corpus.record import TheoremRecord
from training.corpus.synthetic import options
from training.corpus.synthetic.draft import Draft, Template
from training.corpus.synthetic.families import (
    arithmetic,
    divisibility,
    first_order,
    induction,
    inequalities,
    lists,
    propositional,
)

FAMILIES: Mapping[str, Mapping[str, Template]] = {
    "arithmetic": arithmetic.TEMPLATES,
    "divisibility": divisibility.TEMPLATES,
    "inequalities": inequalities.TEMPLATES,
    "propositional": propositional.TEMPLATES,
    "first_order": first_order.TEMPLATES,
    "lists": lists.TEMPLATES,
    "options": options.TEMPLATES,
    "induction": induction.TEMPLATES,
}

_PATIENCE = 50
"""Consecutive repetitions after which a template counts as exhausted."""


def generate(count: int, seed: int = 0, families: Sequence[str] = tuple(FAMILIES)) -> list[TheoremRecord]:
    """Return at most `count` different theorems, distributed evenly over families and their templates, as far as
    possible.

    Raises:
        ValueError: a family is unknown.
    """
    unknown = [family for family in families if family not in FAMILIES]
    if unknown:
        raise ValueError(f"Unknown family {unknown[0]!r}; the choices are {', '.join(FAMILIES)}.")
    # Each template has its own random generator, so that adding one does not change the others' results.
    streams = {
        family: [(name, template, Random(f"{seed}/{family}/{name}")) for name, template in FAMILIES[family].items()]
        for family in families
    }
    seen: set[str] = set()
    records: list[TheoremRecord] = []
    while len(records) < count and any(streams.values()):
        for family in families:
            if not streams[family] or len(records) >= count:
                continue
            name, template, random = streams[family].pop(0)
            record = _fresh(family, name, template, random, seen)
            if record is not None:
                records.append(record)
                streams[family].append((name, template, random))
    return records


def _fresh(family: str, name: str, template: Template, random: Random, seen: set[str]) -> TheoremRecord | None:
    """Return a new theorem; None if the template seems exhausted."""
    for _ in range(_PATIENCE):
        record = draw(family, name, template, random)
        key = canonical(record)
        if key not in seen:
            seen.add(key)
            return record
    return None


def draw(family: str, name: str, template: Template, random: Random) -> TheoremRecord:
    """Return a theorem of one template."""
    return named(template(random), f"{family}/{name}", random)


def named(draft: Draft, family: str, random: Random) -> TheoremRecord:
    """Return a draft as a theorem under a name without meaning."""
    state = random.getstate()
    text = draft.statement("_", random)
    digest = hashlib.sha256(f"{draft.context}\0{text}".encode()).hexdigest()[:10]
    random.setstate(state)
    theorem = f"syn_{digest}"  # reveals nothing about the family, because the name is part of the prompt
    return TheoremRecord(
        name=theorem,
        statement=draft.statement(theorem, random),
        context=draft.context,
        source="synthetic",
        family=family,
    )
