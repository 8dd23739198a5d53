"""The requests of quarantine in docs/worker-protocol.md, sentence by sentence, on every runtime (see conftest.py)."""

import json
from typing import Any

import pytest

from tests.prover.lean.conformance.wire import IMPORTS, LIMITS, POLICY, Wire

pytestmark = pytest.mark.lean

CONTEXT = """notation "ℕ" => Nat
macro "easy" : tactic => `(tactic| omega)
axiom given : ∀ n : Nat, n < n + 1
def double (n : ℕ) : ℕ := n + n"""
STATEMENT = "theorem N.goal (n : ℕ) : double n = 2 * n"
PROOF = "by unfold double; easy"


def fixed(elaborator: Wire, statement: str = STATEMENT, context: str = CONTEXT) -> dict[str, Any]:
    answer = elaborator.about("reference", statement, context=context)
    assert answer["verdict"] == "verified", answer["messages"]
    return answer


def judged(judge: Wire, reference: dict[str, Any], export: str) -> dict[str, Any]:
    header = {"imports": list(IMPORTS), "prelude": ""}
    fields = {"header": header, "context": "", "statement": "", "policy": POLICY, "limits": LIMITS}
    texts = {"constant": reference["constant"], "reference": reference["export"], "export": export}
    return judge.ask("judge", **fields, **texts)


def test_reference_is_the_statement_and_the_axioms_of_the_context(elaborator: Wire) -> None:
    answer = fixed(elaborator)
    assert (answer["theorem"], answer["constant"]) == ("N.goal", ["N", "goal"])
    assert "2 * n" in answer["goal"]
    lines = [json.loads(line) for line in answer["export"].splitlines()]
    assert lines[0]["meta"]["format"]["version"] == "3.1.0"
    kinds = [next(iter(set(line) & {"def", "axiom", "thm"}), "") for line in lines]
    assert [kind for kind in kinds if kind] in (
        ["axiom", "def", "thm"],
        ["def", "axiom", "thm"],
        ["def", "thm", "axiom"],
    )


def test_candidate_that_the_judge_takes_is_verified(elaborator: Wire, judge: Wire) -> None:
    reference = fixed(elaborator)
    handed = elaborator.about("candidate", STATEMENT, context=CONTEXT, proof=PROOF)
    assert (handed["verdict"], handed["trust"], handed["mode"]) == ("verified", "elaborated", "proof")
    verdict = judged(judge, reference, handed["export"])
    assert (verdict["verdict"], verdict["trust"], verdict["theorem"]) == ("verified", "isolated_replay", "N.goal")
    assert {"reference_ms", "read_ms", "compare_ms", "audit_ms", "replay_ms", "total_ms"} <= set(verdict["timing"])
    assert verdict["constants"] >= 1


def test_file_that_repeats_the_context_is_judged_too(elaborator: Wire, judge: Wire) -> None:
    file = f"{CONTEXT}\n{STATEMENT} := {PROOF}"
    handed = elaborator.about("candidate", STATEMENT, context=CONTEXT, file=file)
    assert handed["verdict"] == "verified", handed["messages"]
    assert judged(judge, fixed(elaborator), handed["export"])["verdict"] == "verified"


def test_axiom_of_the_context_is_named(elaborator: Wire, judge: Wire) -> None:
    statement = "theorem goal : 3 < 4"
    handed = elaborator.about("candidate", statement, context=CONTEXT, proof="given 3")
    verdict = judged(judge, fixed(elaborator, statement), handed["export"])
    assert (verdict["verdict"], verdict["axioms"]) == ("verified", ["given"])


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        ({"proof": "by sorry"}, "incomplete"),
        ({"file": f"axiom cheat : False\n{STATEMENT} := cheat.elim"}, "axiom_not_allowed"),
        ({"file": "theorem N.goal : True := trivial"}, "statement_changed"),
        ({"file": "theorem other : True := trivial"}, "statement_changed"),
    ],
)
def test_judge_refuses_what_an_elaborator_takes(
    candidate: dict[str, str], verdict: str, elaborator: Wire, judge: Wire
) -> None:
    handed = elaborator.about("candidate", STATEMENT, context=CONTEXT, **candidate)
    assert handed["verdict"] == "verified"
    assert judged(judge, fixed(elaborator), handed["export"])["verdict"] == verdict


@pytest.mark.parametrize(
    ("proof", "verdict"),
    [("by rfl", "rejected"), ("by (((", "rejected"), (f"{PROOF}\ntheorem more : True := trivial", "forbidden")],
)
def test_candidate_that_does_not_elaborate_hands_nothing_out(proof: str, verdict: str, elaborator: Wire) -> None:
    handed = elaborator.about("candidate", STATEMENT, context=CONTEXT, proof=proof)
    assert (handed["verdict"], handed["export"]) == (verdict, None)
    assert handed["containable"] is False


def test_what_a_worker_refuses_for_its_code_alone_is_containable(wire: Wire) -> None:
    refused = wire.about("check", STATEMENT, context=CONTEXT, proof=PROOF)
    assert (refused["verdict"], refused["containable"]) == ("forbidden", True)
    assert wire.about("goals", STATEMENT, context=CONTEXT, proof="by sorry")["containable"] is True
    further = wire.about("check", "theorem t : True", proof="trivial\ntheorem u : True := trivial")
    assert (further["verdict"], further["containable"]) == ("forbidden", False)


def test_each_role_serves_its_own_requests_alone(wire: Wire, elaborator: Wire, judge: Wire) -> None:
    wrong = [(wire, "reference"), (wire, "candidate"), (wire, "judge"), (elaborator, "check"), (elaborator, "judge")]
    wrong += [(judge, op) for op in ("check", "candidate", "reference", "elaborate", "goals", "tactic")]
    for process, op in wrong:
        answer = process.about(op, STATEMENT, context=CONTEXT, proof=PROOF)
        assert (answer["ok"], answer["error"]["code"]) == (False, "bad_request"), op
    assert judge.ask("ping")["ok"] is True


def test_goals_and_tactics_run_under_a_context_with_code(elaborator: Wire) -> None:
    (hole,) = elaborator.about("goals", STATEMENT, context=CONTEXT, proof="by\n  unfold double\n  sorry")["sorries"]
    assert "n + n = 2 * n" in hole["goals"][0]
    step = elaborator.about("tactic", STATEMENT, context=CONTEXT, script=["unfold double"], tactic="easy")
    assert (step["verdict"], step["goals"]) == ("verified", [])
