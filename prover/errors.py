"""Errors of users: one sentence that says what, where and how to mend it."""


class UserError(Exception):
    """Something outside the program is to be mended; the command line prints the text alone.

    Attributes:
        status: with which the command line exits.
    """

    status = 2


class InputError(UserError):
    """A field of a request cannot be taken.

    Attributes:
        field: path of the field, as in `theorem.statement`.
        violations: every field that is to blame, the first one included, with what is wrong with it.
    """

    def __init__(self, field: str, text: str, violations: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.field = field
        self.violations = violations or ((field, text),)


class UnknownCallerError(UserError):
    """Callers must say who they are, and this one did not, or not truly."""


class NotAllowedError(UserError):
    """The caller is known, and may not do that."""
