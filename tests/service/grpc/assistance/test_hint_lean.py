"""Hints for learners over gRPC, with a real Lean behind them: every one is about a step that the kernel has accepted."""

from collections.abc import Mapping

import pytest

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.requests import Check
from prover.theorem import Theorem
from prover.tutor.hints import Fact, GivenHint, HintOutcome, Level, Tutored, Tutoring, Veto
from service.client.client import Client
from service.core.engine import Engine
from service.ops.config import Settings

pytestmark = pytest.mark.lean

SWAP = Theorem("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p")
ZERO = Theorem("theorem t (n : Nat) : 0 + n = n")


async def levels(client: Client, theorem: Theorem, proof: str, proofs: tuple[str, ...] = ()) -> list[Tutored]:
    """The answers to five questions, each of which names the hints before."""
    answers: list[Tutored] = []
    for _ in Level:
        earlier = tuple(GivenHint(one.hint.level, one.hint.step) for one in answers if one.hint)
        answers.append(await client.hint(Tutoring(theorem, proof, earlier, proofs)))
    return answers


def step_of(answer: Tutored) -> str:
    """The code of a hint that gives the whole step."""
    assert answer.hint is not None
    return "\n".join(line[4:] for line in answer.hint.text.split("\n") if line.startswith("    "))


async def test_hints_go_from_a_question_to_the_step_and_the_step_holds(lean_client: Client) -> None:
    answers = await levels(lean_client, SWAP, "by\n  constructor\n  · exact h.2")
    hints = [answer.hint for answer in answers if answer.hint]
    assert [hint.level for hint in hints] == list(Level)
    assert len({hint.step for hint in hints}) == 1
    for hint in hints:
        assert {Fact.STEP_RAN, Fact.PROOF_GOES_ON} <= {one.fact for one in hint.checked}
    last = step_of(answers[-1])
    assert not any(last in hint.text for hint in hints[:-1])
    finished = f"by\n  constructor\n  · exact h.2\n  · {last}"
    assert (await lean_client.check(Check(SWAP, Candidate(finished)))).verified
    assert (await lean_client.hint(Tutoring(SWAP, finished))).outcome is HintOutcome.PROVED


async def test_a_teachers_proof_is_followed_step_by_step(lean_client: Client) -> None:
    proof = "by\n  induction n with\n  | zero => rfl\n  | succ n ih =>\n    rw [← Nat.add_assoc]\n    rw [ih]"
    answers = await levels(lean_client, ZERO, "", (proof,))
    assert "induction" not in answers[0].sentence
    assert "by induction on `n`" in answers[1].sentence
    assert step_of(answers[-1]) == "induction n with\n| zero => sorry\n| succ n ih => sorry"
    half = "by\n  induction n with\n  | zero => rfl\n  | succ n ih =>"
    named = (await levels(lean_client, ZERO, half, (proof,)))[2]
    assert named.hint is not None
    assert "`Nat.add_assoc` says that how summands are grouped does not matter" in named.hint.text
    assert (Fact.NAME_EXISTS, "Nat.add_assoc") in [(one.fact, one.about) for one in named.hint.checked]


async def test_other_places_that_are_open_are_left_to_the_learner(lean_client: Client) -> None:
    (answer, *_) = await levels(lean_client, SWAP, "by\n  constructor\n  · sorry\n  · sorry")
    assert answer.hint is not None
    assert Fact.GOAL_CLOSED in [one.fact for one in answer.hint.checked]
    assert Fact.PROOF_GOES_ON not in [one.fact for one in answer.hint.checked]


async def test_a_block_that_nothing_stands_in_yet_gets_hints_while_others_are_open(lean_client: Client) -> None:
    half = "by\n  have hp : p := by"
    last = (await levels(lean_client, SWAP, half))[-1]
    assert last.goals == ("p q : Prop\nh : p ∧ q\n⊢ p",)
    assert last.hint is not None
    finished = f"{half} {step_of(last)}\n  exact ⟨h.2, hp⟩"
    assert (await lean_client.check(Check(SWAP, Candidate(finished)))).verified


async def test_a_term_that_proves_the_theorem_is_complete(lean_client: Client) -> None:
    assert (await lean_client.hint(Tutoring(SWAP, "⟨h.2, h.1⟩"))).outcome is HintOutcome.PROVED


@pytest.mark.parametrize(
    ("theorem", "proof"),
    [
        (SWAP, "by\n  exact ⟨h.2, sorry⟩"),
        (SWAP, "by\n  have hp : p := sorry\n  exact ⟨h.2, hp⟩"),
        (
            Theorem("theorem t (a b c : Nat) (h : a = b) (hc : b = c) : a = c"),
            "by\n  calc a = b := h\n    _ = c := sorry",
        ),
    ],
)
async def test_a_sorry_in_a_term_gets_hints_about_its_goal(lean_client: Client, theorem: Theorem, proof: str) -> None:
    last = (await levels(lean_client, theorem, proof))[-1]
    assert last.hint is not None
    assert (last.hint.level, last.open) == (Level.FULL_STEP, 1)
    assert last.sentence.startswith("In place of this `sorry`, write `(by …)` with tactics inside. ")
    finished = proof.replace("sorry", f"(by {step_of(last)})")
    assert (await lean_client.check(Check(theorem, Candidate(finished)))).verified


async def test_what_is_false_is_told_with_values(lean_client: Client) -> None:
    found = await lean_client.hint(Tutoring(Theorem("theorem t (n : Nat) : n < 5"), seconds=60.0))
    assert (found.outcome, found.counterexample) == (HintOutcome.THEOREM_FALSE, (("n", "5"),))
    assert found.sentence == "The theorem is false: it does not hold for `n := 5`."
    begun = Tutoring(Theorem("theorem t (n : Nat) : n < 5"), "by\n  induction n", seconds=60.0)
    assert (await lean_client.hint(begun)).outcome is HintOutcome.THEOREM_FALSE, "however far the learner has come"
    wrong_side = await lean_client.hint(
        Tutoring(Theorem("theorem t (p q : Prop) (h : p) : p ∨ q"), "by\n  right", seconds=60.0)
    )
    assert wrong_side.outcome is HintOutcome.DEAD_END
    assert "the open goal `⊢ q` is false" in wrong_side.sentence
    assert "Go back before the step in line 2" in wrong_side.sentence


async def test_bad_input_is_one_sentence(lean_client: Client) -> None:
    many = Theorem(f"theorem t : {' ∧ '.join(['True'] * 40)}")
    found = await lean_client.hint(Tutoring(many, "by\n  refine ⟨" + "?_, " * 39 + "?_⟩"))
    assert (found.outcome, found.open) == (HintOutcome.TOO_MANY_GOALS, 40)
    assert found.sentence.startswith("40 goals are open here, and hints are made for at most 8")
    assert (await lean_client.hint(Tutoring(SWAP, "⟨h.1, h.1⟩"))).outcome is HintOutcome.NO_TACTICS
    long = await lean_client.hint(Tutoring(SWAP, "by\n" + "  skip\n" * 600))
    assert long.sentence.startswith("This proof is too long: hints are made for at most 511 steps")
    read = await lean_client.hint(Tutoring(SWAP, "by\n  constructor", wanted=False))
    assert (read.outcome, read.hint, read.open, read.sentence) == (HintOutcome.READ, None, 2, "2 goals open.")


@pytest.mark.parametrize(
    "exploit",
    [
        "by omega\naxiom cheat : False",
        "by\n  run_tac Lean.Elab.Tactic.closeMainGoal `x (Lean.mkConst `sorryAx)",
        "by\n  exact (by native_decide : False).elim",
        "by\n  sorry; exact h",
    ],
)
async def test_what_a_learner_pastes_is_never_believed(lean_client: Client, exploit: str) -> None:
    found = await lean_client.hint(Tutoring(Theorem("theorem t (n : Nat) : n = n + 1"), exploit, seconds=5.0))
    assert found.outcome in (HintOutcome.NOT_CONTINUED, HintOutcome.THEOREM_FALSE, HintOutcome.DEAD_END)
    assert found.hint is None


async def test_a_model_may_word_hints_and_is_held_to_the_vetoes(lean_pool: WorkerPool) -> None:
    class Model:
        """Says the template in other words, but at its second turn the step itself."""

        turns = 0

        async def reword(self, template: str, refused: Mapping[str, Veto]) -> str:
            self.turns += 1
            return f"{template} Take `exact h.1`." if self.turns == 2 else f"Think: {template}"

    engine = Engine(Settings(), lean_pool, phraser=Model())
    await engine.start()
    half, given = "by\n  constructor\n  · exact h.2", list[GivenHint]()
    for level in Level:
        found = await engine.hint(Tutoring(SWAP, half, tuple(given)))
        assert found.hint is not None
        assert found.hint.by_model is (level is not Level.FULL_STEP)
        assert found.hint.text.startswith("Think: ") is found.hint.by_model
        assert ("h.1" in found.hint.text) is (level is Level.FULL_STEP)
        assert found.vetoes.get(Veto.LEAK, 0) >= (level is Level.DIRECTION)
        given.append(GivenHint(found.hint.level, found.hint.step))
    await engine.close()
