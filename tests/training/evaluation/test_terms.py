"""Proofs are counted by text and by term."""

from concurrent.futures import Future

from prover.verdict import Mode, Policy, Trust, Verdict, VerdictKind
from training.corpus.record import TheoremRecord
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples
from training.evaluation.terms import chosen_of, measure, table

RECORDS = [TheoremRecord(name=name, statement=f"theorem {name} : True") for name in ("a", "b", "c")]
TERMS = {"by simp": "s", "by\n  simp only": "s", "trivial": "t", "by aesop_like": ""}


class Scripted:
    """Verifies every text with the term that a table gives."""

    def check(self, record: TheoremRecord, proof: str) -> "Future[Verdict]":
        done: Future[Verdict] = Future()
        done.set_result(Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, Mode.PROOF, Policy(), term=TERMS[proof]))
        return done


def samples(**texts: tuple[str, ...]) -> ModelSamples:
    wrong = SampledProof(text="by omega", count=1, verified=False)
    theorems = tuple(
        TheoremSamples(
            name=record.name,
            proofs=(wrong, *(SampledProof(text=text, count=2, verified=True) for text in texts.get(record.name, ()))),
        )
        for record in RECORDS
    )
    return ModelSamples(model="m", corpus="c", theorems=theorems)


def test_texts_of_one_term_are_one_proof_and_what_has_no_term_is_counted_apart() -> None:
    model = samples(a=("by simp", "by\n  simp only", "trivial"), b=("by aesop_like",))
    (row,) = measure([model], RECORDS, Scripted())
    assert (row["solved"], row["texts"], row["terms"], row["without_term"]) == (2, 4, 2, 1)
    assert "| m | 2 of 3 | 4 | 2 | 2.0 | 1.0 |" in table([row])


def test_only_theorems_that_some_model_solved_are_taken() -> None:
    models = [samples(a=("by simp",)), samples(b=("trivial",))]
    assert {record.name for record in chosen_of(models, RECORDS, None)} == {"a", "b"}
    assert len(chosen_of(models, RECORDS, 1)) == 1
