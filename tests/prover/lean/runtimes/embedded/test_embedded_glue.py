"""The transformation of lean.js, on a small script of the same shape."""

import pytest

from prover.lean.runtimes.embedded import glue

BEFORE = "".join(f"/*{n}*/{old}" for n, (old, _) in enumerate(glue._REPLACEMENTS))
EXPORTS = 'var _used,_unused,__indirect,table;function assignWasmExports(wasmExports){_used=Module["_used"]=wasmExports["used"];_unused=wasmExports["unused"];__indirect=table=wasmExports["indirect"];}'
AFTER = 'function f(){_used();table;console.log("[DEBUG:X] a",1);return g(x)}'
SCRIPT = BEFORE + EXPORTS + AFTER


def test_each_pattern_is_replaced() -> None:
    transformed = glue.transform(SCRIPT)
    for old, new in glue._REPLACEMENTS:
        assert old not in transformed or old in new
        assert new in transformed


def test_exports_that_nothing_uses_are_dropped() -> None:
    transformed = glue.transform(SCRIPT)
    assert 'var _used,table;function assignWasmExports(wasmExports){_used=wasmExports["used"];}' in transformed
    assert "_unused" not in transformed


def test_debug_prints_are_dropped() -> None:
    assert glue.transform(SCRIPT).endswith("function f(){_used();table;0;return g(x)}")


def test_exports_used_are_those_of_the_script_and_of_the_host() -> None:
    assert glue.exports_used(glue.transform(SCRIPT)) == {"used", "__wasm_call_ctors"} | glue._HOST_EXPORTS


@pytest.mark.parametrize("old", [old for old, _ in glue._REPLACEMENTS] + ["function assignWasmExports(wasmExports){"])
def test_a_pattern_that_is_missing_is_named(old: str) -> None:
    with pytest.raises(glue.GlueError, match="0 times instead of once") as caught:
        glue.transform(SCRIPT.replace(old, ""))
    assert repr(old[:60]) in str(caught.value)


@pytest.mark.parametrize("old", [old for old, _ in glue._REPLACEMENTS])
def test_a_pattern_that_occurs_twice_is_named(old: str) -> None:
    with pytest.raises(glue.GlueError, match="2 times instead of once"):
        glue.transform(SCRIPT + old)
