"""The rewriting of a WebAssembly module, run by the real Node."""

import json
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.lean.runtimes.embedded import wasm
from prover.lean.runtimes.embedded.binary import (
    BinaryReader,
    Kind,
    WasmError,
    WasmSection,
    assemble,
    export,
    leb,
    name,
    signed_leb,
    vector,
)
from prover.lean.runtimes.embedded.invoke import FunctionType, invoke_module
from prover.lean.runtimes.embedded.node import node_binary


def module(
    functions: int = 5,
    table: bytes = b"\x01\x70\x00\x02",
    elements: bytes = b"\x01\x00\x41\x01\x0b\x01\x03",
    globals_: bytes = b"\x02\x7f\x00\x41\x80\x80\x04\x0b\x7f\x01\x41\x07\x0b",
) -> bytes:
    """A small module of the shape of lean.wasm.

    Functions `f0`, `f1`, … return 100, 101, …; `fail` calls an import that throws; `attempt(n)` calls what stands at n
    in the table through `invoke_i`. The table holds f1 at 1; `data` is 65536; `top` is mutable, 7.
    """
    imports = [
        name("env") + name("thrower") + b"\x00\x00",
        name("env") + name("invoke_i") + b"\x00\x01",
        name("env") + name("memory") + b"\x02\x03\x01\x02",  # shared
        name("env") + name("number") + b"\x03\x7f\x00",
    ]
    bodies = [b"\x00\x41" + signed_leb(100 + n) + b"\x0b" for n in range(functions)]
    bodies += [b"\x00\x10\x00\x0b", b"\x00\x20\x00\x10\x01\x0b"]
    exports = [(f"f{n}", Kind.FUNCTION, n + 2) for n in range(functions)]
    exports += [("ü", Kind.FUNCTION, 2), ("emscripten_stack_get_current", Kind.FUNCTION, 2)]
    exports += [("fail", Kind.FUNCTION, functions + 2), ("attempt", Kind.FUNCTION, functions + 3)]
    exports += [("data", Kind.GLOBAL, 1), ("top", Kind.GLOBAL, 2)]
    return assemble(
        [
            (0, name("note") + b"kept"),
            (WasmSection.TYPE, b"\x02\x60\x00\x01\x7f\x60\x01\x7f\x01\x7f"),
            (WasmSection.IMPORT, vector(imports)),
            (WasmSection.FUNCTION, vector([b"\x00"] * (functions + 1) + [b"\x01"])),
            (WasmSection.TABLE, table),
            (WasmSection.GLOBAL, globals_),
            (WasmSection.EXPORT, vector(export(*what) for what in exports)),
            (WasmSection.ELEMENT, elements),
            (WasmSection.CODE, vector(leb(len(body)) + body for body in bodies)),
        ]
    )


def run(folder: Path, rewritten: wasm.Rewritten, script: str) -> object:
    """What `script` makes of `lean`, `table`, `symbol`, `compiled` in Node. `thrown` is what `fail` throws."""
    (folder / "module.wasm").write_bytes(rewritten.module)
    (folder / "module.symbols").write_bytes(rewritten.symbols)
    (folder / "invoke.wasm").write_bytes(rewritten.invoke)
    host = resources.files(wasm.__package__).joinpath("host")
    program = f"""
        process.chdir({json.dumps(str(folder))});
        const symbol = require({json.dumps(str(host / "symbols.js"))}).finder("module.symbols");
        const log = [];
        let thrown = 5;
        const Module = {{}};
        const env = {{
            thrower() {{ throw thrown }}, number: 5, invoke_i: () => "unused",
            memory: new WebAssembly.Memory({{ initial: 1, maximum: 2, shared: true }}),
        }};
        const link = require({json.dumps(str(host / "link.js"))}).linker("invoke.wasm", Module)(env);
        const {{ table }} = link;
        const compiled = new WebAssembly.Module(require("fs").readFileSync("module.wasm"));
        const lean = new WebAssembly.Instance(compiled, {{ host: link, env }}).exports;
        Module.lean = {{
            _emscripten_stack_restore: (stack) => log.push(["stack", stack]), setThrew: (...a) => log.push(["threw", ...a]),
        }};
        console.log(JSON.stringify({script}));
    """
    done = subprocess.run([str(node_binary()), "-e", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_only_what_is_kept_and_mutable_globals_stay_exported(tmp_path: Path) -> None:
    rewritten = wasm.rewrite(module(), {"f2"})
    assert run(tmp_path, rewritten, "Object.keys(lean).sort()") == ["f2", "mutable global 2"]
    assert run(tmp_path, rewritten, "[lean.f2(), lean['mutable global 2'].value]") == [102, 7]


def test_symbols_lead_to_functions_through_the_table(tmp_path: Path) -> None:
    rewritten = wasm.rewrite(module(), set())
    script = "['f0', 'f1', 'f2', 'f3', 'f4', 'ü'].map((name) => table.get(symbol(name))())"
    assert run(tmp_path, rewritten, script) == [100, 101, 102, 103, 104, 100]


def test_a_function_keeps_the_place_it_had_in_the_table(tmp_path: Path) -> None:
    assert run(tmp_path, wasm.rewrite(module(), set()), "symbol('f1')") == 1


def test_symbols_of_data_are_addresses(tmp_path: Path) -> None:
    assert run(tmp_path, wasm.rewrite(module(), set()), "symbol('data')") == 65536


def test_unknown_symbols_are_zero(tmp_path: Path) -> None:
    script = "['', 'f', 'f00', 'g', 'zzz', 'f1\\0', 'top'].map(symbol)"
    assert run(tmp_path, wasm.rewrite(module(), set()), script) == [0] * 7


def test_thousands_of_functions_find_their_places(tmp_path: Path) -> None:
    rewritten = wasm.rewrite(module(functions=3000), set())
    script = "Array.from({length: 3000}, (_, n) => table.get(symbol('f' + n))() - n).every((x) => x === 100)"
    assert run(tmp_path, rewritten, script) is True


def test_other_sections_are_untouched(tmp_path: Path) -> None:
    script = "Buffer.from(WebAssembly.Module.customSections(compiled, 'note')[0]).toString()"
    assert run(tmp_path, wasm.rewrite(module(), set()), script) == "kept"


def test_calls_that_may_throw_return_what_they_call(tmp_path: Path) -> None:
    script = "[lean.attempt(symbol('f2')), lean.attempt(1), log]"
    assert run(tmp_path, wasm.rewrite(module(), {"attempt"}), script) == [102, 101, []]


def test_a_thrown_number_is_caught_and_told(tmp_path: Path) -> None:
    script = "[lean.attempt(symbol('fail')), log]"
    assert run(tmp_path, wasm.rewrite(module(), {"attempt"}), script) == [0, [["stack", 100], ["threw", 1, 0]]]


def test_anything_else_that_is_thrown_passes(tmp_path: Path) -> None:
    script = "(() => { thrown = { passed: 1 }; try { return lean.attempt(symbol('fail')) } catch (e) { return [e, log] } })()"
    assert run(tmp_path, wasm.rewrite(module(), {"attempt"}), script) == [{"passed": 1}, []]


def test_calls_of_every_type_can_be_generated(tmp_path: Path) -> None:
    types = {"i": 0x7F, "j": 0x7E, "f": 0x7D, "d": 0x7C}
    functions = {
        f"invoke_{result}{parameters}": FunctionType(
            bytes([0x7F, *(types[letter] for letter in parameters)]), bytes([types[result]] if result in types else [])
        )
        for result in "vijfd"
        for parameters in ("", "i", "jfd", "iiiiiiiiiiiiiii")
    }
    (tmp_path / "invoke.wasm").write_bytes(invoke_module(functions, table_size=3, stack_get=0))
    script = "const bytes = require('fs').readFileSync(process.argv[1]);console.log(WebAssembly.Module.exports(new WebAssembly.Module(bytes)).length)"
    done = subprocess.run(
        [str(node_binary()), "-e", script, str(tmp_path / "invoke.wasm")], capture_output=True, check=True
    )
    assert int(done.stdout) == len(functions) + 1


def test_an_export_that_is_missing_is_named() -> None:
    with pytest.raises(WasmError, match="does not export 'main'"):
        wasm.rewrite(module(), {"main"})


@pytest.mark.parametrize(
    ("binary", "message"),
    [
        (b"#!/bin/sh", "not a WebAssembly module"),
        (b"\0asm\1\0\0\0", "no section 1"),
        (module(table=b"\x02\x70\x00\x02\x70\x00\x02"), "exactly one function table"),
        (module(table=b"\x01\x70\x01\x02\x08"), "has a maximum"),
        (module(elements=b"\x01\x01\x00\x01\x01"), "one active segment"),
        (module(globals_=b"\x01\x7e\x00\x42\x00\x0b"), "not a constant i32"),
    ],
)
def test_a_module_of_another_shape_is_refused(binary: bytes, message: str) -> None:
    with pytest.raises(WasmError, match=message):
        wasm.rewrite(binary, set())


@given(st.integers(0, 2**32 - 1))
def test_unsigned_numbers_are_read_as_they_are_written(value: int) -> None:
    assert BinaryReader(leb(value)).u32() == value


@given(st.integers(0, 2**31 - 1))
def test_signed_numbers_are_read_as_they_are_written(value: int) -> None:
    assert BinaryReader(signed_leb(value)).s32() == value
