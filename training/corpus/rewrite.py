"""Statements written against Mathlib, rewritten for core Lean as far as that is a matter of notation."""

from prover.source.lexer import tokenize
from training.corpus.record import TheoremRecord

_NOTATION = {"ℕ": "Nat", "ℤ": "Int"}


def rewrite_for_core(record: TheoremRecord) -> TheoremRecord:
    """`ℕ` and `ℤ` spelt out, Mathlib's header dropped. What needs more of Mathlib than that will not elaborate."""
    pieces, end = [], 0
    for token in tokenize(record.statement):
        if token.text in _NOTATION:
            pieces += [record.statement[end : token.start], _NOTATION[token.text]]
            end = token.end
    statement = "".join([*pieces, record.statement[end:]])
    return record.model_copy(update={"statement": statement, "header": ""})
