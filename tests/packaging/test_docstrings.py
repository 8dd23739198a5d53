"""Docstrings are read apart from their names, in an editor or a search: they must not begin with a word that needs one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("prover", "service", "training")
OPENINGS = {"What", "Who", "Whoever", "Whose", "Nobody", "Those", "Whatever", "Their", "Its", "Of", "Behind", "Beside"}

pytestmark = pytest.mark.fast


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of the docstrings in a module, those of attributes included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_begin_with_their_subject(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {text.split('.')[0]}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, text in docstrings(path)
        if text.split(maxsplit=1)[0] in OPENINGS
    ]
    assert wrong == [], "say what it is, or what it does, with a noun or a verb first"
