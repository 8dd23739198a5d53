"""Errors that users can fix: one sentence that says what, where and how."""


class UserError(Exception):
    """Something outside the program is to be mended; the command line prints the text alone.

    Attributes:
        status: with which the command line exits.
    """

    status = 2


class InputError(UserError):
    """A field of a request is invalid.

    Attributes:
        field: path of the field, as in `theorem.statement`.
        violations: every field that is to blame, the first one included, with what is wrong with it.
    """

    def __init__(self, field: str, text: str, violations: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.field = field
        self.violations = violations or ((field, text),)


class UnknownCallerError(UserError):
    """The caller must authenticate, and did not, or with invalid credentials."""


class NotAllowedError(UserError):
    """The caller is authenticated but lacks the role."""
