"""Certificates: when one is made anew, and which of those that are brought are refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.stack.certificates import (
    SERVER_DAYS,
    Authority,
    ensure_authority,
    ensure_server,
    names_outside,
    take_brought,
)
from deploy.stack.errors import StackError
from shared.runtime.tls import end_of, names

NOW = datetime.now(UTC)
HALF = timedelta(days=SERVER_DAYS / 2)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return ensure_authority(tmp_path / "authority")


def test_an_authority_stays_and_its_key_is_its_owners(tmp_path: Path, authority: Authority) -> None:
    again = ensure_authority(tmp_path / "authority")

    assert again.certificate == authority.certificate
    assert (tmp_path / "authority" / "ca.key").stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_authority_is_not_used(tmp_path: Path, authority: Authority) -> None:
    other = tmp_path / "other"
    ensure_authority(other)
    (tmp_path / "authority" / "ca.key").write_bytes((other / "ca.key").read_bytes())

    with pytest.raises(StackError, match="is not the key of"):
        ensure_authority(tmp_path / "authority")


def test_a_certificate_is_for_its_names_and_stays_until_half_of_its_time_is_over(
    tmp_path: Path, authority: Authority
) -> None:
    wanted = {"Registry", "127.0.0.1", "::1"}
    assert ensure_server(authority, tmp_path, wanted, NOW)
    first = (tmp_path / "server.pem").read_text()

    assert names(tmp_path / "server.pem") == {"registry", "127.0.0.1", "::1"}
    assert not ensure_server(authority, tmp_path, wanted, NOW + HALF - timedelta(days=1))
    assert (tmp_path / "server.pem").read_text() == first
    assert ensure_server(authority, tmp_path, wanted, NOW + HALF + timedelta(days=1))
    assert end_of(tmp_path / "server.pem") > NOW + timedelta(days=1.4 * SERVER_DAYS)


def test_it_is_made_anew_for_other_names_and_by_another_authority(tmp_path: Path, authority: Authority) -> None:
    ensure_server(authority, tmp_path, {"registry"})

    assert ensure_server(authority, tmp_path, {"registry", "ketnap.example.vn"})
    assert ensure_server(ensure_authority(tmp_path / "other"), tmp_path, {"registry", "ketnap.example.vn"})
    assert not ensure_server(ensure_authority(tmp_path / "other"), tmp_path, {"registry", "ketnap.example.vn"})


def test_no_certificate_outlives_its_authority_and_at_its_end_none_is_made_again_and_again(
    tmp_path: Path, authority: Authority
) -> None:
    late = authority.certificate.not_valid_after_utc - timedelta(days=30)

    assert ensure_server(authority, tmp_path, {"registry"}, late)
    assert end_of(tmp_path / "server.pem") == authority.certificate.not_valid_after_utc
    assert not ensure_server(authority, tmp_path, {"registry"}, late + timedelta(days=20))


def _brought(directory: Path, authority: Authority) -> Path:
    ensure_server(authority, directory, {"ketnap.example.vn"})
    return directory


def test_a_certificate_that_is_brought_is_taken_and_renewed(tmp_path: Path, authority: Authority) -> None:
    brought = _brought(tmp_path / "brought", authority)
    target = tmp_path / "target"
    target.mkdir()

    assert take_brought(brought, target)
    assert not take_brought(brought, target)
    ensure_server(authority, brought, {"other.example.vn"})
    assert take_brought(brought, target)
    assert names(target / "public.pem") == {"other.example.vn"}


@pytest.mark.parametrize("spoilt", ["key of another", "no key", "no certificate in it", "ended"])
def test_a_certificate_that_cannot_be_shown_is_refused_and_the_one_before_stays(
    tmp_path: Path, authority: Authority, spoilt: str
) -> None:
    brought, target = _brought(tmp_path / "brought", authority), tmp_path / "target"
    target.mkdir()
    take_brought(brought, target)
    before = (target / "public.pem").read_text()
    if spoilt == "key of another":
        other = _brought(tmp_path / "another", authority)
        (brought / "server.key").write_text((other / "server.key").read_text())
    elif spoilt == "no key":
        (brought / "server.key").unlink()
    elif spoilt == "no certificate in it":
        (brought / "server.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    else:
        ensure_server(authority, brought, {"old.example.vn"}, NOW - timedelta(days=SERVER_DAYS + 2))

    with pytest.raises(StackError, match=r"server\.(pem|key)"):
        take_brought(brought, target)
    assert (target / "public.pem").read_text() == before


def test_names_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETNAP_NAMES", "ketnap.example.vn, 10.0.0.5,fd00::5,*.example.vn")
    assert names_outside() == ["ketnap.example.vn", "10.0.0.5", "fd00::5", "*.example.vn"]

    for wrong in ("https://ketnap.example.vn", "ketnap example", "a:8080", "-a"):
        monkeypatch.setenv("KETNAP_NAMES", wrong)
        with pytest.raises(StackError, match="KETNAP_NAMES"):
            names_outside()
