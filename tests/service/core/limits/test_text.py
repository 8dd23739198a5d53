"""Untrusted texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import InputError
from prover.source.typed import read_theorem, take_candidate
from prover.theorem import Header
from prover.verdict import Mode, Region, VerdictKind
from service.core.limits.text import printable, refusal
from service.ops.config import TextSettings


def test_no_header_means_the_default_header() -> None:
    assert read_theorem("theorem a : True", "", "", TextSettings()).header == Header()
    assert read_theorem("theorem a : True", "  ", "", TextSettings()).header == Header()
    assert read_theorem("theorem a : True", "open Nat", "", TextSettings()).header == Header(prelude="open Nat")


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        (("", "", ""), "theorem.statement", "empty"),
        ((":= by sorry", "", ""), "theorem.statement", "empty"),
        (("theorem a : True", "import ../../etc", ""), "theorem.header", "header line 1"),
        (("theorem a : True\0", "", ""), "theorem.statement", "NUL"),
        (("theorem a : True", "", "\ud800"), "theorem.context", "surrogate"),
        (("x" * 70_000, "", ""), "theorem.statement", "70,000 bytes"),
        (("theorem a : True", "é" * 9_000, ""), "theorem.header", "18,000 bytes"),
    ],
)
def test_a_text_that_cannot_be_taken_is_named(arguments: tuple[str, str, str], field: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_theorem(*arguments, TextSettings())
    assert caught.value.field == field
    verdict = refusal(caught.value)
    assert verdict.kind is VerdictKind.INVALID_STATEMENT
    assert verdict.messages[0].region is Region(field.removeprefix("theorem."))


@pytest.mark.parametrize(
    ("mode", "text", "words"),
    [
        (Mode.PROOF, "\n  := rfl", "leave out the `:=`"),
        (Mode.FILE, "import Std\ntheorem a : True := trivial", "`file` has no imports: put them in `header`"),
    ],
)
def test_a_candidate_that_begins_with_what_belongs_elsewhere_is_told_where(mode: Mode, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        take_candidate(mode, text, 1_000)
    verdict = refusal(caught.value)
    assert (verdict.kind, verdict.messages[0].region) == (VerdictKind.REJECTED, Region.CANDIDATE)
    other = Mode.FILE if mode is Mode.PROOF else Mode.PROOF
    assert take_candidate(other, text, 1_000) == text


@given(st.text())
def test_nothing_printable_commands_a_terminal(text: str) -> None:
    shown = printable(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u2028" for char in shown)


def test_lean_text_is_shown_as_it_is() -> None:
    assert printable("∀ n : ℕ, n ≤ n → «é»") == "∀ n : ℕ, n ≤ n → «é»"
    assert printable("a\nb", newlines=True) == "a\nb"
    assert printable("a\nb\x1b[2J") == "a\\nb\\x1b[2J"
