"""Rewrites lean.wasm, once, when the embedded Lean is prepared.

The original module exports 201,110 symbols, so that the interpreter can look them up by name. Each becomes a JavaScript
object in every thread: most of the start-up time and of the memory. The symbols move to a side file that
host/symbols.js searches, their functions get fixed places in the module's function table, and only the few names that
the glue uses stay exported. The table itself is imported, from a module that makes calls which may throw (invoke.py).
"""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from prover.lean.runtimes.embedded.binary import (
    BinaryReader,
    Kind,
    Op,
    Type,
    WasmError,
    WasmSection,
    assemble,
    export,
    leb,
    name,
    sections,
    signed_leb,
    vector,
)
from prover.lean.runtimes.embedded.invoke import INVOKE, function_types, invoke_module

MUTABLE_GLOBAL = "mutable global {}"
"""Name of the export of a mutable global, by its index: an image needs all of them (host/image.js)."""

PADDING = 16
"""Number of bytes before the module in the file lean.padded; host/pages.js explains why."""

_STACK_GET = b"emscripten_stack_get_current"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The files that replace lean.wasm.

    Attributes:
        module: the module with few exports.
        symbols: the former exports: two little-endian u32 (number of symbols n, bytes of names), n + 1 offsets of
            names, n values (place in the function table, or address of data), then the names, sorted.
        invoke: the module from which `module` imports its table and its `invoke_…` functions.
    """

    module: bytes
    symbols: bytes
    invoke: bytes


def rewrite(module: bytes, keep: Collection[str]) -> Rewritten:
    """Move the exports of `module` to a symbol file, except those in `keep`.

    Raises:
        WasmError: the module does not have the expected structure, or has no export of a name in `keep`.
    """
    old = dict(sections(module))
    if lacking := set(_NEEDED) - old.keys():
        raise WasmError(f"lean.wasm has no section {min(lacking)}")
    exports = dict(_exports(old[WasmSection.EXPORT]))
    if missing := sorted(set(keep) - exports.keys()):
        raise WasmError(f"lean.wasm does not export {missing[0]!r}")
    imports = _Imports.of(old[WasmSection.IMPORT])
    globals_ = _Globals.of(old[WasmSection.GLOBAL], first=imports.globals)
    first_added = _table_size(old[WasmSection.TABLE])
    slots, first = _table_slots(old[WasmSection.ELEMENT])
    added: list[int] = []
    values: dict[bytes, int] = {}
    for symbol, (kind, index) in exports.items():
        if kind == Kind.FUNCTION:
            if index not in slots:
                slots[index] = first_added + len(added)
                added.append(index)
            values[symbol.encode()] = slots[index]
        elif kind == Kind.GLOBAL and index in globals_.constants:
            values[symbol.encode()] = globals_.constants[index]
    if _STACK_GET not in values:
        raise WasmError(f"lean.wasm does not export {_STACK_GET.decode()!r}")
    table_size = first_added + len(added)
    table = name("host") + name("table") + bytes([Kind.TABLE, Type.FUNCREF, 0]) + leb(table_size)
    kept = [export(symbol, *exports[symbol]) for symbol in sorted(keep)]
    kept += [export(MUTABLE_GLOBAL.format(index), Kind.GLOBAL, index) for index in globals_.mutable]
    new: dict[int, bytes] = {
        WasmSection.IMPORT: vector([*imports.entries, table]),
        WasmSection.EXPORT: vector(kept),
        WasmSection.ELEMENT: leb(2) + first + _active_elements(first_added, added),
    }
    rest = ((number, content) for number, content in sections(module) if number != WasmSection.TABLE)
    types = function_types(old[WasmSection.TYPE])
    invoked = {symbol: types[index] for symbol, index in imports.functions if symbol.startswith(INVOKE)}
    return Rewritten(
        assemble((number, new.get(number, content)) for number, content in rest),
        _symbol_file(values),
        invoke_module(invoked, table_size, stack_get=values[_STACK_GET]),
    )


_NEEDED = (
    WasmSection.TYPE,
    WasmSection.IMPORT,
    WasmSection.TABLE,
    WasmSection.GLOBAL,
    WasmSection.EXPORT,
    WasmSection.ELEMENT,
)


def _exports(section: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    reader = BinaryReader(section)
    for _ in range(reader.u32()):
        name = reader.name()
        kind = reader.u8()
        yield name, (kind, reader.u32())


def _table_size(section: bytes) -> int:
    reader = BinaryReader(section)
    if reader.u32() != 1 or reader.u8() != Type.FUNCREF:
        raise WasmError("lean.wasm does not have exactly one function table")
    flags, size = reader.limits()
    if flags:
        raise WasmError("the function table of lean.wasm has a maximum")
    return size


def _table_slots(section: bytes) -> tuple[dict[int, int], bytes]:
    """Return each function's index in the table, and the only active segment, which sets them."""
    reader = BinaryReader(section)
    if reader.u32() != 1 or reader.u32() != 0 or reader.u8() != Op.I32_CONST:
        raise WasmError("the function table of lean.wasm is not filled by one active segment")
    offset = reader.s32()
    if reader.u8() != Op.END:
        raise WasmError("the function table of lean.wasm is not filled from a constant offset")
    slots: dict[int, int] = {}
    for slot in range(offset, offset + reader.u32()):
        slots.setdefault(reader.u32(), slot)
    return slots, section[1:]


def _active_elements(offset: int, functions: list[int]) -> bytes:
    head = bytes([0, Op.I32_CONST]) + signed_leb(offset) + bytes([Op.END])
    return head + leb(len(functions)) + b"".join(map(leb, functions))


@dataclass(frozen=True, slots=True)
class _Globals:
    """The module's own i32 globals by index: values of constants, and which are mutable."""

    constants: dict[int, int]
    mutable: list[int]

    @staticmethod
    def of(section: bytes, first: int) -> "_Globals":
        reader = BinaryReader(section)
        constants: dict[int, int] = {}
        mutable: list[int] = []
        for index in range(first, first + reader.u32()):
            kind, mutability, opcode = reader.u8(), reader.u8(), reader.u8()
            if kind != Type.I32 or opcode != Op.I32_CONST:
                raise WasmError("lean.wasm has a global that is not a constant i32")
            value = reader.s32()
            if reader.u8() != Op.END:
                raise WasmError("lean.wasm has a global with a computed value")
            if mutability:
                mutable.append(index)
            else:
                constants[index] = value
        return _Globals(constants, mutable)


@dataclass(frozen=True, slots=True)
class _Imports:
    """The unchanged entries of the import section, names and types of imported functions, and the number of globals."""

    entries: list[bytes]
    functions: list[tuple[str, int]]
    globals: int

    @staticmethod
    def of(section: bytes) -> "_Imports":
        reader = BinaryReader(section)
        entries: list[bytes] = []
        functions: list[tuple[str, int]] = []
        globals_ = 0
        for _ in range(reader.u32()):
            start = reader.at
            reader.name()
            symbol = reader.name()
            match reader.u8():
                case Kind.FUNCTION:
                    functions.append((symbol, reader.u32()))
                case Kind.MEMORY:
                    reader.limits()
                case Kind.GLOBAL:
                    reader.at += 2
                    globals_ += 1
                case kind:
                    raise WasmError(f"lean.wasm has an import of the unknown kind {kind}")
            entries.append(section[start : reader.at])
        return _Imports(entries, functions, globals_)


def _symbol_file(values: dict[bytes, int]) -> bytes:
    names = sorted(values)
    offsets = [0]
    for symbol in names:
        offsets.append(offsets[-1] + len(symbol))
    return b"".join(
        [
            struct.pack("<2I", len(names), offsets[-1]),
            struct.pack(f"<{len(offsets)}I", *offsets),
            struct.pack(f"<{len(names)}I", *(values[symbol] for symbol in names)),
            *names,
        ]
    )
