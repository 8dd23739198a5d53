"""The process's limit of open files and connections."""

import contextlib
import resource

_MOST = 1 << 16  # more than any server here needs; some systems allow a billion


def raise_limit() -> int:
    """Raise the soft limit to the hard one; returns the new limit.

    Systems keep the soft limit at 1,024 for programs that use `select`; ours do not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
