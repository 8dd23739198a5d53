"""Finding the worker's answers among everything else that a Lean process prints."""

from collections import deque


class FramingError(RuntimeError):
    """A line of the worker is longer than any answer may be."""


class Tail:
    """The last bytes of a noisy stream, kept for diagnosis, and how many there were in all."""

    def __init__(self, kept: int = 1 << 16) -> None:
        """Keep about the last `kept` bytes."""
        self._kept = kept
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Take one more piece of noise."""
        self.total += len(chunk)
        chunk = chunk[-self._kept :]
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._kept:
            self._size -= len(self._chunks.popleft())

    def text(self, limit: int = 2_000) -> str:
        """The last `limit` characters, printable: control characters are escaped, so it can stand in a log."""
        raw = b"".join(self._chunks).decode("utf-8", "backslashreplace")[-limit:].strip()
        return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in raw)


class Framer:
    """Splits a worker's stdout into answers (`<marker> <json>` lines) and noise.

    The marker is a nonce that no candidate can know, so it counts wherever it stands in a line: text printed without
    a line end does not swallow the answer after it.
    """

    def __init__(self, nonce: str, noise: Tail, longest: int = 16 << 20) -> None:
        """Look for answers marked with `nonce`, of at most `longest` bytes; the rest goes to `noise`."""
        self._marker = f"@{nonce} ".encode("ascii")
        self._noise = noise
        self._longest = longest
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer already searched for a line end

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they come; return the JSON text of each answer completed by them.

        Raises:
            FramingError: an answer is longer than allowed.
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
        """No more bytes will come: an unfinished line is noise."""
        self._noise.add(bytes(self._buffer))
        self._buffer.clear()
        self._seen = 0
