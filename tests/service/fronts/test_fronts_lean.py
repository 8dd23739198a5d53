"""Files as users have them, proved by the command line, by the language server and by FillSorries: notation, macros, programs,
axioms, `#eval`, headers of every kind, and holes wherever Lean allows a term or tactic."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from leansieve.v1 import fill_pb2
from prover.assistance.holes import holes_of
from prover.options import CheckOptions
from prover.requests import Check
from prover.source import lean_file
from prover.verdict import Limits, Verdict
from prover.verdict import Path as Lane
from service.client.client import Client
from tests.service.cli.test_cli_lean import Done, leansieve
from tests.service.grpc.assistance.test_assistance_lean import put_in
from tests.service.lsp.conftest import Editor, editing

pytestmark = [pytest.mark.lean, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.lean"))
LONG = {"Elaborators.lean", "Notation.lean"}
"""Files whose code takes half a minute of a core to prove: the command line does so in every run, the others in the slow one."""
BY_OTHERS = [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in FILES]
SHARED = {"Remarks.lean": Lane.LISTED, "Holes.lean": Lane.TRANSPARENT, "Module.lean": Lane.TRANSPARENT}
"""Files that need no quarantine."""
BUDGET = ("--seconds", "60")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def proved(served: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A copy of the files in which `leansieve prove --write` has proved what it could."""
    folder = tmp_path_factory.mktemp("fronts")
    for name in FILES:
        shutil.copy(HERE / name, folder)
    return folder, await leansieve("prove", folder, "--write", "--server", served, *BUDGET)


@pytest.fixture(scope="module")
def known() -> dict[str, dict[str, Verdict]]:
    """Verdicts by text: the same text that two fronts wrote is checked once."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def editor(served: str) -> AsyncIterator[Editor]:
    async with editing("--server", served, *BUDGET) as editor:
        yield editor


def text_of(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def only_holes_differ(before: str, after: str) -> bool:
    """Whether `after` is `before` with something in place of each hole, and nothing of it left."""
    pieces, at = [], 0
    for hole in holes_of(lean_file.parse(before)):
        pieces.append(before[at : hole.start])
        at = hole.end
    kept = "(?s:.+?)".join(map(re.escape, [*pieces, before[at:]]))
    return re.fullmatch(kept, after) is not None and not holes_of(lean_file.parse(after))


async def verdicts(client: Client, before: str, after: str) -> dict[str, Verdict]:
    """What a server says of each declaration in which a hole was filled."""
    file = lean_file.parse(after)
    options = CheckOptions(Limits(seconds=60))
    return {
        item.name: await client.check(Check(file.theorem(item), file.candidate(item), options))
        for item in file.commands
        if item.value is not None and after[item.start : item.end] not in before
    }


async def proves(client: Client, name: str, after: str, known: dict[str, dict[str, Verdict]]) -> None:
    """Assert that a file is the one of that name with its holes filled, and that what was filled holds."""
    before = text_of(name)
    assert only_holes_differ(before, after), after
    if after not in known:
        known[after] = await verdicts(client, before, after)
    found = known[after]
    assert found
    assert {item: verdict.messages for item, verdict in found.items() if not verdict.verified} == {}
    assert {verdict.path for verdict in found.values()} == {SHARED.get(name, Lane.QUARANTINE)}


@pytest.mark.parametrize("name", FILES)
async def test_file_is_proved_by_the_command_line(
    name: str, proved: tuple[Path, Done], lean_client: Client, known: dict[str, dict[str, Verdict]]
) -> None:
    folder, done = proved
    await proves(lean_client, name, (folder / name).read_text(encoding="utf-8"), known)
    assert f"wrote {folder / name}" in done.err
    assert f"{folder / name}:" in done.out
    assert done.status == 0, done.out


@pytest.mark.parametrize("name", BY_OTHERS)
async def test_file_is_proved_in_an_editor_while_its_user_types_on(
    name: str, editor: Editor, lean_client: Client, known: dict[str, dict[str, Verdict]]
) -> None:
    before = text_of(name)
    editor.open(before)
    offered = await editor.actions(whole=True)
    typed = "\n-- typed meanwhile 𝔽\n"
    editor.watch = lambda value: (
        editor.change(before + typed) if value["kind"] == "report" and editor.text == before else None
    )
    (prove,) = (command for title, command in offered.items() if title.startswith("leansieve: prove"))
    await editor.execute(prove)
    assert await editor.ended.get() == "proved", editor.said
    assert editor.text.endswith(typed)
    await proves(lean_client, name, editor.text.removesuffix(typed), known)
    editor.close()


@pytest.mark.parametrize("name", BY_OTHERS)
async def test_file_is_proved_by_fill_sorries(
    name: str, lean_client: Client, known: dict[str, dict[str, Verdict]]
) -> None:
    before = text_of(name)
    request = fill_pb2.FillSorriesRequest(text=before)
    request.options.budget.timeout.seconds = 60
    responses = [response async for response in lean_client.fill(request, 300.0)]
    parts = [one.filled for one in responses if one.WhichOneof("event") == "filled"]
    summary = responses[-1].summary
    assert (summary.filled, summary.sorries_left, list(summary.failed)) == (len(responses[0].accepted.holes), 0, [])
    assert summary.text == put_in(before, parts)
    await proves(lean_client, name, summary.text, known)
