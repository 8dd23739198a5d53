"""One client's view of a pool: what must not run in the workers that all share goes into quarantine."""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Elaboration, Named, SorryGoals, TacticStep
from prover.lean.wire.protocol import InvalidTextError, NoAnswerError, invalid_text_verdict
from prover.lean.workers.quarantine import Quarantine
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Region, Verdict, VerdictKind

if TYPE_CHECKING:
    from prover.lean.workers.pool import WorkerPool

_REMEMBERED = 1024

_NOTHING = "theorem _root_.leansieve_whole : True"


class Client:
    """What one client, or one request of it, asks of a pool. Use it as an async context manager.

    Every question goes to the shared workers first. What they refuse only because its code must not run there is asked
    again in elaborators that nobody else uses; they are started when they are needed and end with the context.
    """

    def __init__(self, pool: "WorkerPool", contain: bool = True) -> None:
        """Nothing is started.

        Args:
            pool: the shared workers.
            contain: whether there is quarantine; False: what the workers refuse stays FORBIDDEN.
        """
        self._pool = pool
        self._contain = contain
        self._quarantines: dict[tuple[WorkerPool, tuple[str, ...]], Quarantine] = {}
        self._opening = asyncio.Lock()
        self._held = contextlib.AsyncExitStack()
        self._contained: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def close(self) -> None:
        """End this client's processes."""
        async with self._opening:
            self._contain = False
            await asyncio.gather(*(quarantine.close() for quarantine in self._quarantines.values()))
            self._quarantines = {}
            await self._held.aclose()

    async def __aenter__(self) -> Self:
        """Nothing to do."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.close()

    @property
    def size(self) -> int:
        """Most checks at once."""
        return self._pool.size

    def checking(self, checker: Checker) -> Checker:
        """`checker`, which checks in the shared workers, with this client's quarantine behind it."""
        return _Checking(self, checker)

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        return await self.check_first_in(self._pool, theorem, candidate, terms)

    async def check_first_in(self, listed: Checker, theorem: Theorem, candidate: Candidate, terms: Terms) -> Verdict:
        """As `check`, with the shared workers behind `listed`."""
        refused: Verdict | None = None
        if not self._is_contained(theorem):
            refused = await listed.check(theorem, candidate, terms)
            if not (self._contain and refused.containable):
                return refused
            if any(message.region is not Region.CANDIDATE for message in refused.messages):
                self._remember(theorem)
        if not theorem.statement:
            theorem, candidate, terms = _whole(theorem, candidate, terms)
        try:
            quarantine = await self._quarantine(theorem)
            canonical = self._pool.canonical(theorem)
            verdict = await quarantine.check(canonical, candidate, terms)
        except RuntimeUnavailableError as error:
            reason = Message("error", f"there is no quarantine here: {error}", Region.CANDIDATE)
            mode, policy = candidate.mode, terms.policy
            refused = refused or Verdict(VerdictKind.FORBIDDEN, mode=mode, policy=policy)
            return replace(refused, messages=(*refused.messages, reason))
        except InvalidTextError as error:
            return invalid_text_verdict(error, candidate.mode, terms.policy)
        self._pool.tell(verdict)
        return self._pool.pointing_back(theorem, verdict)

    async def elaborate(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> Elaboration:
        """See `WorkerPool.elaborate`."""
        if not self._is_contained(theorem):
            answer = await self._pool.elaborate(theorem, terms)
            if not (self._contain and answer.containable):
                return answer
            self._remember(theorem)
        try:
            quarantine = await self._quarantine(theorem)
        except RuntimeUnavailableError as error:
            reason = Message("error", f"there is no quarantine here: {error}", Region.STATEMENT)
            return Elaboration(VerdictKind.FORBIDDEN, messages=(reason,))
        return self._pool.pointing_back(theorem, await quarantine.elaborate(self._pool.canonical(theorem), terms))

    async def goals(
        self, theorem: Theorem, text: str, terms: Terms = DEFAULT_TERMS, mode: Mode = Mode.PROOF
    ) -> SorryGoals:
        """See `WorkerPool.goals`."""
        if not self._is_contained(theorem):
            answer = await self._pool.goals(theorem, text, terms, mode)
            if not (self._contain and answer.containable):
                return answer
        try:
            quarantine = await self._quarantine(theorem)
        except RuntimeUnavailableError as error:
            return SorryGoals(VerdictKind.FORBIDDEN, messages=(Message("error", str(error)),))
        return self._pool.pointing_back(
            theorem, await quarantine.goals(self._pool.canonical(theorem), text, terms, mode)
        )

    async def tactic(
        self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = DEFAULT_TERMS
    ) -> TacticStep:
        """See `WorkerPool.tactic`."""
        if not self._is_contained(theorem):
            answer = await self._pool.tactic(theorem, script, step, terms)
            if not (self._contain and answer.containable):
                return answer
        try:
            quarantine = await self._quarantine(theorem)
        except RuntimeUnavailableError as error:
            return TacticStep(VerdictKind.FORBIDDEN, messages=(Message("error", str(error)),))
        canonical = self._pool.canonical(theorem)
        return self._pool.pointing_back(theorem, await quarantine.tactic(canonical, script, step, terms))

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> tuple[Named, ...]:
        """See `WorkerPool.names`."""
        if not self._is_contained(theorem):
            return await self._pool.names(theorem, terms)
        try:
            quarantine = await self._quarantine(theorem)
        except RuntimeUnavailableError as error:
            raise NoAnswerError(VerdictKind.FORBIDDEN, str(error)) from None
        return await quarantine.names(self._pool.canonical(theorem), terms)

    def _is_contained(self, theorem: Theorem) -> bool:
        """Whether the shared workers are known to refuse the theorem itself."""
        return self._contain and (theorem.digest, theorem.project) in self._contained

    def _remember(self, theorem: Theorem) -> None:
        self._contained[theorem.digest, theorem.project] = None
        if len(self._contained) > _REMEMBERED:
            self._contained.popitem(last=False)

    async def _quarantine(self, theorem: Theorem) -> Quarantine:
        """This client's elaborators for the theorem's project and imports; the first ones wait for their turn.

        Raises:
            RuntimeUnavailableError: there can be none here.
        """
        place = await self._pool.place(theorem)
        canonical = self._pool.canonical(theorem)
        key = place, place.key(canonical)
        async with self._opening:
            if key not in self._quarantines:
                await place.sealable(canonical)
                if not self._quarantines:
                    await self._held.enter_async_context(self._pool.quarantines)
                self._quarantines[key] = place.quarantine(canonical)
            return self._quarantines[key]


class _Checking:
    def __init__(self, client: Client, checker: Checker) -> None:
        self._client = client
        self._checker = checker

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        return await self._client.check_first_in(self._checker, theorem, candidate, terms)


def _whole(theorem: Theorem, candidate: Candidate, terms: Terms) -> tuple[Theorem, Candidate, Terms]:
    """A text without a statement as a proof of something: what is judged is all that it declares."""
    text = f"{candidate.text}\n\n{_NOTHING} := trivial\n"
    policy = replace(terms.policy, whole=True)
    return replace(theorem, statement=_NOTHING), replace(candidate, text=text), replace(terms, policy=policy)
