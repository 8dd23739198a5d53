"""What a person would try on a goal that no single tactic of automation closes: witnesses, cases, instances, induction."""

import itertools
import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.closers import particular
from prover.search.tactics.facts import facts_of, is_sort
from prover.search.tactics.goal import Goal
from prover.search.tactics.invertible import names_of
from prover.search.tactics.known import Known
from prover.search.tactics.propositions import outermost
from prover.search.tactics.steps import steps
from prover.search.tactics.witnesses import closing, terms
from prover.source.binders import Binder
from prover.source.inductives import Constructor

_NUMBERS = ("Nat", "Int", "ℕ", "ℤ")
_FINITE = re.compile(r"Bool|Fin \d{1,3}")
_CASES_AT_ONCE = 3
_MOST_FACTS = 6
_MOST_WITNESSES = 8


def closers(goal: Goal, known: Known) -> Iterator[str]:
    """Tactics that may close a goal."""
    operator, left, right = outermost(goal.target)
    unfold = f" [{', '.join(known.declared.definitions)}]" if known.declared.definitions else ""
    yield from closing(goal)
    yield from _unfolding(known.mentioned(goal.text, known.declared.definitions))
    facts = [each.name for each in facts_of(goal)][-_MOST_FACTS:]
    if operator == "∃":
        yield from (f"exact ⟨_, {fact}⟩" for fact in reversed(facts))
        arithmetic = re.search(r"[<≤≥>%∣+*]", goal.target)
        tactic = "omega" if arithmetic else f"simp_all{unfold}"
        yield from (f"exact ⟨{term}, by {tactic}⟩" for term in itertools.islice(terms(goal), _MOST_WITNESSES))
    yield from _by_cases(goal, known, unfold)
    if operator == "=" and unfold:
        yield f"funext x\nsimp only{unfold}\ngrind"
        yield f"funext x\ngrind{unfold}"
    if operator == "∨" and any(each.type in ("Int", "ℤ") for each in goal.hypotheses):
        yield from _product_of_roots(left, right)
    if operator == "=" and left in goal.of_type("Int", "ℤ"):
        yield from _root_of_square(goal, left, right)
    if constructors := _rules(known, outermost(goal.target)[2]):
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
    """Automation that sees through the definitions of a goal."""
    if definitions:
        names = ", ".join(definitions)
        yield from (f"simp [{names}]", f"simp only [{names}]\nomega", f"simp_all [{names}]", f"grind [{names}]")


def _by_cases(goal: Goal, known: Known, unfold: str) -> Iterator[str]:
    """Several variables of few values at once."""
    cases = [each.name for each in goal.hypotheses if each.type in ("Bool", "Prop") or _constructors(known, each.type)]
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
        if _constructors(known, each.type):
            yield f"cases {each.name}"
            yield f"induction {each.name} <;> simp_all{unfold}"
            yield f"induction {each.name} <;> grind{unfold}"


def _product_of_roots(left: str, right: str) -> Iterator[str]:
    """`a = b ∨ c = d` where the product of the differences is 0."""
    (one, a, b), (other, c, d) = outermost(left), outermost(right)
    if one == other == "=":
        product = f"{_difference(a, b)} * {_difference(c, d)} = 0"
        yield f"have h0 : {product} := by grind\nrcases Int.mul_eq_zero.mp h0 with h0 | h0 <;> omega"


def _root_of_square(goal: Goal, left: str, right: str) -> Iterator[str]:
    """`a = b` where the square of the difference is 0, as no square is negative."""
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


def choices(goal: Goal, known: Known) -> Iterator[str]:
    """Steps with holes (see `prover.search.tactics.steps`), the best guess first."""
    operator = outermost(goal.target)[0]
    facts = facts_of(goal)
    definitions = known.mentioned(goal.text, known.declared.definitions)
    for each in facts:
        if outermost(each.type)[0] == "∨":
            yield f"rcases {each.name} with {each.name} | {each.name}\n· □\n· □"
    for each in goal.hypotheses:
        if constructors := _constructors(known, each.type):
            yield _induction(goal, each.name, constructors)
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
    yield from _inductions(goal, known)
    if operator == "∃":
        yield from (f"refine ⟨{term}, ?_⟩\n□" for term in itertools.islice(terms(goal), _MOST_WITNESSES))
    if _rules(known, goal.target):
        yield "constructor"
    if operator not in ("=", "↔", "∧", "∀", "→") and goal.target != "False":
        yield f"apply Classical.byContradiction\nintro {goal.fresh('hn')}\n□"
    yield from steps(goal, definitions)


def _instances(goal: Goal, known: Known, facts: Sequence[Binder]) -> Iterator[str]:
    """Universal hypotheses at the variables there are; where that gives an existence, at once with its witness."""
    variables = [each.name for each in goal.hypotheses if not outermost(each.type)[0] and not is_sort(each.type)]
    plain = [each for each in variables if each not in {fact.name for fact in facts}]
    for each in facts:
        head, _, body = outermost(each.type)
        if head == "=" and ("fun " in each.type or known.declared.definitions):
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


def _inductions(goal: Goal, known: Known) -> Iterator[str]:
    """On what has constructors of the context's own; on numbers and lists with the other variables left general."""
    data = [each for each in goal.hypotheses if each.type.split(" ")[0] in ("Nat", "ℕ", "List", *known.inductives)]
    for each in data:
        others = [
            other.name
            for other in data
            if other is not each and re.search(rf"\b{re.escape(other.name)}\b", goal.target)
        ]
        general = f" generalizing {' '.join(others)}" if others else ""
        n, x, xs, ih = names_of(goal, ["n", "x", "xs", "ih"])
        match each.type.split(" ")[0]:
            case "Nat" | "ℕ":
                yield f"induction {each.name}{general} with\n| zero =>\n  □\n| succ {n} {ih} =>\n  □"
            case "List":
                yield f"induction {each.name}{general} with\n| nil =>\n  □\n| cons {x} {xs} {ih} =>\n  □"
            case kind if general:
                yield _induction(goal, each.name, known.inductives[kind], general)


def _induction(goal: Goal, name: str, constructors: Sequence[Constructor], general: str = "") -> str:
    alternatives = []
    for each in constructors:
        recursive = [field for field in each.fields if field.recursive]
        wanted = [field.name or ("t" if field.recursive else "x") for field in each.fields]
        fields = names_of(goal, [*wanted, *(["ih"] * len(recursive))])
        alternatives.append(f"| {' '.join([each.name, *fields])} =>\n  □")
    return "\n".join([f"induction {name}{general} with", *alternatives])


def _constructors(known: Known, type_: str) -> tuple[Constructor, ...]:
    if outermost(type_)[0]:
        return ()
    return known.inductives.get(type_.split(" ")[0].rpartition(".")[2], ())


def _rules(known: Known, proposition: str) -> list[str]:
    """The constructors of an inductive predicate, by the names by which the statement can use them."""
    head = proposition.split(" ")[0]
    return [f"{head}.{each.name}" for each in known.inductives.get(head.rpartition(".")[2], ())]


def _may_conclude(type_: str, target: str) -> bool:
    """Whether a hypothesis is an implication whose conclusion looks like the target."""
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
