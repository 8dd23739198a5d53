"""Existence of functions with given properties, each with a function that has them."""

from collections.abc import Mapping
from random import Random

from training.conjectures.sources.witnessed.template import Witnessed, WitnessTemplate
from training.corpus.synthetic.draft import Draft, coefficient, linear


def values(random: Random) -> Witnessed:
    """Values at the first numbers, or at some."""
    type_ = random.choice(("Nat", "Int"))
    places = list(range(random.randint(2, 6)))
    if random.random() < 0.4:
        places = sorted(random.sample(range(9), random.randint(2, 4)))
    name = random.choice("fgh")
    found = [random.randint(0, 99) for _ in places]
    goal = " ∧ ".join(f"{name} {place} = {value}" for place, value in zip(places, found, strict=True))
    cases = "".join(f" | {place} => {value}" for place, value in zip(places, found, strict=True))
    branches = "".join(f"if n = {place} then {value} else " for place, value in zip(places, found, strict=True))
    draft = Draft((), f"∃ {name} : Nat → {type_}, {goal}")
    return Witnessed(
        draft,
        (
            f"⟨fun n => match n with{cases} | _ => 0, by simp⟩",
            f"by\n  refine ⟨fun n => {branches}0, ?_⟩\n  simp",
            f"⟨fun n => {branches}0, by decide⟩",
        ),
    )


def steps(random: Random) -> Witnessed:
    """A function whose steps are equal, or at least as large as some number."""
    type_ = random.choice(("Nat", "Int"))
    name, variable = random.choice("fgF"), random.choice("nkmx")
    by, step = random.randint(1, 4), random.randint(1, 9)
    ahead = f"{name} ({variable} + {by})"
    here = f"{name} {variable}"
    start, at = random.randint(0, 9), random.random() < 0.3
    goal = random.choice(
        (
            f"{ahead} = {here} + {by * step}",
            f"{ahead} ≥ {here} + {by * step}",
            f"{here} + {by * step} ≤ {ahead}",
            f"{ahead} - {here} = {by * step}",
            f"{here} < {ahead}",
        )
    )
    quantified = f"∀ {variable} : {type_}, {goal}"
    if at:
        quantified = f"{name} 0 = {start} ∧ {quantified}"
    body = linear({"x": step}, start if at else 0)
    return Witnessed(
        Draft((), f"∃ {name} : {type_} → {type_}, {quantified}"),
        (
            f"⟨fun x => {body}, by grind⟩",
            f"⟨fun x => {body}, by constructor <;> intros <;> grind⟩"
            if at
            else f"⟨fun x => {body}, by intro {variable}; grind⟩",
            f"by\n  refine ⟨fun x => {body}, ?_⟩\n  grind",
        ),
    )


def growth(random: Random) -> Witnessed:
    """A function above another everywhere."""
    type_, name = random.choice(("Nat", "Int")), random.choice("fgh")
    term = coefficient(random.randint(1, 9), random.choice(("n", "n ^ 2", "n * n")))
    more = random.randint(1, 9)
    above, below = f"{name} n > {term}", f"{name} n ≤ {term} + {more}"
    goal = random.choice((above, f"{above} ∧ {below}", f"{name} n ≥ {term} + {more}"))
    body = f"{term} + {more}"
    return Witnessed(
        Draft((), f"∃ {name} : {type_} → {type_}, ∀ n, {goal}"),
        (
            f"⟨fun n => {body}, by grind⟩",
            f"⟨fun n => {body}, fun n => by grind⟩",
            f"by\n  refine ⟨fun n => {body}, ?_⟩\n  intro n\n  grind",
        ),
    )


def equations(random: Random) -> Witnessed:
    """A functional equation, of one function or two, that the zero function satisfies, or the identity."""
    type_ = random.choice(("Nat", "Int"))
    additive = ("f (x + y) = f x + f y", "f (x + y) = f x + f y + f x * f y", "f (x * y) = f x * f y", "f (f x) = f x")
    if random.random() < 0.5:
        laws = random.sample(additive, random.randint(1, 2))
        zero = "⟨fun _ => 0, by simp⟩"
        found = (
            zero,
            "⟨fun x => x, by simp⟩" if "x * f" not in "".join(laws) else zero,
            "by\n  refine ⟨fun _ => 0, ?_⟩\n  simp",
        )
        return Witnessed(Draft((), f"∃ f : {type_} → {type_}, ∀ x y : {type_}, {' ∧ '.join(laws)}"), found)
    laws = random.sample(
        (
            "f (x + y) = f x + g y",
            "f (x * y) = f x * g y",
            "g (x + y) = g x + f y",
            "f (g x) = g (f y)",
            "g (x * y) = f x * f y",
            "f (x + y) * g x = g y * f x",
        ),
        random.randint(1, 3),
    )
    return Witnessed(
        Draft((), f"∃ f g : {type_} → {type_}, ∀ x y : {type_}, {' ∧ '.join(laws)}"),
        (
            "⟨fun _ => 0, fun _ => 0, by simp⟩",
            "by\n  refine ⟨fun _ => 0, fun _ => 0, ?_⟩\n  intro x y\n  simp",
            "by\n  exists fun _ => 0, fun _ => 0\n  simp",
        ),
    )


def inverse(random: Random) -> Witnessed:
    """A function that undoes another."""
    shift, factor = random.randint(1, 30), random.randint(2, 9)
    forward, back = random.choice(
        (
            (f"x + {shift}", f"x - {shift}"),
            (f"x - {shift}", f"x + {shift}"),
            (f"{factor} * x", f"x / {factor}"),
            (f"{factor} * x + {shift}", f"(x - {shift}) / {factor}"),
            (f"{shift} - x", f"{shift} - x"),
        )
    )
    type_ = "Int" if "-" in forward else random.choice(("Nat", "Int"))
    return Witnessed(
        Draft((), f"∃ g : {type_} → {type_}, ∀ x, g ({forward}) = x"),
        (
            f"⟨fun x => {back}, by grind⟩",
            f"⟨fun x => {back}, fun x => by omega⟩",
            f"by\n  refine ⟨fun x => {back}, ?_⟩\n  intro x\n  simp\n  try omega",
        ),
    )


TEMPLATES: Mapping[str, WitnessTemplate] = {
    template.__name__: template for template in (values, steps, growth, equations, inverse)
}
