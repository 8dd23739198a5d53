"""The rewriting of a WebAssembly module, run by the real Node."""

import json
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.lean.embedded import wasm
from prover.lean.embedded.node import node_binary


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + wasm._leb(len(content)) + content


def name(text: str) -> bytes:
    return wasm._leb(len(text.encode())) + text.encode()


def module(
    functions: int = 5,
    table: bytes = b"\x01\x70\x00\x02",
    elements: bytes = b"\x01\x00\x41\x01\x0b\x01\x02",
    globals_: bytes = b"\x02\x7f\x00\x41\x80\x80\x04\x0b\x7f\x01\x41\x07\x0b",
) -> bytes:
    """Functions `f0`, `f1`, … return 100, 101, …; the table holds f1 at 1; `data` is 65536; `top` is mutable, 7."""
    imports = [b"\x00\x00", b"\x02\x03\x01\x02", b"\x03\x7f\x00"]  # a function, a shared memory, a global
    exports = [(f"f{n}", 0, n + 1) for n in range(functions)] + [
        ("ü", 0, 1),
        ("table", 1, 0),
        ("data", 3, 1),
        ("top", 3, 2),
    ]
    bodies = [b"\x00\x41" + wasm._signed_leb(100 + n) + b"\x0b" for n in range(functions)]
    return b"".join(
        [
            b"\0asm\1\0\0\0",
            section(0, name("note") + b"kept"),
            section(1, b"\x01\x60\x00\x01\x7f"),
            section(2, b"\x03" + b"".join(name("env") + name(f"i{n}") + what for n, what in enumerate(imports))),
            section(3, wasm._leb(functions) + bytes(functions)),
            section(4, table),
            section(6, globals_),
            section(7, wasm._leb(len(exports)) + b"".join(name(n) + bytes([k]) + wasm._leb(i) for n, k, i in exports)),
            section(9, elements),
            section(10, wasm._leb(functions) + b"".join(wasm._leb(len(body)) + body for body in bodies)),
        ]
    )


def run(folder: Path, rewritten: wasm.Rewritten, script: str) -> object:
    """What `script` makes of `instance`, `symbol` and `compiled` in Node."""
    (folder / "module.wasm").write_bytes(rewritten.module)
    (folder / "module.symbols").write_bytes(rewritten.symbols)
    symbols = resources.files(wasm.__package__).joinpath("host/symbols.js")
    program = f"""
        const symbol = require({json.dumps(str(symbols))}).finder({json.dumps(str(folder / "module.symbols"))});
        const compiled = new WebAssembly.Module(require("fs").readFileSync({json.dumps(str(folder / "module.wasm"))}));
        const memory = new WebAssembly.Memory({{ initial: 1, maximum: 2, shared: true }});
        const instance = new WebAssembly.Instance(compiled, {{ env: {{ i0() {{}}, i1: memory, i2: 5 }} }}).exports;
        console.log(JSON.stringify({script}));
    """
    done = subprocess.run([str(node_binary()), "-e", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_only_what_is_kept_and_mutable_globals_stay_exported(tmp_path: Path) -> None:
    rewritten = wasm.rewrite(module(), {"f2", "table"})
    assert run(tmp_path, rewritten, "Object.keys(instance).sort()") == ["f2", "mutable global 2", "table"]
    assert run(tmp_path, rewritten, "[instance.f2(), instance['mutable global 2'].value]") == [102, 7]


def test_symbols_lead_to_functions_through_the_table(tmp_path: Path) -> None:
    rewritten = wasm.rewrite(module(), {"table"})
    script = "['f0', 'f1', 'f2', 'f3', 'f4', 'ü'].map((name) => instance.table.get(symbol(name))())"
    assert run(tmp_path, rewritten, script) == [100, 101, 102, 103, 104, 100]


def test_a_function_keeps_the_place_it_had_in_the_table(tmp_path: Path) -> None:
    assert run(tmp_path, wasm.rewrite(module(), {"table"}), "symbol('f1')") == 1


def test_symbols_of_data_are_addresses(tmp_path: Path) -> None:
    assert run(tmp_path, wasm.rewrite(module(), {"table"}), "symbol('data')") == 65536


def test_unknown_symbols_are_zero(tmp_path: Path) -> None:
    script = "['', 'f', 'f00', 'g', 'zzz', 'f1\\0', 'table', 'top'].map(symbol)"
    assert run(tmp_path, wasm.rewrite(module(), {"table"}), script) == [0] * 8


def test_thousands_of_functions_find_their_places(tmp_path: Path) -> None:
    rewritten = wasm.rewrite(module(functions=3000), {"table"})
    script = "Array.from({length: 3000}, (_, n) => instance.table.get(symbol('f' + n))() - n).every((x) => x === 100)"
    assert run(tmp_path, rewritten, script) is True


def test_other_sections_are_untouched(tmp_path: Path) -> None:
    script = "Buffer.from(WebAssembly.Module.customSections(compiled, 'note')[0]).toString()"
    assert run(tmp_path, wasm.rewrite(module(), {"table"}), script) == "kept"


def test_an_export_that_is_missing_is_named() -> None:
    with pytest.raises(wasm.WasmError, match="does not export 'main'"):
        wasm.rewrite(module(), {"main"})


@pytest.mark.parametrize(
    ("binary", "message"),
    [
        (b"#!/bin/sh", "not a WebAssembly module"),
        (b"\0asm\1\0\0\0", "no section 2"),
        (module(table=b"\x02\x70\x00\x02\x70\x00\x02"), "exactly one function table"),
        (module(table=b"\x01\x70\x01\x02\x08"), "has a maximum"),
        (module(elements=b"\x01\x01\x00\x01\x01"), "one active segment"),
        (module(globals_=b"\x01\x7e\x00\x42\x00\x0b"), "not a constant i32"),
    ],
)
def test_a_module_of_another_shape_is_refused(binary: bytes, message: str) -> None:
    with pytest.raises(wasm.WasmError, match=message):
        wasm.rewrite(binary, {"table"})


@given(st.integers(0, 2**32 - 1))
def test_unsigned_numbers_are_read_as_they_are_written(value: int) -> None:
    assert wasm._Reader(wasm._leb(value)).u32() == value


@given(st.integers(0, 2**31 - 1))
def test_signed_numbers_are_read_as_they_are_written(value: int) -> None:
    assert wasm._Reader(wasm._signed_leb(value)).s32() == value
