"""Converts errors of Lean and samplers to errors for clients."""

import contextlib
from collections.abc import Iterator

from prover.errors import InputError
from prover.lean.wire.answers import Elaboration
from prover.lean.workers.pool import InvalidTextError, PoolBusyError
from prover.requests import BusyError, StatementError, UnavailableError
from prover.sampling.sampler import PromptTooLongError, SamplerUnavailableError
from prover.search.search import Ending, Finished
from prover.verdict import Policy, Verdict, VerdictKind


@contextlib.contextmanager
def as_user_errors() -> Iterator[None]:
    """Convert errors of pools and samplers to user errors."""
    try:
        yield
    except PoolBusyError as error:
        raise BusyError(str(error), error.seconds) from None
    except InvalidTextError as error:
        raise InputError(f"theorem.{error.region.value}", str(error)) from None
    except SamplerUnavailableError as error:
        raise UnavailableError(str(error)) from None
    except PromptTooLongError as error:
        raise InputError("theorem.statement", str(error)) from None
    except ValueError as error:
        raise InputError("request", str(error)) from None


def accept(elaboration: Elaboration, policy: Policy) -> None:
    """Raise StatementError or UnavailableError unless the statement elaborates."""
    kind = elaboration.verdict
    if kind is VerdictKind.INFRASTRUCTURE:
        raise UnavailableError("; ".join(message.text for message in elaboration.messages))
    if kind is not VerdictKind.VERIFIED:
        raise StatementError(Verdict(kind, policy=policy, messages=elaboration.messages))


def raise_if_hopeless(finished: Finished) -> None:
    """Raise the error that ended a search, if it was not an ordinary ending."""
    verdict = finished.verdict
    if finished.ending is Ending.INVALID_STATEMENT and verdict is not None:
        raise StatementError(verdict)
    if finished.ending is Ending.INFRASTRUCTURE:
        said = "; ".join(message.text for message in verdict.messages) if verdict else ""
        raise UnavailableError(f"the search was broken off: {said}")
