"""Options: map, bind, getD, orElse, isSome, and case analysis."""

from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template

TYPE = "{α : Type}"


def mapping(random: Random) -> Draft:
    """Equations of `Option.map`."""
    goal, hypotheses = random.choice(
        [
            ("(o.map f).map g = o.map (fun x => g (f x))", ()),
            ("(o.map fun x => x) = o", ()),
            ("(o.map f).isSome = o.isSome", ()),
            ("o.map f = none ↔ o = none", ()),
            ("∃ x, o = some x ∧ f x = a", ("o.map f = some a",)),
            ("o.map f = some (f a)", ("o = some a",)),
            ("(o.map f).getD (f a) = f (o.getD a)", ()),
            ("o = u", ("o.map f = u.map f", "∀ x y, f x = f y → x = y")),
        ]
    )
    return _over(goal, "f g : α → α", hypotheses=hypotheses)


def binding(random: Random) -> Draft:
    """The monad laws and their consequences."""
    goal, hypotheses = random.choice(
        [
            ("(o.bind k).bind l = o.bind (fun x => (k x).bind l)", ()),
            ("o.bind some = o", ()),
            ("(some a).bind k = k a", ()),
            ("(o.bind fun _ => none) = (none : Option α)", ()),
            ("∃ x, o = some x ∧ k x = some a", ("o.bind k = some a",)),
            ("o.bind k = none", ("∀ x, k x = none",)),
            ("(o.bind k).isSome = true → o.isSome = true", ()),
        ]
    )
    return _over(goal, "k l : α → Option α", hypotheses=hypotheses)


def alternatives(random: Random) -> Draft:
    """The first of two options that holds something."""
    goal, hypotheses = random.choice(
        [
            ("(o <|> none) = o", ()),
            ("(none <|> o) = o", ()),
            ("((o <|> u) <|> v) = (o <|> (u <|> v))", ()),
            ("(o <|> u) = u", ("o = none",)),
            ("(o <|> u).isSome = (o.isSome || u.isSome)", ()),
            ("(o <|> o) = o", ()),
            ("o = none ∧ u = none", ("(o <|> u) = none",)),
        ]
    )
    return _over(goal, hypotheses=hypotheses)


def cases(random: Random) -> Draft:
    """Either nothing or something."""
    goal, hypotheses = random.choice(
        [
            ("o = none ∨ ∃ x, o = some x", ()),
            ("o.isSome = true ↔ ∃ x, o = some x", ()),
            ("o.isNone = !o.isSome", ()),
            ("∃ x, o = some x", ("o ≠ none",)),
            ("a = b", ("some a = some b",)),
            ("a = b", ("o = some a", "o = some b")),
            ("some a ≠ none", ()),
            ("o.getD a = a ∨ o = some (o.getD a)", ()),
            ("o = some b", ("o.getD a = b", "a ≠ b")),
            ("o = u", ("∀ x, o = some x ↔ u = some x",)),
        ]
    )
    return _over(goal, hypotheses=hypotheses)


def filtering(random: Random) -> Draft:
    """An option under a condition."""
    goal, hypotheses = random.choice(
        [
            ("(o.filter p).filter p = o.filter p", ()),
            ("o.filter p = some a → o = some a", ()),
            ("p a = true", ("o.filter p = some a",)),
            ("(some a).filter p = some a", ("p a = true",)),
            ("(some a).filter p = none", ("p a = false",)),
            ("(o.filter p).isSome = true → o.isSome = true", ()),
        ]
    )
    return _over(goal, "p : α → Bool", hypotheses=hypotheses)


def evaluation(random: Random) -> Draft:
    """Options of numbers."""
    a, b = random.randint(0, 20), random.randint(1, 9)
    even = f"some {a // 2}" if a % 2 == 0 else "none"
    goal = random.choice(
        [
            f"(some {a}).map (fun x => x + {b}) = some {a + b}",
            f"((some {a}).bind fun x => if x % 2 = 0 then some (x / 2) else none) = {even}",
            f"(none : Option Nat).getD {a} = {a}",
            f"((some {a} <|> some {b}).getD 0) = {a}",
            f"((some {a}).filter fun x => x < {b}) = {f'some {a}' if a < b else 'none'}",
        ]
    )
    return Draft((), goal)


def _over(goal: str, *extra: str, hypotheses: tuple[str, ...] = ()) -> Draft:
    """Return a draft with the options and elements that the formulas mention."""
    words = set(" ".join((goal, *hypotheses)).replace("(", " ").replace(")", " ").replace(".", " ").split())
    options, elements = " ".join(sorted(words & set("ouv"))), " ".join(sorted(words & set("ab")))
    groups = ([f"{options} : Option α"] if options else []) + ([f"{elements} : α"] if elements else [])
    return Draft((TYPE, *extra, *groups), goal, hypotheses)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template for template in (mapping, binding, alternatives, cases, filtering, evaluation)
}
