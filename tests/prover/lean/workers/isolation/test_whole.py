"""Whole files in quarantine, without Lean."""

from prover.lean.workers.isolation import whole
from prover.verdict import Message, Region, Verdict, VerdictKind

TEXT = "theorem a : 1 = 1 := rfl\n def -- more\n"


def test_messages_about_what_is_added_below_a_text_are_about_its_end() -> None:
    cut_off = "unexpected token 'theorem'; expected identifier"
    within = (Message("error", cut_off, Region.CANDIDATE, 1, 8), Message("error", "no", Region.CONTEXT, 9, 0))
    below = (Message("error", cut_off, Region.CANDIDATE, 2, 4), Message("error", "unsolved", Region.CANDIDATE, 5, 7))
    found = whole.within(TEXT, Verdict(VerdictKind.REJECTED, messages=(*within, *below))).messages
    assert found[:2] == within
    assert [(one.line, one.column, one.text) for one in found[2:]] == [
        (2, 4, "unexpected end of input; expected identifier"),
        (3, 0, "unsolved"),
    ]
