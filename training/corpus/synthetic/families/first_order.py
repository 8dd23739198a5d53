"""First-order logic: quantifiers, relations, functions and equality over an arbitrary type."""

import itertools
from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template

TYPE = "{α : Type}"
INHABITED = "[Inhabited α]"


def distribution(random: Random) -> Draft:
    """Quantifiers past connectives, one or both ways."""
    a, b = _instances(random, 2)
    both = [
        (f"∀ x, {a} ∧ {b}", f"(∀ x, {a}) ∧ (∀ x, {b})"),
        (f"∃ x, {a} ∨ {b}", f"(∃ x, {a}) ∨ (∃ x, {b})"),
    ]
    one_way = [
        (f"(∀ x, {a}) ∨ (∀ x, {b})", f"∀ x, {a} ∨ {b}"),
        (f"∃ x, {a} ∧ {b}", f"(∃ x, {a}) ∧ (∃ x, {b})"),
        (f"∀ x, {a} → {b}", f"(∀ x, {a}) → (∀ x, {b})"),
        (f"∀ x, {a} → {b}", f"(∃ x, {a}) → (∃ x, {b})"),
    ]
    if random.random() < 0.4:
        left, right = random.choice(both)
        return _draft(f"({left}) ↔ {right}")
    left, right = random.choice(one_way + both)
    return _draft(right, left)


def negation(random: Random) -> Draft:
    """Negation past quantifiers, classical where it has to be."""
    a, b = _instances(random, 2)
    laws = [
        (f"¬ ∀ x, {a}", f"∃ x, ¬ {_closed(a)}"),
        (f"¬ ∃ x, {a}", f"∀ x, ¬ {_closed(a)}"),
        (f"¬ ∀ x, {a} → {b}", f"∃ x, {_closed(a)} ∧ ¬ {_closed(b)}"),
        (f"¬ ∃ x, {a} ∧ {b}", f"∀ x, {_closed(a)} → ¬ {_closed(b)}"),
    ]
    left, right = random.choice(laws)
    shape = random.randrange(3)
    if shape == 0:
        return _draft(f"({left}) ↔ {right}")
    return _draft(right, left) if shape == 1 else _draft(left, right)


def constant_proposition(random: Random) -> Draft:
    """A proposition that does not depend on the quantified variable."""
    (a,) = _instances(random, 1)
    free = [
        (f"(∃ x, {a} ∧ r)", f"(∃ x, {a}) ∧ r"),
        (f"(∀ x, {a} → r)", f"((∃ x, {a}) → r)"),
        (f"(∀ x, r → {a})", f"(r → ∀ x, {a})"),
        (f"(∀ x, {a} ∨ r)", f"(∀ x, {a}) ∨ r"),
    ]
    left, right = random.choice(free)
    return _draft(f"{left} ↔ {right}", extra=("r : Prop",))


def syllogism(random: Random) -> Draft:
    """A chain of inclusions, for all or for some."""
    names = ["P", "Q", "R", "S", "T"][: random.randint(3, 5)]
    random.shuffle(names)
    links = [f"∀ x, {left} x → {right} x" for left, right in itertools.pairwise(names)]
    random.shuffle(links)
    predicates = f"{' '.join(sorted(names))} : α → Prop"
    first, last = names[0], names[-1]
    return random.choice(
        [
            Draft((TYPE, predicates), f"∀ x, {first} x → {last} x", tuple(links)),
            Draft((TYPE, predicates), f"∃ x, {last} x", (*links, f"∃ x, {first} x")),
            Draft((TYPE, predicates), f"¬ ∃ x, {first} x", (*links, f"∀ x, ¬ {last} x")),
            Draft((TYPE, predicates, "a : α"), f"{last} a", (*links, f"{first} a")),
        ]
    )


def exchange(random: Random) -> Draft:
    """Two quantifiers in another order."""
    r = random.choice(["R x y", "R y x", "R x y ∧ R y x", "R x y ∨ P x"])
    return random.choice(
        [
            _draft(f"∀ y, ∃ x, {r}", f"∃ x, ∀ y, {r}"),
            _draft(f"(∃ x, ∃ y, {r}) ↔ ∃ y, ∃ x, {r}"),
            _draft(f"(∀ x, ∀ y, {r}) ↔ ∀ y, ∀ x, {r}"),
            _draft(f"∃ x, {r.replace('y', 'x')}", f"∃ x, ∀ y, {r}"),
        ]
    )


def relation(random: Random) -> Draft:
    """Properties of relations that imply others."""
    symmetric, transitive = "∀ x y, R x y → R y x", "∀ x y z, R x y → R y z → R x z"
    irreflexive, euclidean = "∀ x, ¬ R x x", "∀ x y z, R x y → R x z → R y z"
    reflexive, antisymmetric = "∀ x, R x x", "∀ x y, R x y → R y x → x = y"
    goal, hypotheses = random.choice(
        [
            ("∀ x y, R x y → ¬ R y x", (irreflexive, transitive)),
            ("∀ x y, R x y → R x x", (symmetric, transitive)),
            (symmetric, (reflexive, euclidean)),
            (transitive, (symmetric, euclidean)),
            (euclidean, (symmetric, transitive)),
            ("∀ x y, R x y ∧ R y x ↔ x = y", (reflexive, antisymmetric)),
            ("∀ x y z w, R x y → R y z → R z w → R x w", (transitive,)),
            ("∀ x y, R x y → x ≠ y", (irreflexive,)),
        ]
    )
    order = list(hypotheses)
    random.shuffle(order)
    return Draft((TYPE, "R : α → α → Prop"), goal, tuple(order))


def function(random: Random) -> Draft:
    """Injective, surjective, idempotent and involutive functions."""
    injective, surjective = "∀ x y, {0} x = {0} y → x = y", "∀ y, ∃ x, {0} x = y"
    goal, hypotheses = random.choice(
        [
            ("∀ x y, g (f x) = g (f y) → x = y", (injective.format("f"), injective.format("g"))),
            ("∀ z, ∃ x, g (f x) = z", (surjective.format("f"), surjective.format("g"))),
            (injective.format("f"), ("∀ x, g (f x) = x",)),
            (surjective.format("g"), ("∀ x, g (f x) = x",)),
            (injective.format("f"), ("∀ x, f (f x) = x",)),
            (surjective.format("f"), ("∀ x, f (f x) = x",)),
            ("∀ x, f (f (f x)) = f x", ("∀ x, f (f x) = f x",)),
            ("∀ x, f x = x", ("∀ x, f (f x) = f x", injective.format("f"))),
            ("∀ x, f x = x", ("∀ x, f (f x) = f x", surjective.format("f"))),
            ("∀ x, f (g x) = x", ("∀ x, g (f x) = x", surjective.format("f"))),
            (injective.format("f"), ("∀ x y, g (f x) = g (f y) → x = y",)),
        ]
    )
    return Draft((TYPE, "f g : α → α"), goal, hypotheses)


def uniqueness(random: Random) -> Draft:
    """Existence, uniqueness and equality."""
    goal, hypotheses = random.choice(
        [
            ("a = b", ("∃ x, ∀ y, P y ↔ y = x", "P a", "P b")),
            ("(∃ x, x = a ∧ P x) ↔ P a", ()),
            ("(∀ x, x = a → P x) ↔ P a", ()),
            ("∃ x, P x ∧ ∀ y, P y → y = x", ("P a", "∀ x y, P x → P y → x = y")),
            ("∀ x y, P x → P y → x = y", ("∃ x, ∀ y, P y → y = x",)),
            ("a ≠ b", ("P a", "¬ P b")),
            ("∃ x y : α, x ≠ y", ("P a", "¬ P b")),
            ("P b", ("∃ x : α, ∀ y, y = x", "P a")),
        ]
    )
    return Draft((TYPE, "P : α → Prop", "a b : α"), goal, hypotheses)


def inhabited(random: Random) -> Draft:
    """Facts that need the type to have an element, most of them classical."""
    (a,) = _instances(random, 1)
    goal = random.choice(
        [
            f"∃ x, {a} → ∀ y, {a.replace('x', 'y')}",
            f"(∀ x, {a}) → ∃ x, {a}",
            f"∃ x, (∃ y, {a.replace('x', 'y')}) → {a}",
            f"(∃ x, {a}) ∨ ∃ x, ¬ {_closed(a)}",
        ]
    )
    return _draft(goal, extra=(INHABITED,))


def _instances(random: Random, count: int) -> list[str]:
    """Return different formulas about `x`."""
    return random.sample(
        ["P x", "Q x", "¬ P x", "R x x", "(P x ∧ Q x)", "(P x ∨ Q x)", "(P x → Q x)"][: 3 + count], count
    )


def _closed(formula: str) -> str:
    return formula if formula.startswith("(") else f"({formula})"


def _draft(goal: str, *hypotheses: str, extra: tuple[str, ...] = ()) -> Draft:
    """Return a draft with those of the predicates P, Q and the relation R that the formulas mention."""
    text = " ".join((goal, *hypotheses))
    predicates = " ".join(name for name in "PQ" if f"{name} " in text)
    groups = [f"{predicates} : α → Prop"] if predicates else []
    groups += ["R : α → α → Prop"] if "R " in text else []
    return Draft((TYPE, *groups, *extra), goal, hypotheses)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template
    for template in (
        distribution,
        negation,
        constant_proposition,
        syllogism,
        exchange,
        relation,
        function,
        uniqueness,
        inhabited,
    )
}
