"""Identities and computations with natural numbers and integers."""

import math
from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template, coefficient, linear, variables
from training.corpus.synthetic.families.polynomials import Polynomial, add, affine, multiply, text


def expansion(random: Random) -> Draft:
    """A product of affine factors, multiplied out."""
    names, signed = variables(random, random.randint(1, 3)), random.random() < 0.5
    factors = [affine(names, random, -4 if signed else 0, 5) for _ in range(random.randint(2, 3))]
    product = factors[0]
    for factor in factors[1:]:
        product = multiply(product, factor)
    return Draft((f"{' '.join(names)} : {'Int' if signed else 'Nat'}",), f"{_product(factors)} = {text(product)}")


def _product(factors: list[Polynomial]) -> str:
    return " * ".join(f"({text(factor)})" for factor in factors)


def square_of_sum(random: Random) -> Draft:
    """`(ax + by)^2` and `(ax + by)(ax - by)`."""
    x, y = variables(random, 2)
    a, b = random.randint(1, 6), random.randint(1, 6)
    left, right = coefficient(a, x), coefficient(b, y)
    plus: Polynomial = {(x,): a, (y,): b}
    minus: Polynomial = {(x,): a, (y,): -b}
    if random.random() < 0.5:
        return Draft((f"{x} {y} : Int",), f"({left} + {right}) * ({left} - {right}) = {text(multiply(plus, minus))}")
    return Draft((f"{x} {y} : Int",), f"({left} - {right}) ^ 2 = {text(multiply(minus, minus))}")


def difference_of_squares(random: Random) -> Draft:
    """`(ax + b)^2 - (cx + d)^2` multiplied out."""
    (x,) = variables(random, 1)
    first, second = affine([x], random, -5, 6), affine([x], random, -5, 6)
    result = add(multiply(first, first), multiply(second, second), -1)
    return Draft((f"{x} : Int",), f"({text(first)}) ^ 2 - ({text(second)}) ^ 2 = {text(result)}")


def evaluation(random: Random) -> Draft:
    """A closed term and its value."""
    a, b, c = (random.randint(2, 60) for _ in range(3))
    power = random.randint(2, 5)
    term, value = random.choice(
        [
            (f"{a} * {b} + {c}", a * b + c),
            (f"({a} + {b}) * {c}", (a + b) * c),
            (f"{a} ^ {power} % {b}", a**power % b),
            (f"{a * b} / {b} + {c} % {a}", a + c % a),
            (f"Nat.gcd {a * c} {b * c}", math.gcd(a * c, b * c)),
            (f"Nat.lcm {a} {b}", math.lcm(a, b)),
        ]
    )
    return Draft((), f"{term} = {value}")


def large_power(random: Random) -> Draft:
    """The last digits of a large power."""
    base, modulus = random.randint(2, 13), random.choice([3, 5, 7, 9, 10, 11, 13, 16, 100])
    exponent = random.randint(20, 200)
    return Draft((), f"{base} ^ {exponent} % {modulus} = {pow(base, exponent, modulus)}")


def linear_equation(random: Random) -> Draft:
    """One equation, one unknown."""
    (x,) = variables(random, 1)
    solution, a, b = random.randint(0, 20), random.randint(2, 12), random.randint(0, 30)
    kind = random.choice(["Nat", "Int"])
    return Draft((f"{x} : {kind}",), f"{x} = {solution}", (f"{linear({x: a}, b)} = {a * solution + b}",))


def linear_system(random: Random) -> Draft:
    """Two equations, two unknowns."""
    x, y = variables(random, 2)
    p, q = random.randint(-9, 9), random.randint(-9, 9)
    while True:
        a, b, c, d = (random.randint(-5, 5) for _ in range(4))
        if a * d != b * c and all((a, b, c, d)):
            break
    equations = (f"{linear({x: a, y: b})} = {a * p + b * q}", f"{linear({x: c, y: d})} = {c * p + d * q}")
    goal = random.choice([f"{x} = {p} ∧ {y} = {q}", f"{x} + {y} = {p + q}", f"{x} = {p}"])
    return Draft((f"{x} {y} : Int",), goal, equations)


def substitution(random: Random) -> Draft:
    """Values handed through several definitions."""
    x, y, z = variables(random, 3)
    start, a, b, c, d = (random.randint(1, 9) for _ in range(5))
    second = a * start + b
    third = c * second + d
    hypotheses = (f"{x} = {start}", f"{y} = {linear({x: a}, b)}", f"{z} = {linear({y: c}, d)}")
    return Draft((f"{x} {y} {z} : Nat",), f"{z} + {x} = {third + start}", hypotheses)


def rearrangement(random: Random) -> Draft:
    """A sum of products in another order."""
    names = variables(random, random.randint(3, 4))
    terms = [random.sample(names, 2) for _ in range(3)]
    left = [" * ".join(term) for term in terms]
    for term in terms:
        random.shuffle(term)
    right = [" * ".join(term) for term in terms]
    random.shuffle(right)
    return Draft((f"{' '.join(names)} : {random.choice(['Nat', 'Int'])}",), f"{' + '.join(left)} = {' + '.join(right)}")


def truncated_subtraction(random: Random) -> Draft:
    """Subtraction of natural numbers under the condition that makes it exact."""
    x, y = variables(random, 2)
    a, b = random.randint(1, 4), random.randint(0, 9)
    small, large = coefficient(a, x), y
    goal = random.choice(
        [
            f"{large} - {small} + {small} = {large}",
            f"{large} + {b} - {small} = {large} - {small} + {b}",
            f"{large} - ({large} - {small}) = {small}",
        ]
    )
    return Draft((f"{x} {y} : Nat",), goal, (f"{small} ≤ {large}",))


def cancellation(random: Random) -> Draft:
    """A common summand or a common positive factor."""
    x, y, z = variables(random, 3)
    a = random.randint(2, 9)
    return random.choice(
        [
            Draft((f"{x} {y} {z} : Nat",), f"{x} = {y}", (f"{a} * {x} + {z} = {a} * {y} + {z}",)),
            Draft((f"{x} {y} {z} : Nat",), f"{x} = {y}", (f"0 < {z}", f"{z} * {x} = {z} * {y}")),
            Draft((f"{x} {y} {z} : Int",), f"{x} = {y}", (f"{z} ≠ 0", f"{x} * {z} = {y} * {z}")),
        ]
    )


def power_law(random: Random) -> Draft:
    """Laws of exponents with a numeral in them."""
    x, n = random.choice([("a", "n"), ("x", "k"), ("b", "m")])
    k = random.randint(1, 4)
    goal = random.choice(
        [
            f"{x} ^ ({n} + {k}) = {x} ^ {n} * {x} ^ {k}",
            f"({x} ^ {n}) ^ {k} = {x} ^ ({k} * {n})",
            f"{x} ^ {k} * {x} ^ {n} * {x} = {x} ^ ({n} + {k + 1})",
        ]
    )
    return Draft((f"{x} {n} : Nat",), goal)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template
    for template in (
        expansion,
        square_of_sum,
        difference_of_squares,
        evaluation,
        large_power,
        linear_equation,
        linear_system,
        substitution,
        rearrangement,
        truncated_subtraction,
        cancellation,
        power_law,
    )
}
