"""Reads and writes the WebAssembly binary format (https://webassembly.github.io/spec/core/binary/)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

MAGIC = b"\0asm\1\0\0\0"


class WasmError(ValueError):
    """A module does not have the expected structure."""


class WasmSection(IntEnum):
    """Numbers of the sections used here."""

    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    GLOBAL = 6
    EXPORT = 7
    ELEMENT = 9
    CODE = 10


class Kind(IntEnum):
    """Kinds of imports and exports."""

    FUNCTION = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3


class Op(IntEnum):
    """Opcodes and other code bytes."""

    TRY = 0x06
    CATCH = 0x07
    END = 0x0B
    CALL = 0x10
    CALL_INDIRECT = 0x11
    LOCAL_GET = 0x20
    LOCAL_SET = 0x21
    I32_CONST = 0x41
    NO_RESULT = 0x40


class Type(IntEnum):
    """Value types, and the marker of a function type."""

    I32 = 0x7F
    I64 = 0x7E
    F32 = 0x7D
    F64 = 0x7C
    FUNCREF = 0x70
    EXTERNREF = 0x6F
    FUNCTION = 0x60


@dataclass(slots=True)
class BinaryReader:
    """A cursor over binary data."""

    data: bytes
    at: int = 0

    def u8(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def u32(self) -> int:
        """Read an unsigned LEB128."""
        result = shift = 0
        while True:
            byte = self.u8()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def s32(self) -> int:
        """Read a signed LEB128."""
        start = self.at
        value = self.u32()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def bytes(self) -> bytes:
        length = self.u32()
        self.at += length
        return self.data[self.at - length : self.at]

    def name(self) -> str:
        return self.bytes().decode()

    def limits(self) -> tuple[int, int]:
        """Read flags and minimum; a maximum is skipped."""
        flags, minimum = self.u8(), self.u32()
        if flags & 1:
            self.u32()
        return flags, minimum


def leb(value: int) -> bytes:
    """Encode an unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed_leb(value: int) -> bytes:
    """Encode a nonnegative value as signed LEB128."""
    out = bytearray()
    while value >= 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def vector(items: Iterable[bytes]) -> bytes:
    """Encode the number of items, then the items."""
    parts = list(items)
    return leb(len(parts)) + b"".join(parts)


def name(text: str) -> bytes:
    """Encode a name: its length and UTF-8 bytes."""
    encoded = text.encode()
    return leb(len(encoded)) + encoded


def export(text: str, kind: int, index: int) -> bytes:
    """Encode one entry of the export section."""
    return name(text) + bytes([kind]) + leb(index)


def sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each section, in order.

    Raises:
        WasmError: the data are not a module.
    """
    if module[: len(MAGIC)] != MAGIC:
        raise WasmError("lean.wasm is not a WebAssembly module")
    reader = BinaryReader(module, len(MAGIC))
    while reader.at < len(module):
        number = reader.u8()
        yield number, reader.bytes()


def assemble(parts: Iterable[tuple[int, bytes]]) -> bytes:
    """Build a module from these sections."""
    return MAGIC + b"".join(bytes([number]) + leb(len(content)) + content for number, content in parts)
