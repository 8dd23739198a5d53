"""Filling files and suggesting tactics, over a real channel with real Lean behind it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import pytest

from leansieve.v1 import fill_pb2, source_pb2, verdict_pb2
from prover.assistance.suggest import FilePosition, PrintedGoal, Suggest, Suggestions, TacticOutcome, TacticScript
from prover.assistance.suggester import Suggester
from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.requests import StatementError
from prover.sampling.sampler import ProofModel, SamplingParams
from prover.theorem import Theorem
from prover.verdict import Trust, VerdictKind
from service.client.client import Client

pytestmark = pytest.mark.lean

FILE = """\
theorem first (a b : Nat) : a + b = b + a := sorry

theorem second (a b c : Nat) (h : a = b) : a + c = b + c ∧ c = c := by
  constructor
  · sorry
  · exact sorry

-- sorry, this is a comment
theorem third (n : Nat) : n = n + 1 := by
  sorry

theorem fourth (a b : Nat) : b + a = a + b := by
  rw [first]
  sorry
"""


async def filled(client: Client, request: fill_pb2.FillSorriesRequest) -> list[fill_pb2.FillSorriesResponse]:
    request.options.budget.samples = 8
    request.options.budget.timeout.seconds = 8  # false theorems are given up then, and not before
    return [response async for response in client.fill(request, 120.0)]


def put_in(text: str, parts: list[fill_pb2.HoleFilled]) -> str:
    """The text with the replacements, as an editor would make them."""
    lines = text.split("\n")
    for part in sorted(parts, key=lambda one: (one.range.start.line, one.range.start.column), reverse=True):
        start, end = part.range.start, part.range.end
        assert start.line == end.line or "sorry" in lines[end.line - 1]
        tail = lines[end.line - 1][end.column :]
        lines[start.line - 1 : end.line] = [lines[start.line - 1][: start.column] + part.replacement + tail]
    return "\n".join(lines)


async def test_the_sorries_of_a_file_are_filled_in_place(lean_client: Client) -> None:
    responses = await filled(lean_client, fill_pb2.FillSorriesRequest(text=FILE))
    accepted, summary = responses[0].accepted, responses[-1].summary
    assert [hole.theorem for hole in accepted.holes] == ["first", "second", "second", "third", "fourth"]
    parts = {one.filled.hole: one.filled for one in responses if one.WhichOneof("event") == "filled"}
    left = [one.open for one in responses if one.WhichOneof("event") == "open"]
    assert sorted(parts) == [0, 1, 2]
    assert parts[0].proof.verdict.kind == verdict_pb2.VERDICT_KIND_VERIFIED
    # The theorem has another hole still; it is complete with the next one.
    assert parts[1].proof.verdict.kind == verdict_pb2.VERDICT_KIND_INCOMPLETE
    assert parts[2].proof.verdict.kind == verdict_pb2.VERDICT_KIND_VERIFIED
    assert parts[2].replacement.startswith("(by ")
    assert [one.hole for one in left] == [3, 4]
    # Nothing closes what is false; after `rw` nothing is left for the last `sorry` to prove.
    assert not left[0].HasField("verdict")
    assert left[1].verdict.messages[0].text.startswith("there is no goal at this place")
    assert (left[1].verdict.messages[0].line, left[1].verdict.messages[0].column) == (14, 2)
    assert (summary.holes, summary.filled, summary.sorries_left) == (5, 3, 2)
    assert not summary.verified  # two are open, and the summary says where
    said = {(message.line, message.column) for message in summary.verdict.messages}
    assert said >= {(10, 8), (15, 2)}
    assert not summary.failed
    assert summary.text == put_in(FILE, list(parts.values()))


async def test_only_the_holes_in_a_range_are_filled(lean_client: Client) -> None:
    place = source_pb2.SourcePosition(line=6, column=12)
    request = fill_pb2.FillSorriesRequest(text=FILE, within=source_pb2.SourceRange(start=place, end=place))
    responses = await filled(lean_client, request)
    assert [hole.number for hole in responses[0].accepted.holes] == [2]
    (part,) = [one.filled for one in responses if one.WhichOneof("event") == "filled"]
    assert part.hole == 2
    assert part.range.start.line == 6
    assert responses[-1].summary.text == put_in(FILE, [part])


async def test_a_theorem_that_lean_does_not_take_leaves_its_hole_open_with_positions_in_the_file(
    lean_client: Client,
) -> None:
    text = "theorem good : 1 + 1 = 2 := sorry\n\ntheorem bad (a : Nat) :\n    a = Nat.missing := by\n  sorry\n"
    responses = await filled(lean_client, fill_pb2.FillSorriesRequest(text=text))
    (left,) = [one.open for one in responses if one.WhichOneof("event") == "open"]
    assert left.verdict.kind == verdict_pb2.VERDICT_KIND_INVALID_STATEMENT
    assert (left.verdict.messages[0].line, left.verdict.messages[0].column) == (4, 8)
    assert responses[-1].summary.filled == 1


def by_tactic(found: Suggestions) -> dict[str, TacticOutcome]:
    return {one.tactic: one.outcome for one in found.suggestions}


async def test_tactics_for_a_theorem_are_ranked_and_labelled(lean_client: Client) -> None:
    theorem = Theorem("theorem t (a b : Nat) (h : a ≤ b) : a < b + 1 ∧ 0 < 3")
    found = await lean_client.suggest(Suggest(TacticScript(theorem), most=64, seconds=60))
    assert found.goals == ("a b : Nat\nh : a ≤ b\n⊢ a < b + 1 ∧ 0 < 3",)
    assert found.tried >= len(found.suggestions)
    labels = by_tactic(found)
    assert labels["omega"] is TacticOutcome.CLOSES_GOAL
    assert labels["constructor"] is TacticOutcome.PROGRESS
    outcomes = list(labels.values())
    assert outcomes == sorted(outcomes, key=lambda one: one is TacticOutcome.PROGRESS), "those that close it come first"
    by_name = {one.tactic: one for one in found.suggestions}
    assert by_name["omega"].trust is Trust.KERNEL_REPLAYED
    assert by_name["constructor"].goals == (
        "case left\na b : Nat\nh : a ≤ b\n⊢ a < b + 1",
        "case right\na b : Nat\nh : a ≤ b\n⊢ 0 < 3",
    )


async def test_tactics_follow_a_script(lean_client: Client) -> None:
    theorem = Theorem("theorem t (a b : Nat) (h : a = b) : b = a ∧ a = b")
    found = await lean_client.suggest(Suggest(TacticScript(theorem, ("constructor",)), seconds=60))
    assert len(found.goals) == 2
    assert found.suggestions[0].outcome is TacticOutcome.CLOSES_GOAL
    # The other goal is still open: no whole proof was checked.
    assert found.suggestions[0].trust is Trust.NONE


@pytest.mark.parametrize(
    ("line", "column", "goal", "term"),
    [
        (1, 46, "⊢ a + b = b + a", False),  # the whole proof
        (5, 5, "⊢ a + c = b + c", False),  # a tactic
        (6, 13, "⊢ c = c", True),  # a term
        (14, 0, "⊢ b + a = a + b", False),  # an empty line at the end: `rw [first]` needs what is proved only later
    ],
)
async def test_tactics_for_a_place_in_a_file(
    lean_client: Client, line: int, column: int, goal: str, term: bool
) -> None:
    text = FILE.replace("  rw [first]\n  sorry\n", "  skip\n\n")
    found = await lean_client.suggest(Suggest(FilePosition(text, line, column), most=2, seconds=60))
    assert found.goals[0].endswith(goal)
    assert found.term is term
    assert found.suggestions[0].outcome is TacticOutcome.CLOSES_GOAL


async def test_tactics_for_a_printed_goal(lean_client: Client) -> None:
    goal = "case inr\nα : Type u_1\nxs ys : List α\nh : xs = ys\n⊢ ys ++ xs =\n    xs ++ ys"
    found = await lean_client.suggest(Suggest(PrintedGoal(goal), seconds=60))
    assert by_tactic(found)["simp_all"] is TacticOutcome.CLOSES_GOAL


async def test_a_term_that_a_person_would_write_is_suggested_first_as_it_is_the_answer(lean_client: Client) -> None:
    goal = "p q : Prop\nh : p → q\nhp : p\n⊢ q"
    found = await lean_client.suggest(Suggest(PrintedGoal(goal), seconds=60))
    assert found.suggestions[0].tactic == "exact h hp"


async def test_only_tactics_with_the_prefix_are_tried(lean_client: Client) -> None:
    theorem = Theorem("theorem t (a b : Nat) : a + b = b + a")
    found = await lean_client.suggest(Suggest(TacticScript(theorem), prefix="om", seconds=60))
    assert [one.tactic for one in found.suggestions] == ["omega"]


@pytest.mark.parametrize(
    ("place", "field"),
    [
        (FilePosition(FILE, 400, 0), "position.position"),
        (FilePosition(FILE, 8, 4), None),
        (FilePosition("def x := 1\n", 1, 4), "position.position"),
        (PrintedGoal("h✝ : True\n⊢ True"), "goal.goal"),
        (PrintedGoal("no goal"), "goal.goal"),
        (PrintedGoal("⊢ "), "goal.goal"),
        (TacticScript(Theorem("theorem t : True"), ("trivial",)), "place"),
    ],
)
async def test_a_place_without_a_goal_is_refused_by_field(
    lean_client: Client, place: FilePosition | PrintedGoal | TacticScript, field: str | None
) -> None:
    with pytest.raises(InputError if field else (InputError, StatementError)) as caught:
        await lean_client.suggest(Suggest(place, seconds=60))
    if field:
        assert isinstance(caught.value, InputError)
        assert caught.value.field == field


async def test_a_script_that_fails_says_where(lean_client: Client) -> None:
    theorem = Theorem("theorem t (a b : Nat) : a + b = b + a")
    with pytest.raises(StatementError) as caught:
        await lean_client.suggest(Suggest(TacticScript(theorem, ("rw [missing]",)), seconds=60))
    assert caught.value.verdict.kind is VerdictKind.REJECTED


async def test_suggestions_stop_with_the_client(lean_client: Client) -> None:
    theorem = Theorem("theorem t : ∀ a b c d e : Fin 9, a + b + c + d + e = e + d + c + b + a")
    asking = asyncio.create_task(lean_client.suggest(Suggest(TacticScript(theorem), seconds=50)))
    await asyncio.sleep(0.5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    simple = Suggest(TacticScript(Theorem("theorem t : 1 + 1 = 2")), most=1, seconds=60)
    assert (await lean_client.suggest(simple)).suggestions


async def test_a_tactic_whose_inner_proof_leaves_goals_does_not_close_the_goal(lean_client: Client) -> None:
    # Lean goes on after `unsolved goals` inside a nested `by`, as if they were proved.
    theorem = Theorem("theorem t (m n : Nat) : ∃ k, m + n = k + k")
    found = await lean_client.suggest(Suggest(TacticScript(theorem), most=64, seconds=60))
    labels = by_tactic(found)
    assert TacticOutcome.CLOSES_GOAL not in labels.values()
    assert labels["refine ⟨0, ?_⟩"] is TacticOutcome.PROGRESS


async def test_only_what_is_proved_behind_a_tactic_is_labelled(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q")
    lines = (
        "exact hp",
        "have h : p ∨ q := by\n  left\n  exact hp",
        "have h : q := by skip",  # left open inside
        "admit",
        "have h : q := by admit",
        "all_goals exact hp",  # as it would be written it works on the other goal, too
        "exact hp) <;> (skip",
    )
    model = cast(ProofModel, Lines(lines))
    for script in ((), ("constructor",)):
        request = Suggest(TacticScript(theorem, script), most=64, seconds=60)
        found = await Suggester(lean_pool, request, Terms()).suggest(False, model, SamplingParams())
        closing = {} if not script else {"exact hp": TacticOutcome.CLOSES_GOAL}
        assert by_tactic(found) == closing | {"have h : p ∨ q := by\n  left\n  exact hp": TacticOutcome.PROGRESS}


async def test_suggestions_that_the_time_cut_short_say_so(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (p q : Prop) (hp : p) (hq : q) : p ∧ q")
    request = Suggest(TacticScript(theorem), seconds=3)
    for model in (NeverDone(("constructor",)), NeverDone(())):
        found = await Suggester(lean_pool, request, Terms()).suggest(False, cast(ProofModel, model), SamplingParams())
        assert found.timed_out
        assert len(found.suggestions) == len(model.lines)
    done = cast(ProofModel, Lines(("constructor",)))
    found = await Suggester(lean_pool, Suggest(TacticScript(theorem), seconds=60), Terms()).suggest(
        False, done, SamplingParams()
    )
    assert not found.timed_out


class Lines:
    """A model that proposes given lines."""

    name = "lines"

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines

    async def continue_proof(
        self, _theorem: Theorem, _prefix: str, _params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        for line in self.lines:
            yield Candidate(line, source=self.name)


class NeverDone(Lines):
    """A model that goes on thinking after them."""

    async def continue_proof(
        self, theorem: Theorem, before: str, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        async for candidate in super().continue_proof(theorem, before, params):
            yield candidate
        await asyncio.Event().wait()
