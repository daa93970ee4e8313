"""A backup brings a system into containers, also from another version of PostgreSQL; it can be practised there.

It comes first of all tests of the installation, while that is still as on the first day.
"""

import json
import shutil
from pathlib import Path

import pytest

from deploy.stack.layout import Layout
from tests.deployment.installation import SERVICES, Installation
from tests.faults.system import System, eventually
from tests.given import admitted, enrolled, identified, new_uuid, organisation, root

PERSON = new_uuid()
PROFILED = identified(PERSON, "2022-02-01", "return-cell")
PROFILED["data"]["profile"] = {"sex": "female"}
HISTORY = [
    {**event, "source": "return"}
    for event in (
        root("return-root"),
        organisation("return-cell", parent="return-root"),
        enrolled(new_uuid(), "2022-01-01", "return-cell"),
        PROFILED,
        admitted(PERSON, "2022-05-01", "return-cell"),
    )
]
KEYS = ("--master-key", "/files/master.key", "--person-keys", "/files/persons.keys")


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of `ketnap up`, whose PostgreSQL is a later one than that in containers, with all that opens it."""
    away = tmp_path_factory.mktemp("away")
    system = System(tmp_path_factory.mktemp("up"))
    system.start()
    try:
        system.add_source("return", "return-root")
        events = away / "events.jsonl"
        events.write_text("".join(f"{json.dumps(each)}\n" for each in HISTORY), encoding="utf-8")
        seed = system.directory / "return.creds"
        for command in (
            ("publish", events, "--source", "return", "--creds", seed),
            ("key", "add", "an-office", "--role", "operator"),
            ("backup", away / "copy.age", "--new-key", away / "copy.key"),
            ("keys", "export", away / "persons.keys"),
        ):
            done = system.ketnap(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        shutil.copy(Layout(system.data_dir).master_key, away)
    finally:
        system.stop()
    for path in (away, *away.iterdir()):
        shutil.chown(path, 10001, 10001)  # as operations.md says of files that containers read
    for path in away.parents[:2]:
        path.chmod(path.stat().st_mode | 0o011)
    return away


async def test_a_backup_of_another_postgresql_comes_back_in_containers(
    installation: Installation, brought: Path
) -> None:
    restore = ("restore", "/files/copy.age", "--key", "/files/copy.key", *KEYS)
    with pytest.raises(AssertionError, match="stop them first"):
        installation.ketnap(*restore, files=brought)
    installation.compose("stop", *SERVICES)

    said = installation.ketnap(*restore, files=brought)

    assert "The log is back up to position 5" in said
    assert "1 keys of persons are back" in said
    with pytest.raises(AssertionError, match="never replaces"):
        installation.ketnap(*restore, files=brought)
    installation.up()
    totals = await eventually(
        lambda: installation.get("reporting", "/v1/organisations/return-root/totals", as_of="2022-12-31"),
        "reporting answers",
    )
    assert totals["members"]["total"] == 2
    assert "positions" in installation.ketnap("log", "verify"), "which opens the profile with the master key"
    assert {"an-office", "test"} <= set(installation.ketnap("key", "list").split())
    assert "return-root" in installation.ketnap("source", "list")
    kept = installation.inside("ls /var/lib/ketnap/secrets")
    assert {"content.key", "master.key"} == {
        each.partition(".until-")[0] for each in kept.split() if ".until-" in each
    }, "the keys of the first day are kept, apart from those that count"


def test_a_backup_is_taken_in_containers_and_its_return_is_practised_there(
    installation: Installation, brought: Path
) -> None:
    taken = installation.ketnap("backup", "/files/taken.age", "--new-key", "/files/taken.key", files=brought)
    returned = ("restore", "/files/taken.age", "--key", "/files/taken.key", *KEYS)

    drilled = installation.ketnap(*returned, "--drill", files=brought)

    assert "the log up to position 5" in taken
    assert "The log is back up to position 5" in drilled
    assert "that of the running system was at 5" in drilled
    assert "nothing of it is left" in drilled
