"""Writes the proofs of a run into its input files."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from prover.assistance import fill
from prover.assistance.holes import Hole, holes_of
from prover.candidate import Candidate
from prover.errors import UserError
from prover.options import CheckOptions
from prover.requests import Service, UnavailableError
from prover.search.search import Proof
from prover.source import disk
from prover.source.lean_file import LeanFile
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind
from service.batch.run.folder import Folder
from service.batch.run.inputs import Part, part_of, path_of
from service.jsonl.rows import Row

Found = Mapping[Theorem | Part, Proof]
"""Results for the holes of a file: a theorem's proof, or the replacement of a hole inside a declaration."""


def proofs(folder: Folder, rows: Iterable[Row]) -> dict[str, dict[Theorem | Part, Proof]]:
    """Return the first proof of each hole that has one, by file.

    Raises:
        UserError: the folder was changed.
    """
    solved = {row["number"]: row for row in rows if row["proofs"]}
    found: dict[str, dict[Theorem | Part, Proof]] = {}
    for number, entry in folder.entries(solved).items():
        key = entry.part if entry.theorem is None else _bare(entry.theorem)
        if key is not None:
            found.setdefault(entry.family, {})[key] = _proof(solved[number]["proofs"][0])
    return found


async def write(
    service: Service,
    source: Path,
    found: Mapping[str, Found],
    options: CheckOptions,
    project: str,
    remark: Callable[[str], None],
) -> bool:
    """Insert proofs into a file, or the files of a folder, as `prove --write` does; returns whether all were inserted.

    Args:
        found: proofs by the names of files, see `proofs`.
        options: options of the checks.
        project: see `Theorem.project`.
        remark: called with descriptions of inserted proofs, and of those left out, with reasons.

    Raises:
        UnavailableError: the service cannot be reached.
    """
    done = True
    for name, known in sorted(found.items()):
        try:
            done &= await _write(service, path_of(source, name), known, options, project, remark)
        except UnavailableError:
            raise
        except UserError as error:
            remark(str(error))
            done = False
    return done


async def _write(
    service: Service,
    path: Path,
    known: Found,
    options: CheckOptions,
    project: str,
    remark: Callable[[str], None],
) -> bool:
    file = replace(disk.read(path), project=project)
    if not holes_of(file):
        remark(f"{path} has no hole left")
        return True
    wanted = known_in(file, known)
    if len(wanted) < len(known):
        remark(
            f"{path}: {len(known) - len(wanted)} proofs have no hole to go to: they are written, or the file has changed"
        )
    if not wanted:
        return False
    filled = await fill.put_in(service, file, wanted, options)
    unproved = [one.item.name for one in filled.outcomes if one.proof is None] + [
        hole.item.name for hole in filled.failed
    ]
    if unproved:
        raise UserError(f"{path} was left as it was: with the proofs in place {', '.join(unproved)} would not verify")
    disk.write(path, filled.file.text, file.text)
    remark(f"wrote {path}")
    return len(wanted) == len(known)


def known_in(file: LeanFile, found: Found) -> dict[Hole, Proof]:
    """Return the holes of a file with results, in order."""
    known = {hole: found.get(_key(file, hole)) for hole in holes_of(file)}
    return {hole: proof for hole, proof in known.items() if proof is not None}


def _key(file: LeanFile, hole: Hole) -> Theorem | Part:
    return _bare(file.theorem(hole.item)) if hole.whole else part_of(file, hole.item, hole.start)


def _bare(theorem: Theorem) -> Theorem:
    """Return a theorem reduced to its context and statement."""
    return Theorem(theorem.statement, context=theorem.context)


def _proof(row: Mapping[str, Any]) -> Proof:
    verdict = Verdict(VerdictKind.VERIFIED, Trust[row["trust"]])
    return Proof(Candidate(row["proof"], source=row["source"]), verdict, row["elapsed_ms"] / 1e3)
