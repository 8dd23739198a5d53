"""Random texts and mutated honest proofs: the workers survive all of them, and never accept a false statement.

The ordinary run is deterministic; `make test-slow` draws new examples.
"""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Mode, Verdict, VerdictKind
from tests.honest.honest_proofs import HONEST, HonestProof

pytestmark = pytest.mark.lean

FALSE = Theorem("theorem target : 1 = 2")
PLAIN = (Theorem("theorem plain (a b : Nat) : a + b = b + a"), Candidate("by omega"))
TERMS = Terms(Limits(seconds=3))
SETTINGS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
quick = settings(max_examples=12, derandomize=True, database=None, **SETTINGS)
long = settings(max_examples=60, **SETTINGS)

TOKENS = (Path(__file__).parent / "lean_tokens.txt").read_text(encoding="utf-8").split()
SPACES = [" ", " ", " ", "\n", "\n  ", "\n    ", "", "\t", "\r\n", "\u00a0"]


def soup(length: int = 40) -> st.SearchStrategy[str]:
    """Tokens of Lean in no order."""
    piece = st.tuples(st.sampled_from(TOKENS), st.sampled_from(SPACES)).map("".join)
    return st.lists(piece, min_size=1, max_size=length).map("".join)


def garbage() -> st.SearchStrategy[str]:
    """Any text without surrogates."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


PROOFS = [proof for name in ("terms", "tactics", "structured") for proof in HONEST[name]]
# Types are printed without universes, as error messages omit those of constants.
FILES = [
    proof
    for proof in HONEST["files"]
    if not re.search(r"universe|\.\{", proof.theorem.header.text + proof.candidate.text)
]


def pieces(text: str) -> list[str]:
    """A text cut into words, symbols and white space."""
    return re.findall(r"[\w.'₀-₉]+|\s+|[^\w\s]", text)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """The text with one to four tokens removed, doubled, swapped, or replaced by other ones."""
    parts = pieces(text)
    for _ in range(draw(st.integers(1, 4))):
        if not parts:
            break
        i = draw(st.integers(0, len(parts) - 1))
        j = draw(st.integers(0, len(parts) - 1))
        change = draw(st.sampled_from(["remove", "double", "swap", "replace", "token"]))
        if change == "remove":
            del parts[i]
        elif change == "double":
            parts.insert(i, parts[i])
        elif change == "swap":
            parts[i], parts[j] = parts[j], parts[i]
        elif change == "replace":
            parts[i] = parts[j]
        else:
            parts[i] = draw(st.sampled_from(TOKENS))
    return "".join(parts)


def main_colon(statement: str) -> int:
    """Return the position of the goal: the first colon outside brackets, or -1."""
    depth = 0
    for index, character in enumerate(statement):
        depth += (character in "([{⦃⟨«") - (character in ")]}⦄⟩»")
        if character == ":" and depth == 0:
            return index
    return -1


def refutable(proof: HonestProof) -> Theorem | None:
    """Return the negation of an honest proof's statement, if its text is easily negated."""
    theorem = proof.theorem
    head = re.match(r"theorem ([\w.']+) ", theorem.statement)
    colon = main_colon(theorem.statement)
    if head is None or colon < 0 or re.search(r"variable|Type _|Sort|Type [uv]", theorem.statement + theorem.context):
        return None
    binders, goal = theorem.statement[head.end() : colon].strip(), theorem.statement[colon + 1 :].strip()
    negated = f"¬(∀ {binders}, {goal})" if binders else f"¬({goal})"
    return Theorem(f"theorem {head[1]} : {negated}", theorem.header, theorem.context)


REFUTABLE = [(proof, theorem) for proof in PROOFS if (theorem := refutable(proof))]


async def answers(pool: WorkerPool, checks: list[tuple[Theorem, Candidate]]) -> list[Verdict]:
    """Return all verdicts, after asserting that each is a worker's answer and that the workers remain usable."""
    verdicts = await asyncio.gather(*(pool.check(theorem, candidate, TERMS) for theorem, candidate in checks))
    for (theorem, candidate), verdict in zip(checks, verdicts, strict=True):
        assert verdict.kind is not VerdictKind.INFRASTRUCTURE, (theorem, candidate, verdict)
    assert (await pool.check(*PLAIN)).verified
    return verdicts


def accepted(checks: list[tuple[Theorem, Candidate]], verdicts: list[Verdict]) -> list[tuple[Theorem, Candidate]]:
    return [check for check, verdict in zip(checks, verdicts, strict=True) if verdict.kind is VerdictKind.VERIFIED]


def several(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(texts, min_size=8, max_size=8)


async def soups_prove_nothing(pool: WorkerPool, texts: list[str]) -> None:
    checks = [(FALSE, Candidate(text, mode)) for text in texts for mode in Mode]
    checks += [(FALSE, Candidate("theorem target : 1 = 2 := by\n  " + text, Mode.FILE)) for text in texts]
    assert accepted(checks, await answers(pool, checks)) == []


async def soups_around_a_statement_prove_nothing(pool: WorkerPool, texts: list[str]) -> None:
    """Soup in the header, the context, and at the end of the statement; the statement stays false."""
    checks = [(Theorem(FALSE.statement, Header(prelude=text)), Candidate("by decide")) for text in texts]
    checks += [(Theorem(FALSE.statement, context=text), Candidate("by first | rfl | simp")) for text in texts]
    checks += [(Theorem(f"theorem target (h : 1 = 1) : 1 = 2 -- {text}"), Candidate("by simp_all")) for text in texts]
    assert accepted(checks, await answers(pool, checks)) == []


async def the_negation_is_never_proved(pool: WorkerPool, mutants: list[tuple[Theorem, str]]) -> None:
    checks = [(theorem, Candidate(text)) for theorem, text in mutants]
    assert accepted(checks, await answers(pool, checks)) == []


async def mutated_statements_are_never_accepted(pool: WorkerPool, mutants: list[tuple[HonestProof, str]]) -> None:
    """A mutated file is accepted only if its theorem still has the requested type."""
    checks = [(proof.theorem, Candidate(text, Mode.FILE)) for proof, text in mutants]
    for theorem, candidate in accepted(checks, await answers(pool, checks)):
        asked = (await pool.elaborate(spelled_out(theorem), TERMS)).type
        if len(asked) < 4_000:  # longer ones are cut
            shown = await type_in_file(pool, theorem, candidate)
            assert same_up_to_bound_names(asked, shown), (candidate.text, asked, shown)


def spelled_out(theorem: Theorem) -> Theorem:
    prelude = theorem.header.prelude + "\nset_option pp.all true"
    return Theorem(theorem.statement, Header(theorem.header.imports, prelude), theorem.context)


async def type_in_file(pool: WorkerPool, theorem: Theorem, candidate: Candidate) -> str:
    """Return the complete type that the file's text gives to the theorem, from an error message of Lean."""
    name = theorem.statement.split()[1].split(".{")[0]
    probe = f"{candidate.text}\nset_option pp.all true in\nexample : PUnit.{{1}} := (@{name} : _)\n"
    verbose = Terms(replace(TERMS.limits, message_bytes=20_000))
    verdict = await pool.check(theorem, Candidate(probe, Mode.FILE), verbose)
    text = "\n".join(message.text for message in verdict.messages)
    found = re.search(r"has type\n(.*?)\n(of sort|but is expected)", text, re.DOTALL)
    assert found, (probe, verdict)
    return found[1]


def same_up_to_bound_names(a: str, b: str) -> bool:
    """Return whether two printed terms agree up to a bijective renaming of names without dots."""
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    left, right = (re.findall(r"[\w.'✝₀-₉]+|[^\w\s]", text) for text in (a, b))
    return len(left) == len(right) and all(
        x == y or ("." not in x + y and there.setdefault(x, y) == y and back.setdefault(y, x) == x)
        for x, y in zip(left, right, strict=True)
    )


@st.composite
def refutation(draw: st.DrawFn) -> tuple[Theorem, str]:
    proof, theorem = draw(st.sampled_from(REFUTABLE))
    return theorem, draw(st.one_of(st.just(proof.candidate.text), mutated(proof.candidate.text)))


@st.composite
def truncation(draw: st.DrawFn) -> tuple[Theorem, str]:
    proof, theorem = draw(st.sampled_from(REFUTABLE))
    text = proof.candidate.text
    return theorem, text[: draw(st.integers(0, len(text)))] + draw(st.sampled_from(["", "\n", " sorry", "\n  sorry"]))


@st.composite
def mutated_file(draw: st.DrawFn) -> tuple[HonestProof, str]:
    """A file mutated anywhere, or in the statement of its theorem alone."""
    proof = draw(st.sampled_from(FILES))
    text, statement = proof.candidate.text, proof.theorem.statement
    if statement in text and draw(st.booleans()):
        head = re.match(r"theorem \S+", statement)
        assert head
        changed = head[0] + draw(mutated(statement[head.end() :]))
        return proof, text.replace(statement, changed)
    return proof, draw(mutated(text))


@quick
@given(texts=several(st.one_of(soup(), garbage())))
async def test_token_soup_proves_nothing(lean_pool: WorkerPool, texts: list[str]) -> None:
    await soups_prove_nothing(lean_pool, texts)


@quick
@given(texts=several(soup(15)))
async def test_soup_around_a_false_statement_proves_nothing(lean_pool: WorkerPool, texts: list[str]) -> None:
    await soups_around_a_statement_prove_nothing(lean_pool, texts)


@quick
@given(mutants=st.lists(refutation(), min_size=16, max_size=16))
async def test_mutated_honest_proof_never_proves_the_negation(
    lean_pool: WorkerPool, mutants: list[tuple[Theorem, str]]
) -> None:
    await the_negation_is_never_proved(lean_pool, mutants)


@quick
@given(mutants=st.lists(truncation(), min_size=16, max_size=16))
async def test_truncated_honest_proof_never_proves_the_negation(
    lean_pool: WorkerPool, mutants: list[tuple[Theorem, str]]
) -> None:
    await the_negation_is_never_proved(lean_pool, mutants)


@quick
@given(mutants=st.lists(mutated_file(), min_size=8, max_size=8))
async def test_mutated_statement_is_never_accepted(
    lean_pool: WorkerPool, mutants: list[tuple[HonestProof, str]]
) -> None:
    await mutated_statements_are_never_accepted(lean_pool, mutants)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@long
@given(texts=several(st.one_of(soup(80), garbage())))
async def test_more_token_soup_proves_nothing(lean_pool: WorkerPool, texts: list[str]) -> None:
    await soups_prove_nothing(lean_pool, texts)
    await soups_around_a_statement_prove_nothing(lean_pool, texts)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@long
@given(mutants=st.lists(st.one_of(refutation(), truncation()), min_size=16, max_size=16))
async def test_more_mutated_proofs_never_prove_the_negation(
    lean_pool: WorkerPool, mutants: list[tuple[Theorem, str]]
) -> None:
    await the_negation_is_never_proved(lean_pool, mutants)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@long
@given(mutants=st.lists(mutated_file(), min_size=8, max_size=8))
async def test_more_mutated_statements_are_never_accepted(
    lean_pool: WorkerPool, mutants: list[tuple[HonestProof, str]]
) -> None:
    await mutated_statements_are_never_accepted(lean_pool, mutants)
