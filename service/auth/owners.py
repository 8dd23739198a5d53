"""Whose batches are worked on."""

from datetime import UTC, datetime
from pathlib import Path

from service.auth.identity import Role
from service.auth.tokens import read
from service.auth.watched import Watched


class Owners:
    """Those who may prove: where there are tokens, as long as one of their name is valid.

    A batch whose owner has none any more is neither begun nor gone on with, by its next theorem; it goes on when there is one
    again, and an administrator can cancel it.
    """

    def __init__(self, tokens: Path | None) -> None:
        """Look into the file of tokens; None: everybody may.

        Raises:
            UserError: the file cannot be read.
        """
        self._tokens = None if tokens is None else Watched([tokens], lambda: read(tokens))

    def may(self, owner: str) -> bool:
        """Whether a batch of this owner is worked on."""
        if self._tokens is None or owner.startswith("peer:"):  # of a time without tokens
            return True
        now = datetime.now(UTC)
        return any(
            token.name == owner and token.valid(now) and token.identity.may(Role.PROVE)
            for token in self._tokens.current().values()
        )
