"""Decisions of a tutor, by rules and by a policy."""

import json
from pathlib import Path

import pytest

from prover.errors import UserError
from prover.tutor.guidance import (
    OPENING_FEATURES,
    OPENINGS,
    ROUTE_FEATURES,
    LearnerState,
    LinearPolicy,
    Rules,
    load_guidance,
    opening_features,
    parse_policy,
    policy_data,
)
from prover.tutor.hints import GivenHint, Level
from prover.tutor.proofs.moves import Outline, ProofMove
from prover.tutor.proofs.routes import Route
from prover.verdict import Trust


def move(text: str, goal: str = "⊢ p") -> ProofMove:
    return ProofMove(text, text.split()[0], 0, len(text), 0, (goal,), (), 1, 0, (), 0, False)


def route(*steps: str) -> Route:
    return Route(Outline("", (), (), ()), tuple(map(move, steps)), Trust.KERNEL_REPLAYED)


def policy(opening: dict[str, float], by_length: float = 0.0) -> LinearPolicy:
    """A policy that opens by the weights of one feature each, the bias's, and chooses routes by their length."""
    openings = tuple(
        tuple(opening.get(level.value, 0.0) if name == "bias" else 0.0 for name in OPENING_FEATURES)
        for level in OPENINGS
    )
    return LinearPolicy(openings, tuple(by_length if name == "moves_left" else 0.0 for name in ROUTE_FEATURES))


def test_rules_keep_to_the_proof_that_was_hinted_at_and_begin_with_a_question() -> None:
    one, two = route("simp"), route("intro h", "exact h")
    scene = LearnerState((one, two), (), False, ())
    assert Rules().route(scene) is one
    assert Rules().opening(scene, one) is Level.QUESTION
    hinted = LearnerState((one, two), (), False, (GivenHint(Level.NAME, two.next.name),))
    assert Rules().route(hinted) is two


def test_a_policy_opens_and_leads_as_its_weights_say_and_never_leaves_a_proof_that_was_hinted_at() -> None:
    short, long = route("simp"), route("intro h", "exact h")
    chooses = policy({"name": 2.0, "direction": 1.0}, by_length=1.0)
    scene = LearnerState((short, long), (), False, ())
    assert chooses.route(scene) is long
    assert chooses.opening(scene, long) is Level.NAME
    assert chooses.route(LearnerState((short, long), (), False, (GivenHint(Level.QUESTION, short.next.name),))) is short


def test_features_are_between_0_and_1_and_tell_how_far_earlier_hints_had_to_go() -> None:
    there = route("simp")
    earlier = (GivenHint(Level.QUESTION, "a-b"), GivenHint(Level.NEXT_STEP, "a-b"))
    seen = opening_features(LearnerState((there,), (move("intro h"),), True, earlier), there)
    assert len(seen) == len(OPENING_FEATURES)
    assert all(0 <= each <= 1 for each in seen)
    assert seen[OPENING_FEATURES.index("last_level")] == 0.75


def test_a_policy_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    written = policy({"question": 0.5}, by_length=-1.25)
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy_data(written)))
    assert load_guidance(str(file)) == written
    assert isinstance(load_guidance("rules"), Rules)
    assert isinstance(load_guidance("learnt"), LinearPolicy)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({**policy_data(policy({})), "route_features": ["x"]})])
def test_what_is_no_policy_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match="is not a policy of the tutor"):
        parse_policy(text, "some.json")


def test_a_weight_that_is_no_number_is_refused() -> None:
    with pytest.raises(UserError, match="not finite"):
        parse_policy(json.dumps(policy_data(policy({"name": float("nan")}))), "some.json")
