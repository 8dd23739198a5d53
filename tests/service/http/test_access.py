"""Access to the HTTP server, accepted requests and errors, without Lean."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trustme

from prover.errors import UserError
from service.auth import tokens
from service.auth.identity import Role
from service.contract.methods import METHODS
from service.core.engine import Engine
from service.http import page
from service.http.app import path
from service.ops.config import HttpSettings, SecuritySettings, ServerSettings, Settings
from service.ops.connections import listener
from service.server import listening

JSON = {"content-type": "application/json"}
INFO = "/v1/get-server-info"


@contextlib.asynccontextmanager
async def running(
    security: SecuritySettings | None = None, hurry: asyncio.Event | None = None, **http: object
) -> AsyncIterator[str]:
    """A server whose engine was never started; its URL."""
    settings = Settings(
        server=ServerSettings(listen="127.0.0.1:0", message_bytes=2048, drain_seconds=1),
        http=HttpSettings.model_validate({"listen": "127.0.0.1:0", **http}),
        security=security or SecuritySettings(),
    )
    urls: list[str] = []
    async with listening(Engine(settings), settings, hurry or asyncio.Event(), announce_http=urls.append):
        yield urls[0]


@contextlib.asynccontextmanager
async def asking(**http: object) -> AsyncIterator[httpx.AsyncClient]:
    async with running(**http) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:  # type: ignore[arg-type]
        yield client


def reason(answer: httpx.Response) -> str:
    """Of an error in our form; every error has it."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    error = answer.json()["error"]
    assert error["code"] == answer.status_code
    assert error["message"]
    return str(error["details"][0]["reason"])


async def test_there_is_no_http_unless_it_is_asked_for() -> None:
    settings = Settings(server=ServerSettings(listen="127.0.0.1:0"))
    urls: list[str] = []
    async with listening(Engine(settings), settings, asyncio.Event(), announce_http=urls.append):
        assert urls == []


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
async def test_other_machines_are_not_let_in_unprotected(listen: str) -> None:
    with pytest.raises(UserError, match="not both encrypted and authenticated"):
        async with running(listen=listen):
            pass


async def test_an_address_that_is_taken_is_said_in_one_sentence() -> None:
    async with running() as url:
        with pytest.raises(UserError, match="cannot serve HTTP on"):
            async with running(listen=url.removeprefix("http://")):
                pass


async def test_every_call_of_the_contract_has_a_page() -> None:
    async with asking() as client:
        described = (await client.get("/openapi.json")).json()["paths"]
        for method in METHODS:
            assert path(method) in described
            assert reason(await client.get(path(method))) == "METHOD"
        assert {"/generate", "/healthz"} <= described.keys()


async def test_the_document_calls_a_stream_a_text_of_events() -> None:
    # openapi-python-client 0.29.1 reads the body as its schema says: as an object it raised on each stream.
    async with asking() as client:
        described = (await client.get("/openapi.json")).json()["paths"]
    streams = [name for name, method in METHODS.items() if method.server_streaming]
    assert "Prove" in streams
    for name in streams:
        schema = described[path(name)]["post"]["responses"]["200"]["content"]["text/event-stream"]["schema"]
        assert (schema["type"], schema["contentMediaType"]) == ("string", "text/event-stream")
        assert schema["contentSchema"]["properties"]["event"]["enum"][-1] == "error"


async def test_what_is_not_there_is_a_404_that_shows_nothing_unescaped() -> None:
    async with asking() as client:
        answer = await client.get("/<script>alert(1)</script>/../../etc/passwd")
        assert (answer.status_code, reason(answer)) == (404, "NO_SUCH_PAGE")
        assert "<script>" not in answer.text


async def test_health_is_unavailable_until_a_proof_was_checked() -> None:
    async with asking() as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()) == (503, {"serving": False})


async def test_forms_and_plain_text_are_refused_because_any_page_may_send_them() -> None:
    async with asking() as client:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
            answer = await client.post(INFO, content="{}", headers={"content-type": kind})
            assert (answer.status_code, reason(answer)) == (415, "MEDIA_TYPE")
        answer = await client.post(INFO, content="{}", headers={"content-type": "application/json; charset=utf-8"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"no": 1}', b"\xff", b"[" * 2000, b'{"theorem": "\\ud800"}', b"1e999", b"9" * 1900],
)
async def test_what_is_no_request_is_400_with_one_sentence(body: bytes) -> None:
    async with asking() as client:
        for page in ("/v1/prove", "/v1/check-proof", "/generate"):
            answer = await client.post(page, content=body, headers=JSON)
            assert (answer.status_code, reason(answer)) == (400, "BAD_INPUT")
            assert answer.json()["error"]["details"][1]["fieldViolations"]
            assert "\\n" not in answer.json()["error"]["message"]


async def test_every_field_that_breaks_a_rule_is_named() -> None:
    async with asking() as client:
        request = {"proof": "x", "policy": "p" * 200, "minimumTrust": "TRUST_ELABORATED"}
        answer = await client.post("/v1/check-proof", json=request)
        fields = {one["field"] for one in answer.json()["error"]["details"][1]["fieldViolations"]}
        assert fields == {"theorem", "policy", "minimum_trust"}


async def test_a_body_that_is_too_long_is_413_whether_or_not_it_says_so() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 1024

    async with asking() as client:
        for content in (b" " * 4096, chunks()):
            answer = await client.post("/v1/prove", content=content, headers=JSON)
            assert (answer.status_code, reason(answer)) == (413, "BAD_INPUT")


async def test_a_server_that_is_not_ready_says_when_to_come_back() -> None:
    async with asking() as client:
        answer = await client.post("/v1/check-proof", json={"theorem": {"statement": "theorem a : True"}, "proof": "x"})
        assert answer.status_code in (429, 503)
        assert int(answer.headers["retry-after"]) >= 1


async def test_only_who_has_a_token_of_the_role_is_let_in(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    check = tokens.new(file, "checker", [Role.CHECK])
    async with asking(security=SecuritySettings(tokens=file)) as client:
        for wrong in ({}, {"authorization": f"Basic {check}"}, {"authorization": f"Bearer {check[:-1]}"}):
            answer = await client.post(INFO, json={}, headers=wrong)
            assert (answer.status_code, reason(answer)) == (401, "UNKNOWN_CALLER")
            assert answer.headers["www-authenticate"] == "Bearer"
            assert check not in answer.text
        mine = {"authorization": f"Bearer {check}"}
        assert (await client.post(INFO, json={}, headers=mine)).status_code == 200
        answer = await client.post("/v1/prove", json={}, headers=mine)
        assert (answer.status_code, reason(answer)) == (403, "NOT_ALLOWED")
        assert (await client.post("/generate", json={}, headers=mine)).status_code == 403
        assert (await client.get("/healthz")).status_code == 503, "probes have no token"


async def test_quotas_are_those_of_grpc(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    token = tokens.new(file, "slow", [Role.PROVE])
    file.write_text(file.read_text().rstrip() + "\ncalls_per_minute = 1\n")
    async with asking(security=SecuritySettings(tokens=file)) as client:
        mine = {"authorization": f"Bearer {token}"}
        assert (await client.post(INFO, json={}, headers=mine)).status_code == 200
        answer = await client.post(INFO, json={}, headers=mine)
        assert (answer.status_code, reason(answer)) == (429, "QUOTA")
        assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_names_that_were_made_to_lead_here_are_refused() -> None:
    async with asking(hosts=("lean.example",)) as client:
        for host, status in (("evil.example", 400), ("lean.example", 200), ("localhost:80", 200)):
            assert (await client.post(INFO, json={}, headers={"host": host})).status_code == status


async def test_pages_of_others_may_call_only_if_the_settings_name_them() -> None:
    asked = {
        "origin": "https://lean.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    async with asking() as client:
        answer = await client.options("/v1/prove", headers=asked)
        assert "access-control-allow-origin" not in answer.headers
    async with asking(origins=("https://lean.example",)) as client:
        answer = await client.options("/v1/prove", headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://lean.example"
        real = await client.post(INFO, json={}, headers={"origin": "https://lean.example"})
        assert real.headers["access-control-allow-origin"] == "https://lean.example"
        other = await client.options("/v1/prove", headers={**asked, "origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_the_page_needs_no_script_and_no_other_host() -> None:
    async with asking() as client:
        page = await client.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in page.text
        assert "http://" not in page.text
        assert "https://" not in page.text
        for method in METHODS:
            assert f"POST {path(method)}" in page.text


def certify(folder: Path, authority: trustme.CA, name: str, **more: str) -> tuple[Path, Path]:
    issued = authority.issue_cert("127.0.0.1", **more)  # type: ignore[arg-type]
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    key.write_bytes(issued.private_key_pem.bytes())
    certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    return certificate, key


async def test_tls_takes_a_renewed_certificate_and_wants_one_of_clients(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    certificate, key = certify(tmp_path, authority, "server")
    security = SecuritySettings(certificate=certificate, key=key, client_ca=ca, client_roles=(Role.CHECK,))
    trusting = ssl.create_default_context(cafile=str(ca))
    async with running(security) as url:
        assert url.startswith("https://")
        async with httpx.AsyncClient(base_url=url, verify=trusting, timeout=60) as nobody:
            with pytest.raises(httpx.TransportError):
                await nobody.post(INFO, json={})
        trusting.load_cert_chain(*certify(tmp_path, authority, "client", common_name="Ada"))
        async with httpx.AsyncClient(base_url=url, verify=trusting, timeout=60) as ada:
            assert (await ada.post(INFO, json={})).status_code == 200
            assert (await ada.post("/v1/prove", json={})).status_code == 403, "Ada may check"
        renewed = trustme.CA()
        certify(tmp_path, renewed, "server")
        async with httpx.AsyncClient(base_url=url, verify=trusting, timeout=60) as ada:
            with pytest.raises(httpx.ConnectError):
                await ada.post(INFO, json={})


async def test_what_is_no_http_harms_nobody() -> None:
    async with asking() as client:
        host, port = client.base_url.host, client.base_url.port
        for junk in (b"\x16\x03\x01" + struct.pack(">H", 512), b"GET / HTTP/9\r\n\r\n", b"x" * (1 << 17)):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(junk)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 20)
            writer.close()
        assert (await client.post(INFO, json={})).status_code == 200


async def test_answers_do_not_wait_for_acknowledgements(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer took 40 ms more: sockets that asyncio did not bind keep Nagle's algorithm."""
    seen: list[bool] = []
    made = listener._Protocol.connection_made

    def look(self: listener._Protocol, transport: asyncio.Transport) -> None:
        made(self, transport)
        seen.append(bool(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

    monkeypatch.setattr(listener._Protocol, "connection_made", look)
    async with asking() as client:
        await client.post(INFO, json={})
    assert seen == [True]


async def test_the_page_and_its_parts_need_no_token_and_allow_nothing_from_elsewhere(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    tokens.new(file, "nobody", [Role.PROVE])
    folder = Path(page.__file__).parent / "static"
    async with asking(security=SecuritySettings(tokens=file)) as client:
        found = {"index.html": await client.get("/")}
        parts = {part.relative_to(folder).as_posix() for part in folder.rglob("*.*")} - found.keys()
        found |= {part: await client.get(f"/static/{part}") for part in parts}
        assert {part for part, answer in found.items() if answer.status_code != 200} == {
            "vendor/unicode-input.LICENSE",
            "vendor/unicode-input.sh",
        }
        for part, answer in found.items():
            if answer.status_code == 200:
                assert answer.content == (folder / part).read_bytes()
                policy = answer.headers["content-security-policy"]
                assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
                assert "unsafe" not in policy
                assert "require-trusted-types-for 'script'" in policy
                assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert reason(await client.get("/static/../page.py")) == "NO_SUCH_PAGE"
