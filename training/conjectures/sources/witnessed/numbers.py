"""Existence of numbers with given properties, each with numbers that have them."""

from collections.abc import Mapping
from random import Random

from prover.sampling.plans.arithmetic import value
from training.conjectures.sources.witnessed.template import Witnessed, WitnessTemplate
from training.corpus.synthetic.draft import Draft, coefficient, linear, variables


def equation(random: Random) -> Witnessed:
    """An equation with a solution in two or three numbers."""
    type_ = random.choice(("Nat", "Int"))
    low = 1 if type_ == "Nat" else random.choice((1, -9))
    names = variables(random, random.randint(2, 3))
    found = [random.randint(low, 12) for _ in names]
    first, second, *_ = names
    a, b = random.randint(1, 12), random.randint(1, 12)
    sums = [
        linear({name: random.randint(1, 9) for name in names}),
        f"{first} ^ 2 + {coefficient(a, f'{second} ^ 2')}",
        f"{first} * {second} + {coefficient(a, first)} + {coefficient(b, second)}",
        f"{first} ^ 3 + {coefficient(a, second)}",
        " + ".join(f"{name} ^ 2" for name in names),
    ]
    if type_ == "Int":
        sums += [
            linear({first: a, second: -b}),
            f"{first} ^ 2 - {coefficient(a, f'{second} ^ 2')}",
            f"{first} ^ 3 - {coefficient(a, f'{second} ^ 2')}",
        ]
    left = random.choice(sums)
    right = value(left, dict(zip(names, found, strict=True)), natural=type_ == "Nat")
    goal = f"{left} = {right}"
    used = [name for name in names if name in left]
    found = [number for name, number in zip(names, found, strict=True) if name in left]
    if all(number > 0 for number in found) and random.random() < 0.3:
        goal = f"{goal} ∧ " + " ∧ ".join(f"{name} > 0" for name in used)
    shown = ", ".join(f"({number})" if number < 0 else str(number) for number in found)
    return Witnessed(
        Draft((), f"∃ {' '.join(used)} : {type_}, {goal}"),
        (
            f"⟨{shown}, by decide⟩",
            f"⟨{shown}, by simp⟩",
            f"by\n  refine ⟨{shown}, ?_⟩\n  decide",
            f"by\n  exists {shown}",
        ),
    )


def beyond(random: Random) -> Witnessed:
    """A number beyond any other, of a given form."""
    n, x = random.sample(("n", "m", "k", "x", "N", "y"), 2)
    factor, more = random.randint(2, 12), random.randint(1, 12)
    beyond_ = random.choice((f"{n} < {x}", f"{x} > {n}", f"{n} ≤ {x}", f"{x} ≥ {n} + {more}"))
    form, witness = random.choice(
        (
            (f"{factor} ∣ {x}", f"{factor} * ({n} + {more})"),
            (f"{factor} ∣ {x} + {more}", f"{factor} * ({n} + {more} + 1) - {more}"),
            (f"∃ j, {x} = {factor} * j + {more}", ""),
            (f"{x} % {factor} ≠ 0", f"{factor} * ({n} + {more}) + 1"),
            (f"({x} + {more}) % {factor} = 0", f"{factor} * ({n} + {more} + 1) - {more}"),
        )
    )
    goal = f"∀ {n} : Nat, ∃ {x} : Nat, {beyond_} ∧ {form}"
    if not witness:
        whole = f"{factor} * ({n} + {more}) + {more}"
        return Witnessed(
            Draft((), goal),
            (
                f"fun {n} => ⟨{whole}, by omega, {n} + {more}, rfl⟩",
                f"by\n  intro {n}\n  exact ⟨{whole}, by omega, {n} + {more}, by omega⟩",
            ),
        )
    return Witnessed(
        Draft((), goal),
        (
            f"fun {n} => ⟨{witness}, by omega⟩",
            f"by\n  intro {n}\n  exact ⟨{witness}, by omega⟩",
            f"by\n  intro {n}\n  refine ⟨{witness}, ?_, ?_⟩ <;> omega",
            f"by\n  intro {n}\n  exists {witness}\n  omega",
        ),
    )


TEMPLATES: Mapping[str, WitnessTemplate] = {template.__name__: template for template in (equation, beyond)}
