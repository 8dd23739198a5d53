"""Proofs tried first: a hypothesis, a hypothesis applied to another, a witness, a single tactic."""

from collections.abc import Iterator

from prover.search.readability import cost
from prover.search.tactics.closers import particular
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.names import Names, introduced
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.terms.applications import applied, witnessed
from prover.search.tactics.terms.witnesses import solutions
from prover.source.binders import read_shape

_SIMPLE = ("rfl", "simp", "omega", "decide", "simp_all", "grind")


def plain(statement: str) -> Iterator[str]:
    """Yield whole proofs of a theorem: terms, then tactics, the most readable first."""
    shape = read_shape(statement)
    binders = shape.binders[: len(shape.binders) - len(shape.intros)]
    intros = introduced(shape, Names(binders))
    goal = Goal((*binders, *intros), shape.goal, "")
    terms = list(dict.fromkeys(plain_terms(goal)))
    tactics = [text for text in particular(goal) if "\n" not in text and not text.startswith("exact ")]
    if intros:
        names = " ".join(each.name for each in intros)
        intro = f"intro {names}"
        proofs = [f"fun {names} => {term}" for term in terms]
        tactics = ["simp", "grind", *(f"{intro}\n  {tactic}" for tactic in (*_SIMPLE, *tactics))]
    else:
        proofs = terms
        tactics = [*_SIMPLE, *tactics]
    yield from proofs
    yield from sorted(dict.fromkeys(f"by\n  {tactic}" for tactic in tactics), key=cost)


def plain_terms(goal: Goal) -> Iterator[str]:
    """Return terms that have the goal's type, judging by the texts of the hypotheses."""
    by_type = {each.type: each.name for each in goal.hypotheses}
    yield from applied(goal, goal.target)
    yield from witnessed(goal)
    operator, left, right = outermost(goal.target)
    if operator == "∧" and left in by_type and right in by_type:
        yield f"⟨{by_type[left]}, {by_type[right]}⟩"
    if operator == "∨":
        yield from (f".{side} {by_type[part]}" for side, part in (("inl", left), ("inr", right)) if part in by_type)
    if operator == "∃":
        yield "⟨_, rfl⟩"
        for witness, _ in solutions(goal):
            yield f"⟨{witness}, rfl⟩"
    if operator == "=":
        yield "rfl"
    for tactic in particular(goal):
        if tactic.startswith("exact ") and "by " not in tactic and ".." not in tactic:
            yield tactic.removeprefix("exact ")
