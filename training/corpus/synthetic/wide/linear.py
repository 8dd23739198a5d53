"""Linear arithmetic over several numbers."""

from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template, linear, variables


def consequence(random: Random) -> Draft:
    """A sum of multiples of inequalities, with some room."""
    names = variables(random, random.randint(2, 3))
    rows = [_row(names, random, -4) for _ in range(random.randint(2, 3))]
    values = {name: random.randint(-9, 9) for name in names}
    bounds = [_value(row, values) + random.randint(1, 9) for row in rows]
    factors = [random.randint(1, 3) for _ in rows]
    goal = _sum(names, rows, factors)
    if not any(goal.values()):
        return consequence(random)
    most = sum(factor * bound for factor, bound in zip(factors, bounds, strict=True))
    room, strict = random.choice([0, 0, random.randint(1, 9)]), random.random() < 0.4
    facts = [
        f"{linear(row)} {'<' if strict and not i else '≤'} {bound}"
        for i, (row, bound) in enumerate(zip(rows, bounds, strict=True))
    ]
    random.shuffle(facts)
    return Draft((f"{' '.join(names)} : Int",), f"{linear(goal)} {'<' if strict else '≤'} {most + room}", tuple(facts))


def combination(random: Random) -> Draft:
    """A value that follows from equations."""
    names = variables(random, random.randint(2, 4))
    rows = [_row(names, random, -5) for _ in range(random.randint(2, 3))]
    values = {name: random.randint(-9, 12) for name in names}
    factors = [random.choice([-2, -1, 1, 2, 3]) for _ in rows]
    goal = _sum(names, rows, factors)
    if not any(goal.values()):
        return combination(random)
    facts = tuple(f"{linear(row)} = {_value(row, values)}" for row in rows)
    return Draft((f"{' '.join(names)} : Int",), f"{linear(goal)} = {_value(goal, values)}", facts)


def bounds(random: Random) -> Draft:
    """Bounds of a sum from bounds of the numbers."""
    names = variables(random, random.randint(2, 3))
    kind = random.choice(["Nat", "Int"])
    low = {name: random.randint(0 if kind == "Nat" else -9, 9) for name in names}
    high = {name: low[name] + random.randint(1, 9) for name in names}
    while sum(map(bool, (row := _row(names, random, 0 if kind == "Nat" else -4)).values())) < 2:
        pass
    least = sum(value * (low if value > 0 else high)[name] for name, value in row.items())
    most = sum(value * (high if value > 0 else low)[name] for name, value in row.items())
    facts = tuple(f"{low[name]} ≤ {name} ∧ {name} ≤ {high[name]}" for name in names)
    term = linear(row)
    goal = random.choice([f"{least} ≤ {term} ∧ {term} ≤ {most}", f"{term} < {most + 1}", f"{least - 1} < {term}"])
    return Draft((f"{' '.join(names)} : {kind}",), goal, facts)


def remainder(random: Random) -> Draft:
    """The remainder of a linear term from those of its numbers."""
    names = variables(random, random.randint(1, 3))
    modulus = random.randint(2, 12)
    residues = {name: random.randrange(modulus) for name in names}
    row, constant = _row(names, random, 1), random.randint(0, 20)
    value = (_value(row, residues) + constant) % modulus
    facts = tuple(f"{name} % {modulus} = {residues[name]}" for name in names)
    kind = random.choice(["Nat", "Int"])
    return Draft((f"{' '.join(names)} : {kind}",), f"({linear(row, constant)}) % {modulus} = {value}", facts)


def quotient(random: Random) -> Draft:
    """A quotient from bounds, or bounds from a quotient."""
    (x,) = variables(random, 1)
    divisor, value = random.randint(2, 15), random.randint(0, 20)
    low, high = divisor * value, divisor * value + divisor
    factor = random.randint(1, min(4, divisor))
    if random.random() < 0.5:
        facts = (f"{low} ≤ {linear({x: factor})}", f"{linear({x: factor})} < {high}")
        return Draft((f"{x} : Nat",), f"{f'({linear({x: factor})})' if factor > 1 else x} / {divisor} = {value}", facts)
    goal = random.choice([f"{low} ≤ {x} ∧ {x} < {high}", f"{x} < {high}", f"{x} % {divisor} = {x} - {low}"])
    return Draft((f"{x} : Nat",), goal, (f"{x} / {divisor} = {value}",))


def solution(random: Random) -> Draft:
    """A system of three equations in three unknowns."""
    names = variables(random, 3)
    values = {name: random.randint(-9, 9) for name in names}
    while True:
        rows = [_row(names, random, -3) for _ in range(3)]
        (a, b, c), (d, e, f), (g, h, i) = ([row[name] for name in names] for row in rows)
        if a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g):
            break
    facts = tuple(f"{linear(row)} = {_value(row, values)}" for row in rows)
    goal = random.choice(
        [
            " ∧ ".join(f"{name} = {values[name]}" for name in names),
            f"{' + '.join(names)} = {sum(values.values())}",
            f"{names[0]} = {values[names[0]]}",
        ]
    )
    return Draft((f"{' '.join(names)} : Int",), goal, facts)


def _row(names: list[str], random: Random, least: int) -> dict[str, int]:
    """Return coefficients, not all 0."""
    while not any((row := {name: random.randint(least, 5) for name in names}).values()):
        pass
    return row


def _sum(names: list[str], rows: list[dict[str, int]], factors: list[int]) -> dict[str, int]:
    return {name: sum(factor * row[name] for factor, row in zip(factors, rows, strict=True)) for name in names}


def _value(row: dict[str, int], values: dict[str, int]) -> int:
    return sum(value * values[name] for name, value in row.items())


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template for template in (consequence, combination, bounds, remainder, quotient, solution)
}
