"""Samples a model on theorems and checks the samples with Lean: the raw data of an evaluation.

The same call after a kill or Ctrl-C resumes with the missing theorems: each is written to a journal next to the result
when it is done, and the journal is deleted when the result is complete.
"""

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import transformers
from pydantic import ValidationError

from prover.lean.workers.lean_pool import LeanPool
from prover.sampling.tokenizers import load_tokenizer
from prover.sampling.weights import describe_files
from prover.verdict import Limits, Verdict, VerdictKind
from training.config import EvaluationConfig
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples, judged
from training.journal import Journal, JournalError
from training.model.load import located
from training.model.prompts import prompt_format
from training.progress import ProgressReporter
from training.rollouts.engine import RolloutEngine
from training.rollouts.prompts import seed_of
from training.rollouts.requests import Response, RolloutRequest
from training.rollouts.verifier import Verifier
from training.run.provenance import FILE, hash_weights, read_provenance

_WAITING = 16  # theorems that wait for verdicts before sampling pauses


@dataclass(frozen=True)
class Evaluated:
    """An evaluation's model and settings.

    Attributes:
        model: a Hugging Face checkpoint, or a PEFT adapter.
        label: name of the model in tables.
        base: the checkpoint of an adapter; None: the one named by the adapter.
        prompt_format: the model's prompt format.
        settings: corpora, number of samples and sampling parameters.
        limits: limits of each check.
        seed: random seed of the samples.
        command: the command line, to be stored with the samples.
    """

    model: Path
    label: str
    settings: EvaluationConfig
    limits: Limits
    base: Path | None = None
    prompt_format: str = "source"
    seed: int = 0
    command: str = ""


def label_of(model: Path) -> str:
    """Return the default name of a model in tables: its folder's name, or its run's if the folder is a run's model."""
    folder = model.resolve()
    return folder.parent.name if folder.name in ("model", "last-good") else folder.name


def evaluate(
    what: Evaluated,
    out: Path,
    verdicts: Path,
    make_pool: Callable[[], LeanPool],
    report: Callable[[str], None] = print,
) -> ModelSamples:
    """Sample and check until every theorem is done, then write `out`; resumable.

    Nothing is sampled if `out` holds these samples already; under another label it gets the new one.

    Args:
        verdicts: file of verdicts that evaluations and training runs share, one at a time.
        make_pool: creates the pool of Lean workers.

    Raises:
        ValueError: a corpus cannot be read, or the journal or `out` belongs to another evaluation.
        SamplerUnavailableError: vLLM is missing, or cannot serve the model.
        PoolUnavailableError, VerifierGoneError: Lean cannot be started, or stopped answering.
        OSError: something cannot be read or written.
    """
    settings = what.settings
    what = replace(what, model=located(what.model), base=None if what.base is None else located(what.base))
    records = _read(settings.corpora)
    identity = _identity(what, records)
    digest = hashlib.sha256(identity.encode()).hexdigest()
    if out.exists():
        return _relabelled(out, digest, what.label, report)
    algorithm = _algorithm(what.model)
    out.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as resources:
        journal = resources.enter_context(Journal(out.with_name(out.name + ".partial")))
        found = _earlier(journal, identity)
        missing = [record for record in records if record.name not in found]
        if found:
            report(f"{len(found)} of {len(records)} theorems are done already")
        if missing:
            verifier = resources.enter_context(Verifier(make_pool, verdicts, what.limits))
            for theorem in _sample(what, missing, out, verifier, report):
                journal.append(theorem.model_dump_json())
                found[theorem.name] = theorem
        samples = ModelSamples(
            model=what.label,
            corpus=", ".join(corpus.stem for corpus in settings.corpora),
            sampling={
                "temperature": settings.temperature,
                "top_p": settings.top_p,
                "max_tokens": settings.max_tokens,
                "seed": what.seed,
            },
            command=what.command,
            weights=hash_weights(what.model),
            algorithm=algorithm,
            identity=digest,
            theorems=tuple(found[record.name] for record in records),
        )
        samples.save(out)
        journal.path.unlink()
    return samples


def _algorithm(model: Path) -> str:
    """Return the algorithm that trained a model; empty if there is none."""
    trained = read_provenance(model)
    settled = {} if trained is None else trained.settings
    tuned = settled.get("rollouts") or settled.get("preferences")
    return str(settled["algorithm"]["name"]) if tuned else ""


def _read(corpora: Sequence[Path]) -> list[TheoremRecord]:
    """Read the theorems of all corpora.

    Raises:
        ValueError: there is none, or two have the same name.
    """
    records = [record for corpus in corpora for record in read_corpus(corpus)]
    if not records:
        raise ValueError("There is no theorem to evaluate on.")
    if len({record.name for record in records}) < len(records):
        raise ValueError("Two theorems of the corpora have the same name.")
    return records


def _relabelled(out: Path, digest: str, label: str, report: Callable[[str], None]) -> ModelSamples:
    samples = ModelSamples.load(out)
    if samples.identity != digest:
        raise ValueError(
            f"{out} holds samples of another model, or of other settings or theorems: name another file, or delete it."
        )
    report(f"all {len(samples.theorems)} theorems are done already")
    if samples.model != label:
        samples = samples.model_copy(update={"model": label})
        samples.save(out)
    return samples


@dataclass
class _Theorem:
    """A theorem in progress: its texts and their checks, and the number of outstanding answers."""

    name: str
    missing: int
    texts: Counter[str] = field(default_factory=Counter)
    checks: dict[str, "Future[Verdict]"] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        return not self.missing and all(check.done() for check in self.checks.values())

    def result(self) -> TheoremSamples:
        """Wait for pending checks and return the samples."""
        verdicts = {text: check.result() for text, check in self.checks.items()}
        proofs = (judged(text, count, verdicts.get(text)) for text, count in self.texts.items())
        return TheoremSamples(name=self.name, proofs=tuple(proofs))


def _sample(
    what: Evaluated, records: Sequence[TheoremRecord], out: Path, verifier: Verifier, report: Callable[[str], None]
) -> Iterator[TheoremSamples]:
    """Yield each theorem when it is done, while sampling continues."""
    settings = what.settings
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(what.model)
    form = prompt_format(what.prompt_format, tokenizer)
    adapter = what.model / "adapter_config.json"
    checkpoint, rank = what.model, None
    if adapter.exists():
        about = json.loads(adapter.read_text(encoding="utf-8"))
        checkpoint, rank = what.base or Path(about["base_model_name_or_path"]), int(about["r"])
    engine = RolloutEngine(checkpoint, out.with_name(out.name + ".engine"), adapter_rank=rank, stop=form.stop)
    try:
        if rank is not None:
            engine.adapt(what.model)
        prompts = {record.name: tuple(tokenizer.encode(form.render(record.theorem))) for record in records}
        room = engine.context - settings.max_tokens
        asked = [record for record in records if len(prompts[record.name]) <= room]
        for record in records:
            if len(prompts[record.name]) > room:
                report(f"{record.name} leaves no room for {settings.max_tokens} tokens of answer: unsolved")
                yield TheoremSamples(
                    name=record.name, proofs=(SampledProof(text="", count=settings.samples, verified=False),)
                )

        n = settings.samples
        theorems = {record.name: _Theorem(record.name, n) for record in asked}
        tally = _Tally(len(asked), report)
        started = 0

        def requests() -> Iterator[RolloutRequest]:
            nonlocal started
            for record in asked:
                started += 1
                for index in range(n):
                    seed = seed_of(what.seed, record.theorem.digest, index)
                    prompt = prompts[record.name]
                    yield RolloutRequest(prompt, seed, settings.max_tokens, settings.temperature, settings.top_p)

        def done(number: int, response: Response) -> None:
            record = asked[number // n]
            theorem = theorems[record.name]
            text = form.extract(response.text)
            theorem.texts[text] += 1
            theorem.missing -= 1
            if response.finished and text and text not in theorem.checks:  # truncated answers are wrong, as in training
                theorem.checks[text] = verifier.check(record, text)

        for _ in engine.sampled(requests(), done):
            while theorems:
                oldest = next(iter(theorems.values()))
                if not oldest.settled and (oldest.missing or started - tally.done < _WAITING):
                    break
                yield tally.count(theorems.pop(oldest.name))
        for theorem in list(theorems.values()):
            yield tally.count(theorem)
    finally:
        engine.close()


def _earlier(journal: Journal, identity: str) -> dict[str, TheoremSamples]:
    found: dict[str, TheoremSamples] = {}
    empty = True
    for number, line in journal.lines():
        empty = False
        if number == 1:
            if line.decode("utf-8", "replace").rstrip("\n") != identity:
                raise JournalError(
                    f"{journal.path} is of an evaluation with another model, other settings or theorems: "
                    "finish that one, or delete the file."
                )
            continue
        try:
            theorem = TheoremSamples.model_validate_json(line)
        except ValidationError:
            raise JournalError(f"{journal.path}:{number}: this is not a line of an evaluation.") from None
        found[theorem.name] = theorem
    if empty:
        journal.append(identity)
    return found


def _identity(what: Evaluated, records: Sequence[TheoremRecord]) -> str:
    digest = hashlib.sha256()
    for record in records:
        digest.update(repr((record.name, record.theorem.digest, record.guard)).encode())
    settings = what.settings.model_dump(mode="json", exclude={"corpora"})
    return json.dumps(
        {
            "model": {name: digest for name, digest in describe_files(what.model).items() if name != FILE},
            "theorems": digest.hexdigest(),
            **settings,
            "seed": what.seed,
            "prompt_format": what.prompt_format,
            "heartbeats": what.limits.heartbeats,
        },
        sort_keys=True,
    )


class _Tally:
    """Counts the results for theorems, and reports them."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self._progress = ProgressReporter(total, "theorems", report)
        self._solved = 0
        self._precision = 0.0
        self._timeouts = 0

    @property
    def done(self) -> int:
        """Number of theorems that were counted."""
        return self._progress.done

    def count(self, theorem: _Theorem) -> TheoremSamples:
        """Count the results for a theorem and pass them on."""
        result = theorem.result()
        self._solved += result.verified > 0
        self._precision += result.verified / result.samples
        self._timeouts += sum(check.result().kind is VerdictKind.TIMEOUT for check in theorem.checks.values())
        self._progress.advance(
            lambda: f"{self._solved} solved, pass@1 {self._precision / self.done:.1%}, {self._timeouts} timeouts"
        )
        return result
