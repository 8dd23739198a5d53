"""`leansieve doctor` on store, tokens and certificate."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from prover.store.database import Database
from service.auth import tokens
from service.auth.identity import Role
from service.ops.config import SecuritySettings, Settings, StoreSettings
from service.ops.server_doctor import server


def found(subject: str, url: str = "none", **security: Path) -> tuple[str, str]:
    """State and what is said."""
    settings = Settings(store=StoreSettings(url=SecretStr(url)), security=SecuritySettings(**security))  # type: ignore[arg-type]
    (row,) = (row for row in server(settings) if row[0] == subject)
    return row[1], f"{row[2]} {row[3]}"


def test_a_store_is_good_absent_or_unusable(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    assert found("store")[0] == "absent"
    assert found("store", str(path))[0] == "absent"
    assert not path.exists(), "looking makes nothing"
    Database.open(str(path)).close()
    assert found("store", str(path)) == ("good", f"{path}: 0 proofs, 0 batches with 0 theorems left ")
    path.write_text("no database at all, but long enough to have been one" * 100)
    state, text = found("store", str(path))
    assert (state, "is not a database" in text) == ("bad", True)
    assert found("store", "postgresql://u:secret@localhost:1/x")[0] == "bad"
    assert "secret" not in found("store", "postgresql://u:secret@localhost:1/x")[1]


def test_tokens_that_ended_or_will_are_named(tmp_path: Path) -> None:
    file, now = tmp_path / "tokens.toml", datetime.now(UTC)
    assert found("tokens", tokens=file)[0] == "bad"
    tokens.new(file, "old", [Role.PROVE], now - timedelta(days=1))
    state, text = found("tokens", tokens=file)
    assert (state, "none of them valid" in text) == ("bad", True)
    tokens.new(file, "new", [Role.PROVE])
    tokens.new(file, "soon", [Role.PROVE], now + timedelta(days=3))
    state, text = found("tokens", tokens=file)
    assert state == "absent"
    assert "ended: old" in text
    assert "end soon: soon" in text
    tokens.revoke(file, "old")
    tokens.revoke(file, "soon")
    assert found("tokens", tokens=file)[0] == "good"


@pytest.mark.parametrize(("days", "state"), [(100, "good"), (5, "absent"), (-1, "bad")])
def test_certificates_end(tmp_path: Path, days: int, state: str) -> None:
    pair = trustme.CA().issue_cert(
        "localhost", not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=datetime.now(UTC) + timedelta(days=days)
    )
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(pair.cert_chain_pems[0].bytes())
    key.write_bytes(pair.private_key_pem.bytes())
    assert found("certificate", certificate=certificate, key=key)[0] == state
    key.write_text("no key")
    assert found("certificate", certificate=certificate, key=key)[0] == "bad"
