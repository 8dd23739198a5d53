import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.errors import UserError
from prover.events import Ending, Progress, Proof
from prover.theorem import Theorem
from prover.verdict import Message, Trust, Verdict, VerdictKind
from service.batch.batches import Answered, ItemAnswer, ItemOutcome
from service.batch.run import report
from service.batch.run.folder import BatchRun, Folder
from service.batch.run.inputs import Entry
from service.batch.run.report import BatchTally

ASKED = {"input": "in.jsonl", "samples": 8}
ENTRIES = [
    Entry(f"e{n}", Theorem(f"theorem t{n} : {n} = {n}"), "even" if n % 2 == 0 else "odd") for n in range(1, 1201)
]
VERIFIED = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)


def proved(text: str = "rfl", source: str = "portfolio:rfl", seconds: float = 0.5) -> ItemAnswer:
    proof = Proof(Candidate(text, source=source), VERIFIED, seconds)
    return ItemAnswer(
        "1", ItemOutcome.PROVED, proofs=(proof,), ending=Ending.PROOFS_FOUND, spent=Progress(2, 2, 2, 1, seconds)
    )


def begun(folder: Folder, entries: list[Entry] = ENTRIES, batch_bytes: int = 1 << 20) -> BatchRun:
    return folder.begin(ASKED, "a batch", entries, batch_bytes)


def test_each_item_is_in_one_batch(tmp_path: Path) -> None:
    with Folder(tmp_path / "out") as folder:
        run = begun(folder)
        assert [len(batch) for batch in run.batches] == [500, 500, 200]
        assert [number for batch in run.batches for number in batch] == list(range(1, 1201))
        assert folder.entries([7, 3]) == {7: ENTRIES[6], 3: ENTRIES[2]}
        assert folder.run(ASKED) == run


def test_a_folder_whose_batches_an_earlier_version_called_jobs_is_resumed(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        run = begun(folder, ENTRIES[:3])
        folder.add(2, ENTRIES[1], "id", Answered(1, proved()))
    for name, old, new in (("run.json", '"batches"', '"jobs"'), ("results.jsonl", '"batch"', '"job"')):
        path = tmp_path / name
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))
    with Folder(tmp_path) as folder:
        assert folder.run(ASKED) == run
        assert [row["number"] for row in folder.resume()] == [2]
        assert (folder.answered, folder.cursors) == ({2}, {"id": 1})


def test_several_threads_may_read_entries_at_once(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        begun(folder, ENTRIES * 20)
    barrier = threading.Barrier(8)

    def read(folder: Folder) -> dict[int, Entry]:
        barrier.wait()
        return folder.entries([24_000])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(read, [Folder(tmp_path)] * 8))
    finally:
        sys.setswitchinterval(interval)
    assert found == [{24_000: ENTRIES[-1]}] * 8


def test_batches_are_no_larger_than_a_message(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        sizes = [len(batch) for batch in begun(folder, ENTRIES[:20], batch_bytes=1000).batches]
        assert sum(sizes) == 20
        assert max(sizes) < 5


def test_what_cannot_be_taken_is_answered_at_once(tmp_path: Path) -> None:
    bad = Verdict(VerdictKind.INVALID_STATEMENT, messages=(Message("error", "nothing"),))
    with Folder(tmp_path) as folder:
        run = begun(folder, [ENTRIES[0], Entry("bad", None, verdict=bad), ENTRIES[1]])
        assert run.batches == ((1, 3),)
        assert folder.answered == {2}
        (row,) = folder.resume()
        assert (row["id"], row["outcome"], row["messages"][0]["text"]) == ("bad", "invalid", "nothing")


def test_a_batch_goes_on_where_a_crash_tore_it(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        begun(folder)
        for position, number in enumerate((5, 2, 9), start=1):
            assert folder.add(number, ENTRIES[number - 1], "batch", Answered(position, proved())) is not None
        assert folder.add(5, ENTRIES[4], "other", Answered(1, proved())) is None
    results = tmp_path / "results.jsonl"
    results.write_bytes(results.read_bytes()[:-20])
    with Folder(tmp_path) as folder:
        assert [row["number"] for row in folder.resume()] == [5, 2]
        assert (folder.answered, folder.cursors) == ({5, 2}, {"batch": 2})
        assert folder.add(9, ENTRIES[8], "batch", Answered(3, proved())) is not None
    assert [json.loads(line)["id"] for line in results.read_text().splitlines()] == ["e5", "e2", "e9"]


def test_a_folder_is_for_what_was_asked_first(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        begun(folder)
        with pytest.raises(UserError, match=r"another samples \(8, now 9\)"):
            folder.run({**ASKED, "samples": 9})
    (tmp_path / "run.json").write_text("{}")
    with Folder(tmp_path) as folder, pytest.raises(UserError, match="not a batch of this version"):
        folder.run(ASKED)


def test_a_folder_is_for_one_process(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from service.batch.run.folder import Folder; Folder(Path(sys.argv[1])).__enter__()"
    with Folder(tmp_path):
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "is being written by another process" in other.stderr


def test_what_is_no_result_is_reported(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("Dear Sherlock\n")
    with Folder(tmp_path) as folder, pytest.raises(UserError, match=r"results\.jsonl:1 is not an answer"):
        list(folder.resume())


def tallied(folder: Folder, run: BatchRun, *answers: ItemAnswer) -> BatchTally:
    tally = BatchTally(alphas={"sharp": "0.9"})
    for position, answer in enumerate(answers, start=1):
        row = folder.add(position, folder.entries([position])[position], "batch", Answered(position, answer))
        assert row is not None
        tally.add(row)
    report.write(folder, run, tally, running=True)
    return tally


def test_the_report_counts_what_there_is(tmp_path: Path) -> None:
    two = proved()
    two = ItemAnswer(
        "1", ItemOutcome.PROVED, proofs=(*two.proofs, *proved("by simp", "model:alpha=0.25").proofs), spent=two.spent
    )
    with Folder(tmp_path) as folder:
        run = begun(folder, ENTRIES[:5])
        tally = tallied(
            folder, run, proved(), two, ItemAnswer("3", ItemOutcome.UNPROVED), proved("a", "repair(model:sharp)", 7.0)
        )
    found = json.loads((tmp_path / "report.json").read_text())
    assert (found["items"], found["answered"], found["solved"], found["proofs"]) == (5, 4, 3, 4)
    assert found["outcomes"] == {"proved": 3, "unproved": 1}
    assert [(each["name"], each["answered"], each["solved"]) for each in found["families"]] == [
        ("even", 2, 2),
        ("odd", 2, 1),
    ]
    assert found["alphas"] == {"0.25": 1, "0.9": 1, "none": 2}
    assert found["distinct"] == {"1": 2, "2": 1}
    assert found["first_proof"]["up_to"] == {"0.1": 0, "0.3": 0, "1.0": 2, "3.0": 2, "10.0": 3, "30.0": 3, "100.0": 3}
    assert found["diversity"] is not None
    assert found["state"] == "running"
    assert tally.solved == 3


def test_nothing_on_the_page_was_written_by_a_model_or_comes_from_elsewhere(tmp_path: Path) -> None:
    hostile = '<script>alert(1)</script><img src="https://elsewhere.example/x"> \u202e'
    entry = Entry(hostile, Theorem(f"theorem {hostile} : 1 = 1"), hostile)
    with Folder(tmp_path) as folder:
        run = folder.begin(ASKED, hostile, [entry, entry], 1 << 20)
        tallied(folder, run, proved(hostile, hostile), ItemAnswer("2", ItemOutcome.REFUSED, error=hostile))
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert 'src="http' not in page
    assert "href" not in page


def test_a_report_of_many_theorems_stays_small(tmp_path: Path) -> None:
    with Folder(tmp_path) as folder:
        run = begun(folder)
        tally = BatchTally()
        for number, entry in enumerate(ENTRIES, start=1):
            answer = proved() if number % 2 else ItemAnswer("x", ItemOutcome.UNPROVED)
            tally.add(folder.add(number, entry, "batch", Answered(number, answer)) or {})
        report.write(folder, run, tally, running=False)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<details>") == 500
    assert "The latest 500" in page
    assert 'http-equiv="refresh"' not in page
    assert json.loads((tmp_path / "report.json").read_text())["state"] == "done"
