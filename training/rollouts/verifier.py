"""Checks proofs in parallel with the main thread, which samples and trains meanwhile."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.client import PoolClient
from prover.lean.workers.lean_pool import LeanPool
from prover.verdict import Limits, Verdict, VerdictKind
from training.corpus.record import TheoremRecord
from training.rollouts.verdicts import CacheCounts, VerdictCache, checker_version
from training.run.interruption import PartnerLostError

_ATTEMPTS = 3


class VerifierGoneError(PartnerLostError):
    """Lean stopped answering; the text gives the reason."""


class Verifier:
    """A pool of Lean workers and a cache of verdicts, in a thread. Use it as a context manager."""

    def __init__(self, make_pool: Callable[[], LeanPool], cache: Path | None, limits: Limits) -> None:
        """Create the verifier; nothing is started.

        Args:
            make_pool: creates the pool of workers, which this object starts and closes.
            cache: file of verdicts, shared with other runs, one at a time. None: no cache, and each verdict includes
                Lean's messages.
            limits: limits of each check.
        """
        self._make_pool = make_pool
        self._path = cache
        self._limits = limits
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="verifier", daemon=True)
        self._pool: LeanPool | None = None
        self._client: PoolClient | None = None
        self._cache: VerdictCache | None = None
        self._checks: set[asyncio.Task[Verdict]] = set()

    def __enter__(self) -> Self:
        """Start the workers; returns when the first is warm.

        Raises:
            PoolUnavailableError: none can be started.
            JournalError: the file has other content, or another run uses it.
        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """Cancel running checks and end all workers."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def counts(self) -> CacheCounts:
        """Counts of cached and new verdicts."""
        assert self._cache is not None
        return self._cache.counts

    def check(self, record: TheoremRecord, proof: str) -> "Future[Verdict]":
        """Start to check a proof; returns at once. The same proof of the same theorem is checked once.

        The future raises `VerifierGoneError` if Lean repeatedly gives no answer, and `OSError` if the verdict cannot be
        stored.
        """
        return asyncio.run_coroutine_threadsafe(self._tracked(record, proof), self._loop)

    async def _start(self) -> None:
        self._pool = self._make_pool()
        await self._pool.start()
        self._client = PoolClient(self._pool)
        if self._path is not None:
            self._cache = VerdictCache(self._client, self._path, await checker_version(self._pool))
        # More would only wait in the pool's bounded queue.
        self._slots = asyncio.Semaphore(4 * self._pool.size)

    async def _stop(self) -> None:
        checks = list(self._checks)
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()
        if self._pool is not None:
            await self._pool.close()
        if self._cache is not None:
            self._cache.close()

    async def _tracked(self, record: TheoremRecord, proof: str) -> Verdict:
        check = asyncio.create_task(self._check(record, proof))
        self._checks.add(check)
        try:
            return await check
        finally:
            self._checks.discard(check)

    async def _check(self, record: TheoremRecord, proof: str) -> Verdict:
        checker = self._client if self._cache is None else self._cache
        assert checker is not None
        candidate = Candidate(proof, source="rollout")
        async with self._slots:
            for attempt in range(_ATTEMPTS):
                await asyncio.sleep(attempt)
                verdict = await checker.check(record.theorem, candidate, Terms(self._limits, record.policy))
                if verdict.kind is not VerdictKind.INFRASTRUCTURE:
                    return verdict
        reasons = "; ".join(message.text for message in verdict.messages)
        raise VerifierGoneError(f"Lean gave no answer {_ATTEMPTS} times in a row: {reasons or 'no reason was given'}")
