"""Training data from answers: diagnoses of failing proofs, their repairs, and preference pairs."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from prover.sampling.diagnosis import Diagnosis
from prover.sampling.prompt import CritiqueFormat
from prover.search.diversity import distinct_key, length
from training.corpus.lessons import Lesson, Pair
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.critique.answers import CritiqueAnswers

_FORM = CritiqueFormat()


def lessons(theorems: Sequence[ProvedTheorem], drawn: Iterable[CritiqueAnswers], failures: int) -> Iterator[Lesson]:
    """Return lessons from a model's own failures: a diagnosis of each, and its repair by the most similar known proof.

    Args:
        theorems: theorems with known proofs.
        drawn: the model's answers for them.
        failures: maximum number per theorem, the most frequent first.
    """
    known = {proved.theorem.name: proved for proved in theorems}
    for answers in drawn:
        theorem = known[answers.name].theorem.theorem
        good = [*(answer.text for answer in answers.answers if answer.verified), *known[answers.name].proofs]
        for answer, diagnosis in answers.failures[:failures]:
            yield Lesson(prompt=_FORM.diagnosis(theorem, answer.text), response=f" {diagnosis}")
            nearest = max(good, key=lambda text: _likeness(text, answer.text))
            prompt = _FORM.repaired(theorem, answer.text, diagnosis)
            yield Lesson(prompt=prompt, response=_FORM.answer(nearest))


def pairs(
    records: Mapping[str, TheoremRecord], drawn: Sequence[CritiqueAnswers], refined: Sequence[CritiqueAnswers]
) -> list[Pair]:
    """Return preference pairs of proofs of a theorem that a model itself wrote.

    - `refined`: for the theorem alone, a valid refinement over the proof that it repairs;
    - `mended`: for the failed proof and its diagnosis, a valid refinement over an invalid one;
    - `shorter`: of two valid proofs, the one of at most two thirds of the other's length.

    Args:
        drawn: answers to the theorems alone.
        refined: answers to repairs, `about` the failed proof.
    """
    diagnoses = {
        (answers.name, answer.text): diagnosis
        for answers in (*drawn, *refined)
        for answer, diagnosis in answers.failures
    }
    found: dict[tuple[str, str, str], Pair] = {}

    def add(name: str, prompt: str, preferred: str, rejected: str, why: str) -> None:
        key = name, distinct_key(preferred), rejected + prompt
        found.setdefault(
            key, Pair(prompt=prompt, preferred=_FORM.answer(preferred), rejected=_FORM.answer(rejected), why=why)
        )

    for answers in refined:
        theorem = records[answers.name].theorem
        good = [answer.text for answer in answers.answers if answer.verified]
        if not good:
            continue
        add(answers.name, _FORM.render(theorem), good[0], answers.about, "refined")
        bad = [answer.text for answer in answers.answers if answer.diagnosis]
        diagnosis = diagnoses.get((answers.name, answers.about))
        if bad and diagnosis is not None:
            add(answers.name, _FORM.repaired(theorem, answers.about, diagnosis), good[0], bad[0], "mended")
    by_name: dict[str, list[str]] = {}
    for answers in (*drawn, *refined):
        by_name.setdefault(answers.name, []).extend(answer.text for answer in answers.answers if answer.verified)
    for name, texts in by_name.items():
        ordered = sorted(dict.fromkeys(texts), key=length)
        if len(ordered) > 1 and 3 * length(ordered[0]) <= 2 * length(ordered[-1]):
            add(name, _FORM.render(records[name].theorem), ordered[0], ordered[-1], "shorter")
    # Ordered independently of the theorems, so that any prefix is a sample of all.
    return sorted(found.values(), key=lambda pair: hashlib.sha256(pair.model_dump_json().encode()).digest())


def accuracy(asked: Iterable[CritiqueAnswers], right: Mapping[tuple[str, str], Diagnosis]) -> dict[str, float]:
    """Return how often diagnoses agree with Lean on the line, the kind, and both.

    Args:
        asked: diagnoses, one answer each, `about` the failed proof.
        right: Lean's diagnoses, by theorem and failed proof.
    """
    total = line = kind = exact = 0
    for answers in asked:
        truth = right[answers.name, answers.about]
        diagnosis = Diagnosis.read(answers.answers[0].text) if answers.answers else None
        total += 1
        if diagnosis is not None:
            line += diagnosis.line == truth.line
            kind += diagnosis.kind == truth.kind
            exact += diagnosis == truth
    share = max(1, total)
    return {"diagnoses": total, "line": line / share, "kind": kind / share, "both": exact / share}


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
