"""The sampling hosts of a run: processes start, are lost, and are replaced wherever the cluster has capacity."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prover.sampling.sampler import SamplerUnavailableError
from training.rollouts.hosts.host import Files
from training.run.interruption import PartnerLostError

RESOURCE = "sampler"
_PLACE_SECONDS = 60.0  # for a process to start somewhere
_LOAD_SECONDS = 1_200.0  # for a model to load
_END_SECONDS = 10.0
NO_HOST = (
    f"no host of the cluster has room for one that samples: start hosts with --resources '{{\"{RESOURCE}\": 1}}' "
    "(docs/cluster.md)"
)


class SamplersLostError(PartnerLostError):
    """No sampling host is left; the text gives the reason."""


@dataclass(eq=False, slots=True)
class Member:
    """A process on a host.

    Attributes:
        since: time of its last request, by `time.monotonic`.
        version: version of its last weights.
    """

    actor: Any
    since: float
    name: str = ""
    version: int = 0


class Members:
    """The sampling processes of a run.

    Attributes:
        idle: those without work.
    """

    def __init__(self, ray: Any, start: Callable[[], Any], wanted: int, report: Callable[[str], None]) -> None:
        """Create the list; nothing is started.

        Args:
            start: requests another process from Ray, on any host with capacity; returns at once.
            wanted: number of processes.
            report: receives lines of progress.
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
        """References to wait for; pass completed ones to `came`."""
        return list(self._coming)

    def open(self, files: Files) -> None:
        """Start all processes and wait for the first.

        Args:
            files: files of the model for each process.

        Raises:
            SamplerUnavailableError: none starts, or none can serve the model; the text gives the reason.
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
        """Start missing processes, and give up those that do not start.

        Raises:
            SamplersLostError: there is none, and none can be expected.
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
        existing = len(self.idle) + len(self._working) + len(self._coming) + self._refused
        for _ in range(self._wanted - existing):
            member = Member(self._start(), now)
            self._coming[member.actor.where.remote()] = member

    def came(self, reference: Any) -> None:
        """Process a report of a host: its address, or the end or failure of loading."""
        member = self._coming.pop(reference)
        try:
            name = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:  # a retry would fail as well
            self._refused += 1
            self._reason = f"host {member.name}: {_told(error)}"
            self._report(f"{self._reason}; the others continue" if self._refused < self._wanted else self._reason)
            self._end(member)
            return
        except self._ray.exceptions.RayError as error:
            self.lose(member, f"did not come up ({_told(error)})")
            return
        if member.name:
            self.idle.append(member)
            self._reason = ""
            return
        member.name, member.since = name, time.monotonic()
        self._coming[member.actor.open.remote(self._files)] = member

    def taken(self) -> Member:
        """Return an idle process and mark it as busy."""
        member = self.idle.pop(0)
        self._working.add(member)
        return member

    def free(self, member: Member) -> None:
        """Mark a process as idle: its work is done or no longer needed."""
        self._working.discard(member)
        self.idle.append(member)

    def lose(self, member: Member, why: str) -> None:
        """Give a process up; another one replaces it."""
        self._working.discard(member)
        reason = f"host {member.name or 'of the cluster'} {why}"
        if member.name or not self._reason:  # a loss tells more than a replacement that did not start on any host
            self._reason = reason
        self._report(f"{reason}; another one is requested")
        self._end(member)

    def close(self) -> None:
        """End all processes."""
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
    """Return the reason in an exception of Ray's, without the remote stack trace."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception) and str(cause):
        return str(cause)
    return type(error).__name__
