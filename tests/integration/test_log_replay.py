"""`ketnap log verify` folds the whole log anew: the tables that decisions need say the same, or are named.

`ketnap log refold` makes them say it.
"""

import asyncio
import random
from typing import Any

import asyncpg
import pytest

from services.registry.lease import Fenced
from services.registry.refolding import NotRefolded, refold
from services.registry.sealing import Sealer
from services.registry.verification import replay
from services.registry.writer import Writer
from shared.runtime.database import create_engine
from tests.conftest import Database
from tests.given import admitted, balance, enrolled, event, identified, organisation, root, target
from tests.integration.test_log_verification import CONTENT_KEY, MASTER_KEY, faults, tampering, verify, write
from tests.integration.test_registry_log import message
from tests.unit.registry import test_any_order as any_order
from tests.until import until

FIRST = "11111111-0000-4000-8000-000000000000"
SECOND = "22222222-0000-4000-8000-000000000000"
MOVED = "33333333-0000-4000-8000-000000000000"


def corrected(original: dict[str, Any], replacement: dict[str, Any] | None) -> dict[str, Any]:
    data = {"corrects": original["id"], "replacement": replacement, "reason": "other"}
    return event("FactCorrected", original["subject"], original["effectiveon"], data)


def reorganised() -> list[dict[str, Any]]:
    """A history with a merger, a split, two ids of one person, transfers, and corrections of early facts."""
    sent = {"from": "cell", "to": "heir", "kind": "official"}
    wrong = target("cell", target_id="slip", to="2022-06-30")
    first = identified(FIRST, "2022-01-05")
    moved = event("TransferInitiated", f"person/{MOVED}", "2022-07-01", sent)
    split = {"allocations": [{"organisation_id": "new", "person_ids": [MOVED]}]}
    return [
        root(),
        *(organisation(each) for each in ("cell", "heir", "new", "source")),
        balance("source", "2021-01-01", 7),
        target("heir"),
        wrong,
        corrected(wrong, {"data": {**wrong["data"], "target_id": "right"}}),
        first,
        admitted(FIRST, "2022-06-01"),
        corrected(first, {"effectiveon": "2022-02-05"}),
        enrolled(SECOND, "2022-02-01", "source"),
        enrolled(MOVED, "2022-02-01"),
        moved,
        event("TransferAccepted", f"person/{MOVED}", "2022-07-20",
              {"organisation_id": "heir", "presented_on": "2022-07-20"}),
        event("PersonsLinked", f"person/{FIRST}", "2023-01-01", {"other_person_id": SECOND}),
        event("MemberConfirmed", f"person/{SECOND}", "2023-06-01", {"official_from": "2023-06-01"}),
        event("OrganisationSplit", "organisation/heir", "2024-01-01", split),
        event("OrganisationsMerged", "organisation/heir", "2025-07-01", {"sources": ["source"], "targets": "sum"}),
        corrected(moved, None),
    ]  # fmt: skip


async def recorded(database: Database, *events: dict[str, Any]) -> None:
    """One message for each: what is late then arrives late."""
    await write(database, *(message(number, one) for number, one in enumerate(events, start=1)))
    waiting = await database.fetch("SELECT type, message FROM registry.quarantine")
    assert [tuple(row) for row in waiting] == []
    (count,) = await database.fetch("SELECT count(*) FROM registry.log")
    assert count["count"] == len(events)


@pytest.mark.parametrize("page", [1, 3, 500])
async def test_a_history_with_reorganisations_and_corrections_passes(
    database: Database, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(replay, "SUBJECTS", page)
    await recorded(database, *reorganised())

    account = await verify(database)

    assert faults(account) == {}
    looked_at = {check.name: check.looked_at for check in account.checks}
    assert looked_at["folds"] == 8
    assert looked_at["successions"] == 1
    assert looked_at["targets"] == 3
    assert looked_at["travellers"] == 2
    assert looked_at["also-about"] == 3


@pytest.mark.parametrize("seed", range(4))
async def test_a_history_in_any_order_passes(database: Database, seed: int) -> None:
    chosen = random.Random(seed)
    events = any_order.history(chosen)
    chosen.shuffle(events)
    await recorded(database, *events)

    assert faults(await verify(database)) == {}


@pytest.mark.parametrize("page", [1, 500])
async def test_a_target_that_is_assigned_to_another_since_the_first_time_counts_nothing_passes(
    database: Database, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(replay, "SUBJECTS", page)
    slips = [target("zone", target_id="t"), target("cell", target_id="u")]
    meant = [target("cell", target_id="t", to="2022-06-30"), target("zone", target_id="u", to="2022-06-30")]
    taken_back = [corrected(slip, None) for slip in slips]
    await recorded(database, root(), organisation("cell"), organisation("zone"), *slips, *taken_back, *meant)

    account = await verify(database)

    assert faults(account) == {}
    assert next(check.looked_at for check in account.checks if check.name == "targets") == 2


async def refolded(database: Database) -> dict[str, int]:
    """What had to be made anew."""
    engine = create_engine(database.url(), "test")
    try:
        return await refold(engine, lambda done, total: None)
    finally:
        await engine.dispose()


async def state(database: Database) -> dict[str, list[Any]]:
    """All that the registry keeps of the log for its decisions."""
    tables = ("subject", "succession", "target", "headcount", "traveller", "also_about")
    rows = {table: await database.fetch(f"SELECT * FROM registry.{table}") for table in tables}  # noqa: S608 - ours
    return {table: sorted(tuple(row) for row in found) for table, found in rows.items()}


# What is done to the tables, the check that must find it, and what it must name.
TAMPERING = [
    pytest.param(
        "UPDATE registry.subject SET folded = convert_to(replace(convert_from(folded, 'UTF8'), 'official', "
        "'probationary'), 'UTF8') WHERE subject LIKE 'person/11111111-%'",
        "folds", f"person/{FIRST}: 4 facts", id="a changed fold",
    ),
    pytest.param(
        "DELETE FROM registry.subject WHERE subject LIKE 'person/33333333-%'",
        "folds", f"person/{MOVED}: on the log, and without a fold", id="a deleted fold",
    ),
    pytest.param(
        "INSERT INTO registry.subject SELECT 'person/x', folded FROM registry.subject "
        "WHERE subject LIKE 'person/33333333-%'",
        "folds", "person/x: 0 facts", id="a fold of nobody",
    ),
    pytest.param(
        "UPDATE registry.succession SET day = day + 1",
        "successions", "source: heir from 2025-07-02, targets sum is kept, expected heir from 2025-07-01",
        id="a changed succession",
    ),
    pytest.param(
        "DELETE FROM registry.succession",
        "successions", "source: no succession is kept, expected heir", id="a deleted succession",
    ),
    pytest.param(
        "UPDATE registry.target SET organisation_id = 'new' WHERE target_id = 'right'",
        "targets", "right is kept as new's, expected cell's", id="a changed owner of a target",
    ),
    pytest.param(
        "INSERT INTO registry.target VALUES ('extra', 'cell')",
        "targets", "4 targets are kept, 3 were assigned", id="a target that nobody assigned",
    ),
    pytest.param(
        "UPDATE registry.headcount SET amount = amount + 1 WHERE measure = 'balance.official'",
        "headcounts", "source: what is kept", id="a changed head count",
    ),
    pytest.param(
        "UPDATE registry.headcount SET day = day + 1 WHERE measure = 'balance.official'",
        "headcounts", "source: what is kept", id="a head count of another day",
    ),
    pytest.param("DELETE FROM registry.traveller", "travellers", "cell: what is kept", id="deleted travellers"),
    pytest.param(
        "DELETE FROM registry.also_about WHERE subject LIKE 'organisation/%'",
        "also-about", "organisation/source: what is kept", id="a merger that its source knows nothing of",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "check", "told"), TAMPERING)
async def test_a_changed_table_is_found_and_named(
    database: Database, statement: str, check: str, told: str
) -> None:
    await recorded(database, *reorganised())
    before = await state(database)
    await database.fetch(statement)

    found = faults(await verify(database))

    assert any(told in example for example in found[check].examples), found
    assert check in await refolded(database)
    assert await state(database) == before


async def test_a_registry_that_writes_stands_by_for_a_refold_and_goes_on_after_it(database: Database) -> None:
    await recorded(database, root(), organisation("cell"), identified(FIRST, "2022-01-05"))
    engine = create_engine(database.url("ketnap_registry"), "test")
    try:
        writer = Writer(engine, Sealer(MASTER_KEY), CONTENT_KEY)
        await writer.start()
        await database.fetch("DELETE FROM registry.headcount")

        assert await refolded(database) == {"headcounts": 1}

        next_one = message(4, identified(SECOND, "2022-01-06"))
        with pytest.raises(Fenced):
            await writer.write([next_one])
        await writer.start()
        await writer.write([next_one])
        await writer.step_down()
    finally:
        await engine.dispose()
    assert faults(await verify(database)) == {}
    assert await refolded(database) == {}


async def test_a_refold_that_could_not_look_at_everything_changes_nothing(database: Database) -> None:
    await recorded(database, root(), organisation("cell"), identified(FIRST, "2022-01-05"))
    await database.fetch("DELETE FROM registry.headcount")
    before = await state(database)
    await database.fetch("ALTER TABLE registry.traveller RENAME TO elsewhere")

    with pytest.raises(NotRefolded, match="travellers: could not be checked"):
        await refolded(database)

    await database.fetch("ALTER TABLE registry.elsewhere RENAME TO traveller")
    assert await state(database) == before


async def test_a_refold_beside_which_another_registry_took_over_changes_nothing(database: Database) -> None:
    await recorded(database, root(), organisation("cell"), identified(FIRST, "2022-01-05"))
    await database.fetch("DELETE FROM registry.headcount")
    before = await state(database)
    other = await asyncpg.connect(database.url())
    try:
        await other.execute("BEGIN; LOCK registry.headcount IN ACCESS EXCLUSIVE MODE")
        refolding = asyncio.create_task(refolded(database))
        waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'registry.headcount'::regclass"
        await until(lambda: database.fetch(waits))
        await database.fetch("UPDATE registry.head SET epoch = epoch + 1")
        await other.execute("ROLLBACK")

        with pytest.raises(Fenced):
            await refolding
    finally:
        await other.close()
    assert await state(database) == before


async def test_candidates_that_an_earlier_version_counted_by_stage_are_as_many(database: Database) -> None:
    await recorded(database, root(), organisation("cell"), identified(FIRST, "2022-01-05"))
    await database.fetch("DELETE FROM registry.headcount WHERE measure = 'candidates.open'")
    await database.fetch(
        "INSERT INTO registry.headcount VALUES ('cell', 'candidates.identified', '2022-01-05', 1),"
        "('cell', 'candidates.identified', '2022-01-20', -1), ('cell', 'candidates.listed', '2022-01-20', 1)"
    )
    listed = event("CandidateListed", f"person/{FIRST}", "2022-01-20", {})
    closed = event("OrganisationDissolved", "organisation/cell", "2022-02-01", {})

    await write(database, message(4, listed, closed))

    assert faults(await verify(database)) == {}
    (waiting,) = await database.fetch("SELECT message FROM registry.quarantine")
    assert "expected no open candidates left in cell" in waiting["message"]


async def test_a_fact_that_is_gone_from_the_log_is_missed_in_the_folds(database: Database) -> None:
    await recorded(database, *reorganised())
    async with tampering(database):
        await database.fetch("DELETE FROM registry.log WHERE position = 11")

    found = faults(await verify(database))

    assert any(f"person/{FIRST}:" in example for example in found["folds"].examples)
    assert any("cell: what is kept" in example for example in found["headcounts"].examples)
