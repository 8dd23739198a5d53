"""The code compiled for all workers is made once."""

import asyncio
import json
from pathlib import Path

from prover.lean.runtimes.embedded.cache.warming import code_folder, warm
from prover.lean.runtimes.runtime import Launch


def warmed(folder: Path, script: str) -> list[Path | None]:
    """Where the process was told to leave its code, each time that it was started by two calls."""
    told: list[Path | None] = []

    def launch(draft: Path | None) -> Launch:
        told.append(draft)
        return Launch(
            ["/bin/sh", "-c", script if draft else "exit 0", "sh", str(draft)],
            {"PATH": "/bin:/usr/bin"},
            folder.parent,
            "memory",
        )

    async def twice() -> None:
        await warm(folder, launch, ["Init"])
        await warm(folder, launch, ["Init"])

    asyncio.run(twice())
    return told


def test_code_is_made_once_by_a_process_that_is_asked_for_proofs(tmp_path: Path) -> None:
    folder = code_folder(tmp_path, ["lean", "node"])
    assert len(warmed(folder, 'cat > "$1/code"')) == 2, "one makes the image, one the code"
    lines = [json.loads(line) for line in (folder / "code").read_text().splitlines()]
    assert [line["op"] for line in lines[:3]] == ["hello", "elaborate", "check"]
    assert [line["id"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(line["header"]["imports"] == ["Init"] for line in lines[1:])


def test_a_process_that_leaves_no_code_is_not_started_again(tmp_path: Path) -> None:
    folder = code_folder(tmp_path, ["lean", "node"])
    assert len(warmed(folder, "exit 1")) == 2
    assert list(folder.iterdir()) == []


def test_code_of_another_node_is_kept_apart(tmp_path: Path) -> None:
    assert code_folder(tmp_path, ["lean", "node 1"]) != code_folder(tmp_path, ["lean", "node 2"])


def test_a_cache_that_cannot_be_written_gets_no_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert warmed(tmp_path / "file" / "code-1", "exit 0") == []
