"""Finds names bound inside a proof from its tokens, for comparing proofs, never for judging them.

Binders are those of `intro`, `fun`, `have`, `obtain`, `| inl h =>` and the like. The parser is tolerant, and errs in
one direction: if it misses a binder, two proofs that differ only in its name count as different.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from prover.source.lexer import Token

_OPENING, _CLOSING = frozenset("([{⟨⦃"), frozenset(")]}⟩⦄")
_LINE_BINDERS = frozenset(
    {"intro", "intros", "rintro", "rename_i", "ext", "funext", "choose", "have", "let", "obtain", "suffices", "set"}
    | {"replace", "next"}
)
_TERM_BINDERS = frozenset({"fun", "λ", "∀", "∃"})
_NAMED_BEFORE_COLON = frozenset({"by_cases", "generalize", "if"})
_ALTERNATIVES = frozenset({"|", "case"})
_BLOCK_OPENERS = frozenset({"·", "."})
_MOST_TOKENS = 2_000  # the time is quadratic in this number
_NO_NAMES = frozenset({"rfl", "_", "this"})


@dataclass(frozen=True, slots=True)
class _Binding:
    name: str
    number: int
    depth: int  # number of enclosing brackets
    column: int  # lines indented less are outside its scope


def canonical_names(text: str, tokens: Sequence[Token], given: Collection[str]) -> dict[int, str]:
    """Return canonical texts for tokens that name something bound in the proof, by token index.

    Bindings are numbered in order; a use gets the number of the innermost binding in scope. Names in `given` (those
    that the theorem mentions) keep their texts, and so do all in a very long proof. Proofs with equal results differ
    only in bound names.
    """
    if len(tokens) > _MOST_TOKENS:
        return {}
    depths = _depths(tokens)
    binders = _binders(text, tokens)
    scope: list[_Binding] = []
    renamed: dict[int, str] = {}
    count = end = line_column = block_column = 0
    for index, token in enumerate(tokens):
        if index == 0 or "\n" in text[end : token.start]:
            line_column = block_column = _column(text, token)
            scope = [each for each in scope if each.column <= line_column]
        elif block_column == _column(text, tokens[index - 1]) and tokens[index - 1].text in _BLOCK_OPENERS:
            block_column = _column(text, token)
        end = token.end
        if token.text in _CLOSING:
            scope = [each for each in scope if each.depth <= depths[index]]
        if token.kind != "name":
            continue
        head, dot, rest = token.text.partition(".")
        if index in binders and token.text not in given:
            keyword = binders[index]
            column = line_column + 1 if tokens[keyword].text in _ALTERNATIVES else block_column
            scope.append(_Binding(head, count, depths[keyword], column))
            renamed[index] = f"⟦{count}⟧"
            count += 1
        elif use := next((each for each in reversed(scope) if each.name == head), None):
            renamed[index] = f"⟦{use.number}⟧{dot}{rest}"
    return renamed


def _depths(tokens: Sequence[Token]) -> list[int]:
    """Return the bracket depth after each token."""
    steps = ((token.text in _OPENING) - (token.text in _CLOSING) for token in tokens)
    return list(itertools.accumulate(steps))


def _column(text: str, token: Token) -> int:
    return token.start - (text.rfind("\n", 0, token.start) + 1)


def _binders(text: str, tokens: Sequence[Token]) -> dict[int, int]:
    """Return the indices of tokens that bind a name, each with the index of the keyword that introduces it."""
    found: dict[int, int] = {}
    patterns_follow = False  # until the `with` of a `rcases e`
    for index, token in enumerate(tokens):
        names: list[int] = []
        if token.text in ("rcases", "cases'", "induction'"):
            patterns_follow = True
        elif token.text == "with" and patterns_follow:
            patterns_follow = False
            names = _pattern(text, tokens, index + 1, stays=True)
        elif token.text in _NAMED_BEFORE_COLON:
            if [each.text for each in tokens[index + 2 : index + 3]] == [":"]:
                names = [index + 1]
        elif token.text in _LINE_BINDERS:
            names = _pattern(text, tokens, index + 1, stays=True)
        elif token.text in _TERM_BINDERS:
            names = _pattern(text, tokens, index + 1, stays=False)
        elif token.text in _ALTERNATIVES:
            names = _alternative(tokens, index + 1)
        found |= dict.fromkeys(names, index)
    return found


def _pattern(text: str, tokens: Sequence[Token], start: int, stays: bool) -> list[int]:
    """Return the names in a pattern such as `x ⟨y, rfl | z⟩ (h : p)`; types after a colon bind no names."""
    names: list[int] = []
    depth = 0
    typed_at: int | None = None  # depth of the bracket whose type is being skipped
    for index in range(start, len(tokens)):
        token = tokens[index]
        if stays and not depth and "\n" in text[tokens[index - 1].end : token.start]:
            break
        if token.text in _OPENING:
            depth += 1
        elif token.text in _CLOSING:
            depth -= 1
            if depth < 0:
                break
            if typed_at is not None and depth < typed_at:
                typed_at = None
        elif typed_at is not None:
            continue
        elif token.text == ":":
            if not depth:
                break
            typed_at = depth
        elif token.kind == "name":
            if "." not in token.text and token.text not in _NO_NAMES:
                names.append(index)
            elif "." in token.text:
                break
        elif token.text not in (",", "|", "-", "_", "@") or (token.text in (",", "|") and not depth and not stays):
            break
    return names


def _alternative(tokens: Sequence[Token], start: int) -> list[int]:
    """Return the names after the constructor in `| succ n ih =>`; none for other texts."""
    names: list[int] = []
    for index in range(start, len(tokens)):
        token = tokens[index]
        if token.text == "=>":
            return [each for each in names[1:] if tokens[each].text not in _NO_NAMES]
        if token.kind == "name":
            names.append(index)
        elif token.text not in ("@", ".") or names:
            break
    return []
