"""Lean's messages about a statement, for those who typed it."""

import re
from dataclasses import replace

from prover.source.lean_file import UNCLOSED, line_and_column
from prover.source.lexer import unclosed_comment
from prover.theorem import Theorem
from prover.verdict import Message, Region, Verdict, VerdictKind

_BEHIND = re.compile(r"unexpected (?:token ':='|end of input)(?:; (expected .*))?", re.DOTALL)
_NO_STATEMENT = "the statement must be one `theorem NAME binders : goal`, without `:=`"


def as_typed(theorem: Theorem, verdict: Verdict, candidate: str = "") -> Verdict:
    """Return a verdict with the positions of its messages in the texts as they were typed.

    Lean reads a statement with `:= sorry` behind it, and there reports what it misses in an incomplete one: such a
    message becomes one about the statement's end. A comment that is not closed is reported at a text's end; the message
    becomes one about the beginning of the comment.
    """
    invalid = verdict.kind is VerdictKind.INVALID_STATEMENT and theorem.statement
    messages = [_at_its_end(theorem.statement, one) if invalid else one for one in verdict.messages]
    texts = {Region.CONTEXT: theorem.context, Region.CANDIDATE: candidate}
    messages = [_at_its_opening(texts.get(one.region, ""), one) for one in messages]
    if theorem.shift:
        messages = [
            replace(one, column=max(0, one.column - theorem.shift))
            if one.region is Region.STATEMENT and one.line == 1
            else one
            for one in messages
        ]
    return replace(verdict, messages=tuple(messages)) if tuple(messages) != verdict.messages else verdict


def _at_its_opening(text: str, message: Message) -> Message:
    if message.text.startswith(UNCLOSED) and (opening := unclosed_comment(text)) is not None:
        line, column = line_and_column(text, opening)
        return replace(message, line=line, column=column)
    return message


def _at_its_end(statement: str, message: Message) -> Message:
    end = line_and_column(statement, len(statement.rstrip()))
    behind = message.region is Region.CANDIDATE or (
        message.region is Region.STATEMENT and (message.line, message.column) >= end
    )
    if not behind or message.severity != "error":
        return message
    text = message.text
    if text.startswith(UNCLOSED) and (opening := unclosed_comment(statement)) is not None:
        end = line_and_column(statement, opening)
    elif missing := _BEHIND.fullmatch(text):
        complete = missing[1] is None or missing[1].startswith("expected command")
        text = _NO_STATEMENT if complete else f"the statement ends too early: {missing[1]}"
        end = (1, 0) if complete else end
    return replace(message, text=text, region=Region.STATEMENT, line=end[0], column=end[1])
