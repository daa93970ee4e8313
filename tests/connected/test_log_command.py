"""`ketnap log verify` and `ketnap log export` on a running system, as an operator has them."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from tests.faults.system import System
from tests.given import admitted, identified, new_uuid, organisation, root


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system with 9 recorded events, one of them sealed, a duplicate, a rejected and a waiting one."""
    system = System(tmp_path_factory.mktemp("log-command"))
    system.start()
    try:
        system.add_source("dien-bien", "root")
        persons = [new_uuid() for _ in range(6)]
        first = [root(), organisation("cell"), *(identified(person, "2022-01-05") for person in persons)]
        first[2]["data"]["profile"] = {"sex": "female", "birth_year": 1990}
        _publish(system, *first, admitted(persons[0], "2022-06-01"))
        unknown = {**identified(new_uuid(), "2022-01-05"), "type": "None.v1"}
        _publish(system, first[3], unknown, admitted(new_uuid(), "2022-06-01"))
        yield system
    finally:
        if system.running:
            system.stop()


def _publish(system: System, *events: dict[str, Any]) -> None:
    file = system.directory / "events.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")
    system.ketnap("publish", file, "--source", "dien-bien", "--creds", system.directory / "dien-bien.creds")


def _chain(lines: list[bytes]) -> str:
    chain = bytes(32)
    for line in lines:
        chain = hashlib.sha256(chain + line.rstrip(b"\n")).digest()
    return chain.hex()


async def _do(system: System, statement: str) -> None:
    connection = await asyncpg.connect(system.addresses.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_a_healthy_system_passes_and_exports_what_its_registry_serves(system: System) -> None:
    file = system.directory / "whole.jsonl"

    verified = system.ketnap("log", "verify", "--json")
    exported = system.ketnap("log", "export", "--output", file)

    assert (verified.returncode, exported.returncode) == (0, 0), verified.stdout + exported.stderr
    account = json.loads(verified.stdout)
    looked_at = {check["check"]: check["looked_at"] for check in account["checks"]}
    assert (account["ok"], account["position"]) == (True, 9)
    assert (looked_at["positions"], looked_at["hashes"], looked_at["streams"]) == (9, 10, 12)
    lines = file.read_bytes().splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == await system.log()
    assert account["chain"] == _chain(lines)
    assert exported.stderr.endswith(f"9 events, positions 1 to 9, chain {_chain(lines)}\n")


def test_a_part_of_the_log_is_printed_and_wrong_usage_is_told(system: System) -> None:
    whole = (system.directory / "whole.jsonl").read_bytes().splitlines(keepends=True)

    part = system.ketnap("log", "export", "--after", "3", "--until", "5")
    refused = system.ketnap("log", "verify", "--anchor", "9")

    assert part.stdout.encode() == b"".join(whole[3:5])
    assert part.stderr.endswith(f"2 events, positions 4 to 5, chain {_chain(whole[3:5])}\n")
    assert (refused.returncode, "POSITION:CHAIN" in refused.stderr) == (2, True)


async def test_what_another_version_folded_otherwise_is_made_anew_while_the_system_runs(system: System) -> None:
    """That nothing of it is left, the next test says."""
    await _do(system, "UPDATE registry.headcount SET amount = amount + 1")

    refolded = system.ketnap("log", "refold")

    assert refolded.returncode == 0, refolded.stderr
    assert refolded.stdout.startswith("made anew: 1 headcounts\nNext, for each source: ketnap quarantine retry")


async def test_what_a_stream_holds_and_the_tables_do_not_is_found(system: System) -> None:
    """Last in this file: what it breaks stays broken."""
    await _do(system, "DELETE FROM registry.refused WHERE outcome = 'rejected'")
    await _do(system, "UPDATE registry.quarantine SET event_id = gen_random_uuid()")

    table = system.ketnap("log", "verify")
    verified = system.ketnap("log", "verify", "--json")

    assert (table.returncode, verified.returncode) == (1, 1)
    checks = json.loads(verified.stdout)["checks"]
    found = {each["check"]: each for each in checks if not each["ok"]}
    marks = re.findall(r"│ (ok|FAULT)\b", table.stdout)
    assert marks == ["ok" if each["ok"] else "FAULT" for each in checks]
    assert set(found) == {"rows", "whole-messages", "outcome-counts", "streams"}
    assert "dien-bien message 2 holds 3 events, 2 have an outcome" in found["streams"]["examples"]
    assert any("its outcome (quarantined) is of" in each for each in found["streams"]["examples"])
