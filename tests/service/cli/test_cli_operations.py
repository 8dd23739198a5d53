"""`leansieve token` and `leansieve config`, as a user sees them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from prover.errors import UserError
from service.auth import tokens
from service.cli.app import app
from tests.support.commands import leansieve


def test_a_token_is_printed_once_listed_and_revoked(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    made = leansieve("token", "new", "editor", "--role", "prove", "--role", "admin", "--days", "3", "--file", str(file))
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert tokens.read(file)[tokens.digest(token)].name == "editor"
    assert token not in made.stderr
    # The settings name the file, too.
    listed = leansieve("token", "list", LEANSIEVE_SECURITY__TOKENS=str(file))
    assert listed.stdout.startswith("editor  admin,prove  made ")
    assert token not in listed.stdout
    assert CliRunner().invoke(app, ["token", "revoke", "editor", "--file", str(file)]).exit_code == 0
    assert tokens.read(file) == {}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new", "a b", "--role", "prove", "--file", "t.toml"], "a name has 1 to 64"),
        (["new", "a", "--role", "prove"], "name the file of hashes with --file"),
        (["new", "a", "--role", "prove", "--file", "/proc/none/t.toml"], "cannot write the token file"),
        (["list", "--file", "/no/such.toml"], "there is no token file"),
        (["revoke", "a", "--file", "t.txt"], "must be a .toml file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["token", *arguments])
    assert isinstance(done.exception, UserError)  # the command line shows it alone and exits with 2
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not list(tmp_path.glob("*.toml"))


def test_settings_are_shown_with_their_origin_and_without_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[server]\nsearches = 7\n")
    environment = {
        "LEANSIEVE_CONNECTION__TOKEN": "lsv_hidden",
        "LEANSIEVE_STORE__URL": "postgresql://me:hidden@host/db",
    }
    shown = leansieve("config", "show", "--changed", "--config", str(file), **environment)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert f"server.searches = 7  # {file}" in lines
    assert 'connection.token = "***"  # LEANSIEVE_CONNECTION__TOKEN' in lines
    assert any(line.startswith("store.url = ") for line in lines)
    assert "hidden" not in shown.stdout
