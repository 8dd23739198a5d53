"""Bearer tokens. The file holds hashes and what each token may do; a token itself is shown once, when it is made.

A token has 256 random bits, so that a plain SHA-256 of it can be kept: there is nothing to guess that a slow hash would
protect. The file is TOML with one `[[token]]` table for each, and is read again when it changes.
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
"""What tokens begin with, for scanners that look for leaked ones."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class CallerToken(Section):
    """One token of the file."""

    name: str
    """Name of the client, for logs and quotas; several tokens may share it while one replaces the other."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the token, in hexadecimal."""
    roles: tuple[Role, ...] = Field(min_length=1)
    """What the client may do."""
    created: AwareDatetime
    """When it was made."""
    expires: AwareDatetime | None = None
    """When it ends; never by default."""
    calls: int | None = Field(default=None, ge=1)
    """Calls at once."""
    calls_per_minute: int | None = Field(default=None, ge=1)
    """Calls begun within a minute."""
    lean_seconds_per_hour: float | None = Field(default=None, gt=0)
    """Checking time."""
    samples_per_hour: int | None = Field(default=None, ge=1)
    """Candidates sampled."""

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("a name has 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit")
        return name

    @property
    def identity(self) -> Identity:
        """Who calls with it."""
        quota = Quota(self.calls, self.calls_per_minute, self.lean_seconds_per_hour, self.samples_per_hour)
        return Identity(self.name, frozenset(self.roles), quota)

    def valid(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return self.expires is None or now < self.expires


def digest(token: str) -> str:
    """What the file holds of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read(file: Path) -> Mapping[str, CallerToken]:
    """The tokens of a file by their hashes.

    Raises:
        UserError: it cannot be read; the text says what is wrong, and where.
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
    """Make a token, add its hash to the file, and return the token, which is kept nowhere.

    Raises:
        UserError: the name or a number does not fit, or the file cannot be read or written.
    """
    token, entry = _made(name, roles, expires, quota or Quota())
    with _changing(file) as tokens:
        tokens.append(entry)
    return token


def rotate(file: Path, name: str, overlap: timedelta) -> str:
    """Make a token with the name, roles, quota and lifetime of the newest one of that name, which ends after `overlap`.

    Whatever else has that name ends then too; with no overlap, all that had it are gone at once.

    Raises:
        UserError: the file cannot be read or written, or there is none of that name.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    with _changing(file) as tokens:
        old = max(_named(tokens, name, file), key=lambda token: token.created)
        expires = None if old.expires is None else now + (old.expires - old.created)
        token, entry = _made(name, old.roles, expires, old.identity.quota)
        end = now + overlap
        kept = [
            each.model_copy(update={"expires": min(end, each.expires or end)}) if each.name == name else each
            for each in tokens
            if each.name != name or overlap > timedelta()
        ]
        tokens[:] = [*kept, entry]
    return token


def revoke(file: Path, name: str, only: str = "") -> int:
    """Take all tokens of that name out of the file, or only the one whose hash begins with `only`; how many there were.

    Raises:
        UserError: the file cannot be read or written, or there is none of that name and hash, or several.
    """
    with _changing(file) as tokens:
        gone = [token for token in _named(tokens, name, file) if token.sha256.startswith(only.rstrip("…"))]
        if not gone:
            raise UserError(f"no token of {name!r} in {file} has a hash that begins with {only!r}: see `token list`")
        if only and len(gone) > 1:
            raise UserError(f"{len(gone)} tokens of {name!r} have a hash that begins with {only!r}: give more of it")
        tokens[:] = [token for token in tokens if token not in gone]
    return len(gone)


def set_quota(file: Path, name: str, quota: Quota) -> int:
    """Give all tokens of that name this quota; how many there are.

    Raises:
        UserError: the file cannot be read or written, or there is none of that name.
    """
    with _changing(file) as tokens:
        changed = _named(tokens, name, file)
        values = dataclasses.asdict(quota)
        tokens[:] = [token.model_copy(update=values) if token in changed else token for token in tokens]
    return len(changed)


def _named(tokens: Sequence[CallerToken], name: str, file: Path) -> list[CallerToken]:
    """Those of that name. Raises UserError if there is none."""
    found = [token for token in tokens if token.name == name]
    if not found:
        raise UserError(f"there is no token named {name!r} in {file}")
    return found


def _made(name: str, roles: Sequence[Role], expires: datetime | None, quota: Quota) -> tuple[str, CallerToken]:
    """A new token, and what the file holds of it. Raises UserError if the name or a number does not fit."""
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
    """The tokens of a file, written back as a whole on leaving; one writer at a time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=10):
            tokens = list(read(file).values()) if file.exists() else []
            yield tokens
            _write(file, tokens)
    except OSError as error:
        raise UserError(f"cannot write the token file {file}: {error.strerror or error}") from None


def _write(file: Path, tokens: Sequence[CallerToken]) -> None:
    """Whole or not at all. A new file is readable by its owner alone; an old one keeps owner and mode."""
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
