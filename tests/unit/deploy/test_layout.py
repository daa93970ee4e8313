"""How a running system is found through its data directory."""

import json
import stat
from pathlib import Path

import pytest

from deploy.stack.assembly import ports_for
from deploy.stack.errors import NotRunning, StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Addresses, Layout, locate
from deploy.stack.provisioning import ingest_keep


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPORTING_URL", "REGISTRY_URL", "NOTIFIER_URL", "NATS_URL", "OWNER_DATABASE_URL", "DATA_DIR"):
        monkeypatch.delenv(f"KETNAP_{name}", raising=False)


@pytest.fixture
def announced(tmp_path: Path) -> Addresses:
    layout = Layout(tmp_path)
    layout.prepare()
    addresses = Addresses(
        data_dir=tmp_path,
        reporting_url="http://127.0.0.1:1",
        registry_url="http://127.0.0.1:2",
        notifier_url="http://127.0.0.1:3",
        nats_url="nats://127.0.0.1:4",
        database_url="postgresql://ketnap_owner:x@127.0.0.1:5/ketnap",
        nats_seed="SUA",
        nats_system_seed="SUB",
    )
    write_secret(layout.database_url("owner"), addresses.database_url)
    write_secret(layout.nats_seed("operator"), "SUA")
    write_secret(layout.nats_seed("system"), "SUB")
    layout.announce(addresses)
    return addresses


def test_a_running_system_is_found(announced: Addresses) -> None:
    assert locate(announced.data_dir) == announced


def test_the_data_directory_may_come_from_the_environment(
    announced: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KETNAP_DATA_DIR", str(announced.data_dir))
    assert locate() == announced


def test_a_setting_wins_over_the_directory(announced: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETNAP_REGISTRY_URL", "https://registry.example/")
    assert locate(announced.data_dir).registry_url == "https://registry.example"


def test_without_a_system_the_message_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=f"ketnap up --data-dir {tmp_path}"):
        locate(tmp_path)


def test_what_a_killed_run_left_is_not_taken_for_a_running_system(announced: Addresses) -> None:
    file = Layout(announced.data_dir).stack_file
    facts = json.loads(file.read_text())
    file.write_text(json.dumps(facts | {"started": "another process with that number"}))
    with pytest.raises(NotRunning):
        locate(announced.data_dir)


def test_a_system_that_a_version_from_before_tls_runs_is_found(announced: Addresses) -> None:
    file = Layout(announced.data_dir).stack_file
    facts = json.loads(file.read_text())
    del facts["tls"]
    file.write_text(json.dumps(facts))

    assert locate(announced.data_dir) == announced


def test_settings_alone_are_enough_for_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KETNAP_REGISTRY_URL", "http://registry:8081")
    assert locate(tmp_path, ("registry_url",)).registry_url == "http://registry:8081"
    with pytest.raises(NotRunning, match="set KETNAP_NATS_URL"):
        locate(tmp_path, ("registry_url", "nats_url"))


def test_no_address_shows_a_password_in_the_announcement(announced: Addresses) -> None:
    assert "ketnap_owner:x" not in Layout(announced.data_dir).stack_file.read_text()


def test_secrets_are_closed_to_others(announced: Addresses) -> None:
    layout = Layout(announced.data_dir)
    assert stat.S_IMODE(layout.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in layout.secrets.iterdir()} == {0o600}


def test_ports_follow_the_base() -> None:
    assert ports_for(9000) == {
        "reporting": 9000,
        "registry": 9001,
        "notifier": 9002,
        "nats": 9003,
        "postgres": 9004,
    }
    assert ports_for(None) == {"reporting": 8080, "registry": 8081, "notifier": 8082, "nats": 4222}


@pytest.mark.parametrize(("written", "seconds"), [("", 604_800), ("7d", 604_800), ("12h", 43_200), ("90s", 90)])
def test_how_long_ingest_streams_keep(monkeypatch: pytest.MonkeyPatch, written: str, seconds: int) -> None:
    monkeypatch.setenv("KETNAP_INGEST_KEEP", written)
    assert ingest_keep() == seconds


@pytest.mark.parametrize("written", ["7", "0d", "a week", "-1d"])
def test_a_keep_without_meaning_is_explained(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("KETNAP_INGEST_KEEP", written)
    with pytest.raises(StackError, match=r"e\.g\. 7d"):
        ingest_keep()
