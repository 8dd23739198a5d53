"""The allow-list as data."""

import tomllib
from collections import Counter
from importlib.resources import files

import pytest

from prover.lean.vetting import allow_list

TABLES = {
    entry.name: tomllib.loads(entry.read_text(encoding="utf-8"))
    for entry in files("prover.lean.vetting").iterdir()
    if entry.name.endswith(".toml")
}


@pytest.mark.parametrize("table", TABLES)
def test_every_entry_says_why_it_may_stand(table: str) -> None:
    entries = [entry for kind in TABLES[table].values() for entry in kind]
    assert entries
    assert all(entry["reason"].strip().endswith(".") for entry in entries)


def test_no_kind_stands_twice() -> None:
    assert [name for name, count in Counter(allow_list()["kinds"]).items() if count > 1] == []


def test_a_field_has_one_type() -> None:
    types = Counter(field for entry in allow_list()["configuration"] for field in set(entry["fields"]))
    assert [field for field, count in types.items() if count > 1] == []


def test_words_of_mathlib_are_in_namespaces_that_no_request_can_declare_syntax_in() -> None:
    """A kind at the root could be the name of a request's own syntax."""
    names = [name for entry in TABLES["mathlib.toml"]["kinds"] for name in entry["names"]]
    assert len(names) > 80
    assert all("." in name.partition("«")[0] for name in names)


@pytest.mark.parametrize("word", ["runTac", "polyrith", "run_cmd", "nativeDecide", "says", "slimCheck", "builder_name"])
def test_what_runs_code_or_asks_elsewhere_is_listed_nowhere(word: str) -> None:
    assert [name for name in allow_list()["kinds"] if word.lower() in name.lower()] == []
