"""Divisibility and remainders."""

import itertools
from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template, coefficient, linear, variables
from training.corpus.synthetic.families.polynomials import Polynomial, evaluate, text


def combination(random: Random) -> Draft:
    """A divisor of two numbers divides their combinations."""
    a, b, d = random.choice([("a", "b", "d"), ("x", "y", "k"), ("m", "n", "p")])
    p, q = random.randint(1, 9), random.randint(1, 9)
    kind = random.choice(["Nat", "Int"])
    goal = f"{d} ∣ {linear({a: p, b: q if kind == 'Nat' else random.choice([q, -q])})}"
    return Draft((f"{a} {b} {d} : {kind}",), goal, (f"{d} ∣ {a}", f"{d} ∣ {b}"))


def transitivity(random: Random) -> Draft:
    """Chains of divisors."""
    names = variables(random, random.randint(3, 4))
    chain = tuple(f"{left} ∣ {right}" for left, right in itertools.pairwise(names))
    order = list(chain)
    random.shuffle(order)
    last = random.choice([names[-1], f"{names[-1]} * {random.randint(2, 9)}", f"{names[-1]} ^ 2"])
    return Draft((f"{' '.join(names)} : Nat",), f"{names[0]} ∣ {last}", tuple(order))


def always_divisible(random: Random) -> Draft:
    """A polynomial all of whose values have a common divisor, as `6 ∣ n^3 + 5n`."""
    (n,) = variables(random, 1)
    while True:
        modulus, polynomial = random.randint(2, 12), _polynomial(n, random, 4)
        if _residues(polynomial, n, modulus) == {0} and any(value % modulus for value in polynomial.values()):
            break
    goal = random.choice([f"{modulus} ∣ {text(polynomial)}", f"({text(polynomial)}) % {modulus} = 0"])
    return Draft((f"{n} : {random.choice(['Nat', 'Int'])}",), goal)


def consecutive(random: Random) -> Draft:
    """Among k consecutive numbers one is divisible by k."""
    (n,) = variables(random, 1)
    start, count = random.randint(0, 6), random.randint(2, 3)
    factors = [f"({n} + {start + i})" if start + i else n for i in range(count)]
    return Draft((f"{n} : Nat",), f"{count} ∣ {' * '.join(factors)}")


def never_divisible(random: Random) -> Draft:
    """A polynomial that is never 0 modulo m."""
    (n,) = variables(random, 1)
    while True:
        modulus, polynomial = random.randint(3, 11), _polynomial(n, random, 3)
        if 0 not in _residues(polynomial, n, modulus) and any(
            value % modulus for monomial, value in polynomial.items() if monomial
        ):
            return Draft((f"{n} : Nat",), f"¬ {modulus} ∣ {text(polynomial)}")


def possible_remainders(random: Random) -> Draft:
    """All remainders of a polynomial, such as `n^2 % 4 = 0 ∨ n^2 % 4 = 1`."""
    (n,) = variables(random, 1)
    while True:
        modulus, polynomial = random.randint(3, 9), _polynomial(n, random, 3)
        residues = sorted(_residues(polynomial, n, modulus))
        if 2 <= len(residues) <= 3 and len(residues) < modulus:
            cases = [f"({text(polynomial)}) % {modulus} = {residue}" for residue in residues]
            return Draft((f"{n} : {random.choice(['Nat', 'Int'])}",), " ∨ ".join(cases))


def remainder_of_value(random: Random) -> Draft:
    """The remainder of a polynomial from the remainder of its argument."""
    (n,) = variables(random, 1)
    modulus, polynomial = random.randint(3, 12), _polynomial(n, random, 3)
    residue = random.randrange(modulus)
    value = evaluate(polynomial, {n: residue}) % modulus
    goal = f"({text(polynomial)}) % {modulus} = {value}"
    return Draft((f"{n} : Nat",), goal, (f"{n} % {modulus} = {residue}",))


def division_with_remainder(random: Random) -> Draft:
    """Witnesses for quotient and remainder."""
    (n,) = variables(random, 1)
    q, r = random.choice([("q", "r"), ("k", "j"), ("s", "t")])
    d = random.randint(2, 9)
    residue = random.randrange(d)
    return random.choice(
        [
            Draft((f"{n} : Nat",), f"∃ {q} {r}, {n} = {d} * {q} + {r} ∧ {r} < {d}"),
            Draft((f"{n} : Nat",), f"∃ {q}, {n} = {linear({q: d}, residue)}", (f"{n} % {d} = {residue}",)),
            Draft((f"{n} {q} : Nat",), f"{n} % {d} = {residue}", (f"{n} = {linear({q: d}, residue)}",)),
        ]
    )


def parity(random: Random) -> Draft:
    """Sums and products of odd and even numbers, by their witnesses."""
    m, n = variables(random, 2)
    first, second = random.randint(0, 1), random.randint(0, 1)
    operation = random.choice(["+", "*"])
    result = (first + second if operation == "+" else first * second) % 2
    hypotheses = (f"∃ j, {m} = {linear({'j': 2}, first)}", f"∃ j, {n} = {linear({'j': 2}, second)}")
    return Draft((f"{m} {n} : Int",), f"∃ j, {m} {operation} {n} = {linear({'j': 2}, result)}", hypotheses)


def congruence(random: Random) -> Draft:
    """Equal remainders and a divisible difference."""
    a, b = variables(random, 2)
    modulus, c = random.randint(2, 12), random.randint(1, 9)
    return random.choice(
        [
            Draft((f"{a} {b} : Int",), f"{modulus} ∣ {a} - {b}", (f"{a} % {modulus} = {b} % {modulus}",)),
            Draft((f"{a} {b} : Int",), f"{a} % {modulus} = {b} % {modulus}", (f"{modulus} ∣ {a} - {b}",)),
            Draft(
                (f"{a} {b} : Nat",),
                f"({coefficient(c, a)}) % {modulus} = ({coefficient(c, b)}) % {modulus}",
                (f"{a} % {modulus} = {b} % {modulus}",),
            ),
        ]
    )


def nested_quotient(random: Random) -> Draft:
    """Quotients of quotients and of multiples."""
    (n,) = variables(random, 1)
    a, b = random.randint(2, 9), random.randint(2, 9)
    goal = random.choice([f"{n} / {a} / {b} = {n} / {a * b}", f"{a} * {n} / {a} = {n}", f"{n} / {a} ≤ {n}"])
    return Draft((f"{n} : Nat",), goal)


def _polynomial(name: str, random: Random, degree: int) -> Polynomial:
    """Return a polynomial without negative coefficients, of degree 2 or more."""
    top = random.randint(2, degree)
    drawn = {(name,) * power: random.randint(0, 7) for power in range(top)}
    return {(name,) * top: random.randint(1, 4)} | {monomial: value for monomial, value in drawn.items() if value}


def _residues(polynomial: Polynomial, name: str, modulus: int) -> set[int]:
    return {evaluate(polynomial, {name: value}) % modulus for value in range(modulus)}


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template
    for template in (
        combination,
        transitivity,
        always_divisible,
        consecutive,
        never_divisible,
        possible_remainders,
        remainder_of_value,
        division_with_remainder,
        parity,
        congruence,
        nested_quotient,
    )
}
