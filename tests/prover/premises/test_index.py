"""An index on disk, and the searches that need no Lean."""

from pathlib import Path

from prover.lean.wire.library import Declarations, ImportedModule
from prover.premises import names, relevance
from prover.premises.index import Index, load, read_module, save
from prover.premises.query import QueryKind, kind_of
from prover.premises.trees import Vocabulary

PAGE = Declarations(
    (
        ("Nat.add_comm", "theorem", False, " p.2 0.0 p.2 0.0 1.3 0.0 2.2 b0.0 b1.0 2.2 b1.0 b0.0"),
        ("Nat.mul_comm", "theorem", True, " p.2 0.0 p.2 0.0 1.3 0.0 3.2 b0.0 b1.0 3.2 b1.0 b0.0"),
        ("Nat.two", "definition", False, " 0.0"),
        ("long", "theorem", False, ""),
    ),
    ("Nat", "Eq", "add", "mul"),
    4,
)


def small() -> Index:
    vocabulary = Vocabulary()
    return Index(vocabulary, (read_module(ImportedModule("Init.Nat", 4, "17"), [PAGE], vocabulary),))


def test_an_index_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "index.npz"
    made = small()
    save(made, path)
    found = load(path)
    assert found is not None
    assert found.declarations == made.declarations
    assert [(one.name, one.fingerprint) for one in found.modules] == [("Init.Nat", "17")]
    assert found.trees.tokens.tolist() == made.trees.tokens.tolist()
    for one, other in zip(found.relevance, made.relevance, strict=True):
        assert one.numbers == other.numbers
        assert one.having.tolist() == other.having.tolist()
    assert [file.name for file in path.parent.iterdir()] == ["index.npz"]


def test_a_file_that_is_none_of_ours_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.npz"
    assert load(path) is None
    save(small(), path)
    whole = path.read_bytes()
    for broken in (b"", b"PK", whole[: len(whole) // 2], whole[:-3]):
        path.write_bytes(broken)
        assert load(path) is None


def test_names_that_resemble_the_query_come_first() -> None:
    there = ["list.map_append", "map", "array.map_append", "list.append_map", "nat.add"]
    assert [there[one] for one in names.search("map_append", there)] == ["list.map_append", "array.map_append"]
    assert next(there[one] for one in names.search("MAP", there)) == "map"
    assert {there[one] for one in names.search("map append", there)} == {
        "list.map_append",
        "array.map_append",
        "list.append_map",
    }
    assert names.search(" ", there) == []


def test_rare_constants_decide_what_is_relevant() -> None:
    index = small()
    goal = index.trees.part(1, 2)
    scores = relevance.scores(*index.relevance, index.vocabulary, goal)
    assert scores.argmax() == 1
    assert scores[3] == 0.0
    assert index.offered.tolist() == [True, False, True, True]


def test_queries_are_read_by_their_form() -> None:
    assert {kind_of(text) for text in ("map_append", "Nat.add_comm", "map append", "get!", "foo'")} == {QueryKind.NAME}
    assert {kind_of(text) for text in ("_ + _", "List.map _ _", "?a = ?a", "Nat → Nat", "f ?x", "_")} == {
        QueryKind.PATTERN
    }
    assert kind_of("a : Nat\n⊢ a = a") is QueryKind.GOAL
