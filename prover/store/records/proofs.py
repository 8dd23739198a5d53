"""Verified proofs, stored with their receipts and checked again before they are served."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, delete, func, select, update

from prover.candidate import Candidate
from prover.events import Proof
from prover.lean.checker import Checker, Terms
from prover.receipts.receipt import Receipt, Toolchain
from prover.store.database import Database
from prover.store.records.keys import candidate_key, policy_key, proof_key
from prover.store.tables import ProofRow
from prover.theorem import Theorem
from prover.verdict import Limits, Policy, Trust, Verdict, VerdictKind

_MOST_EACH = 64  # proofs of one theorem: more add little, and each is read when the theorem is requested
_TRIM_EVERY = 1000  # insertions, or a hundredth of the capacity: scanning a million rows takes a second

NO_PROOF = frozenset(
    {
        VerdictKind.REJECTED,
        VerdictKind.INCOMPLETE,
        VerdictKind.FORBIDDEN,
        VerdictKind.STATEMENT_CHANGED,
        VerdictKind.AXIOM_NOT_ALLOWED,
    }
)
"""Verdicts that show that a text is not a proof; others may be due to the machine or to limits."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Capacity of the store; the least recently used proofs are deleted first. `size` in bytes of receipts."""

    proofs: int = 1_000_000
    size: int = 2 << 30


@dataclass(frozen=True, slots=True)
class StoredProof:
    """A stored proof. `id`: its row number."""

    id: int
    receipt: Receipt
    created: float
    used: float
    hits: int


class ProofStore:
    """The proofs in a database."""

    def __init__(self, database: Database, toolchain: Toolchain, capacity: Capacity | None = None) -> None:
        """Create the store for proofs verified by `toolchain`."""
        self._database = database
        self._toolchain = toolchain
        self._capacity = capacity or Capacity()
        self._added = 0
        self._added_size = 0

    async def remember(self, theorem: Theorem, candidate: Candidate, verdict: Verdict, limits: Limits) -> bool:
        """Store a verified proof; an existing one is left unchanged.

        Returns:
            whether it is new.

        Raises:
            ValueError: the verdict is not a verified one.
            StoreError: the database cannot be written.
        """
        receipt = Receipt.of(theorem, candidate, verdict, limits, self._toolchain).write()
        added = await self._database.write(
            lambda connection: self._insert(connection, theorem, candidate, verdict, receipt)
        )
        self._added += added
        self._added_size += added * len(receipt)
        if self._added >= _TRIM_EVERY or self._added_size > self._capacity.size / 100:
            self._added = self._added_size = 0
            await self.trim(self._capacity)
        return added

    async def recall(
        self,
        theorem: Theorem,
        checker: Checker,
        terms: Terms,
        wanted: int = 1,
        trust: Trust = Trust.KERNEL_REPLAYED,
    ) -> list[Proof]:
        """Return at most `wanted` proofs of `theorem`, each newly verified by `checker`, fastest checks first.

        Proofs of the theorem under another name or with other white space are tried, too. A proof of exactly this
        theorem that Lean now rejects under its original policy is deleted; others that fail are skipped.

        Raises:
            StoreError: the database cannot be used.
            Exception: any exception of `checker`.
        """
        began = time.monotonic()
        # More are tried than requested: some may belong to a theorem that only looks equal, or to another policy.
        rows = await self._database.read(
            lambda connection: self._find(connection, theorem, terms.policy, 2 * wanted + 6)
        )
        found: list[Proof] = []
        served: list[tuple[int, float]] = []
        fallen: list[int] = []
        while rows and len(found) < wanted:
            batch, rows = rows[: wanted - len(found)], rows[wanted - len(found) :]
            candidates = [row.receipt.as_candidate() for row in batch]
            checks = (checker.check(theorem, candidate, terms) for candidate in candidates)
            for row, candidate, verdict in zip(batch, candidates, await asyncio.gather(*checks), strict=True):
                if verdict.verified and any(verdict.term == proof.verdict.term for proof in found if verdict.term):
                    continue  # another text of a proof that was found already
                if verdict.verified and verdict.trust >= trust:
                    found.append(Proof(candidate, verdict, time.monotonic() - began, stored=True))
                    served.append((row.id, verdict.elapsed_ms))
                elif verdict.kind in NO_PROOF and _same(row.receipt, theorem, terms):
                    fallen.append(row.id)
        if served or fallen:
            await self._database.write(lambda connection: self._settle(connection, served, fallen))
        return found

    async def trim(self, capacity: Capacity, older_than: float | None = None) -> int:
        """Delete the least recently used proofs beyond `capacity`, and those not used for `older_than` seconds.

        Returns:
            the number of deleted proofs.

        Raises:
            StoreError: the database cannot be written.
        """
        return await self._database.write(lambda connection: trim(self._database, connection, capacity, older_than))

    def _insert(
        self, connection: Connection, theorem: Theorem, candidate: Candidate, verdict: Verdict, receipt: str
    ) -> bool:
        key = proof_key(theorem, self._toolchain)
        now = self._database.now(connection)
        stored = connection.scalar(select(func.count()).where(ProofRow.theorem == key)) or 0
        if stored >= _MOST_EACH:
            return False
        insert = self._database.insert(ProofRow).values(
            theorem=key,
            proof=candidate_key(candidate, theorem),
            policy=policy_key(verdict.policy),
            name=verdict.theorem,
            receipt=receipt,
            size=len(receipt.encode()),
            check_ms=verdict.elapsed_ms,
            created=now,
            used=now,
            hits=0,
        )
        return bool(connection.execute(insert.on_conflict_do_nothing()).rowcount)

    def _find(self, connection: Connection, theorem: Theorem, policy: Policy, most: int) -> list[StoredProof]:
        same_policy = ProofRow.policy == policy_key(policy)
        query = (
            select(ProofRow.id, ProofRow.receipt, ProofRow.created, ProofRow.used, ProofRow.hits)
            .where(ProofRow.theorem == proof_key(theorem, self._toolchain))
            .order_by(same_policy.desc(), ProofRow.check_ms)
            .limit(most)
        )
        return [StoredProof(row.id, Receipt.read(row.receipt), *row[2:]) for row in connection.execute(query)]

    def _settle(self, connection: Connection, served: list[tuple[int, float]], fallen: list[int]) -> None:
        now = self._database.now(connection)
        for number, check_ms in served:
            values = {"used": now, "hits": ProofRow.hits + 1, "check_ms": check_ms}
            connection.execute(update(ProofRow).where(ProofRow.id == number).values(values))
        connection.execute(delete(ProofRow).where(ProofRow.id.in_(fallen)))


def trim(database: Database, connection: Connection, capacity: Capacity, older_than: float | None) -> int:
    """See `ProofStore.trim`."""
    deleted = 0
    if older_than is not None:
        since = database.now(connection) - older_than
        deleted += connection.execute(delete(ProofRow).where(ProofRow.used < since)).rowcount
    newest = (ProofRow.used.desc(), ProofRow.id.desc())
    ranked = select(
        ProofRow.id,
        func.row_number().over(order_by=newest).label("rank"),
        func.sum(ProofRow.size).over(order_by=newest).label("total"),
    ).subquery()
    beyond = select(ranked.c.id).where((ranked.c.rank > capacity.proofs) | (ranked.c.total > capacity.size))
    return deleted + connection.execute(delete(ProofRow).where(ProofRow.id.in_(beyond))).rowcount


def page(connection: Connection, after: int, most: int, name: str = "") -> list[StoredProof]:
    """Return at most `most` proofs with numbers above `after`, in order. `name`: substring of the theorem's name."""
    query = (
        select(ProofRow.id, ProofRow.receipt, ProofRow.created, ProofRow.used, ProofRow.hits)
        .where(ProofRow.id > after, ProofRow.name.contains(name, autoescape=True))
        .order_by(ProofRow.id)
        .limit(most)
    )
    return [StoredProof(row.id, Receipt.read(row.receipt), *row[2:]) for row in connection.execute(query)]


def every_proof(database: Database, name: str = "", most_at_once: int = 100) -> Iterator[StoredProof]:
    """Yield every proof of the database, oldest first, including those added meanwhile.

    Raises:
        StoreError: the database cannot be read.
        ReceiptError: a row is not a valid receipt.
    """
    after = 0
    while proofs := database.read_now(partial(page, after=after, most=most_at_once, name=name)):
        yield from proofs
        after = proofs[-1].id


def forget(connection: Connection, number: int) -> None:
    """Delete a proof."""
    connection.execute(delete(ProofRow).where(ProofRow.id == number))


def _same(receipt: Receipt, theorem: Theorem, terms: Terms) -> bool:
    """Whether `receipt` is for exactly this theorem, checked within limits no wider than these."""
    limits, policy = terms.limits, terms.policy
    return (
        receipt.theorem_sha256 == theorem.digest
        and (receipt.policy.axioms, receipt.policy.kinds, receipt.policy.guard)
        == (policy.axioms, policy.kinds, policy.guard)
        and receipt.limits.heartbeats <= limits.heartbeats
        and receipt.limits.recursion <= limits.recursion
    )
