"""Steps for goals that no single automation tactic closes: witnesses, cases, instances, induction."""

import itertools
import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.closers import particular
from prover.search.tactics.goals.facts import facts_of, is_sort
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.known import ContextDeclarations
from prover.search.tactics.goals.names import names_of
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.moves.arithmetic import by_remainder, differences, divided, remainders
from prover.search.tactics.moves.inductions import by_constructors, constructors_of, functional, inductions, rules_of
from prover.search.tactics.moves.quantifiers import cases, chosen, diagonal
from prover.search.tactics.moves.steps import steps
from prover.search.tactics.terms.applications import witnessed
from prover.search.tactics.terms.witnesses import closing, terms
from prover.source.binders import Binder

_NUMBERS = ("Nat", "Int", "ℕ", "ℤ")
_FINITE = re.compile(r"Bool|Fin \d{1,3}")
_CASES_AT_ONCE = 3
_MOST_FACTS = 6
_MOST_WITNESSES = 8


def closers(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Tactics that may close a goal."""
    operator, left, right = outermost(goal.target)
    definitions = known.definitions_in(goal.text)
    unfold = f" [{', '.join(definitions)}]" if definitions else ""
    yield from (f"exact {term}" for term in itertools.islice(witnessed(goal), 3))
    yield from closing(goal)
    yield from chosen(goal)
    yield from diagonal(goal)
    yield from differences(goal)
    yield from functional(goal, known)
    yield from _unfolding(known.mentioned(goal.text, known.declared.definitions))
    facts = [each.name for each in facts_of(goal)][-_MOST_FACTS:]
    if operator == "∃":
        yield from (f"exact ⟨_, {fact}⟩" for fact in reversed(facts))
        arithmetic = re.search(r"[<≤≥>%∣+*]", goal.target)
        tactic = "omega" if arithmetic else f"simp_all{unfold}"
        yield from (f"exact ⟨{term}, by {tactic}⟩" for term in itertools.islice(terms(goal), _MOST_WITNESSES))
    yield from _by_cases(goal, known, unfold)
    yield from by_remainder(goal)
    if operator == "=" and unfold:
        yield f"funext x\nsimp only{unfold}\ngrind"
        yield f"funext x\ngrind{unfold}"
    if operator == "∨" and any(each.type in ("Int", "ℤ") for each in goal.hypotheses):
        yield from _product_of_roots(left, right)
    if operator == "=" and left in goal.of_type("Int", "ℤ"):
        yield from _root_of_square(goal, left, right)
    if constructors := rules_of(known, outermost(goal.target)[2]):
        yield f"grind [{', '.join(constructors)}]"
        yield f"solve_by_elim [{', '.join(constructors)}]"
    if known.declared.theorems:
        lemmas = ", ".join(known.declared.theorems[-_MOST_FACTS:])
        yield f"simp_all [{lemmas}]"
        yield f"grind [{lemmas}]"
    if "%" in goal.target:
        yield f"simp [{', '.join(['Nat.add_mod', 'Nat.mul_mod', *facts])}]"
    yield from particular(goal)


def _unfolding(definitions: Sequence[str]) -> Iterator[str]:
    """Automation that unfolds the definitions in a goal."""
    if definitions:
        names = ", ".join(definitions)
        yield from (f"simp [{names}]", f"simp only [{names}]\nomega", f"simp_all [{names}]", f"grind [{names}]")


def _by_cases(goal: Goal, known: ContextDeclarations, unfold: str) -> Iterator[str]:
    """Split on the values of several variables that have few values each."""
    cases = [
        each.name for each in goal.hypotheses if each.type in ("Bool", "Prop") or constructors_of(known, each.type)
    ]
    data = [each for each in goal.hypotheses if not outermost(each.type)[0] and not is_sort(each.type)]
    tests = [each.name for each in goal.hypotheses if re.fullmatch(r"Bool → (?:Bool|Nat|Option .*)", each.type)]
    if tests:
        splits = [f"cases h{name}{value} : {name} {value}" for name in tests[:2] for value in ("true", "false")]
        bools = [f"cases {name}" for name in goal.of_type("Bool")[:2]]
        yield " <;> ".join([*bools, *splits, "simp_all"])
    if data and all(_FINITE.fullmatch(each.type) for each in data):
        yield f"revert {' '.join(each.name for each in data)}\ndecide +kernel"
    inhabited = [name for name in cases if name not in goal.of_type("Prop")]
    for count in range(1, min(len(inhabited), _CASES_AT_ONCE) + 1):
        splits = [f"cases {name}" for name in inhabited[:count]]
        yield " <;> ".join([*splits, f"simp_all{unfold}"])
        yield " <;> ".join([*splits, "contradiction"])
        yield " <;> ".join([*splits, f"grind{unfold}"])
    for each in goal.hypotheses:
        if constructors_of(known, each.type):
            yield f"cases {each.name}"
            yield f"induction {each.name} <;> simp_all{unfold}"
            yield f"induction {each.name} <;> grind{unfold}"


def _product_of_roots(left: str, right: str) -> Iterator[str]:
    """Prove `a = b ∨ c = d` from the product of the differences being 0."""
    (one, a, b), (other, c, d) = outermost(left), outermost(right)
    if one == other == "=":
        product = f"{_difference(a, b)} * {_difference(c, d)} = 0"
        yield f"have h0 : {product} := by grind\nrcases Int.mul_eq_zero.mp h0 with h0 | h0 <;> omega"


def _root_of_square(goal: Goal, left: str, right: str) -> Iterator[str]:
    """Prove `a = b` from the square of the difference being 0, because squares are not negative."""
    if right == "0":
        square = "Lean.Grind.OrderedRing.sq_nonneg (a := {0})"
        names = [name for name in goal.of_type("Int", "ℤ")[:3] if name.isidentifier()]
        signs = [f"have s{name} : 0 ≤ {name} * {name} := by grind [{square.format(name)}]" for name in names]
        root = f"have h0 : {left} * {left} = 0 := by omega\nrcases Int.mul_eq_zero.mp h0 with h0 | h0 <;> exact h0"
        yield "\n".join([*signs, root])


def _difference(left: str, right: str) -> str:
    if right == "0":
        return f"({left})" if " " in left else left
    return f"({left} - ({right}))" if " " in right else f"({left} - {right})"


def choices(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Steps with holes (see `prover.search.tactics.moves.steps`), the best guess first."""
    operator = outermost(goal.target)[0]
    facts = facts_of(goal)
    definitions = known.mentioned(goal.text, known.declared.definitions)
    yield from remainders(goal)
    if operator in ("∣", "=", "∃"):
        yield from divided(goal)
    yield from cases(goal, facts)
    for each in facts:
        if outermost(each.type)[0] == "∨":
            yield f"rcases {each.name} with {each.name} | {each.name}\n· □\n· □"
    for each in goal.hypotheses:
        if constructors := constructors_of(known, each.type):
            yield by_constructors(goal, each.name, constructors)
    if operator == "=":
        yield f"funext {names_of(goal, ['x'])[0]}\n□"
        yield "apply propext\n□"
    yield from (
        f"by_cases h{name} : {name}\n· □\n· □" for name in goal.of_type("Prop")[:2] if f"h{name}" not in _names(goal)
    )
    yield from _instances(goal, known, facts)
    yield from (f"apply {each.name}" for each in facts if _may_conclude(each.type, goal.target))
    if operator == "∨":
        yield "left\n□"
        yield "right\n□"
    yield from inductions(goal, known)
    unfolded = known.definitions_in(goal.text)
    unfold = f" [{', '.join(unfolded)}]" if unfolded else ""
    yield from (f"simp{unfold}\n□", f"simp_all{unfold}\n□")
    if operator == "∃":
        yield from (f"refine ⟨{term}, ?_⟩\n□" for term in itertools.islice(terms(goal), _MOST_WITNESSES))
    if rules_of(known, goal.target):
        yield "constructor"
    if operator not in ("=", "↔", "∧", "∀", "→") and goal.target != "False":
        yield f"apply Classical.byContradiction\nintro {goal.fresh('hn')}\n□"
    yield from steps(goal, definitions)


def _instances(goal: Goal, known: ContextDeclarations, facts: Sequence[Binder]) -> Iterator[str]:
    """Instantiate universal hypotheses with the available variables; if the result is an existential, with its witness
    taken apart at once.
    """
    variables = [each.name for each in goal.hypotheses if not outermost(each.type)[0] and not is_sort(each.type)]
    functions = {each.name for each in goal.hypotheses if outermost(each.type)[0] == "→"}
    plain = [each for each in variables if each not in {fact.name for fact in facts}]
    numbers = goal.of_type(*_NUMBERS)
    for each in facts:
        head, side, body = outermost(each.type)
        if head == "=" and (side in functions or re.search(r"\bfun |∘", each.type) or known.declared.definitions):
            yield from (
                f"have {goal.fresh('h' + name)} := congrFun {each.name} {name}\n□" for name in reversed(plain[-2:])
            )
        if head != "∀":
            continue
        inner = outermost(body.partition(", ")[2])[0]
        for variable in reversed(plain[-4:]):
            if inner == "∃":
                w, hw = names_of(goal, ["w", "hw"])
                yield f"obtain ⟨{w}, {hw}⟩ := {each.name} {variable}\n□"
            else:
                yield f"have {goal.fresh('h' + variable)} := {each.name} {variable}\n□"
        if numbers:
            yield f"have {goal.fresh('h' + numbers[-1])} := {each.name} ({numbers[-1]} + 1)\n□"


def _may_conclude(type_: str, target: str) -> bool:
    """Whether a hypothesis is an implication whose conclusion resembles the target."""
    head, _, rest = outermost(type_)
    while head in ("∀", "→"):
        rest = rest.partition(", ")[2] if head == "∀" else rest
        head, _, right = outermost(rest)
        if head not in ("∀", "→"):
            return head == outermost(target)[0] and (bool(head) or rest.split(" ")[0] == target.split(" ")[0])
        rest = right
    return False


def _names(goal: Goal) -> set[str]:
    return {each.name for each in goal.hypotheses}
