"""The counters of a search: what it has spent and found. Uses no asyncio and no clock of its own."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from prover.candidate import Candidate
from prover.events import Progress, Proof, Spending, Waste
from prover.options import Budget, Preference
from prover.search.diversity import identities, normalise, text_identity
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Mode, Verdict, VerdictKind

Clock = Callable[[], float]


class StrategyAccount:
    """The spending of one strategy; everything is counted in the ledger as well."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        self._seconds: float | None = None
        self._spent = Spending(name)

    def add(self, sampled: int = 0, tokens: int = 0, checked: int = 0, requests: int = 0, proofs: int = 0) -> None:
        """Add to the counters."""
        spent = self._spent
        self._spent = replace(
            spent,
            sampled=spent.sampled + sampled,
            tokens=spent.tokens + tokens,
            checked=spent.checked + checked,
            requests=spent.requests + requests,
            proofs=spent.proofs + proofs,
        )

    def close(self) -> None:
        """Stop the clock, because the strategy has ended."""
        self._seconds = self._clock() - self._began

    def spending(self) -> Spending:
        """The strategy's spending so far."""
        seconds = self._clock() - self._began if self._seconds is None else self._seconds
        return replace(self._spent, seconds=seconds)


class Ledger:
    """The counts of one search against its budget.

    Attributes:
        proofs: distinct verified proofs, in the order in which they were found.
        verdicts: number of whole proofs by verdict.
        questions: number of questions to Lean that were begun, including checks.
    """

    def __init__(self, theorem: Theorem, budget: Budget, terms: SearchTerms, clock: Clock = time.monotonic) -> None:
        """Start with empty counters.

        Raises:
            ValueError: a part of the budget is not positive.
        """
        if min(budget.samples, budget.proofs, 1 if budget.checks is None else budget.checks) < 1 or budget.seconds <= 0:
            raise ValueError(f"every part of a budget must be positive: {budget}")
        self._theorem = theorem
        self._budget = budget
        self._terms = terms
        self._clock = clock
        self.proofs: list[Proof] = []
        self.verdicts: Counter[VerdictKind] = Counter()
        self.questions = 0
        self._wanted = budget.proofs * (1 if terms.prefer is Preference.FIRST else terms.surplus)
        self._began = clock()
        self._sampled = 0
        self._tokens = 0
        self._requests = 0  # questions other than checks
        self._under_way = 0
        self._asked_seconds = 0.0  # total duration of questions to Lean, including time in the queue
        self._changed = self._began  # when the number of questions in progress last changed
        self._waited_seconds = 0.0  # time of that in the queue
        self._seen: set[bytes] = set()  # keys of all proposed whole proofs
        self._found: set[str] = set()  # identities of the distinct proofs
        self._unjudged: dict[int, int] = {}  # tokens of candidates that wait for a verdict, by identity
        self._accounts: list[StrategyAccount] = []

    def account(self, name: str) -> StrategyAccount:
        """Open an account for a strategy."""
        account = StrategyAccount(name, self._clock)
        self._accounts.append(account)
        return account

    @property
    def seconds(self) -> float:
        """Seconds since the search began."""
        return self._clock() - self._began

    @property
    def samples_left(self) -> int:
        """Samples left in the budget."""
        return self._budget.samples - self._sampled

    @property
    def checks_spent(self) -> bool:
        """Whether the budget of questions to Lean is used up."""
        return self.questions == self._budget.checks

    @property
    def complete(self) -> bool:
        """Whether all requested proofs were found."""
        return len(self.proofs) == self._wanted

    def sampled(self, candidate: Candidate) -> None:
        """Count a candidate that a sampler has proposed."""
        self._sampled += 1
        self._tokens += candidate.tokens

    def is_new(self, candidate: Candidate) -> bool:
        """Whether the candidate differs from all earlier ones; it is recorded as seen."""
        # For a whole file, the exact text is the key: `normalise` only understands proofs.
        text = normalise(candidate.text) if candidate.mode is Mode.PROOF else candidate.text
        key = hashlib.sha256(f"{candidate.mode} {text}".encode("utf-8", "surrogatepass")).digest()
        if key in self._seen:
            return False
        self._seen.add(key)
        # A variant of a proof that was found already is not worth a check.
        return not self._found or text_identity(self._theorem, candidate) not in self._found

    def waits(self, candidate: Candidate) -> None:
        """Count a candidate that now waits for a verdict."""
        self._unjudged[id(candidate)] = candidate.tokens

    def question_begins(self) -> None:
        """Count a new question to Lean."""
        self.questions += 1
        self._now_under_way(1)

    def question_ends(self) -> None:
        """Count the end of a question to Lean: it was answered or cancelled."""
        self._now_under_way(-1)

    def question_waited(self, seconds: float) -> None:
        """Count the seconds that a question waited for a worker."""
        self._waited_seconds += seconds

    def request_answered(self) -> None:
        """Count an answer of Lean other than a verdict."""
        self._requests += 1

    def judged(self, candidate: Candidate, verdict: Verdict) -> Proof | None:
        """Count a verdict. Returns the proof if it counts and is distinct from all earlier ones; it is recorded."""
        self._unjudged.pop(id(candidate), None)
        self.verdicts[verdict.kind] += 1
        if not verdict.verified or verdict.trust < self._terms.trust:
            return None
        keys = identities(self._theorem, candidate, verdict)
        if not keys.isdisjoint(self._found):
            return None
        self._found |= keys
        proof = Proof(candidate, verdict, self.seconds)
        self.proofs.append(proof)
        return proof

    def progress(self) -> Progress:
        """The search's spending so far."""
        checked, proofs, seconds = self.verdicts.total(), len(self.proofs), self.seconds
        self._now_under_way(0)
        waited = seconds * min(1.0, self._waited_seconds / self._asked_seconds) if self._asked_seconds else 0.0
        return Progress(self._sampled, len(self._seen), checked, proofs, seconds, self._tokens, self._requests, waited)

    def waste(self) -> Waste:
        """The work that would be lost if the search ended now."""
        return Waste(len(self._unjudged), sum(self._unjudged.values()), self._under_way)

    def spending(self) -> tuple[Spending, ...]:
        """The spending of each strategy."""
        return tuple(account.spending() for account in self._accounts)

    def _now_under_way(self, more: int) -> None:
        now = self._clock()
        self._asked_seconds += self._under_way * (now - self._changed)
        self._changed = now
        self._under_way += more
