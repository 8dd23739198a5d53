"""Polynomial arithmetic on the terms of goals, as far as finding a witness needs: `2 * (j + k + 1)` is `(2 * j + 1) +
(2 * k + 1)`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prover.source.lexer import Token, tokenize

Monomial = tuple[str, ...]  # factors, sorted; () for 1

_MOST_TERMS = 64
_LARGEST_POWER = 4


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A polynomial: nonzero integer coefficients by monomial.

    Terms other than sums, products and powers are indeterminates.
    """

    terms: Mapping[Monomial, int]

    def __add__(self, other: "Polynomial") -> "Polynomial":
        """Return the sum."""
        total = Counter(self.terms)
        for monomial, count in other.terms.items():
            total[monomial] += count
        return Polynomial({monomial: count for monomial, count in total.items() if count})

    def __mul__(self, other: "Polynomial") -> "Polynomial":
        """Return the product."""
        total: Counter[Monomial] = Counter()
        for one, a in self.terms.items():
            for two, b in other.terms.items():
                total[tuple(sorted(one + two))] += a * b
        return Polynomial({monomial: count for monomial, count in total.items() if count})

    def times(self, factor: int) -> "Polynomial":
        """Return the product with a number."""
        return self * constant(factor)

    def divided(self, monomial: Monomial, factor: int) -> "Polynomial | None":
        """Return the quotient by `factor * monomial`; None if it is not a polynomial."""
        quotient: dict[Monomial, int] = {}
        for each, count in self.terms.items():
            left = Counter(each)
            left.subtract(monomial)
            if count % factor or min(left.values(), default=0) < 0:
                return None
            quotient[tuple(sorted(left.elements()))] = count // factor
        return Polynomial(quotient)

    def substituted(self, values: Mapping[str, "Polynomial"]) -> "Polynomial":
        """Return the polynomial with some indeterminates replaced by polynomials."""
        total = constant(0)
        for monomial, count in self.terms.items():
            product = constant(count)
            for factor in monomial:
                product *= values.get(factor) or Polynomial({(factor,): 1})
            total += product
            if len(total.terms) > _MOST_TERMS:
                break
        return total

    def __str__(self) -> str:
        """Return Lean source; positive terms come before negative ones."""
        ordered = sorted(self.terms.items(), key=lambda term: (term[1] < 0, -len(term[0]), term[0]))
        text = ""
        for monomial, count in ordered:
            factors = [*([str(abs(count))] if abs(count) > 1 or not monomial else []), *map(_argument, monomial)]
            sign = ("-" if count < 0 else "") if not text else " - " if count < 0 else " + "
            text += sign + " * ".join(factors)
        return text or "0"


def constant(number: int) -> Polynomial:
    """Return a constant polynomial."""
    return Polynomial({(): number} if number else {})


def read_polynomial(text: str) -> Polynomial | None:
    """Parse a term as a polynomial; None if it contains anything but names, numbers, `+`, `-`, `*`, `^`."""
    reader = _Reader(list(tokenize(text)))
    found = reader.sum()
    return found if reader.at_end else None


def _argument(factor: str) -> str:
    return f"({factor})" if " " in factor else factor


class _Reader:
    """Recursive-descent parser over tokens, left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def at_end(self) -> bool:
        return self._next == len(self._tokens)

    @property
    def _text(self) -> str:
        return "" if self.at_end else self._tokens[self._next].text

    def _take(self, *texts: str) -> str:
        """Consume and return the next token if it is one of these."""
        if (text := self._text) in texts and text:
            self._next += 1
            return text
        return ""

    def sum(self) -> Polynomial | None:
        negative = self._take("-")
        total = self._product()
        if negative and total is not None:
            total = total.times(-1)
        while total is not None and (sign := self._take("+", "-")):
            term = self._product()
            total = None if term is None else total + term.times(1 if sign == "+" else -1)
        return total if total is None or len(total.terms) <= _MOST_TERMS else None

    def _product(self) -> Polynomial | None:
        total = self._power()
        while total is not None and self._take("*"):
            factor = self._power()
            total = None if factor is None else total * factor
        return total

    def _power(self) -> Polynomial | None:
        base = self._application()
        if base is None or not self._take("^"):
            return base
        exponent = self._text
        if not exponent.isdecimal() or len(exponent) > 1 or int(exponent) > _LARGEST_POWER:
            return None
        self._next += 1
        total = constant(1)
        for _ in range(int(exponent)):
            total *= base
        return total

    def _application(self) -> Polynomial | None:
        """Parse a number, a bracketed sum, or a name with its arguments; the last is an indeterminate."""
        if self._take("("):
            inner = self.sum()
            return inner if self._take(")") else None
        if self._text.isdecimal():
            self._next += 1
            number = self._tokens[self._next - 1].text
            return constant(int(number)) if len(number) < 20 else None
        parts: list[str] = []
        while not self.at_end and self._tokens[self._next].kind in ("name", "number"):
            parts.append(self._text)
            self._next += 1
        return Polynomial({(" ".join(parts),): 1}) if parts else None
