"""Vetoes of hints, with scripted answers of Lean."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.tactics.closers import AUTOMATION
from prover.tutor.hints import GivenHint, Level, Veto
from prover.tutor.proofs.moves import ProofMove
from prover.tutor.wording.catalogue import catalogue
from prover.tutor.wording.phrasing import FIXED, MOST_REVISIONS, drafts, masked
from prover.tutor.wording.vetoes import Situation, fragments, gives_away, veto

GOAL = "a b : Nat\nh : a < b\n⊢ a + 1 ≤ b"
words = st.lists(
    st.sampled_from(["exact", "h", "omega", "simp", "[", "]", "rw", "Nat.add_comm"]), min_size=2, max_size=6
)


def step(text: str, closes: bool = True, goal: str = GOAL) -> ProofMove:
    tactic = text.split()[0]
    left = () if closes else (goal,)
    return ProofMove(text, tactic, 0, len(text), 0, (goal,), left, 1, len(left), (), 0, "sorry" in text)


def situation(
    level: Level, *moves: str, closing: Sequence[str] = (), earlier: tuple[GivenHint, ...] = (), lean: str = ""
) -> Situation:
    """`lean` is the only text that Lean would run and close the goal with."""

    async def exists(name: str) -> bool:
        return name in ("Nat.succ_le_of_lt", "Nat", "Int")

    async def closes(texts: Sequence[str]) -> bool:
        return lean in texts

    steps = tuple(step(text) for text in moves)
    return Situation(level, "g-s", steps, tuple(closing), (GOAL,), earlier, exists, closes)


def raised(hint: str, at: Situation) -> Veto | None:
    return asyncio.run(veto(hint, at))


def test_what_closes_the_goal_is_a_leak_below_the_last_level_only() -> None:
    hint = "Write this next:\n    omega"
    assert raised(hint, situation(Level.NEXT_STEP, "omega", closing=["omega"])) is Veto.LEAK
    assert raised(hint, situation(Level.FULL_STEP, "omega", closing=["omega"])) is None


@pytest.mark.parametrize(
    "hint", ["Try `exact f h`.", "Try `exact h`.", "Try `exact g h`.", "Try\n    exact f h\n", "So: exact f h"]
)
def test_one_edit_from_what_closes_the_goal_is_a_leak(hint: str) -> None:
    assert raised(hint, situation(Level.NAME, "exact f h", closing=["exact f h"])) is Veto.LEAK


def test_what_lean_closes_the_goal_with_is_a_leak_although_no_proof_held_it() -> None:
    at = situation(Level.NAME, "induction a", closing=["induction a <;> simp"], lean="simp")
    assert raised("Have you tried `simp`?", at) is Veto.LEAK


def test_names_that_lean_does_not_know_are_false_claims() -> None:
    at = situation(Level.NAME, "exact Nat.succ_le_of_lt h", closing=["exact Nat.succ_le_of_lt h"])
    assert raised("Look at `Nat.no_such_lemma`.", at) is Veto.FALSE_CLAIM
    assert raised("Look at `Nat.succ_le_of_lt`.", at) is None
    assert raised("You have `a < b`.", at) is None
    assert raised("You have `b < a`.", at) is Veto.FALSE_CLAIM


def test_two_steps_at_once_are_too_much() -> None:
    at = situation(Level.FULL_STEP, "rw [foo]", "exact h")
    assert raised("    rw [foo]; simp", at) is Veto.SEVERAL_STEPS
    assert raised("    rw [foo]\n    exact h", at) is Veto.SEVERAL_STEPS
    assert raised("    rw [foo]", at) is None


def test_another_step_for_the_same_goal_must_say_that_it_is_another_way() -> None:
    at = situation(Level.QUESTION, "omega", earlier=(GivenHint(Level.NAME, "g-other"),))
    assert raised("What is left?", at) is Veto.CONTRADICTION
    assert raised("There is another way: what is left?", at) is None
    assert raised("What is left?", situation(Level.QUESTION, "omega", earlier=(GivenHint(Level.NAME, "x-s"),))) is None


@given(words, st.data())
def test_every_single_edit_gives_a_text_away(closing: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(closing) - 1))
    edited = data.draw(
        st.sampled_from(
            [
                closing[:at] + closing[at + 1 :],
                [*closing[:at], "x", *closing[at + 1 :]],
                [*closing[:at], "x", *closing[at:]],
            ]
        )
    )
    assert gives_away(" ".join(edited), " ".join(closing))


@given(words, st.lists(st.just("x"), min_size=2, max_size=4))
def test_what_shares_no_more_than_the_rest_of_two_edits_does_not(closing: list[str], more: list[str]) -> None:
    apart = [word for token in closing for word in (token, more[0])]
    assert not gives_away(" ".join(apart), " ".join(closing))


def test_code_is_what_stands_in_backticks_or_indented() -> None:
    assert fragments("Use `rw` so:\n    rw [h]\n    simp\nand `simp`") == ["rw [h]\nsimp", "rw", "simp"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("exact Nat.le_trans h g", "exact …"),
        ("rw [foo a, h]", "rw […]"),
        ("intro x y", "intro …"),
        ("induction n with\n| zero => sorry\n| succ n ih => sorry", "induction n with …"),
        ("have h : a = b := by sorry", "have h : a = b := …"),
    ],
)
def test_the_form_of_a_step_leaves_its_arguments_out(text: str, shown: str) -> None:
    assert masked(step(text)) == shown


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize(
    "text", ["omega", "exact h", "no_such_tactic 5", "constructor", "cases h with\n| inl a => sorry\n| inr b => sorry"]
)
def test_some_phrasing_of_every_level_passes_where_the_step_itself_closes_the_goal(level: Level, text: str) -> None:
    phrasings = list(drafts(level, step(text), ()))[: 1 + MOST_REVISIONS]
    at = situation(level, text, closing=[text])
    assert any(raised(phrasing, at) is None for phrasing in phrasings)


def test_the_catalogue_names_no_automation_where_its_name_would_be_the_proof() -> None:
    for tactic in AUTOMATION:
        said = catalogue().words(tactic)
        for sentence in (said.question, said.direction, said.kind):
            assert tactic not in sentence.split(), tactic
    assert not fragments(FIXED)


@pytest.mark.parametrize(
    ("text", "goal", "words"),
    [
        ("exact ⟨h.2, h.1⟩", "p q : Prop\nh : p ∧ q\n⊢ q ∧ p", "made of parts"),
        ("exact ⟨2, rfl⟩", "⊢ ∃ n : Nat, n = 2", "Which one would you name"),
        ("exact h", "p : Prop\nh : p\n⊢ p", "precisely what you have to show"),
        ("exact h.symm", "p q : Prop\nh : p ∨ q\n⊢ q ∨ p", "nearly what you have to show"),
        ("omega", "p : Nat → Prop\nh : ∃ x, p x\n⊢ ∃ y, p y", "Of which shape"),
        ("omega", GOAL, "by arithmetic alone"),
        ("first", "⊢ ∃ n : Nat, n * n = 49", "Which one would you name"),
        ("exact Or.inl h", "p q : Prop\nh : p\n⊢ p ∨ q", "one of two things"),
        ("intro h", "p : Prop\n⊢ ¬p", "something is not so"),
        ("intro n", "⊢ ∀ n : Nat, n ≠ n + 1", "something arbitrary"),
        ("cases h", "p q : Prop\nh : p ∧ q\n⊢ q", "says more than one thing"),
        ("cases h with", "p q : Prop\nh : p ∨ q\n⊢ q ∨ p", "in only a few ways"),
        ("cases h", "p : Prop\nh : False\n⊢ p", "be true at once"),
        ("rw [Nat.add_comm] at h", "a b : Nat\nh : a + b = 3\n⊢ b + a = 3", "one of your hypotheses"),
        ("rw [Nat.add_comm]", "a b : Nat\nh : a + b = 3\n⊢ b + a = 3", "side of your goal"),
        ("simp at h", "a : Nat\nh : a + 0 = 3\n⊢ a = 3", "your hypotheses is longer"),
        ("simp at h ⊢", "a : Nat\nh : a + 0 = 3\n⊢ a = 3 + 0", "parts of your goal"),
    ],
)
def test_the_opening_question_leads_to_what_the_step_does(text: str, goal: str, words: str) -> None:
    assert words in next(drafts(Level.QUESTION, step(text, goal=goal), ()))
