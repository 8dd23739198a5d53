"""Separates the worker's answers from all other output of a Lean process."""

from collections import deque


class FramingError(RuntimeError):
    """A line of the worker exceeds the maximum size of an answer."""


class Tail:
    """The end of an output stream, kept for diagnosis, and its total length."""

    def __init__(self, kept: int = 1 << 16) -> None:
        """Keep about the last `kept` bytes."""
        self._kept = kept
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Add a piece of output."""
        self.total += len(chunk)
        chunk = chunk[-self._kept :]
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._kept:
            self._size -= len(self._chunks.popleft())

    def text(self, limit: int = 2_000) -> str:
        """Return the last `limit` characters with control characters escaped, safe for logs."""
        raw = b"".join(self._chunks).decode("utf-8", "backslashreplace")[-limit:].strip()
        return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in raw)


class Framer:
    """Splits a worker's stdout into answers (`<marker> <json>` lines) and other output.

    The marker is a nonce that no candidate knows, so it is recognised anywhere in a line: output without a line end
    cannot hide the answer after it.
    """

    def __init__(self, nonce: str, noise: Tail, longest: int = 16 << 20) -> None:
        """Recognise answers marked with `nonce` of at most `longest` bytes; other output goes to `noise`."""
        self._marker = f"@{nonce} ".encode("ascii")
        self._noise = noise
        self._longest = longest
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer that contain no line end

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes; return the JSON text of each answer they complete.

        Raises:
            FramingError: an answer is too long.
        """
        self._buffer += data
        answers: list[bytes] = []
        start = 0
        while (end := self._buffer.find(b"\n", max(start, self._seen))) >= 0:
            line = bytes(self._buffer[start:end])
            start = end + 1
            if (at := line.find(self._marker)) >= 0:
                if at:
                    self._noise.add(line[:at])
                answers.append(line[at + len(self._marker) :])
            else:
                self._noise.add(line + b"\n")
        del self._buffer[:start]
        self._seen = len(self._buffer)
        if self._seen > self._longest:
            if self._marker in self._buffer:
                raise FramingError(f"an answer is longer than {self._longest} bytes")
            keep = len(self._marker) - 1
            self._noise.add(bytes(self._buffer[:-keep]))
            del self._buffer[:-keep]
            self._seen = keep
        return answers

    def end(self) -> None:
        """Finish the stream: an unfinished line counts as other output."""
        self._noise.add(bytes(self._buffer))
        self._buffer.clear()
        self._seen = 0
