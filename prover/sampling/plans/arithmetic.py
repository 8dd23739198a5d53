"""Evaluates propositions about numbers, so that plans can find witnesses, roots and moduli without Lean."""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Self

from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize

_LARGEST = 1 << 256
_SIGNS = {"+": "+", "-": "-", "*": "*", "/": "//", "%": "%", "^": "**", "(": "(", ")": ")"}


class UnknownError(ValueError):
    """The text is not plain arithmetic, or its value is too large."""


class _Number:
    """An integer with Lean's arithmetic; subtraction of natural numbers is truncated at 0."""

    __slots__ = ("natural", "value")

    def __init__(self, value: int, natural: bool) -> None:
        if abs(value) > _LARGEST:
            raise UnknownError("too large")
        self.value, self.natural = max(0, value) if natural else value, natural

    def _of(self, value: int) -> Self:
        return type(self)(value, self.natural)

    def __add__(self, other: Self) -> Self:
        return self._of(self.value + other.value)

    def __sub__(self, other: Self) -> Self:
        return self._of(self.value - other.value)

    def __neg__(self) -> Self:
        if self.natural:
            raise UnknownError("a negative natural number")
        return self._of(-self.value)

    def __mul__(self, other: Self) -> Self:
        return self._of(self.value * other.value)

    def __floordiv__(self, other: Self) -> Self:
        # The remainder is never negative, for divisors of either sign.
        if not other.value:
            return self._of(0)
        return self._of((self.value - self.value % abs(other.value)) // other.value)

    def __mod__(self, other: Self) -> Self:
        return self._of(self.value % abs(other.value) if other.value else self.value)

    def __pow__(self, other: Self) -> Self:
        if not 0 <= other.value <= 256 or other.value * self.value.bit_length() > 512:
            raise UnknownError("too large")
        return self._of(self.value**other.value)


_OPERATIONS: Mapping[type[ast.operator], Callable[[_Number, _Number], _Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def value(term: str, numbers: Mapping[str, int], natural: bool) -> int:
    """Evaluate a term of numerals, `numbers`, and `+ - * / % ^`.

    Raises:
        UnknownError: it contains anything else.
    """
    return _value(_parsed(term, frozenset(numbers)), numbers, natural).value


@lru_cache(maxsize=64)
def _parsed(term: str, names: frozenset[str]) -> ast.expr:
    words = []
    for token in tokenize(term):
        if token.text in _SIGNS:
            words.append(_SIGNS[token.text])
        elif (token.kind == "number" and token.text.isdigit() and len(token.text) < 40) or token.text in names:
            words.append(token.text.lstrip("0") or "0")
        else:
            raise UnknownError(token.text)
    if len(words) > 200:
        raise UnknownError(term)
    try:
        return ast.parse(" ".join(words), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise UnknownError(term) from None


def _value(node: ast.expr, numbers: Mapping[str, int], natural: bool) -> _Number:
    match node:
        case ast.Constant(value=int(number)):
            return _Number(number, natural)
        case ast.Name(id=name):
            return _Number(numbers[name], natural)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, numbers, natural)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATIONS:
            return _OPERATIONS[type(sign)](_value(left, numbers, natural), _value(right, numbers, natural))
    raise UnknownError(ast.dump(node))


def holds(proposition: str, numbers: Mapping[str, int], natural: bool) -> bool:
    """Whether a proposition without quantifiers is true of these numbers.

    Raises:
        UnknownError: it contains anything but arithmetic, relations and connectives.
    """
    connective, left, right = _split(proposition)
    match connective:
        case "∧":
            return holds(left, numbers, natural) and holds(right, numbers, natural)
        case "∨":
            return holds(left, numbers, natural) or holds(right, numbers, natural)
        case "→":
            return not holds(left, numbers, natural) or holds(right, numbers, natural)
        case "↔":
            return holds(left, numbers, natural) == holds(right, numbers, natural)
        case "¬":
            return not holds(right, numbers, natural)
        case "=" | "≠" | "<" | "≤" | ">" | "≥" | "∣":
            one, other = value(left, numbers, natural), value(right, numbers, natural)
            return {
                "=": one == other,
                "≠": one != other,
                "<": one < other,
                "≤": one <= other,
                ">": one > other,
                "≥": one >= other,
                "∣": other % one == 0 if one else other == 0,
            }[connective]
    raise UnknownError(proposition)


@lru_cache(maxsize=256)
def _split(proposition: str) -> tuple[str, str, str]:
    return outermost(_bare(proposition))


def _bare(text: str) -> str:
    """Remove brackets that enclose the whole text."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for index, sign in enumerate(text):
            depth += (sign == "(") - (sign == ")")
            if depth == 0 and index < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text
