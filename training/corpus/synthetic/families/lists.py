"""Lists: lengths, appending, reversing, mapping, filtering, membership."""

from collections import Counter
from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template, coefficient

TYPE = "{α : Type}"
LISTS = ("xs", "ys", "zs")


def length(random: Random) -> Draft:
    """The length of a list put together from others."""
    term, lengths, constant = _expression(random, random.randint(2, 3))
    parts = [coefficient(count, f"{name}.length") for name, count in lengths.items()]
    total = " + ".join(parts + ([str(constant)] if constant else []))
    used = [name for name in LISTS if lengths[name]]
    variables = (TYPE, f"{' '.join(used)} : List α", *(["a : α"] if constant else []))
    return Draft(variables, f"{_receiver(term)}.length = {total}")


def _expression(random: Random, depth: int) -> tuple[str, Counter[str], int]:
    """Return a list term, the number of uses of each list, and the number of single elements."""
    if depth == 0:
        name = random.choice(LISTS)
        return name, Counter([name]), 0
    if random.random() < 0.3:
        term, lengths, constant = _expression(random, depth - 1)
        return f"{_receiver(term)}.reverse", lengths, constant
    if random.random() < 0.2:
        term, lengths, constant = _expression(random, depth - 1)
        return f"(a :: {term})", lengths, constant + 1
    left, right = _expression(random, depth - 1), _expression(random, depth - 1)
    return f"({left[0]} ++ {right[0]})", left[1] + right[1], left[2] + right[2]


def _receiver(term: str) -> str:
    """Return the term in a form that may precede a dot."""
    whole = " " not in term or (term.startswith("(") and term.endswith(")"))
    return term if whole else f"({term})"


def reversal(random: Random) -> Draft:
    """Reversing reverses the order of what was appended."""
    parts = [random.choice([*LISTS, "[a]"]) for _ in range(random.randint(2, 4))]
    reverse = {"[a]": "[a]"} | {name: f"{name}.reverse" for name in LISTS}
    right = " ++ ".join(reverse[part] for part in reversed(parts))
    return _over(f"({' ++ '.join(parts)}).reverse = {right}")


def associativity(random: Random) -> Draft:
    """Two ways to bracket the same concatenation."""
    parts = [random.choice(LISTS), *(random.choice([*LISTS, "[a]", "[]"]) for _ in range(3))]
    shapes = ["(({0} ++ {1}) ++ {2}) ++ {3}", "({0} ++ {1}) ++ ({2} ++ {3})", "{0} ++ ({1} ++ ({2} ++ {3}))"]
    left, right = random.sample(shapes, 2)
    return _over(f"{left.format(*parts)} = {right.format(*parts)}")


def mapping(random: Random) -> Draft:
    """Mapping against appending, composing, reversing and measuring."""
    goal = random.choice(
        [
            "(xs ++ ys).map f = xs.map f ++ ys.map f",
            "(xs.map f).map g = xs.map (fun x => g (f x))",
            "(xs.map f).reverse = xs.reverse.map f",
            "(xs.map f).length = xs.length",
            "((xs ++ ys).map f).length = ys.length + xs.length",
            "(xs.map fun x => x) = xs",
            "(xs.reverse.map f).reverse = xs.map f",
            "((a :: xs) ++ ys).map f = f a :: (xs.map f ++ ys.map f)",
            "xs.map f = [] ↔ xs = []",
        ]
    )
    return _over(goal, "f g : α → α")


def filtering(random: Random) -> Draft:
    """The elements that a filter keeps."""
    goal = random.choice(
        [
            "(xs.filter p).length ≤ xs.length",
            "(xs ++ ys).filter p = xs.filter p ++ ys.filter p",
            "(xs.filter p).filter p = xs.filter p",
            "(xs.filter p).filter q = (xs.filter q).filter p",
            "(xs.filter p).all p = true",
            "a ∈ xs.filter p → a ∈ xs",
            "a ∈ xs.filter p ↔ a ∈ xs ∧ p a = true",
            "(xs.filter p).length + (xs.filter fun x => !p x).length = xs.length",
            "xs.reverse.filter p = (xs.filter p).reverse",
        ]
    )
    return _over(goal, "p q : α → Bool")


def membership(random: Random) -> Draft:
    """Elements of concatenations, reversals and images."""
    goal, hypotheses = random.choice(
        [
            ("a ∈ ys ++ xs", ("a ∈ xs ++ ys",)),
            ("a ∈ xs.reverse ↔ a ∈ xs", ()),
            ("a ∈ xs ++ ys ++ zs", ("a ∈ ys",)),
            ("a ∈ xs", ("a ∈ xs ++ ys", "a ∉ ys")),
            ("∃ us vs, xs = us ++ a :: vs", ("a ∈ xs",)),
            ("a ∈ zs", ("a ∈ xs ∨ a ∈ ys", "∀ x, x ∈ xs → x ∈ zs", "∀ x, x ∈ ys → x ∈ zs")),
            ("f a ∈ xs.map f", ("a ∈ xs",)),
            ("∃ x, x ∈ xs ∧ f x = a", ("a ∈ xs.map f",)),
            ("xs ≠ []", ("a ∈ xs",)),
        ]
    )
    return _over(goal, *(["f : α → α"] if "f" in goal else []), hypotheses=hypotheses)


def shape(random: Random) -> Draft:
    """The shape of a list, from its length or from an equation."""
    goal, hypotheses = random.choice(
        [
            ("∃ x us, xs = x :: us", ("xs ≠ []",)),
            ("∃ us x, xs = us ++ [x]", ("xs ≠ []",)),
            ("∃ x y, xs = [x, y]", ("xs.length = 2",)),
            ("xs = []", ("xs.length = 0",)),
            ("xs = [] ∧ ys = []", ("xs ++ ys = []",)),
            ("ys = zs", ("xs ++ ys = xs ++ zs",)),
            ("xs = ys", ("xs ++ zs = ys ++ zs",)),
            ("xs = ys", ("a :: xs = a :: ys",)),
            ("xs = ys", ("xs.reverse = ys.reverse",)),
            ("a :: xs ≠ xs", ()),
            ("xs ++ [a] ≠ []", ()),
            ("0 < xs.length", ("xs ≠ []",)),
        ]
    )
    return _over(goal, hypotheses=hypotheses)


def taking(random: Random) -> Draft:
    """Cutting a list in two."""
    k = random.randint(1, 5)
    goal, hypotheses = random.choice(
        [
            ("xs.take n ++ xs.drop n = xs", ()),
            (f"xs.take {k} ++ xs.drop {k} = xs", ()),
            ("(xs.take n).length ≤ n", ()),
            ("(xs.drop n).length = xs.length - n", ()),
            ("(xs.take n).length = n", ("n ≤ xs.length",)),
            (f"(xs.drop n).drop {k} = xs.drop (n + {k})", ()),
            ("(xs ++ ys).take xs.length = xs", ()),
            ("(xs ++ ys).drop xs.length = ys", ()),
            ("xs.drop n = []", ("xs.length ≤ n",)),
        ]
    )
    return _over(goal, "n : Nat", hypotheses=hypotheses)


def folding(random: Random) -> Draft:
    """Sums, counts and folds of lists of numbers."""
    k = random.randint(1, 5)
    goal = random.choice(
        [
            "(xs ++ ys).sum = xs.sum + ys.sum",
            "(xs ++ ys).sum = (ys ++ xs).sum",
            "xs.reverse.sum = xs.sum",
            f"(xs.map fun x => {coefficient(k + 1, 'x')}).sum = {k + 1} * xs.sum",
            f"(xs.map fun x => x + {k}).sum = xs.sum + {coefficient(k, 'xs.length')}",
            "xs.foldr (fun x s => x + s) 0 = xs.sum",
            f"xs.foldl (fun s x => s + x) {k} = {k} + xs.sum",
            f"(List.replicate n {k}).sum = n * {k}",
        ]
    )
    lists = [name for name in LISTS if name in goal]
    groups = ([f"{' '.join(lists)} : List Nat"] if lists else []) + (["n : Nat"] if "replicate n" in goal else [])
    return Draft(tuple(groups), goal)


def evaluation(random: Random) -> Draft:
    """A closed list term and its value."""
    numbers = [random.randint(0, 20) for _ in range(random.randint(3, 5))]
    k = random.randint(1, 9)
    term, value = random.choice(
        [
            (f"({numbers}.map fun x => x * {k})", [number * k for number in numbers]),
            (f"({numbers}.filter fun x => x % 2 == 0)", [number for number in numbers if number % 2 == 0]),
            (f"{numbers}.reverse", numbers[::-1]),
            (f"({numbers}.take {k % 3 + 1} ++ [{k}])", [*numbers[: k % 3 + 1], k]),
            (f"{numbers}.sum", sum(numbers)),
            (f"({numbers}.zip {numbers[::-1]}).length", len(numbers)),
            (f"({numbers}.foldl (fun s x => s * 2 + x) 0)", sum(n * 2**i for i, n in enumerate(numbers[::-1]))),
        ]
    )
    return Draft((), f"{term} = {value}")


def _over(goal: str, *extra: str, hypotheses: tuple[str, ...] = ()) -> Draft:
    """Return a draft with the lists and the element that the formulas mention."""
    text = " ".join((goal, *hypotheses))
    lists = " ".join(name for name in LISTS if name in text)
    groups = [f"{lists} : List α"] if lists else []
    element = ["a : α"] if any(use in text for use in ("a ∈", "a ∉", "a ::", "[a]", "f a", "= a")) else []
    return Draft((TYPE, *extra, *groups, *element), goal, hypotheses)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template
    for template in (
        length,
        reversal,
        associativity,
        mapping,
        filtering,
        membership,
        shape,
        taking,
        folding,
        evaluation,
    )
}
