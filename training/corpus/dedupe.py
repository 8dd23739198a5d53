"""Detects equal statements, and near duplicates that would leak between splits."""

from collections.abc import Iterable, Iterator, Sequence

from prover.source.lexer import Token, tokenize
from training.corpus.record import TheoremRecord

_QUANTIFIERS = frozenset({"∀", "∃", "∃!", "fun", "λ", "Σ", "∑", "∏"})
_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "⦃": "⦄"}
_SHAPE = frozenset({*"(){}⦃⦄:,→∀"})
_NUMBERS = frozenset({"Nat", "Int", "ℕ", "ℤ"})


def canonical(record: TheoremRecord) -> str:
    """Return a key that theorems share if they differ only in their name, bound names, comments or white space."""
    return _key(record, rough=False)


def outline(record: TheoremRecord) -> str:
    """Return a key that near duplicates share: an exercise with other numerals or brackets, with integers instead of
    natural numbers, or with `∀ x, p x → q x` instead of binders.
    """
    return _key(record, rough=True)


def deduplicate(records: Iterable[TheoremRecord]) -> list[TheoremRecord]:
    """Return the first of each set of theorems with equal canonical keys, in order."""
    first: dict[str, TheoremRecord] = {}
    for record in records:
        first.setdefault(canonical(record), record)
    return list(first.values())


def _key(record: TheoremRecord, rough: bool) -> str:
    tokens = list(tokenize(record.statement))[2:]  # without `theorem NAME`
    index = {name: f"x{number}" for number, name in enumerate(dict.fromkeys(_bound_names(tokens)))}
    words = []
    for token in tokens:
        if token.kind == "name":
            head, dot, rest = token.text.partition(".")
            words.append("#" if rough and token.text in _NUMBERS else index.get(head, head) + dot + rest)
        elif rough and token.kind == "number":
            words.append("#")
        elif not (rough and token.text in _SHAPE):
            words.append(token.text)
    header = "" if not record.header.strip() else record.theorem.header.text
    context = " ".join(token.text for token in tokenize(record.context))
    return "\n".join((header, context, " ".join(words)))


def _bound_names(tokens: Sequence[Token]) -> Iterator[str]:
    """Return the names that the statement binds, in order: its binders, then those of quantifiers and functions."""
    names, position = _read_binders(tokens, 0)
    yield from names
    while position < len(tokens):
        quantifier = tokens[position].text in _QUANTIFIERS
        names, position = _read_binders(tokens, position + 1) if quantifier else ([], position + 1)
        yield from names


def _read_binders(tokens: Sequence[Token], position: int) -> tuple[list[str], int]:
    """Return the names bound by `x y`, `(x y : A)`, `{x}` … from `position` on, and the end of these binders."""
    names: list[str] = []
    while position < len(tokens):
        token = tokens[position]
        if token.kind == "name" or token.text == "_":
            names.append(token.text)
            position += 1
        elif token.text in _CLOSED_BY:
            group, position = _read_group(tokens, position)
            colon = next((index for index, inner in enumerate(group) if inner.text == ":"), None)
            if colon is not None or token.text != "[":  # `[Inhabited α]` binds no name
                names.extend(inner.text for inner in group[:colon] if inner.kind == "name")
        else:
            break
    return names, position


def _read_group(tokens: Sequence[Token], position: int) -> tuple[Sequence[Token], int]:
    """Return the content of the bracket at `position`, and the position after it."""
    opening, closing = tokens[position].text, _CLOSED_BY[tokens[position].text]
    depth = 0
    for end in range(position, len(tokens)):
        depth += (tokens[end].text == opening) - (tokens[end].text == closing)
        if depth == 0:
            return tokens[position + 1 : end], end + 1
    return tokens[position + 1 :], len(tokens)
