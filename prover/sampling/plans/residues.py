"""Plans that reduce integers modulo a number and treat each combination of remainders as one case."""

import itertools
import re
from collections.abc import Iterator, Sequence

from prover.sampling.plans.arithmetic import UnknownError, value
from prover.sampling.plans.statement import Statement, bracketed, names_in
from prover.search.tactics.goals.propositions import outermost

_REDUCE = {
    "Int": "Int.add_emod, Int.sub_emod, Int.mul_emod, Int.pow_succ",
    "Nat": "Nat.add_mod, Nat.mul_mod, Nat.pow_succ",
}
_MODULI = (2, 3, 4, 5, 7, 8, 9)


def no_solution(statement: Statement) -> Iterator[list[str]]:
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


def quotient(statement: Statement) -> Iterator[list[str]]:
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


def remainders(statement: Statement) -> Iterator[list[str]]:
    """Prove a remainder of a polynomial in several numbers: one case for each choice of their remainders."""
    wanted = re.findall(r"(\d+) ?∣|% ?(\d+)", statement.goal)
    moduli = sorted({int(divisor or modulus) for divisor, modulus in wanted})
    names = sorted(names_in(statement.texts) & set(statement.of_type("Nat", "Int")))
    types = {type_ for name, type_ in statement.variables if name in names}
    if len(moduli) != 1 or not 2 <= moduli[0] <= 12 or len(types) != 1 or moduli[0] ** len(names) > 150:
        return
    if not any(sign in "".join(statement.texts) for sign in "^*"):
        return
    modulus, type_ = moduli[0], types.pop()
    facts = [name for name, claim in statement.hypotheses if outermost(claim)[0] == "=" and "%" not in claim]
    divides = "Int.dvd_iff_emod_eq_zero" if type_ == "Int" else "Nat.dvd_iff_mod_eq_zero"
    lines = [
        *(f"have {fact}m := congrArg (· % {modulus}) {fact}" for fact in facts),
        *_residues(names, modulus),
    ]
    yield [*lines, f"{_each_residue(names, modulus)} <;> simp_all [{divides}, {_REDUCE[type_]}]"]


def _residues(names: Sequence[str], modulus: int) -> list[str]:
    return [
        f"have r{name} : " + " ∨ ".join(f"{name} % {modulus} = {rest}" for rest in range(modulus)) + " := by omega"
        for name in names
    ]


def _each_residue(names: Sequence[str], modulus: int) -> str:
    return " <;> ".join(f"rcases r{name} with {' | '.join([f'r{name}'] * modulus)}" for name in names)
