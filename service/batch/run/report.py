"""Report on a batch run so far: figures, and a self-contained page."""

import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader

from prover.errors import UserError
from prover.search.diversity import Diversity
from service.batch.batches import ItemOutcome
from service.batch.run.folder import BatchRun, Folder
from service.core.limits.text import printable
from service.jsonl.rows import Row

_MOST_LISTED = 500  # theorems per list on the page; results.jsonl has all
_PAUSE_SECONDS = 120.0  # a longer gap between answers means that the batch was not running
_RATE_OVER = 200  # answers from which the rate is computed
_BOUNDS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_ALPHA = re.compile(r"alpha=([\d.]*\d)")


def _shown(value: object) -> object:
    """Escape control and direction-changing characters of texts of theorems and models; jinja escapes HTML."""
    return printable(value, newlines=True) if type(value) is str else value


_PAGE = Environment(
    loader=PackageLoader("service.batch.run", "."),
    autoescape=True,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(slots=True)
class Family:
    """A group of theorems. `seconds`: time spent on them."""

    name: str
    answered: int = 0
    solved: int = 0
    proofs: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class ProofSource:
    """A source of proofs: a template, a model, a strategy. `alpha`: of the model, if known."""

    name: str
    alpha: str = ""
    proofs: int = 0
    first: int = 0
    """Number of theorems whose first proof came from this source."""


@dataclass(slots=True)
class BatchTally:
    """All figures of the reports, updated with each answer."""

    alphas: Mapping[str, str] = field(default_factory=dict)
    """α of the server's models, by name."""
    outcomes: Counter[str] = field(default_factory=Counter)
    families: dict[str, Family] = field(default_factory=dict)
    sources: dict[str, ProofSource] = field(default_factory=dict)
    distinct: Counter[int] = field(default_factory=Counter)
    """Number of theorems by number of distinct proofs."""
    texts: Counter[str] = field(default_factory=Counter)
    """Number of occurrences of each proof text."""
    first_seconds: list[float] = field(default_factory=list)
    """For each solved theorem, the time of its first proof within its search, without known proofs."""
    stored: int = 0
    sampled: int = 0
    checked: int = 0
    searched_seconds: float = 0.0
    working_seconds: float = 0.0
    solved_rows: list[Row] = field(default_factory=list)
    open_rows: list[Row] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """Times of the latest answers, in seconds since the epoch."""

    @property
    def answered(self) -> int:
        """Number of answered theorems."""
        return self.outcomes.total()

    @property
    def solved(self) -> int:
        """Number of proved theorems."""
        return self.outcomes[ItemOutcome.PROVED.value]

    def add(self, row: Row) -> None:
        """Count an answer, a line of results.jsonl."""
        self.outcomes[row["outcome"]] += 1
        family = self.families.setdefault(row["family"], Family(row["family"]))
        proofs = row["proofs"]
        family.answered += 1
        family.solved += bool(proofs)
        family.proofs += len(proofs)
        family.seconds += row["elapsed_ms"] / 1e3
        self.sampled += row["sampled"]
        self.checked += row["checked"]
        self.searched_seconds += row["elapsed_ms"] / 1e3
        if self.times and 0 < (gap := row["at"] - self.times[-1]) < _PAUSE_SECONDS:
            self.working_seconds += gap
        self.times = [*self.times[-_RATE_OVER:], row["at"]]
        if proofs:
            self._solved(row)
        elif len(self.open_rows) < _MOST_LISTED:
            self.open_rows.append(row)

    def _solved(self, row: Row) -> None:
        proofs = row["proofs"]
        self.distinct[len(proofs)] += 1
        self.solved_rows = [*self.solved_rows[-_MOST_LISTED + 1 :], row]
        fresh = [proof["elapsed_ms"] / 1e3 for proof in proofs if not proof["stored"]]
        self.stored += len(proofs) - len(fresh)
        if len(fresh) == len(proofs):
            self.first_seconds.append(min(fresh))
        for number, proof in enumerate(proofs):
            source = self.sources.setdefault(
                proof["source"], ProofSource(proof["source"], self._alpha(proof["source"]))
            )
            source.proofs += 1
            source.first += number == 0
            self.texts[proof["proof"]] += 1

    def _alpha(self, source: str) -> str:
        if found := _ALPHA.search(source):
            return found[1]
        model = re.sub(r"^(?:\w+\()*\w+:|\)+$", "", source)
        return self.alphas.get(model, "")

    def rate(self) -> float | None:
        """Theorems answered per second recently; None if there are too few."""
        recent = [at for at in self.times if at > time.time() - 10 * _PAUSE_SECONDS]
        if len(recent) < 2 or recent[-1] <= recent[0]:
            return None
        return (len(recent) - 1) / (recent[-1] - recent[0])


def figures(run: BatchRun, tally: BatchTally, running: bool) -> dict[str, Any]:
    """Return the content of report.json. Times in seconds; shares between 0 and 1."""
    unanswered = run.items - tally.answered
    rate = tally.rate()
    firsts = sorted(tally.first_seconds)
    alphas: Counter[str] = Counter()
    for source in tally.sources.values():
        alphas[source.alpha] += source.proofs
    solved = tally.solved
    return {
        "label": run.label,
        "asked": run.asked,
        "state": "done" if not unanswered else "running" if running else "interrupted",
        "items": run.items,
        "answered": tally.answered,
        "solved": solved,
        "solved_share": solved / tally.answered if tally.answered else 0.0,
        "outcomes": dict(tally.outcomes.most_common()),
        "per_minute": 60 * rate if rate else None,
        "seconds_left": unanswered / rate if rate and running else None,
        "working_seconds": round(tally.working_seconds, 1),
        "searched_seconds": round(tally.searched_seconds, 1),
        "sampled": tally.sampled,
        "checked": tally.checked,
        "families": [asdict(each) for each in sorted(tally.families.values(), key=lambda each: each.name)],
        "sources": [asdict(each) for each in sorted(tally.sources.values(), key=lambda each: -each.proofs)],
        "alphas": {alpha or "none": count for alpha, count in sorted(alphas.items())},
        "proofs": sum(number * count for number, count in tally.distinct.items()),
        "stored": tally.stored,
        "distinct": {str(number): count for number, count in sorted(tally.distinct.items())},
        "diversity": asdict(Diversity.of_proofs(tally.texts.items())) if tally.texts else None,
        "first_proof": {
            "p50": statistics.median(firsts) if firsts else None,
            "p95": firsts[min(len(firsts) - 1, int(0.95 * len(firsts)))] if firsts else None,
            "up_to": {str(bound): sum(each <= bound for each in firsts) for bound in _BOUNDS},
        },
        "created": run.created,
        "updated": time.time(),
    }


def write(folder: Folder, run: BatchRun, tally: BatchTally, running: bool) -> None:
    """Replace report.json and report.html.

    Raises:
        UserError: they cannot be written.
    """
    found = figures(run, tally, running)
    page = _PAGE.get_template("report.html").render(
        report=found, running=running, solved=reversed(tally.solved_rows), open=tally.open_rows, most=_MOST_LISTED
    )
    try:
        folder.replace("report.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
        folder.replace("report.html", page)
    except OSError as error:
        raise UserError(f"cannot write {folder.path}: {error.strerror}; run again to resume") from None


def clock(seconds: float | None) -> str:
    """Format seconds for display."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


_PAGE.filters.update(clock=clock, date=_date)
