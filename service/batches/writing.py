"""Writing the proofs of a batch into the files that its theorems come from."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from prover.assistance import fill
from prover.assistance.fill import Hole
from prover.candidate import Candidate
from prover.errors import UserError
from prover.options import CheckOptions
from prover.requests import Service, UnavailableError
from prover.search.search import Proof
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.verdict import Trust, Verdict, VerdictKind
from service.batches.folder import Folder
from service.batches.jsonl import Row

Key = tuple[str, str]
"""A theorem as it stands in a file: its context and its statement."""


def proofs(folder: Folder, rows: Iterable[Row]) -> dict[str, dict[Key, Proof]]:
    """The first proof of each theorem that has one, by file.

    Raises:
        UserError: the folder was changed.
    """
    solved = {row["number"]: row for row in rows if row["proofs"]}
    found: dict[str, dict[Key, Proof]] = {}
    for number, entry in folder.entries(solved).items():
        if entry.theorem is not None:
            key = entry.theorem.context, entry.theorem.statement
            found.setdefault(entry.family, {})[key] = _proof(solved[number]["proofs"][0])
    return found


async def write(
    service: Service,
    source: Path,
    found: Mapping[str, Mapping[Key, Proof]],
    options: CheckOptions,
    project: str,
    remark: Callable[[str], None],
) -> bool:
    """Put proofs into a file, or into those of a folder, each as `prove --write` does. Whether all could be put in.

    Args:
        found: proofs by the names of files, see `proofs`.
        options: of the checks.
        project: see `Theorem.project`.
        remark: told what was written, and what was left alone and why.

    Raises:
        UnavailableError: the service is gone.
    """
    done = True
    for name, known in sorted(found.items()):
        path = source if source.suffix == ".lean" else source / name
        try:
            done &= await _write(service, path, known, options, project, remark)
        except UnavailableError:
            raise
        except UserError as error:
            remark(str(error))
            done = False
    return done


async def _write(
    service: Service,
    path: Path,
    known: Mapping[Key, Proof],
    options: CheckOptions,
    project: str,
    remark: Callable[[str], None],
) -> bool:
    file = replace(lean_file.read(path), project=project)
    wanted = [(hole, proof) for hole in fill.holes(file) if (proof := _of(hole, file, known)) is not None]
    if len(wanted) < len(known):
        remark(f"{path}: {len(known) - len(wanted)} theorems are not there any more, or not as they were proved")
    if not wanted:
        return False
    filled = await fill.put_in(service, file, wanted, options)
    left = [one.item.name for one in filled.outcomes if one.proof is None] + [hole.item.name for hole in filled.failed]
    if left:
        raise UserError(f"{path} was left as it was: with the proofs in place {', '.join(left)} would not verify")
    lean_file.write(path, filled.file.text, file.text)
    remark(f"wrote {path}")
    return len(wanted) == len(known)


def _of(hole: Hole, file: LeanFile, known: Mapping[Key, Proof]) -> Proof | None:
    if not hole.whole:
        return None
    theorem = file.theorem(hole.item)
    return known.get((theorem.context, theorem.statement))


def _proof(row: Mapping[str, Any]) -> Proof:
    verdict = Verdict(VerdictKind.VERIFIED, Trust[row["trust"]])
    return Proof(Candidate(row["proof"], source=row["source"]), verdict, row["elapsed_ms"] / 1e3)
