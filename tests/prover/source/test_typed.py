"""User input in place of statements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.source import typed


@pytest.mark.parametrize(
    "tail", [":=", ":= by", ":= sorry", ":= by sorry", ":= by admit", ":= …", ":= by ...", ":=\n  by\n  sorry\n", ""]
)
def test_what_people_leave_behind_a_statement_is_taken_off(tail: str) -> None:
    read = typed.read(f" theorem a (n : Nat := 3) : n = n {tail}")
    assert (read.statement, read.shift) == ("theorem a (n : Nat := 3) : n = n", 0)


def test_reading_what_was_typed_is_linear() -> None:
    typed.read(":=" + " " * 1_000_000 + "x")  # quadratic would take an hour, and the time limit of tests end it
    typed.read(":= by " * 100_000 + "x")


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("1 + 1 = 2", "theorem leansieve_statement : 1 + 1 = 2"),
        ("∀ n : Nat, n = n", "theorem leansieve_statement : ∀ n : Nat, n = n"),
        ("(1 : Nat) = 1 := by sorry", "theorem leansieve_statement : (1 : Nat) = 1"),
        ("(a b : Nat) {c : Nat} : a = b", "theorem leansieve_statement (a b : Nat) {c : Nat} : a = b"),
        (": 1 = 1", "theorem leansieve_statement : 1 = 1"),
        ("lemma x (n : Nat) : n = n", "theorem x (n : Nat) : n = n"),
        ("example (n : Nat) : n = n := sorry", "theorem leansieve_statement (n : Nat) : n = n"),
        ("theorem (n : Nat) : n = n", "theorem leansieve_statement (n : Nat) : n = n"),
        ("private theorem x : 1 = 1", "theorem x : 1 = 1"),
        ("theorem x :\n  let k := 1\n  k = 1 := by\n  sorry", "theorem x :\n  let k := 1\n  k = 1"),
        ("theorem x (α : Type*) : α = α", "theorem x (α : Type _) : α = α"),
        ("def x := 1", "def x := 1"),
        ("theorem a : 1 = 1 := rfl theorem b : 1 = 1", "theorem a : 1 = 1 := rfl theorem b : 1 = 1"),
        (" := by sorry ", ""),
        ("1 = 1 -- by rfl", "theorem leansieve_statement : 1 = 1"),
        ("theorem x : 1 = 1 -- one", "theorem x : 1 = 1"),
        ("theorem x : 1 = 1 := by sorry -- one /- two -/", "theorem x : 1 = 1"),
        ("theorem x : 1 = 1 -- one\n  := by sorry", "theorem x : 1 = 1"),
        ("theorem x : 1 = /- not closed -- one", "theorem x : 1 = /- not closed -- one"),
        ("-- nothing", ""),
    ],
)
def test_what_is_typed_becomes_the_theorem_that_is_meant(text: str, statement: str) -> None:
    assert typed.read(text).statement == statement


def test_a_proof_that_was_typed_behind_a_statement_is_told() -> None:
    assert typed.read("theorem x : 1 = 1 := rfl").proof == "rfl"


def test_mathlib_gives_its_own_meaning_to_a_star() -> None:
    assert typed.read("theorem x (α : Type*) : α = α", mathlib=True).statement.endswith("Type*) : α = α")


@pytest.mark.parametrize("text", ["1 + 1 = 2", "lemma x : 1 = 1", "example : 1 = 1", "private theorem x : 1 = 1"])
def test_the_shift_leads_back_to_what_was_typed(text: str) -> None:
    read = typed.read(text)
    assert read.statement[read.statement.index("1 ") :] == text[text.index("1 ") :]
    assert read.statement.index("1 ") - read.shift == text.index("1 ")


@given(st.lists(st.sampled_from(["theorem", " a", " (n : Nat)", " : ", "n = n", "\n", "lemma", "Type*", "@[simp] ", "/- c -/", "example", "|", "=>"]), max_size=12).map("".join), st.sampled_from(["", ":=", " := by sorry"]))  # fmt: skip
def test_what_was_read_is_read_the_same_again(text: str, tail: str) -> None:
    once = typed.read(text + tail).statement
    assert typed.read(once).statement == once


@given(
    st.lists(
        st.sampled_from(
            [
                "theorem ",
                "a",
                "lemma b",
                " (n : Nat)",
                " {m}",
                " : ",
                "n = n",
                "def c",
                "\n",
                "/- -/",
                "-- d\n",
                "«e f»",
                "@[simp] ",
                "private ",
                "where",
                "by",
                "let x = 1",
                "| 0 => 1",
                "[h]",
                ".{u}",
                '"',
                "open Nat in\n",
            ]
        ),
        max_size=8,
    )
)
def test_a_theorem_in_full_is_read_the_same_without_looking_into_it(parts: list[str]) -> None:
    text = typed._without_comment_behind(("theorem a" + "".join(parts)).strip()).rstrip()
    assert typed.read(text) == typed._read_command(text, False)
