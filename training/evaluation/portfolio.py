"""The portfolio of tactics on the evaluation theorems: the baseline for a model with as many checks."""

import contextlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prover.lean.workers.lean_pool import LeanPool
from prover.sampling.portfolio.portfolio import fillings, proposals
from prover.verdict import Limits
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.measures.pass_at_k import pass_at_k, powers_up_to
from training.evaluation.samples import ModelSamples
from training.journal import Journal, JournalError
from training.rollouts.verifier import Verifier

_AHEAD = 4  # proofs of one theorem checked concurrently; more would be wasted if an early one is correct


class PortfolioResult(BaseModel):
    """Result for one theorem; one JSON object per line."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str
    """Name of the theorem in the corpus."""
    digest: str
    """Digest of the theorem."""
    checks: int = Field(ge=0)
    """Maximum number of proofs tried."""
    one_line: bool = False
    """Whether only single tactics were tried."""
    solved_at: int | None = Field(default=None, ge=1)
    """Number of the first verified proof, from 1; None if there was none."""


def evaluate_portfolio(
    corpora: Sequence[Path],
    out: Path,
    verdicts: Path,
    limits: Limits,
    make_pool: Callable[[], LeanPool],
    checks: int = 256,
    one_line: bool = False,
    report: Callable[[str], None] = print,
) -> list[PortfolioResult]:
    """Try the portfolio's proofs in order, at most `checks` per theorem; resumable with the same call.

    Args:
        one_line: whether to try single tactics only, without the portfolio's combinations.

    Raises:
        ValueError: a corpus cannot be read, or the journal next to `out` belongs to another evaluation.
        PoolUnavailableError, VerifierGoneError: Lean cannot be started, or stopped answering.
        OSError: something cannot be read or written.
    """
    records = [record for corpus in corpora for record in read_corpus(corpus)]
    if not records:
        raise ValueError("There is no theorem to evaluate on.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as resources:
        journal = resources.enter_context(Journal(out.with_name(out.name + ".partial")))
        found = {}
        for number, line in journal.lines():
            try:
                result = PortfolioResult.model_validate_json(line)
            except ValidationError:
                raise JournalError(f"{journal.path}:{number}: this is not a line of the portfolio's results.") from None
            found[result.digest, result.checks, result.one_line] = result
        missing = [record for record in records if (record.theorem.digest, checks, one_line) not in found]
        if missing:
            verifier = resources.enter_context(Verifier(make_pool, verdicts, limits))
            for record in missing:
                result = _try(record, verifier, checks, one_line)
                journal.append(result.model_dump_json())
                found[result.digest, checks, one_line] = result
                report(f"{record.name}: {'unsolved' if result.solved_at is None else f'proof {result.solved_at}'}")
        results = [found[record.theorem.digest, checks, one_line] for record in records]
        write_jsonl(out, results)
        journal.path.unlink()
    return results


def read_portfolio(path: Path) -> list[PortfolioResult]:
    """Read the output of `evaluate_portfolio`.

    Raises:
        ValueError: the file has other content.
    """
    try:
        return [PortfolioResult.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except ValidationError:
        raise ValueError(f"{path} does not hold the portfolio's results.") from None


def coverage(results: Sequence[PortfolioResult]) -> dict[int, float]:
    """Return the share of theorems solved with 1, 2, 4, … checks."""
    most = max(result.checks for result in results)
    solved = [result.solved_at for result in results if result.solved_at is not None]
    return {k: sum(at <= k for at in solved) / len(results) for k in powers_up_to(most)}


def coverage_together(results: Sequence[PortfolioResult], model: ModelSamples, checks: int) -> float:
    """Return the share of theorems solved with so many checks, a quarter of them the portfolio's and the rest a model's
    samples.

    Raises:
        ValueError: the theorems differ, or there are too few samples.
    """
    if [result.name for result in results] != [theorem.name for theorem in model.theorems]:
        raise ValueError(f"The portfolio and {model.model} were not evaluated on the same theorems in the same order.")
    first = checks // 4
    chances = [
        1.0
        if result.solved_at is not None and result.solved_at <= first
        else pass_at_k(theorem.samples, theorem.verified, checks - first)
        for result, theorem in zip(results, model.theorems, strict=True)
    ]
    return sum(chances) / len(chances)


def _try(record: TheoremRecord, verifier: Verifier, checks: int, one_line: bool) -> PortfolioResult:
    single = (proof for template, proof in fillings(record.theorem) if template.one_line)
    proofs = list(itertools.islice(single if one_line else (proof for _, proof in proposals(record.theorem)), checks))
    tried = PortfolioResult(name=record.name, digest=record.theorem.digest, checks=checks, one_line=one_line)
    for start in range(0, len(proofs), _AHEAD):
        under_way = [verifier.check(record, proof) for proof in proofs[start : start + _AHEAD]]
        for number, check in enumerate(under_way, start=start + 1):
            if check.result().verified:
                for task in under_way:
                    task.cancel()
                return tried.model_copy(update={"solved_at": number})
    return tried
