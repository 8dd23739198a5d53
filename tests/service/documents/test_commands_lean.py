"""Every shell command of README.md and docs/*.md is run as it stands, or is marked with the reason why it is not."""

import asyncio
import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from tests.service.documents.commands import ROOT, documented
from tests.support.commands import running, script
from tests.support.ports import free_port

FIRST_RUN = "needs minutes of training: tests/training/test_training_page_vllm.py runs the whole block (make test-slow)"
HOURS = "takes hours, or reads what such a command made; its short form is in the block of the first run, which is run"
CLUSTER = (
    "starts Ray with processes that outlive it; tests/prover/lean/cluster starts such clusters, asks them and ends them"
)
GPU = "takes hours on a GPU; docs/gpu.md says which of it was run, and tests/training runs the same code with little"
HTTP = "run by tests/service/http/test_docs_lean.py"
LAKE = "needs elan, Lake and Mathlib, which no test can reach; tests/service/core/resources/test_leans.py has projects on an emulated one"
OTHERS = "needs other machines, keys or GPUs; tests/service/auth runs TLS and tokens, tests/prover/sampling/remote vLLM's servers"
POSTGRES = "run by tests/prover/store/test_backup.py, where PostgreSQL is installed"
WHOLE = "is what runs the tests"

# Each is the beginning of the commands that it speaks of.
NOT_RUN = {
    "make demo": "installs the project; tests/packaging/test_wheel.py proves a theorem in a clean environment",
    "make test": WHOLE,
    "curl -s http://127.0.0.1:8061/": HTTP,
    "curl -sN http://127.0.0.1:8061/": HTTP,
    "printf '%s\\n' '{\"id\"": HTTP,
    "CUDA_VISIBLE_DEVICES=": OTHERS,
    'python -c "from transformers import': "reads a model; tests/prover/sampling/test_tokenizers.py writes such folders",
    "leansieve cluster ": CLUSTER,
    "leansieve serve --config server.toml": CLUSTER,
    "ray start ": CLUSTER,
    "LEANSIEVE_LEAN__CLUSTER=": CLUSTER,
    "pip install 'leansieve[ray]'": "installs the project; tests/packaging/test_requirements.py reads what it needs",
    "lake ": LAKE,
    "leansieve check Gauss.lean --project mathlib": LAKE,
    "leansieve prove 'theorem t (x : ℝ)": LAKE,
    "leansieve corpus project ": LAKE,
    "leansieve corpus dojo ": LAKE,
    "leansieve corpus library 'Mathlib": LAKE,
    "leansieve serve --listen 0.0.0.0:50061 --certificate": OTHERS,
    "leansieve prove Gauss.lean --server prover.example:50061": OTHERS,
    "cd editor/vscode && npm install": "downloads hundreds of packages from npm",
    "code --install-extension": "needs VS Code",
    "leansieve batch --library ": "takes many minutes; tests/service/batch/run proves other modules",
    "leansieve prove Gauss.lean --model shipped": "run below, among the slow tests: it starts vLLM",
    "pg_dump ": POSTGRES,
    "pg_restore ": POSTGRES,
    "leansieve corpus clean examples/training/": FIRST_RUN,
    "leansieve seeds runs/small/": FIRST_RUN,
    "leansieve train examples/": FIRST_RUN,
    "leansieve evaluate run runs/small/": FIRST_RUN,
    "leansieve evaluate portfolio examples/": FIRST_RUN,
    "leansieve evaluate report runs/small/": FIRST_RUN,
    "leansieve evaluate curves runs/small/": FIRST_RUN,
    "leansieve compare examples/": FIRST_RUN,
    "leansieve export runs/small/": FIRST_RUN,
    "leansieve serve --listen 127.0.0.1:50061 --model runs/small/": FIRST_RUN,
    "leansieve conjectures ": HOURS,
    "leansieve scrpo ": HOURS,
    "python -m training.conjectures.outcome ": "reads artifacts; tests/training/conjectures makes such tables",
    "python -m training.growing.report ": "reads artifacts; tests/training/growing makes such tables",
    "python -m training.evaluation.terms ": "checks a thousand proofs; tests/training/evaluation counts terms",
    "python -m training.critique.report ": "reads artifacts; tests/training/critique makes such tables",
    "python -m benchmarks.search.premise_sets ": HOURS,
    "python -m benchmarks.training.premise_prompts ": HOURS,
    "leansieve grow ": HOURS,
    "leansieve tutoring ": HOURS,
    "leansieve evaluate check ": HOURS,
    "gunzip -c training/artifacts/": HOURS,
    "leansieve seeds runs/wider/": GPU,
    "python -m training.conjectures.mixture ": GPU,
    "python -m training.model.average ": "needs two trained models; tests/training/model/test_average.py averages small ones",
    'python -c "import gzip': HOURS,
    'core="runs/': GPU,
    'all="$core': GPU,
    'held="runs/': GPU,
    "read='sft.proofs": GPU,
    "for alpha in": HOURS,
    "python -m training.evaluation.apart ": GPU,
    "python -m training.evaluation.coverage ": "needs samples and verdicts; tests/training/evaluation measures such",
    "python -m training.evaluation.ranking ": "scores samples for minutes; tests/training/evaluation measures rankings",
    'python -c "from pathlib import Path; from training.config': GPU,
    "leansieve corpus fetch ": HOURS,
    "leansieve corpus library Init.": HOURS,
    "leansieve corpus premises ": HOURS,
    "leansieve corpus split runs/": HOURS,
    "leansieve corpus clean runs/": HOURS,
    "leansieve seeds runs/corpora/": HOURS,
    "leansieve train training/": HOURS,
    "leansieve compare training/": HOURS,
    "leansieve evaluate run runs/base/": HOURS,
    "leansieve evaluate run runs/alpha-0.5/": HOURS,
    "leansieve evaluate portfolio runs/": HOURS,
    "leansieve evaluate report runs/samples/": HOURS,
    "leansieve evaluate curves runs/comparison/": HOURS,
    "leansieve export runs/base ": HOURS,
    "leansieve export runs/alpha-0.5 ": HOURS,
    "python -m training.seeds.archive unpack": HOURS,
    "leansieve evaluate report training/artifacts/grown/": HOURS,
    "for corpus in core_dev library_dev": "reads artifacts for a minute; tests/training/evaluation makes such reports",
    "for cases in core_train": HOURS,
    "for seeds in core:": HOURS,
    "grep -E 'divisibility": HOURS,
    'grep \'"family"': HOURS,
}

# In this order, in one folder: some read what others have written.
WITH_A_SERVER = [
    "leansieve prove 'theorem swap (a b : Nat) : a + b = b + a'",
    "leansieve prove '(a b : Nat) : a + b = b + a'",
    "leansieve prove Gauss.lean --proofs 5 --seconds 120",
    "leansieve prove Gauss.lean --prefer fastest --minimise",
    "leansieve prove Gauss.lean --no-minimise",
    "leansieve prove '(n : Nat) : n < 5' --disprove",
    "leansieve prove Gauss.lean --receipts proofs",
    "leansieve prove Gauss.lean --server 127.0.0.1:50061",
    "leansieve prove Gauss.lean --write",
    "leansieve prove src --write",
    "leansieve check Gauss.lean",
    "leansieve check 'theorem two : 1 + 1 = 2 := rfl'",
    "leansieve check --against Challenge.lean Solution.lean",
    "leansieve search '_ + ?a = ?a + _'",
]
ALONE = [
    "leansieve check proofs/10cc2851a5a90fbd-c81d7a3d.json",
    "leansieve batch src --out out",
    "leansieve store show",
    "leansieve store show swap",
    "leansieve store export --out proofs.jsonl",
    "leansieve store check --drop",
    "leansieve store prune --older-than 90 --megabytes 500",
    "leansieve store backup --out store-monday.sqlite",
    "leansieve store restore store-monday.sqlite --replace",
    "leansieve token new editor --role prove --file tokens.toml",
    "leansieve token list --file tokens.toml",
    "leansieve token rotate editor --hours 24 --file tokens.toml",
    "leansieve token quota editor --calls 8 --file tokens.toml",
    "leansieve token revoke editor --file tokens.toml",
    "leansieve token new editor --role prove --days 90 --file tokens.toml",
    "leansieve config show --explain",
    "leansieve doctor",
    "leansieve mcp",
    "leansieve lsp",
    "leansieve corpus generate --count 4000 --seed 7 --out runs/corpora/synthetic.jsonl",
    "leansieve evaluate curves training/artifacts/short/runs/* --out docs/results/training.png",
    "leansieve batch examples --out out",
]
SERVING = [
    "leansieve serve",
    "leansieve serve --listen 127.0.0.1:50061",
    "leansieve serve --http 127.0.0.1:8061",
]
WITH_MODELS = "leansieve prove Gauss.lean --model shipped --focus 0"
STATUS = {
    "leansieve prove '(n : Nat) : n < 5' --disprove": (1,),  # it is refuted, not proved
    "leansieve prove Gauss.lean --proofs 5 --seconds 120": (0, 1),  # whether there are five is for the search to say
    "leansieve batch examples --out out": (0, 1),  # examples are not all easy
    "leansieve doctor": (0, 1),  # it says what is missing on the machine
    "leansieve lsp": (2,),  # there is no editor at stdin, as it says
}
GAUSS = "theorem swap (a b : Nat) : a + b = b + a := by\n  sorry\n"


def test_every_command_of_the_pages_is_run_or_marked() -> None:
    commands = {command.text: command.page for command in documented()}
    run = {*WITH_A_SERVER, *ALONE, *SERVING}
    assert sorted(run - commands.keys()) == [], "is run here and stands on no page"
    marks = {text: [mark for mark in NOT_RUN if text.startswith(mark)] for text in commands}
    assert {text: page for text, page in commands.items() if text not in run and len(marks[text]) != 1} == {}
    assert [text for text in commands if text in run and marks[text]] == []
    assert [mark for mark in NOT_RUN if not any(text.startswith(mark) for text in commands)] == []
    for reason in NOT_RUN.values():
        for path in re.findall(r"tests/[\w/.]*\w", reason):
            assert (ROOT / path).exists(), path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where somebody has the files that the pages speak of."""
    (tmp_path / "Gauss.lean").write_text(GAUSS, encoding="utf-8")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "One.lean").write_text("theorem one (n : Nat) : n + 0 = n := by sorry\n", encoding="utf-8")
    (tmp_path / "Challenge.lean").write_text(GAUSS, encoding="utf-8")
    (tmp_path / "Solution.lean").write_text(GAUSS.replace("sorry", "omega"), encoding="utf-8")
    for name in ("examples", "training"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "docs" / "results").mkdir(parents=True)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "leansieve"
    program.write_text(script())
    program.chmod(0o755)
    return {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "LEANSIEVE_STORE__URL": str(folder / "store.sqlite"),
        "LEANSIEVE_SEARCH__SECONDS": "5",
        "LEANSIEVE_SEARCH__LIBRARY": '["Init.Core", "Init.Data.Nat.Basic", "Init.Data.List.Basic"]',
        "LEANSIEVE_METRICS__LISTEN": "127.0.0.1:0",
    }


async def shell(command: str, folder: Path) -> str:
    """Run a command to its end, and return what it wrote."""
    process = await asyncio.create_subprocess_shell(
        command,
        cwd=folder,
        env=os.environ | environment(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 300)
    assert "Traceback" not in err.decode(), f"{command}\n{err.decode()}"
    allowed = next((statuses for text, statuses in STATUS.items() if command.startswith(text)), (0,))
    assert process.returncode in allowed, f"{command}\n{out.decode()}\n{err.decode()}"
    return out.decode()


@pytest.mark.lean
async def test_commands_that_a_running_server_answers(served: str, folder: Path) -> None:
    said = {}
    for command in WITH_A_SERVER:
        asked = command.replace("127.0.0.1:50061", served) if "--server" in command else f"{command} --server {served}"
        said[command] = await shell(asked, folder)
    assert "VERIFIED" in said["leansieve check Gauss.lean"]
    assert "sorry" not in (folder / "Gauss.lean").read_text() + (folder / "src" / "One.lean").read_text()
    (receipt,) = (folder / "proofs").glob("*.json")
    assert "VERIFIED" in await shell(f"leansieve check proofs/{receipt.name}", folder)


@pytest.mark.lean
@pytest.mark.timeout(600)
async def test_commands_that_start_what_they_need(folder: Path) -> None:
    for command in ALONE:
        if not command.startswith("leansieve check proofs/"):  # run above, where there is one
            if command == "leansieve batch examples --out out":
                (folder / "out").rename(folder / "before")
                command += " --seconds 1"
            await shell(command, folder)
    assert (folder / "store-monday.sqlite").exists()
    assert (folder / "out" / "report.html").exists()
    assert len((folder / "runs" / "corpora" / "synthetic.jsonl").read_text().splitlines()) == 4000


@pytest.mark.lean
async def test_servers_start_and_end_as_they_are_told(folder: Path) -> None:
    ended = await asyncio.gather(*(serve(command, folder) for command in SERVING))
    assert ended == [0, 0, 0]


async def serve(command: str, folder: Path) -> int | None:
    """Start a server on free ports, wait until it listens, and end it."""
    for port in ("50061", "8061"):
        command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    settings = {"LEANSIEVE_SERVER__LISTEN": f"127.0.0.1:{free_port()}"} | {"LEANSIEVE_STORE__URL": "none"}
    _, *arguments = shlex.split(command)
    async with running(*arguments, folder=folder, **environment(folder) | settings) as process, asyncio.timeout(120):
        while line := await process.stdout.readline():
            if b"is ready" in line:
                break
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    return process.returncode


@pytest.mark.lean
@pytest.mark.vllm
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_command_that_asks_the_shipped_models(folder: Path) -> None:
    assert WITH_MODELS in {command.text for command in documented()}
    assert "proved" in await shell(WITH_MODELS, folder)
