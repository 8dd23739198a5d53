"""A session: one or several simulated learners write a proof, checked by the real Lean, with the help of the real
tutor.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from prover.tutor.guidance import Guidance
from prover.tutor.hints import GivenHint, HintOutcome, Level, Tutored
from prover.tutor.proofs.reading import Reading
from prover.tutor.wording.phrasing import masked
from training.tutoring.learners.faults import bent, guesses, pick, without_a_case
from training.tutoring.learners.learners import Learner, need
from training.tutoring.sessions.board import Board, written
from training.tutoring.sessions.dialogue import Dialogue, Help, Turn, rubric

_MOST_TURNS = 60


@dataclass
class _Written:
    """A step in the proof: the text before it, whether it was shown, and whether a verified proof continues with it."""

    before: str
    own: bool
    right: bool


@dataclass
class LearningSession:
    """A session in progress.

    Attributes:
        seconds: duration of each answer of the tutor.
    """

    board: Board
    learners: Sequence[Learner]
    help: Help
    guidance: Guidance | None
    seed: int
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        kinds = "+".join(learner.kind for learner in self.learners)
        self._name = f"{self.seed}/{self.board.case.theorem.name}/{kinds}"
        self._random = Random(self._name)
        self._text = "by"
        self._stack: list[_Written] = []
        self._turns: list[Turn] = []
        self._earlier: list[GivenHint] = []
        self._hint: Tutored | None = None  # the last hint, while its goal is open
        self._tries = [0] * len(self.learners)
        self._failed = [0] * len(self.learners)
        self._there = list(range(len(self.learners)))
        self._copying = False

    async def run(self) -> Dialogue:
        """Run the session to its end."""
        finished = False
        while self._there and len(self._turns) < _MOST_TURNS:
            reading = await self.board.read(self._text)
            if reading.verdict is not None and reading.verdict.verified:
                finished = True
                break
            if not reading.open:
                at = self._there[0]
                self._take_back(self.learners[at].kind)
                if self._there:
                    self._fails(at)
                continue
            await self._turn(reading)
        return await self._ended(finished)

    async def _turn(self, reading: Reading) -> None:
        at = self._random.choices(self._there, [self.learners[one].talks for one in self._there])[0]
        learner = self.learners[at]
        if self._wants_help(at) and not await self._helped(at, reading):
            return
        if self._copying:
            await self._copies(at)
            return
        step, own, right = await self._chosen(at, reading)
        await self._writes(at, reading, step, own, right, learner)

    def _wants_help(self, at: int) -> bool:
        if self.help in (Help.NONE, Help.ERRORS) or self._copying:
            return False
        was_hinted = self._hint is not None and self._tries[at] == 0
        return not was_hinted and (self._tries[at] >= self.learners[at].asks_after or self._hint is not None)

    async def _helped(self, at: int, reading: Reading) -> bool:
        """Ask for help; returns whether the learner continues to write."""
        who = self.learners[at].kind
        if self.help is Help.PROOF:
            self._turns.append(Turn(who="tutor", does="shows", text=self._shown, leak=True))
            self._copying = True
            return True
        assert self.guidance is not None
        answer, seconds = await self.board.hint(self._text, self._earlier, self.guidance)
        self.seconds.append(seconds)
        vetoes = tuple(sorted(veto.value for veto, number in answer.vetoes.items() for _ in range(number)))
        if answer.hint is not None:
            hint = answer.hint
            self._turns.append(
                Turn(
                    who="tutor",
                    does="hints",
                    text=hint.text,
                    level=hint.level.value,
                    step=hint.step,
                    fixed=hint.fixed,
                    vetoes=vetoes,
                    leak=await self.board.leaks(reading, hint),
                    false=self._contradiction(hint.step, hint.text),
                )
            )
            self._earlier.append(GivenHint(hint.level, hint.step))
            self._hint = answer
            self._tries = [0] * len(self.learners)
            return True
        self._turns.append(Turn(who="tutor", does="tells", text=answer.sentence, false=self._untrue(answer)))
        if answer.outcome is HintOutcome.CASE_MISSING:
            self._tries[at] = 0
            return True
        self._fails(at)
        if answer.outcome in (HintOutcome.DEAD_END, HintOutcome.THEOREM_FALSE) or (
            self._stack and self._random.random() >= self.learners[at].wanders
        ):
            self._take_back(who)
        return False

    async def _chosen(self, at: int, reading: Reading) -> tuple[str, bool, bool]:
        """Return a learner's next text, whether it was found without being shown, and whether it is a step of a
        verified proof.
        """
        learner, goal, random = self.learners[at], reading.goals[0], self._random
        if reading.missing:
            was_told = self._turns and self._turns[-1].does == "tells"
            if was_told or learner.finds("cases", None, self._tries[at], need(f"{self._name}/{at}", goal, "case")):
                return f"{reading.missing} sorry", not was_told, True
            return pick(random, guesses(goal), "skip"), True, False
        right = await self.board.right(self._text, reading)
        hint = self._hint.hint if self._hint is not None and random.random() >= learner.ignores else None
        hinted = None
        if hint is not None:
            hinted = next((move for move in right if move.name == hint.step), None)
        if hint is not None and hint.level is Level.FULL_STEP:
            code = "\n".join(line[4:] for line in hint.text.split("\n") if line.startswith("    "))
            if code and random.random() >= learner.slips:
                return code, False, True
        move = hinted or max(right, key=lambda one: learner.familiarity(one.tactic), default=None)
        if move is None:
            return pick(random, guesses(goal), "skip"), True, False
        level = hint.level if hint is not None and not hint.fixed and hinted is not None else None
        needed = need(f"{self._name}/{at}", goal, move.text)
        if level is Level.NEXT_STEP and random.random() < learner.copies:
            return masked(move), True, False
        if not learner.finds(move.tactic, level, self._tries[at], needed):
            return pick(random, guesses(goal), "skip"), True, False
        if random.random() < learner.slips:
            return pick(random, bent(move.text, goal), "skip"), True, False
        if random.random() < learner.skips and (cut := without_a_case(move)) is not None:
            return cut, True, True
        return move.text, True, True

    async def _writes(self, at: int, reading: Reading, step: str, own: bool, right: bool, learner: Learner) -> None:
        before = reading.before.removesuffix("| _ => ") if reading.missing else reading.before
        text = written(replace(reading, before=before), step)
        read = await self.board.read(text)
        accepted = read.refused is None and text != self._text and not (reading.missing and read.missing)
        false = ""
        if not accepted and not own and right:
            false = "Lean refuses the step that the hint says to write"
        reason = read.refused.reason if read.refused is not None else ""
        self._turns.append(
            Turn(who=learner.kind, does="writes", text=step, accepted=accepted, reason=reason, false=false)
        )
        if accepted:
            goes_on = not read.open or bool(read.missing) or bool(await self.board.right(text, read))
            self._stack.append(_Written(self._text, own, goes_on))
            self._text = text
            self._next_goal(goes_on)
            return
        self._fails(at)
        if self.help is Help.NONE and self._random.random() >= learner.notices:
            self._fails(at)  # continues, and notices the mistake much later

    async def _copies(self, at: int) -> None:
        """Copy the whole proof that was shown."""
        learner = self.learners[at]
        proof = self._shown
        slipped = self._random.random() < learner.slips
        if slipped:
            proof = proof.rsplit(None, 1)[0]
        read = await self.board.read(proof)
        accepted = read.verdict is not None and read.verdict.verified
        reason = read.refused.reason if read.refused is not None else ""
        self._turns.append(Turn(who=learner.kind, does="writes", text=proof, accepted=accepted, reason=reason))
        if accepted:
            self._stack = [_Written("by", False, True) for _ in range(max(1, self.board.length))]
            self._text = proof
        else:
            self._fails(at)

    @property
    def _shown(self) -> str:
        return min(self.board.case.proofs, key=len)

    def _next_goal(self, goes_on: bool) -> None:
        self._hint = None
        self._tries = [0] * len(self.learners)
        if goes_on:
            self._failed = [0] * len(self.learners)

    def _fails(self, at: int) -> None:
        self._tries[at] += 1
        self._failed[at] += 1
        if self._failed[at] >= self.learners[at].patience and at in self._there:
            self._there.remove(at)
            self._turns.append(Turn(who=self.learners[at].kind, does="gives_up"))
            return
        wandering = self._stack and not self._stack[-1].right and self._failed[at] % 2 == 0
        if wandering and self._random.random() >= self.learners[at].wanders:
            self._take_back(self.learners[at].kind)

    def _take_back(self, who: str) -> None:
        """Remove the last step, if there is one; failures at the goal before it are remembered."""
        if self._stack:
            last = self._stack.pop()
            self._text = last.before
            self._hint = None
            self._turns.append(Turn(who=who, does="takes_back"))
        else:
            self._there.clear()

    def _contradiction(self, step: str, text: str) -> str:
        goal = step.partition("-")[0]
        others = [one for one in self._earlier if one.step.partition("-")[0] == goal and one.step != step]
        return (
            "it is about another step than an earlier hint for the goal" if others and "nother way" not in text else ""
        )

    def _untrue(self, answer: Tutored) -> str:
        """Return a false statement in an answer without a hint, if it is known to be false."""
        if answer.outcome is HintOutcome.THEOREM_FALSE:
            return "the theorem is proved"
        if answer.outcome is HintOutcome.DEAD_END and all(one.right for one in self._stack):
            return "a verified proof goes on from here"
        return ""

    async def _ended(self, finished: bool) -> Dialogue:
        steps, own_steps = len(self._stack), sum(one.own for one in self._stack)
        sound = next((at for at, one in enumerate(self._stack) if not one.right), steps)
        progress = 1.0 if finished else min(0.95, sound / max(1, self.board.length))
        turns = tuple(self._turns)
        return Dialogue(
            theorem=self.board.case.theorem.name,
            learners=tuple(learner.kind for learner in self.learners),
            help=self.help,
            seed=self.seed,
            turns=turns,
            finished=finished,
            proof=self._text,
            steps=steps,
            own=own_steps,
            progress=round(progress, 4),
            rubric=rubric(turns, progress, finished, steps, own_steps),
        )
