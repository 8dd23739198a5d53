"""Proofs by plans that analyse the numbers first: roots, bounds, moduli, witnesses, and induction over powers.

Automation alone does not find these proofs; a model trained on them proposes similar ones with other numbers.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from prover.sampling.plans.arithmetic import UnknownError, holds, value
from prover.sampling.plans.statement import Statement, bracketed, names_in, replaced
from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize

_REDUCE = {
    "Int": "Int.add_emod, Int.sub_emod, Int.mul_emod, Int.pow_succ",
    "Nat": "Nat.add_mod, Nat.mul_mod, Nat.pow_succ",
}
_POWERS = "Nat.mul_add, Nat.add_mul, Nat.pow_add, Nat.pow_mul, Nat.pow_succ"
_MODULI = (2, 3, 4, 5, 7, 8, 9)
_LONGEST = 400
"""Maximum length of a statement in characters, which bounds the time per request to a fraction of a second."""


def plans(statement: Statement) -> Iterator[str]:
    """Yield promising proofs; variables and hypotheses after the colon are introduced first."""
    if len(statement.text("t")) > _LONGEST:
        return
    opening = [f"intro {' '.join(statement.moved)}"] if statement.moved else []
    for plan in (
        _same_function,
        _witnesses,
        _roots,
        _no_solution,
        _powers,
        _from_a_base,
        _quotient,
        _remainders,
        _too_small,
        _bounded,
    ):
        for lines in plan(statement):
            yield "\n".join(["by", *(f"  {line}" for line in (*opening, *lines))])


def _same_function(statement: Statement) -> Iterator[list[str]]:
    """`∃ f, ∀ n, a n = f n`."""
    match = re.match(r"∃ (\w+)( : [^,]+)?, (.*)$", statement.goal)
    if match is None:
        return
    functions = [name for name, type_ in statement.variables if "→" in type_]
    for name in functions:
        for arguments in ("_", "_ _"):
            yield [f"exact ⟨{name}, fun {arguments} => rfl⟩"]
    if outermost(match[3])[0] == "=":
        yield ["exact ⟨_, rfl⟩"]


def _witnesses(statement: Statement) -> Iterator[list[str]]:
    """Find numbers that satisfy a closed existential statement, by trying."""
    match = re.match(r"∃ ([\w ]+?)(?: : (Nat|Int))?, (.*)$", statement.goal)
    if match is None or statement.hypotheses:
        return
    names, natural, body = match[1].split(), match[2] != "Int", match[3]
    if len(names) > 3 or names_in([body]) - set(names):
        return
    largest = (600, 26, 9)[len(names) - 1]
    numbers = list(range(largest)) if natural else sorted(range(-largest // 2, largest // 2), key=abs)
    try:
        found = [
            values
            for values in itertools.product(numbers, repeat=len(names))
            if holds(body, dict(zip(names, values, strict=True)), natural)
        ][:3]
    except UnknownError:
        return
    for values in found:
        shown = ", ".join(f"({number})" if number < 0 else str(number) for number in values)
        yield [f"exact ⟨{shown}, by decide⟩"]
        yield [f"refine ⟨{shown}, ?_⟩", "omega"]


def _roots(statement: Statement) -> Iterator[list[str]]:
    """Solve a polynomial equation in one number or value by factoring."""
    term, roots = _asked_roots(statement)
    if not roots:
        term, roots = _found_roots(statement)
    if not 1 <= len(roots) <= 3:
        return
    factors = [f"({term} - {f'({root})' if root < 0 else root})" for root in roots]
    key = statement.fresh("key")
    yield [
        f"have {key} : {' * '.join(factors)} = 0 := by grind",
        *_split_product(key, len(factors)),
    ]


def _split_product(key: str, count: int) -> list[str]:
    if count == 1:
        return ["omega"]
    if count == 2:
        return [f"rcases Int.mul_eq_zero.mp {key} with {key} | {key} <;> omega"]
    return [
        f"rcases Int.mul_eq_zero.mp {key} with {key} | {key}",
        f"· rcases Int.mul_eq_zero.mp {key} with {key} | {key} <;> omega",
        "· omega",
    ]


def _asked_roots(statement: Statement) -> tuple[str, list[int]]:
    """Read the roots from a goal such as `t = 4 ∨ t = -2`."""
    roots: list[int] = []
    terms: set[str] = set()
    rest = statement.goal
    while True:
        operator, left, right = outermost(rest)
        one = left if operator == "∨" else rest
        relation, term, number = outermost(one)
        if relation != "=" or not re.fullmatch(r"\(?-? ?\d+\)?", number):
            return "", []
        terms.add(term)
        roots.append(int(number.strip("()").replace(" ", "")))
        if operator != "∨":
            break
        rest = right
    types = dict(statement.variables)
    natural = any(types.get(name, "").endswith("Nat") for name in names_in(terms))
    return (terms.pop(), roots) if len(terms) == 1 and not natural else ("", [])


def _found_roots(statement: Statement) -> tuple[str, list[int]]:
    """Find the integer roots of an equation in one variable."""
    for name in statement.of_type("Int"):
        for _, says in statement.hypotheses:
            if outermost(says)[0] == "=" and names_in([says]) == {name} and "^" in says + statement.goal:
                try:
                    roots = [number for number in range(-120, 121) if holds(says, {name: number}, natural=False)]
                except UnknownError:
                    continue
                if roots:
                    return name, roots
    return "", []


def _no_solution(statement: Statement) -> Iterator[list[str]]:
    """Refute an equation that has no solution modulo a small number."""
    match = re.match(r"¬ ?\(?∃ ([\w ]+?) : (Nat|Int), (.*?)\)?$", statement.goal)
    opening: list[str]
    if match is not None:
        names, type_, body = match[1].split(), match[2], match[3]
        key = statement.fresh("key")
        opening = [f"rintro ⟨{', '.join([*names, key])}⟩"]
    else:
        relation, left, right = outermost(statement.goal)
        numbers = statement.of_type("Nat", "Int")
        names = sorted(names_in([statement.goal]) & set(numbers))
        types = {type_ for name, type_ in statement.variables if name in names}
        if relation not in ("≠", "¬") or len(types) != 1:
            return
        type_, key = types.pop(), statement.fresh("key")
        body = f"{left} = {right}" if relation == "≠" else right.strip("()")
        opening = [f"intro {key}"]
    relation, left, right = outermost(body)
    if relation != "=" or not 1 <= len(names) <= 2 or names_in([body]) - set(names):
        return
    for modulus in _MODULI:
        if modulus ** len(names) > 64:
            return
        try:
            possible = any(
                (
                    value(left, dict(zip(names, each, strict=True)), False)
                    - value(right, dict(zip(names, each, strict=True)), False)
                )
                % modulus
                == 0
                for each in itertools.product(range(modulus), repeat=len(names))
            )
        except UnknownError:
            return
        if not possible:
            yield [
                *opening,
                f"have {key}m := congrArg (· % {modulus}) {key}",
                *_residues(names, modulus),
                f"{_each_residue(names, modulus)} <;> simp [{_REDUCE[type_]}, {', '.join(f'r{n}' for n in names)}] at {key}m",
            ]
            return


def _residues(names: Sequence[str], modulus: int) -> list[str]:
    return [
        f"have r{name} : " + " ∨ ".join(f"{name} % {modulus} = {rest}" for rest in range(modulus)) + " := by omega"
        for name in names
    ]


def _each_residue(names: Sequence[str], modulus: int) -> str:
    return " <;> ".join(f"rcases r{name} with {' | '.join([f'r{name}'] * modulus)}" for name in names)


def _powers(statement: Statement) -> Iterator[list[str]]:
    """Prove divisibility of powers by induction on an exponent."""
    goal = statement.goal
    exponents = [name for name in statement.of_type("Nat") if re.search(rf"\^ ?\(?[^)=∣]*\b{name}\b", goal)]
    if outermost(goal)[0] not in ("∣", "=") or not exponents:
        return
    for name in exponents[:2]:
        head = [f"induction {name} with", "| zero => simp", f"| succ {name} ih =>"]
        yield [*head, f"  simp only [{_POWERS}] at *", "  omega"]
        yield [*head, "  simp only [Nat.pow_succ] at *", "  omega"]
        yield [*head, "  simp only [Int.pow_succ] at *", "  omega"]
        yield [*head, "  rw [Nat.mul_add, Nat.pow_add]", "  omega"]
        if match := re.search(r"(\d+) ?\^ ?(\w+) - (\d+) ?\^ ?(\w+)", goal):
            one, other = match[1], match[3]
            key, general = statement.fresh("key"), replaced(goal, {name: "k"})
            yield [
                f"have {key} : ∀ k, {other} ^ k ≤ {one} ^ k ∧ {general} := by",
                "  intro k",
                "  induction k with",
                "  | zero => simp",
                "  | succ k ih =>",
                "    simp only [Nat.pow_succ]",
                "    omega",
                f"exact ({key} {name}).2",
            ]


def _from_a_base(statement: Statement) -> Iterator[list[str]]:
    """Induction that starts at the least number a hypothesis allows."""
    for name, says in statement.hypotheses:
        relation, left, right = outermost(says)
        if relation in ("≥", ">"):
            relation, left, right = {"≥": "≤", ">": "<"}[relation], right, left
        if relation not in ("≤", "<") or not left.isdigit() or right not in statement.of_type("Nat"):
            continue
        others = [text for other, text in statement.hypotheses if other != name]
        if right in names_in(others):
            continue
        base = int(left) + (relation == "<")
        k = statement.fresh("k") if right != "k" else statement.fresh("j")
        for last in (["grind"], ["simp only [Nat.pow_succ] at *", "omega"]):
            yield [
                f"obtain ⟨{k}, rfl⟩ : ∃ {k}, {right} = {k} + {base} := ⟨{right} - {base}, by omega⟩",
                f"clear {name}",
                f"induction {k} with",
                "| zero => decide",
                f"| succ {k} ih =>",
                *(f"  {line}" for line in last),
            ]


def _quotient(statement: Statement) -> Iterator[list[str]]:
    """`∃ k, A = m * k + r`: use a quotient as the witness, and split on the remainder."""
    match = re.match(r"∃ (\w+)(?: : (Nat|Int))?, (.*)$", statement.goal)
    if match is None:
        return
    k, body = match[1], match[3]
    relation, left, right = outermost(body)
    if relation != "=":
        return
    if k in names_in([left]):
        left, right = right, left
    form = re.fullmatch(rf"(?:(\d+) ?\* ?{k}|{k} ?\* ?(\d+))(?: ?\+ ?(\d+))?", right)
    names = sorted(names_in([left]) & set(statement.of_type("Nat", "Int")))
    if form is None or len(names) != 1:
        return
    modulus, rest = int(form[1] or form[2]), int(form[3] or 0)
    if modulus > 12 or modulus < 2:
        return
    type_ = dict(statement.variables)[names[0]]
    key = statement.fresh("key")
    yield [
        f"have {key} : {bracketed(left)} % {modulus} = {rest % modulus} := by",
        *(f"  {line}" for line in _residues(names, modulus)),
        f"  {_each_residue(names, modulus)} <;> first | omega | simp [{_REDUCE[type_]}, r{names[0]}]",
        f"exact ⟨({left} - {rest}) / {modulus}, by omega⟩"
        if rest
        else f"exact ⟨{bracketed(left)} / {modulus}, by omega⟩",
    ]


def _remainders(statement: Statement) -> Iterator[list[str]]:
    """Prove a remainder of a polynomial in several numbers: one case for each choice of their remainders."""
    wanted = re.findall(r"(\d+) ?∣|% ?(\d+)", statement.goal)
    moduli = sorted({int(one or other) for one, other in wanted})
    names = sorted(names_in(statement.texts) & set(statement.of_type("Nat", "Int")))
    types = {type_ for name, type_ in statement.variables if name in names}
    if len(moduli) != 1 or not 2 <= moduli[0] <= 12 or len(types) != 1 or moduli[0] ** len(names) > 150:
        return
    if not any(sign in "".join(statement.texts) for sign in "^*"):
        return
    modulus, type_ = moduli[0], types.pop()
    facts = [name for name, says in statement.hypotheses if outermost(says)[0] == "=" and "%" not in says]
    divides = "Int.dvd_iff_emod_eq_zero" if type_ == "Int" else "Nat.dvd_iff_mod_eq_zero"
    lines = [
        *(f"have {fact}m := congrArg (· % {modulus}) {fact}" for fact in facts),
        *_residues(names, modulus),
    ]
    yield [*lines, f"{_each_residue(names, modulus)} <;> simp_all [{divides}, {_REDUCE[type_]}]"]


def _too_small(statement: Statement) -> Iterator[list[str]]:
    """`11 ≤ n`: no smaller number satisfies the hypotheses."""
    relation, left, right = outermost(statement.goal)
    if relation in ("≥", ">"):
        relation, left, right = {"≥": "≤", ">": "<"}[relation], right, left
    if relation not in ("≤", "<") or not left.isdigit() or right not in statement.of_type("Nat"):
        return
    least = int(left) + (relation == "<")
    if not 1 <= least <= 40 or not statement.hypotheses:
        return
    b = f"b{right}"
    cases = " ∨ ".join(f"{right} = {number}" for number in range(least))
    yield [
        "apply Classical.byContradiction",
        "intro hn",
        f"have {b} : {cases} := by omega",
        f"rcases {b} with {' | '.join([b] * least)} <;> subst {b} <;> simp_all",
    ]


def _bounded(statement: Statement) -> Iterator[list[str]]:
    """Numbers between small bounds: one case each."""
    numerals = {
        int(t.text)
        for _, says in statement.hypotheses
        for t in tokenize(says)
        if t.kind == "number" and t.text.isdigit()
    }
    squares = any(
        f"{name}^2" in says or f"{name} ^ 2" in says or f"{name} * {name}" in says
        for name in statement.of_type("Nat", "Int")
        for _, says in statement.hypotheses
    )
    bounds = sorted(number for number in numerals if 1 <= number <= 24)[:4]
    if squares:
        bounds = sorted({*bounds, *(int(number**0.5) for number in numerals if 1 <= number <= 600)})[:5]
    names = [
        name for name in statement.of_type("Nat", "Int") if name in names_in(says for _, says in statement.hypotheses)
    ][:2]
    types = dict(statement.variables)
    for name, bound in itertools.product(names, reversed(bounds)):
        natural = types[name] == "Nat"
        lows = [0] if natural else [0, 1, -bound]
        b = f"b{name}"
        for low in lows:
            count = bound - low + 1
            cases = " ∨ ".join(f"{name} = {number}" for number in range(low, bound + 1))
            each = " | ".join([b] * count)
            last = f"rcases {b} with {each} <;> subst {b} <;> first | omega | simp_all | grind"
            yield [f"have {b} : {cases} := by omega", last]
            if squares:
                product = f"{types[name]}.mul_le_mul" if natural else "Int.mul_le_mul"
                if natural:
                    yield [
                        f"have {b} : {name} ≤ {bound} := by",
                        "  apply Classical.byContradiction",
                        "  intro hn",
                        f"  have := {product} (show {bound + 1} ≤ {name} by omega) (show {bound + 1} ≤ {name} by omega)",
                        "  grind",
                        f"have {b} : {cases} := by omega",
                        last,
                    ]
