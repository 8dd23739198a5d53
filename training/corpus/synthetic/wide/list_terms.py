"""Random terms of lists of numbers, and what is known of them by their parts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from training.corpus.synthetic.draft import Draft, Template, coefficient

_LISTS = ("xs", "ys", "zs")
_ELEMENTS = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class _Term:
    """A leaf (a list or an element, by its name) or an operation on others; `shift` is what a map adds."""

    symbol: str
    parts: tuple["_Term", ...] = ()
    shift: int = 0

    def __str__(self) -> str:
        match self.symbol:
            case "++":
                return f"({self.parts[0]} ++ {self.parts[1]})"
            case "::":
                return f"({self.parts[0].symbol} :: {self.parts[1]})"
            case "reverse":
                return f"{self.parts[0]}.reverse"
            case "map":
                return f"({self.parts[0]}.map (fun x => x + {self.shift}))"
            case name:
                return f"[{name}]" if name in _ELEMENTS else name

    def leaves(self) -> Iterator["_Term"]:
        """Return the leaves in order; the head of `::` is one."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def total(random: Random) -> Draft:
    """The sum of a list put together from others."""
    term = _drawn(random, random.randint(2, 3), mapped=True)
    constants: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    _add_up(term, 0, numbers, constants)
    parts = [coefficient(count, f"{name}.sum" if name in _LISTS else name) for name, count in numbers.items()]
    parts += [coefficient(count, f"{name}.length") for name, count in constants.items() if name and count]
    parts += [str(constants[""])] if constants[""] else []
    return _over(f"{term}.sum = {' + '.join(parts)}", random)


def length(random: Random) -> Draft:
    """The length of a list put together from others, in which nothing but order and values changed."""
    term = _drawn(random, random.randint(2, 3), mapped=True)
    counts = Counter(leaf.symbol for leaf in term.leaves())
    parts = [coefficient(counts[name], f"{name}.length") for name in _LISTS if counts[name]]
    single = sum(counts[name] for name in _ELEMENTS)
    return _over(f"{term}.length = {' + '.join(parts + ([str(single)] if single else []))}", random)


def count(random: Random) -> Draft:
    """How often a number occurs."""
    term = _drawn(random, random.randint(2, 3))
    counts = Counter(leaf.symbol for leaf in term.leaves())
    number = random.choice(("k", "n"))
    parts = [
        coefficient(n, f"{name}.count {number}" if name in _LISTS else f"[{name}].count {number}")
        for name, n in counts.items()
    ]
    return _over(f"{term}.count {number} = {' + '.join(parts)}", random, f"{number} : Nat")


def membership(random: Random) -> Draft:
    """Whether a number occurs."""
    term = _drawn(random, random.randint(2, 3))
    names = list(dict.fromkeys(leaf.symbol for leaf in term.leaves()))
    random.shuffle(names)
    number = random.choice(("k", "n"))
    facts = " ∨ ".join(f"{number} ∈ {name}" if name in _LISTS else f"{number} = {name}" for name in names)
    if random.random() < 0.5:
        return _over(f"{number} ∈ {term} ↔ {facts}", random, f"{number} : Nat")
    chosen = random.choice(names)
    known = f"{number} ∈ {chosen}" if chosen in _LISTS else f"{number} = {chosen}"
    return _over(f"{number} ∈ {term}", random, f"{number} : Nat", hypotheses=(known,))


def mapped(random: Random) -> Draft:
    """A function applied to all elements of a list put together from others."""
    term = _drawn(random, random.randint(2, 3))
    return _over(f"{term}.map f = {_mapped(term)}", random, "f : Nat → Nat")


def filtered(random: Random) -> Draft:
    """The elements that a filter keeps of a list put together from others."""
    term = _drawn(random, random.randint(1, 3))
    which = random.choice(["any", "all", "countP"])
    names = [leaf.symbol for leaf in term.leaves()]
    if which == "countP":
        parts = [f"{name}.countP p" if name in _LISTS else f"[{name}].countP p" for name in names]
        return _over(f"{term}.countP p = {' + '.join(parts)}", random, "p : Nat → Bool")
    names = list(dict.fromkeys(names))
    sign = " || " if which == "any" else " && "
    random.shuffle(names)
    values = sign.join(f"{name}.{which} p" if name in _LISTS else f"p {name}" for name in names)
    return _over(f"{term}.{which} p = ({values})", random, "p : Nat → Bool")


def reversal(random: Random) -> Draft:
    """A reversal pushed to the parts."""
    term = _drawn(random, random.randint(2, 3))
    return _over(f"{term}.reverse = {_normal(term, True)}", random)


def order(random: Random) -> Draft:
    """Two ways to put a list together."""
    term = _drawn(random, random.randint(2, 3))
    other = _normal(term, False)
    return _over(f"{term} = {other}", random) if str(term) != other else order(random)


def _drawn(random: Random, depth: int, mapped: bool = False) -> _Term:
    """Return a random term that mentions a list and has an operation."""
    while True:
        term = _term(random, depth, mapped)
        if term.parts and any(leaf.symbol in _LISTS for leaf in term.leaves()):
            return term


def _term(random: Random, depth: int, mapped: bool) -> _Term:
    chance = random.random()
    if depth == 0 or chance < 0.08:
        return _Term(random.choice(_LISTS + ((random.choice(_ELEMENTS),) if random.random() < 0.4 else ())))
    if chance < 0.25:
        return _Term("reverse", (_term(random, depth - 1, mapped),))
    if chance < 0.4:
        return _Term("::", (_Term(random.choice(_ELEMENTS)), _term(random, depth - 1, mapped)))
    if mapped and chance < 0.5:
        return _Term("map", (_term(random, depth - 1, mapped),), random.randint(1, 9))
    return _Term("++", (_term(random, depth - 1, mapped), _term(random, depth - 1, mapped)))


def _add_up(term: _Term, shift: int, numbers: Counter[str], constants: Counter[str]) -> None:
    """Add the sum of a term, each element of which is `shift` larger: of lists and elements, of lengths, of numerals."""
    if not term.parts:
        numbers[term.symbol] += 1
        constants[term.symbol if term.symbol in _LISTS else ""] += shift
    for part in term.parts:
        _add_up(part, shift + term.shift, numbers, constants)


def _mapped(term: _Term) -> str:
    match term.symbol:
        case "++":
            return f"({_mapped(term.parts[0])} ++ {_mapped(term.parts[1])})"
        case "::":
            return f"(f {term.parts[0].symbol} :: {_mapped(term.parts[1])})"
        case "reverse":
            return f"{_mapped(term.parts[0])}.reverse"
        case name:
            return f"[f {name}]" if name in _ELEMENTS else f"({name}.map f)"


def _normal(term: _Term, reversed_: bool) -> str:
    """Return the leaves, each reversed or not, appended to each other from the right."""
    parts = [
        f"[{name}]" if name in _ELEMENTS else f"{name}.reverse" * turned or name
        for name, turned in _parts(term, reversed_)
    ]
    return " ++ ".join(f"({part})" if " " in part else part for part in parts)


def _parts(term: _Term, turned: bool) -> list[tuple[str, bool]]:
    if not term.parts:
        return [(term.symbol, turned)]
    inner = turned != (term.symbol == "reverse")
    parts = [_parts(part, inner) for part in term.parts]
    return [each for part in (reversed(parts) if inner else parts) for each in part]


def _over(goal: str, random: Random, *extra: str, hypotheses: tuple[str, ...] = ()) -> Draft:
    """Return a draft with the lists and elements that the formulas mention."""
    words = "".join(sign if sign.isalnum() else " " for sign in " ".join((goal, *hypotheses))).split()
    lists = " ".join(name for name in _LISTS if name in words)
    elements = " ".join(name for name in _ELEMENTS if name in words)
    groups = [f"{lists} : List Nat", *([f"{elements} : Nat"] if elements else []), *extra]
    random.shuffle(groups)
    return Draft(tuple(groups), goal, hypotheses)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template for template in (total, length, count, membership, mapped, filtered, reversal, order)
}
