"""A small npm registry on this machine, over real HTTP, that can be as unreliable as a real one."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prover.lean.runtimes.embedded.cache.package import Package


def tarball(content: bytes = b"content") -> bytes:
    """A package of one file, as npm packs it."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, data in (("package.json", b'{"name": "thing", "version": "1.2.3"}'), ("file", content)):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), compresslevel=0, mtime=0)


class Registry(ThreadingHTTPServer):
    """Serves `thing` 1.2.3 whose tarball is `served`.

    Attributes:
        cut: how many bytes of a tarball's body are sent before the connection breaks; one entry a request, then whole.
        ranges: whether `Range` is obeyed.
        refuse: whether tarballs are refused to everybody but npm, as where credentials are needed.
        requests: the `Range` header of each request for a tarball, or None.
    """

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = content
        self.cut: list[int] = []
        self.ranges = True
        self.refuse = False
        self.requests: list[str | None] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    @property
    def tarball_url(self) -> str:
        return f"{self.url}thing/-/thing-1.2.3.tgz"


def package(content: bytes) -> Package:
    """`thing` 1.2.3, pinned to a tarball."""
    return Package("thing", "1.2.3", base64.b64encode(hashlib.sha512(content).digest()).decode())


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        if self.path.endswith(".tgz"):
            self._tarball()
        elif self.path.startswith("/thing"):
            integrity = "sha512-" + base64.b64encode(hashlib.sha512(self.server.served).digest()).decode()
            dist = {"tarball": self.server.tarball_url, "integrity": integrity}
            version = {"name": "thing", "version": "1.2.3", "dist": dist}
            self._json({"name": "thing", "dist-tags": {"latest": "1.2.3"}, "versions": {"1.2.3": version}})
        else:
            self.send_error(404)

    def _json(self, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _tarball(self) -> None:
        registry, wanted = self.server, self.headers.get("Range")
        if registry.refuse and "npm" not in self.headers.get("User-Agent", ""):
            self.send_error(401)
            return
        registry.requests.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and registry.ranges else 0
        if start >= len(registry.served):
            self.send_error(416)
            return
        body = registry.served[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if registry.cut:
            self.wfile.write(body[: registry.cut.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(2)
        else:
            self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Tests are quiet."""
