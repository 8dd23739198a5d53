import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.theorem import Header
from prover.verdict import Policy
from training.corpus.dedupe import canonical, deduplicate, outline
from training.corpus.held_out import without_leaks
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem, hold_out
from training.corpus.record import TheoremRecord, read_corpus
from training.corpus.splits import split


def record(statement: str, **more: str) -> TheoremRecord:
    return TheoremRecord(name=statement.split()[1].rstrip(":"), statement=statement, **more)


def test_records_survive_being_written_and_read(tmp_path: Path) -> None:
    records = [
        record("theorem a (n : Nat) : n = n", informal="ein „Satz“\n", source="x"),
        record("theorem b : f 0 = 0", context="def f (n : Nat) := n", header="import Init\nopen Nat", family="f/g"),
    ]
    path = tmp_path / "corpus.jsonl"
    assert write_jsonl(path, records) == 2
    assert read_corpus(path) == records
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0]) == {
        "name": "a",
        "statement": "theorem a (n : Nat) : n = n",
        "informal": "ein „Satz“\n",
        "source": "x",
    }
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    write_jsonl(path, [record("theorem a : True")])

    def failing() -> object:
        yield record("theorem b : True")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_jsonl(path, failing())  # type: ignore[arg-type]
    assert [found.name for found in read_corpus(path)] == ["a"]
    assert list(tmp_path.iterdir()) == [path]


def test_the_engine_gets_header_and_context() -> None:
    theorem = record("theorem b : f 0 = 0", context="def f (n : Nat) := n", header="import Init\nopen Nat").theorem
    assert theorem.header == Header(("Init",), "open Nat")
    assert theorem.context == "def f (n : Nat) := n"
    assert record("theorem a : True").theorem.header == Header()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Invalid JSON: EOF while parsing"),
        ('{"name": "a"}', "statement: Field required"),
        ('{"name": "a", "statement": "theorem a : True", "sauce": "x"}', "sauce: Extra inputs are not permitted"),
        ('{"name": "a", "statement": "lemma a : True"}', "the statement does not begin with `theorem NAME`"),
        ('{"name": "a", "statement": "theorem b : True"}', "the statement's theorem is called b, the record a"),
        ('{"name": "a", "statement": "theorem a (n : Nat)"}', "the statement has no `: goal`"),
        ('{"name": "a", "statement": "theorem a : True := by simp"}', "the statement must end before `:=`"),
        ('{"name": "a", "statement": "theorem a : f sorry"}', "the statement contains sorry"),
    ],
)
def test_a_line_that_is_no_record_is_refused_with_its_number(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"name": "z", "statement": "theorem z : True"}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"corpus\.jsonl:3: ") as refusal:
        read_corpus(path)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_two_theorems_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"name": "a", "statement": "theorem a : True"}\n' * 2, encoding="utf-8")
    with pytest.raises(ValueError, match=r":2: a theorem called a occurs in an earlier line"):
        read_corpus(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_corpus(path)


def test_default_values_of_binders_are_not_the_proof() -> None:
    assert record("theorem a (n : Nat := 3) : n = n").name == "a"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("theorem a (x y : Nat) : x + y = y + x", "theorem b (m k : Nat) : m+k = k+m"),
        ("theorem a (h : 0 < n) {n : Nat} : n ≠ 0", "theorem b (h₀ : 0 < m)  {m : Nat} : m ≠ 0 -- easy"),
        ("theorem a : ∀ x, ∃ y, x < y", "theorem b : ∀ n, ∃ m, n < m"),
        ("theorem a (xs : List Nat) : xs.length = xs.length", "theorem b (l : List Nat) : l.length = l.length"),
        ("theorem a : ∀ (x : Nat) (y : Nat), x = y", "theorem b : ∀ (u : Nat) (v : Nat), u = v"),
        ("theorem a : (fun x => x + 1) 0 = 1", "theorem b : (fun n => n + 1) 0 = 1"),
    ],
)
def test_names_white_space_and_comments_make_no_difference(left: str, right: str) -> None:
    assert canonical(record(left)) == canonical(record(right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("theorem a (x y : Nat) : x < y", "theorem b (x y : Nat) : y < x"),
        ("theorem a (x : Nat) : x = x", "theorem b (x : Int) : x = x"),
        ("theorem a : 1 + 1 = 2", "theorem b : 1 + 2 = 3"),
        ("theorem a [Inhabited α] : p α", "theorem b [Inhabited β] : p β"),
    ],
)
def test_what_is_different_stays_different(left: str, right: str) -> None:
    assert canonical(record(left)) != canonical(record(right))


def test_context_and_header_are_part_of_a_theorem() -> None:
    plain = record("theorem a : f 0 = 0")
    with_context = record("theorem a : f 0 = 0", context="def f (n : Nat) := n")
    with_header = record("theorem a : f 0 = 0", header="import Init\nopen Nat")
    assert len({canonical(plain), canonical(with_context), canonical(with_header)}) == 3


def test_an_outline_forgets_numbers() -> None:
    left, right = record("theorem a (n : Nat) : 7 ^ 3 % n = 0"), record("theorem b (k : Nat) : 2 ^ 9 % k = 4")
    assert outline(left) == outline(right)
    assert canonical(left) != canonical(right)


@pytest.mark.parametrize(
    "near",
    [
        "theorem b : ∀ m : Int, 6 ∣ (2 * m ^ 3 + 7 * m)",
        "theorem b (m : Nat) : 6 ∣ (2 * m) ^ 3 + 7 * m",
        "theorem b {n : Int} : 4 ∣ 2 * n^3 + 7*n",
    ],
)
def test_an_outline_forgets_brackets_binders_and_which_numbers(near: str) -> None:
    assert outline(record(near)) == outline(record("theorem a (n : Int) : 6 ∣ 2 * n ^ 3 + 7 * n"))
    assert canonical(record(near)) != canonical(record("theorem a (n : Int) : 6 ∣ 2 * n ^ 3 + 7 * n"))


def test_an_outline_keeps_operators_and_which_variable_is_which() -> None:
    outlines = {
        outline(record(f"theorem a (x y : Int) : {goal}"))
        for goal in ("x + y = y", "x * y = y", "x + x = y", "x + y ≤ y", "¬ x + y = y")
    }
    assert len(outlines) == 5


def test_deduplicate_keeps_the_first() -> None:
    records = [record("theorem a (x : Nat) : x = x"), record("theorem b : True"), record("theorem c (y : Nat) : y = y")]
    assert [found.name for found in deduplicate(records)] == ["a", "b"]


def test_theorems_like_held_out_ones_are_removed() -> None:
    train = [record("theorem a : 1 + 1 = 2"), record("theorem b : 2 * 2 = 4")]
    assert without_leaks(train, [record("theorem c : 5 + 6 = 11")]) == train[1:]


def test_a_held_out_theorem_in_another_order_is_removed() -> None:
    held_out = record("theorem a (x y : Int) (hx : 0 < x) (hy : x ^ 2 = y) : 0 < y")
    train = [
        record("theorem b (b a z : Int) (h : a ^ 2 = b) (g : a > 0) : b > 0"),
        record("theorem c (x : Int) : x = x"),
    ]
    assert without_leaks(train, [held_out]) == train[1:]


def test_a_held_out_theorem_of_the_library_is_removed_whatever_it_states() -> None:
    train = [record("theorem a : 1 < 2", guard="Nat.one_lt_two"), record("theorem b : 2 ≠ 3", guard="Nat.two_ne_three")]
    held_out = record("theorem c : True", guard="Nat.one_lt_two")
    assert without_leaks(train, [held_out]) == train[1:]


names = st.sampled_from([f"family{i}/t" for i in range(6)] + [""])


@given(st.lists(st.tuples(names, st.integers(0, 30)), max_size=40), st.integers(0, 5))
def test_no_family_and_no_outline_falls_into_two_splits(rows: list[tuple[str, int]], seed: int) -> None:
    records = [
        record(f"theorem t{i} : {n} + {i} = {'x' * (1 + n % 5)}", family=family) for i, (family, n) in enumerate(rows)
    ]
    parts = split(records, {"train": 0.5, "dev": 0.25, "test": 0.25}, seed)
    assert sorted(found.name for part in parts.values() for found in part) == sorted(found.name for found in records)
    keys = [{found.family or outline(found) for found in part} for part in parts.values()]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]


def test_a_split_has_about_its_share_and_stays_when_the_corpus_grows() -> None:
    records = [record(f"theorem t{i} : True", family=f"family/{i}") for i in range(2000)]
    parts = split(records, {"train": 0.8, "test": 0.2})
    assert 330 < len(parts["test"]) < 470
    fewer = split(records[::2], {"train": 0.8, "test": 0.2})
    assert {found.name for found in fewer["test"]} <= {found.name for found in parts["test"]}
    assert split(records, {"train": 0.8, "test": 0.2}, seed=1)["test"] != parts["test"]


def test_fractions_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="must add up to 1"):
        split([], {"train": 0.8, "test": 0.3})


def test_universe_parameters_do_not_belong_to_the_name() -> None:
    statement = "theorem map_id.{u, v} : ∀ {α : Type u} (o : Option α), o = o"
    assert TheoremRecord(name="map_id", statement=statement).name == "map_id"
    assert TheoremRecord(name="A.b'", statement="theorem A.b' : True = True").name == "A.b'"


def test_a_library_theorem_is_checked_under_its_guard() -> None:
    record = TheoremRecord(name="t", statement="theorem t : 1 = 1", guard="Nat.add_comm")
    assert record.policy.guard == "Nat.add_comm"
    assert record.model_copy(update={"guard": ""}).policy == Policy()


@given(st.sets(st.integers(0, 500), min_size=2), st.floats(0, 0.99))
def test_more_theorems_move_none_between_trained_on_and_held_out(numbers: set[int], share: float) -> None:
    proved = [ProvedTheorem(theorem=record(f"theorem t{n} : {n} = {n}"), proofs=("rfl",)) for n in sorted(numbers)]
    kept, held = hold_out(proved, share)
    assert sorted(each.theorem.name for each in kept + held) == sorted(each.theorem.name for each in proved)
    fewer_kept, fewer_held = hold_out(proved[::2], share)
    assert all(each in kept for each in fewer_kept)
    assert all(each in held for each in fewer_held)
