"""Decides whose batches the server works on."""

from datetime import UTC, datetime
from pathlib import Path

from service.auth.identity import Role
from service.auth.tokens import read
from service.auth.watched import Watched


class Owners:
    """Owners with the right to prove: if there are tokens, those with a valid one.

    A batch whose owner has lost all tokens is not started, and stops before its next theorem. It continues when the
    owner has a token again, and an administrator can cancel it.
    """

    def __init__(self, tokens: Path | None) -> None:
        """Use the token file; None: everyone may prove.

        Raises:
            UserError: the file cannot be read.
        """
        self._tokens = None if tokens is None else Watched([tokens], lambda: read(tokens))

    def may(self, owner: str) -> bool:
        """Whether batches of this owner are worked on."""
        if self._tokens is None or owner.startswith("peer:"):  # batches from before tokens were configured
            return True
        now = datetime.now(UTC)
        return any(
            token.name == owner and token.valid(now) and token.identity.may(Role.PROVE)
            for token in self._tokens.current().values()
        )
