"""Integer polynomials in a few variables, as needed to state true identities."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

Monomial = tuple[str, ...]
"""Variables in order, with repetition; `()` is 1."""
Polynomial = dict[Monomial, int]


def add(left: Polynomial, right: Polynomial, factor: int = 1) -> Polynomial:
    """Return `left + factor * right`."""
    total = Counter(left)
    for monomial, value in right.items():
        total[monomial] += factor * value
    return {monomial: value for monomial, value in total.items() if value}


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return the product."""
    product: Counter[Monomial] = Counter()
    for (first, a), (second, b) in itertools.product(left.items(), right.items()):
        product[tuple(sorted(first + second))] += a * b
    return {monomial: value for monomial, value in product.items() if value}


def affine(names: Sequence[str], random: Random, smallest: int, largest: int) -> Polynomial:
    """Return a polynomial of degree 1 with at least one variable."""
    while True:
        drawn = {(name,): random.randint(smallest, largest) for name in names}
        nonzero = {monomial: value for monomial, value in drawn.items() if value}
        if nonzero:
            constant = random.randint(smallest, largest)
            return nonzero | ({(): constant} if constant else {})


def evaluate(polynomial: Polynomial, values: Mapping[str, int]) -> int:
    """Return the value at a point."""
    total = 0
    for monomial, value in polynomial.items():
        for name in monomial:
            value *= values[name]
        total += value
    return total


def shift(polynomial: Polynomial, name: str, by: int) -> Polynomial:
    """Return the polynomial with `name + by` for `name`."""
    shifted: Polynomial = {}
    for monomial, value in polynomial.items():
        term: Polynomial = {(): value}
        for variable in monomial:
            term = multiply(term, {(variable,): 1, (): by} if variable == name else {(variable,): 1})
        shifted = add(shifted, term)
    return shifted


def text(polynomial: Polynomial) -> str:
    """Return Lean source, highest degree first: `x ^ 2 + 2 * x * y - 3`."""
    if not polynomial:
        return "0"
    ordered = sorted(polynomial.items(), key=lambda item: (-len(item[0]), item[0]))
    words = []
    for position, (monomial, value) in enumerate(ordered):
        factors = [f"{name} ^ {power}" if power > 1 else name for name, power in Counter(monomial).items()]
        if abs(value) != 1 or not factors:
            factors.insert(0, str(abs(value)))
        sign = ("-" if value < 0 else "") if position == 0 else ("- " if value < 0 else "+ ")
        words.append(sign + " * ".join(factors))
    return " ".join(words)
