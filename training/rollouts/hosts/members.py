"""Which hosts sample: their processes are begun, come up, are lost, and are replaced wherever the cluster has room."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prover.sampling.sampler import SamplerUnavailableError
from training.rollouts.hosts.host import Files
from training.run.interruption import PartnerLostError

RESOURCE = "sampler"
_PLACE_SECONDS = 60.0  # for a process to come up somewhere
_LOAD_SECONDS = 1_200.0  # for a model to be loaded
_END_SECONDS = 10.0
NO_HOST = (
    f"no host of the cluster has room for one that samples: start hosts with --resources '{{\"{RESOURCE}\": 1}}' "
    "(docs/cluster.md)"
)


class SamplersLostError(PartnerLostError):
    """No host samples any more; the text says why."""


@dataclass(eq=False, slots=True)
class Member:
    """A process on a host.

    Attributes:
        since: when its last question was put, by `time.monotonic`.
        version: of the weights that it was given last.
    """

    actor: Any
    since: float
    name: str = ""
    version: int = 0


class Members:
    """The processes that sample for one run.

    Attributes:
        idle: those without work.
    """

    def __init__(self, ray: Any, start: Callable[[], Any], wanted: int, report: Callable[[str], None]) -> None:
        """Nothing is begun yet.

        Args:
            start: asks Ray for another process, wherever there is room; returns at once.
            wanted: how many there shall be at once.
            report: takes a line of progress.
        """
        self._ray = ray
        self._start = start
        self._wanted = wanted
        self._report = report
        self.idle: list[Member] = []
        self._working: set[Member] = set()
        self._coming: dict[Any, Member] = {}
        self._refused = 0
        self._reason = ""
        self._hope_until = 0.0

    @property
    def pending(self) -> list[Any]:
        """References to wait for: `came` takes those that are there."""
        return list(self._coming)

    def open(self, files: Files) -> None:
        """Begin all of them, and wait for the first.

        Args:
            files: that each gets to load the model from.

        Raises:
            SamplerUnavailableError: none comes up, or none can serve the model; the text says why.
        """
        self._files = files
        if self._ray.cluster_resources().get(RESOURCE, 0) < 1:
            raise SamplerUnavailableError(NO_HOST)
        try:
            self.look()
            while not self.idle:
                for reference in self._ray.wait(self.pending, num_returns=1, timeout=1.0)[0]:
                    self.came(reference)
                self.look()
        except SamplersLostError as error:
            raise SamplerUnavailableError(str(error)) from None

    def look(self) -> None:
        """Begin those that are missing, give up those that do not come up.

        Raises:
            SamplersLostError: there is none, and none to hope for.
        """
        now = time.monotonic()
        for reference, member in list(self._coming.items()):
            if member.name and now - member.since > _LOAD_SECONDS:
                del self._coming[reference]
                self.lose(member, f"has not loaded the model for {_LOAD_SECONDS:g} s")
        if self.idle or self._working or any(member.name for member in self._coming.values()) or not self._hope_until:
            self._hope_until = now + _PLACE_SECONDS
        if self._refused >= self._wanted or now > self._hope_until:
            raise SamplersLostError(self._reason or NO_HOST)
        there = len(self.idle) + len(self._working) + len(self._coming) + self._refused
        for _ in range(self._wanted - there):
            member = Member(self._start(), now)
            self._coming[member.actor.where.remote()] = member

    def came(self, reference: Any) -> None:
        """A host has said where it is, or that its model is loaded, or has failed."""
        member = self._coming.pop(reference)
        try:
            said = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # it will not do another time, either
            self._refused += 1
            self._reason = f"host {member.name}: {_told(error)}"
            self._report(f"{self._reason}; the others go on" if self._refused < self._wanted else self._reason)
            self._end(member)
            return
        except self._ray.exceptions.RayError as error:
            self.lose(member, f"did not come up ({_told(error)})")
            return
        if member.name:
            self.idle.append(member)
            return
        member.name, member.since = said, time.monotonic()
        self._coming[member.actor.open.remote(self._files)] = member

    def taken(self) -> Member:
        """One without work, which now has some."""
        member = self.idle.pop(0)
        self._working.add(member)
        return member

    def free(self, member: Member) -> None:
        """Its work is done, or is not waited for any more."""
        self._working.discard(member)
        self.idle.append(member)

    def lose(self, member: Member, why: str) -> None:
        """Give a process up; another one takes its place."""
        self._working.discard(member)
        self._reason = f"host {member.name or 'of the cluster'} {why}"
        self._report(f"{self._reason}; another one is asked for")
        self._end(member)

    def close(self) -> None:
        """End all of them."""
        members: Sequence[Member] = [*self.idle, *self._working, *self._coming.values()]
        asked = [member.actor.close.remote() for member in members if member not in self._coming.values()]
        if asked:
            self._ray.wait(asked, num_returns=len(asked), timeout=_END_SECONDS)
        for member in members:
            self._end(member)
        self.idle, self._working, self._coming = [], set(), {}

    def _end(self, member: Member) -> None:
        self._ray.kill(member.actor)


def _told(error: Any) -> str:
    """The reason in an exception of Ray's, without the stack of another process."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception) and str(cause):
        return str(cause)
    return type(error).__name__
