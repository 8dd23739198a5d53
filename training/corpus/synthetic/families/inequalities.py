"""Inequalities between integers and natural numbers, most of them linear."""

import itertools
from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template, coefficient, linear, variables


def combination(random: Random) -> Draft:
    """A conclusion that is a sum of multiples of the hypotheses, with some slack."""
    names = variables(random, random.randint(2, 3))
    rows, total, bound = [], dict.fromkeys(names, 0), random.randint(0, 3)
    for _ in range(random.randint(2, 3)):
        row = {name: random.randint(-4, 4) for name in names}
        limit, factor = random.randint(-6, 12), random.randint(1, 3)
        if any(row.values()):
            rows.append(f"{linear(row)} ≤ {limit}")
            bound += factor * limit
            for name in names:
                total[name] += factor * row[name]
    if not rows or not any(total.values()):
        return combination(random)
    return Draft((f"{' '.join(names)} : Int",), f"{linear(total)} ≤ {bound}", tuple(rows))


def rounding(random: Random) -> Draft:
    """A bound that holds because the unknown is an integer."""
    (x,) = variables(random, 1)
    a, bound = random.randint(2, 7), random.randint(-20, 40)
    if random.random() < 0.5:
        return Draft((f"{x} : Int",), f"{x} ≤ {bound // a}", (f"{coefficient(a, x)} ≤ {bound}",))
    return Draft((f"{x} : Int",), f"{-(-bound // a)} ≤ {x}", (f"{bound} ≤ {coefficient(a, x)}",))


def no_solution(random: Random) -> Draft:
    """An equation between integers that divisibility forbids."""
    x, y = variables(random, 2)
    d = random.randint(2, 6)
    a, b = d * random.randint(1, 4), d * random.choice([-3, -2, -1, 1, 2, 3])
    c = d * random.randint(-5, 5) + random.randint(1, d - 1)
    return Draft((f"{x} {y} : Int",), f"{linear({x: a, y: b})} ≠ {c}")


def chain(random: Random) -> Draft:
    """Strict inequalities between integers add up."""
    names = variables(random, random.randint(3, 5))
    links = [f"{left} < {right}" for left, right in itertools.pairwise(names)]
    random.shuffle(links)
    gap = random.randint(0, len(names) - 2)
    goal = f"{names[0]} + {gap} < {names[-1]}" if gap else f"{names[0]} < {names[-1]}"
    return Draft((f"{' '.join(names)} : {random.choice(['Int', 'Nat'])}",), goal, tuple(links))


def alternatives(random: Random) -> Draft:
    """A disjunction of which one half is impossible."""
    (x,) = variables(random, 1)
    low = random.randint(-5, 10)
    high, inside = low + random.randint(3, 9), low + random.randint(1, 2)
    return Draft((f"{x} : Int",), f"{high} ≤ {x}", (f"{x} ≤ {low} ∨ {high} ≤ {x}", f"{inside} ≤ {x}"))


def squeeze(random: Random) -> Draft:
    """Bounds that leave a few values."""
    (x,) = variables(random, 1)
    low, width = random.randint(-5, 10), random.randint(0, 2)
    goal = " ∨ ".join(f"{x} = {low + step}" for step in range(width + 1))
    return Draft((f"{x} : Int",), goal, (f"{low - 1} < {x}", f"{x} < {low + width + 1}"))


def bounded_product(random: Random) -> Draft:
    """A quadratic inequality on an interval: few cases, or a product of signs."""
    (x,) = variables(random, 1)
    low, width = random.randint(0, 5), random.randint(1, 5)
    high = low + width
    product = f"{x} * {x} + {low * high}" if low else f"{x} * {x}"
    goal = f"{product} ≤ {low + high} * {x}"  # (x - low)(x - high) ≤ 0
    return Draft((f"{x} : {random.choice(['Nat', 'Int'])}",), goal, (f"{low} ≤ {x}", f"{x} ≤ {high}"))


def sum_of_squares(random: Random) -> Draft:
    """Lower bounds of squares."""
    x, y = variables(random, 2)
    a, b = random.randint(1, 4), random.randint(1, 4)
    goal = random.choice(
        [
            f"{2 * a * b} * {x} * {y} ≤ {coefficient(a * a, f'{x} ^ 2')} + {coefficient(b * b, f'{y} ^ 2')}",
            f"0 ≤ {x} ^ 2 + {coefficient(a, f'{y} ^ 2')}",
            f"{2 * a} * {x} ≤ {x} ^ 2 + {a * a}",
            f"4 * {x} * {y} ≤ ({x} + {y}) ^ 2",
        ]
    )
    return Draft((f"{x} {y} : Int",), goal)


def monotone_product(random: Random) -> Draft:
    """Both sides of an inequality multiplied."""
    x, y, z = variables(random, 3)
    k = random.randint(2, 6)
    return random.choice(
        [
            Draft((f"{x} {y} {z} : Nat",), f"{x} * {z} ≤ {y} * {z}", (f"{x} ≤ {y}",)),
            Draft((f"{x} {y} : Nat",), f"{x} * {x} ≤ {y} * {y}", (f"{x} ≤ {y}",)),
            Draft((f"{x} {y} : Nat",), f"{x} ^ {k} ≤ {y} ^ {k}", (f"{x} ≤ {y}",)),
            Draft((f"{x} {y} {z} : Int",), f"{y} * {z} ≤ {x} * {z}", (f"{x} ≤ {y}", f"{z} ≤ 0")),
        ]
    )


def minimum_and_maximum(random: Random) -> Draft:
    """Facts about min and max that two cases settle."""
    x, y, z = variables(random, 3)
    goals = [
        (f"min {x} {y} + max {x} {y} = {x} + {y}", ()),
        (f"max {x} {y} = {x} ∨ max {x} {y} = {y}", ()),
        (f"min {x} {y} ≤ {z}", (f"{x} ≤ {z}",)),
        (f"max {x} {y} ≤ {z}", (f"{x} ≤ {z}", f"{y} ≤ {z}")),
        (f"min {x} (max {x} {y}) = {x}", ()),
    ]
    goal, hypotheses = random.choice(goals)
    return Draft((f"{x} {y} {z} : {random.choice(['Nat', 'Int'])}",), goal, hypotheses)


def witness(random: Random) -> Draft:
    """A number with a gap around it."""
    x, y = variables(random, 2)
    a = random.randint(2, 6)
    return random.choice(
        [
            Draft((f"{x} : Int",), f"∃ {y}, {x} < {y} ∧ {y} < {x} + {a}"),
            Draft((f"{x} : Nat",), f"∃ {y}, {a} * {y} ≤ {x} ∧ {x} < {a} * {y} + {a}"),
            Draft((f"{x} : Int",), f"∃ {y}, {x} < {a} * {y}"),
        ]
    )


def pigeonhole(random: Random) -> Draft:
    """One of several summands is at least the mean."""
    names = variables(random, random.randint(2, 4))
    bounds = [random.randint(1, 9) for _ in names]
    total = sum(bounds) - len(bounds) + 1
    goal = " ∨ ".join(f"{bound} ≤ {name}" for name, bound in zip(names, bounds, strict=True))
    return Draft((f"{' '.join(names)} : Nat",), goal, (f"{' + '.join(names)} = {total}",))


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template
    for template in (
        combination,
        rounding,
        no_solution,
        chain,
        alternatives,
        squeeze,
        bounded_product,
        sum_of_squares,
        monotone_product,
        minimum_and_maximum,
        witness,
        pigeonhole,
    )
}
