"""PostgreSQL's programs find the database that our URLs name, of one server or of a pair."""

import pytest

from deploy.backup.taking import client_environment


@pytest.mark.parametrize(
    ("address", "hosts", "ports"),
    [
        ("127.0.0.1:5433", "127.0.0.1", "5433"),
        ("postgres", "postgres", "5432"),
        ("one:5432,two:5433", "one,two", "5432,5433"),
        ("[::1]:5432,[::2]", "::1,::2", "5432,5432"),
    ],
)
def test_all_servers_of_an_address_are_named(address: str, hosts: str, ports: str) -> None:
    found = client_environment(f"postgresql://ketnap_owner:p%40ss@{address}/ketnap")

    assert (found["PGHOST"], found["PGPORT"]) == (hosts, ports)
    assert (found["PGUSER"], found["PGPASSWORD"], found["PGDATABASE"]) == ("ketnap_owner", "p@ss", "ketnap")


def test_of_a_pair_the_one_that_takes_writes_is_asked_and_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSSLMODE", raising=False)
    asked = "target_session_attrs=read-write&sslmode=verify-full&sslrootcert=/ca.pem"
    found = client_environment(f"postgresql://o:p@one:5432,two:5432/ketnap?{asked}")

    assert found["PGTARGETSESSIONATTRS"] == "read-write"
    assert (found["PGSSLMODE"], found["PGSSLROOTCERT"]) == ("verify-full", "/ca.pem")
    assert "PGSSLMODE" not in client_environment("postgresql://o:p@one/ketnap")
