"""A share of verdicts is asked again of another host, so that a host that lies is found out (docs/cluster.md)."""

import logging
import random
from collections import Counter
from enum import StrEnum

from prover.verdict import Message, Verdict, VerdictKind

_log = logging.getLogger(__name__)

_SAID = {
    VerdictKind.VERIFIED,
    VerdictKind.REJECTED,
    VerdictKind.INCOMPLETE,
    VerdictKind.FORBIDDEN,
    VerdictKind.STATEMENT_CHANGED,
    VerdictKind.AXIOM_NOT_ALLOWED,
    VerdictKind.INVALID_STATEMENT,
}
"""Verdicts on the proof. How long one took and what memory there was may differ between hosts."""


class Outcome(StrEnum):
    """What came of asking another host."""

    AGREED = "agreed"
    DISAGREED = "disagreed"
    UNDECIDED = "undecided"
    """There was no other host, or it came to no verdict on the proof."""


class Recheck:
    """Which verdicts are asked again, and what becomes of them.

    Attributes:
        counts: of those asked again so far.
    """

    def __init__(self, share: float) -> None:
        """Ask again for `share` of the verdicts, and for all of hosts that have been in a disagreement."""
        self._share = share
        self._chance = random.SystemRandom()  # hosts cannot foresee it
        self._suspects: set[str] = set()
        self.counts: Counter[Outcome] = Counter()

    def due(self, verdict: Verdict, host: str) -> bool:
        """Whether this verdict of a host is asked again."""
        return verdict.kind in _SAID and (host in self._suspects or self._chance.random() < self._share)

    def settle(self, verdict: Verdict, host: str, second: Verdict | None, other: str) -> Verdict:
        """The verdict that is given: INFRASTRUCTURE where the hosts disagree, or where a suspect is not confirmed.

        Args:
            verdict: that of `host`.
            second: that of the `other` host; None if there is none.
        """
        if second is None or second.kind not in _SAID:
            self.counts[Outcome.UNDECIDED] += 1
            if host not in self._suspects:
                return verdict
            return _without_verdict(verdict, f"host {host} has been in a disagreement, and no other host confirms it")
        if _meaning(verdict) == _meaning(second):
            self.counts[Outcome.AGREED] += 1
            return verdict
        self.counts[Outcome.DISAGREED] += 1
        self._suspects |= {host, other}
        said = f"host {host} says {verdict.kind.name}, host {other} {second.kind.name}"
        _log.critical("hosts disagree on a proof: %s; all that they say is asked of another host from now on", said)
        return _without_verdict(verdict, f"the hosts of the cluster disagree: {said}")


def _meaning(verdict: Verdict) -> tuple[object, ...]:
    """What two honest hosts say alike: why a proof is none may depend on their clocks."""
    return (True, verdict.theorem, sorted(verdict.axioms)) if verdict.verified else (False,)


def _without_verdict(verdict: Verdict, reason: str) -> Verdict:
    messages = (Message("error", reason),)
    return Verdict(VerdictKind.INFRASTRUCTURE, mode=verdict.mode, policy=verdict.policy, messages=messages)
