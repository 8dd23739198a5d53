"""The supported versions of Lean."""

import pytest

from prover.lean.runtimes.native import versions
from prover.lean.runtimes.native.versions import LeanVersion
from prover.lean.runtimes.runtime import RuntimeUnavailableError


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Lean (version 4.28.0, x86_64-unknown-linux-gnu, commit 7e01a1bf5c70, Release)", (4, 28)),
        ("Lean (version 4.27.0-rc1, commit abc, Release)", (4, 27)),
        ("Lean (version 4.29.0-nightly-2026-01-20, arm64-apple-darwin, commit abc, Release)", (4, 29)),
        ("info: downloading\nLean (version 4.9.1, x86_64, commit abc, Release)", (4, 9)),
    ],
)
def test_versions_are_read_as_lean_prints_them(text: str, version: tuple[int, int]) -> None:
    assert versions.parse(text) == version


def test_what_names_no_version_is_shown() -> None:
    with pytest.raises(RuntimeUnavailableError, match="does not name a version of Lean 4: 'command not found'"):
        versions.parse("command not found\n")


def test_old_and_new_versions_are_refused_with_what_to_do() -> None:
    assert versions.refusal(versions.OLDEST) is None
    assert versions.refusal(versions.NEWEST) is None
    assert "Lean 4.9 is too old" in (versions.refusal(LeanVersion(4, 9)) or "")
    assert "Lean 4.100 is newer" in (versions.refusal(LeanVersion(4, 100)) or "")
    assert "Lean 5.0 is newer" in (versions.refusal(LeanVersion(5, 0)) or "")
