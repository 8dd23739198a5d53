"""Identity of callers: set by the interceptor, read by the rest of the service."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Permissions of a client. `prove` includes `check`; `admin` includes both."""

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
    """Usage limits of one client; None: as in the settings.

    Attributes:
        calls: concurrent calls.
        calls_per_minute: calls started per minute.
        lean_seconds_per_hour: checking time per hour in seconds.
        samples_per_hour: sampled candidates per hour.
    """

    calls: int | None = None
    calls_per_minute: int | None = None
    lean_seconds_per_hour: float | None = None
    samples_per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """A client.

    Attributes:
        name: name of its token, otherwise the common name of its certificate, otherwise `peer:` and its host. Never a
            secret.
        roles: its roles.
    """

    name: str
    roles: frozenset[Role]
    quota: Quota = Quota()

    def may(self, role: Role) -> bool:
        """Whether one of its roles includes `role`."""
        return any(role in _INCLUDED[granted] for granted in self.roles)


class Refusal(StrEnum):
    """The reason why a call is refused."""

    NO_TOKEN = "no_token"
    UNKNOWN_TOKEN = "unknown_token"
    EXPIRED_TOKEN = "expired_token"
    NOT_ALLOWED = "not_allowed"


ANYONE = Identity("local", frozenset(Role))
"""The caller if the server does not authenticate: this process itself."""

CALLER: ContextVar[Identity] = ContextVar("caller", default=ANYONE)
"""The caller of the current task's call."""
