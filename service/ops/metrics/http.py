"""The HTTP server for operators: `/metrics`, and `/livez` and `/readyz` for probes that speak no gRPC. In a thread."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app

_App = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]


@contextlib.contextmanager
def serving(host: str, port: int, registry: CollectorRegistry, ready: Callable[[], bool]) -> Iterator[int]:
    """Answer while the context lasts; yields the port.

    Raises:
        OSError: it is not possible to listen there.
    """
    kind = _Server6 if ":" in host else _Server
    with make_server(host, port, _app(registry, ready), kind, _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _app(registry: CollectorRegistry, ready: Callable[[], bool]) -> _App:
    metrics: _App = make_wsgi_app(registry)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                # In its OpenMetrics, prometheus_client writes `_` for the `:` in vLLM's names, without saying so in `# TYPE`.
                environ["HTTP_ACCEPT"] = "text/plain"
                return metrics(environ, start_response)
            case "/livez":
                status, text = "200 OK", b"alive\n"
            case "/readyz" if ready():
                status, text = "200 OK", b"a proof was checked\n"
            case "/readyz":
                status, text = "503 Service Unavailable", b"no proof can be checked now\n"
            case _:
                status, text = "404 Not Found", b"there is /metrics, /livez and /readyz\n"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])  # a new list: wsgiref adds to it
        return [text]

    return app


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 32

    def server_bind(self) -> None:
        """As the base class, without asking the name service who this machine is: it may be out of reach."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds a client may take to say what it wants

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: each scrape would be a line."""
