"""Small values of types, as Lean source: candidates for counterexamples.

They are guesses: a value only counts in a proof that Lean has verified, so that an ill-typed one costs a single
attempt.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

from prover.lean.wire.answers import Bound, MadeType, Maker

PROOF = "?_"  # for a proposition, which is proved separately: Lean continues after a failing `by` inside a term
INSTANCE = "inferInstance"

_NUMBERS = ("0", "1", "2", "3", "5")
_VALUES = {
    "Nat": _NUMBERS,
    "Int": ("0", "1", "(-1)", "2", "(-3)"),
    "Bool": ("true", "false"),
    "Prop": ("True", "False"),
    "Type": ("Bool", "Nat"),
    "Char": ("'a'", "'b'", "'A'", "' '", "'0'"),
    "String": ('""', '"a"', '"b"', '"ab"', '"A b"'),
    "Nat → Nat": ("(fun _ => 0)", "(fun x => x)", "(fun x => x + 1)"),
    **{f"UInt{bits}": (*_NUMBERS, "(-1)") for bits in (8, 16, 32, 64)},
}
_TYPES = ("PUnit", "(ULift Bool)")
_ELEMENTS = {
    "PUnit": ("⟨⟩",),
    "(ULift Bool)": ("⟨false⟩", "⟨true⟩"),
    "Bool": ("false", "true"),
    "Nat": ("0", "1", "2"),
}
_BIT_VECTOR = re.compile(r"BitVec \S.*")
_OPTIONAL = re.compile(r"^optParam (\w+) .+$")  # type of `(n : Nat := 3)`
_NUMERAL = re.compile(r"(?<![\w.])\d{1,6}(?![\w.])")
_FIN = re.compile(r"\(Fin\.mk (\d+) \?_\)")
_MOST = 8  # values per type
_DEEPEST = 3  # nesting of constructors
_MOST_CHOICES = 20_000


class Values:
    """Small values for the binders of a statement."""

    def __init__(self, statement: str, bound: Sequence[Bound], types: Sequence[MadeType]) -> None:
        """Create values from these types and their constructors."""
        self._bound = bound
        self._made = {_spaced(one.type): one for one in types}
        self._numerals = [str(each) for each in _numerals(statement)]

    def assignments(self) -> Iterator[list[tuple[str, str]]]:
        """Yield values for the variables, small ones first, with proof placeholders for assumptions; none if a type is
        unknown.
        """
        if not any(one.kind == "value" for one in self._bound):
            return
        every = itertools.islice(self._chosen(self._bound, {}), _MOST_CHOICES)
        for _, values in sorted(every, key=lambda each: each[0]):
            yield [(one.name, value) for one, value in zip(self._bound, values, strict=True)]

    def _chosen(self, bound: Sequence[Bound], types: Mapping[str, str]) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield all combinations of values with their distance from the first ones; `types` are chosen before."""
        if not bound:
            yield 0, ()
            return
        one = bound[0]
        type_ = _spaced(one.type)
        match one.kind:
            case "proposition":
                values: Sequence[str] = (PROOF,)
            case "instance":
                values = (INSTANCE,)
            case _:
                values = self._of(type_, types, _DEEPEST)
        for place, value in enumerate(values):
            chosen = {**types, one.name: value} if type_.startswith(("Type", "Sort")) else types
            for cost, rest in self._chosen(bound[1:], chosen):
                yield place + cost, (value, *rest)

    def _of(self, type_: str, types: Mapping[str, str], depth: int) -> tuple[str, ...]:
        """Return some values of a type, small ones first."""
        cached = self._made.get(type_)
        for name in (type_, _spaced(cached.reduced) if cached else type_):
            if found := self._written(name, types):
                return found
        if cached is None or depth == 0:
            return ()
        # The simplest value comes first, and every constructor is represented among those taken.
        by_maker = [self._made_by(maker, types, depth - 1) for maker in sorted(cached.makers, key=_weight)]
        turns = itertools.zip_longest(*by_maker)
        return tuple(itertools.islice((value for turn in turns for value in turn if value is not None), _MOST))

    def _made_by(self, maker: Maker, types: Mapping[str, str], depth: int) -> Iterator[str]:
        needs = [
            (PROOF,) if field.kind == "proposition" else self._of(_spaced(field.type), types, depth)
            for field in maker.fields
        ]
        choices = sorted(
            itertools.islice(itertools.product(*map(enumerate, needs)), 64), key=lambda each: sum(at for at, _ in each)
        )
        for choice in choices:
            yield _applied(maker.name.removeprefix("@"), [value for _, value in choice])

    def _written(self, type_: str, types: Mapping[str, str]) -> tuple[str, ...]:
        """Return values that have a literal form."""
        type_ = _OPTIONAL.sub(r"\1", type_)
        if type_.startswith(("Type ", "Sort ")):
            return _TYPES
        if type_ in types:
            return _ELEMENTS[types[type_]]
        if _BIT_VECTOR.fullmatch(type_):
            return (*_NUMBERS, "(-1)")
        values = _VALUES.get(type_, ())
        numbers = (each for each in self._numerals if each not in values)
        return (*values, *numbers) if type_ in ("Nat", "Int") else values


def _applied(name: str, parts: Sequence[str]) -> str:
    """Return a constructor with its arguments, in usual notation."""
    match name, parts:
        case ("List.nil", []):
            return "[]"
        case ("List.cons", [first, rest]):
            return f"[{first}]" if rest == "[]" else f"[{first}, {rest.removeprefix('[')}"
        case ("Prod.mk", [first, second]):
            return f"({first}, {second})"
        case ("", [value]):
            return f"(fun _ => {value})"
        case (_, []):
            return name
        case _:
            return f"({name} {' '.join(parts)})"


def is_proof(value: str) -> bool:
    """Whether a placeholder stands for a proof or an instance, not a value."""
    return value in (PROOF, INSTANCE)


def shown(value: str) -> str:
    """Return a value in usual notation."""
    return _FIN.sub(r"\1", value).replace(PROOF, "_")


def _weight(maker: Maker) -> int:
    return len(maker.fields)


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _numerals(statement: str) -> list[int]:
    """Return small numbers of a statement and their neighbours: counterexamples often are among them."""
    named = {int(each) for each in _NUMERAL.findall(statement)[:8]}
    return sorted({near for each in named for near in (each - 1, each, each + 1) if near >= 0})
