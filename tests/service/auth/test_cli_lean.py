"""The command line with a server that requires TLS and a token, with real Lean."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from prover.lean.workers.pool import WorkerPool
from service.auth import tokens
from service.auth.identity import Role
from service.core.engine import Engine
from service.ops.config import SecuritySettings, ServerSettings, Settings, StoreSettings
from service.server import listening
from tests.service.auth.conftest import Files
from tests.support.commands import running

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]


async def leansieve(*arguments: str | Path) -> tuple[int | None, str, str]:
    """Exit status, results and complaints."""
    async with running(*arguments) as process:
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_proof_is_found_over_tls_with_a_token_and_not_without(
    pki: Files, tmp_path: Path, lean_pool: WorkerPool
) -> None:
    certificate, key = pki.certify("server")
    hashes, token = tmp_path / "tokens.toml", tmp_path / "token"
    token.write_text(tokens.new(hashes, "editor", [Role.PROVE]))
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0"),
        security=SecuritySettings(certificate=certificate, key=key, tokens=hashes),
        store=StoreSettings(url=SecretStr("none")),
    )
    engine = Engine(settings, lean_pool)
    await engine.start()
    async with listening(engine, settings, asyncio.Event()) as (address, _):
        asked = ("prove", "theorem swap (a b : Nat) : a + b = b + a", "--server", address, "--ca", pki.ca)
        status, out, err = await leansieve(*asked, "--token-file", token)
        assert (status, "KERNEL_REPLAYED" in out) == (0, True), err
        tokens.revoke(hashes, "editor")
        status, out, err = await leansieve(*asked, "--token-file", token)
        assert (status, out) == (2, "")
        assert err.startswith("leansieve: this server wants to know who calls")
        assert err.count("\n") == 1
    await engine.close()
