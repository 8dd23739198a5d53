"""The report of a batch in a real browser, as wide as a phone."""

from pathlib import Path

from selenium import webdriver

from prover.candidate import Candidate
from prover.events import Ending, Progress, Proof
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind
from service.batch.batches import Answered, ItemAnswer, ItemOutcome
from service.batch.run import report
from service.batch.run.folder import Folder
from service.batch.run.inputs import Entry
from service.batch.run.report import BatchTally

LONG = "theorem a_name_that_says_all_there_is_to_say_of_it (aVariable anotherVariable : Nat) : aVariable + anotherVariable = anotherVariable + aVariable"
WIDTH = 400  # pixels
_WIDER = """return [...document.querySelectorAll('html, section, pre, table, summary')]
    .filter(each => each.scrollWidth > Math.max(each.clientWidth, each.getBoundingClientRect().width) + 1
        || each.getBoundingClientRect().right > innerWidth + 1)
    .map(each => `${each.tagName} ${each.scrollWidth}`)"""


def test_a_report_reads_without_scrolling_sideways_on_a_phone(tmp_path: Path, browser: webdriver.Chrome) -> None:
    entries = [Entry(f"a/folder/with_a_name/Of_A_File_{n}.lean:{n}:2", Theorem(LONG), "family") for n in range(1, 4)]
    proof = Proof(
        Candidate("by\n  " + "simp_all [Nat.add_comm] <;> " * 9 + "omega", source="portfolio:simp_all"),
        Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED),
        0.5,
    )
    proved = ItemAnswer(
        "1", ItemOutcome.PROVED, proofs=(proof,), ending=Ending.PROOFS_FOUND, spent=Progress(2, 2, 2, 1, 0.5)
    )
    with Folder(tmp_path) as folder:
        run = folder.begin({"input": "in.lean"}, "a batch", entries, 1 << 20)
        tally = BatchTally()
        for position, answer in enumerate((proved, ItemAnswer("2", ItemOutcome.UNPROVED)), start=1):
            tally.add(folder.add(position, entries[position - 1], "batch", Answered(position, answer)) or {})
        report.write(folder, run, tally, running=False)
    size = {"width": WIDTH, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get((tmp_path / "report.html").as_uri())
        browser.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert LONG.split(" ")[1] in browser.page_source
        assert browser.execute_script(_WIDER) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
