"""The log in PostgreSQL: closed to changes, gapless, and the same whatever the turns."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deploy.stack.keys import new_seed
from services.registry import lease
from services.registry.api.readings import PAGE_BYTES, SQL, Readings
from services.registry.deliveries import Message, SourceProgress
from services.registry.lease import Fenced
from services.registry.reading import read_message
from services.registry.sealing import Sealer
from services.registry.service import Registry
from services.registry.settings import RegistrySettings
from services.registry.store_reader import StoreReader
from services.registry.writer import Writer
from shared.events.receipts import Reason
from shared.runtime.database import create_engine
from tests.conftest import Database
from tests.given import admitted, encoded, event, identified, new_uuid, organisation, root, target
from tests.unit.registry.test_any_order import history
from tests.until import until


async def started(database: Database) -> Writer:
    """A writer that has taken over, with the source `dien-bien` registered."""
    await database.fetch(
        "INSERT INTO registry.source (source, root, public_key) VALUES ('dien-bien', 'root', '') "
        "ON CONFLICT DO NOTHING"
    )
    # As if an earlier writer had said nothing for longer than its lease.
    await database.fetch("UPDATE registry.lease SET until = '-infinity'")
    engine = create_engine(database.url("ketnap_registry"), "test")
    ENGINES.append(engine)
    writer = Writer(engine, Sealer(b"m" * 32), b"k" * 32)
    await writer.start()
    return writer


ENGINES: list[AsyncEngine] = []
"""Of writers that a test began: one that was replaced would be found as garbage with its connection open."""


@pytest.fixture(autouse=True)
async def disposed() -> AsyncIterator[None]:
    yield
    while ENGINES:
        await ENGINES.pop().dispose()


def message(sequence: int, *events: dict[str, object]) -> Message:
    return Message("dien-bien", sequence, sequence - 1, "batch", encoded(events))


STATE = """
SELECT (SELECT json_agg((subject, encode(folded, 'escape')) ORDER BY subject) FROM registry.subject)::text,
       (SELECT json_agg(h ORDER BY organisation_id, measure, day)
        FROM registry.headcount h WHERE amount <> 0)::text
"""


@pytest.mark.parametrize("seed", range(12))
async def test_arrival_in_any_order_over_any_turns_ends_in_the_same_tables(database: Database, seed: int) -> None:
    chosen = random.Random(seed)
    events = history(chosen)
    writer = await started(database)
    shuffled = [*events, *chosen.choices(events, k=4)]
    chosen.shuffle(shuffled)
    for sequence, one in enumerate(shuffled, start=1):
        await writer.write([message(sequence, one)])
    found = (await database.fetch(STATE))[0]
    rows = await database.fetch("SELECT position FROM registry.log ORDER BY 1")
    positions = [row["position"] for row in rows]
    assert positions == list(range(1, len(events) + 1))

    await database.fetch("TRUNCATE registry.subject, registry.headcount, registry.target, registry.succession")
    await database.fetch("ALTER TABLE registry.log DISABLE TRIGGER ALL", role="ketnap_owner")
    await database.fetch("TRUNCATE registry.log, registry.refused, registry.quarantine")
    await database.fetch("UPDATE registry.source SET settled = 0")
    in_one_turn = await started(database)
    await in_one_turn.write([message(1, *events)])

    assert (await database.fetch(STATE))[0] == found


@pytest.mark.parametrize("statement", ["UPDATE registry.log SET type = ''", "DELETE FROM registry.log"])
async def test_the_log_is_closed_to_update_and_delete(database: Database, statement: str) -> None:
    writer = await started(database)
    await writer.write([message(1, root())])
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
        await database.fetch(statement, role="ketnap_registry")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the log is closed"):
        await database.fetch(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="the log is closed"):
        await database.fetch("TRUNCATE registry.log")


async def test_other_services_cannot_read_the_registrys_tables(database: Database) -> None:
    for role in ("ketnap_reporting", "ketnap_notifier"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await database.fetch("SELECT * FROM registry.log", role=role)


async def test_a_message_that_comes_again_is_the_same_delivery(database: Database) -> None:
    writer = await started(database)
    await writer.write([message(1, root())])
    await writer.write([message(1, root()), message(2, organisation("cell"))])
    rows = await database.fetch("SELECT stream_sequence, outcome FROM registry.delivery ORDER BY 1")
    assert [tuple(row) for row in rows] == [(1, "recorded"), (2, "recorded")]


async def test_a_message_is_not_written_before_the_one_before_it(database: Database) -> None:
    writer = await started(database)
    await writer.write([message(2, organisation("cell"))])
    assert writer.sources["dien-bien"].settled == 0
    await writer.write([message(1, root()), message(2, organisation("cell"))])
    after_a_hole = Message("dien-bien", 9, 2, "batch", encoded([organisation("other")]))
    await writer.write([after_a_hole])
    rows = await database.fetch("SELECT stream_sequence FROM registry.log ORDER BY position")
    assert [row["stream_sequence"] for row in rows] == [1, 2, 9]


async def test_a_replaced_writer_writes_nothing(database: Database) -> None:
    old = await started(database)
    await old.write([message(1, root())])
    new = await started(database)
    await new.write([message(2, organisation("cell"))])
    with pytest.raises(Fenced):
        await old.write([message(2, organisation("other"))])
    rows = await database.fetch("SELECT subject FROM registry.log ORDER BY position")
    assert [row["subject"] for row in rows] == ["organisation/root", "organisation/cell"]


async def test_while_a_writer_renews_its_lease_others_stand_by(database: Database) -> None:
    first = await started(database)
    engine = create_engine(database.url("ketnap_registry"), "second")
    second = Writer(engine, Sealer(b"m" * 32), b"k" * 32)
    with pytest.raises(Fenced, match="stands by"):
        await second.start()
    await first.start()
    await first.step_down()
    await second.start()
    with pytest.raises(Fenced):
        await first.write([message(1, root())])
    with pytest.raises(Fenced):
        await first.recover()
    await second.write([message(1, root())])
    assert second.sources["dien-bien"].settled == 1


async def test_a_writer_that_begins_anew_is_not_taken_for_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = await started(database)
    renew, take_over = lease.renew, lease.take_over
    told: asyncio.Queue[str] = asyncio.Queue()

    async def renewing(engine: AsyncEngine, epoch: int) -> str | None:
        try:
            newest = await renew(engine, epoch)
        except Fenced:
            told.put_nowait("fenced")
            raise
        told.put_nowait("renewed")
        return newest

    async def renewed_before_it_is_known(engine: AsyncEngine, epoch: int | None) -> lease.Head:
        head = await take_over(engine, epoch)
        async with asyncio.timeout(30):
            while await told.get() != "fenced":
                pass
        return head

    monkeypatch.setattr("services.registry.writer.RENEW", 0.0)
    monkeypatch.setattr(lease, "renew", renewing)
    monkeypatch.setattr(lease, "take_over", renewed_before_it_is_known)
    leading = asyncio.create_task(writer.lead())
    try:
        await writer.start()
        async with asyncio.timeout(30):
            while not leading.done() and await told.get() != "renewed":
                pass
        assert not leading.done()
    finally:
        leading.cancel()
        await asyncio.wait({leading})


async def test_a_profile_opens_again_for_the_rules_when_its_event_is_released(database: Database) -> None:
    writer = await started(database)
    person = new_uuid()
    young = admitted(person, "2022-06-01")
    young["data"]["profile"] = {"birth_year": 2010}
    await writer.write([message(1, young)])
    await writer.write([message(2, root(), organisation("cell"), identified(person, "2022-01-01"))])
    (row,) = await database.fetch(
        "SELECT findings::text, event::text FROM registry.log WHERE event_id = $1", UUID(young["id"])
    )
    assert "age-out-of-range" in row["findings"]
    assert "2010" not in row["event"]
    (count,) = await database.fetch(
        "SELECT sum(number) FILTER (WHERE outcome = 'recorded') AS recorded, "
        "sum(number) FILTER (WHERE outcome = 'quarantined') AS quarantined FROM registry.outcome_count"
    )
    assert tuple(count) == (4, 0)


async def test_what_waits_since_an_earlier_turn_may_turn_out_to_be_someone_elses(database: Database) -> None:
    await database.fetch(
        "INSERT INTO registry.source (source, root, public_key) VALUES ('son-la', 'son-la-root', '')"
    )
    writer = await started(database)
    hopeful = identified(new_uuid(), "2022-01-01", "new-cell")
    await writer.write([message(1, root(), hopeful)])
    theirs = [
        root("son-la-root", source="son-la"),
        organisation("new-cell", parent="son-la-root", source="son-la"),
    ]
    await writer.write([Message("son-la", 1, 0, "batch", encoded(theirs))])
    rows = await database.fetch(
        "SELECT outcome, code FROM registry.delivery WHERE event_id = $1", UUID(hopeful["id"])
    )
    assert [tuple(row) for row in rows] == [("rejected", "foreign-organisation")]


async def test_a_writer_that_takes_over_releases_what_waited_before(database: Database) -> None:
    early = identified(new_uuid(), "2022-01-01", "new-cell")
    await (await started(database)).write([message(1, root(), early)])
    follower = await started(database)
    await follower.write([message(2, organisation("other"))])
    await follower.write([message(3, organisation("new-cell"))])
    rows = await database.fetch("SELECT stream_sequence FROM registry.log ORDER BY position")
    assert [row["stream_sequence"] for row in rows] == [1, 2, 3, 1]


async def test_a_turn_that_fails_leaves_nothing_in_memory(database: Database) -> None:
    writer = await started(database)
    await writer.write([message(1, root(), organisation("cell"), organisation("heir"))])
    ended = event("OrganisationDissolved", "organisation/cell", "2024-01-01", {"successor_id": "heir"})
    await database.fetch("ALTER TABLE registry.log ADD CONSTRAINT broken CHECK (position < 5)")
    with pytest.raises(asyncpg.CheckViolationError):
        await writer.write([message(2, ended, organisation("other"))])
    await writer.recover()
    after = admitted(new_uuid(), "2024-02-01", "heir")
    await writer.write([message(2, identified(after["subject"][7:], "2024-01-15", "cell"))])
    rows = await database.fetch("SELECT subject, position FROM registry.log ORDER BY position")
    assert [row["position"] for row in rows] == [1, 2, 3, 4]
    assert await database.fetch("SELECT * FROM registry.succession") == []
    counts = await database.fetch("SELECT organisation_id, amount FROM registry.headcount")
    assert [tuple(row) for row in counts] == [("cell", 1)]


def test_sequences_are_kept_as_ranges_and_the_oldest_holes_are_forgotten() -> None:
    source = SourceProgress("dien-bien", "root", 0, None, [], [])
    for number in (5, 1, 2, 4, 2, 3, 9, 8):
        source.see(number)
    assert source.sequences == [(1, 5), (8, 9)]
    for number in range(100, 100_000, 10):
        source.see(number)
    assert len(source.sequences) == 1000
    assert source.sequences[-1] == (99_990, 99_990)


async def test_a_number_counts_as_seen_whatever_became_of_its_event(database: Database) -> None:
    writer = await started(database)
    given = [
        root(sequence="1"),
        organisation("cell", sequence="2"),
        admitted(new_uuid(), "2022-06-01", sequence="3"),
        {**identified(new_uuid(), "2022-01-05", sequence="4"), "specversion": "2.0"},
        {**identified(new_uuid(), "2022-01-05", sequence="5"), "type": "Unheard.v1"},
        {**identified(new_uuid(), "2022-01-05", sequence="8"), "source": "son-la"},
    ]
    await writer.write([message(1, *given)])

    (source,) = await database.fetch("SELECT sequences FROM registry.source WHERE source = 'dien-bien'")
    assert json.loads(source["sequences"]) == [[1, 5]]


@pytest.mark.parametrize("asked_before", [False, True])
async def test_a_repeat_is_told_as_one_whether_or_not_the_log_is_asked_beforehand(
    database: Database, asked_before: bool
) -> None:
    writer = await started(database)
    person, other = new_uuid(), new_uuid()
    candidate, joined = identified(person, "2022-01-05"), admitted(person, "2022-06-01")
    early = admitted(other, "2022-06-01")
    await writer.write([message(1, root(), organisation("cell"), candidate, joined, early)])
    if asked_before:
        await writer.write([message(2, candidate)])
    changed = {**candidate, "data": {**candidate["data"], "categories": ["worker"]}}
    foreign = {**candidate, "id": joined["id"], "subject": "person/of-no-such-form"}
    again = [identified(new_uuid(), "2022-01-06"), candidate, joined, early, changed, foreign]

    await writer.write([message(3 if asked_before else 2, *again)])

    (newest,) = await database.fetch("SELECT max(stream_sequence) AS sequence FROM registry.delivery")
    rows = await database.fetch(
        "SELECT outcome, code, position FROM registry.delivery WHERE stream_sequence = $1 ORDER BY batch_index",
        newest["sequence"],
    )
    assert [tuple(row) for row in rows] == [
        ("recorded", None, 5),
        ("duplicate", None, 3),
        ("duplicate", None, 4),
        ("duplicate", None, None),
        ("rejected", "id-conflict", None),
        ("rejected", "not-a-cloudevent", None),
    ]
    (counts,) = await database.fetch("SELECT sum(number) AS number FROM registry.outcome_count")
    assert counts["number"] == 11 + asked_before


def many(number: int) -> list[dict[str, object]]:
    """Candidates, more than one piece of the log's COPY holds."""
    return [identified(new_uuid(), "2022-01-05") for _ in range(number)]


async def test_a_repeat_in_the_middle_of_a_long_turn_is_told_as_one(database: Database) -> None:
    writer = await started(database)
    known = identified(new_uuid(), "2022-01-05")
    await writer.write([message(1, root(), organisation("cell"), known)])

    await writer.write([message(2, *many(300), known, *many(300)), message(3, known, *many(300))])

    rows = await database.fetch("SELECT position FROM registry.log ORDER BY position")
    assert [row["position"] for row in rows] == list(range(1, 904))
    refused = await database.fetch("SELECT stream_sequence, batch_index, outcome, position FROM registry.refused")
    assert sorted(map(tuple, refused)) == [(2, 300, "duplicate", 3), (3, 0, "duplicate", 3)]
    (folds,) = await database.fetch("SELECT count(*) FROM registry.subject WHERE subject LIKE 'person/%'")
    assert folds["count"] == 901


async def test_a_long_turn_that_postgresql_refuses_is_kept_in_no_part_and_can_be_written_again(
    database: Database,
) -> None:
    writer = await started(database)
    await writer.write([message(1, root(), organisation("cell"))])
    await database.fetch("ALTER TABLE registry.log ADD CONSTRAINT broken CHECK (position < 400)")
    turn = message(2, *many(900))

    with pytest.raises(asyncpg.CheckViolationError):
        await writer.write([turn])

    rows = await database.fetch("SELECT position FROM registry.log ORDER BY position")
    assert [row["position"] for row in rows] == [1, 2]
    await database.fetch("ALTER TABLE registry.log DROP CONSTRAINT broken")
    await writer.recover()
    await writer.write([turn])
    (last,) = await database.fetch("SELECT count(*), max(position) FROM registry.log")
    assert tuple(last) == (902, 902)


async def test_a_long_turn_that_cannot_be_decided_is_kept_in_no_part(database: Database) -> None:
    writer = await started(database)
    await writer.write([message(1, root(), organisation("cell"))])
    late = [identified(new_uuid(), "2022-01-05") for _ in range(2)]
    # A decision about a late fact reads the timeline, of which nothing can be made here.
    await writer.write([message(2, *late)])
    await database.fetch("ALTER TABLE registry.also_about RENAME TO elsewhere")
    earlier = event("TrainingCompleted", late[0]["subject"], "2021-01-05",
                    {"certificate_ref": "1", "issued_on": "2021-01-05"})  # fmt: skip
    turn = message(3, *many(500), earlier)

    with pytest.raises(DBAPIError):
        await writer.write([turn])

    (last,) = await database.fetch("SELECT count(*), max(position) FROM registry.log")
    assert tuple(last) == (4, 4)
    await database.fetch("ALTER TABLE registry.elsewhere RENAME TO also_about")
    await writer.recover()
    await writer.write([turn])
    (last,) = await database.fetch("SELECT count(*), max(position) FROM registry.log")
    assert tuple(last) == (505, 505)


async def test_what_is_recorded_while_it_is_validated_is_judged_as_of_one_moment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = await started(database)
    await writer.write([message(1, root())])
    sent, held = target("root", value=2), StoreReader.held

    async def recorded_meanwhile(reader: StoreReader, ids: Any) -> Any:
        monkeypatch.undo()
        found = await held(reader, ids)
        await writer.write([message(2, sent)])
        return found

    monkeypatch.setattr(StoreReader, "held", recorded_meanwhile)
    before = await writer.validate(list(read_message(message(9, sent))))
    after = await writer.validate(list(read_message(message(9, sent))))

    assert [each.outcome for each in (*before, *after)] == ["recorded", "duplicate"]


async def test_questions_that_take_long_however_many_keep_nothing_from_being_recorded(database: Database) -> None:
    await started(database)
    await database.fetch("UPDATE registry.lease SET until = '-infinity'")
    settings = RegistrySettings(
        database_url=database.url("ketnap_registry"), nats_url="", nats_seed=new_seed(), content_key="c0" * 32,
        master_key="5e" * 32,
    )  # fmt: skip
    registry, holding = Registry(settings), await asyncpg.connect(database.url())
    ENGINES.extend((registry.engine, registry.answering))
    await registry.writer.start()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'registry.refused'::regclass"
    async with holding.transaction():
        # Whoever asks for receipts waits for this, and whoever records an event does not.
        await holding.execute("LOCK TABLE registry.refused IN ACCESS EXCLUSIVE MODE")
        asked = [asyncio.create_task(registry.readings.receipts("dien-bien", 0, 10)) for _ in range(20)]

        async def many_wait() -> bool:
            return bool((await database.fetch(waiting))[0][0] >= 8)

        await until(many_wait)

        async with asyncio.timeout(10):
            await registry.writer.write([message(1, root())])

    assert [len(receipts) for receipts, _ in await asyncio.gather(*asked)] == [1] * 20
    await holding.close()


async def test_an_event_is_told_with_its_outcome_of_the_same_moment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = await started(database)
    early = identified(new_uuid(), "2022-03-01", "cell")
    await writer.write([message(1, root(), early)])
    execute = AsyncConnection.execute

    async def released_meanwhile(connection: AsyncConnection, statement: Any, *asked: Any) -> Any:
        found = await execute(connection, statement, *asked)
        if statement is SQL["outcome"]:
            monkeypatch.undo()
            await writer.write([message(2, organisation("cell"))])
        return found

    monkeypatch.setattr(AsyncConnection, "execute", released_meanwhile)
    told = [await Readings(ENGINES[-1]).outcome("dien-bien", UUID(early["id"])) for _ in range(2)]

    assert [(each["outcome"], each["event"] is None) for each in told if each] == [
        ("quarantined", True),
        ("recorded", False),
    ]


async def test_a_writer_that_was_replaced_writes_no_long_turn_either(database: Database) -> None:
    first = await started(database)
    await first.write([message(1, root(), organisation("cell"))])
    second = await started(database)

    with pytest.raises(Fenced):
        await first.write([message(2, *many(600))])

    await second.write([message(2, *many(600))])
    (last,) = await database.fetch("SELECT count(*), max(position) FROM registry.log")
    assert tuple(last) == (602, 602)


async def test_an_event_that_waits_is_known_by_its_id_after_a_take_over_too(database: Database) -> None:
    writer = await started(database)
    early = admitted(new_uuid(), "2022-06-01")
    await writer.write([message(1, root(), organisation("cell"), early)])
    second = await started(database)

    await second.write([message(2, early, {**early, "effectiveon": "2022-06-02"})])

    rows = await database.fetch("SELECT outcome, code FROM registry.refused ORDER BY batch_index")
    assert [tuple(row) for row in rows] == [("duplicate", None), ("rejected", "id-conflict")]


@pytest.mark.parametrize("limit", [7, 1000])
async def test_a_page_of_large_events_is_short_and_says_where_it_goes_on(database: Database, limit: int) -> None:
    await database.fetch(
        "INSERT INTO registry.log (position, recordedat, source, event_id, stream_sequence, batch_index, type, "
        "subject, content_hash, event) SELECT n, now(), 'dien-bien', gen_random_uuid(), n, 0, '', '', '', "
        "json_build_object('made_up', repeat('x', 65000)) FROM generate_series(1, 150) AS n"
    )
    engine = create_engine(database.url("ketnap_registry"), "test")
    ENGINES.append(engine)
    pages: list[list[tuple[int, bytes]]] = []
    following: int | None = 0

    while following is not None:
        page, following = await Readings(engine).events(following, limit, None, None, None)
        pages.append(page)

    assert [position for page in pages for position, _ in page] == list(range(1, 151))
    assert max(sum(len(event) for _, event in page) for page in pages) <= PAGE_BYTES + 65_100
    assert all(pages)
    assert len(pages) == (22 if limit == 7 else 3)


async def test_a_dry_run_tells_of_what_waits_for_what_it_waits_in_the_end(database: Database) -> None:
    writer, person = await started(database), new_uuid()
    early = event("CandidateListed", f"person/{person}", "2022-01-05")
    sent = [root(), organisation("cell"), early, identified(person, "2022-02-05")]
    reads = list(read_message(message(1, *sent)))

    foretold = [(each.outcome, each.reason) for each in await writer.validate(reads)]

    await writer.write([message(1, *sent)])
    (waiting,) = await database.fetch("SELECT code, message FROM registry.quarantine")
    assert foretold[2] == ("quarantined", Reason("wrong-stage", waiting["message"]))
    assert waiting["code"] == "wrong-stage"
