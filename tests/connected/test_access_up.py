"""`ketnap up` with keys: the first one locks all three services, which still work with one another."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.stack.layout import Layout
from tests.access_given import bearer
from tests.faults.system import System, eventually
from tests.given import organisation, root

SERVICES = {"reporting": "/v1/organisations", "registry": "/v1/sources", "notifier": "/v1/alerts"}


@dataclass
class Locked:
    """A running system with a source and two keys, the second one the source's."""

    system: System
    operator: str
    source: str
    before: set[int]

    async def answered(self, key: str | None) -> set[int]:
        """How the three services answer whoever shows this key."""
        return await answered(self.system, key)

    def logged(self) -> str:
        """All that the services wrote."""
        logs = Layout(self.system.data_dir).logs
        return "".join(file.read_text(encoding="utf-8") for file in logs.glob("*.log"))


async def answered(system: System, key: str | None) -> set[int]:
    headers = bearer(key) if key else {}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        return {(await client.get(f"{system.url(name)}{path}")).status_code for name, path in SERVICES.items()}


@pytest.fixture(scope="module")
async def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    system = System(tmp_path_factory.mktemp("access"))
    system.start()
    try:
        system.add_source("dien-bien", "root")
        before = await answered(system, None)
        first = system.ketnap("key", "add", "admin", "--role", "operator")
        assert (first.returncode, "every request needs a key" in first.stderr) == (0, True), first.stderr
        second = system.ketnap("key", "add", "system 1", "--role", "source", "--source", "dien-bien")
        assert (second.returncode, "every request" in second.stderr) == (0, False), second.stderr
        yield Locked(system, first.stdout.strip(), second.stdout.strip(), before)
    finally:
        if system.running:
            system.stop()


async def test_the_first_key_locks_all_services_while_they_run(locked: Locked) -> None:
    assert locked.before == {200}
    assert await locked.answered(None) == {401}
    assert await locked.answered(locked.operator) == {200}
    assert await locked.answered(locked.source) == {200}


async def test_commands_on_the_machine_and_services_among_each_other_go_on_working(locked: Locked) -> None:
    system = locked.system
    founding = system.directory / "founding.jsonl"
    lines = (json.dumps(each, ensure_ascii=False) for each in (root(), organisation("cell")))
    founding.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    creds = system.directory / "dien-bien.creds"
    for command in (
        ("validate", founding),
        ("publish", founding, "--source", "dien-bien", "--creds", creds),
        ("quarantine", "list"),
    ):
        done = system.ketnap(*command)
        assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
    # Reporting that knows nothing yet fetches the log from the registry, with the key of our services.
    system.kill("reporting")

    async def ready() -> bool | None:
        async with httpx.AsyncClient(trust_env=False, headers=bearer(locked.operator)) as client:
            try:
                found = await client.get(f"{system.url('reporting')}/v1/organisations/cell/totals")
                health = await client.get(f"{system.url('reporting')}/health/ready")
            except httpx.TransportError:
                return None
            return True if (found.status_code, health.status_code) == (200, 200) else None

    await eventually(ready, "reporting follows the log again")


async def test_keys_are_listed_but_shown_nowhere(locked: Locked) -> None:
    listed = locked.system.ketnap("key", "list").stdout

    assert all(name in listed for name in ("admin", "system 1", "ketnap-command-line"))
    for key in (locked.operator, locked.source):
        assert key[-43:] not in listed + locked.system.said + locked.logged()


async def test_a_revoked_key_and_the_keys_of_a_removed_source_count_no_more(locked: Locked) -> None:
    system = locked.system
    added = system.ketnap("key", "add", "for a day", "--role", "viewer", "--organisation", "root").stdout.strip()
    unknown = system.ketnap("key", "add", "x", "--role", "source", "--source", "nobody")
    early = system.ketnap("key", "add", "early", "--role", "viewer", "--organisation", "rooot")
    assert (early.returncode, "no organisation 'rooot' is on record yet" in early.stderr) == (0, True)
    assert early.stdout.startswith("ketnap_")
    assert (unknown.returncode, "no source nobody is registered" in unknown.stderr) == (1, True)

    assert system.ketnap("key", "revoke", "for a day").returncode == 0
    assert await locked.answered(added) == {401}

    assert "system 1" in system.ketnap("source", "remove", "dien-bien").stdout
    assert await locked.answered(locked.source) == {401}
    assert await locked.answered(locked.operator) == {200}


def test_without_a_key_it_is_not_served_to_others(tmp_path: Path) -> None:
    refused = System(tmp_path).ketnap("up", KETNAP_HTTP_HOST="0.0.0.0")  # noqa: S104 - to be refused

    assert refused.returncode == 1
    assert "ketnap key add" in refused.stderr
