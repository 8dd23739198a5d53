"""A cache of verdicts: no proof of a theorem is checked twice, in any run and for any model.

Proofs are equal according to `prover.search.diversity.normalise`. One JSON line per verdict is appended as it arrives:

    ["first 32 hex digits of the key", "rejected", 0]

A verified proof's line ends with the digest of its term, if there is one. The key is a hash of theorem, proof, mode,
policy, Lean's limits and the version of the checker, so that a file may hold verdicts of different settings. Verdicts
that say nothing about the proof (a time-out on a busy machine, a killed worker) are not stored.
"""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.vetting import allow_list
from prover.lean.workers.lean_pool import LeanPool
from prover.search.diversity import normalise
from prover.theorem import Theorem
from prover.verdict import Mode, Trust, Verdict, VerdictKind
from training.journal import Journal, JournalError

_NO_FACTS = frozenset(
    {VerdictKind.TIMEOUT, VerdictKind.OUT_OF_RESOURCES, VerdictKind.INFRASTRUCTURE, VerdictKind.KERNELS_DISAGREE}
)


@dataclass(slots=True)
class CacheCounts:
    """Counts of a cache since it was opened.

    Attributes:
        known: answered from the cache.
        joined: answered together with a concurrent identical request.
        asked: answered by the checker.
    """

    known: int = 0
    joined: int = 0
    asked: int = 0


@dataclass(eq=False, slots=True)
class _Asked:
    task: asyncio.Task[Verdict]
    waiting: int = 0


class VerdictCache:
    """A `Checker` that caches the verdicts of another one.

    A cached verdict has kind, trust and term; messages, axioms and timings are not stored.
    """

    def __init__(self, checker: Checker, path: Path, version: str = "") -> None:
        """Read the file, and append new verdicts to it.

        Args:
            checker: checks proofs that are not in the cache.
            path: path of the file, which is created if missing.
            version: version of the checker; verdicts of other versions are ignored.

        Raises:
            JournalError: the file has other content, or another process writes to it.
        """
        self._checker = checker
        self._version = version
        self._known: dict[bytes, tuple[VerdictKind, Trust, str]] = {}
        self._asked: dict[bytes, _Asked] = {}
        self.counts = CacheCounts()
        self._journal = Journal(path)
        try:
            self._read()
        except JournalError:
            self._journal.close()
            raise

    def __len__(self) -> int:
        """Number of cached verdicts."""
        return len(self._known)

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`. Concurrent identical requests are merged; the check is cancelled when no caller waits
        for it.
        """
        key = self._key(theorem, candidate, terms)
        if (found := self.known(theorem, candidate, terms)) is not None:
            self.counts.known += 1
            return found
        asked = self._asked.get(key)
        if asked is None:
            self.counts.asked += 1
            task = asyncio.create_task(self._ask(key, theorem, candidate, terms))
            asked = self._asked[key] = _Asked(task)
        else:
            self.counts.joined += 1
        asked.waiting += 1
        try:
            return await asyncio.shield(asked.task)
        finally:
            asked.waiting -= 1
            if not asked.waiting:
                asked.task.cancel()
                if self._asked.get(key) is asked:
                    del self._asked[key]

    def known(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict | None:
        """Return the verdict if it is in the cache, without a check otherwise."""
        found = self._known.get(self._key(theorem, candidate, terms))
        return None if found is None else Verdict(found[0], found[1], candidate.mode, terms.policy, term=found[2])

    def close(self) -> None:
        """Close and unlock the file."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    async def _ask(self, key: bytes, theorem: Theorem, candidate: Candidate, terms: Terms) -> Verdict:
        verdict = await self._checker.check(theorem, candidate, terms)
        if verdict.kind not in _NO_FACTS:
            self._known[key] = (verdict.kind, verdict.trust, verdict.term)
            term = [verdict.term] if verdict.term else []
            self._journal.append(json.dumps([key.hex(), verdict.kind, verdict.trust, *term]))
        return verdict

    def _key(self, theorem: Theorem, candidate: Candidate, terms: Terms) -> bytes:
        # For a whole file, the exact text is the key: `normalise` only understands proofs.
        text = normalise(candidate.text) if candidate.mode is Mode.PROOF else candidate.text
        limits, policy = terms.limits, terms.policy
        settings = [policy.guard, policy.axioms, policy.kinds, limits.heartbeats, limits.recursion, self._version]
        parts = json.dumps([theorem.digest, candidate.mode, text, *settings])
        return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).digest()[:16]

    def _read(self) -> None:
        for number, line in self._journal.lines():
            try:
                key, kind, trust, *term = json.loads(line)
                self._known[bytes.fromhex(key)] = (VerdictKind(kind), Trust(trust), str(*term))
            except (ValueError, TypeError):
                raise JournalError(f"{self._journal.path}:{number}: this is not a line of a verdict cache.") from None


async def checker_version(pool: LeanPool) -> str:
    """Return everything other than the request that affects a verdict of this pool: Lean, the worker and the
    allow-list.
    """
    await pool.ready()
    vetting = json.dumps(allow_list(), sort_keys=True, default=sorted)
    return f"{pool.lean_version} {pool.worker_version} {hashlib.sha256(vetting.encode()).hexdigest()[:16]}"
