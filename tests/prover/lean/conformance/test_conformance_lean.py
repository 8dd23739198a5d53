"""docs/worker-protocol.md, sentence by sentence, on every runtime (see conftest.py)."""

import json
from typing import Any

import pytest

from tests.prover.lean.conformance.wire import IMPORTS, Wire, pause, request

pytestmark = pytest.mark.lean

EASY = "theorem easy (a b : Nat) : a + b = b + a"
# Half a million cases, one by one: takes minutes unless it is stopped.
LONG = "theorem long : ∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a"
PATIENT = {"heartbeats": 4_000_000, "recursion": 4_000}

_GOOD = {"proof": "by omega"}
_HOSTILE = 'by\n  run_tac (do IO.println "x")\n  omega'

CHECKS: dict[str, tuple[str, dict[str, Any], str]] = {
    "tactic proof": (EASY, _GOOD, "verified"),
    "term proof": ("theorem t : True", {"proof": "trivial"}, "verified"),
    "wrong proof": (EASY, {"proof": "by rfl"}, "rejected"),
    "unreadable proof": (EASY, {"proof": "by ((("}, "rejected"),
    "empty proof": (EASY, {"proof": ""}, "rejected"),
    "sorry": (EASY, {"proof": "by sorry"}, "incomplete"),
    "hidden sorry": (EASY, {"proof": "by\n  have h : a + b = b + a := by sorry\n  exact h"}, "incomplete"),
    "code in a proof": (EASY, {"proof": _HOSTILE}, "forbidden"),
    "second command": (EASY, {"proof": "by omega\ntheorem more : True := trivial"}, "forbidden"),
    "native_decide": ("theorem t : 1 + 1 = 2", {"proof": "by native_decide"}, "forbidden"),
    "statement that is none": ("theorem t : 1 + = 2", {"proof": "rfl"}, "invalid_statement"),
    "statement with code": ("theorem t : (by run_tac pure (); exact True)", {"proof": "trivial"}, "forbidden"),
    "whole file": (EASY, {"file": "theorem help (a b : Nat) : a + b = b + a := Nat.add_comm a b\n"
                                  "theorem easy (a b : Nat) : a + b = b + a := help a b"}, "verified"),
    "file with another statement": (EASY, {"file": "theorem easy (a : Nat) : a = a := rfl"}, "statement_changed"),
    "file without the theorem": (EASY, {"file": "theorem other : True := trivial"}, "statement_changed"),
    "file with an axiom": (EASY, {"file": "axiom cheat : False\ntheorem easy (a b : Nat) : a + b = b + a := cheat.elim"},
                           "forbidden"),
    "definition in the context": ("theorem t : two = 2", {"context": "def two : Nat := 2", "proof": "rfl"}, "verified"),
    "namespace in the context": ("theorem t : two = 2", {"context": "namespace A\ndef two : Nat := 2", "proof": "rfl"},
                                 "verified"),
    "open in the header": ("theorem t (a : Nat) : Nat.succ a ≠ 0",
                           {"header": {"imports": list(IMPORTS), "prelude": "open Nat"}, "proof": "succ_ne_zero a"}, "verified"),
    "option that is not allowed": ("theorem t : True", {"header": {"imports": list(IMPORTS),
                                   "prelude": "set_option debug.skipKernelTC true"}, "proof": "trivial"}, "forbidden"),
    "letters of every kind": ("theorem «𝕜 ≤ é» (𝕜 : Nat) (h : 𝕜 ≤ 7) : 𝕜 < 8", {"proof": "by\n  -- 🙂\t𝔸\n  omega"},
                              "verified"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHECKS)
def test_check_answers_with_this_verdict(wire: Wire, case: str) -> None:
    statement, fields, verdict = CHECKS[case]
    answer = wire.about("check", statement, **fields)
    assert answer["ok"] is True
    assert answer["verdict"] == verdict, answer["messages"]
    assert answer["mode"] == ("file" if "file" in fields else "proof")
    assert (answer["trust"] == "kernel_replayed") == (verdict == "verified")


def test_hello_says_who_answers(wire: Wire) -> None:
    assert wire.hello["ok"] is True
    assert wire.hello["lean"].startswith("4.")
    assert wire.hello["worker"]
    assert wire.hello["imports"] == list(IMPORTS)
    assert wire.hello["load_ms"] >= 0


def test_ping_is_answered(wire: Wire) -> None:
    assert wire.ask("ping")["ok"] is True


def test_verified_check_names_theorem_type_axioms_and_what_it_took(wire: Wire) -> None:
    answer = wire.about("check", "theorem N.t (p : Prop) (h : Nonempty p) : p", proof="Classical.choice h")
    assert (answer["verdict"], answer["theorem"]) == ("verified", "N.t")
    assert answer["axioms"] == ["Classical.choice"]
    assert answer["constants"] >= 1
    assert answer["heartbeats"] > 0
    steps = {"reference_ms", "vet_ms", "elaborate_ms", "compare_ms", "audit_ms", "replay_ms", "total_ms"}
    assert steps <= set(answer["timing"])
    assert answer["messages"] == []


def test_a_linter_that_a_header_asks_for_speaks(wire: Wire) -> None:
    asked = wire.about(
        "check",
        "theorem t (p : Prop) (h : p) (k : p) : p",
        proof="h",
        header={"imports": list(IMPORTS), "prelude": "set_option linter.unusedVariables true"},
    )
    assert asked["verdict"] == "verified"
    assert [message["severity"] for message in asked["messages"]] == ["warning"]
    assert "unused variable" in asked["messages"][0]["text"]


def test_axioms_are_called_complete_only_where_every_proof_below_is_there(wire: Wire) -> None:
    own = wire.about("check", "theorem t (p q : Prop) (h : p ∧ q) : q ∧ p", proof="⟨h.2, h.1⟩")
    assert (own["verdict"], own["axioms"], own["axioms_complete"]) == ("verified", [], True)
    # `Classical.em` rests on all three axioms; the embedded library does not hold its proof, a native one does
    library = wire.about("check", "theorem t (p : Prop) : p ∨ ¬p", proof="Classical.em p", export=True)
    assert library["verdict"] == "verified"
    if library["axioms_complete"]:
        assert set(library["axioms"]) == {"propext", "Classical.choice", "Quot.sound"}
        assert library["export"]["assumed"] == []
    else:
        assert library["export"]["assumed"] == ["Classical.em"]
    refused = wire.about("check", "theorem t : 1 = 2", proof="rfl")
    assert refused["axioms_complete"] is False


def test_axioms_below_definitions_of_the_library_are_named(wire: Wire) -> None:
    statement = "theorem t (p : Prop) : p = p"
    proof = "(fun (_ : Decidable p) => rfl) (Classical.propDecidable p)"
    answer = wire.about("check", statement, proof=proof)
    assert (answer["verdict"], answer["axioms"]) == ("verified", ["Classical.choice"]), answer


def test_another_statement_is_shown_beside_the_one_asked(wire: Wire) -> None:
    statement = "theorem t (o : Option Nat) : (match o with | some k => k | none => 7) = o.getD 7"
    (message,) = wire.about("check", statement, file=f"{statement.replace('7', '8')} := by cases o <;> rfl")["messages"]
    assert "t has another type than the statement" in message["text"]
    assert message["text"].index("none => 7") < message["text"].index("none => 8")


def test_another_definition_is_shown_beside_the_one_in_the_context(wire: Wire) -> None:
    context, statement = "def f (n : Nat) : Nat := n + 1", "theorem t (n : Nat) : n < f n"
    file = f"{context.replace('1', '2')}\n{statement} := by unfold f; omega"
    (message,) = wire.about("check", statement, context=context, file=file)["messages"]
    assert message["text"].startswith("f, on which the statement depends, differs")
    assert message["text"].index("n + 1") < message["text"].index("n + 2")


def test_message_points_into_the_text_of_its_region(wire: Wire) -> None:
    (message,) = wire.about("check", EASY, proof="by\n  -- 𝕜\n  exact wrong1")["messages"]
    assert (message["severity"], message["region"]) == ("error", "candidate")
    assert (message["line"], message["column"]) == (3, 8)
    assert "wrong1" in message["text"]
    first = wire.about("check", "theorem t :\n  wrong2", proof="trivial")["messages"][0]
    assert (first["region"], first["line"], first["column"]) == ("statement", 2, 2)
    header = {"imports": list(IMPORTS), "prelude": "open Nat\nopen Wrong3"}
    first = wire.about("check", EASY, header=header, proof="trivial")["messages"][0]
    assert (first["region"], first["line"]) == ("header", 2)
    first = wire.about("check", EASY, context="\n\ndef x : Nat := wrong4", proof="trivial")["messages"][0]
    assert (first["region"], first["line"]) == ("context", 3)


def test_messages_are_limited_in_number_and_length(wire: Wire) -> None:
    holes = "\n".join(f"  have h{n} : wrong{n} := trivial" for n in range(10))
    answer = wire.about("check", EASY, {"messages": 3, "message_bytes": 40}, proof=f"by\n{holes}\n  omega")
    assert len(answer["messages"]) <= 3
    assert all(len(message["text"].encode()) <= 40 for message in answer["messages"])


def test_runaway_ends_by_its_heartbeats(wire: Wire) -> None:
    answer = wire.about("check", LONG, {"heartbeats": 2_000, "recursion": 4_000}, proof="by decide")
    assert answer["verdict"] == "out_of_resources"


def test_policy_allows_an_axiom_and_guards_a_theorem(wire: Wire) -> None:
    policy = {"name": "guarded", "axioms": [], "kinds": [], "guard": "Nat.add_comm"}
    answer = wire.about("check", EASY, policy=policy, proof="Nat.add_comm a b")
    assert answer["verdict"] == "forbidden", answer


def test_elaborate_shows_the_statement(wire: Wire) -> None:
    answer = wire.about("elaborate", "theorem both (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ True")
    assert (answer["verdict"], answer["theorem"]) == ("verified", "both")
    assert answer["goal"] == "a b : Nat\nh : a < b\n⊢ a + 1 ≤ b ∧ True"
    assert wire.about("elaborate", "theorem t : 1 + = 2")["verdict"] == "invalid_statement"
    assert wire.about("elaborate", "theorem t : (by run_tac pure ())")["verdict"] == "forbidden"


def test_goals_stand_at_each_sorry(wire: Wire) -> None:
    proof = "by\n  constructor\n  · sorry\n  · sorry"
    answer = wire.about("goals", "theorem t (a : Nat) : a + 0 = a ∧ True", proof=proof)
    first, second = answer["sorries"]
    assert (first["line"], first["column"], first["end_line"], first["end_column"]) == (3, 4, 3, 9)
    assert first["goals"][0].endswith("a : Nat\n⊢ a + 0 = a")
    assert second["goals"][0].endswith("⊢ True")


def test_steps_are_told_up_to_the_error_and_behind_it(wire: Wire) -> None:
    proof = "by\n  constructor\n  · rw [Nat.mul_comm]\n  · skip; trivial"
    answer = wire.about("steps", "theorem t (a : Nat) : a + 0 = a ∧ True", proof=proof)
    assert answer["verdict"] == "rejected"
    assert [(step["line"], step["column"], step["open_before"], step["open_after"]) for step in answer["steps"]] == [
        (2, 2, 1, 2),
        (3, 2, 2, 1),
        (3, 4, 1, 1),
        (4, 2, 1, 0),
        (4, 4, 1, 1),
        (4, 10, 1, 0),
    ]
    assert answer["steps"][2]["before"][0].endswith("a : Nat\n⊢ a + 0 = a")
    assert ("Nat.mul_comm", "theorem", 3, 8) in [
        (name["name"], name["kind"], name["line"], name["column"]) for name in answer["names"]
    ]
    assert wire.about("steps", "theorem t : True", proof="by run_tac pure ()")["verdict"] == "forbidden"


def test_tactic_runs_after_its_script(wire: Wire) -> None:
    statement = "theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ True"

    def step(script: list[str], tactic: str) -> tuple[str, int]:
        answer = wire.about("tactic", statement, script=script, tactic=tactic)
        return answer["verdict"], len(answer["goals"])

    assert step([], "constructor") == ("verified", 2)
    assert step(["constructor"], "omega") == ("verified", 1)
    assert step(["constructor", "omega"], "trivial") == ("verified", 0)
    assert step(["constructor", "omega"], "sorry")[0] == "incomplete"
    assert step(["constructor"], "exact 5")[0] == "rejected"
    assert step(["constructor"], "run_tac pure ()")[0] == "forbidden"


def test_constant_is_looked_up(wire: Wire) -> None:
    found = wire.about("constant", "", name="Nat.add_comm")
    assert (found["found"], found["kind"], found["module"]) == (True, "theorem", "Init.Data.Nat.Basic")
    assert wire.about("constant", "", name="Nat.no_such_thing")["found"] is False


def test_stuck_names_no_constant_where_evaluating_comes_to_its_end(wire: Wire) -> None:
    assert wire.about("stuck", "theorem t : 2 + 2 = 5")["at"] is None


def test_constants_are_looked_up_together(wire: Wire) -> None:
    found = wire.about("constant", "", names=["Nat.add_comm", "Nat.no_such_thing"])["constants"]
    assert [(one["name"], one["found"]) for one in found] == [("Nat.add_comm", True), ("Nat.no_such_thing", False)]


def test_index_lists_modules_and_the_shapes_of_their_declarations(wire: Wire) -> None:
    modules = {name: (constants, fingerprint) for name, constants, fingerprint in wire.about("index", "")["modules"]}
    assert modules["Init.Core"][0] > 30
    assert modules["Init.Core"][1].isdecimal()
    page = wire.about("index", "", module="Init.Core", offset=0, limit=60)
    assert page["constants"] == modules["Init.Core"][0]
    for _name, kind, outdated, shape in page["declarations"]:
        assert (type(kind), type(outdated)) == (str, bool)
        assert all(int(word.rpartition(".")[2]) >= 0 for word in shape.split())


def test_shapes_leave_out_names_and_instances(wire: Wire) -> None:
    """`∀ a : Nat, a + 0 = a`, as a statement and as a pattern."""
    stated = wire.about("shape", "theorem t (a : Nat) : a + 0 = a")
    assert stated["verdict"] == "verified"
    names, words = stated["symbols"], stated["shape"].split()
    words = [
        ".".join([names[int(one)], parts]) if one.isdecimal() else word
        for word in words
        for one, parts in [word.split(".")]
    ]
    nats = ["Nat.0"] * 3
    assert words == [
        "p.2", "Nat.0", "Eq.3", "Nat.0", "HAdd.hAdd.6", *nats, "_.0", "b0.0", "OfNat.ofNat.3", "Nat.0", "#0.0", "_.0", "b0.0",
    ]  # fmt: skip
    pattern = wire.about("shape", "", pattern="?a = (?a : Nat)")
    assert pattern["shape"].split() == ["0.3", "1.0", "?0.0", "?0.0"]
    refused = wire.about("shape", "", pattern="True := trivial theorem u : True")
    assert refused["verdict"] == "forbidden"


def test_library_lists_modules_and_their_theorems(wire: Wire) -> None:
    modules = wire.about("library", "")["modules"]
    assert modules.index("Init.Core") < modules.index("Std")
    page = wire.about("library", "", module="Init.Core", offset=0, limit=30)
    assert page["constants"] > 30
    assert all({"name", "statement"} <= set(theorem) for theorem in page["theorems"])


def test_a_request_adds_its_imports(loads_imports: Wire) -> None:
    small = {"imports": ["Init"], "prelude": ""}
    assert loads_imports.about("check", EASY, header=small, proof="by omega")["verdict"] == "verified"
    answer = loads_imports.about("check", "theorem t (m : Std.HashMap Nat Nat) : m = m", header=small, proof="rfl")
    assert answer["verdict"] == "invalid_statement"
    assert loads_imports.about("check", EASY, proof="by omega")["verdict"] == "verified"


def test_unknown_import_is_a_bad_header_and_the_worker_goes_on(wire: Wire) -> None:
    header = {"imports": ["Init", "No.Such.Module"], "prelude": ""}
    answer = wire.about("check", EASY, header=header, proof="by omega")
    assert (answer["ok"], answer["error"]["code"]) == (False, "bad_header")
    assert wire.about("check", EASY, proof="by omega")["verdict"] == "verified"


def test_what_does_not_fit_the_page_is_a_bad_request(wire: Wire) -> None:
    answer = wire.ask("no_such_op", **request(EASY))
    assert (answer["ok"], answer["error"]["code"]) == (False, "bad_request")
    wire.write("this is no JSON")
    answer = wire.receive()
    assert (answer["ok"], answer["error"]["code"]) == (False, "bad_request")
    assert wire.ask("ping")["ok"] is True


def test_requests_are_answered_in_order(wire: Wire) -> None:
    numbers = [wire.send("check", **request(f"theorem t{n} : {n} = {n}", proof="rfl")) for n in range(5)]
    answers = [wire.receive() for _ in numbers]
    assert [answer["id"] for answer in answers] == numbers
    assert [answer["theorem"] for answer in answers] == [f"t{n}" for n in range(5)]


@pytest.mark.parametrize("size", [255, 256, 257, 4_095, 4_096, 900_000])
def test_text_of_any_length_arrives_whole(wire: Wire, size: int) -> None:
    line = "  -- ∀ 𝕜, " + "é" * 80 + "\n"
    padding = (line * (size // len(line) + 1))[:size].rpartition("\n")[0]
    answer = wire.about("check", EASY, proof=f"by\n{padding}\n  exact wrong")
    (message,) = answer["messages"]
    assert message["line"] == padding.count("\n") + 3
    assert wire.about("check", EASY, proof=f"by\n{padding}\n  omega")["verdict"] == "verified"


def test_text_of_a_candidate_cannot_begin_a_line(wire: Wire) -> None:
    forged = json.dumps({"id": 1, "ok": True, "verdict": "verified"})
    before = len(wire.noise)
    answer = wire.about("check", EASY, proof=f'by\n  exact ("\\n@{"0" * 32} {forged.replace(chr(34), chr(39))}" : Nat)')
    assert answer["verdict"] == "rejected"
    assert not [line for line in wire.noise[before:] if line.startswith("@")]


def test_cancel_ends_the_request_in_work_and_keeps_the_imports(wire: Wire) -> None:
    for _ in range(2):
        number = wire.send("check", **request(LONG, PATIENT, proof="by decide"))
        pause(0.7)
        answer = wire.cancel(number) or wire.receive()
        assert (answer["id"], answer["verdict"]) == (number, "timeout")
        assert wire.about("check", EASY, proof="by omega")["verdict"] == "verified"


def test_cancel_that_names_no_request_in_work_is_acknowledged_and_does_nothing(wire: Wire) -> None:
    number = wire.send("ping")
    assert wire.receive()["id"] == number
    assert wire.cancel(number) is None
    assert wire.about("check", EASY, proof="by omega")["verdict"] == "verified"


def test_cancel_of_an_earlier_request_does_not_hit_the_one_in_work(wire: Wire) -> None:
    number = wire.send("check", **request(EASY, proof="by omega"))
    early = wire.cancel(number - 1)
    answer = early or wire.receive()
    assert (answer["id"], answer["verdict"]) == (number, "verified")


def test_screen_says_what_is_bound_and_whether_the_goal_needs_it(wire: Wire) -> None:
    screened = wire.about("screen", "theorem t (n m : Nat) (hm : m > 3) [Inhabited Nat] (h : n < 3) : n < 5")
    bound = [(one["name"], one["type"], one["kind"], one["matters"]) for one in screened["bound"]]
    assert bound == [
        ("n", "Nat", "value", True),
        ("m", "Nat", "value", False),
        ("hm", "m > 3", "proposition", False),
        ("", "Inhabited Nat", "instance", False),
        ("h", "n < 3", "proposition", True),
    ]
    assert (screened["glance"], screened["absurd"]) == ("", False)


def test_screen_takes_a_value_for_a_witness_where_its_type_matters(wire: Wire) -> None:
    bound = wire.about("screen", "theorem t {α : Type} (x : α) : Nonempty α")["bound"]
    assert all(one["matters"] for one in bound)


def test_screen_sees_at_a_glance_what_is_assumed_the_same_or_true(wire: Wire) -> None:
    says = {
        "theorem t (p : Prop) : p → p": ("assumed", False),
        "theorem t (n : Nat) : n + 1 = n + 1": ("same", False),
        "theorem t (n : Nat) : n + 1 = 1 + n": ("", False),
        "theorem t : True": ("true", False),
        "theorem t (p : Prop) (h : p ∧ ¬ p) : False": ("", True),
    }
    for statement, said in says.items():
        screened = wire.about("screen", statement)
        assert (screened["glance"], screened["absurd"]) == said, statement


NEGATIONS: dict[str, tuple[str, dict[str, Any], str]] = {
    "as written": ("theorem t (n : Nat) : n < 5", {"written": ["theorem no : ¬ ∀ n : Nat, n < 5"]},
                   "theorem no : ¬ ∀ n : Nat, n < 5"),
    "another one written": ("theorem t (n : Nat) : n < 5", {"written": ["theorem no : ¬ ∀ n : Nat, n < 6"]},
                            "theorem no :\n  ¬∀ (n : Nat), n < 5"),
    "universes": ("theorem t.{u} (α : Type u) (a b : α) : a = b", {"written": []},
                  "theorem no.{u} :\n  ¬∀ (α : Type u) (a b : α), a = b"),
    "universes and variables of the context": (
        "theorem t (x y : α) : x = y",
        {"written": [], "context": "universe u v\nvariable {α : Type u} (h : 1 = 2) (β : Type v)"},
        "theorem no :\n  ¬∀ {α : Type u} (x y : α), x = y"),
    "names that nothing declares": (
        "theorem t (h : n < m) : n < 5",
        {"written": ["theorem no : ¬ ((h : n < m) → n < 5)"], "context": "set_option autoImplicit true"},
        "theorem no :\n  ¬∀ {n m : Nat}, n < m → n < 5"),
    "instances": ("theorem t (α : Type) [DecidableEq α] (a b : α) : (if a = b then 1 else 0) = 1", {"written": []},
                  "theorem no :\n  ¬∀ (α : Type) [inst : DecidableEq α] (a b : α), (if a = b then 1 else 0) = 1"),
    "a match, which is a constant of its own": (
        "theorem t (b : Bool) : (match b with | true => 1 | false => 0) = 1", {"written": []},
        "theorem no :\n  ¬∀ (b : Bool),\n    (match b with\n      | true => 1\n      | false => 0) =\n      1"),
    "a coercion, which reads otherwise": ("theorem t (a : Nat) : (a : Int) < 5", {"written": []},
                                          "theorem no :\n  ¬∀ (a : Nat), (↑a : Int) < (5 : Int)"),
    "a statement that is none": ("theorem t : 1 + = 2", {"written": []}, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", NEGATIONS)
def test_negation_has_the_negated_type(wire: Wire, case: str) -> None:
    statement, fields, negation = NEGATIONS[case]
    answer = wire.about("negation", statement, name="no", **fields)
    assert answer["verdict"] == ("verified" if negation else "invalid_statement")
    assert (answer.get("negation") or "") == negation
