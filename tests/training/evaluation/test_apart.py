from concurrent.futures import Future
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerBase

from prover.verdict import Trust, Verdict, VerdictKind
from training.config import LlamaShape
from training.corpus.record import TheoremRecord
from training.evaluation.apart import Drawn, check, draw, read_drawn, write_drawn
from training.model.llama import build_llama
from training.model.tokenizer import train_tokenizer

RECORDS = [
    TheoremRecord(name="one", statement="theorem one : 1 = 1"),
    TheoremRecord(name="two", statement="theorem two (n : Nat) (h : n < 2) : n < 5"),
]


class Decided:
    """Stands in for a verifier: `rfl` is a proof."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def check(self, record: TheoremRecord, proof: str) -> "Future[Verdict]":
        self.asked.append((record.name, proof))
        done: Future[Verdict] = Future()
        good = proof == "by rfl"
        done.set_result(Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED) if good else Verdict(VerdictKind.REJECTED))
        return done


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return train_tokenizer([record.statement for record in RECORDS], 300)


def test_every_sample_of_every_theorem_is_kept_and_read_again(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    shape = LlamaShape(layers=1, width=32, heads=1, key_value_heads=1, hidden=32, context=128)
    model = build_llama(shape, tokenizer, 0).eval()
    long = TheoremRecord(name="long", statement=f"theorem long : {' + '.join('1' * 200)} = 200")
    rows = list(draw(model, tokenizer, [*RECORDS, long], samples=6, max_tokens=8, batch=4, report=lambda _line: None))
    assert {row.name: sum(count for _, count, _ in row.texts) for row in rows} == {"one": 6, "two": 6, "long": 6}
    assert [row.texts for row in rows if row.name == "long"] == [(("", 6, False),)]
    path = tmp_path / "t.jsonl.gz"
    assert write_drawn(path, iter(rows)) == 3
    assert read_drawn(path, RECORDS)["two"] == next(row for row in rows if row.name == "two")
    with pytest.raises(ValueError, match="has nothing for three"):
        read_drawn(path, [TheoremRecord(name="three", statement="theorem three : 3 = 3")])
    (tmp_path / "broken").write_text("x")
    with pytest.raises(ValueError, match="holds no drawn texts"):
        read_drawn(tmp_path / "broken", RECORDS)


def test_what_was_cut_off_is_wrong_without_a_check() -> None:
    texts = {
        "one": Drawn(name="one", digest="", texts=(("by rfl", 3, True), ("by simp", 2, True), ("by rfl", 1, False))),
        "two": Drawn(name="two", digest="", texts=(("by rfl", 5, False), ("", 1, True))),
    }
    lean = Decided()
    found = check(texts, RECORDS, lean, lambda _line: None)
    assert lean.asked == [("one", "by rfl"), ("one", "by simp")]
    assert [theorem.verified for theorem in found] == [4, 0]
    assert [theorem.samples for theorem in found] == [6, 6]
