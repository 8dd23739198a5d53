"""The ASGI application: every call of the contract, LeanCopilot's `/generate`, Kimina's `/verify`, health, the OpenAPI
description, and a page.
"""

import functools
import re
from collections.abc import Callable
from urllib.parse import quote

from google.rpc import code_pb2
from google.rpc.status_pb2 import Status
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.client.address import is_local
from service.contract.methods import METHODS
from service.http import answers, generate, kimina, page
from service.http.calls import HttpCalls
from service.http.endpoints import Endpoint
from service.http.schema import openapi
from service.ops.config import Settings

_LOCAL_NAMES = ["localhost", "127.0.0.1", "[::1]", "::1"]
# This page has no scripts, loads nothing, and may not be framed.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def path(method: str) -> str:
    """Return the path of a method: `/v1/prove`, `/v1/fill-sorries`, …"""
    return "/v1/" + re.sub(r"(?<!^)([A-Z])", r"-\1", method).lower()


def application(calls: HttpCalls, settings: Settings, serving: Callable[[], bool]) -> Starlette:
    """Build the ASGI application.

    Args:
        calls: makes the calls.
        settings: size limits, and allowed origins and host names.
        serving: returns whether proofs can be checked now.
    """
    most = settings.server.message_bytes
    document = openapi.document({name: path(name) for name in METHODS})
    description = openapi.page(document)

    async def health(_request: Request) -> Response:
        ready = serving()
        return JSONResponse({"serving": ready}, 200 if ready else 503, answers.HEADERS)

    async def described(_request: Request) -> Response:
        return JSONResponse(document, headers=answers.HEADERS)

    async def documented(_request: Request) -> Response:
        return HTMLResponse(description, headers={**answers.HEADERS, "content-security-policy": _PAGE_POLICY})

    routes = [
        *page.routes(),
        Route(
            "/generate",
            Endpoint(calls, METHODS["SuggestTactics"], most, generate.read, generate.write),
            methods=["POST"],
        ),
        *(
            Route(
                page,
                Endpoint(
                    calls,
                    METHODS["CheckProofs"],
                    most,
                    bundled=functools.partial(read, longest=settings.check.maximum_seconds),
                ),
                methods=["POST"],
            )
            for page, read in kimina.PAGES.items()
        ),
        Route("/healthz", health),
        Route("/openapi.json", described),
        Route("/docs", documented),
        *(Route(path(name), Endpoint(calls, method, most), methods=["POST"]) for name, method in METHODS.items()),
    ]
    return Starlette(routes=routes, middleware=_middleware(settings), exception_handlers={HTTPException: _no_such_page})


def _middleware(settings: Settings) -> list[Middleware]:
    found = []
    if is_local(settings.http.listen):
        # After DNS rebinding, a browser takes a foreign page for one of this server, so the host name is checked.
        names = [*_LOCAL_NAMES, *settings.http.hosts]
        found.append(Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False))
    if settings.http.origins:
        found.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.http.origins,
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type", "x-request-id"],
                expose_headers=["x-request-id", "retry-after"],
            )
        )
    return found


def _no_such_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = {404: (code_pb2.NOT_FOUND, "NO_SUCH_PAGE"), 405: (code_pb2.UNIMPLEMENTED, "METHOD")}
    code, reason = known.get(error.status_code, (code_pb2.INVALID_ARGUMENT, "BAD_INPUT"))
    text = {
        404: f"there is no {quote(request.url.path)[:200]} here: /docs lists what there is",
        405: f"this page answers {(error.headers or {}).get('Allow', 'another method')} alone",
    }.get(error.status_code, "the request cannot be understood")
    return _Error(answers.plain_status(code, text, reason), error)


class _Error(Response):
    def __init__(self, status: Status, error: HTTPException) -> None:
        super().__init__()
        self._status = status
        self._number = error.status_code
        self._allow = dict(error.headers or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answers.send_error(send, self._status, self._allow, self._number)
