"""What a handler of gRPC knows of its call, for one that came over HTTP."""

from collections.abc import Mapping
from typing import Any, NoReturn

import grpc
from google.rpc import code_pb2, status_pb2

from service.grpc.status import status_of


class AbortedError(Exception):
    """The call ends with this `google.rpc.Status`."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(code_pb2.Code.Name(status.code))
        self.status = status


class HttpContext(grpc.aio.ServicerContext[Any, Any]):
    """A call over HTTP as `Servicer` and what surrounds it see it; there is no deadline, clients hang up.

    Attributes:
        sent: metadata for the client, to become headers.
    """

    def __init__(self, headers: Mapping[str, str], client: tuple[str, int] | None, common_name: str | None) -> None:
        """Tell of a request.

        Args:
            headers: names in lower case.
            client: its address.
            common_name: of the client's certificate, if it has shown a valid one.
        """
        self.sent: dict[str, str] = {}
        self._headers = headers
        self._client = client
        self._common_name = common_name
        self._code: int | None = None

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> NoReturn:  # the signature of gRPC
        """End the call."""
        status = status_of(trailing_metadata) or status_pb2.Status(code=code.value[0], message=details)
        self._code = status.code
        raise AbortedError(status)

    async def abort_with_status(self, status: Any) -> NoReturn:
        """End the call."""
        await self.abort(status.code, status.details, status.trailing_metadata)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Keep it for the headers."""
        self.sent.update({key: value for key, value in initial_metadata if isinstance(value, str)})

    def invocation_metadata(self) -> Any:
        """The headers."""
        return tuple(self._headers.items())

    def peer(self) -> str:
        """Who calls, as gRPC writes it."""
        if self._client is None:
            return "unix:"
        host, port = self._client
        return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"

    def auth_context(self) -> Mapping[str, Any]:
        """What the client's certificate says."""
        return {} if self._common_name is None else {"x509_common_name": [self._common_name.encode()]}

    def time_remaining(self) -> Any:
        """No deadline."""
        return None

    def code(self) -> Any:
        """How the call was ended, None if it was not."""
        return self._code

    def peer_identities(self) -> Any:
        """Not told."""
        return None

    def peer_identity_key(self) -> Any:
        """Not told."""
        return None

    async def read(self) -> Any:
        """Handlers get their requests as an argument."""
        raise RuntimeError("requests are an argument")

    async def write(self, message: Any) -> None:
        """Handlers yield their responses."""
        raise RuntimeError("responses are yielded")

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """There are no trailers."""

    def set_code(self, code: grpc.StatusCode) -> None:
        """The handler says how the call ends."""
        self._code = code.value[0]

    def set_details(self, details: str) -> None:
        """Only errors that are raised have a text."""

    def set_compression(self, compression: grpc.Compression) -> None:
        """Answers are sent as they are."""

    def disable_next_message_compression(self) -> None:
        """Answers are sent as they are."""
