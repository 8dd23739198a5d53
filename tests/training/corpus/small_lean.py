"""Evaluates propositions about numbers and truth values like Lean.

Enough for what the generator writes without quantifiers: a second opinion that shares nothing with its code.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from prover.source.lexer import tokenize

# Lean's precedences: how tightly each operator binds, and how tightly its right side must.
_BINARY: Mapping[str, tuple[int, int]] = {
    "↔": (20, 21),
    "→": (25, 25),
    "∨": (30, 30),
    "∧": (35, 35),
    "=": (50, 51),
    "≠": (50, 51),
    "≤": (50, 51),
    "<": (50, 51),
    "∣": (50, 51),
    "+": (65, 66),
    "-": (65, 66),
    "*": (70, 71),
    "/": (70, 71),
    "%": (70, 71),
    "^": (75, 75),
}
_FUNCTIONS: Mapping[str, Callable[[int, int], int]] = {
    "min": min,
    "max": max,
    "Nat.gcd": math.gcd,
    "Nat.lcm": math.lcm,
}


def holds(proposition: str, point: Mapping[str, Any], natural: bool = False) -> Any:
    """The value of a proposition (or a term); `natural` makes subtraction stop at 0."""
    tokens = [token.text for token in tokenize(proposition)]
    value = _Reader(tokens, point, natural).read(0)
    assert not tokens, f"unread: {tokens}"
    return value


class _Reader:
    def __init__(self, tokens: list[str], point: Mapping[str, Any], natural: bool) -> None:
        self._tokens, self._point, self._natural = tokens, point, natural

    def read(self, least: int) -> Any:
        value = self._operand()
        while self._tokens and _BINARY.get(self._tokens[0], (-1, 0))[0] >= least:
            symbol = self._tokens.pop(0)
            value = self._apply(symbol, value, self.read(_BINARY[symbol][1]))
        return value

    def _operand(self) -> Any:
        token = self._tokens.pop(0)
        if token == "¬":
            return not self.read(40)
        if token == "-":
            return -self.read(75)
        if token in _FUNCTIONS:
            return _FUNCTIONS[token](self._atom(), self._atom())
        self._tokens.insert(0, token)
        return self._atom()

    def _atom(self) -> Any:
        token = self._tokens.pop(0)
        if token == "(":
            value = self.read(0)
            assert self._tokens.pop(0) == ")"
            return value
        return int(token) if token.isdigit() else self._point[token]

    def _apply(self, symbol: str, left: Any, right: Any) -> Any:
        match symbol:
            case "↔" | "=":
                return left == right
            case "→":
                return not left or right
            case "∨":
                return left or right
            case "∧":
                return left and right
            case "≠":
                return left != right
            case "≤":
                return left <= right
            case "<":
                return left < right
            case "∣":
                return right % left == 0 if left else right == 0
            case "+":
                return left + right
            case "-":
                return max(0, left - right) if self._natural else left - right
            case "*":
                return left * right
            case "^":
                return left**right
        # Lean rounds so that the remainder is not negative, which for a positive divisor is what Python does.
        assert right > 0
        return left // right if symbol == "/" else left % right
