"""The registry on real servers: what is published gets its outcome, and the log says so."""

import asyncio
import os
import signal

import pytest
from nats.js.api import StreamConfig

from services.registry import intake
from services.registry.api import routes
from services.registry.service import Registry
from tests.connected.conftest import RunningRegistry, registry_settings
from tests.given import admitted, identified, new_uuid, organisation, root


async def readiness(registry: RunningRegistry, status: int, said: str) -> None:
    """Wait until it is so."""
    while True:
        answer = await registry.http.get("/health/ready")
        if answer.status_code == status and said in answer.text:
            return
        await asyncio.sleep(0.1)


async def test_a_batch_is_recorded_in_order_and_each_event_has_a_receipt(registry: RunningRegistry) -> None:
    source = await registry.source()
    person = new_uuid()
    batch = [root(), organisation("cell"), identified(person, "2022-01-05"), admitted(person, "2022-06-01")]

    receipts = await source.publish(*batch)

    assert [receipt["outcome"] for receipt in receipts] == ["recorded"] * 4
    assert [receipt["position"] for receipt in receipts] == [1, 2, 3, 4]
    page = await registry.get("/v1/events")
    assert [event["id"] for event in page["events"]] == [event["id"] for event in batch]
    assert [event["position"] for event in page["events"]] == [1, 2, 3, 4]


async def test_an_event_before_its_cause_waits_and_is_released(registry: RunningRegistry) -> None:
    source = await registry.source()
    person = new_uuid()
    first = await source.publish(admitted(person, "2022-06-01"))
    assert (first[0]["outcome"], first[0]["reason"]["code"]) == ("quarantined", "unknown-subject")

    await source.publish(root(), organisation("cell"), identified(person, "2022-01-05"))
    released = await source.next_receipt()

    assert (released["outcome"], released["position"]) == ("recorded", 4)
    assert (await registry.get("/v1/quarantine"))["items"] == []


async def test_a_second_registry_stands_by_and_takes_over(registry: RunningRegistry) -> None:
    source = await registry.source()
    await source.publish(root())
    second = Registry(registry_settings(registry.database, registry.nats_server))
    async with second.running():
        (theirs,) = await source.publish(organisation("cell"))
        assert theirs["outcome"] == "recorded"
        epochs = await registry.database.fetch("SELECT epoch FROM registry.head")
        # The first one dies without a word: its lease runs out, and its epoch is outdated.
        await registry.database.fetch("UPDATE registry.lease SET until = '-infinity', epoch = epoch + 1")
        await registry.database.fetch("UPDATE registry.head SET epoch = epoch + 1")
        async with asyncio.timeout(5):
            (after,) = await source.publish(organisation("other"))
        assert (after["outcome"], after["position"]) == ("recorded", 3)
        assert (await registry.database.fetch("SELECT epoch FROM registry.head"))[0]["epoch"] > epochs[0][
            "epoch"
        ] + 1


async def test_the_log_is_relayed_also_while_receipts_of_others_never_end(registry: RunningRegistry) -> None:
    source = await registry.source()
    await registry.database.fetch(
        "CREATE FUNCTION registry.one_more() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO registry.outbox (receipts) VALUES (OLD.receipts); RETURN NULL; END'"
    )
    await registry.database.fetch(
        "CREATE TRIGGER one_more AFTER DELETE ON registry.outbox FOR EACH ROW EXECUTE FUNCTION registry.one_more()"
    )
    (refused,) = await source.outcomes(await source.send(b"no event"))
    assert refused["outcome"] == "rejected"

    async with asyncio.timeout(10):
        (recorded,) = await source.publish(root())

    assert (recorded["outcome"], recorded["position"]) == ("recorded", 1)


async def test_a_stream_that_is_back_is_well_again_before_anything_comes(
    registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LOOK_AGAIN", 0.1)
    source = await registry.source()
    await source.publish(root())
    streams = (await registry.connect(registry.nats_server.seed("operator"))).jetstream()

    async with asyncio.timeout(30):
        await streams.delete_stream("INGEST_dien-bien")
        await readiness(registry, 503, "INGEST_dien-bien is gone: start `ketnap up` again, or run the job setup")

        # As a start of the system makes it anew: behind what is settled.
        await streams.add_stream(StreamConfig("INGEST_dien-bien", subjects=["ingest.dien-bien.>"], first_seq=2))
        await readiness(registry, 200, "ok")

    (after,) = await source.publish(organisation("cell"))
    assert (after["outcome"], after["position"]) == ("recorded", 2)


async def test_a_turn_that_failed_and_was_written_after_all_leaves_no_fault(registry: RunningRegistry) -> None:
    source = await registry.source()
    await registry.database.fetch("CREATE SEQUENCE registry.turns")
    await registry.database.fetch(
        "CREATE FUNCTION registry.not_the_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$BEGIN IF nextval('registry.turns') = 1 THEN RAISE 'made up'; END IF; RETURN NEW; END$$"
    )
    await registry.database.fetch(
        "CREATE TRIGGER not_the_first BEFORE UPDATE OF position ON registry.head "
        "FOR EACH ROW EXECUTE FUNCTION registry.not_the_first()"
    )

    (recorded,) = await source.publish(root())

    assert (recorded["outcome"], recorded["position"]) == ("recorded", 1)
    async with asyncio.timeout(10):
        await readiness(registry, 200, '"writer":"ok"')
    assert (await registry.database.fetch("SELECT last_value FROM registry.turns"))[0]["last_value"] > 1


async def test_sources_are_told_without_their_lag_while_nats_says_nothing_however_many_there_are(
    registry: RunningRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "NATS_PATIENCE", 0.3)
    for number in range(20):
        await registry.database.fetch(
            "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $1, '')", f"source-{number}"
        )
    assert {each["lag"] for each in await registry.get("/v1/sources")} == {0}

    pid = registry.nats_server.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(3):
            found = await registry.get("/v1/sources")
    finally:
        os.kill(pid, signal.SIGCONT)

    assert [each["lag"] for each in found] == [None] * 20


async def test_streams_of_its_own_that_somebody_deletes_are_made_anew(registry: RunningRegistry) -> None:
    source = await registry.source()
    await source.publish(root())
    streams = (await registry.connect(registry.nats_server.seed("operator"))).jetstream()

    async with asyncio.timeout(30):
        for name in ("LOG", "RECEIPTS"):
            await streams.delete_stream(name)
        while True:
            there = {each.config.name for each in await streams.streams_info()}
            if {"LOG", "RECEIPTS"} <= there:
                break
            await asyncio.sleep(0.1)
        await streams.delete_stream("LOG")
        (after,) = await source.publish(organisation("cell"))

    assert (after["outcome"], after["position"]) == ("recorded", 2)
    assert (await streams.stream_info("LOG")).state.messages == 1
