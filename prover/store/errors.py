"""Errors of a database, each as one sentence."""

from sqlalchemy.exc import DBAPIError

_SENTENCES = {
    "file is not a database": "is not a database: name another file, or move this one away",
    "malformed": "is damaged: restore a backup, or move the file away to start again",
    "disk image is malformed": "is damaged: restore a backup, or move the file away to start again",
    "database or disk is full": "cannot grow because the disk is full: free some space, or shrink it with `leansieve store prune`",
    "readonly database": "can only be read: make the file and its folder writable for this user",
    "unable to open database file": "cannot be opened: its folder must be writable for this user, and its path must not be a folder",
    "database is locked": "was locked by another process for too long: try again, or end what holds it",
    "disk i/o error": "cannot be read or written: the disk reports an error",
    # PostgreSQL has no code for failures before the connection exists.
    "connection refused": "cannot be reached: start the server, or correct host and port",
    "no such file or directory": "cannot be reached: start the server, or correct host and port",
    "failed to resolve host": "cannot be reached: correct the host's name",
    "password authentication failed": "rejects this user and password: correct the URL",
    "no pg_hba.conf entry": "rejects this user: correct the URL or the server's pg_hba.conf",
    "does not exist": "does not exist: make database and user with `createuser` and `createdb`",
    "too many clients": "has no connection left: raise max_connections",
}
_STATES = {
    "42501": "may not be changed by this user: grant the right to create tables",
    "53100": "cannot grow because the server's disk is full",
    "57P03": "is starting or stopping: try again",
    "25006": "can only be read: name the primary server",
}


class StoreError(Exception):
    """The database cannot be used; the text is one sentence with reason and remedy."""


def sentence(name: str, error: DBAPIError) -> str:
    """Describe an error of the database `name` in one sentence."""
    reason = " ".join(str(error.orig).split())
    state = getattr(error.orig, "sqlstate", None)
    if state in _STATES:
        return f"the store {name} {_STATES[state]}"
    for fragment, meaning in _SENTENCES.items():
        if fragment in reason.lower():
            return f"the store {name} {meaning}"
    # SQL texts are left out: SQLAlchemy adds them to `orig`.
    return f"the store {name} failed: {reason[:300]}"
