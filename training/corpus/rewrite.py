"""Rewrites Mathlib statements for core Lean, as far as this is a matter of notation."""

from prover.source.lexer import tokenize
from training.corpus.record import TheoremRecord

_NOTATION = {"ℕ": "Nat", "ℤ": "Int"}


def rewrite_for_core(record: TheoremRecord) -> TheoremRecord:
    """Replace `ℕ` and `ℤ` by their names and drop Mathlib's header.

    Statements that need more of Mathlib will not elaborate.
    """
    pieces, end = [], 0
    for token in tokenize(record.statement):
        if token.text in _NOTATION:
            pieces += [record.statement[end : token.start], _NOTATION[token.text]]
            end = token.end
    statement = "".join([*pieces, record.statement[end:]])
    return record.model_copy(update={"statement": statement, "header": ""})
