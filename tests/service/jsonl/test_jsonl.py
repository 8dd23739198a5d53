"""The two JSON Lines contracts: items in, answers out, resuming."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import UserError
from prover.theorem import Header
from prover.verdict import Message, Mode, Region, Trust, Verdict, VerdictKind
from service.jsonl.answers import Answers
from service.jsonl.items import Item, read_items
from service.jsonl.rows import Row, check_row
from service.ops.config import TextSettings


def items(tmp_path: Path, content: bytes, with_candidates: bool = True) -> list[Item]:
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    return list(read_items(path, TextSettings(), with_candidates))


def line(**fields: Any) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def always(_row: Row) -> bool:
    return True


def test_an_item_is_read_with_its_defaults(tmp_path: Path) -> None:
    (item,) = items(tmp_path, line(id="a", statement="theorem a : 1 = 1", proof="rfl", split="dev"))
    assert item.theorem is not None
    assert item.candidate is not None
    assert (item.id, item.theorem.header, item.theorem.context) == ("a", Header(), "")
    assert (item.candidate.text, item.candidate.mode) == ("rfl", Mode.PROOF)


def test_an_item_is_read_with_all_its_fields(tmp_path: Path) -> None:
    fields = {"header": "import Std\nopen Nat", "context": "def x := 1", "statement": "theorem a : x = 1", "file": "f"}
    (item,) = items(tmp_path, line(id=7, **fields))
    assert item.theorem is not None
    assert item.candidate is not None
    assert item.id == 7
    assert item.theorem.header == Header(("Std",), "open Nat")
    assert item.theorem.context == "def x := 1"
    assert (item.candidate.text, item.candidate.mode) == ("f", Mode.FILE)


def test_items_to_prove_need_no_proof(tmp_path: Path) -> None:
    (item,) = items(tmp_path, line(id="a", statement="theorem a : 1 = 1 := by sorry"), with_candidates=False)
    assert item.candidate is None
    assert item.theorem is not None
    assert item.theorem.statement == "theorem a : 1 = 1"


def test_an_item_to_prove_that_has_a_proof_is_refused_in_the_words_of_the_command(tmp_path: Path) -> None:
    (item,) = items(tmp_path, line(id="a", statement="theorem x : 1 = 1 := rfl"), with_candidates=False)
    assert item.verdict is not None
    assert item.verdict.kind is VerdictKind.INVALID_STATEMENT
    sentence = "the statement has a proof already: `leansieve check 'theorem … := …'` checks it"
    assert item.verdict.messages[0].text == sentence


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    (item,) = items(tmp_path, b"\xef\xbb\xbf" + line(id="a", statement="theorem a : 1 = 1", proof="rfl"))
    assert (item.id, item.verdict) == ("a", None)


@pytest.mark.parametrize(
    ("content", "item_id", "words"),
    [
        (b'{"id": "a", "statement"', "line:1", "line 1 is not JSON"),
        (b"[" * 200_000 + b"\n", "line:1", "line 1 is not JSON"),
        (b"[1]\n", "line:1", "not a JSON object"),
        (b'{"id": "a", "proof": "rfl", "proof": "by simp"}\n', "line:1", "has `proof` twice"),
        (b'{"id": "\xff"}\n', "line:1", "not UTF-8 at byte 8"),
        (line(statement="theorem a : 1 = 1", proof="rfl"), "line:1", "no usable `id`"),
        (line(id=True, statement="theorem a : 1 = 1", proof="rfl"), "line:1", "no usable `id`"),
        (line(id="x" * 2000, statement="theorem a : 1 = 1", proof="rfl"), "line:1", "no usable `id`"),
        (b'{"id": "\\ud800"}\n', "line:1", "surrogate"),
        (line(id="a", proof="rfl"), "a", "no text in `statement`"),
        (line(id="a", statement=5, proof="rfl"), "a", "no text in `statement`"),
        (line(id="a", statement="", proof="rfl"), "a", "empty"),
        (line(id="a", statement="theorem a : 1 = 1"), "a", "either `proof` or `file`"),
        (line(id="a", statement="theorem a : 1 = 1", proof="", file=""), "a", "line 1 has both `proof` and `file`"),
        (line(id="a", statement="theorem a : 1 = 1", proof=["rfl"]), "a", "no text in `proof`"),
        (line(id="a", statement="theorem a : 1 = 1", proof="rfl", header=1), "a", "no text in `header`"),
        (line(id="a", statement="theorem a : 1 = 1", proof="rfl", header="import 1"), "a", "header line 1"),
        (line(id="a", statement="x" * 100_000, proof="rfl"), "a", "100,000 bytes"),
    ],
)
def test_a_bad_line_is_its_own_answer(tmp_path: Path, content: bytes, item_id: str, words: str) -> None:
    first, last = items(tmp_path, content.rstrip() + b"\n" + line(id="z", statement="theorem z : 1 = 1", proof="rfl"))
    assert first.id == item_id
    assert first.verdict is not None
    assert first.verdict.kind is VerdictKind.INVALID_STATEMENT
    assert words in first.verdict.messages[0].text
    assert last.verdict is None


def test_a_line_too_long_is_skipped_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.jsonl.items.LONGEST_LINE", 100)
    good = line(id="z", statement="theorem z : 1 = 1", proof="rfl")
    for length in (101, 102, 201, 202, 203, 1000):
        first, last = items(tmp_path, b"x" * length + b"\n" + good)
        assert (first.id, last.id) == ("line:1", "z")


def test_a_repeated_id_gets_an_answer_of_its_own(tmp_path: Path) -> None:
    one = line(id="a", statement="theorem a : 1 = 1", proof="rfl")
    first, second = items(tmp_path, one + b"\n" + one)
    assert (first.id, second.id) == ("a", "line:3")
    assert second.verdict is not None
    assert second.verdict.messages[0].text == "line 3 has the id 'a' of line 1: ids must differ"


def test_a_proof_too_long_is_rejected_and_not_the_statement(tmp_path: Path) -> None:
    (item,) = items(tmp_path, line(id="a", statement="theorem a : 1 = 1", proof="x" * (TextSettings().candidate + 1)))
    assert item.verdict is not None
    assert item.verdict.kind is VerdictKind.REJECTED


@given(st.binary(max_size=300))
def test_no_bytes_end_the_reading(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    items(tmp_path_factory.mktemp("jsonl"), line(id="a") + content)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        list(read_items(tmp_path / "none", TextSettings(), False))


def test_an_answer_has_the_fields_of_the_contract() -> None:
    message = Message("error", "unknown\nname «é»", Region.CANDIDATE, 2, 3)
    verdict = Verdict(VerdictKind.REJECTED, messages=(message,), axioms=("propext",), elapsed_ms=12.34567)
    assert check_row("a", verdict) == {
        "id": "a",
        "verdict": "REJECTED",
        "trust": "NONE",
        "path": "listed",
        "messages": [{"severity": "error", "text": "unknown\nname «é»", "region": "candidate", "line": 2, "column": 3}],
        "axioms": ["propext"],
        "axioms_complete": False,
        "elapsed_ms": 12.346,
    }
    assert check_row(1, Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED))["trust"] == "KERNEL_REPLAYED"


def test_a_torn_last_line_is_answered_again(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(b'{"id": "a", "verdict": "VERIFIED"}\n{"id": 2}\n{"id": "c", "verd')
    with Answers(out, always, always) as answers:
        assert answers.done == {"a", 2}
        answers.write({"id": "c", "verdict": "É"})
    assert [json.loads(row)["id"] for row in out.read_bytes().splitlines()] == ["a", 2, "c"]
    assert "É".encode() in out.read_bytes()


def test_answers_that_were_nobodys_fault_are_asked_again(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(b'{"id": "a", "verdict": "INFRASTRUCTURE"}\n{"id": "b", "verdict": "VERIFIED"}\n')
    out.chmod(0o640)
    with Answers(out, lambda row: row.get("verdict") != "INFRASTRUCTURE", always) as answers:
        assert answers.done == {"b"}
        answers.write({"id": "a"})
    assert out.read_bytes() == b'{"id": "b", "verdict": "VERIFIED"}\n{"id": "a"}\n'
    assert out.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("content", [b"hello\n", b"[1]\n", b'{"name": 1}\n', b'{"id": []}\n', b"\xff\n", b"\n"])
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(content)
    with pytest.raises(UserError, match=r"out.jsonl:1 is not an answer"), Answers(out, always, always):
        pass
    assert out.read_bytes() == content


@pytest.mark.parametrize("torn", [b"", b'{"id'])
def test_only_one_run_writes_a_file(tmp_path: Path, torn: bytes) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(torn)
    with (
        Answers(out, always, always),
        pytest.raises(UserError, match="another run is writing"),
        Answers(out, always, always),
    ):
        pass
    with Answers(out, always, always):  # and is free again
        pass


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"), Answers(tmp_path / "none" / "out.jsonl", always, always):
        pass


@pytest.mark.parametrize("special", ["/dev/full", "/tmp"])
def test_an_output_that_is_no_file_is_refused(special: str) -> None:
    with pytest.raises(UserError, match="not an ordinary file"), Answers(Path(special), always, always):
        pass


def test_a_write_that_fails_is_one_sentence_and_what_was_written_is_resumed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with Answers(out, always, always) as answers:
            answers.write({"id": "a"})
            resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
            with pytest.raises(UserError, match="File too large; run again to resume"):
                answers.write({"id": "b", "text": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert out.stat().st_size == 20
    with Answers(out, always, always) as answers:
        assert answers.done == {"a"}


def test_a_field_that_is_not_read_is_told_where_it_stands_first_and_by_each_item(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    stated = {"statement": "theorem a : 1 = 1", "proof": "rfl"}
    path.write_bytes(
        line(id=1, **stated) + line(id=2, contxt="def x := 1", **stated) + line(id=3, contxt="", split="dev", **stated)
    )
    told: list[str] = []
    checked = list(read_items(path, TextSettings(), True, told.append))
    assert [item.unread for item in checked] == [(), ("contxt",), ("contxt", "split")]
    assert all(item.theorem for item in checked)
    assert told == [
        f"{path}:2: the field `contxt` is not read: is `context` meant?",
        f"{path}:3: the field `split` is not read",
    ]
    told.clear()
    assert all("proof" in item.unread for item in read_items(path, TextSettings(), False, told.append))
    assert told[0] == f"{path}:1: the field `proof` is not read here: `leansieve check --jsonl` checks proofs"
