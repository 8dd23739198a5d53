"""The web page: static files without external resources, read once, and looked up in a fixed list, never on disk."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    **{
        f"/static/{name}": (name, kind)
        for kind, names in {
            "text/css; charset=utf-8": ["page.css"],
            "image/svg+xml": ["icon.svg"],
            "text/javascript; charset=utf-8": [
                "calls.js",
                "classroom.js",
                "elements.js",
                "lean-input.js",
                "main.js",
                "results.js",
                "status.js",
                "teacher.js",
                "tutor.js",
                "vendor/unicode-input.js",
            ],
        }.items()
        for name in names
    },
}
HEADERS = {
    # Only scripts, styles and calls of this server; scripts cannot turn texts into elements (Trusted Types).
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def routes() -> list[Route]:
    """Return the routes of the page and its parts. They contain no data of this server and need no token."""
    return [_route(path, *file) for path, file in _FILES.items()]


def _route(path: str, name: str, kind: str) -> Route:
    text = resources.files("service.http").joinpath("static", name).read_bytes()

    async def answer(_request: Request) -> Response:
        return Response(text, media_type=kind, headers=HEADERS)

    return Route(path, answer)
