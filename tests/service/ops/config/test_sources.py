"""`leansieve config show`: every setting with its origin, without secrets."""

from pathlib import Path

import pytest

from service.ops.config import Settings, sources
from service.ops.config.sources import settings_in_force


def test_each_setting_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[lean]\nworkers = 3\nqueue = 30\n[check]\nseconds = 3\n[policies.wide]\naxioms = ['A.b']\n")
    monkeypatch.setenv("LEANSIEVE_LEAN__QUEUE", "40")
    monkeypatch.setenv("LEANSIEVE_CHECK__SECONDS", "4")
    shown = {setting.name: setting for setting in settings_in_force(file, {"check": {"seconds": 5.0}})}
    assert (shown["lean.workers"].value, shown["lean.workers"].source) == ("3", str(file))
    assert (shown["lean.queue"].value, shown["lean.queue"].source) == ("40", "LEANSIEVE_LEAN__QUEUE")
    assert (shown["check.seconds"].value, shown["check.seconds"].source) == ("5.0", "flag")
    assert (shown["check.heartbeats"].value, shown["check.heartbeats"].source) == ("200000", "default")
    assert (shown["policies.wide.axioms"].value, shown["policies.wide.axioms"].source) == ('["A.b"]', str(file))
    assert shown["lean.project"].value == ""


def test_every_section_is_shown_with_what_it_means() -> None:
    shown = settings_in_force()
    assert {setting.name.split(".")[0] for setting in shown} == set(Settings.model_fields)
    assert all(setting.meaning for setting in shown)


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEANSIEVE_CONNECTION__TOKEN", "lsv_hidden")
    shown = {setting.name: setting for setting in settings_in_force()}
    assert shown["connection.token"].value == '"***"'
    assert shown["connection.token"].source == "LEANSIEVE_CONNECTION__TOKEN"
    assert "hidden" not in str(shown)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgresql+psycopg://me:hidden@host/db", '"postgresql+psycopg://me:***@host/db"'),
        ("postgresql://me@host/db", '"postgresql://me@host/db"'),
        ("http://127.0.0.1:4317", '"http://127.0.0.1:4317"'),
        (Path("/a b"), '"/a b"'),
        (True, "true"),
        ((1, 2.5), "[1, 2.5]"),
        ({"base": 4}, '{"base" = 4}'),
    ],
)
def test_passwords_in_addresses_are_masked(value: object, expected: str) -> None:
    assert sources._shown(value) == expected
