"""Bearer tokens. The file holds hashes and permissions; a token itself is shown once, when it is created.

A token has 256 random bits, so a plain SHA-256 suffices: a slow hash would protect only guessable secrets. The file is
TOML with a `[[token]]` table for each, and is read again when it changes.
"""

import contextlib
import dataclasses
import hashlib
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock
from pydantic import AwareDatetime, Field, ValidationError, field_validator

from prover.atomic import atomic_write
from prover.errors import UserError
from service.auth.identity import Identity, Quota, Role
from service.ops.config.section import Section

PREFIX = "lsv_"
"""Prefix of tokens, for scanners that look for leaked ones."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class CallerToken(Section):
    """A token's entry in the file."""

    name: str
    """Name of the client, for logs and quotas; several tokens may share it during a rotation."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the token, in hexadecimal."""
    roles: tuple[Role, ...] = Field(min_length=1)
    """Roles of the client."""
    created: AwareDatetime
    """Time of creation."""
    expires: AwareDatetime | None = None
    """Time of expiry; never by default."""
    calls: int | None = Field(default=None, ge=1)
    """Concurrent calls."""
    calls_per_minute: int | None = Field(default=None, ge=1)
    """Calls started per minute."""
    lean_seconds_per_hour: float | None = Field(default=None, gt=0)
    """Checking time per hour in seconds."""
    samples_per_hour: int | None = Field(default=None, ge=1)
    """Sampled candidates per hour."""

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit")
        return name

    @property
    def identity(self) -> Identity:
        """Return the identity of callers with this token."""
        quota = Quota(self.calls, self.calls_per_minute, self.lean_seconds_per_hour, self.samples_per_hour)
        return Identity(self.name, frozenset(self.roles), quota)

    def valid(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


def digest(token: str) -> str:
    """Return the hash of a token, as stored in the file."""
    return hashlib.sha256(token.encode()).hexdigest()


def read(file: Path) -> Mapping[str, CallerToken]:
    """Return the tokens of a file by their hashes.

    Raises:
        UserError: it cannot be read; the text names the error and its place.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        tokens = [CallerToken.model_validate(table) for table in tables.pop("token", [])]
    except FileNotFoundError:
        raise UserError(f"there is no token file {file}: `leansieve token new NAME` makes one") from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the token file {file}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "token"
        raise UserError(f"the token file {file} has a bad {where}: {first['msg']}") from None
    if tables:
        raise UserError(f"the token file {file} has tables that are no [[token]]: {', '.join(map(repr, tables))}")
    return {token.sha256: token for token in tokens}


def new(
    file: Path, name: str, roles: Sequence[Role], expires: datetime | None = None, quota: Quota | None = None
) -> str:
    """Create a token, add its hash to the file, and return the token, which is not stored.

    Raises:
        UserError: the name or a number is invalid, or the file cannot be read or written.
    """
    token, entry = _made(name, roles, expires, quota or Quota())
    with _changing(file) as tokens:
        tokens.append(entry)
    return token


def rotate(file: Path, name: str, overlap: timedelta) -> str:
    """Create a token with the name, roles, quota and lifetime of the newest token of that name, which expires after
    `overlap`.

    All other tokens of that name expire then, too; without an overlap, they expire at once.

    Raises:
        UserError: the file cannot be read or written, or there is no token of that name.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with _changing(file) as tokens:
        old = max(_named(tokens, name, file), key=lambda token: token.created)
        expires = None if old.expires is None else now + (old.expires - old.created)
        token, entry = _made(name, old.roles, expires, old.identity.quota)
        end = now + overlap
        others = [
            each.model_copy(update={"expires": min(end, each.expires or end)}) if each.name == name else each
            for each in tokens
            if each.name != name or overlap > timedelta()
        ]
        tokens[:] = [*others, entry]
    return token


def revoke(file: Path, name: str, only: str = "") -> int:
    """Remove all tokens of that name from the file, or only the one whose hash begins with `only`; returns their
    number.

    Raises:
        UserError: the file cannot be read or written, or no token matches, or `only` matches several.
    """
    with _changing(file) as tokens:
        revoked = [token for token in _named(tokens, name, file) if token.sha256.startswith(only.rstrip("…"))]
        if not revoked:
            raise UserError(f"no token of {name!r} in {file} has a hash that begins with {only!r}: see `token list`")
        if only and len(revoked) > 1:
            raise UserError(f"{len(revoked)} tokens of {name!r} have a hash that begins with {only!r}: give more of it")
        tokens[:] = [token for token in tokens if token not in revoked]
    return len(revoked)


def set_quota(file: Path, name: str, quota: Quota) -> int:
    """Set the quota of all tokens of that name; returns their number.

    Raises:
        UserError: the file cannot be read or written, or there is no token of that name.
    """
    with _changing(file) as tokens:
        changed = _named(tokens, name, file)
        values = dataclasses.asdict(quota)
        tokens[:] = [token.model_copy(update=values) if token in changed else token for token in tokens]
    return len(changed)


def _named(tokens: Sequence[CallerToken], name: str, file: Path) -> list[CallerToken]:
    """Return the tokens of that name. Raises UserError if there is none."""
    found = [token for token in tokens if token.name == name]
    if not found:
        raise UserError(f"there is no token named {name!r} in {file}")
    return found


def _made(name: str, roles: Sequence[Role], expires: datetime | None, quota: Quota) -> tuple[str, CallerToken]:
    """Return a new token and its entry. Raises UserError if the name or a number is invalid."""
    token = PREFIX + secrets.token_urlsafe(32)
    try:
        return token, CallerToken(
            name=name,
            sha256=digest(token),
            roles=tuple(roles),
            created=datetime.now(UTC).replace(microsecond=0),
            expires=expires,
            **dataclasses.asdict(quota),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}") from None


@contextlib.contextmanager
def _changing(file: Path) -> Iterator[list[CallerToken]]:
    """Yield the tokens of a file, which are written back as a whole at the end; one writer at a time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=10):
            tokens = list(read(file).values()) if file.exists() else []
            yield tokens
            _write(file, tokens)
    except OSError as error:
        raise UserError(f"cannot write the token file {file}: {error.strerror or error}") from None


def _write(file: Path, tokens: Sequence[CallerToken]) -> None:
    """Write atomically. A new file is readable by its owner only; an existing one keeps owner and mode."""
    with atomic_write(file, 0o600, lasting=True) as stream:
        stream.write(b"# Hashes of bearer tokens; `leansieve token` writes this file.\n")
        stream.writelines(_table(token).encode() for token in tokens)


def _table(token: CallerToken) -> str:
    lines = ["", "[[token]]", f'name = "{token.name}"', f'sha256 = "{token.sha256}"']
    roles = ", ".join(f'"{role.value}"' for role in token.roles)
    lines.append(f"roles = [{roles}]")
    lines += [
        f"{key} = {value.isoformat() if isinstance(value, datetime) else value}"
        for key, value in token.model_dump(exclude={"name", "sha256", "roles"}, exclude_none=True).items()
    ]
    return "\n".join(lines) + "\n"
