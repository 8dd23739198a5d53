"""Inductions: the variable to induct on, the variables to generalise and the steps in each case, in the style of Boyer
and Moore's provers.
"""

import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.goals.facts import facts_of
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.known import ContextDeclarations
from prover.search.tactics.goals.names import names_of
from prover.search.tactics.goals.propositions import outermost
from prover.source.binders import Binder
from prover.source.context.inductives import Constructor
from prover.source.lexer import Token, tokenize

_NUMBERS = ("Nat", "ℕ")
_OPENING, _CLOSING = "([{⟨", ")]}⟩"
_STARTS = {"0": "{0} + {1}", "1": "{0} * {1}", "[]": "{1} ++ {0}"}
_MOST_FACTS = 3
_ARITHMETIC = "Nat.mul_add, Nat.add_mul"


def inductions(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Inductions on values with constructors; on numbers and lists with the other variables generalised."""
    data = _data(goal, known)
    for each in data:
        others = [other.name for other in data if other is not each and _mentions(goal.target, other.name)]
        general = f" generalizing {' '.join(others)}" if others else ""
        kind = each.type.split(" ")[0]
        if kind in ("Nat", "ℕ", "List") or general:
            yield _by_kind(goal, each, known, general)


def waterfall(goal: Goal, known: ContextDeclarations) -> Iterator[tuple[str, int]]:
    """Return steps for a goal that may need an induction, best first, with the number of inductions in each.

    In a case of an induction, its hypothesis is used on one or both sides, a subterm common to both sides is
    generalised to a variable, and the next induction follows.
    """
    definitions = known.definitions_in(goal.text)
    for each in facts_of(goal):
        if constructors := constructors_of(known, each.type):
            yield by_constructors(goal, each.name, constructors), 1
    hypotheses = [each for each in goal.hypotheses if re.fullmatch(r"ih\d*", each.name)]
    equations = [each for each in hypotheses if _conclusion(each.type) == "="]
    if definitions:
        yield f"simp only [{', '.join([*definitions, *(each.name for each in equations)])}]\n□", 0
    elif equations:
        yield f"simp [{', '.join(each.name for each in equations)}]\n□", 0
    shared = _shared(goal, known)
    new = names_of(goal, ["a", "b", "c"][: len(shared)])
    if len(shared) > 1:
        yield f"generalize {', '.join(f'{term} = {name}' for term, name in zip(shared, new, strict=False))}\n□", 0
    yield from ((f"generalize {term} = {new[0]}\n□", 0) for term in shared)
    for each in equations:
        operator, used, _ = outermost(each.type)
        if operator == "=" and not _mentions(goal.target, used):
            yield from ((f"conv => {side}; rw [← {each.name}]\n□", 0) for side in ("rhs", "lhs"))
    if re.search(r"\bif\b|\bmatch\b", goal.target):
        yield "split\n□", 0
    yield from ((step, 0) for step in _from_a_start(goal, known))
    data = sorted(
        _data(goal, known),
        key=lambda each: (each.type.split(" ")[0] in _NUMBERS, -len(re.findall(_word(each.name), goal.target))),
    )
    for each in (each for each in data if _mentions(goal.target, each.name)):
        others = [other.name for other in data if other is not each and _mentions(goal.target, other.name)]
        ways = ["", f" generalizing {' '.join(others)}"] if others else [""]
        if known.mentioned(goal.target, known.accumulating):
            ways.reverse()
        yield from ((_by_kind(goal, each, known, way), 1) for way in ways)


def functional(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Inductions along the recursion of a function of the context, with automation in each case."""
    variables = {each.name for each in goal.hypotheses}
    calls = [
        call
        for name in known.mentioned(goal.target, known.recursive)
        for call in _calls(goal.target, name.rpartition(".")[2], variables)
    ]
    unfold = ", ".join(known.definitions_in(goal.text))
    for call in list(dict.fromkeys(calls))[:2]:
        yield from (f"fun_induction {call} <;> {tactic}" for tactic in (f"simp_all [{unfold}]", f"grind [{unfold}]"))
        yield f"fun_induction {call} <;> simp_all [{unfold}] <;> omega"


def rule_applications(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Apply constructors of an inductive predicate to known facts, up to arithmetic."""
    constructors = constructors_of(known, goal.target)
    if not constructors:
        return
    head = goal.target.split(" ")[0]
    facts = [each.name for each in goal.hypotheses if each.type.split(" ")[0] == head][-_MOST_FACTS:]
    terms = list(facts)
    for each in constructors:
        recursive = sum(field.recursive for field in each.fields)
        for fact in facts if recursive == 1 else [""] if not recursive else []:
            arguments = [fact if f.recursive else "_" if f.name else "(by assumption)" for f in each.fields]
            terms.append(" ".join([f"{head}.{each.name}", *arguments]))
            yield f"exact {terms[-1]}"
    if re.search(r"[+*]|\d", goal.target):
        yield from (f"simpa +arith [{_ARITHMETIC}] using {term}" for term in terms)
    rules = ", ".join(f"{head}.{each.name}" for each in constructors)
    yield f"solve_by_elim [{rules}]"


def by_constructors(goal: Goal, name: str, constructors: Sequence[Constructor], general: str = "") -> str:
    """Return an induction with one case per constructor."""
    alternatives = []
    for each in constructors:
        recursive = [field for field in each.fields if field.recursive]
        wanted = [field.name or ("t" if field.recursive else "x") for field in each.fields]
        fields = names_of(goal, [*wanted, *(["ih"] * len(recursive))])
        alternatives.append(f"| {' '.join([each.name, *fields])} =>\n  □")
    return "\n".join([f"induction {name}{general} with", *alternatives])


def constructors_of(known: ContextDeclarations, type_: str) -> tuple[Constructor, ...]:
    """Return the constructors if the type is an inductive type or predicate of the context."""
    if outermost(type_)[0]:
        return ()
    return known.inductives.get(type_.split(" ")[0].rpartition(".")[2], ())


def rules_of(known: ContextDeclarations, proposition: str) -> list[str]:
    """Return the constructors of an inductive predicate, in the form that the statement can use."""
    head = proposition.split(" ")[0]
    return [f"{head}.{each.name}" for each in known.inductives.get(head.rpartition(".")[2], ())]


def _data(goal: Goal, known: ContextDeclarations) -> list[Binder]:
    kinds = ("Nat", "ℕ", "List", *known.inductives)
    return [each for each in goal.hypotheses if each.type.split(" ")[0] in kinds and not outermost(each.type)[0]]


def _by_kind(goal: Goal, variable: Binder, known: ContextDeclarations, general: str) -> str:
    n, x, xs, ih = names_of(goal, ["n", "x", "xs", "ih"])
    match kind := variable.type.split(" ")[0]:
        case "Nat" | "ℕ":
            return f"induction {variable.name}{general} with\n| zero =>\n  □\n| succ {n} {ih} =>\n  □"
        case "List":
            return f"induction {variable.name}{general} with\n| nil =>\n  □\n| cons {x} {xs} {ih} =>\n  □"
        case _:
            return by_constructors(goal, variable.name, known.inductives[kind], general)


def _from_a_start(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Derive a fact on a recursion that starts with 0, 1 or [] from its generalisation to any start value."""
    operator, left, right = outermost(goal.target)
    if operator != "=":
        return
    a = names_of(goal, ["a"])[0]
    for call, value in ((left, right), (right, left)):
        tokens = list(tokenize(call))
        if not tokens or tokens[0].text not in known.mentioned(call, known.recursive):
            continue
        value = value if " " not in value or _applies(list(tokenize(value))) else f"({value})"
        for start, way in _STARTS.items():
            if re.search(rf"(?<=[ (]){re.escape(start)}(?![\w.])", call):
                general = re.sub(rf"(?<=[ (]){re.escape(start)}(?![\w.])", a, call)
                argument = f"({value})" if " " in value else value
                recursions = [f"{name} {argument} {a}" for name in known.recursive if start == "[]"]
                for claim in (way.format(a, value), *recursions[:4]):
                    yield f"suffices key : ∀ {a}, {general} = {claim} by simpa using key {start}\n□"


def _shared(goal: Goal, known: ContextDeclarations) -> list[str]:
    """Return function applications that occur more than once and are not nested in each other."""
    names = {name.rpartition(".")[2] for name in known.declared.definitions}
    found: list[str] = []
    for term in dict.fromkeys(_applications(goal.target)):
        head = term.split(" ")[0]
        of_context = head.rpartition(".")[2] in names
        variable = head.partition(".")[0] in {each.name for each in goal.hypotheses}
        if (of_context or (variable and "." in head)) and len(re.findall(_word(term), goal.target)) > 1:
            found.append(term)
    return [each for each in found if not any(each != other and each in other for other in found)][:3]


def _applications(text: str) -> Iterator[str]:
    """Return bracketed applications, sides that are applications, and field accesses in a text."""
    tokens = list(tokenize(text))
    for index, token in enumerate(tokens):
        if token.text == "(" and (end := _closing(tokens, index)) is not None and _applies(tokens[index + 1 : end]):
            yield text[tokens[index + 1].start : tokens[end - 1].end]
        if token.kind == "name":
            parts = token.text.split(".")
            yield from (".".join(parts[:count]) for count in range(2, len(parts) + 1))
    operator, left, right = outermost(text)
    if operator in ("=", "≤", "<"):
        yield from (side for side in (left, right) if _applies(list(tokenize(side))))


def _applies(tokens: Sequence[Token]) -> bool:
    """Whether the tokens are a function applied to arguments, without operators outside brackets."""
    depth = 0
    for token in tokens:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if not depth and token.text not in _CLOSING and token.kind not in ("name", "number"):
            return False
    return len(tokens) > 1 and tokens[0].kind == "name" and not any(each.text in ("fun", "∀", "∃") for each in tokens)


def _closing(tokens: Sequence[Token], opening: int) -> int | None:
    depth = 0
    for index in range(opening, len(tokens)):
        depth += (tokens[index].text in _OPENING) - (tokens[index].text in _CLOSING)
        if not depth:
            return index
    return None


def _calls(text: str, function: str, variables: set[str]) -> Iterator[str]:
    """Return the calls of a function whose arguments are all variables."""
    tokens = list(tokenize(text))
    for index, token in enumerate(tokens):
        if token.kind != "name" or token.text.rpartition(".")[2] != function:
            continue
        receiver = token.text.rpartition(".")[0]
        end = index + 1
        while end < len(tokens) and tokens[end].text in variables:
            end += 1
        if end - index > 1 or receiver in variables:
            following = tokens[end] if end < len(tokens) else None
            if following is None or not (following.kind in ("name", "number") or following.text in _OPENING):
                yield text[token.start : tokens[end - 1].end]


def _conclusion(type_: str) -> str:
    """Return the operator after the quantifiers of a hypothesis."""
    operator, _, rest = outermost(type_)
    while operator == "∀":
        operator, _, rest = outermost(rest.partition(", ")[2])
    return operator


def _mentions(text: str, name: str) -> bool:
    return re.search(_word(name), text) is not None


def _word(text: str) -> str:
    return rf"(?<![\w.'!?]){re.escape(text)}(?![\w'!?])"
