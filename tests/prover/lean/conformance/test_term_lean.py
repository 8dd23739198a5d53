"""`term` in docs/worker-protocol.md: which proofs have one digest and which have two, on every runtime (see conftest.py)."""

import pytest

from tests.prover.lean.conformance.test_quarantine_lean import fixed, judged
from tests.prover.lean.conformance.wire import Wire

pytestmark = pytest.mark.lean

STATEMENT = "theorem t (a b : Nat) (h : a = b + 1) : b < a"


def term(wire: Wire, statement: str = STATEMENT, **candidate: str) -> str | None:
    answer = wire.about("check", statement, **candidate)
    assert answer["verdict"] == "verified", answer["messages"]
    digest: str | None = answer["term"]
    return digest


def test_texts_of_one_term_have_one_digest(wire: Wire) -> None:
    first = term(wire, proof="by omega")
    assert first is not None
    assert (len(first), int(first, 16) > 0) == (16, True)
    for text in ("by skip; omega", "by\n  intros\n  omega", "by first | rfl | omega", "(by (omega))"):
        assert term(wire, proof=text) == first, text
    assert term(wire, proof="by grind") != first


def test_names_bound_in_a_proof_do_not_count(wire: Wire) -> None:
    texts = ("fun p hp => (fun q hq => hq) p hp", "fun x y => (fun z w => w) x y", "fun x y => (fun z w => y) x y")
    one, same, other = (term(wire, "theorem t : ∀ p : Prop, p → p", proof=text) for text in texts)
    assert one == same != other


def test_names_and_numbers_of_what_a_proof_declares_do_not_count(wire: Wire) -> None:
    proof = "by\n  match a, h with\n  | _, rfl => exact Nat.lt_succ_self b"
    alone = term(wire, file=f"{STATEMENT} := {proof}")
    assert alone == term(wire, proof=proof)
    other = "theorem u (a b : Nat) (h : a = b + 1) : b < a := " + proof
    assert alone == term(wire, file=f"{other}\n{STATEMENT} := {proof}")
    helper = (
        "theorem one.{u} (α : Sort u) (x : α) : x = x := rfl\n" + STATEMENT + " := one Nat b ▸ h ▸ Nat.lt_succ_self b"
    )
    renamed = helper.replace("one", "other").replace(".{u}", ".{v}").replace("Sort u", "Sort v")
    assert term(wire, file=helper) == term(wire, file=renamed)
    helper = "theorem helper (b : Nat) : b < b + 1 := {}\n" + STATEMENT + " := h ▸ helper b"
    assert term(wire, file=helper.format("Nat.lt_succ_self b")) != term(wire, file=helper.format("by omega"))


def test_quarantine_gives_the_digest_of_the_shared_worker(wire: Wire, elaborator: Wire, judge: Wire) -> None:
    context = "theorem given (n : Nat) : n < n + 1 := Nat.lt_succ_self n"
    for proof in ("h ▸ given b", "by\n  match a, h with\n  | _, rfl => exact given b", "by omega"):
        reference = fixed(elaborator, STATEMENT, context)
        handed = elaborator.about("candidate", STATEMENT, context=context, proof=proof)
        shared = wire.about("check", STATEMENT, context=context, proof=proof)
        verdict = judged(judge, reference, handed["export"])
        assert (verdict["verdict"], verdict["term"]) == ("verified", shared["term"]), proof


def test_nothing_has_a_digest_that_was_not_verified_or_is_too_large(wire: Wire) -> None:
    assert wire.about("check", STATEMENT, proof="by sorry")["term"] is None
    chain = ["theorem h0 (b : Nat) : b < b + 1 := Nat.lt_succ_self b"]
    chain += [f"theorem h{i} (b : Nat) : b < b + 1 := h{i - 1} b" for i in range(1, 70)]
    text = "\n".join([*chain, STATEMENT + " := h ▸ h{} b"])
    assert term(wire, file=text.format(40)) is not None
    assert term(wire, file=text.format(69)) is None
