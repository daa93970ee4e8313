"""The read log: whoever reads rows about persons, or figures by attribute, is on record, and stays there."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.access_given import Keys
from tests.conftest import Database
from tests.given import admitted, identified, new_uuid, organisation, root
from tests.integration.reporting_given import RunningReporting, running_reporting
from tests.until import until

YEAR = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def operator(keys: Keys) -> dict[str, str]:
    """Before reporting starts: without any key everybody on this machine may ask."""
    return keys.operator()


@pytest.fixture
async def reporting(database: Database, keys: Keys, operator: dict[str, str]) -> AsyncIterator[RunningReporting]:
    async with running_reporting(database, keys_path=keys.path) as running:
        person = new_uuid()
        await running.project(
            root(), organisation("cell"), identified(person, "2022-01-05"), admitted(person, "2022-06-01")
        )
        yield running


async def reads(reporting: RunningReporting, headers: dict[str, str], query: str = "") -> dict[str, Any]:
    answer = await reporting.http.get(f"/v1/reads?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_evidence_and_profiles_are_on_record_and_figures_are_not(
    reporting: RunningReporting, keys: Keys, operator: dict[str, str]
) -> None:
    viewer = keys.viewer("cell")
    await reporting.ask(f"cell/totals?{YEAR}", headers=viewer)
    await reporting.ask(f"cell/evidence?{YEAR}&measure=actuals.admissions", headers=viewer)
    await reporting.ask(f"cell/profile?{YEAR}&known_at=3", headers=viewer)
    await reporting.ask(f"cell/evidence?{YEAR}&measure=none", 400, viewer)
    await reporting.ask(f"root/evidence?{YEAR}&measure=actuals.admissions", 403, viewer)
    found = (await reads(reporting, operator))["reads"]
    assert [(each["report"], each["measure"], each["rows"], each["known_at"]) for each in found] == [
        ("evidence", "actuals.admissions", 1, 4),
        ("profile", None, None, 3),
    ]
    assert {(each["role"], each["organisation"], each["from"], each["as_of"]) for each in found} == {
        ("viewer", "cell", "2022-01-01", "2022-12-31")
    }
    assert len({each["key"] for each in found}) == 1


async def test_the_list_is_for_operators_and_comes_in_pages(
    reporting: RunningReporting, keys: Keys, operator: dict[str, str]
) -> None:
    viewer = keys.viewer("cell")
    for organisation_id in ("cell", "cell", "root"):
        headers = viewer if organisation_id == "cell" else operator
        await reporting.ask(f"{organisation_id}/profile?{YEAR}", headers=headers)
    assert (await reporting.http.get("/v1/reads", headers=viewer)).status_code == 403
    first = await reads(reporting, operator, "limit=2")
    rest = await reads(reporting, operator, f"limit=2&after={first['next']}")
    assert [each["organisation"] for each in first["reads"] + rest["reads"]] == ["cell", "cell", "root"]
    assert rest["next"] is None
    assert len((await reads(reporting, operator, "organisation=root"))["reads"]) == 1
    assert (await reads(reporting, operator, "since=2199-01-01"))["reads"] == []


async def test_a_page_waits_for_what_is_being_noted_and_so_leaves_no_entry_out(
    reporting: RunningReporting, operator: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on, commit = asyncio.Event(), asyncio.Event(), AsyncConnection.commit

    async def later(connection: AsyncConnection) -> None:
        monkeypatch.undo()
        reached.set()
        await go_on.wait()
        await commit(connection)

    monkeypatch.setattr(AsyncConnection, "commit", later)
    first = asyncio.create_task(reporting.ask(f"cell/profile?{YEAR}", headers=operator))
    await reached.wait()
    # It has a lower number, and is committed later.
    await reporting.ask(f"root/profile?{YEAR}", headers=operator)

    page = asyncio.create_task(reads(reporting, operator))
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    async def held_up_or_done() -> bool:
        return page.done() or bool((await database.fetch(waits))[0][0])

    await until(held_up_or_done, 30)
    go_on.set()
    await first

    assert [each["organisation"] for each in (await page)["reads"]] == ["cell", "root"]


async def test_what_cannot_be_noted_is_not_answered(
    reporting: RunningReporting, keys: Keys, database: Database
) -> None:
    await database.fetch("REVOKE INSERT ON reporting_person.read_log FROM ketnap_reporting")
    viewer = keys.viewer("cell")
    await reporting.ask(f"cell/evidence?{YEAR}&measure=actuals.admissions", 500, viewer)
    await reporting.ask(f"cell/totals?{YEAR}", 200, viewer)


@pytest.mark.parametrize("statement", ["UPDATE {} SET key = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_service_can_change_nothing_that_is_on_record(database: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await database.fetch(statement.format("reporting_person.read_log"), role="ketnap_reporting")
