"""Whether a theorem is false: its negation, small counterexamples to it, and a search for a proof of it.

A refutation is a verified proof of a theorem of its own, the negation, which is shown with it: nothing else is claimed.
"""

import contextlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from prover.candidate import Candidate
from prover.errors import InputError
from prover.requests import Check, Search, Service
from prover.search.search import Proof
from prover.source import scanner
from prover.source.binders import Shape, read_shape, signature
from prover.theorem import Theorem
from prover.verdict import Verdict

_VALUES = {
    "Nat": ("0", "1", "2", "3", "5"),
    "ℕ": ("0", "1", "2", "3", "5"),
    "Int": ("0", "1", "(-1)", "2", "(-3)"),
    "ℤ": ("0", "1", "(-1)", "2", "(-3)"),
    "Bool": ("true", "false"),
    "Prop": ("True", "False"),
    "Type": ("Bool", "Nat"),
    "List Nat": ("[]", "[0]", "[1, 0]"),
    "List Int": ("[]", "[0]", "[1, 0]"),
    "List Bool": ("[]", "[true]", "[false, true]"),
    "Nat → Nat": ("(fun _ => 0)", "(fun x => x)", "(fun x => x + 1)"),
    "Option Nat": ("none", "(some 0)", "(some 1)"),
}
_TYPES = ("PUnit", "(ULift Bool)")
_MOST_TRIED = 96  # assignments
_TOGETHER = 12  # in one check
_OPEN = "?_"  # a hypothesis, which is proved apart: inside a term, Lean goes on after a `by` that fails
_VARIABLES = re.compile(r"(?<![\w.])(?:variable|include)\b")


@dataclass(frozen=True, slots=True)
class Refutation:
    """A theorem refuted.

    Attributes:
        negation: what was proved.
        proof: its proof, which the kernel accepted.
        counterexample: variables with values for which the theorem is false, where the proof is by such values.
    """

    negation: Theorem
    proof: Candidate
    verdict: Verdict
    counterexample: tuple[tuple[str, str], ...] = ()


def negation(theorem: Theorem) -> Theorem:
    """The theorem that says that `theorem` is false.

    Raises:
        InputError: it cannot be written down.
    """
    if _VARIABLES.search(scanner.code_of(theorem.context)):
        raise InputError(
            "theorem.context", "a theorem that may use `variable`s cannot be negated as it is: write its binders out"
        )
    parts = signature(theorem.statement)
    if parts is None:
        raise InputError("theorem.statement", "this cannot be negated: expected `theorem NAME binders : goal`")
    head, binders, goal = parts
    # The name in its own namespace, universes included, and what was bound in front of the colon bound in front of the goal.
    name, dot, universes = head.partition(".{")
    says = f"∀ {binders},\n    {goal}" if binders else f"({goal})"
    # A name that nothing declares would be bound outside of the negation.
    context = f"{theorem.context}\nset_option autoImplicit false\n"
    return replace(theorem, statement=f"theorem {name}_refuted{dot}{universes} :\n  ¬ {says}", context=context)


async def disprove(service: Service, search: Search) -> Refutation | None:
    """Look for small counterexamples, then search a proof of the negation within the budget of `search`; None if neither is found.

    Raises:
        UserError: as `Service.prove`, of the negation; or there is none.
    """
    against = negation(search.theorem)
    shape = read_shape(search.theorem.statement)
    check = replace(search.options.check, guard="")
    assignments = list(itertools.islice(_assignments(shape), _MOST_TRIED))
    for start in range(0, len(assignments), _TOGETHER):
        some = assignments[start : start + _TOGETHER]
        if not (await service.check(Check(against, _proof(some), check))).verified:
            continue
        for one in some:  # which of them it was
            candidate = _proof([one])
            verdict = await service.check(Check(against, candidate, check))
            if verdict.verified:
                shown = tuple((name, value) for name, value in one if value != _OPEN)
                return Refutation(against, candidate, verdict, shown)
    options = replace(search.options, budget=replace(search.options.budget, proofs=1), as_found=True)
    async with contextlib.aclosing(service.prove(Search(against, options))) as events:
        async for event in events:
            if isinstance(event, Proof):
                return Refutation(against, event.candidate, event.verdict)
    return None


def _assignments(shape: Shape) -> Iterator[list[tuple[str, str]]]:
    """Values for what a theorem is about, small ones first, and proofs for what it assumes; none if a type is not known."""
    choices: list[tuple[str, tuple[str, ...]]] = []
    propositions = {binder.name for binder in shape.binders if binder.type == "Prop"}
    for binder in shape.binders:
        type_ = " ".join(binder.type.split())
        values = _VALUES.get(type_) or (_TYPES if type_.startswith(("Type ", "Sort ")) else None)
        if values is None and type_ not in propositions and not any(sign in type_ for sign in "=<>≤≥≠∣∧∨¬∈↔→"):
            return
        choices.append((binder.name, values or (_OPEN,)))
    if not any(values != (_OPEN,) for _, values in choices):
        return
    every = itertools.product(*(range(len(values)) for _, values in choices))
    for places in sorted(itertools.islice(every, 20_000), key=lambda places: (sum(places), places)):
        yield [(name, values[place]) for (name, values), place in zip(choices, places, strict=True)]


def _proof(assignments: list[list[tuple[str, str]]]) -> Candidate:
    """A proof of the negation by any of some assignments."""
    lines = (
        f"  | (refine absurd (@h {' '.join(value for _, value in one)}) ?_ <;> first | decide | omega | (simp; done))"
        for one in assignments
    )
    return Candidate("by\n  intro h\n  first\n" + "\n".join(lines), source="counterexample")
