"""Precedence of settings: flags, environment, file, defaults."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from prover.errors import UserError
from service.ops import config


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[lean]\nworkers = 3\nqueue = 30\n[check]\nseconds = 3\nheartbeats = 300\n")
    monkeypatch.setenv("LEANSIEVE_LEAN__QUEUE", "40")
    monkeypatch.setenv("LEANSIEVE_CHECK__SECONDS", "4")
    settings = config.load(file, {"check": {"seconds": 5.0, "heartbeats": None}})
    assert settings.lean.workers == 3  # file over default
    assert settings.lean.queue == 40  # environment over file
    assert settings.check.seconds == 5.0  # flag over environment
    assert settings.check.heartbeats == 300  # a flag that was not given hides nothing
    assert settings.check.recursion == config.CheckSettings().recursion


def test_a_list_in_the_environment_that_is_no_json_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEANSIEVE_LEAN__IMPORTS", "Init")
    with pytest.raises(UserError, match="LEANSIEVE_LEAN… is not JSON"):
        config.load()


def test_the_environment_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "elsewhere.toml"
    file.write_text("[server]\nsearches = 7\n")
    monkeypatch.setenv("LEANSIEVE_CONFIG", str(file))
    assert config.load().server.searches == 7


def test_the_users_own_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "leansieve").mkdir()
    (tmp_path / "leansieve" / "config.toml").write_text("[server]\nsearches = 8\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config.load().server.searches == 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[lean]\nworkers = 0\n", "lean.workers"),
        ("[lean]\nwrokers = 1\n", "lean.wrokers: there is no setting of that name; `leansieve config show` lists all"),
        ("[laen]\nworkers = 1\n", "setting laen: there is no setting of that name"),
        ("lean = 3\n", "setting lean: expected a table of settings, found 3"),
        ("[security]\ncertificate = 'a'\n", "setting security: certificate and key belong together: set both or none$"),
        ("[security]\nclient_ca = 'a'\n", "client_ca needs certificate and key"),
        ("[security]\ntokens = 'a.txt'\n", "tokens must be a .toml file"),
        ("[model.remote]\nurls = ['gpu1:8000']\n", "must begin with http:// or https://"),
        ("[model.remote]\nurls = ['http://me:secret@gpu1']\n", "must not contain a password: use api_key"),
        ("[metrics]\nlisten = 'here'\n", "metrics.listen: expected HOST:PORT"),
        ("[connection]\ntoken = ['lsv_x']\n", "setting connection.token: Input should be a valid string$"),
        ("workers", "cannot read"),
        ("x = '\xff'", "cannot read"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=expected) as caught:
        config.load(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[lean]\nworkers = true", "[search]\nseconds = false"])
def test_a_truth_value_is_no_number(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(UserError, match="a number is needed here, not true or false"):
        config.load(file)


def test_a_variable_that_names_no_setting_is_not_overlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEANSIEVE_CACHE", "/a/folder")  # is no setting, and read elsewhere
    config.load()
    for name in ("LEANSIEVE_LAEN__WORKERS", "LEANSIEVE_LEAN__WROKERS"):
        monkeypatch.setenv(name, "1")
        with pytest.raises(UserError, match="`leansieve config show` lists all"):
            config.load()
        monkeypatch.delenv(name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no configuration file"):
        config.load(tmp_path / "none.toml")


def test_every_setting_says_what_it_means() -> None:
    sections = [field.annotation for field in config.Settings.model_fields.values()]
    models = [section for section in sections if isinstance(section, type) and issubclass(section, BaseModel)]
    assert len(models) == len(sections) - 1  # policies are a table of tables
    for model in [*models, config.PolicySettings]:
        for name, field in model.model_fields.items():
            assert field.description, name
