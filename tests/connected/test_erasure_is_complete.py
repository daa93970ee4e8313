"""After an erasure and the keeping time of the streams, no place of the system holds a readable attribute.

One story, played once on a real system; each test looks at one place of its end. The values are made up.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from deploy.master_keys import read_ring
from deploy.stack.keys import ensure_secret, write_secret
from deploy.stack.layout import Layout
from deploy.stack.nats import connect
from deploy.stack.provisioning import restore
from services.registry.sealing import Sealer, Unsealable, Wrapped
from services.reporting.unsealing import ProfilePlace, UnsealedProfile, Unsealing
from shared.runtime.database import create_engine
from tests.connected import readable
from tests.connected.readable import Search
from tests.faults.system import System, eventually
from tests.given import admitted, encoded, event, identified, new_uuid, organisation, root
from tests.notifier_given import begin_anew

GOES = {"occupation": "zzq-occupation-7731", "schooling": "zzq-schooling-7732", "birth_year": 1987}
WAITS = {"occupation": "zzq-occupation-7733"}
AFTER = {"occupation": "zzq-occupation-7734"}
TRIED = {"occupation": "zzq-occupation-7735"}
REFUSED = {"occupation": "zzq-occupation-7736"}
STAYS = {"occupation": "zzq-occupation-7737"}
CORRECTED = {"occupation": "zzq-occupation-7738"}
SECRET = [
    str(value)
    for profile in (GOES, WAITS, AFTER, TRIED, REFUSED, STAYS, CORRECTED)
    for value in profile.values()
    if isinstance(value, str)
]
PLAIN = "zzq-request-7739"
"""Stands in an event without a seal: a search that does not find this finds nothing."""

pytestmark = pytest.mark.timeout(300)  # the story starts each service three times

PLACES = ("tables", "dump", "cluster", "nats directory", "streams", "api", "logs")


@dataclass
class Story:
    """What was seen on the way, and what the search found at the end."""

    before: list[UnsealedProfile] = field(default_factory=list)
    after: list[UnsealedProfile] = field(default_factory=list)
    ingest_before: Search = field(default_factory=lambda: Search(SECRET))
    ingest_left: int = -1
    totals: list[Any] = field(default_factory=list)
    wrapped: Wrapped | None = None
    first_masters: list[str] = field(default_factory=list)
    searches: dict[str, Search] = field(default_factory=dict)


def with_profile(one: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    return {**one, "data": {**one["data"], "profile": profile}}


def place(one: dict[str, Any]) -> ProfilePlace:
    return ProfilePlace(UUID(one["subject"].removeprefix("person/")), one["source"], UUID(one["id"]))


@pytest.fixture(scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Story, System]]:
    """The story, and the system as it stands at its end."""
    system = System(tmp_path_factory.mktemp("erasure"))
    await asyncio.to_thread(system.start)
    try:
        yield await _play(system), system
    finally:
        if system.running:
            await asyncio.to_thread(system.stop)


async def _play(system: System) -> Story:
    story = Story()
    layout = Layout(system.data_dir)
    seed = await asyncio.to_thread(system.add_source, "dien-bien", "root")
    goes, stays = new_uuid(), new_uuid()
    first = with_profile(identified(goes, "2022-01-05"), GOES)
    other = with_profile(identified(stays, "2022-01-05"), STAYS)
    waits = with_profile(admitted(goes, "2022-06-01", "not-yet"), WAITS)
    refused = with_profile(identified(new_uuid(), "2022-01-05"), REFUSED | {"name": "zzq"})
    corrected = event(
        "FactCorrected",
        f"person/{new_uuid()}",
        "2022-01-05",
        {"corrects": new_uuid(), "replacement": {"data": {"profile": CORRECTED}}, "reason": "mistake"},
    )
    # Twice: a duplicate is a delivery of its own.
    outcomes = await _publish(
        system, seed, root(), organisation("cell"), first, other, waits, refused, first, corrected
    )
    assert outcomes == {"recorded": 4, "quarantined": 2, "rejected": 1, "duplicate": 1}
    await _try_out(system, with_profile(identified(new_uuid(), "2022-01-05"), TRIED))
    story.before = await _unseal(system, layout, first, other)
    async for where, content in readable.streams(system):
        if where.startswith("stream INGEST"):
            story.ingest_before.look(where, content)
    story.totals.append(await _totals(system, 4))
    story.wrapped = await _wrapped(system, goes)
    story.first_masters = read_ring(layout.master_key).ids

    erased = event("PersonErased", f"person/{goes}", "2023-01-01", {"request_ref": PLAIN})
    again = with_profile(identified(goes, "2023-06-01"), AFTER)
    assert await _publish(system, seed, erased) == {"recorded": 1}
    assert await _publish(system, seed, again) == {"quarantined": 1}
    story.totals.append(await _totals(system, 5))

    # The keeping time of days is over within a second from here on; nothing is published any more.
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KETNAP_INGEST_KEEP", "1s")
        await restore(system.addresses)
    await _rotate(system, story.first_masters)
    story.ingest_left = await eventually(lambda: _ingest_is_empty(system), "the ingest stream has let go")
    story.totals.append(await _totals(system, 5))
    await _rebuild(system)
    story.totals.append(await _totals(system, 5))
    story.after = await _unseal(system, layout, first, other)
    await _search(system, layout, story)
    return story


async def _publish(system: System, seed: str, *events: dict[str, Any]) -> dict[str, int]:
    """Publish a batch; gives how many events had which outcome."""
    client = await connect(system.addresses.nats_url, seed, "_INBOX_dien-bien")
    try:
        sequence = (await client.jetstream().publish("ingest.dien-bien.batch", encoded(events))).seq
    finally:
        await client.close()

    async def receipts() -> list[str] | None:
        page = await system.get("registry", "/v1/receipts", source="dien-bien", after_stream_sequence=sequence - 1)
        return [each["outcome"] for each in page["receipts"]] or None

    return dict(Counter(await eventually(receipts, "every event has its outcome")))


async def _try_out(system: System, one: dict[str, Any]) -> None:
    async with httpx.AsyncClient(base_url=system.url("registry"), timeout=20, trust_env=False) as client:
        answer = await client.post("/v1/validate", content=json.dumps([one]))
    assert [each["outcome"] for each in answer.json()] == ["recorded"]


async def _unseal(system: System, layout: Layout, *events: dict[str, Any]) -> list[UnsealedProfile]:
    client = Unsealing(system.url("registry"), layout.unseal_token.read_text(encoding="utf-8").strip())
    try:
        return await client.at([place(one) for one in events])
    finally:
        await client.close()


async def _totals(system: System, position: int) -> Any:
    found = await eventually(
        lambda: system.look(
            "reporting", "/v1/organisations/root/totals", as_of="2024-12-31", min_position=position
        ),
        f"position {position} is projected",
    )
    return found["members"], found["candidates"], found["organisations"]


async def _wrapped(system: System, person: str) -> Wrapped:
    connection = await asyncpg.connect(system.addresses.database_url)
    try:
        row = await connection.fetchrow(
            "SELECT master, wrapped FROM registry.person_key WHERE person = $1", f"person/{person}"
        )
    finally:
        await connection.close()
    assert row is not None
    return Wrapped(*row)


async def _rotate(system: System, old: list[str]) -> None:
    for arguments in (("rotate",), *(("drop", each) for each in old), ("status",)):
        done = await asyncio.to_thread(system.ketnap, "keys", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not any(each in done.stdout for each in old)


async def _ingest_is_empty(system: System) -> int | None:
    left = [where async for where, _ in readable.streams(system) if where.startswith("stream INGEST")]
    return None if left else 0


async def _rebuild(system: System) -> None:
    """Forget all projections and restart: reporting and the notifier make them anew from the log."""
    url = system.addresses.database_url
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'reporting' AND tablename <> 'alembic_version'"
        )
        async with connection.transaction():
            await connection.execute(f"TRUNCATE {', '.join('reporting.' + row['tablename'] for row in names)}")
            await connection.execute("INSERT INTO reporting.checkpoint DEFAULT VALUES")
    finally:
        await connection.close()
    engine = create_engine(url, "test")
    async with engine.begin() as wiping:
        await begin_anew(wiping)
    await engine.dispose()
    for service in ("registry", "reporting", "notifier"):
        system.kill(service)

    async def caught_up() -> bool | None:
        connection = await asyncpg.connect(url)
        try:
            reached = [
                await connection.fetchval("SELECT position FROM reporting.checkpoint"),
                await connection.fetchval("SELECT position FROM notifier.checkpoint"),
            ]
        finally:
            await connection.close()
        return reached == [5, 5] or None

    await eventually(caught_up, "reporting and the notifier have read the log again")
    await eventually(lambda: system.look("registry", "/health/ready"), "the registry is ready again")


async def _search(system: System, layout: Layout, story: Story) -> None:
    story.searches = {name: Search([*SECRET, PLAIN]) for name in PLACES}
    url = system.addresses.database_url
    async for where, content in readable.tables(url):
        story.searches["tables"].look(where, content)
    story.searches["dump"].look("dump", await asyncio.to_thread(readable.dump, url))
    await readable.settle(layout, url)
    for name, directory in (
        ("cluster", layout.postgres), ("nats directory", layout.nats), ("logs", layout.logs),
    ):  # fmt: skip
        for where, content in readable.files(directory):
            story.searches[name].look(where, content)
    story.searches["logs"].look("the output of ketnap up", system.said.encode())
    async for where, content in readable.streams(system):
        story.searches["streams"].look(where, content)
    async for where, content in readable.answers(system):
        story.searches["api"].look(where, content)


async def test_before_the_erasure_the_profile_could_be_read_by_who_may(told: tuple[Story, System]) -> None:
    story, _ = told
    assert [each.state for each in story.before] == ["unsealed", "unsealed"]
    assert getattr(story.before[0].profile, "occupation", None) == GOES["occupation"]
    # As published, until the keeping time has passed: that is why it belongs into no backup.
    assert set(story.ingest_before.found) >= {GOES["occupation"], WAITS["occupation"]}


async def test_after_it_the_profile_is_erased_and_another_persons_is_not(told: tuple[Story, System]) -> None:
    story, _ = told
    assert [each.state for each in story.after] == ["erased", "unsealed"]
    assert getattr(story.after[1].profile, "occupation", None) == STAYS["occupation"]


async def test_head_counts_are_the_same_before_and_after_and_after_a_rebuild(told: tuple[Story, System]) -> None:
    story, _ = told
    assert len(story.totals) == 4
    assert all(each == story.totals[0] for each in story.totals)
    assert story.totals[0][1]["open"] == 2


@pytest.mark.parametrize("where", PLACES)
async def test_no_attribute_is_readable(told: tuple[Story, System], where: str) -> None:
    story, _ = told
    assert story.ingest_left == 0
    search = story.searches[where]
    assert search.looked_at > 1000
    assert {value: found for value, found in search.found.items() if value != PLAIN} == {}
    # The streams on disk are encrypted, and logs say nothing of events at all.
    assert (PLAIN in search.found) == (where not in ("nats directory", "logs"))


async def test_a_key_that_was_copied_before_opens_no_more_once_the_master_key_has_changed(
    told: tuple[Story, System],
) -> None:
    story, system = told
    ring = read_ring(Layout(system.data_dir).master_key)
    assert story.wrapped is not None
    assert story.wrapped.master in story.first_masters
    assert not set(ring.ids) & set(story.first_masters)
    with pytest.raises(Unsealable):
        Sealer(ring).unwrap(Wrapped(None, story.wrapped.key), f"person/{story.before[0].person}")


async def test_a_registry_with_the_wrong_master_key_says_so_and_does_not_begin(
    told: tuple[Story, System],
) -> None:
    """Last, for it leaves the system without a registry that writes."""
    _, system = told
    file = Layout(system.data_dir).master_key
    right = ensure_secret(file, str)
    try:
        write_secret(file, "ab" * 32)
        system.kill("registry")

        async def said() -> str | None:
            async with httpx.AsyncClient(base_url=system.url("registry"), trust_env=False) as client:
                try:
                    answer = await client.get("/health/ready")
                except httpx.TransportError:
                    return None
            problem = answer.json()["checks"]["writer"]
            return problem if "master key" in problem else None

        problem = await eventually(said, "the registry says that its master key is wrong")
        assert "KETNAP_MASTER_KEY_FILE" in problem
    finally:
        write_secret(file, right)

    async def ready() -> Any | None:
        return await system.look("registry", "/health/ready")

    await eventually(ready, "with the right file again it begins by itself")
