"""The header of a theorem: every header that Lean accepts is read, and positions in it are kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import DEFAULT_IMPORTS, Header, HeaderError

HEADERS: dict[str, tuple[str, tuple[str, ...], str, int]] = {
    "a licence first": ("/- licence -/\nimport Std\nimport Init", ("Std", "Init"), "", 2),
    "a module's remark first": ("/-! about -/\nimport Std", ("Std",), "", 1),
    "a remark behind": ("import Std /- why -/\nimport Init -- so", ("Std", "Init"), "", 1),
    "two on a line": ("import Std import Init", ("Std", "Init"), "", 0),
    "nested remarks": ("/- a /- b -/ c -/ import Std\n\n\nuniverse u", ("Std",), "universe u", 3),
    "a module": ("module\n\npublic import Std\nimport all Init\nopen Nat", ("Std", "Init"), "open Nat", 4),
    "meta imports": ("module\npublic meta import Std\nmeta import Init", ("Std", "Init"), "", 2),
    "a prelude": ("prelude\nimport Init", ("Init",), "", 1),
    "a public section behind": ("module\npublic import Std\npublic section", ("Std",), "public section", 2),
    "no import": ("open Nat", DEFAULT_IMPORTS, "open Nat", 0),
    "a remark and no import": ("-- why\nopen Nat", DEFAULT_IMPORTS, "open Nat", 1),
    "twice the same": ("import Std\nimport Std", ("Std",), "", 1),
    "nothing": ("", DEFAULT_IMPORTS, "", 0),
}


@pytest.mark.parametrize("name", HEADERS)
def test_header_that_lean_takes_is_read(name: str) -> None:
    text, imports, prelude, before = HEADERS[name]
    header = Header.parse(text)
    assert (header.imports, header.prelude, header.source) == (imports, prelude, text)
    if prelude:
        assert header.before == before


@pytest.mark.parametrize(
    ("text", "line"),
    [("import", 1), ("import Std\nimport 3", 2), ("\n/- open", 2), ("import Std\nimport open.", 2), ("import all", 1)],
)
def test_header_that_is_none_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(HeaderError, match=f"header line {line}:"):
        Header.parse(text)


@given(st.text(alphabet="import Std-/!\n opesalmdu", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        header = Header.parse(text)
    except HeaderError:
        return
    assert header.prelude in text
    assert Header.parse(header.text) == header
