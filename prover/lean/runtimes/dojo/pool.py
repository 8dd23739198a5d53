"""`DojoPool`: stepwise proving in LeanDojo, and a prefilter for candidates. Verdicts never come from LeanDojo.

LeanDojo disables heartbeats, checks neither axioms nor statements, and accepts invalid proofs (listed in
docs/native.md). Candidates that it accepts therefore go to a separate checker, and only that checker's verdict is
returned.
"""

import asyncio
import contextlib
import re
import textwrap
from collections import Counter
from collections.abc import AsyncGenerator

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.runtimes.dojo.launch import DojoConfig, DojoUnavailableError, prepare
from prover.lean.runtimes.dojo.process import DojoEndedError, DojoProcess, TacticAnswer, fits
from prover.search.stepper import Step, StepSession, TacticState
from prover.theorem import Theorem
from prover.verdict import Limits, Message, Mode, Verdict, VerdictKind

_MOST_STATES = 10_000


class DojoPool:
    """A `Stepper` on LeanDojo. Processes exist only during sessions.

    Attributes:
        ends: counts of Dojos by the reason of their end: `closed`, `late`, `broken`, `worn` (used up).
    """

    def __init__(self, config: DojoConfig) -> None:
        """Create the pool; nothing is started. `config` locates LeanDojo."""
        self.config = config
        self.ends: Counter[str] = Counter()
        # Two limits: a search holds its session until its proofs are checked, and each check may need a Dojo, too.
        self._searches = asyncio.Semaphore(config.processes)
        self._looks = asyncio.Semaphore(config.processes)

    async def prepare(self) -> None:
        """Check that LeanDojo is available.

        Raises:
            DojoUnavailableError: it is not; the text says what is missing.
        """
        await asyncio.to_thread(prepare, self.config)

    def open(self, theorem: Theorem, terms: Terms) -> contextlib.AbstractAsyncContextManager[StepSession]:
        """See `Stepper.open`. Waits while the maximum number of sessions is open."""
        return self._session(theorem, terms, self._searches)

    @contextlib.asynccontextmanager
    async def _session(
        self, theorem: Theorem, terms: Terms, places: asyncio.Semaphore
    ) -> AsyncGenerator["_DojoSession", None]:
        async with places:
            session = _DojoSession(self, theorem, terms.limits)
            try:
                yield session
            finally:
                await session.close()

    def before(self, checker: Checker) -> Checker:
        """Return a checker that tries candidates in LeanDojo, and passes accepted ones to `checker`.

        A candidate that LeanDojo rejects is rejected: its mistakes cost proofs, but never admit a wrong one. Candidates
        that it cannot handle (whole files, long proofs) or that crash it go straight to `checker`.
        """
        return _FirstLook(self, checker)


class _FirstLook:
    """See `DojoPool.before`."""

    def __init__(self, pool: DojoPool, checker: Checker) -> None:
        self._pool = pool
        self._checker = checker

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        tactic = f"exact (\n{candidate.text}\n)"
        if candidate.mode is Mode.PROOF and fits(self._pool.config, tactic):
            async with self._pool._session(theorem, terms, self._pool._looks) as session:
                refusal = await session.refusal(tactic)
            if refusal is not None:
                return Verdict(refusal.kind, mode=candidate.mode, policy=terms.policy, messages=refusal.messages)
        return await self._checker.check(theorem, candidate, terms)


class _DojoSession:
    """Steps on one theorem. A Dojo that ends is replaced by a new one, which runs a state's script again."""

    def __init__(self, pool: DojoPool, theorem: Theorem, limits: Limits) -> None:
        self._pool = pool
        self._theorem = theorem
        self._limits = limits
        self._turn = asyncio.Lock()
        self._dojo: DojoProcess | None = None
        self._states: dict[tuple[str, ...], int] = {}
        self._goals: tuple[str, ...] = ()

    async def begin(self) -> Step:
        """See `StepSession.begin`."""
        async with self._turn:
            try:
                await self._started()
            except DojoEndedError as error:
                return self._ended(error)
            return Step(VerdictKind.VERIFIED, TacticState(self._goals))

    async def run(self, state: TacticState, tactic: str) -> Step:
        """See `StepSession.run`."""
        if not fits(self._pool.config, _tactic(tactic)):
            return _failed(
                VerdictKind.OUT_OF_RESOURCES,
                "the tactic is too long for LeanDojo, or contains characters that it loses",
            )
        async with self._turn:
            try:
                answer = await self._run(state.script, _tactic(tactic))
            except DojoEndedError as error:
                return self._ended(error)
        script = (*state.script, tactic)
        if answer.kind == "finished":
            return Step(VerdictKind.VERIFIED, TacticState((), script))
        if answer.kind == "state":
            self._remember(script, answer.state)
            return Step(VerdictKind.VERIFIED, TacticState(_split(answer.goals), script, answer.state))
        return _refused(answer)

    async def refusal(self, tactic: str) -> Step | None:
        """Return LeanDojo's error for a tactic as a whole proof; None if it succeeds or gives no answer."""
        async with self._turn:
            try:
                answer = await self._run((), tactic)
            except DojoEndedError as error:
                step = self._ended(error)
                return step if error.late else None
        if answer.kind == "finished":
            return None
        return _failed(VerdictKind.INCOMPLETE, "goals are left") if answer.kind == "state" else _refused(answer)

    async def close(self) -> None:
        """Close all processes and remove their files."""
        await self._discard("closed")

    async def _run(self, script: tuple[str, ...], tactic: str) -> TacticAnswer:
        """Run a tactic after a script.

        Any interruption ends the Dojo, which would otherwise answer the next question with this result.
        """
        dojo = await self._started()
        known = len(script)
        while script[:known] not in self._states:
            known -= 1
        try:
            for number in range(known, len(script)):
                answer = await dojo.run(self._states[script[:number]], _tactic(script[number]), self._limits.seconds)
                if answer.kind != "state":
                    raise DojoEndedError("a script that ran before does not run again")
                self._remember(script[: number + 1], answer.state)
            return await dojo.run(self._states[script], tactic, self._limits.seconds)
        except BaseException as error:
            await self._discard("late" if isinstance(error, DojoEndedError) and error.late else "broken")
            raise

    async def _started(self) -> DojoProcess:
        config = self._pool.config
        if (dojo := self._dojo) is not None:
            age = asyncio.get_running_loop().time() - dojo.born
            if dojo.alive and dojo.steps < config.life_steps and age < config.life_seconds:
                return dojo
            await self._discard("worn" if dojo.alive else "broken")
        try:
            self._dojo, first = await DojoProcess.start(config, self._theorem, self._limits)
        except DojoEndedError as error:
            self._pool.ends["late" if error.late else "broken"] += 1
            raise DojoEndedError(str(error)) from None  # no tactic timed out
        except DojoUnavailableError as error:
            raise DojoEndedError(str(error)) from None
        if first.kind != "state":
            await self._discard("broken")
            raise DojoEndedError("it did not begin with a goal")
        self._states = {(): first.state}
        self._goals = _split(first.goals)
        return self._dojo

    async def _discard(self, why: str) -> None:
        dojo, self._dojo, self._states = self._dojo, None, {}
        if dojo is not None:
            self._pool.ends[why] += 1
            await dojo.close()

    def _remember(self, script: tuple[str, ...], state: int) -> None:
        if len(self._states) < _MOST_STATES:
            self._states[script] = state

    def _ended(self, error: DojoEndedError) -> Step:
        return _failed(VerdictKind.TIMEOUT if error.late else VerdictKind.INFRASTRUCTURE, str(error))


def _tactic(block: str) -> str:
    """Join a tactic block into the single tactic that LeanDojo takes per step."""
    if "\n" not in block and ";" not in block:
        return block.strip()
    return f"(\n{textwrap.indent(textwrap.dedent(block), '  ')}\n)"


def _split(goals: str) -> tuple[str, ...]:
    return tuple(goal for goal in re.split(r"\n\n+", goals) if "⊢" in goal)


def _refused(answer: TacticAnswer) -> Step:
    if answer.kind == "given_up":
        return _failed(VerdictKind.INCOMPLETE, "the proof contains `sorry`")
    return _failed(VerdictKind.REJECTED, answer.text)


def _failed(kind: VerdictKind, text: str) -> Step:
    return Step(kind, None, (Message("error", text[:4_000]),))
