"""Messages of filling `sorry`s in files. All positions refer to the text as it was sent."""

from collections.abc import Sequence
from dataclasses import replace

from leansieve.v1 import fill_pb2, source_pb2
from prover.assistance.holes import Filled, Hole, HoleOutcome
from prover.search.search import Progress
from prover.source.lean_file import LeanFile, line_and_column, sorries
from prover.source.scanner import Command
from prover.verdict import Region, Verdict
from service.contract import values
from service.contract.messages import search
from service.contract.messages.events import EventWriter


def within(file: LeanFile, holes: Sequence[Hole], wanted: source_pb2.SourceRange) -> list[Hole]:
    """Return the holes that overlap a range of the file."""
    start, end = ((place.line, place.column) for place in (wanted.start, wanted.end))
    return [
        hole
        for hole in holes
        if line_and_column(file.text, hole.end) >= start and line_and_column(file.text, hole.start) <= end
    ]


def accepted(file: LeanFile, holes: Sequence[Hole], log_id: str) -> fill_pb2.FillSorriesResponse:
    """Return the first event."""
    found = [fill_pb2.Hole(number=hole.number, range=_range(file, hole), theorem=hole.item.name) for hole in holes]
    return fill_pb2.FillSorriesResponse(accepted=fill_pb2.FillAccepted(log_id=log_id, holes=found))


def progress(hole: Hole, spent: Progress) -> fill_pb2.FillSorriesResponse:
    """Return the progress of the search for a hole."""
    message = fill_pb2.HoleProgress(hole=hole.number, spent=search.progress_to_proto(spent))
    return fill_pb2.FillSorriesResponse(progress=message)


def outcome(file: LeanFile, became: HoleOutcome) -> fill_pb2.FillSorriesResponse:
    """Return the outcome of a hole."""
    hole = became.hole
    if became.proof is not None:
        filled = fill_pb2.HoleFilled(
            hole=hole.number,
            range=_range(file, hole),
            replacement=became.replacement,
            proof=search.proof_to_proto(became.proof, 0),
        )
        return fill_pb2.FillSorriesResponse(filled=filled)
    unfilled = fill_pb2.HoleOpen(hole=hole.number)
    if became.finished is not None:
        unfilled.summary.CopyFrom(EventWriter("").summary(became.finished))
    if became.verdict is not None:
        unfilled.verdict.CopyFrom(values.verdict_to_proto(_in_file(file, hole.item, became.verdict)))
    return fill_pb2.FillSorriesResponse(open=unfilled)


def summary(holes: Sequence[Hole], done: Filled) -> fill_pb2.FillSorriesResponse:
    """Return the last event."""
    filled = [one for one in done.outcomes if one.proof is not None]
    message = fill_pb2.FillSummary(
        holes=len(holes),
        filled=len(filled),
        text=done.file.text,
        failed=[hole.number for hole in done.failed],
        verified=done.verdict is not None and done.verdict.verified and not done.failed,
        sorries_left=len(sorries(done.file.text)),
    )
    if done.verdict is not None:
        message.verdict.CopyFrom(values.verdict_to_proto(done.file.placed(done.verdict)))
    return fill_pb2.FillSorriesResponse(summary=message)


def _range(file: LeanFile, hole: Hole) -> source_pb2.SourceRange:
    start, end = (line_and_column(file.text, offset) for offset in (hole.start, hole.end))
    return source_pb2.SourceRange(
        start=source_pb2.SourcePosition(line=start[0], column=start[1]),
        end=source_pb2.SourcePosition(line=end[0], column=end[1]),
    )


def _in_file(file: LeanFile, item: Command, verdict: Verdict) -> Verdict:
    """Shift the positions of a verdict to the whole file."""
    messages = []
    for message in verdict.messages:
        line, column = file.position(item, message)
        messages.append(replace(message, region=Region.CANDIDATE, line=line, column=column))
    return replace(verdict, messages=tuple(messages))
