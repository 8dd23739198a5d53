"""Positions of editors, and edits that are still valid after the text has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol.types import Position, PositionEncodingKind
from pygls.workspace import PositionCodec

from service.lsp import positions, sites

FILE = """\
theorem first (a b : Nat) : a + b = b + a := by
  sorry

theorem second (p q : Prop) (hp : p) : p ∧ (q → q) := by
  constructor -- two goals

theorem third : True := trivial
"""


@given(st.text(alphabet="a𝔽→\né", max_size=40), st.sampled_from(list(PositionEncodingKind)), st.data())
def test_offsets_and_positions_are_inverse(text: str, encoding: PositionEncodingKind, data: st.DataObject) -> None:
    codec = PositionCodec(encoding)
    at = data.draw(st.integers(0, len(text)))
    assert positions.offset(text, positions.place(text, at, at, codec).start, codec) == at


def test_positions_behind_the_end_are_the_end() -> None:
    codec = PositionCodec()
    assert positions.offset("ab\ncd", Position(0, 99), codec) == 2
    assert positions.offset("ab\ncd", Position(9, 0), codec) == 5


def test_columns_are_utf16_units() -> None:
    codec = PositionCodec()
    assert positions.place("𝔽 sorry", 2, 7, codec).start == Position(0, 3)


def test_the_sorry_under_the_cursor_is_found_and_no_other() -> None:
    file = sites.read(FILE)
    at = FILE.index("sorry") + 2
    site = sites.of_sorries(file, at, at)
    assert site is not None
    assert FILE[site.start : site.end] == "by\n  sorry"
    assert sites.of_sorries(file, len(FILE), len(FILE)) is None


def test_an_edit_holds_while_only_later_text_changes() -> None:
    file = sites.read(FILE)
    at = FILE.index("sorry")
    site = sites.of_sorries(file, at, at)
    assert site is not None
    assert site.holds_in(FILE)
    assert site.holds_in(FILE.replace("trivial", "by trivial"))
    assert not site.holds_in("-- new\n" + FILE)
    assert not site.holds_in(FILE.replace("sorry\n", "sorry\n  rfl\n"))
    assert not site.holds_in(FILE.replace("a + b = b + a", "a + b = a + b"))
    assert not site.holds_in("")


@pytest.mark.parametrize("inside", ["constructor", "-- two goals", "or -- "])
def test_a_tactic_goes_behind_the_line_of_the_cursor(inside: str) -> None:
    at = sites.open_place(sites.read(FILE), FILE.index(inside))
    assert at == FILE.index(" -- two goals")


def test_a_tactic_goes_where_the_cursor_is_on_a_blank_line() -> None:
    text = "theorem t (p q : Prop) (hp : p) : p ∧ (q → q) := by\n  constructor\n  \n\ntheorem u : True := trivial\n"
    at = text.index("  \n") + 2
    assert sites.open_place(sites.read(text), at) == at


@pytest.mark.parametrize("behind", [" -- two goals\n", "\n    -- two goals\n    ", "\n    /- two\n    goals -/\n\n"])
def test_a_remark_behind_a_proof_does_not_hide_its_open_place(behind: str) -> None:
    text = "namespace Outer\n  theorem t (p : Prop) (hp : p) : p ∧ p := by\n    constructor" + behind
    assert sites.open_place(sites.read(text), len(text)) == text.index("constructor") + len("constructor")


@pytest.mark.parametrize("remark", ["  -- about `u`", "  /-- About `u`. -/", "/-! The next part. -/"])
def test_a_remark_about_what_follows_is_no_open_place(remark: str) -> None:
    text = f"namespace Outer\n  theorem t : True := by\n    constructor\n\n{remark}\n  theorem u : True := trivial\n"
    assert sites.open_place(sites.read(text), text.index(remark) + len(remark)) is None


def test_no_place_is_open_outside_tactic_blocks() -> None:
    file = sites.read(FILE)
    assert sites.open_place(file, FILE.index("trivial")) is None
    assert sites.open_place(file, FILE.index("first")) is None
