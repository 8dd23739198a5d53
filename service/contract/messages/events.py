"""Events of a search. Proofs are numbered as they are sent, and the summary refers to them by number."""

from leansieve.v1 import prove_pb2, search_pb2
from prover.requests import Accepted, Event, Starting
from prover.search.diversity import Diversity
from prover.search.search import Ending, Finished, Minimised, Progress, Proof, Spending, Waste
from service.contract import fields, values
from service.contract.messages.search import (
    ending_from_proto,
    ending_to_proto,
    notes_from_proto,
    notes_to_proto,
    progress_from_proto,
    progress_to_proto,
    proof_from_proto,
    proof_to_proto,
    refutation_from_proto,
    refutation_to_proto,
)


class EventWriter:
    """Builds the responses of one search, in order."""

    def __init__(self, digest: str) -> None:
        """Create a writer; `digest` identifies the theorem."""
        self._digest = digest
        self._sent: list[Proof] = []

    def response(self, event: Event) -> prove_pb2.ProveResponse:
        """Return the response for an event."""
        match event:
            case Starting(activity, seconds):
                starting = prove_pb2.LeanStarting(activity=activity, elapsed_duration=fields.duration(seconds))
                return prove_pb2.ProveResponse(starting=starting)
            case Accepted(goal, log_id):
                accepted = prove_pb2.SearchAccepted(log_id=log_id, theorem_digest=self._digest, goal=goal)
                return prove_pb2.ProveResponse(accepted=accepted)
            case Progress():
                return prove_pb2.ProveResponse(progress=progress_to_proto(event))
            case Proof():
                return prove_pb2.ProveResponse(proof=self.proof(event))
            case Minimised(original, proof):
                number = self._sent.index(original) if original in self._sent else 0
                minimised = search_pb2.MinimisedProof(original=number, proof=self.proof(proof))
                return prove_pb2.ProveResponse(minimised=minimised)
            case Finished():
                return prove_pb2.ProveResponse(summary=self.summary(event))

    def proof(self, proof: Proof) -> search_pb2.VerifiedProof:
        """Return the message of the next proof."""
        self._sent.append(proof)
        return proof_to_proto(proof, len(self._sent) - 1)

    def summary(self, finished: Finished) -> search_pb2.SearchSummary:
        """Return the message of the last event."""
        diversity = finished.diversity
        return search_pb2.SearchSummary(
            end=ending_to_proto(finished.ending),
            spent=progress_to_proto(finished.spent),
            verdicts=[
                search_pb2.VerdictCount(kind=values.KINDS[kind], count=n) for kind, n in finished.verdicts.items()
            ],
            answer=[self._sent.index(proof) for proof in finished.proofs if proof in self._sent],
            diversity=None if diversity is None else _diversity_to_proto(diversity),
            spending=[_spending_to_proto(spending) for spending in finished.spending],
            waste=search_pb2.Waste(
                samples=finished.waste.samples, tokens=finished.waste.tokens, checks=finished.waste.checks
            ),
            stuck_at=finished.stuck_at,
            notes=notes_to_proto(finished.notes),
            refutation=None if finished.refutation is None else refutation_to_proto(finished.refutation),
        )


class EventReader:
    """Parses the responses of one search, in order."""

    def __init__(self) -> None:
        """Create a reader."""
        self._received: dict[int, Proof] = {}

    def event(self, response: prove_pb2.ProveResponse) -> Event | None:
        """Return the event of a response; None if this version does not know its kind."""
        match response.WhichOneof("event"):
            case "starting":
                return Starting(response.starting.activity, fields.seconds(response.starting.elapsed_duration))
            case "accepted":
                return Accepted(response.accepted.goal, response.accepted.log_id)
            case "progress":
                return progress_from_proto(response.progress)
            case "proof":
                return self.proof(response.proof)
            case "minimised":
                shorter = self.proof(response.minimised.proof)
                original = self._received.get(response.minimised.original, shorter)
                return Minimised(original, shorter)
            case "summary":
                return self.summary(response.summary)
            case _:
                return None

    def proof(self, proof: search_pb2.VerifiedProof) -> Proof:
        """Parse a proof."""
        received = self._received[proof.number] = proof_from_proto(proof)
        return received

    def summary(self, summary: search_pb2.SearchSummary) -> Finished:
        """Parse the last event."""
        return Finished(
            ending=ending_from_proto(summary.end) or Ending.INFRASTRUCTURE,
            spent=progress_from_proto(summary.spent),
            verdicts={values.KIND_OF[c.kind]: c.count for c in summary.verdicts if c.kind in values.KIND_OF},
            proofs=tuple(self._received[number] for number in summary.answer if number in self._received),
            diversity=_diversity_from_proto(summary.diversity) if summary.HasField("diversity") else None,
            spending=tuple(_spending_from_proto(spending) for spending in summary.spending),
            waste=Waste(summary.waste.samples, summary.waste.tokens, summary.waste.checks),
            stuck_at=summary.stuck_at,
            notes=notes_from_proto(summary.notes),
            refutation=refutation_from_proto(summary.refutation) if summary.HasField("refutation") else None,
        )


def _diversity_to_proto(diversity: Diversity) -> search_pb2.Diversity:
    return search_pb2.Diversity(
        tactic_entropy=diversity.tactic_shannon,
        tactic_gini_simpson=diversity.tactic_gini_simpson,
        premise_entropy=diversity.premise_shannon,
        premise_gini_simpson=diversity.premise_gini_simpson,
    )


def _diversity_from_proto(diversity: search_pb2.Diversity) -> Diversity:
    return Diversity(
        tactic_shannon=diversity.tactic_entropy,
        tactic_gini_simpson=diversity.tactic_gini_simpson,
        premise_shannon=diversity.premise_entropy,
        premise_gini_simpson=diversity.premise_gini_simpson,
    )


def _spending_to_proto(spending: Spending) -> search_pb2.Spending:
    return search_pb2.Spending(
        name=spending.name,
        samples=spending.sampled,
        tokens=spending.tokens,
        checks=spending.checked,
        requests=spending.requests,
        proofs=spending.proofs,
        elapsed_duration=fields.duration(spending.seconds),
    )


def _spending_from_proto(spending: search_pb2.Spending) -> Spending:
    return Spending(
        name=spending.name,
        sampled=spending.samples,
        tokens=spending.tokens,
        checked=spending.checks,
        requests=spending.requests,
        proofs=spending.proofs,
        seconds=fields.seconds(spending.elapsed_duration),
    )
