"""Divisibility of polynomials and powers, each with a quotient."""

from collections.abc import Mapping, Sequence
from random import Random

from training.conjectures.sources.witnessed.template import Witnessed, WitnessTemplate
from training.corpus.synthetic.draft import Draft, variables
from training.corpus.synthetic.families.polynomials import Polynomial, add, affine, multiply, text


def factor(random: Random) -> Witnessed:
    """A polynomial with a divisor."""
    names = variables(random, random.randint(1, 2))
    divisor, quotient = affine(names, random, -5, 5), _polynomial(names, random)
    goal = f"{text(divisor)} ∣ {text(multiply(divisor, quotient))}"
    shown = text(quotient)
    return Witnessed(
        Draft((f"{' '.join(names)} : Int",), goal),
        (
            f"⟨{shown}, by grind⟩",
            f"by\n  exact ⟨{shown}, by grind⟩",
            f"by\n  refine ⟨{shown}, ?_⟩\n  grind",
            f"Dvd.intro ({shown}) (by grind)",
        ),
    )


def rest(random: Random) -> Witnessed:
    """A divisor of a polynomial divides its remainder, and all else that differs from it by a multiple."""
    names = variables(random, random.randint(1, 2))
    divisor, quotient = affine(names, random, -5, 5), affine(names, random, -3, 3)
    other: Polynomial = {(): random.randint(1, 40)}
    if random.random() < 0.5:
        other = affine(names, random, -9, 9)
    known = add(multiply(divisor, quotient), other)
    left, shown = text(divisor), text(quotient)
    if random.random() < 0.3:
        known, other = other, known
        shown = text(add({}, quotient, -1))
    return Witnessed(
        Draft((f"{' '.join(names)} : Int",), f"{left} ∣ {text(other)}", (f"{left} ∣ {text(known)}",)),
        (
            f"by\n  obtain ⟨t, ht⟩ := h\n  exact ⟨t - ({shown}), by grind⟩",
            f"h.elim fun t ht => ⟨t - ({shown}), by grind⟩",
            f"by\n  cases h with\n  | intro t ht => exact ⟨t - ({shown}), by grind⟩",
        ),
        inhabited=False,
    )


def powers(random: Random) -> Witnessed:
    """A difference of powers, by induction: `a ∣ (a + 5) ^ n - 5 ^ n`."""
    a, n = random.sample(("a", "b", "x", "y", "m", "d", "n", "k"), 2)
    number = random.randint(2, 30)
    base, less, step = random.choice(
        (
            (f"({a} + {number})", f"{number} ^ {n}", f"({a} + {number}) * t + {number} ^ {n}"),
            (f"({number} * {a} + 1)", "1", f"({number} * {a} + 1) * t + {number}"),
        )
    )
    found = f"exact ⟨{step}, by grind⟩"
    return Witnessed(
        Draft((f"{a} : Int", f"{n} : Nat"), f"{a} ∣ {base} ^ {n} - {less}"),
        (
            _induction(n, "simp", f"obtain ⟨t, ht⟩ := ih\n    {found}"),
            _induction(n, "exact ⟨0, by simp⟩", f"cases ih with\n    | intro t ht => {found}"),
            _induction(n, "simp", f"obtain ⟨t, ht⟩ := ih\n    refine ⟨{step}, ?_⟩\n    rw [Int.pow_succ]\n    grind"),
        ),
    )


def _induction(name: str, zero: str, successor: str) -> str:
    return f"by\n  induction {name} with\n  | zero => {zero}\n  | succ {name} ih =>\n    {successor}"


def _polynomial(names: Sequence[str], random: Random) -> Polynomial:
    first = affine(names, random, -4, 4)
    return first if random.random() < 0.5 else add(multiply(first, affine(names, random, -2, 2)), first)


TEMPLATES: Mapping[str, WitnessTemplate] = {template.__name__: template for template in (factor, rest, powers)}
