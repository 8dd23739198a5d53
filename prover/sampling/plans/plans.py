"""Proofs by plans that analyse the numbers first: roots, bounds, moduli, witnesses, and induction over powers.

Automation alone does not find these proofs; a model trained on them proposes similar ones with other numbers.
"""

from collections.abc import Iterator

from prover.sampling.plans.bounds import bounded, too_small
from prover.sampling.plans.inductions import from_a_base, powers
from prover.sampling.plans.residues import no_solution, quotient, remainders
from prover.sampling.plans.statement import Statement
from prover.sampling.plans.witnesses import roots, same_function, witnesses

_LONGEST = 400
"""Maximum length of a statement in characters, which bounds the time per request to a fraction of a second."""


def plans(statement: Statement) -> Iterator[str]:
    """Yield promising proofs; variables and hypotheses after the colon are introduced first."""
    if len(statement.text("t")) > _LONGEST:
        return
    opening = [f"intro {' '.join(statement.moved)}"] if statement.moved else []
    for plan in (
        same_function,
        witnesses,
        roots,
        no_solution,
        powers,
        from_a_base,
        quotient,
        remainders,
        too_small,
        bounded,
    ):
        for lines in plan(statement):
            yield "\n".join(["by", *(f"  {line}" for line in (*opening, *lines))])
