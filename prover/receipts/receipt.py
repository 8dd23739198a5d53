"""Receipts: all data needed to check a verified proof again from scratch, by this program or another."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.theorem import Header, HeaderError, Theorem
from prover.verdict import Limits, Mode, Path, Policy, Trust, Verdict

LONGEST_RECEIPT = 8 << 20
"""Maximum size of a receipt in bytes."""
_CLOCKS_DIFFER = timedelta(minutes=10)  # of two machines


_TRUSTS: Mapping[Trust, Literal["KERNEL_REPLAYED", "ISOLATED_REPLAY", "CROSS_CHECKED"]] = {
    Trust.KERNEL_REPLAYED: "KERNEL_REPLAYED",
    Trust.ISOLATED_REPLAY: "ISOLATED_REPLAY",
    Trust.CROSS_CHECKED: "CROSS_CHECKED",
}


class ReceiptError(ValueError):
    """A text is not a receipt, or contradicts itself; the message names the place."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The software that gave a verdict: version of Lean, runtime (`embedded`, `native`), version of the worker program
    if known.
    """

    lean: str
    runtime: str
    worker: str = ""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Policy(_Strict):
    name: str
    axioms: tuple[str, ...]
    kinds: tuple[str, ...]
    guard: str = ""

    @classmethod
    def of(cls, policy: Policy) -> Self:
        return cls(name=policy.name, axioms=policy.axioms, kinds=policy.kinds, guard=policy.guard)


class _Limits(_Strict):
    seconds: float
    heartbeats: int
    recursion: int


class _Origin(_Strict):
    source: str
    log_prob: float | None
    tokens: int
    seed: int | None


class Receipt(_Strict):
    """A verified proof with its theorem, the terms of its check and the software that checked it.

    Attributes:
        header: lines of `import`, `open` and `set_option`.
        project: name of the Lean project that provides the imports; empty: the default project.
        candidate: the text after `:=`, or a whole file (`mode`).
        theorem: full name of the theorem.
        theorem_sha256: `Theorem.digest`, over header, context and statement.
        axioms: axioms that the proof is known to use.
        axioms_complete: whether `axioms` is complete (see `Verdict`).
        assumed: library theorems whose proofs were missing, if the proof was cross-checked.
        term: digest of the proof's term (see `Verdict`).
        policy: permissions of the check beyond the default.
        worker: version of the worker program; empty if unknown.
        kernel: version and commit of the second kernel that accepted it; empty if none was used.
        path: kind of worker that elaborated the proof.
        origin: proposer of the proof (model and α in `source`), log-probability, tokens and seed.
        issued: date and time in UTC.
    """

    format: Literal[1] = 1
    header: str
    context: str
    statement: str
    project: str = ""
    mode: Mode
    candidate: str
    theorem: str
    theorem_sha256: str
    trust: Literal["KERNEL_REPLAYED", "ISOLATED_REPLAY", "CROSS_CHECKED"]
    axioms: tuple[str, ...]
    axioms_complete: bool = False
    assumed: tuple[str, ...] = ()
    term: str = ""
    policy: _Policy
    limits: _Limits
    lean: str
    runtime: str
    worker: str = ""
    kernel: str = ""
    path: Path = Path.LISTED
    origin: _Origin
    issued: AwareDatetime

    @classmethod
    def of(cls, theorem: Theorem, candidate: Candidate, verdict: Verdict, limits: Limits, toolchain: Toolchain) -> Self:
        """Create the receipt of a verified proof.

        Raises:
            ValueError: the verdict is not a verified one.
        """
        if not verdict.verified:
            raise ValueError(f"a receipt needs a verified proof, not {verdict.kind.name} {verdict.trust.name}")
        return cls(
            header=theorem.header.text,
            context=theorem.context,
            statement=theorem.statement,
            project=theorem.project,
            mode=candidate.mode,
            candidate=candidate.text,
            theorem=verdict.theorem,
            theorem_sha256=theorem.digest,
            trust=_TRUSTS[verdict.trust],
            axioms=verdict.axioms,
            axioms_complete=verdict.axioms_complete,
            assumed=verdict.assumed,
            term=verdict.term,
            policy=_Policy.of(verdict.policy),
            limits=_Limits(seconds=limits.seconds, heartbeats=limits.heartbeats, recursion=limits.recursion),
            lean=toolchain.lean,
            runtime=toolchain.runtime,
            worker=toolchain.worker,
            kernel=verdict.kernel,
            path=verdict.path,
            origin=_Origin(
                source=candidate.source, log_prob=candidate.log_prob, tokens=candidate.tokens, seed=candidate.seed
            ),
            issued=datetime.now(UTC),
        )

    @classmethod
    def read(cls, text: str | bytes) -> Self:
        """Parse a receipt from JSON.

        Raises:
            ReceiptError: the text is too long, is not a receipt, or its hash does not match its theorem.
        """
        if len(text) > LONGEST_RECEIPT:
            raise ReceiptError(f"a receipt has at most {LONGEST_RECEIPT >> 20} MiB")
        try:
            receipt = cls.model_validate_json(text)
            digest = receipt.as_theorem().digest
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the text"
            raise ReceiptError(f"this is not a receipt: {where}: {first['msg']}") from None
        except HeaderError as error:
            raise ReceiptError(f"this is not a receipt: {error}") from None
        if digest != receipt.theorem_sha256:
            raise ReceiptError("theorem_sha256 is not the hash of this receipt's header, context and statement")
        return receipt

    def write(self) -> str:
        """Return the receipt as JSON, for `read`."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"

    def as_theorem(self) -> Theorem:
        """Return the proved theorem."""
        header = Header.of_project(self.header) if self.project else Header.parse(self.header)
        return Theorem(self.statement, header, self.context, self.project)

    def as_candidate(self) -> Candidate:
        """The proof."""
        origin = self.origin
        return Candidate(self.candidate, self.mode, origin.source, origin.log_prob, origin.tokens, origin.seed)

    def as_limits(self) -> Limits:
        """Return the limits of the check."""
        return Limits(self.limits.seconds, self.limits.heartbeats, self.limits.recursion)

    async def check_again(self, checker: Checker, toolchain: Toolchain) -> tuple[Verdict, list[str]]:
        """Check the proof from scratch, under the receipt's own limits and policy.

        The author of a receipt is not trusted: `checker` decides whether to allow the policy's axioms and kinds;
        `service.core.receipts` allows only those of the configured policy of that name.

        Returns:
            the verdict of `checker`, and the differences from the receipt, one sentence each; no differences mean that
            the receipt is confirmed.
        """
        limits = self.as_limits()
        policy = Policy(self.policy.name, self.policy.axioms, self.policy.kinds, self.policy.guard)
        verdict = await checker.check(self.as_theorem(), self.as_candidate(), Terms(limits, policy))
        if not verdict.verified:
            why = f": {verdict.messages[0].text}" if verdict.messages else ""
            return verdict, [f"the proof is {verdict.kind.name} now{why}"]
        now: Mapping[str, Any] = {
            "theorem": verdict.theorem,
            "axioms": sorted(verdict.axioms),
            "lean": toolchain.lean,
            "runtime": toolchain.runtime,
            "worker": toolchain.worker or self.worker,
            "policy": _Policy.of(verdict.policy).model_dump(),
            "kernel": verdict.kernel or self.kernel,
            "term": verdict.term or self.term,
            "axioms_complete": verdict.axioms_complete,
            "assumed": sorted(verdict.assumed),
        }
        present, crosschecked = self.model_fields_set, self.trust == "CROSS_CHECKED"
        then = {
            "theorem": self.theorem,
            "axioms": sorted(self.axioms),
            "lean": self.lean,
            "runtime": self.runtime,
            "worker": self.worker or toolchain.worker,
            "policy": self.policy.model_dump(),
            "kernel": self.kernel or verdict.kernel,
            "term": self.term or verdict.term,
            # Receipts of earlier versions lack these; the second is known only for cross-checked proofs.
            "axioms_complete": self.axioms_complete if "axioms_complete" in present else verdict.axioms_complete,
            "assumed": sorted(self.assumed if crosschecked and "assumed" in present else verdict.assumed),
        }
        differences = [f"{key} was {then[key]!r} and is {now[key]!r}" for key in now if then[key] != now[key]]
        if self.issued > datetime.now(UTC) + _CLOCKS_DIFFER:
            differences.append(f"issued is {self.issued.astimezone(UTC):%Y-%m-%d %H:%M} UTC, which is in the future")
        return verdict, differences
