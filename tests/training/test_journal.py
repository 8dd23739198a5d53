from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.journal import Journal, JournalError


def lines(path: Path) -> list[bytes]:
    with Journal(path) as journal:
        return [line for _, line in journal.lines()]


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    with Journal(path) as journal:
        journal.append('{"α": 1}')
    with Journal(path) as journal:
        assert list(journal.lines()) == [(1, '{"α": 1}\n'.encode())]
        journal.append("2")
        assert len(list(journal.lines())) == 2


@given(whole=st.lists(st.text("ab{}α", max_size=5)), torn=st.integers(1, 200_000))
def test_a_torn_last_line_of_any_length_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, whole: list[str], torn: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    text = "".join(line + "\n" for line in whole)
    path.write_text(text + "x" * torn, encoding="utf-8")
    with Journal(path) as journal:
        journal.append("next")
    assert path.read_text(encoding="utf-8") == text + "next\n"


def test_a_file_has_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path), pytest.raises(JournalError, match="another process"):
        Journal(path)
    assert lines(path) == []
