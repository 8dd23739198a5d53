"""Steps that reduce a goal to smaller ones: introductions, case splits, substitution, induction, rewriting, have.

A step is a tactic block in which `□`, on a line of its own or after a bullet, stands for the proof of a remaining goal.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.lemmas import lemmas
from prover.source.binders import Binder, read_shape
from prover.source.lexer import tokenize

_HOLE = re.compile(r"^( *(?:· )?)□$", re.MULTILINE)
_TWO = "· □\n· □"


def holes(step: str) -> int:
    """Return the number of goals that a step leaves."""
    return len(_HOLE.findall(step))


def fill(step: str, blocks: Sequence[str]) -> str:
    """Fill the holes with tactic blocks, indented as Lean's layout requires."""
    rest = iter(blocks)

    def block(match: re.Match[str]) -> str:
        first, *lines = next(rest).split("\n")
        return "\n".join([match[1] + first, *(" " * len(match[1]) + line for line in lines)])

    return _HOLE.sub(block, step)


def flatten(step: str) -> str | None:
    """Return a step without its holes, so that its goals stay open; None if that cannot be written."""
    flat = re.sub(r"=>\n +□", "=> ?_", step)
    flat = re.sub(r"\n(?:· )?□$", "", flat, flags=re.MULTILINE)
    return None if "□" in flat else flat


def steps(goal: Goal, definitions: Sequence[str] = ()) -> Iterator[str]:
    """Return promising steps, best guess first, at most a few of each kind.

    Args:
        definitions: names that the theorem's context defines, candidates for unfolding.
    """
    kinds = [
        _introductions(goal),
        _by_target(goal),
        itertools.chain.from_iterable(_by_hypothesis(goal, each) for each in goal.hypotheses),
        itertools.chain.from_iterable(_by_variable(goal, each) for each in goal.hypotheses),
        (f"simp only [{name}]\n□" for name in definitions),
        _rewriting(goal),
        _distinctions(goal),
    ]
    # Interleave the kinds, so that a goal with many hypotheses gets more than case splits.
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*kinds))
    yield from dict.fromkeys(step for step in rounds if step is not None)


def _introductions(goal: Goal) -> Iterator[str]:
    shape = read_shape(f"theorem _ : {goal.target}")
    if shape.intros:
        names = " ".join(goal.fresh(name) for name in shape.intros)
        yield f"intro {names}\n□"
        yield from _patterns(goal, shape.binders)
    elif outermost(goal.target)[0] == "¬":
        yield f"intro {goal.fresh('h')}\n□"
    elif outermost(goal.target)[0] == "≠":
        yield f"intro {goal.fresh('heq')}\n□"


def _patterns(goal: Goal, introduced: Sequence[Binder]) -> Iterator[str]:
    """Return `rintro` patterns that take apart the first assumption that can be taken apart."""
    for index, binder in enumerate(introduced):
        before = " ".join(goal.fresh(each.name) for each in introduced[:index])
        left, right = goal.fresh(f"{binder.name}l"), goal.fresh(f"{binder.name}r")
        match outermost(binder.type)[0]:
            case "∧" | "↔" | "∃":
                yield f"rintro {before} ⟨{left}, {right}⟩\n□".replace("  ", " ")
                return
            case "∨":
                yield f"rintro {before} ({left} | {right})\n{_TWO}".replace("  ", " ")
                return


def _by_target(goal: Goal) -> Iterator[str]:
    operator, left, right = outermost(goal.target)
    match operator:
        case "∧":
            yield f"constructor\n{_TWO}"
            one, other = goal.fresh("left"), goal.fresh("right")
            yield f"have {one} : {left} := by\n  □\nhave {other} : {right} := by\n  □\nexact ⟨{one}, {other}⟩"
            yield f"refine ⟨?_, ?_⟩\n{_TWO}"
        case "↔":
            h = goal.fresh("h")
            yield f"constructor\n· intro {h}\n  □\n· intro {h}\n  □"
            yield f"refine ⟨fun {h} => ?_, fun {h} => ?_⟩\n{_TWO}"
            yield f"apply Iff.intro\n{_TWO}"
        case "∨":
            yield "left\n□"
            yield "right\n□"
            yield f"apply Classical.byContradiction\nintro {goal.fresh('hn')}\n□"
        case "∃":
            for witness in ("0", "1", *goal.of_type("Nat", "Int")[:2], "2"):
                yield f"refine ⟨{witness}, ?_⟩\n□"
        case "=":
            if "fun " in goal.target:
                yield f"funext {goal.fresh('x')}\n□"
            yield "symm\n□"
            yield f"ext {goal.fresh('x')}\n□"
            if goal.of_type("Nat"):
                yield f"apply Nat.le_antisymm\n{_TWO}"
            elif goal.of_type("Int"):
                yield f"apply Int.le_antisymm\n{_TWO}"
        case "≤" | "<" | "≥" | ">" | "≠" | "":
            yield f"apply Classical.byContradiction\nintro {goal.fresh('hn')}\n□"
        case "∣":
            yield "apply Nat.dvd_of_mod_eq_zero\n□" if goal.of_type("Nat") else "apply Int.dvd_of_emod_eq_zero\n□"
    if re.search(r"\bif\b|\bmatch\b", goal.target):
        yield f"split\n{_TWO}"


def _by_hypothesis(goal: Goal, hypothesis: Binder) -> Iterator[str]:
    name, type_ = hypothesis.name, hypothesis.type
    operator, left, right = outermost(type_)
    one, other = goal.fresh(f"{name}l"), goal.fresh(f"{name}r")
    match operator:
        case "∧":
            yield f"obtain ⟨{one}, {other}⟩ := {name}\n□"
            yield f"have {one} := {name}.1\nhave {other} := {name}.2\n□"
            yield f"cases {name} with\n| intro {one} {other} =>\n  □"
        case "∨":
            yield f"rcases {name} with {name} | {name}\n{_TWO}"
            yield f"cases {name} with\n| inl {one} =>\n  □\n| inr {other} =>\n  □"
            yield f"apply Or.elim {name}\n· intro {one}\n  □\n· intro {other}\n  □"
        case "∃":
            yield f"obtain ⟨{goal.fresh('w')}, {goal.fresh('hw')}⟩ := {name}\n□"
        case "∣":
            yield f"obtain ⟨{goal.fresh('k')}, {goal.fresh('hk')}⟩ := {name}\n□"
        case "↔" | "=":
            variables = {each.name for each in goal.hypotheses}
            if operator == "=" and (left in variables or right in variables):
                yield f"subst {name}\n□"
            yield f"rw [{name}]\n□"
            yield f"rw [← {name}]\n□"
        case "¬":
            yield f"apply absurd _ {name}\n□" if goal.target != "False" else f"apply {name}\n□"
        case "→":
            yield f"have {goal.fresh('step')} := {name} (by assumption)\n□"
            if right == goal.target:
                yield f"apply {name}\n□"
        case "∀":
            for variable in [each.name for each in goal.hypotheses if outermost(each.type)[0] == ""][:2]:
                yield f"have {goal.fresh('inst')} := {name} {variable}\n□"


def _by_variable(goal: Goal, variable: Binder) -> Iterator[str]:
    name, kind = variable.name, variable.type.split(" ")[0]
    ih = goal.fresh("ih")
    if "→" in variable.type:
        return
    match kind:
        case "Nat" | "ℕ":
            yield f"induction {name} with\n| zero =>\n  □\n| succ {name} {ih} =>\n  □"
            yield f"cases {name} with\n| zero =>\n  □\n| succ {name} =>\n  □"
            yield f"induction {name} using Nat.strongRecOn with\n| ind {name} {ih} =>\n  □"
            yield f"rcases Nat.eq_zero_or_pos {name} with {goal.fresh('hz')} | {goal.fresh('hp')}\n{_TWO}"
        case "Int" | "ℤ":
            h = goal.fresh("hs")
            yield f"rcases Int.le_total 0 {name} with {h} | {h}\n{_TWO}"
        case "List":
            head, tail = goal.fresh("x"), goal.fresh("xs")
            yield f"induction {name} with\n| nil =>\n  □\n| cons {head} {tail} {ih} =>\n  □"
            yield f"cases {name} with\n| nil =>\n  □\n| cons {head} {tail} =>\n  □"
        case "Option":
            yield f"cases {name} with\n| none =>\n  □\n| some {goal.fresh('x')} =>\n  □"
            yield f"rcases {name} with _ | {goal.fresh('x')}\n{_TWO}"
        case "Bool":
            yield f"cases {name} with\n| false =>\n  □\n| true =>\n  □"
        case "Prop":
            yield f"by_cases {goal.fresh('hc')} : {name}\n{_TWO}"
    if "×" in variable.type:
        yield f"obtain ⟨{goal.fresh('a')}, {goal.fresh('b')}⟩ := {name}\n□"


def _rewriting(goal: Goal) -> Iterator[str]:
    names = lemmas(goal)
    for name in names[:4]:
        yield f"rw [{name}]\n□"
    if len(names) > 1:
        yield f"simp only [{', '.join(names[:3])}]\n□"
    yield "simp only []\n□" if "fun " in goal.target else "simp at *\n□"


def _distinctions(goal: Goal) -> Iterator[str]:
    for space, types in (("Nat", ("Nat", "ℕ")), ("Int", ("Int", "ℤ"))):
        for one, other in itertools.islice(itertools.combinations(goal.of_type(*types), 2), 2):
            h = goal.fresh("ht")
            yield f"rcases {space}.le_total {one} {other} with {h} | {h}\n{_TWO}"
    for modulus in sorted({token.text for token in tokenize(goal.target) if token.kind == "number"} & {"2", "3"}):
        for name in goal.of_type("Nat", "Int")[:1]:
            cases = " ∨ ".join(f"{name} % {modulus} = {residue}" for residue in range(int(modulus)))
            h = goal.fresh("hm")
            splits = " | ".join([h] * int(modulus))
            bullets = "\n".join(["· □"] * int(modulus))
            yield f"have {h} : {cases} := by omega\nrcases {h} with {splits}\n{bullets}"
