"""Who calls: what the interceptor finds out and the rest of the service may ask."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a client may do. `prove` includes `check`; `admin` includes both."""

    PROVE = "prove"
    CHECK = "check"
    ADMIN = "admin"


_INCLUDED = {
    Role.CHECK: frozenset({Role.CHECK}),
    Role.PROVE: frozenset({Role.PROVE, Role.CHECK}),
    Role.ADMIN: frozenset(Role),
}


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of the service one client may take; None: as the settings say.

    Attributes:
        calls: at once.
        calls_per_minute: begun within a minute.
        lean_seconds_per_hour: checking time.
        samples_per_hour: candidates sampled.
    """

    calls: int | None = None
    calls_per_minute: int | None = None
    lean_seconds_per_hour: float | None = None
    samples_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A client.

    Attributes:
        name: of its token, else the common name of its certificate, else `peer:` and its host. Never a secret.
        roles: what it was given.
    """

    name: str
    roles: frozenset[Role]
    quota: Quota = Quota()

    def may(self, role: Role) -> bool:
        """Whether one of its roles includes `role`."""
        return any(role in _INCLUDED[own] for own in self.roles)


ANYONE = Identity("local", frozenset(Role))
"""The caller where the server does not authenticate: this process itself."""

CALLER: ContextVar[Identity] = ContextVar("caller", default=ANYONE)
"""Who makes the call that this task answers."""
