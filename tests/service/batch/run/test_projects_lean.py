"""Whole Lake projects as units of work, under emulated `lake` and `lean`: the modules that files import are compiled by the
embedded Lean, which answers behind the emulation."""

import os
import signal
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded.cache.install import cache_directory
from tests.prover.lean.runtimes.native.stand_in import Emulated, emulate
from tests.service.batch.run.test_batch_lean import results, until_answered
from tests.support.commands import running

pytestmark = [pytest.mark.lean, pytest.mark.timeout(900)]

PRICE = """module

public import Init.Data.Nat.Basic

@[expose] public section

namespace Shop

/-- What one thing costs. -/
def price (n : Nat) : Nat := n + 1

theorem price_succ (n : Nat) : price (n + 1) = price n + 1 := by
  -- a remark
  sorry

theorem price_pos (n : Nat) : 0 < price n := Nat.succ_pos n

end Shop
"""
SHOP = """module

public import Shop.Price

@[expose] public section

namespace Shop

def total (n : Nat) : Nat := n * price 1

theorem total_add (m n : Nat) : total (m + n) = total m + total n := by
  unfold total
  sorry

private theorem price_one : price 1 = 2 := sorry

end Shop
"""
TILL = """import Shop

open Shop

notation "€" n => price n

theorem Till.nonneg (n : Nat) : 0 ≤ € n := by sorry

def Till.dearer (n : Nat) : { m : Nat // price n < price m } := ⟨n + 1, by sorry⟩

def Till.change (n : Nat) : Nat := sorry
"""
FILES = {"Shop/Price.lean": PRICE, "Shop.lean": SHOP, "Till.lean": TILL, "Shop/Odd.lean": "import ../x\n"}


class Project:
    """A project, and the command line in it."""

    def __init__(self, lean: Emulated, folder: Path) -> None:
        self.folder = lean.project
        self._out = folder
        self._environment = {
            **lean.environment,
            "PATH": f"{lean.folder}{os.pathsep}{os.environ['PATH']}",
            "LEANSIEVE_CACHE": str(cache_directory()),
            "LEANSIEVE_CONFIG": str(folder / "config.toml"),
        }
        # WebAssembly reserves more address space than any native limit leaves.
        (folder / "config.toml").write_text('[lean.native]\nmemory_gib = 100000\nsandbox = "never"\n')
        self.put_back()

    def put_back(self) -> None:
        """Write its sources as they were built."""
        for name, text in FILES.items():
            (self.folder / name).write_text(text)

    def command(self, *arguments: str | Path) -> tuple[str | Path, ...]:
        return ("batch", *arguments, "--project", self.folder, "--workers", "1")

    async def finished(self, *command: str | Path) -> tuple[str, str]:
        async with running(*command, **self._environment) as process:
            out, err = await process.communicate()
        return out.decode(), err.decode()

    async def killed(self, out: Path, *command: str | Path) -> None:
        """Run a command until it has answered something and is not done."""
        async with running(*command, **self._environment) as process:
            await until_answered(out, 2)  # the file that cannot be read is one
            process.send_signal(signal.SIGKILL)
            await process.wait()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("project")
    lean = emulate(folder, cache=str(cache_directory()))
    lean.compile({"Shop.Price": PRICE, "Shop": SHOP})
    return Project(lean, folder)


async def test_a_project_whose_modules_import_each_other_is_filled_across_a_kill(
    project: Project, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = project.command(project.folder, "--out", out, "--seconds", "15", "--write")
    await project.killed(out, *command)
    assert len(results(out)) < 7
    assert (project.folder / "Shop.lean").read_text() == SHOP, "files are written at the end"
    said, remarks = await project.finished(*command)
    assert said.startswith("batch: 5 of 7 theorems proved, 7 answered"), remarks
    outcomes = {row["id"]: row["outcome"] for row in results(out)}
    assert len(results(out)) == len(outcomes), "each is answered once"
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "proved"} == {
        "Shop/Odd.lean": "invalid",
        "Till.lean:11:35:Till.change": "unproved",
    }
    assert "-- a remark" in (project.folder / "Shop/Price.lean").read_text()
    for name, left in (("Shop/Price.lean", 0), ("Shop.lean", 0), ("Till.lean", 1)):
        assert (project.folder / name).read_text().count("sorry") == left
    report = (out / "report.html").read_text()
    assert all(place in report for place in ("Shop/Odd.lean", "header line 1", "Till.lean:11:35:Till.change"))
    project.put_back()


async def test_theorems_of_a_projects_own_library_are_proved_anew_without_naming_its_root(
    project: Project, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    await project.finished(*project.command("--library", "Shop.*", "--out", out, "--seconds", "5"))
    rows = {row["id"]: row for row in results(out)}
    assert set(rows) == {"Shop.price_pos", "Shop.price_succ"}
    assert rows["Shop.price_succ"]["family"] == "Shop.Price"
    assert all("price_succ" not in proof["proof"] for proof in rows["Shop.price_succ"]["proofs"])
    _, said = await project.finished(*project.command("--library", "Stop.*", "--out", tmp_path / "other"))
    assert "there is no module `Stop`" in said
