"""Makes calls that may throw without going through JavaScript.

Code that emscripten compiled with exceptions makes each call inside a C++ `try` through an imported function
`invoke_…`, which JavaScript provides; this takes a fifth of a check's time. The module written here provides them
instead, with WebAssembly's own exception handling; JavaScript is called only when something has been thrown
(host/link.js).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from prover.lean.runtimes.embedded.binary import (
    BinaryReader,
    Kind,
    Op,
    Type,
    WasmSection,
    assemble,
    export,
    leb,
    name,
    signed_leb,
    vector,
)

INVOKE = "invoke_"

_TAG_KIND = 4
_EXCEPTION_ATTRIBUTE = 0
_CAUGHT = 0  # index of the only imported function


@dataclass(frozen=True, slots=True)
class FunctionType:
    """Parameter and result types, as bytes of the binary format."""

    parameters: bytes
    results: bytes

    def encoded(self) -> bytes:
        """Encode as in a type section."""
        return (
            bytes([Type.FUNCTION]) + leb(len(self.parameters)) + self.parameters + leb(len(self.results)) + self.results
        )


def function_types(section: bytes) -> list[FunctionType]:
    """Parse a type section that contains only function types."""
    reader = BinaryReader(section)
    types = []
    for _ in range(reader.u32()):
        if reader.u8() != Type.FUNCTION:
            raise ValueError("a type that is not a function's")
        types.append(FunctionType(reader.bytes(), reader.bytes()))
    return types


def invoke_module(functions: Mapping[str, FunctionType], table_size: int, stack_get: int) -> bytes:
    """Build a module that exports `functions` and, as `table`, the function table that they call through.

    `invoke_…(index, arguments…)` calls the function at `index`. If that throws a JavaScript value, it calls the import
    `host.caught(value, stack)`, where `stack` is the earlier result of the function at `stack_get` in the table, and
    returns zero.
    """
    caught = FunctionType(bytes([Type.EXTERNREF, Type.I32]), b"")
    thrown = FunctionType(bytes([Type.EXTERNREF]), b"")
    stack = FunctionType(b"", bytes([Type.I32]))
    callees = [FunctionType(function.parameters[1:], function.results) for function in functions.values()]
    types = list(dict.fromkeys([caught, thrown, stack, *functions.values(), *callees]))
    number = {function: leb(index) for index, function in enumerate(types)}
    imports = [
        name("host") + name("caught") + bytes([Kind.FUNCTION]) + number[caught],
        name("host") + name("thrown") + bytes([_TAG_KIND, _EXCEPTION_ATTRIBUTE]) + number[thrown],
    ]
    exports = [export(function, Kind.FUNCTION, _CAUGHT + 1 + index) for index, function in enumerate(functions)]
    bodies = [
        _body(function, number[callee], number[stack], stack_get)
        for function, callee in zip(functions.values(), callees, strict=True)
    ]
    return assemble(
        [
            (WasmSection.TYPE, vector(function.encoded() for function in types)),
            (WasmSection.IMPORT, vector(imports)),
            (WasmSection.FUNCTION, vector(number[function] for function in functions.values())),
            (WasmSection.TABLE, vector([bytes([Type.FUNCREF, 0]) + leb(table_size)])),
            (WasmSection.EXPORT, vector([*exports, export("table", Kind.TABLE, 0)])),
            (WasmSection.CODE, vector(leb(len(body)) + body for body in bodies)),
        ]
    )


def _body(function: FunctionType, callee: bytes, stack: bytes, stack_get: int) -> bytes:
    arguments = range(1, len(function.parameters))
    saved = leb(len(function.parameters))  # the only local variable, after the parameters
    result = function.results
    return b"".join(
        [
            bytes([1, 1, Type.I32]),
            bytes([Op.I32_CONST]) + signed_leb(stack_get) + bytes([Op.CALL_INDIRECT]) + stack + b"\0",
            bytes([Op.LOCAL_SET]) + saved,
            bytes([Op.TRY]) + (result or bytes([Op.NO_RESULT])),
            *(bytes([Op.LOCAL_GET]) + leb(argument) for argument in arguments),
            bytes([Op.LOCAL_GET, 0, Op.CALL_INDIRECT]) + callee + b"\0",
            bytes([Op.CATCH, 0, Op.LOCAL_GET]) + saved + bytes([Op.CALL, _CAUGHT]),
            _ZERO[result],
            bytes([Op.END, Op.END]),
        ]
    )


_ZERO = {
    b"": b"",
    bytes([Type.I32]): b"\x41\0",
    bytes([Type.I64]): b"\x42\0",
    bytes([Type.F32]): b"\x43" + bytes(4),
    bytes([Type.F64]): b"\x44" + bytes(8),
}
