"""Certificates, tokens and servers that require them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from prover.requests import ServiceInfo
from service.auth.identity import CALLER, Identity
from service.core.engine import Engine
from service.ops.config import SecuritySettings, ServerSettings, Settings
from service.server import listening


@dataclass(frozen=True)
class Files:
    """PEM files of one authority: a server's for 127.0.0.1, a client's."""

    folder: Path
    authority: trustme.CA

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def certify(self, name: str, *, common_name: str | None = None) -> tuple[Path, Path]:
        """Write a certificate and its key."""
        issued = self.authority.issue_cert("127.0.0.1", "localhost", common_name=common_name)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        key.write_bytes(issued.private_key_pem.bytes())
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return certificate, key


@pytest.fixture
def pki(tmp_path: Path) -> Files:
    authority = trustme.CA()
    files = Files(tmp_path, authority)
    authority.cert_pem.write_to_path(str(files.ca))
    return files


class Witness(Engine):
    """An engine that was never started: it tells what it is, and remembers who asked."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.seen: list[Identity] = []

    async def info(self) -> ServiceInfo:
        self.seen.append(CALLER.get())
        return await super().info()


@contextlib.asynccontextmanager
async def running(security: SecuritySettings, listen: str = "127.0.0.1:0") -> AsyncIterator[tuple[str, Witness]]:
    """A server with these files; its address, and who asked it for what it is."""
    settings = Settings(server=ServerSettings(listen=listen), security=security)
    witness = Witness(settings)
    async with listening(witness, settings, asyncio.Event()) as (address, _):
        yield address, witness
