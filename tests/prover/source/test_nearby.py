"""A context reduced to the parts relevant to a theorem."""

from hypothesis import given
from hypothesis import strategies as st

from prover.source.context.nearby import shortened
from prover.source.scanner import code_of, commands
from prover.theorem import Theorem

FILLER = "\n\n".join(f"theorem far_{i} (a b : Nat) : a + b + {i} = b + a + {i} := by omega" for i in range(40))
CONTEXT = f"""\
namespace Shop

{FILLER}

/-- What one costs. -/
def price (n : Nat) : Nat := n + tax n

theorem price_pos (n : Nat) (h : 0 < n) : 0 < price n := by
  unfold price
  omega

@[simp]
theorem far (a : Nat) : a = a := rfl
"""


def test_commands_are_cut_with_their_modifiers_and_comments() -> None:
    text = (
        "open Nat\n\n/-- One. -/\n@[simp]\ntheorem one : 1 = 1 := rfl\nprivate def two := 2 -- theorem in a comment\n"
    )
    found = [text[one.start : one.end].strip() for one in commands(text, code_of(text), 0)]
    assert found == [
        "open Nat",
        "/-- One. -/\n@[simp]\ntheorem one : 1 = 1 := rfl",
        "private def two := 2",
    ]


def test_what_the_statement_mentions_stays_longest() -> None:
    context = "def tax (n : Nat) : Nat := n / 5\n\n" + CONTEXT
    theorem = Theorem("theorem t (n : Nat) : n ≤ price n", context=context)
    whole, *shorter, bare = shortened(theorem)
    assert whole == theorem
    assert bare.context == ""
    # The definition, what it mentions, the lemma about it, any others: each only where there is room for those before.
    ranks = ["def price", "def tax", "theorem price_pos", "far_"]
    kept = [[rank for rank in ranks if rank in each.context] for each in shorter]
    assert all(one == ranks[: len(one)] for one in kept)
    assert {len(one) for one in kept} >= {1, 2, 4}
    assert shorter[0].context.index("def tax") < shorter[0].context.index("def price")


def test_each_cut_is_half_as_long_at_most() -> None:
    lengths = [len(each.context) for each in shortened(Theorem("theorem t : price 0 = 0", context=CONTEXT))]
    assert len(lengths) > 3
    assert all(length <= len(CONTEXT) // 2**number for number, length in enumerate(lengths))


@given(st.text(max_size=300), st.text(max_size=60))
def test_any_text_is_cut_in_the_end_to_nothing(context: str, statement: str) -> None:
    *_, last = shortened(Theorem(statement, context=context))
    assert not last.context.strip()
