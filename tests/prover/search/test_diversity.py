import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.diversity import gini_simpson, normalise, premises, shannon, tactics

# Lines that open no block of their own: a deeper line cannot come to stand below one by accident.
LINES = ["simp [h, ← f]", "constructor", 'exact f "a  -- b"', "all_goals grind"]
# A proof as (line, how much deeper than the line before: 0 or 1 steps, or out again by -1).
outlines = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from([-1, 0, 1])), min_size=1, max_size=6)


def write(outline: list[tuple[str, int]], width: int, noise: list[str]) -> str:
    """The outline as Lean text, `width` blanks a step, with something that does not count behind each line."""
    depth, lines = 1, []
    for index, (line, step) in enumerate(outline):
        depth = max(1, depth + step)
        lines.append(" " * (width * depth) + line + noise[index % len(noise)])
    return "by\n" + "\n".join(lines)


noises = st.lists(
    st.sampled_from(["", "  ", " -- why", " /- /- x -/ -/", "\n\n", "\n-- own line\n"]), min_size=1, max_size=4
)


@given(outlines, st.integers(1, 4), noises, st.integers(1, 4), noises)
def test_comments_blank_lines_and_width_of_indentation_do_not_make_a_proof_new(outline, width, noise, width2, noise2):
    assert normalise(write(outline, width, noise)) == normalise(write(outline, width2, noise2))


@given(outlines, outlines)
def test_different_outlines_are_different_proofs(one, other):
    """Two outlines that were written alike are alike: same lines at the same relative depths."""
    one_text, other_text = write(one, 2, [""]), write(other, 2, [""])
    assert (normalise(one_text) == normalise(other_text)) == (dense(one_text) == dense(other_text))


def dense(text: str) -> list[tuple[int, str]]:
    """Lines with the rank of their indentation, the slow and obvious way."""
    body = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines()[1:]]
    columns = sorted({column for column, _ in body})
    return [(columns.index(column), line) for column, line in body]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("by simp\n   omega", "by simp\n  omega"),  # the next tactic, or a line that hangs nowhere
        ("by\n  · simp\n    omega", "by\n  · simp\n  omega"),
        ("by exact f -1", "by exact f - 1"),
        ('by exact f "a b"', 'by exact f "a  b"'),
        ("by simp; rfl", "by simp\n   rfl"),
    ],
)
def test_proofs_that_lean_reads_differently_stay_apart(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("by  simp  [a]", " by simp [a]\n"),
        ("by simp\r\n", "by simp"),
        ("by\n  cases h with\n  | inl a => simp", "by\n    cases h with\n    | inl a => simp"),
    ],
)
def test_proofs_that_lean_reads_alike_are_one(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("one", "other"), [("x\n", ""), ("by x ", "\n     x"), ("[", "]"), ("[a, ", "]"), ('"', "--")])
def test_hostile_proofs_take_no_time_that_grows_with_their_square(one: str, other: str) -> None:
    hostile = one * 100_000 + other * 100_000
    assert normalise(hostile)
    tactics(hostile)
    premises(hostile)


def test_tactics_are_the_first_tokens_of_non_empty_lines() -> None:
    proof = "by\n  simp[h] -- rfl\n\n  · omega\n  simp\n"
    assert tactics(proof) == {"simp": 2, "·": 1}
    assert tactics("by omega") == {"omega": 1}
    assert tactics("by") == tactics("") == {}


def test_premises_are_the_items_in_square_brackets() -> None:
    assert premises("by simp [h, ← Nat.add_comm, f (a, b)]; rw [h] at *") == {"h": 2, "Nat.add_comm": 1, "f (a, b)": 1}
    assert premises("by simp []") == premises("by simp [") == premises("]") == {}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 50), max_size=8))
def test_entropies_stay_within_their_bounds(counts: dict[str, int]) -> None:
    kinds = sum(1 for count in counts.values() if count)
    assert -1e-12 <= shannon(counts) <= math.log2(max(kinds, 1)) + 1e-9
    assert -1e-12 <= gini_simpson(counts) <= 1 - 1 / max(kinds, 1) + 1e-9


def test_entropies_of_known_distributions() -> None:
    assert shannon(Counter("aabb")) == pytest.approx(1.0)
    assert shannon({"a": 1, "b": 3}) == pytest.approx(0.811278, abs=1e-6)
    assert gini_simpson(Counter("aabb")) == pytest.approx(0.5)
    assert gini_simpson({"a": 1, "b": 3}) == pytest.approx(0.375)
    assert shannon({}) == gini_simpson({}) == 0
