"""Rewrites lean.wasm, once, when the embedded Lean is prepared.

As shipped, the module exports 201,110 symbols, so that the interpreter can look them up by name. Each becomes a
JavaScript object in every thread: most of the start-up time and of the memory. Here the symbols go to a side file that
host.js searches, their functions get fixed places in the module's function table, and only the few names that the glue
uses stay exported.

Format: https://webassembly.github.io/spec/core/binary/modules.html
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_MAGIC = b"\0asm\1\0\0\0"
_IMPORT, _TABLE, _GLOBAL, _EXPORT, _ELEMENT = 2, 4, 6, 7, 9
_FUNCTION_KIND, _GLOBAL_KIND = 0, 3
_I32, _FUNCREF = 0x7F, 0x70
_I32_CONST, _END = 0x41, 0x0B

MUTABLE_GLOBAL = "mutable global {}"
"""Name under which a mutable global of the module is exported, by its index: an image needs them all (image.js)."""


class WasmError(ValueError):
    """The module is not of the shape that this rewriting was written for."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The two files that replace lean.wasm.

    Attributes:
        module: the module with few exports.
        symbols: what the exports were: a header of three little-endian u32 (number of symbols n, bytes of names), n + 1
            offsets of names, n values (place in the function table, or address of data), then the names, sorted.
    """

    module: bytes
    symbols: bytes


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def u8(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def u32(self) -> int:
        """An unsigned LEB128."""
        result = shift = 0
        while True:
            byte = self.u8()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def s32(self) -> int:
        """A signed LEB128."""
        start = self.at
        value = self.u32()
        bits = 7 * (self.at - start)
        return value - (1 << bits) if value >> (bits - 1) else value

    def bytes(self) -> bytes:
        length = self.u32()
        self.at += length
        return self.data[self.at - length : self.at]

    def limits(self) -> tuple[int, int]:
        """Flags and minimum; a maximum is skipped."""
        flags, minimum = self.u8(), self.u32()
        if flags & 1:
            self.u32()
        return flags, minimum


def rewrite(module: bytes, keep: Collection[str]) -> Rewritten:
    """Moves the exports of `module` to a symbol file, except those in `keep`.

    Raises:
        WasmError: the module is not of the expected shape, or has no export of a name in `keep`.
    """
    sections = dict(_sections(module))
    if lacking := {_IMPORT, _TABLE, _GLOBAL, _EXPORT, _ELEMENT} - sections.keys():
        raise WasmError(f"lean.wasm has no section {min(lacking)}")
    exports = dict(_exports(sections[_EXPORT]))
    if missing := sorted(set(keep) - exports.keys()):
        raise WasmError(f"lean.wasm does not export {missing[0]!r}")
    globals_ = _Globals.of(sections)
    table_size = _table_size(sections[_TABLE])
    slots, first = _table_slots(sections[_ELEMENT])
    added: list[int] = []
    values: dict[bytes, int] = {}
    for name, (kind, index) in exports.items():
        if kind == _FUNCTION_KIND:
            if index not in slots:
                slots[index] = table_size + len(added)
                added.append(index)
            values[name.encode()] = slots[index]
        elif kind == _GLOBAL_KIND and index in globals_.constants:
            values[name.encode()] = globals_.constants[index]
    kept = [(name, exports[name]) for name in sorted(keep)]
    kept += [(MUTABLE_GLOBAL.format(index), (_GLOBAL_KIND, index)) for index in globals_.mutable]
    sections[_TABLE] = bytes([1, _FUNCREF, 0]) + _leb(table_size + len(added))
    sections[_ELEMENT] = _leb(2) + first + _active_elements(table_size, added)
    sections[_EXPORT] = _leb(len(kept)) + b"".join(_export(name, *what) for name, what in kept)
    parts = [_MAGIC]
    for number, original in _sections(module):
        content = sections[number] if number else original
        parts += [bytes([number]), _leb(len(content)), content]
    return Rewritten(b"".join(parts), _symbol_file(values))


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    if module[: len(_MAGIC)] != _MAGIC:
        raise WasmError("lean.wasm is not a WebAssembly module")
    reader = _Reader(module, len(_MAGIC))
    while reader.at < len(module):
        number = reader.u8()
        yield number, reader.bytes()


def _exports(section: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    reader = _Reader(section)
    for _ in range(reader.u32()):
        name = reader.bytes().decode()
        kind = reader.u8()
        yield name, (kind, reader.u32())


def _export(name: str, kind: int, index: int) -> bytes:
    encoded = name.encode()
    return _leb(len(encoded)) + encoded + bytes([kind]) + _leb(index)


def _table_size(section: bytes) -> int:
    reader = _Reader(section)
    if reader.u32() != 1 or reader.u8() != _FUNCREF:
        raise WasmError("lean.wasm does not have exactly one function table")
    flags, size = reader.limits()
    if flags:
        raise WasmError("the function table of lean.wasm has a maximum")
    return size


def _table_slots(section: bytes) -> tuple[dict[int, int], bytes]:
    """Where each function stands in the table, and the one active segment that put them there."""
    reader = _Reader(section)
    if reader.u32() != 1 or reader.u32() != 0 or reader.u8() != _I32_CONST:
        raise WasmError("the function table of lean.wasm is not filled by one active segment")
    offset = reader.s32()
    if reader.u8() != _END:
        raise WasmError("the function table of lean.wasm is not filled from a constant offset")
    slots: dict[int, int] = {}
    for slot in range(offset, offset + reader.u32()):
        slots.setdefault(reader.u32(), slot)
    return slots, section[1:]


def _active_elements(offset: int, functions: list[int]) -> bytes:
    head = bytes([0, _I32_CONST]) + _signed_leb(offset) + bytes([_END])
    return head + _leb(len(functions)) + b"".join(map(_leb, functions))


@dataclass(frozen=True, slots=True)
class _Globals:
    """The module's own i32 globals, by index: the values of constants, and which are mutable."""

    constants: dict[int, int]
    mutable: list[int]

    @staticmethod
    def of(sections: dict[int, bytes]) -> "_Globals":
        reader = _Reader(sections[_GLOBAL])
        constants: dict[int, int] = {}
        mutable: list[int] = []
        first = _imported_globals(sections[_IMPORT])
        for index in range(first, first + reader.u32()):
            kind, mutability, opcode = reader.u8(), reader.u8(), reader.u8()
            if kind != _I32 or opcode != _I32_CONST:
                raise WasmError("lean.wasm has a global that is not a constant i32")
            value = reader.s32()
            if reader.u8() != _END:
                raise WasmError("lean.wasm has a global with a computed value")
            if mutability:
                mutable.append(index)
            else:
                constants[index] = value
        return _Globals(constants, mutable)


def _imported_globals(section: bytes) -> int:
    reader = _Reader(section)
    count = 0
    for _ in range(reader.u32()):
        reader.bytes()
        reader.bytes()
        match reader.u8():
            case 0:
                reader.u32()
            case 1:
                reader.u8()
                reader.limits()
            case 2:
                reader.limits()
            case 3:
                reader.at += 2
                count += 1
            case kind:
                raise WasmError(f"lean.wasm has an import of the unknown kind {kind}")
    return count


def _symbol_file(values: dict[bytes, int]) -> bytes:
    names = sorted(values)
    offsets = [0]
    for name in names:
        offsets.append(offsets[-1] + len(name))
    return b"".join(
        [
            struct.pack("<2I", len(names), offsets[-1]),
            struct.pack(f"<{len(offsets)}I", *offsets),
            struct.pack(f"<{len(names)}I", *(values[name] for name in names)),
            *names,
        ]
    )


def _leb(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed_leb(value: int) -> bytes:
    """LEB128 of a non-negative value that is read as signed."""
    out = bytearray()
    while value >= 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
