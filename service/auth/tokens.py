"""Bearer tokens. The file holds hashes and what each token may do; a token itself is shown once, when it is made.

A token has 256 random bits, so that a plain SHA-256 of it can be kept: there is nothing to guess that a slow hash would
protect. The file is TOML with one `[[token]]` table for each, and is read again when it changes.
"""

import contextlib
import hashlib
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
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


class Token(Section):
    """One token of the file."""

    name: str
    """Of the client, for logs and quotas; several tokens may share it while one replaces the other."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the token, in hexadecimal."""
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


def read(file: Path) -> Mapping[str, Token]:
    """The tokens of a file by their hashes.

    Raises:
        UserError: it cannot be read; the text says what is wrong, and where.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
        tokens = [Token.model_validate(table) for table in tables.pop("token", [])]
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
    quota = quota or Quota()
    token = PREFIX + secrets.token_urlsafe(32)
    try:
        entry = Token(
            name=name,
            sha256=digest(token),
            roles=tuple(roles),
            created=datetime.now(UTC).replace(microsecond=0),
            expires=expires,
            calls=quota.calls,
            calls_per_minute=quota.calls_per_minute,
            lean_seconds_per_hour=quota.lean_seconds_per_hour,
            samples_per_hour=quota.samples_per_hour,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}") from None
    with _changing(file) as tokens:
        tokens.append(entry)
    return token


def revoke(file: Path, name: str) -> int:
    """Take all tokens of that name out of the file; how many there were.

    Raises:
        UserError: the file cannot be read or written, or there is none of that name.
    """
    with _changing(file) as tokens:
        kept = [token for token in tokens if token.name != name]
        if len(kept) == len(tokens):
            raise UserError(f"there is no token named {name!r} in {file}")
        gone = len(tokens) - len(kept)
        tokens[:] = kept
    return gone


@contextlib.contextmanager
def _changing(file: Path) -> Iterator[list[Token]]:
    """The tokens of a file, written back as a whole on leaving; one writer at a time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_suffix(".lock"), timeout=10):
            tokens = list(read(file).values()) if file.exists() else []
            yield tokens
            _write(file, tokens)
    except OSError as error:
        raise UserError(f"cannot write the token file {file}: {error.strerror or error}") from None


def _write(file: Path, tokens: Sequence[Token]) -> None:
    """Whole or not at all. A new file is readable by its owner alone; an old one keeps owner and mode."""
    with atomic_write(file, 0o600, lasting=True) as stream:
        stream.write(b"# Hashes of bearer tokens; `leansieve token` writes this file.\n")
        stream.writelines(_table(token).encode() for token in tokens)


def _table(token: Token) -> str:
    lines = ["", "[[token]]", f'name = "{token.name}"', f'sha256 = "{token.sha256}"']
    roles = ", ".join(f'"{role.value}"' for role in token.roles)
    lines.append(f"roles = [{roles}]")
    lines += [
        f"{key} = {value.isoformat() if isinstance(value, datetime) else value}"
        for key, value in token.model_dump(exclude={"name", "sha256", "roles"}, exclude_none=True).items()
    ]
    return "\n".join(lines) + "\n"
