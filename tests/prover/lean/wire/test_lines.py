"""Answers are found among any noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.lean.wire.lines import Framer, FramingError, Tail

NONCE = "0123456789abcdef" * 2
MARK = b"@" + NONCE.encode() + b" "


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


noise = st.binary(max_size=200).filter(lambda line: b"\n" not in line and b"@" not in line)


@given(st.lists(st.tuples(noise, st.booleans())), st.lists(st.integers(1, 40)))
def test_answers_come_out_whole_and_in_order_however_the_bytes_are_cut(
    lines: list[tuple[bytes, bool]], sizes: list[int]
) -> None:
    data, expected = b"", []
    for number, (text, answer) in enumerate(lines):
        data += text + (MARK + b'{"id":%d}' % number if answer else b"") + b"\n"
        if answer:
            expected.append(b'{"id":%d}' % number)
    tail = Tail()
    framer = Framer(NONCE, tail)
    assert [text for piece in cut(data, sizes) for text in framer.feed(piece)] == expected
    assert tail.total == sum(len(text) + (not answer) for text, answer in lines)


def test_an_answer_behind_text_without_line_end_is_found() -> None:
    tail = Tail()
    assert Framer(NONCE, tail).feed(b"[DEBUG" + MARK + b"{}\n") == [b"{}"]
    assert tail.text() == "[DEBUG"


def test_a_marker_with_another_nonce_is_noise() -> None:
    tail = Tail()
    assert Framer(NONCE, tail).feed(b"@" + b"f" * 32 + b' {"id": 1}\n') == []
    assert "id" in tail.text()


def test_endless_line_of_noise_takes_bounded_memory_and_hides_no_answer() -> None:
    tail = Tail(kept=1_000)
    framer = Framer(NONCE, tail, longest=10_000)
    for _ in range(100):
        assert framer.feed(b"x" * 1_000) == []
    assert len(framer._buffer) <= 11_000
    assert framer.feed(MARK + b"{}\n") == [b"{}"]
    assert tail.total == 100_000


def test_marker_cut_by_the_bound_on_noise_is_found() -> None:
    framer = Framer(NONCE, Tail(), longest=1_000)
    framer.feed(b"x" * 990 + MARK[:20])
    assert framer.feed(MARK[20:] + b"{}\n") == [b"{}"]


def test_endless_answer_is_refused() -> None:
    framer = Framer(NONCE, Tail(), longest=10_000)
    framer.feed(MARK + b"x" * 9_000)
    with pytest.raises(FramingError, match="longer than 10000"):
        framer.feed(b"x" * 1_000)


@given(st.lists(st.binary(max_size=3_000)))
def test_tail_keeps_the_end(chunks: list[bytes]) -> None:
    tail = Tail(kept=1_000)
    for chunk in chunks:
        tail.add(chunk)
    whole = b"".join(chunks)
    kept = b"".join(tail._chunks)
    assert tail.total == len(whole)
    assert whole.endswith(kept)
    assert min(len(whole), 1_000) <= len(kept) < 3_000


def test_tail_can_stand_in_a_log() -> None:
    tail = Tail()
    tail.add(b"\x1b[31mred\x07\xff\nnext\n")
    assert tail.text() == "\\x1b[31mred\\x07\\xff\nnext"
