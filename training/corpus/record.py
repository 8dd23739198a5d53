"""A theorem of a corpus."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prover.lean.library import guarded
from prover.source.lexer import Token, tokenize
from prover.theorem import Header, Theorem
from prover.verdict import Policy
from training.corpus.jsonl import read_jsonl
from training.corpus.tables import is_table, read_rows, read_table

_BINDERS = ("let", "have", "letI", "haveI")
_BRACKETS = {"(": 1, "[": 1, "{": 1, "⟨": 1, "⦃": 1, ")": -1, "]": -1, "}": -1, "⟩": -1, "⦄": -1}


class TracedStep(BaseModel):
    """A tactic of an existing proof."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    tactic: str
    """The tactic block."""
    before: tuple[str, ...]
    """Goals before it, as Lean prints them."""
    after: tuple[str, ...] = ()
    """Goals that it left."""


class TheoremRecord(BaseModel):
    """A theorem with its origin; one JSON object per line in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str = Field(min_length=1, max_length=256)
    """The theorem's name, as in the statement; unique in a file."""
    statement: str = Field(max_length=64 << 10)
    """`theorem NAME binders : goal`, without `:=`."""
    header: str = Field(default="", max_length=16 << 10)
    """Import, `open` and option lines; empty for the default header."""
    context: str = Field(default="", max_length=1 << 20)
    """Lean source before the statement."""
    informal: str = ""
    """The statement in words."""
    source: str = ""
    """Origin of the theorem, for instance a data set and its split."""
    family: str = ""
    """The template that made it, `family/template`, or its library module; a family is never divided between splits."""
    guard: str = ""
    """The library theorem that it is, if any: checks forbid its use in a proof."""
    position: str = ""
    """Position in the traced code: file, and line from 1, such as `Foo/Bar.lean:12`."""
    premises: tuple[str, ...] = ()
    """Constants that its existing proof uses."""
    suggested: tuple[str, ...] = ()
    """Library theorems for a model's prompt, the most relevant first (`leansieve corpus premises`)."""
    steps: tuple[TracedStep, ...] = ()
    """Tactics of its existing proof."""

    @model_validator(mode="after")
    def _statement_is_one(self) -> "TheoremRecord":
        found = statement_name(self.statement)
        if found != self.name:
            raise ValueError(f"the statement's theorem is called {found}, the record {self.name}")
        tokens = list(tokenize(self.statement))
        outside = list(at_depth_zero(tokens))
        if not any(token.text == ":" for token in outside):
            raise ValueError("the statement has no `: goal`")
        if end_of_statement(tokens) is not None:
            raise ValueError("the statement must end before `:=`")
        if any(token.text == "sorry" for token in tokens):
            raise ValueError("the statement contains sorry")
        if self.guard and self.guard in self.suggested:
            raise ValueError(f"{self.guard} is suggested for its own proof")
        if any("\n" in name for name in self.suggested):
            raise ValueError("a suggested name has a line break in it")
        return self

    @property
    def theorem(self) -> Theorem:
        """Return the theorem as the engine's type."""
        header = Header.parse(self.header) if self.header.strip() else Header()
        return Theorem(self.statement, header, self.context, suggested=self.suggested)

    @property
    def policy(self) -> Policy:
        """Return the policy for checking proofs of it."""
        return guarded(self.guard) if self.guard else Policy()


def statement_name(statement: str) -> str:
    """Return the name in `theorem NAME …`.

    Raises:
        ValueError: the statement has another beginning.
    """
    match = re.match(r"theorem\s+([^\s({\[:⦃]+?)(?=\.\{|[\s({\[:⦃]|$)", statement)
    if match is None:
        raise ValueError("the statement does not begin with `theorem NAME`")
    return match[1]


def at_depth_zero(tokens: Iterable[Token]) -> Iterator[Token]:
    """Return the tokens outside all brackets."""
    depth = 0
    for token in tokens:
        change = _BRACKETS.get(token.text, 0) if token.kind == "symbol" else 0
        if depth == 0 and change == 0:
            yield token
        depth = max(0, depth + change)


def end_of_statement(tokens: Iterable[Token]) -> Token | None:
    """Return the `:=` after a statement: outside brackets, and not of a `let` or `have` in the statement."""
    bound = 0
    for token in at_depth_zero(tokens):
        if token.text in _BINDERS:
            bound += 1
        elif token.text == ":=":
            if bound == 0:
                return token
            bound -= 1
    return None


def read_corpus(path: Path) -> list[TheoremRecord]:
    """Read a JSONL file, or a table: see `training.corpus.tables`.

    Raises:
        ValueError: a line is not a theorem record, or two have the same name; the text names the line and the reason.
    """
    records: dict[str, TheoremRecord] = {}
    for number, record in _read_table(path) if is_table(path) else read_jsonl(path, TheoremRecord):
        if record.name in records:
            raise ValueError(f"{path}:{number}: a theorem called {record.name} occurs in an earlier line.")
        records[record.name] = record
    return list(records.values())


def _read_table(path: Path) -> Iterator[tuple[int, TheoremRecord]]:
    """Read rows with this project's columns, or of the miniF2F kind."""
    first = next((row for _, row in read_rows(path)), {})
    if "statement" in first or "formal_statement" not in first:
        yield from read_table(path, TheoremRecord)
        return
    from training.corpus.sources.huggingface import theorems_of_rows  # the module itself reads these records

    loaded = theorems_of_rows((row for _, row in read_rows(path)), str(path))
    if loaded.skipped:
        number, reason = loaded.skipped[0]
        others = f" (and {len(loaded.skipped) - 1} more)" if len(loaded.skipped) > 1 else ""
        raise ValueError(f"{path}, row {number + 1}: {reason}{others}.")
    yield from enumerate(loaded.records, start=1)
