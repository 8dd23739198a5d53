"""Authentication through a real channel to a server that was never started and answers only calls without Lean."""

import asyncio
import contextlib
import logging
import ssl
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from leansieve.v1 import prove_pb2, server_pb2
from prover.candidate import Candidate
from prover.errors import UserError
from prover.requests import BusyError, Check, Search, UnavailableError
from prover.theorem import Theorem
from service.auth import authentication, tokens
from service.auth.identity import Identity, Role
from service.auth.tls import server_credentials
from service.client.client import Client
from service.contract.methods import METHODS, path_of
from service.core.engine import Engine
from service.http.app import path
from service.ops import logs
from service.ops.config import ConnectionSettings, HttpSettings, LogSettings, SecuritySettings, ServerSettings, Settings
from service.server import anonymous_roles, listening
from tests.service.auth.conftest import Files, running
from tests.support.stubs import Stubs

TRUE = Check(Theorem("theorem a : True"), Candidate("trivial"))


def connecting(**settings: object) -> Settings:
    return Settings(connection=ConnectionSettings.model_validate(settings))


async def code_of(address: str, settings: Settings, call: str = "info") -> str:
    """The status that a call ends with."""
    async with Client(address, settings) as client:
        try:
            if call == "info":
                await client.info()
            elif call == "check":
                await client.check(TRUE)
            else:
                await anext(client.prove(Search(TRUE.theorem)))
        except BusyError:
            return "BUSY"
        except UserError as error:
            return str(error)
    return "OK"


def test_every_method_has_a_role() -> None:
    assert set(METHODS) == set(authentication.ROLES)


async def test_who_has_no_token_is_not_let_in(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    token = tokens.new(file, "editor", [Role.PROVE])
    async with running(SecuritySettings(tokens=file)) as (address, witness):
        for wrong in ({}, {"token": token[:-1]}, {"token": tokens.digest(token)}):
            assert "wants to know who calls" in await code_of(address, connecting(**wrong))
        assert not witness.seen
        assert await code_of(address, connecting(token=token)) == "OK"
        assert [(who.name, who.roles) for who in witness.seen] == [("editor", {Role.PROVE})]
        async with grpc.aio.insecure_channel(address) as channel:
            stub = Stubs(channel)
            for value in ("", "Bearer", "Bearer ", f"Basic {token}", token, f"Bearer {token} x"):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await stub.Prove(prove_pb2.ProveRequest(), metadata=(("authorization", value),)).read()
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
                assert token not in str(caught.value)


async def test_health_is_told_to_everyone_and_what_there_is_is_not(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    tokens.new(file, "editor", [Role.PROVE])
    async with running(SecuritySettings(tokens=file)) as (address, _), grpc.aio.insecure_channel(address) as channel:
        response = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())  # type: ignore[no-untyped-call]
        assert response.status == health_pb2.HealthCheckResponse.NOT_SERVING
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_token_opens_the_methods_of_its_roles_alone(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    check, prove = tokens.new(file, "c", [Role.CHECK]), tokens.new(file, "p", [Role.PROVE])
    async with running(SecuritySettings(tokens=file)) as (address, _):
        assert await code_of(address, connecting(token=check), "check") == "BUSY"  # let in; nothing was started
        assert "Prove needs the role prove" in await code_of(address, connecting(token=check), "prove")
        assert await code_of(address, connecting(token=prove), "check") == "BUSY"
        assert await code_of(address, connecting(token=prove), "prove") == "BUSY"


@pytest.mark.parametrize("role", Role)
async def test_each_role_opens_its_methods_and_no_other_over_grpc_and_over_http(tmp_path: Path, role: Role) -> None:
    file, urls = tmp_path / "tokens.toml", list[str]()
    bearer = {"authorization": f"Bearer {tokens.new(file, role.value, [role])}"}
    closed = {
        name
        for name, needed in authentication.ROLES.items()
        if needed is not None and not Identity("", frozenset({role})).may(needed)
    }
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0"),
        http=HttpSettings(listen="127.0.0.1:0"),
        security=SecuritySettings(tokens=file),
    )
    refused: dict[str, set[str]] = {"grpc": set(), "http": set()}
    async with listening(Engine(settings), settings, asyncio.Event(), announce_http=urls.append) as (address, _):
        async with grpc.aio.insecure_channel(address) as channel:
            for name in authentication.ROLES:
                with contextlib.suppress(grpc.aio.AioRpcError):  # empty requests, and no Lean: few come to anything
                    call = channel.unary_stream(path_of(name))(b"", metadata=tuple(bearer.items()))
                    await call.read()
                if await call.code() is grpc.StatusCode.PERMISSION_DENIED:
                    refused["grpc"].add(name)
        async with httpx.AsyncClient(base_url=urls[0], headers=bearer, timeout=60) as web:
            for name in authentication.ROLES:
                kind = "application/x-ndjson" if name == "CheckProofs" else "application/json"
                answer = await web.post(path(name), content="{}", headers={"content-type": kind})
                assert answer.status_code != 401
                if answer.status_code == 403:
                    refused["http"].add(name)
    assert refused == {"grpc": closed, "http": closed}


async def test_tokens_are_made_and_revoked_while_the_server_runs(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    first = tokens.new(file, "first", [Role.PROVE])
    async with running(SecuritySettings(tokens=file)) as (address, _):
        second = tokens.new(file, "second", [Role.PROVE])
        assert await code_of(address, connecting(token=second)) == "OK"
        tokens.revoke(file, "first")
        assert "wants to know who calls" in await code_of(address, connecting(token=first))
        file.write_text("half a fi")  # whoever edits it badly locks nobody out
        assert await code_of(address, connecting(token=second)) == "OK"
        file.unlink()
        assert await code_of(address, connecting(token=second)) == "OK"


async def test_calls_in_work_end_with_their_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream continued after its token was revoked."""
    monkeypatch.setattr(authentication, "_LOOK_SECONDS", 0.05)
    file = tmp_path / "tokens.toml"
    revoked, kept = tokens.new(file, "revoked", [Role.CHECK]), tokens.new(file, "kept", [Role.CHECK])
    async with running(SecuritySettings(tokens=file)) as (address, _), grpc.aio.insecure_channel(address) as channel:
        streams = [
            Stubs(channel).CheckProofs(metadata=(("authorization", f"Bearer {token}"),)) for token in (revoked, kept)
        ]
        for stream in streams:
            await stream.initial_metadata()  # it is being answered
        tokens.revoke(file, "revoked")
        async with asyncio.timeout(10):
            assert await streams[0].code() is grpc.StatusCode.UNAUTHENTICATED
        assert "no longer valid" in await streams[0].details()
        await asyncio.sleep(0.3)
        assert not streams[1].done()
        streams[1].cancel()


async def test_no_token_is_ever_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tokens.toml"
    token = tokens.new(file, "editor", [Role.CHECK])
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure(LogSettings(level="debug"))
    try:
        async with running(SecuritySettings(tokens=file)) as (address, _):
            for call in ("info", "check", "prove"):
                await code_of(address, connecting(token=token), call)
                await code_of(address, connecting(token=f"{token}x"), call)
            file.write_text(token)
            await code_of(address, connecting(token=token))
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
    shown = capsys.readouterr()
    assert "cannot be read" in shown.err
    assert token not in shown.err + shown.out


async def test_calls_are_encrypted(pki: Files) -> None:
    certificate, key = pki.certify("server")
    async with running(SecuritySettings(certificate=certificate, key=key)) as (address, witness):
        assert await code_of(address, connecting(ca=pki.ca)) == "OK"
        assert witness.seen[0].name == "peer:127.0.0.1"
        for settings, why in (
            (Settings(), "it may want encryption"),
            (connecting(tls=True), "its certificate is from no authority that is trusted here"),  # of this machine
        ):
            said = await code_of(address, settings)
            assert f"no server answers at {address}: " in said
            assert why in said
        other_name = address.replace("127.0.0.1", "[::ffff:127.0.0.1]")
        assert "its certificate is for another name" in await code_of(other_name, connecting(ca=pki.ca))


async def test_a_server_that_does_not_encrypt_is_said_so(pki: Files) -> None:
    async with running(SecuritySettings()) as (address, _):
        assert "it does not encrypt; leave out --ca" in await code_of(address, connecting(ca=pki.ca))


async def test_grpcs_own_token_credentials_are_understood(pki: Files, tmp_path: Path) -> None:
    certificate, key = pki.certify("server")
    token = tokens.new(tmp_path / "tokens.toml", "editor", [Role.PROVE])
    security = SecuritySettings(certificate=certificate, key=key, tokens=tmp_path / "tokens.toml")
    credentials = grpc.composite_channel_credentials(
        grpc.ssl_channel_credentials(pki.ca.read_bytes()), grpc.access_token_call_credentials(token)
    )
    async with running(security) as (address, witness), grpc.aio.secure_channel(address, credentials) as channel:
        await Stubs(channel).GetServerInfo(server_pb2.GetServerInfoRequest())
        assert witness.seen[0].name == "editor"


async def test_mutual_tls_names_clients_by_their_certificate(pki: Files) -> None:
    certificate, key = pki.certify("server")
    mine, my_key = pki.certify("client", common_name="prover.example")
    security = SecuritySettings(certificate=certificate, key=key, client_ca=pki.ca, client_roles=(Role.CHECK,))
    async with running(security) as (address, witness):
        assert "no server answers" in await code_of(address, connecting(ca=pki.ca))
        known = connecting(ca=pki.ca, certificate=mine, key=my_key)
        assert await code_of(address, known) == "OK"
        assert [(who.name, who.roles) for who in witness.seen] == [("prover.example", {Role.CHECK})]
        assert "needs the role prove" in await code_of(address, known, "prove")


async def test_a_renewed_certificate_is_used_without_a_restart(pki: Files) -> None:
    certificate, key = pki.certify("server")

    async def shown() -> bytes:
        context = ssl.create_default_context(cafile=str(pki.ca))
        context.set_alpn_protocols(["h2"])
        host, port = address.rsplit(":", 1)
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
        data: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return data

    async with running(SecuritySettings(certificate=certificate, key=key)) as (address, _):
        first = await shown()
        assert await shown() == first
        pki.certify("server")
        assert await shown() != first
        second = await shown()
        key.write_text("-----BEGIN PRIVATE KEY-----\n")  # half written: what was good stays
        assert await shown() == second


async def test_other_machines_are_let_in_if_encrypted_and_authenticated(pki: Files, tmp_path: Path) -> None:
    certificate, key = pki.certify("server")
    tokens.new(tmp_path / "tokens.toml", "a", [Role.PROVE])
    for security in (
        SecuritySettings(),
        SecuritySettings(certificate=certificate, key=key),
        SecuritySettings(tokens=tmp_path / "tokens.toml"),
    ):
        with pytest.raises(UserError, match="not both encrypted and authenticated"):
            async with running(security, "0.0.0.0:0"):
                pass
    both = SecuritySettings(certificate=certificate, key=key, tokens=tmp_path / "tokens.toml")
    async with running(both, "0.0.0.0:0"):
        pass
    async with running(SecuritySettings(certificate=certificate, key=key, client_ca=pki.ca), "0.0.0.0:0"):
        pass


async def test_who_is_asked_nothing_from_elsewhere_cannot_administer() -> None:
    assert anonymous_roles("0.0.0.0:0") == {Role.PROVE}
    assert anonymous_roles(Settings().server.listen) == set(Role)


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ({"token": "lsv_x"}, "would travel to dns:///example.org:1 unencrypted"),
        ({"token": "a b", "tls": True}, "more than one word"),
        ({"token_file": "/no/such/file"}, "cannot read the token file"),
        ({"ca": "/no/such/file"}, "cannot read /no/such/file"),
        ({"ca": __file__}, "holds no PEM certificate"),
        ({"certificate": __file__}, "belong together"),
    ],
)
async def test_a_connection_that_makes_no_sense_is_one_sentence(connection: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Client("dns:///example.org:1", connecting(**connection))


async def test_a_token_comes_from_a_file(tmp_path: Path) -> None:
    hashes, file = tmp_path / "tokens.toml", tmp_path / "token"
    file.write_text(tokens.new(hashes, "a", [Role.PROVE]) + "\n")
    async with running(SecuritySettings(tokens=hashes)) as (address, _):
        assert await code_of(address, connecting(token_file=file)) == "OK"


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ({"certificate": Path("/no/such"), "key": Path("/no/such")}, "cannot read /no/such"),
        ({"tokens": Path("/no/such.toml")}, "leansieve token new"),
    ],
)
async def test_missing_files_end_the_start_in_one_sentence(security: dict[str, Path], words: str) -> None:
    with pytest.raises(UserError, match=words):
        async with running(SecuritySettings.model_validate(security)):
            pass


def test_certificate_and_key_that_do_not_belong_together_are_refused(pki: Files) -> None:
    certificate, _ = pki.certify("one")
    _, key = pki.certify("two")
    with pytest.raises(UserError, match="are not a certificate with its unencrypted key"):
        server_credentials(SecuritySettings(certificate=certificate, key=key))


async def test_a_server_that_is_not_there_is_said_so_with_a_token_too() -> None:
    async with Client("127.0.0.1:1", connecting(token="lsv_x")) as client:
        with pytest.raises(UnavailableError, match="no server answers"):
            await client.info()
