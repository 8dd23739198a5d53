"""Puts both sides of an equation under a function."""

from random import Random

from prover.sampling.plans.statement import Statement, bracketed
from prover.search.tactics.goals.propositions import outermost
from training.conjectures.mutations import Conjecture, KnownTheorem, below, block
from training.conjectures.sources.typing import type_of

_FORMS = {
    "Nat": ("{0} % {n}", "Nat.gcd {0} {v}", "List.replicate {0} {n}", "min {0} {v}", "max {v} {0}", "{0} - {v}"),
    "Int": ("{0} % {n}", "{0}.natAbs", "-{0}", "{v} - {0}", "{0} ^ 2"),
    "Bool": ("!{0}", "({0} && {v})", "({v} || {0})", "{0}.toNat", "(if {0} then {n} else 0)"),
    "List": (
        "{0}.length",
        "{0}.reverse",
        "{0} ++ {v}",
        "{v} ++ {0}",
        "{n} :: {0}",
        "{0}.take {n}",
        "{0}.drop {n}",
        "{0}.map (fun x => x + {n})",
        "{0}.isEmpty",
        "{0}.head?",
        "{0}.contains {n}",
    ),
    "Option": ("{0}.isSome", "{0}.getD {n}", "{0}.map (fun x => x + {n})", "{0}.toList", "{0}.or {v}"),
}
_OF_NUMBERS = ("List Nat", "List Int", "Option Nat", "Option Int")


def under_function(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Apply a function to both sides of an equation."""
    relation, left, right = outermost(known.statement.goal)
    types = dict(known.statement.variables)
    type_ = type_of(left, types) or type_of(right, types)
    head = type_.partition(" ")[0]
    if relation != "=" or not left or head not in _FORMS or (" " in type_ and type_ not in _OF_NUMBERS):
        return None
    same = known.statement.of_type(type_)
    forms = [form for form in _FORMS[head] if same or "{v}" not in form]
    form, value, number = random.choice(forms), random.choice(same or [""]), random.randint(1, 9)
    sides = [form.format(bracketed(side), v=value, n=number) for side in (left, right)]
    statement = Statement(known.statement.variables, known.statement.hypotheses, f"{sides[0]} = {sides[1]}")
    proofs = []
    for text in filter(None, map(block, known.proofs)):
        fact = f"by\n  have key : {known.statement.goal} := by\n    {below(text, 4)}\n"
        proofs += [f"by\n  congr 1\n  {below(text, 2)}", f"{fact}  rw [key]", f"{fact}  simp [key]"]
    return Conjecture(statement, (*known.proofs, *proofs))
