"""Lean's messages about a statement, in the text that was typed."""

import pytest

from prover.source import typed
from prover.source.typed import as_typed
from prover.theorem import Theorem
from prover.verdict import Message, Region, Verdict, VerdictKind

NO_STATEMENT = "the statement must be one `theorem NAME binders : goal`, without `:=`"


def told(text: str, message: Message) -> tuple[Region, int, int, str]:
    read = typed.read(text)
    theorem = Theorem(read.statement, shift=read.shift)
    (one,) = as_typed(theorem, Verdict(VerdictKind.INVALID_STATEMENT, messages=(message,))).messages
    return one.region, one.line, one.column, one.text


def behind(text: str, what: str) -> Message:
    """What Lean says of the `:=` that is put behind the statement."""
    return Message("error", what, Region.STATEMENT, 1, len(typed.read(text).statement) + 1)


@pytest.mark.parametrize(
    ("text", "message", "place", "said"),
    [
        (
            "theorem t (a : Nat",
            Message("error", "unexpected end of input; expected ')'", Region.CANDIDATE, 1, 5),
            (1, 18),
            "the statement ends too early: expected ')'",
        ),
        (
            "theorem t : 1 =",
            behind("theorem t : 1 =", "unexpected token ':='; expected term"),
            (1, 15),
            "the statement ends too early: expected term",
        ),
        (
            "1 =",
            behind("1 =", "unexpected token ':='; expected term"),
            (1, 3),
            "the statement ends too early: expected term",
        ),
        (
            "theorem t : 1 = 1 where",
            Message("error", "unexpected token ':='; expected command", Region.STATEMENT, 2, 0),
            (1, 0),
            NO_STATEMENT,
        ),
        (
            "theorem t : 1 = /- one",
            Message("error", "unterminated comment", Region.CANDIDATE, 1, 5),
            (1, 16),
            "unterminated comment",
        ),
        (
            "theorem t :\n  1 = := 2",
            Message("error", "unexpected token ':='; expected term", Region.STATEMENT, 2, 6),
            (2, 6),
            "unexpected token ':='; expected term",
        ),
    ],
)
def test_what_an_incomplete_statement_lacks_is_told_at_its_own_end(
    text: str, message: Message, place: tuple[int, int], said: str
) -> None:
    assert told(text, message) == (Region.STATEMENT, *place, said)


@pytest.mark.parametrize("text", ["p → p", "lemma t : p → p", "example : p → p", "theorem t : p → p"])
def test_positions_are_those_of_the_typed_text(text: str) -> None:
    message = Message("error", "Unknown identifier `p`", Region.STATEMENT, 1, typed.read(text).statement.index("p →"))
    assert told(text, message)[1:3] == (1, text.index("p →"))


def test_messages_about_a_proof_stay_where_they_are() -> None:
    verdict = Verdict(VerdictKind.REJECTED, messages=(Message("error", "unexpected end of input", column=40),))
    assert as_typed(Theorem("theorem t : 1 = 1", shift=3), verdict) is verdict


def test_a_comment_that_is_not_closed_is_told_at_its_beginning() -> None:
    theorem = Theorem("theorem t : 1 = 1", context="def a := 1\n  /- of a\ndef b := 2\n")
    end = Message("error", "unterminated comment", Region.CONTEXT, 4, 0)
    (one,) = as_typed(theorem, Verdict(VerdictKind.INVALID_STATEMENT, messages=(end,))).messages
    assert (one.region, one.line, one.column) == (Region.CONTEXT, 2, 2)
    end = Message("error", "unterminated comment", Region.CANDIDATE, 3, 6)
    verdict = Verdict(VerdictKind.REJECTED, messages=(end,))
    (one,) = as_typed(theorem, verdict, "by\n  rfl /- so\n  done").messages
    assert (one.region, one.line, one.column) == (Region.CANDIDATE, 2, 6)
