"""What the machines of a cluster are handed: the same secrets, each its own certificates, a stranger's never."""

import re
from pathlib import Path

import pytest

from deploy.containers import carried
from deploy.containers.places import handed
from deploy.containers.secrets import provide
from deploy.stack.access import add_key, join_keys, list_keys, revoke_keys
from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Layout
from shared.runtime.tls import names

VOLUMES = ("postgres", "registry", "reporting", "notifier", "prometheus", "grafana")
COMPOSE = Path(__file__).parents[3] / "deploy" / "cluster" / "compose.yaml"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Machines":
    return Machines(tmp_path, monkeypatch)


class Machines:
    """The volumes of machines, empty at first; `which` of them is looked at says its number."""

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self._patch = patch

    def __call__(self, which: int, name: str = "") -> Layout:
        self._patch.setenv("KETNAP_MACHINE", str(which))
        layout = Layout(self._directory / (name or str(which)))
        for directory in (layout.secrets, layout.nats, *(handed(layout.data_dir, each) for each in VOLUMES)):
            directory.mkdir(parents=True, exist_ok=True)
        return layout

    def begun(self, name: str = "") -> Layout:
        """Machine 1, on which a cluster has been begun."""
        layout = self(1, name)
        carried.begin(layout, layout.data_dir / "begins")
        return layout


def test_a_machine_makes_no_secrets_of_a_cluster_by_itself(machine: Machines) -> None:
    for which in (1, 2, 3):
        layout = machine(which)

        with pytest.raises(StackError, match="carry begin"):
            provide(layout)

        assert list(layout.secrets.iterdir()) == []


def test_what_is_carried_makes_the_secrets_of_all_machines_the_same(machine: Machines) -> None:
    first = machine.begun()
    add_key(first, "office", "operator")
    text = carried.give(first)

    for which in (2, 3):
        other = machine(which)
        carried.take(other, text.encode())
        provide(other)

        for directory in (first.secrets, first.authority):
            for file in directory.iterdir():
                if file.suffix != ".database-url":
                    there = other.data_dir / file.relative_to(first.data_dir)
                    assert there.read_text() == file.read_text(), file.name
        for key in (first.content_key.name, first.master_key.name):
            assert _of_registry(other, key) == _of_registry(first, key)
        assert list_keys(other) == list_keys(first)
        carried.take(other, text.encode())  # again, which changes nothing
        assert list_keys(other) == list_keys(first)


def test_a_database_is_first_sought_beside_whoever_asks(machine: Machines) -> None:
    first = machine.begun()
    text = carried.give(first)
    second = machine(2)
    carried.take(second, text.encode())
    provide(second)

    for layout, places in (
        (first, "@postgres:5432,postgres-2:5432/"),
        (second, "@postgres:5432,postgres-1:5432/"),
    ):
        url = (handed(layout.data_dir, "registry") / "registry.database-url").read_text()
        assert places in url
        assert "target_session_attrs=read-write&sslmode=verify-full" in url


def test_routes_and_the_pair_show_certificates_for_what_the_others_call_them(machine: Machines) -> None:
    first = machine.begun()

    assert names(first.nats / "route" / "server.pem") == {"nats-1"}
    assert "nats-1" in names(first.nats / "server.pem")
    assert "postgres-1" in names(handed(first.data_dir, "postgres") / "server.pem")
    configuration = (first.nats / "nats.conf").read_text()
    [routes] = re.findall(r"routes: \[ (.*) \]", configuration)
    assert re.findall(r"@(nats-\d:6222)", routes) == ["nats-2:6222", "nats-3:6222"]
    assert "verify: true" in configuration
    assert _handed(first, "postgres") == {
        "postgres-postgres.password",
        "postgres-ketnap_replicator.password",
        "ca.pem",
        "server.pem",
        "server.key",
    }


def test_secrets_that_were_taken_in_part_are_not_made_up_to_a_whole(
    machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = carried.give(machine.begun())
    other = machine(2)
    left = iter(range(8))

    def broken_off(path: Path, value: str) -> None:
        next(left)
        write_secret(path, value)

    monkeypatch.setattr(carried, "write_secret", broken_off)
    with pytest.raises(StopIteration):
        carried.take(other, text.encode())

    with pytest.raises(StackError, match="no secrets of a cluster"):
        provide(other)
    monkeypatch.undo()
    carried.take(machine(2), text.encode())
    assert carried.give(other) == text


def test_a_machine_without_secrets_gives_none(machine: Machines) -> None:
    with pytest.raises(StackError, match="no secrets"):
        carried.give(machine(2))


def test_the_third_machine_cannot_begin_a_cluster(machine: Machines) -> None:
    with pytest.raises(StackError, match="machine 1 or 2"):
        carried.begin(machine(3), Path("unused"))


def test_a_cluster_is_begun_once_and_on_no_machine_that_has_data(
    machine: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = machine.begun()
    with pytest.raises(StackError, match="already"):
        carried.begin(begun, begun.data_dir / "begins")

    alone = machine(1, "alone")
    monkeypatch.delenv("KETNAP_MACHINE")
    provide(alone)
    machine(1, "alone")
    with pytest.raises(StackError, match="stands alone"):
        carried.begin(alone, alone.data_dir / "begins")
    assert not (alone.data_dir / "begins").exists()


def test_the_secrets_of_another_installation_are_not_taken(machine: Machines) -> None:
    ours = machine.begun()
    before = _of_registry(ours, ours.master_key.name)
    theirs = carried.give(machine.begun("other"))
    machine(1)

    with pytest.raises(StackError, match="another installation"):
        carried.take(ours, theirs.encode())

    assert _of_registry(ours, ours.master_key.name) == before


@pytest.mark.parametrize("name", ["../../evil.key", "/etc/evil.key", "UPPER.key", "plain"])
def test_what_is_taken_lands_nowhere_but_among_the_secrets(machine: Machines, name: str) -> None:
    text = carried.give(machine.begun()).replace('"nats-system.seed"', f'"{name}"')
    other = machine(2)

    for broken in (text, "{}", "no json"):
        with pytest.raises(StackError, match="not what `carry give` gave"):
            carried.take(other, broken.encode())

    assert list(other.secrets.iterdir()) == []


def test_a_key_that_is_revoked_anywhere_is_revoked_everywhere_in_whatever_order(machine: Machines) -> None:
    first, second = machine(1), machine(2)
    kept, _ = add_key(first, "kept", "operator")
    ended, _ = add_key(first, "ended", "operator")
    join_keys(second, list_keys(first))
    elsewhere, _ = add_key(second, "elsewhere", "operator")
    revoke_keys(second, ended.id)

    one, other = machine(1, "one"), machine(1, "other")
    for layout, said in ((one, (first, second)), (other, (second, first))):
        for each in said:
            join_keys(layout, list_keys(each))

    assert list_keys(one) == list_keys(other)
    assert {each.id: each.revoked_at is None for each in list_keys(one)} == {
        kept.id: True,
        elsewhere.id: True,
        ended.id: False,
    }


def test_compose_finds_each_server_at_the_address_of_its_machine() -> None:
    text = COMPOSE.read_text(encoding="utf-8")

    found = dict(re.findall(r"- ((?:nats|postgres)-\d):\$\{KETNAP_MACHINE_(\d)", text))

    assert found == {name: name[-1] for name in ("nats-1", "nats-2", "nats-3", "postgres-1", "postgres-2")}


def _of_registry(layout: Layout, name: str) -> str:
    return (handed(layout.data_dir, "registry") / name).read_text()


def _handed(layout: Layout, server: str) -> set[str]:
    return {file.name for file in handed(layout.data_dir, server).iterdir()}
