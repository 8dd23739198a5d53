"""Steps between states, with a stepper that knows a few tactics; test_kinds_lean.py uses Lean."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.search.stepper import Step, TacticState
from prover.search.strategies.induction import Induction
from prover.search.strategies.scripts import Node, Scripts
from prover.search.tactics.goals.known import ContextDeclarations
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Message, VerdictKind

LISTS = "def turn : List Nat → List Nat\n  | [] => []\n  | x :: xs => turn xs ++ [x]\n"
THEOREM = Theorem("theorem t (xs : List Nat) : turn (turn xs) = xs", context=LISTS)
GOAL = "xs : List Nat\n⊢ turn (turn xs) = xs"
NIL = "⊢ turn (turn []) = []"
CONS = "x : Nat\nxs1 : List Nat\nih : turn (turn xs1) = xs1\n⊢ turn (turn xs1 ++ [x]) = x :: xs1"


class Steps:
    """A stepper with results by (beginning of the goal, beginning of the tactic); everything else fails."""

    def __init__(self, known: dict[tuple[str, str], tuple[str, ...]], exhausted: str = "") -> None:
        self.known = known
        self.exhausted = exhausted
        self.asked: list[str] = []

    @contextlib.asynccontextmanager
    async def open(self, theorem: Theorem, terms: Terms) -> AsyncGenerator["Steps", None]:
        yield self

    async def begin(self) -> Step:
        return Step(VerdictKind.VERIFIED, TacticState((GOAL,)))

    async def run(self, state: TacticState, tactic: str) -> Step:
        self.asked.append(tactic)
        for (goal, beginning), after in self.known.items():
            if state.goals[0] == goal and tactic.startswith(beginning):
                return Step(VerdictKind.VERIFIED, TacticState((*after, *state.goals[1:]), (*state.script, tactic)))
        text = "maximum number of heartbeats" if self.exhausted and self.exhausted in tactic else "no"
        return Step(VerdictKind.REJECTED, messages=(Message("error", text),))


class Context:
    """A search that asks without end."""

    theorem = THEOREM
    options = SearchTerms()

    def __init__(self) -> None:
        self.submitted: list[str] = []

    def sample(self, source: Any, most: int | None = None) -> Any:
        raise AssertionError

    async def submit(self, candidate: Candidate) -> None:
        self.submitted.append(candidate.text)

    async def ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        return await question()


async def test_an_induction_is_written_with_its_cases() -> None:
    steps = Steps(
        {
            (GOAL, "induction xs with"): (NIL, CONS),
            (NIL, "first"): (),
            (NIL, "rfl"): (),
            (CONS, "simp only [turn, ih]"): ("⊢ True",),
            ("⊢ True", "first"): (),
            ("⊢ True", "simp"): (),
        }
    )
    context = Context()
    await Induction(steps).run(context)
    assert context.submitted[0] == (
        "by\n  induction xs with\n  | nil =>\n    rfl\n  | cons x xs1 ih =>\n    simp only [turn, ih]\n    simp"
    )


async def test_an_induction_that_leads_nowhere_ends() -> None:
    steps = Steps({(GOAL, "induction xs with"): (NIL, CONS), (NIL, "simp only"): (GOAL,)})
    context = Context()
    await Induction(steps, tactics=20).run(context)
    assert context.submitted == []
    assert len(steps.asked) < 200


async def test_tactics_are_asked_about_together_unless_one_uses_up_what_all_may_take() -> None:
    node = Node(TacticState((GOAL,)))
    together = Steps({})
    assert await Scripts(Context(), together, ContextDeclarations(), "some").closed_by(node, ["simp", "grind"]) is None
    assert together.asked == ["first | (simp; done) | (grind; done)"]
    apart = Steps({(GOAL, "grind"): ()}, exhausted="simp; done")
    closed = await Scripts(Context(), apart, ContextDeclarations(), "some").closed_by(node, ["simp", "grind"])
    assert closed is not None
    assert closed.state.script == ("grind",)


async def test_a_proof_inside_a_line_does_not_go_on_with_the_next_line() -> None:
    steps = Steps({})
    lines = "have h : 1 = 1 := by rfl\nexact h"
    assert (
        await Scripts(Context(), steps, ContextDeclarations(), "some").closed_by(Node(TacticState((GOAL,))), [lines])
        is None
    )
    assert steps.asked == ["first | ((have h : 1 = 1 := by rfl); (exact h); done)"]


async def test_tactics_of_several_lines_do_not_take_the_time_of_those_of_one() -> None:
    steps = Steps({})
    tactics = ["simp at h\nomega", "simp"]
    assert (
        await Scripts(Context(), steps, ContextDeclarations(), "some").closed_by(Node(TacticState((GOAL,))), tactics)
        is None
    )
    assert steps.asked == ["first | (simp; done)", "first | ((simp at h); (omega); done)"]
