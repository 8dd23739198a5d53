"""The socket on which a worker acknowledges cancellations (docs/worker-protocol.md)."""

import asyncio
from collections.abc import Callable

_LONGEST_LINE = 64


class ControlChannel(asyncio.Protocol):
    """Splits received data into lines."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        """Call `received` with each line, and with data too long for a line."""
        self._received = received
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._received(line)
        if len(self._rest) > _LONGEST_LINE:
            self._received(self._rest)
