"""The file of tokens' hashes."""

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from prover.errors import UserError
from service.auth import tokens
from service.auth.identity import Identity, Quota, Role


def test_the_file_holds_what_a_token_may_do_and_not_the_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    end = datetime(2040, 1, 1, tzinfo=UTC)
    secret = tokens.new(file, "editor", [Role.PROVE, Role.ADMIN], end, Quota(4, 60, 1.5, 1000))
    text = file.read_text()
    assert secret.startswith("lsv_")
    assert len(secret) > 40
    assert secret not in text
    token = tokens.read(file)[tokens.digest(secret)]
    assert token.identity == Identity("editor", frozenset({Role.PROVE, Role.ADMIN}), Quota(4, 60, 1.5, 1000))
    assert token.expires == end
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_tokens_are_added_and_revoked_by_name(tmp_path: Path) -> None:
    file = tmp_path / "new" / "tokens.toml"
    first, second, other = (tokens.new(file, name, [Role.CHECK]) for name in ("a", "a", "b"))
    assert set(tokens.read(file)) == {tokens.digest(token) for token in (first, second, other)}
    assert tokens.revoke(file, "a") == 2
    assert set(tokens.read(file)) == {tokens.digest(other)}
    with pytest.raises(UserError, match="no token named 'a'"):
        tokens.revoke(file, "a")


def test_one_of_several_tokens_of_a_name_is_retired(tmp_path: Path) -> None:
    """Two tokens of one name could only be revoked together."""
    file = tmp_path / "tokens.toml"
    first, second = (tokens.new(file, "a", [Role.CHECK]) for _ in range(2))
    assert tokens.revoke(file, "a", tokens.digest(first)[:12] + "…") == 1
    assert set(tokens.read(file)) == {tokens.digest(second)}
    with pytest.raises(UserError, match="hash that begins with"):
        tokens.revoke(file, "a", "0000000000000")


def test_a_rotated_token_is_like_the_old_one_which_ends(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    now = datetime.now(UTC)
    old = tokens.new(file, "a", [Role.ADMIN], now + timedelta(days=90), Quota(calls=3))
    other = tokens.new(file, "b", [Role.CHECK])
    new = tokens.rotate(file, "a", timedelta(hours=2))
    found = tokens.read(file)
    assert set(found) == {tokens.digest(token) for token in (old, new, other)}
    assert found[tokens.digest(new)].identity == found[tokens.digest(old)].identity
    soon, later = found[tokens.digest(old)].expires, found[tokens.digest(new)].expires
    assert soon is not None
    assert later is not None
    assert now + timedelta(hours=1.9) < soon < now + timedelta(hours=2.1)
    assert now + timedelta(days=89) < later < now + timedelta(days=91)
    assert found[tokens.digest(other)].expires is None
    newest = tokens.rotate(file, "a", timedelta())
    assert set(tokens.read(file)) == {tokens.digest(token) for token in (newest, other)}
    with pytest.raises(UserError, match="no token named 'c'"):
        tokens.rotate(file, "c", timedelta())


def test_a_quota_is_set_for_a_name(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    for name in ("a", "a", "b"):
        tokens.new(file, name, [Role.PROVE], quota=Quota(calls=9))
    assert tokens.set_quota(file, "a", Quota(samples_per_hour=100)) == 2
    quotas = [(token.name, token.identity.quota) for token in tokens.read(file).values()]
    assert quotas == [("a", Quota(samples_per_hour=100))] * 2 + [("b", Quota(calls=9))]


def test_a_change_keeps_the_mode_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    tokens.new(file, "a", [Role.CHECK])
    file.chmod(0o640)
    tokens.new(file, "b", [Role.CHECK])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tokens.toml"
    threads = [threading.Thread(target=tokens.new, args=(file, f"n{n}", [Role.CHECK])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {token.name for token in tokens.read(file).values()} == {f"n{n}" for n in range(8)}


def test_a_token_ends() -> None:
    now = datetime.now(UTC)
    token = tokens.CallerToken(name="a", sha256="0" * 64, roles=(Role.CHECK,), created=now, expires=now)
    assert not token.valid(now)
    assert token.valid(now - timedelta(seconds=1))


@pytest.mark.parametrize("name", ["", "a b", 'a"', "a\nb", "-a", "é", "a" * 65])
def test_a_name_that_does_not_fit_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="name"):
        tokens.new(tmp_path / "tokens.toml", name, [Role.CHECK])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "cannot read"),
        ("[other]\n", "no \\[\\[token\\]\\]: 'other'"),
        ('[[token]]\nname = "a"\n', "bad sha256"),
        ('[[token]]\nname = "a"\nsha256 = "0"\nroles = ["prove"]\ncreated = 2026-01-01T00:00:00Z\n', "bad sha256"),
        (f'[[token]]\nname = "a"\nsha256 = "{"0" * 64}"\nroles = ["root"]\ncreated = 2026-01-01T00:00:00Z\n', "roles"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "tokens.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        tokens.read(file)
    assert "\n" not in str(caught.value)


def test_roles_include_the_smaller_ones() -> None:
    def may(*roles: Role) -> set[Role]:
        return {role for role in Role if Identity("x", frozenset(roles)).may(role)}

    assert may() == set()
    assert may(Role.CHECK) == {Role.CHECK}
    assert may(Role.PROVE) == {Role.PROVE, Role.CHECK}
    assert may(Role.ADMIN) == set(Role)
