"""Attacks on a judge by forged exports: none makes it verify `theorem goal : False`."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from prover.lean.checker import Terms
from prover.lean.wire import quarantine
from prover.lean.wire.answers import Elaboration
from prover.lean.wire.export import ExportError, plain
from prover.lean.wire.quarantine import HandedOut, Reference
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from tests.adversarial.exports import Forge, false_reference

pytestmark = pytest.mark.lean

THEOREM = Theorem("theorem goal : False")
TERMS = Terms(Limits(seconds=60))
SAID = Verdict(VerdictKind.REJECTED)
K = VerdictKind


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def judges(lean_pool: WorkerPool) -> AsyncIterator[WorkerPool]:
    yield await lean_pool.judges()


def fixed(text: str, constant: tuple[str | int, ...] = ("goal",)) -> Reference:
    return Reference(Elaboration(K.VERIFIED), constant, text)


async def judge(judges: WorkerPool, export: str, reference: str = "", **parts: tuple[str | int, ...]) -> Verdict:
    said = fixed(reference or false_reference().text, **parts)
    verdict, _ = await judges.ask(quarantine.judge(THEOREM, said, HandedOut(SAID, export), TERMS), THEOREM, TERMS)
    return verdict


def proof(forge: Forge, value: int) -> Forge:
    return forge.thm("goal", forge.const("False"), value)


def with_term(**body: object) -> str:
    forge = Forge()
    return proof(forge, forge.term(**body)).text


def with_line(line: str) -> str:
    return false_reference().raw(line).text


def nested(count: int, start: Callable[[Forge], int], around: Callable[[Forge, int], int]) -> str:
    forge = Forge()
    inner = start(forge)
    for _ in range(count):
        inner = around(forge, inner)
    return proof(forge, inner).text


def _deep_level() -> str:
    forge, level = Forge(), 0
    for _ in range(600):
        level = forge.level(succ=level)
    return proof(forge, forge.term(sort=level)).text


def _declared(declare: Callable[[Forge], Forge]) -> str:
    return declare(false_reference()).text


UNREADABLE: dict[str, tuple[str, str]] = {
    "nothing": ("", "version 3"),
    "no_meta": (Forge(meta='{"in":1,"str":{"pre":0,"str":"a"}}').text, "version 3"),
    "another_version": (Forge(meta='{"meta":{"format":{"version":"2.0.0"}}}').text, "version 3"),
    "cut_off": (false_reference().text[:-1], "cut off"),
    "cut_in_a_line": (false_reference().text[:-9], "cut off"),
    "line_left_out": ("\n".join(line for line in false_reference().text.split("\n") if '"ie":1' not in line), "out of order"),
    "line_twice": (with_line('{"bvar":0,"ie":0}'), "out of order"),
    "forward_reference": (with_line('{"app":{"arg":9,"fn":0},"ie":5}'), "is not defined by an earlier line"),
    "term_in_itself": (with_line('{"app":{"arg":5,"fn":0},"ie":5}'), "is not defined by an earlier line"),
    "name_in_itself": (with_line('{"in":9,"str":{"pre":9,"str":"a"}}'), "out of order"),
    "name_of_the_future": (with_line('{"in":6,"str":{"pre":7,"str":"a"}}'), "is not defined by an earlier line"),
    "unknown_name": (with_term(const={"name": 77, "us": []}), "is not defined by an earlier line"),
    "unknown_level": (with_term(sort=5), "is not defined by an earlier line"),
    "level_in_itself": (with_line('{"il":1,"succ":1}'), "is not defined by an earlier line"),
    "level_of_three": (with_line('{"il":1,"max":[0,0,0]}'), "two levels"),
    "index_that_is_text": (with_term(app={"fn": "0", "arg": "0"}), "not an index"),
    "unknown_tag": (with_line('{"ie":5,"magic":1}'), "unknown kind"),
    "free_variable": (with_line('{"ie":5,"open":true}'), "unknown kind"),
    "annotation": (with_line('{"ie":5,"mdata":{"data":{},"expr":0}}'), "unknown kind"),
    "empty_object": (with_line("{}"), "unknown kind"),
    "variable_beyond_the_cache": (with_term(bvar=1 << 20), "greater than"),
    "open_value": (with_term(bvar=0), "unbound variable"),
    "open_type": (_declared(lambda f: f.thm("t", f.term(bvar=0), f.const("True.intro"))), "unbound variable"),
    "deep_term": (nested(9000, lambda f: f.prop(), lambda f, e: f.lam(f.prop(), e)), "too deep"),
    "deep_level": (_deep_level(), "too deep"),
    "deep_name": (_declared(lambda f: f.axiom(".".join("a" * 80), 0)), "too many parts"),
    "long_name": (_declared(lambda f: f.axiom("a" * 5000, 0)), "too long"),
    "long_numeral": (with_term(natVal="9" * 20_000), "too long"),
    "numeral_of_letters": (with_term(natVal="1e9"), "not a numeral"),
    "negative_numeral": (with_term(natVal="-1"), "not a numeral"),
    "binder_of_no_kind": (_declared(lambda f: f.axiom("a", f.pi(0, 0, "strange"))), "unknown kind"),
    "hints_out_of_range": (_declared(lambda f: f.definition("a", 0, 0, hints={"regular": "x"})), "not a number"),
    "unsafe_definition": (_declared(lambda f: f.definition("a", 0, 0, safety="unsafe")), "unsafe"),
    "partial_definition": (_declared(lambda f: f.definition("a", 0, 0, safety="partial")), "unsafe"),
    "unsafe_axiom": (_declared(lambda f: f.axiom("a", 0, is_unsafe=True)), "unsafe"),
    "unsafe_opaque": (_declared(lambda f: f.opaque("a", 0, 0, is_unsafe=True)), "unsafe"),
    "unsafe_inductive": (_declared(lambda f: f.unit(types={"isUnsafe": True})), "unsafe"),
    "shadowed_import": (_declared(lambda f: f.axiom("Nat.add", 0)), "imported library"),
    "shadowed_false": (_declared(lambda f: f.unit("False")), "imported library"),
    "shadowed_axiom": (_declared(lambda f: f.axiom("propext", 0)), "imported library"),
    "declared_twice": (_declared(lambda f: f.axiom("a", 0).axiom("a", 0)), "declared twice"),
    "theorem_twice": (_declared(false_reference), "out of order|declared twice"),
    "reserved_name": (_declared(lambda f: f.axiom("_leansieve_check", 0)), "reserved"),
    "quotient": (_declared(lambda f: f.line(quot={**f.head("Quot", 0), "kind": "type"})), "unknown kind"),
    "too_many_nested_types": (_declared(lambda f: f.unit(types={"numNested": 100_000})), "greater than"),
    "count_beyond_reason": (_declared(lambda f: f.unit(types={"numParams": 1 << 31})), "greater than"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
async def test_export_that_is_none_is_refused_with_the_line_that_is_wrong(name: str, judges: WorkerPool) -> None:
    text, why = UNREADABLE[name]
    verdict = await judge(judges, text)
    assert (verdict.kind, verdict.trust) == (K.REJECTED, Trust.NONE)
    said = verdict.messages[0].text
    assert "the elaborator's export cannot be read" in said
    assert any(part in said for part in why.split("|")), said


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[]",
        "1",
        '{"ie":5,"bvar":-1}',
        '{"ie":5,"bvar":1.5}',
        '{"ie":5,"bvar":1e9}',
        '{"ie":5,"bvar":null}',
        '{"ie":5,"bvar":4294967296}',
        '{"a":' * 9 + "1" + "}" * 9,
        "[" * 500 + "]" * 500,
        '{"ie":5,"strVal":"\\ud800"}',
    ],
)
def test_line_that_no_export_has_never_reaches_a_judge(line: str) -> None:
    with pytest.raises(ExportError, match="line 13"):
        plain(with_line(line))


def test_export_passes_in_one_spelling() -> None:
    text = false_reference().text
    assert plain(text) == text
    assert plain(text.replace('"ie":', '"ie" : ')) == text


def test_export_that_is_too_long_never_reaches_a_judge() -> None:
    with pytest.raises(ExportError, match="longer than"):
        plain("x" * (9 << 20))


def _cycle() -> str:
    forge = Forge()
    forge.thm("other", forge.const("False"), forge.const("goal"))
    return proof(forge, forge.const("other")).text


def _by(build: Callable[[Forge], int]) -> str:
    forge = Forge()
    return proof(forge, build(forge)).text


def _axiom(name: str) -> str:
    forge = Forge()
    forge.axiom(name, forge.const("False"))
    return proof(forge, forge.const(name)).text


def _unit(value: Callable[[Forge], int], **changes: object) -> str:
    forge = Forge()
    forge.unit(**changes)
    return proof(forge, value(forge)).text


def _wide(forge: Forge) -> int:
    """A term of 2⁴⁰ nodes in forty lines as a proof of `False`."""
    term = forge.const("True")
    for _ in range(40):
        term = forge.app(forge.const("And"), term, term)
    return term


def _identity_on_false(forge: Forge) -> int:
    return forge.lam(forge.const("False"), forge.term(bvar=0))


REFUSED: dict[str, tuple[str, VerdictKind, str]] = {
    "no_theorem": (Forge().text, K.STATEMENT_CHANGED, "no theorem goal"),
    "another_theorem": (false_reference().text.replace('"goal"', '"gaol"'), K.STATEMENT_CHANGED, "no theorem goal"),
    "another_type": ((lambda f: f.thm("goal", f.const("True"), f.const("True.intro")).text)(Forge()), K.STATEMENT_CHANGED, "another type"),
    "weaker_type": ((lambda f: f.thm("goal", f.pi(f.const("False"), f.const("False")), _identity_on_false(f)).text)(Forge()), K.STATEMENT_CHANGED, "in another way|another type"),
    "universes_added": ((lambda f: f.thm("goal", f.const("False"), f.const("True.intro"), ("u",)).text)(Forge()), K.STATEMENT_CHANGED, "another type"),
    "axiom_for_a_theorem": ((lambda f: f.axiom("goal", f.const("False")).text)(Forge()), K.STATEMENT_CHANGED, "not a theorem"),
    "definition_for_a_theorem": ((lambda f: f.definition("goal", f.const("False"), f.const("True.intro")).text)(Forge()), K.STATEMENT_CHANGED, "not a theorem"),
    "axiom_of_its_own": (_axiom("cheat"), K.AXIOM_NOT_ALLOWED, "cheat"),
    "axiom_that_looks_allowed": (_axiom("Classical.choice'"), K.AXIOM_NOT_ALLOWED, "Classical.choice'"),
    "axiom_beside_the_theorem": ((lambda f: f.axiom("unused", f.const("False")).thm("goal", f.const("False"), f.const("True.intro")).text)(Forge()), K.AXIOM_NOT_ALLOWED, "unused"),
    "sorry": (false_reference().text, K.INCOMPLETE, "sorry"),
    "compiled_code": (_by(lambda f: f.app(f.const("Lean.ofReduceBool"), f.const("Bool.true"), f.const("Bool.true"))), K.AXIOM_NOT_ALLOWED, "ofReduceBool"),
    "compiled_code_without_axiom": (_by(lambda f: f.app(f.const("Lean.reduceBool"), f.const("Bool.true"))), K.AXIOM_NOT_ALLOWED, "reduceBool"),
    "compiler_trusted": (_by(lambda f: f.const("Lean.trustCompiler")), K.AXIOM_NOT_ALLOWED, "trustCompiler"),
    "ill_typed": (_by(lambda f: f.const("True.intro")), K.REJECTED, "the kernel refuses goal"),
    "its_own_proof": (_by(lambda f: f.const("goal")), K.REJECTED, "the kernel refuses"),
    "in_a_circle": (_cycle(), K.REJECTED, "the kernel refuses"),
    "unknown_constant": (_by(lambda f: f.const("nowhere")), K.REJECTED, "unknown constant"),
    "universes_missing": (_by(lambda f: f.app(f.const("id"), f.const("True.intro"))), K.REJECTED, "the kernel refuses"),
    "universes_too_many": (_by(lambda f: f.const("True.intro", 0)), K.REJECTED, "the kernel refuses"),
    "unknown_universe": (_by(lambda f: f.app(f.const("False.elim", f.level(param=f.dotted("v"))), f.const("False"))), K.REJECTED, "the kernel refuses"),
    "field_out_of_range": (_by(lambda f: f.term(proj={"typeName": f.dotted("And"), "idx": 7, "struct": f.const("True.intro")})), K.REJECTED, "the kernel refuses"),
    "field_of_no_structure": (_by(lambda f: f.term(proj={"typeName": f.dotted("Nat"), "idx": 0, "struct": f.term(natVal="3")})), K.REJECTED, "the kernel refuses"),
    "let_of_another_type": (_by(lambda f: f.term(letE={"name": f.dotted("x"), "type": f.const("False"), "value": f.const("True.intro"), "body": f.term(bvar=0), "nondep": False})), K.REJECTED, "the kernel refuses"),
    "let_that_claims_not_to_depend": (_by(lambda f: f.term(letE={"name": f.dotted("x"), "type": f.const("False"), "value": f.const("True.intro"), "body": f.term(bvar=0), "nondep": True})), K.REJECTED, "the kernel refuses"),
    "two_to_the_fortieth_nodes": (_by(_wide), K.REJECTED, "the kernel refuses goal"),
    "opaque_of_another_type": ((lambda f: proof(f.opaque("o", f.const("False"), f.const("True.intro")), f.const("o")).text)(Forge()), K.REJECTED, "the kernel refuses o"),
    "theorem_that_is_no_proposition": ((lambda f: proof(f.thm("t", f.const("Nat"), f.term(natVal="3")), f.const("t")).text)(Forge()), K.REJECTED, "the kernel refuses t"),
    "honest_inductive_no_proof": (_unit(lambda f: f.const("U.c")), K.REJECTED, "the kernel refuses goal"),
    "forged_constructor": (_unit(lambda f: f.const("U.c"), ctors={"numFields": 3}), K.REJECTED, "generates"),
    "constructor_of_another_type": (_unit(lambda f: f.const("U.c"), ctors={"induct": 0}), K.REJECTED, ""),
    "forged_recursor": (_unit(lambda f: f.const("U.rec"), recs={"k": True}), K.REJECTED, "generates"),
    "recursor_of_another_type": (_unit(lambda f: f.const("U.rec"), recs={"type": 0, "levelParams": []}), K.REJECTED, "generates"),
    "recursor_without_rules": (_unit(lambda f: f.const("U.rec"), recs={"rules": []}), K.REJECTED, "generates"),
    "recursor_alone": (_unit(lambda f: f.const("U.rec"), types=[], ctors=[]), K.REJECTED, ""),
    "constructor_alone": (_unit(lambda f: f.const("U.c"), types=[], recs=[]), K.REJECTED, ""),
    "type_without_its_constructor": (_unit(lambda f: f.const("U"), ctors=[], recs=[]), K.REJECTED, ""),
    "type_of_another_block": (_unit(lambda f: f.const("U"), types={"all": []}), K.REJECTED, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_export_that_proves_nothing_is_refused(name: str, judges: WorkerPool) -> None:
    text, kind, why = REFUSED[name]
    verdict = await judge(judges, plain(text))
    assert not verdict.verified
    assert verdict.trust < Trust.KERNEL_REPLAYED
    assert verdict.kind is kind, verdict.messages
    assert any(part in verdict.messages[0].text for part in why.split("|")), verdict.messages


def _about(value: str, name: str = "P") -> Forge:
    """`def P : Prop := value` and `theorem goal : P`, with `sorry`."""
    forge = Forge()
    forge.definition(name, forge.prop(), forge.const(value))
    given = forge.app(forge.const("sorryAx", 0), forge.const(name), forge.const("Bool.true"))
    return forge.thm("goal", forge.const(name), given)


def _proved(value: str, name: str = "P") -> str:
    forge = Forge()
    forge.definition(name, forge.prop(), forge.const(value))
    return forge.thm("goal", forge.const(name), forge.const("True.intro")).text


async def test_definition_below_the_statement_is_the_references(judges: WorkerPool) -> None:
    verdict = await judge(judges, _proved("True"), _about("False").text)
    assert verdict.kind is K.STATEMENT_CHANGED
    assert "P, on which the statement depends, differs" in verdict.messages[0].text


async def test_what_elaborators_call_auxiliary_is_compared_by_what_it_is(judges: WorkerPool) -> None:
    other = await judge(judges, _proved("True", "b._x"), _about("False", "a._x").text)
    assert other.kind is K.STATEMENT_CHANGED
    same = await judge(judges, _proved("True", "b._x"), _about("True", "a._x").text)
    assert (same.kind, same.trust) == (K.VERIFIED, Trust.ISOLATED_REPLAY)


async def test_two_elaborators_at_one_judge_do_not_share_a_definition(judges: WorkerPool) -> None:
    for _ in range(2):
        right = await judge(judges, _proved("True"), _about("True").text)
        wrong = await judge(judges, _proved("True"), _about("False").text)
        assert (right.kind, wrong.kind) == (K.VERIFIED, K.STATEMENT_CHANGED)


async def test_axiom_is_the_askers_only_if_the_reference_has_that_very_one(judges: WorkerPool) -> None:
    def reference(of: str) -> str:
        forge = Forge()
        return false_reference(forge.axiom("given", forge.const(of))).text

    forge = Forge()
    used = proof(forge.axiom("given", forge.const("False")), forge.const("given")).text
    allowed = await judge(judges, used, reference("False"))
    assert (allowed.kind, allowed.axioms) == (K.VERIFIED, ("given",))
    changed = await judge(judges, used, reference("True"))
    assert changed.kind is K.AXIOM_NOT_ALLOWED


async def test_reference_that_the_kernel_refuses_is_no_statement(judges: WorkerPool) -> None:
    forge = Forge()
    forge.thm("wrong", forge.const("False"), forge.const("True.intro"))
    verdict = await judge(judges, Forge().text, false_reference(forge).text)
    assert verdict.kind is K.INVALID_STATEMENT
    unread = await judge(judges, Forge().text, false_reference().text[:-1])
    assert unread.kind is K.INVALID_STATEMENT


async def test_judge_proves_an_honest_export_after_all_that(judges: WorkerPool) -> None:
    verdict = await judge(judges, _proved("True"), _about("True").text)
    assert (verdict.kind, verdict.trust) == (K.VERIFIED, Trust.ISOLATED_REPLAY)
