"""Repeats a share of verdicts on another host, in order to detect hosts that lie (docs/cluster.md)."""

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
"""Verdicts on the proof itself, as opposed to time and memory, which may differ between hosts."""


class Outcome(StrEnum):
    """The result of repeating a verdict on another host."""

    AGREED = "agreed"
    DISAGREED = "disagreed"
    UNDECIDED = "undecided"
    """There was no other host, or it reached no verdict on the proof."""


class Recheck:
    """Selects verdicts to repeat and compares the results.

    Attributes:
        counts: number of repeated verdicts by outcome.
    """

    def __init__(self, share: float) -> None:
        """Repeat a `share` of verdicts, and all verdicts of hosts that took part in a disagreement."""
        self._share = share
        self._chance = random.SystemRandom()  # unpredictable for hosts
        self._suspects: set[str] = set()
        self.counts: Counter[Outcome] = Counter()

    def due(self, verdict: Verdict, host: str) -> bool:
        """Whether to repeat this verdict of a host."""
        return verdict.kind in _SAID and (host in self._suspects or self._chance.random() < self._share)

    def settle(self, verdict: Verdict, host: str, second: Verdict | None, other: str) -> Verdict:
        """Return the final verdict: INFRASTRUCTURE if the hosts disagree, or if the verdict of a suspect host is not
        confirmed.

        Args:
            verdict: verdict of `host`.
            second: verdict of the `other` host; None if there is none.
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
        disagreement = f"host {host} says {verdict.kind.name}, host {other} {second.kind.name}"
        _log.critical(
            "hosts disagree on a proof: %s; all their verdicts are repeated on another host from now on", disagreement
        )
        return _without_verdict(verdict, f"the hosts of the cluster disagree: {disagreement}")


def _meaning(verdict: Verdict) -> tuple[object, ...]:
    """Return the part of a verdict on which honest hosts agree; the reason of a failure may depend on their clocks."""
    return (True, verdict.theorem, sorted(verdict.axioms)) if verdict.verified else (False,)


def _without_verdict(verdict: Verdict, reason: str) -> Verdict:
    messages = (Message("error", reason),)
    return Verdict(VerdictKind.INFRASTRUCTURE, mode=verdict.mode, policy=verdict.policy, messages=messages)
