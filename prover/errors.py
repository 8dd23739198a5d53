"""Errors that users can fix. Each is one sentence: what is wrong, where, and how to fix it."""


class UserError(Exception):
    """A problem outside the program that the user can fix; the command line prints its text without a traceback.

    Attributes:
        status: exit status of the command line.
    """

    status = 2


class InputError(UserError):
    """A field of a request is invalid.

    Attributes:
        field: path of the first invalid field, as in `theorem.statement`.
        violations: every invalid field, the first one included, with a description of its error.
    """

    def __init__(self, field: str, text: str, violations: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.field = field
        self.violations = violations or ((field, text),)


class UnknownCallerError(UserError):
    """The caller must authenticate, but sent no credentials or invalid ones."""


class NotAllowedError(UserError):
    """The caller is authenticated but lacks the role."""
