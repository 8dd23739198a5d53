"""One client's view of a pool: texts that must not run in shared workers go to quarantine.

Also groups the requests of one client.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Self, TypeVar, cast

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Named, TermShape
from prover.lean.wire.checks import InvalidTextError, NoAnswerError, invalid_text_verdict
from prover.lean.wire.library import Constant
from prover.lean.wire.lines import Request
from prover.lean.workers.isolation import whole
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.isolation.turns import Stays
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.questions import StatementQuestions
from prover.theorem import Header, Theorem
from prover.verdict import Message, Region, Verdict, VerdictKind

T = TypeVar("T")

_REMEMBERED = 1024
_OF_STATEMENTS = ("elaborate", "screen", "negation", "shape")


class PoolClient(StatementQuestions):
    """One client's access to a pool, or the access of one request. Use it as an async context manager.

    Every question goes to the shared workers first. If they refuse it only because its code must not run there, it goes
    to elaborators of this client alone. These start on demand, and end with the context, after an idle time, or between
    two uses when other clients have waited long enough.
    """

    def __init__(self, pool: LeanPool, contain: bool = True) -> None:
        """Create the client; nothing is started.

        Args:
            pool: the shared workers.
            contain: whether to use quarantine; without it, texts refused by the workers stay FORBIDDEN.
        """
        self._pool = pool
        self._contain = contain
        self._stays: Stays | None = None
        self._sealable: set[object] = set()
        self._contained: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def close(self) -> None:
        """End this client's processes."""
        self._contain = False
        if self._stays is not None:
            await self._stays.close()

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

    def checking(self, checker: Checker, within: Callable[[Quarantine], Checker] | None = None) -> Checker:
        """Return a checker that falls back to this client's quarantine.

        Args:
            checker: checks in processes that run only listed code.
            within: wraps the quarantine in a checker, if its own verdict is not wanted.
        """
        return _Checking(self, checker, within)

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        return await self.check_first_in(self._pool, theorem, candidate, terms)

    async def check_first_in(
        self,
        listed: Checker,
        theorem: Theorem,
        candidate: Candidate,
        terms: Terms,
        within: Callable[[Quarantine], Checker] | None = None,
    ) -> Verdict:
        """Check as `check` does, first with `listed`, then with the shared workers, with quarantine as in
        `checking`.
        """
        refused: Verdict | None = None
        if not self._is_contained(theorem):
            refused = await listed.check(theorem, candidate, terms)
            if not (self._contain and refused.containable):
                return refused
            if any(message.region is not Region.CANDIDATE for message in refused.messages):
                self._remember(theorem)
        given, unstated = candidate.text, not theorem.statement
        if unstated:
            theorem, candidate, terms = whole.as_theorem(theorem, candidate, terms)
        try:
            async with self._in_quarantine(theorem) as (quarantine, canonical):
                contained: Checker = within(quarantine) if within else quarantine
                verdict = await contained.check(canonical, candidate, terms)
        except RuntimeUnavailableError as error:
            reason = Message("error", f"there is no quarantine here: {error}", Region.CANDIDATE)
            mode, policy = candidate.mode, terms.policy
            refused = refused or Verdict(VerdictKind.FORBIDDEN, mode=mode, policy=policy)
            return replace(refused, messages=(*refused.messages, reason))
        except InvalidTextError as error:
            return invalid_text_verdict(error, candidate.mode, terms.policy)
        if unstated:
            verdict = whole.within(given, verdict)
        self._pool.tell(verdict)
        return self._pool.pointing_back(theorem, verdict)

    async def answered(self, make: Callable[[Theorem], Request[T]], theorem: Theorem, terms: Terms) -> T:
        """See `StatementQuestions.answered`: the shared workers first, then quarantine."""
        if not self._is_contained(theorem):
            answer = await self._pool.answered(make, theorem, terms)
            if not (self._contain and getattr(answer, "containable", False)):
                return answer
            if make(theorem).op in _OF_STATEMENTS:
                self._remember(theorem)
        try:
            async with self._in_quarantine(theorem) as (quarantine, canonical):
                return self._pool.pointing_back(theorem, await quarantine.answered(make, canonical, terms))
        except RuntimeUnavailableError as error:
            request = make(theorem)
            refused: Any = request.failed(VerdictKind.FORBIDDEN, f"there is no quarantine here: {error}", 0.0)
            region = Region.STATEMENT if request.op in _OF_STATEMENTS else Region.CANDIDATE
            return cast(T, replace(refused, messages=tuple(replace(one, region=region) for one in refused.messages)))

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> tuple[Named, ...]:
        """See `StatementQuestions.names`."""
        try:
            return await super().names(theorem, terms)
        except NoAnswerError as error:
            if error.kind is not VerdictKind.FORBIDDEN or self._is_contained(theorem):
                raise
            await self.elaborate(theorem, terms)  # determines whether quarantine is needed
            if not self._is_contained(theorem):
                raise
            return await super().names(theorem, terms)

    async def shape(self, theorem: Theorem, pattern: str | None = None, terms: Terms = DEFAULT_TERMS) -> TermShape:
        """See `StatementQuestions.shape`. A pattern is never elaborated in quarantine: there, the statement's shape answers."""
        if pattern is None or self._is_contained(theorem):
            return await super().shape(theorem, None, terms)
        return await self._pool.shape(theorem, pattern, terms)

    async def stuck(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> str | None:
        """See `LibraryQuestions.stuck`; None for theorems that only quarantine can elaborate."""
        return None if self._is_contained(theorem) else await self._pool.stuck(theorem, terms)

    async def constant(self, name: str, header: Header | None = None, terms: Terms = DEFAULT_TERMS) -> Constant | None:
        """See `LibraryQuestions.constant`: the shared workers answer, because the lookup runs no client code."""
        return await self._pool.constant(name, header, terms)

    async def constants(
        self, theorem: Theorem, names: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> tuple[Constant, ...]:
        """See `LibraryQuestions.constants`: the shared workers answer, under the header alone."""
        return await self._pool.constants(replace(theorem, context="", statement=""), names, terms)

    def starting(self, theorem: Theorem) -> str:
        """Describe, as a clause for users, what an unanswered question about a theorem waits for, if Lean is being
        started for it; otherwise empty.
        """
        if self._is_contained(theorem):
            return "a process of Lean starts for this theorem alone, because of its imports or its code"
        if self._pool.starts_for(theorem):
            return "Lean starts with these imports; the first start with them takes longest"
        return ""

    def _is_contained(self, theorem: Theorem) -> bool:
        """Whether the shared workers are known to refuse the theorem itself."""
        if not self._contain:
            return False
        return (theorem.digest, theorem.project) in self._contained or self._pool.only_contained(theorem)

    def _remember(self, theorem: Theorem) -> None:
        self._contained[theorem.digest, theorem.project] = None
        if len(self._contained) > _REMEMBERED:
            self._contained.popitem(last=False)

    @contextlib.asynccontextmanager
    async def _in_quarantine(self, theorem: Theorem) -> AsyncIterator[tuple[Quarantine, Theorem]]:
        """Return this client's elaborators for the theorem's project and imports, and the canonical theorem; waits for
        a place if needed.

        Raises:
            RuntimeUnavailableError: quarantine is not possible here.
        """
        place = await self._pool.place(theorem)
        canonical = self._pool.canonical(theorem)
        key = place, place.key(canonical)
        if key not in self._sealable:
            await place.sealable(canonical)
            self._sealable.add(key)
        if not self._contain:
            raise RuntimeUnavailableError("this client is gone")
        self._stays = self._stays or Stays(self._pool.turns, self._pool.idle_seconds)
        stay = await self._stays.enter()
        try:
            if key not in stay.quarantines:
                stay.quarantines[key] = place.quarantine(canonical)
            yield stay.quarantines[key], canonical
        finally:
            self._stays.leave(stay)


class _Checking:
    def __init__(self, client: PoolClient, checker: Checker, within: Callable[[Quarantine], Checker] | None) -> None:
        self._client = client
        self._checker = checker
        self._within = within

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        return await self._client.check_first_in(self._checker, theorem, candidate, terms, self._within)


_MOST_SCOPES = 64


class Scope:
    """The resources that requests of one client share, for each pool they use.

    Nothing is started before it is needed.
    """

    def __init__(self) -> None:
        """Create an empty scope."""
        self._clients: dict[LeanPool, PoolClient] = {}

    def client(self, pool: LeanPool, contain: bool) -> PoolClient:
        """Return this client's view of `pool`."""
        if pool not in self._clients:
            self._clients[pool] = PoolClient(pool, contain)
        return self._clients[pool]

    async def close(self) -> None:
        """End the processes of this client."""
        for client in self._clients.values():
            await client.close()


SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)
"""The scope of the current task; None: requests share nothing."""


@contextlib.asynccontextmanager
async def one_client() -> AsyncIterator[None]:
    """Open a scope: requests inside share their elaborators. Inside another scope, that scope's are used."""
    if SCOPE.get() is not None:
        yield
        return
    scope = Scope()
    SCOPE.set(scope)
    try:
        yield
    finally:
        SCOPE.set(None)
        await scope.close()


class Scopes:
    """Scopes by name: requests with the same name share a scope at any time."""

    def __init__(self) -> None:
        """Create an empty registry."""
        self._scopes: OrderedDict[str, tuple[Scope, set[object]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """Context in which requests share the elaborators of all requests of this name, unless they are in a scope
        already.
        """
        if SCOPE.get() is not None:
            yield
            return
        scope, users = self._scopes.setdefault(name, (Scope(), set()))
        self._scopes.move_to_end(name)
        user = object()
        users.add(user)
        SCOPE.set(scope)
        try:
            yield
        finally:
            SCOPE.set(None)
            users.discard(user)
            await self._forget()

    async def close(self) -> None:
        """End the processes of all scopes."""
        scopes = [scope for scope, _ in self._scopes.values()]
        self._scopes.clear()
        await asyncio.gather(*(scope.close() for scope in scopes))

    async def _forget(self) -> None:
        """Close the least recently used scopes. Idle scopes have no processes; this only bounds their number."""
        unused = [name for name, (_, users) in self._scopes.items() if not users]
        for name in unused[: max(0, len(self._scopes) - _MOST_SCOPES)]:
            scope, _ = self._scopes.pop(name)
            await scope.close()
