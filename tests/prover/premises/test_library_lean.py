"""Searches of a real library: three modules of Init."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from prover.candidate import Candidate
from prover.errors import InputError
from prover.lean.checker import DEFAULT_TERMS
from prover.lean.wire.library import Declarations
from prover.lean.workers.pool import WorkerPool
from prover.premises.index import load, save
from prover.premises.library import Library
from prover.premises.query import Premises, QueryKind, QueryResult
from prover.premises.suggested import SuggestedPremises
from prover.requests import BusyError, StatementError
from prover.sampling.portfolio.premises import MOST, with_premises
from prover.theorem import Theorem

pytestmark = pytest.mark.lean
MODULES = ("Init.Core", "Init.Data.Nat.Basic", "Init.Data.List.Basic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("premises")


@pytest_asyncio.fixture(loop_scope="session")
async def library(lean_pool: WorkerPool, folder: Path) -> AsyncIterator[Library]:
    made = Library(lean_pool, folder, MODULES)
    yield made
    await made.close()


class Recording:
    """A pool that records the modules whose declarations are requested."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)

    async def declarations(self, theorem: Theorem, module: str, *rest: Any) -> Declarations:
        self.asked.append(module)
        return await self._pool.declarations(theorem, module, *rest)


async def find(library: Library, pool: WorkerPool, kind: QueryKind, text: str, **more: Any) -> QueryResult:
    return await library.find(Premises(kind, text, **({"seconds": 120.0} | more)), pool, DEFAULT_TERMS)


@pytest.mark.parametrize(
    ("kind", "text", "first"),
    [
        (QueryKind.NAME, "nat.add_comm", "Nat.add_comm"),
        (QueryKind.NAME, "append nil", "List.append_nil"),
        (QueryKind.PATTERN, "?a + ?b = ?b + ?a", "Nat.add_comm"),
        (QueryKind.PATTERN, "_ * 0 = _", "Nat.mul_zero"),
        (QueryKind.PATTERN, "¬ _ < (_ : Nat)", "Nat.lt_asymm"),
        (QueryKind.GOAL, "(x y z : Nat) (h : x ≤ y) : x * z ≤ y * z", "Nat.mul_le_mul_right"),
        (QueryKind.GOAL, "m n : Nat\n⊢ m * n = n * m", "Nat.mul_comm"),
    ],
)
async def test_what_is_meant_comes_first(
    library: Library, lean_pool: WorkerPool, kind: QueryKind, text: str, first: str
) -> None:
    found = await find(library, lean_pool, kind, text)
    assert first in [one.name for one in found.premises[:3]]
    assert found.fitting >= len(found.premises)
    assert all(one.type and one.module in MODULES for one in found.premises)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (QueryKind.PATTERN, "missing + _", r"does not elaborate at `missing \+ _`: Unknown identifier `missing`"),
        (QueryKind.PATTERN, "(_ + ", "unexpected end of input"),
        (QueryKind.PATTERN, "?a", "only a hole"),
        (QueryKind.PATTERN, "True := trivial\ntheorem u : True", "a further command"),
        (QueryKind.PATTERN, "by run_tac return", "not allowed"),
        (QueryKind.GOAL, " ", "empty"),
    ],
)
async def test_a_query_that_cannot_be_read_is_told_in_a_sentence(
    library: Library, lean_pool: WorkerPool, kind: QueryKind, text: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        await find(library, lean_pool, kind, text)


async def test_a_goal_that_lean_does_not_take_is_the_askers(library: Library, lean_pool: WorkerPool) -> None:
    with pytest.raises(StatementError, match="does not elaborate"):
        await find(library, lean_pool, QueryKind.GOAL, "missing = 1")


async def test_only_what_changed_is_read_again(lean_pool: WorkerPool, folder: Path, tmp_path: Path) -> None:
    pool: Any = Recording(lean_pool)
    first = Library(pool, tmp_path, MODULES)
    await first.index(Theorem(""))
    assert set(pool.asked) == set(MODULES)
    pool.asked.clear()
    (file,) = tmp_path.iterdir()  # noqa: ASYNC240
    await Library(pool, tmp_path, MODULES).index(Theorem(""))
    assert pool.asked == []
    # A state of the library in which one module was another one.
    there = load(file)
    assert there is not None
    others = tuple(replace(one, fingerprint="0") if one.name == "Init.Core" else one for one in there.modules)
    save(replace(there, modules=others), file)
    index = await Library(pool, tmp_path, MODULES).index(Theorem(""))
    assert set(pool.asked) == {"Init.Core"}
    assert [one.fingerprint for one in index.modules] == [one.fingerprint for one in there.modules]


async def test_a_call_that_cannot_wait_for_the_library_is_told_to_come_again(
    lean_pool: WorkerPool, tmp_path: Path
) -> None:
    library = Library(lean_pool, tmp_path, MODULES)
    with pytest.raises(BusyError, match="ask again"):
        await find(library, lean_pool, QueryKind.NAME, "add", seconds=0.001)
    assert (await find(library, lean_pool, QueryKind.NAME, "add")).premises


async def test_automation_proves_with_what_is_suggested_what_it_does_not_alone(
    lean_pool: WorkerPool, library: Library
) -> None:
    theorem = Theorem("theorem t (a b c : Nat) (h : a * c ≤ b * c) (hc : 0 < c) : a ≤ b")
    names = await SuggestedPremises(library, lean_pool, seconds=60.0).premises(theorem, MOST)
    assert 0 < len(names) <= MOST
    alone = await lean_pool.check(theorem, Candidate("by\n  intros\n  simp_all"))
    with_them = [await lean_pool.check(theorem, Candidate(proof)) for _, proof in with_premises(names)]
    assert not alone.verified
    assert any(verdict.verified for verdict in with_them)


async def test_what_cannot_be_searched_suggests_nothing(lean_pool: WorkerPool, library: Library) -> None:
    assert await SuggestedPremises(library, lean_pool).premises(Theorem("theorem t : no_such_thing"), MOST) == []
