"""Diagnosis of a server's dependencies: its store, its tokens, its certificate."""

import contextlib
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from prover.errors import UserError
from prover.store.database import Database, parse_url
from prover.store.errors import StoreError
from prover.store.summary import summary
from service.auth import tokens
from service.auth.tls import certificate_end, server_credentials
from service.core.memory import default_path
from service.ops.config import Settings

Row = tuple[str, Literal["good", "absent", "bad"], str, str]

_SOON = datetime.timedelta(days=14)


def server(settings: Settings) -> Iterator[Row]:
    """Yield the arguments of `Finding`."""
    yield _store(settings)
    now = datetime.datetime.now(datetime.UTC)
    if settings.security.tokens is not None:
        yield _tokens(settings.security.tokens, now)
    if settings.security.certificate is not None:
        yield _certificate(settings, now)


def _store(settings: Settings) -> Row:
    url = settings.store.url.get_secret_value()
    if url == "none":
        return "store", "absent", "none", "nothing is stored, and batches are not available, because store.url is none"
    try:
        parsed = parse_url(url or str(default_path()))
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
            return "store", "absent", f"{parsed.database} is not there yet", "`leansieve serve` makes it"
        with contextlib.closing(Database.open(url or str(default_path()))) as database:
            found = database.read_now(summary)
            database.write_now(lambda connection: None)
            return (
                "store",
                "good",
                f"{database.name}: {found.proofs:,} proofs, {found.running} batches with {found.unfinished:,} theorems left",
                "",
            )
    except StoreError as error:
        return "store", "bad", "it cannot be used", str(error)


def _tokens(file: Path, now: datetime.datetime) -> Row:
    try:
        found = list(tokens.read(file).values())
    except UserError as error:
        return "tokens", "bad", f"{file} cannot be used", str(error)
    ended = sorted({token.name for token in found if not token.valid(now)})
    soon = sorted({token.name for token in found if token.valid(now) and not token.valid(now + _SOON)})
    text = f"{len(found)} in {file}"
    if not found or len(ended) == len({token.name for token in found}):
        return (
            "tokens",
            "bad",
            f"{text}, none of them valid",
            "no caller has access: `leansieve token new NAME --role prove`",
        )
    if ended or soon:
        names = "; ".join(f"{state}: {', '.join(who)}" for state, who in (("ended", ended), ("end soon", soon)) if who)
        return "tokens", "absent", f"{text}; {names}", "`leansieve token rotate NAME` for those that are still used"
    return "tokens", "good", text, ""


def _certificate(settings: Settings, now: datetime.datetime) -> Row:
    certificate = settings.security.certificate
    assert certificate is not None
    try:
        server_credentials(settings.security)
        end = certificate_end(certificate)
    except UserError as error:
        return "certificate", "bad", f"{certificate} cannot be used", str(error)
    text = f"{certificate} ends on {end:%Y-%m-%d}"
    if end <= now:
        return "certificate", "bad", text, "clients refuse it: put a new one in its place; no restart is needed"
    if end <= now + _SOON:
        return "certificate", "absent", text, "put a new one in its place; no restart is needed"
    return "certificate", "good", text, ""
