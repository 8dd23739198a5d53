"""Simulated learners, their texts, and the reward of a session."""

from hypothesis import given
from hypothesis import strategies as some

from prover.tutor.hints import Level
from prover.tutor.proofs.moves import ProofMove
from training.tutoring.learners.faults import bent, guesses, without_a_case
from training.tutoring.learners.learners import learners, need
from training.tutoring.sessions.dialogue import Turn, rubric

GOAL = "n m : Nat\nh : n = m\n⊢ m = n"


@given(some.sampled_from(sorted(learners())), some.sampled_from(["intro", "rw", "omega"]), some.floats(0, 1))
def test_who_finds_a_step_from_a_hint_finds_it_from_the_next_one(kind: str, tactic: str, needed: float) -> None:
    learner = learners()[kind]
    found = [learner.finds(tactic, level, 0, needed) for level in (None, *Level)]
    assert found == sorted(found)
    if needed < 1:
        assert found[-1]


@given(some.text(max_size=5), some.text(max_size=5), some.text(max_size=5))
def test_what_a_learner_needs_is_drawn_once(seed: str, goal: str, step: str) -> None:
    assert 0 <= need(seed, goal, step) < 1
    assert need(seed, goal, step) == need(seed, goal, step)


def test_some_kinds_are_held_out_and_the_others_are_not() -> None:
    assert {kind for kind, learner in learners().items() if learner.held_out} == {"hasty", "silent", "stubborn"}


def test_faults_are_the_same_each_time_and_never_the_step_itself() -> None:
    renditions = bent("rw [h]", GOAL)
    assert renditions == bent("rw [h]", GOAL)
    assert renditions == ["rw [h", "rw [m]", "rww [h]"] or "rw [h]" not in renditions
    assert guesses(GOAL) == guesses(GOAL)


def test_a_case_that_is_left_out_is_the_last_one() -> None:
    text = "induction n with\n| zero => sorry\n| succ k ih => sorry"
    move = ProofMove(text, "induction", 0, len(text), 0, (GOAL,), (), 1, 0, (), 0, True)
    assert without_a_case(move) == "induction n with\n| zero => sorry"


def hint(level: str = "question", **more: object) -> Turn:
    return Turn(who="tutor", does="hints", level=level, step="a-b", **more)  # type: ignore[arg-type]


def test_a_proof_that_learners_found_is_worth_the_most_and_hints_of_no_help_cost() -> None:
    alone = rubric((), 1.0, True, 4, 4)
    helped = rubric((hint(), hint("direction"), hint("name")), 1.0, True, 4, 4)
    shown = rubric((hint(), hint("direction"), hint("name")), 1.0, True, 4, 2)
    assert alone.reward == 6
    assert alone.reward > helped.reward > shown.reward > rubric((), 0.5, False, 2, 2).structure


def test_a_leak_and_a_false_hint_outweigh_everything() -> None:
    assert rubric((hint(leak=True),), 1.0, True, 4, 4).reward == -15
    assert rubric((hint(false="the theorem is proved"),), 1.0, True, 4, 4).reward == -15
