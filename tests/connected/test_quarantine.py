"""The quarantine as a place to work, over HTTP: what waits and why, what a release would do, and doing it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from services.registry.api.metrics import RegistryCollector
from services.registry.api.readings import Readings
from services.registry.api.waiting import WaitingReadings
from shared.runtime.database import create_engine
from tests.connected.conftest import RunningRegistry, Source
from tests.given import admitted, event, identified, new_uuid, organisation, root

Event = dict[str, Any]


@pytest.fixture
async def source(registry: RunningRegistry) -> Source:
    """A source whose root and cell are on record."""
    source = await registry.source()
    await source.publish(root(), organisation("cell"))
    return source


async def waiting(registry: RunningRegistry, **filters: Any) -> list[Any]:
    """What waits, page by page of two."""
    items: list[Any] = []
    query = {**filters, "limit": 2}
    while True:
        page = await registry.get("/v1/quarantine", **query)
        items.extend(page["items"])
        if page["next"] is None:
            return items
        assert len(page["items"]) == 2
        query["after"] = page["next"]


async def aged(registry: RunningRegistry, one: Event, age: timedelta) -> None:
    """As if it had been waiting for that long."""
    since = datetime.now(UTC) - age
    await registry.database.fetch(
        "UPDATE registry.quarantine SET at = $1 WHERE event_id = $2", since, UUID(one["id"])
    )


def ids(items: list[Any]) -> list[str]:
    return [item["event_id"] for item in items]


def figures(changes: list[Any]) -> set[tuple[str, str, str, int]]:
    return {(each["organisation"], each["measure"], each["day"], each["change"]) for each in changes}


async def test_waiting_events_are_paged_in_timeline_order_whatever_order_they_came_in(
    registry: RunningRegistry, source: Source
) -> None:
    person = new_uuid()
    days = ["2022-05-01", "2022-01-01", "2022-03-01", "2022-02-01", "2022-04-01"]
    events = [event("CandidateListed", f"person/{person}", day) for day in days]
    other = admitted(new_uuid(), "2022-02-15")
    await source.publish(*events, other)

    in_order = sorted(events, key=lambda each: each["effectiveon"])
    assert ids(await waiting(registry, subject=f"person/{person}")) == [each["id"] for each in in_order]
    assert ids(await waiting(registry)) == [
        each["id"] for each in sorted([*events, other], key=lambda each: each["effectiveon"])
    ]
    assert ids(await waiting(registry, source="dien-bien", code="wrong-stage")) == []


async def test_a_page_goes_on_after_its_last_event_even_if_that_one_is_gone_meanwhile(
    registry: RunningRegistry, source: Source
) -> None:
    events = [admitted(new_uuid(), f"2022-0{month}-01") for month in range(1, 5)]
    await source.publish(*events)
    first = await registry.get("/v1/quarantine", limit=2)
    for gone in events[:2]:
        path = f"/v1/quarantine/dien-bien/{gone['id']}/discard"
        assert (await registry.http.post(path, json={"reason": "other"})).status_code == 200

    second = await registry.get("/v1/quarantine", limit=2, after=first["next"])

    assert (ids(first["items"]), ids(second["items"])) == (
        [each["id"] for each in events[:2]],
        [each["id"] for each in events[2:]],
    )


async def test_each_item_says_since_when_it_waits_and_for_what_in_words(
    registry: RunningRegistry, source: Source
) -> None:
    person = new_uuid()
    nowhere, early = identified(new_uuid(), "2022-01-05", "new-cell"), admitted(person, "2022-06-01")
    also = identified(new_uuid(), "2022-01-06", "new-cell")
    again = identified(person, "2022-07-01")
    await source.publish(nowhere, also, early)
    await aged(registry, nowhere, timedelta(hours=5))

    first, _, last = await waiting(registry)

    assert 5 * 3600 <= first["age_seconds"] < 5 * 3600 + 300
    assert (first["outcome"], first["reason"]["code"], first["event"]["id"]) == (
        "quarantined", "unknown-organisation", nowhere["id"],
    )  # fmt: skip
    assert first["waits_for"] == [
        {
            "kind": "organisation",
            "id": "new-cell",
            "known": False,
            "others": 1,
            "message": "the first fact about organisation/new-cell, which is not on record: "
            "OrganisationEstablished",
        }
    ]
    assert last["waits_for"][0]["message"].startswith(f"the first fact about person/{person}, which is not")
    assert ids(await waiting(registry, older_than="4h")) == [nowhere["id"]]
    assert await waiting(registry, older_than="6h") == []

    # The person is a candidate from July on: known now, and what came before still waits for something between.
    await source.publish(again)
    (still,) = await waiting(registry, subject=f"person/{person}")
    assert still["reason"]["code"] == "wrong-stage"
    assert (still["waits_for"][0]["known"], still["waits_for"][0]["others"]) == (True, 0)


async def test_a_rehearsal_says_what_would_come_of_it_if_the_cause_came_and_changes_nothing(
    registry: RunningRegistry, source: Source
) -> None:
    person, neighbour = new_uuid(), new_uuid()
    candidacy = identified(person, "2022-01-05", "new-cell")
    admission = admitted(person, "2022-06-01", "new-cell")
    other = identified(neighbour, "2022-01-06", "new-cell")
    await source.publish(candidacy, admission, other)
    before = await registry.get("/v1/sources/dien-bien")

    found = await registry.get(f"/v1/quarantine/dien-bien/{candidacy['id']}")

    assert (found["now"]["outcome"], found["now"]["reason"]["code"]) == ("quarantined", "unknown-organisation")
    assert (found["now"]["releases"], found["now"]["changes"]) == ([], [])
    assert [(each["type"], each["subject"], each["effectiveon"]) for each in found["supposed"]] == [
        ("OrganisationEstablished.v1", "organisation/new-cell", "2022-01-05")
    ]
    assert (found["if_it_came"]["outcome"], found["complete"]) == ("recorded", True)
    assert {(each["event_id"], each["outcome"]) for each in found["if_it_came"]["releases"]} == {
        (admission["id"], "recorded"),
        (other["id"], "recorded"),
    }
    assert figures(found["if_it_came"]["changes"]) == {
        ("new-cell", "candidates_identified", "2022-01-05", 1),
        ("new-cell", "candidates_identified", "2022-01-06", 1),
        ("new-cell", "candidates.identified", "2022-01-05", 1),
        ("new-cell", "candidates.identified", "2022-01-06", 1),
        ("new-cell", "candidates.identified", "2022-06-01", -1),
        ("new-cell", "members.probationary", "2022-06-01", 1),
        ("new-cell", "admissions", "2022-06-01", 1),
    }
    # Without the candidacy the admission goes on waiting; the neighbour's comes all the same.
    assert ids(found["if_discarded"]["strands"]) == [admission["id"]]
    assert ("new-cell", "candidates_identified", "2022-01-06", 1) not in figures(found["if_discarded"]["changes"])
    assert ("new-cell", "admissions", "2022-06-01", 1) in figures(found["if_discarded"]["changes"])

    assert await registry.get("/v1/sources/dien-bien") == before
    assert len(await waiting(registry)) == 3
    assert len((await registry.get("/v1/events"))["events"]) == 2


async def test_what_a_rehearsal_foretells_is_what_happens_when_the_cause_comes(
    registry: RunningRegistry, source: Source
) -> None:
    person = new_uuid()
    events = [
        event("MentorAssigned", f"person/{person}", "2022-02-01", {"mentor_id": new_uuid(), "role": "mentor"}),
        event("CandidateListed", f"person/{person}", "2022-03-01"),
        admitted(person, "2022-06-01"),
        event("MemberConfirmed", f"person/{person}", "2023-06-01", {"official_from": "2023-06-01"}),
    ]
    await source.publish(*events)
    found = await registry.get(f"/v1/quarantine/dien-bien/{events[2]['id']}")
    assert [each["type"] for each in found["supposed"]] == ["CandidateIdentified.v1"]
    foretold = {found["event_id"]} | set(ids(found["if_it_came"]["releases"]))

    await source.publish(identified(person, "2022-01-05"))

    recorded = {each["id"] for each in (await registry.get("/v1/events", subject=f"person/{person}"))["events"]}
    assert foretold == {each["id"] for each in events}
    assert foretold < recorded
    assert await waiting(registry) == []


async def test_what_no_single_cause_would_mend_has_no_supposed_course(
    registry: RunningRegistry, source: Source
) -> None:
    taken = organisation("cell")
    await source.publish(taken)
    found = await registry.get(f"/v1/quarantine/dien-bien/{taken['id']}")
    assert found["now"]["reason"]["code"] == "rule-violated"
    assert (found["supposed"], found["if_it_came"], found["if_discarded"]["strands"]) == ([], None, [])


async def test_a_retry_is_told_in_a_receipt_even_if_nothing_has_changed(
    registry: RunningRegistry, source: Source
) -> None:
    early = admitted(new_uuid(), "2022-06-01")
    await source.publish(early)
    answer = await registry.http.post(f"/v1/quarantine/dien-bien/{early['id']}/retry")
    assert (answer.status_code, answer.json()["outcome"]) == (200, "quarantined")
    again = await source.next_receipt()
    assert (again["event_id"], again["outcome"], again["reason"]["code"]) == (
        early["id"], "quarantined", "unknown-subject",
    )  # fmt: skip
    outcomes = (await registry.get("/v1/sources/dien-bien"))["outcomes"]
    assert outcomes["quarantined"] == 1


async def test_all_that_match_are_decided_again_some_at_a_time_with_what_they_release(
    registry: RunningRegistry, source: Source
) -> None:
    people = [new_uuid() for _ in range(3)]
    await source.publish(*(admitted(person, "2022-06-01") for person in people), organisation("cell"))
    # As if a version that knew less had noted what they wait for.
    await registry.database.fetch("UPDATE registry.quarantine SET waits_for = '{organisation/nothing}'")
    await source.publish(*(identified(person, "2022-01-05") for person in people))
    assert len(await waiting(registry, code="unknown-subject")) == 3

    outcomes: list[str] = []
    query: Event = {"source": "dien-bien", "code": "unknown-subject", "limit": 2}
    while True:
        answer = await registry.http.post("/v1/quarantine/retry", json=query)
        assert answer.status_code == 200, answer.text
        outcomes += [receipt["outcome"] for receipt in answer.json()["receipts"]]
        if (following := answer.json()["next"]) is None:
            break
        query["after"] = following

    assert outcomes == ["recorded"] * 3
    assert [item["reason"]["code"] for item in await waiting(registry)] == ["rule-violated"]


async def test_who_comes_too_late_is_told_what_has_become_of_the_event(
    registry: RunningRegistry, source: Source
) -> None:
    person = new_uuid()
    early, never = admitted(person, "2022-06-01"), admitted(new_uuid(), "2022-06-01")
    await source.publish(early, never)
    await source.publish(identified(person, "2022-01-05"))
    path = f"/v1/quarantine/dien-bien/{early['id']}"
    for answer in (
        await registry.http.get(path),
        await registry.http.post(f"{path}/retry"),
        await registry.http.post(f"{path}/discard", json={"reason": "mistake"}),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
        assert "recorded at position 4" in answer.json()["detail"]

    path = f"/v1/quarantine/dien-bien/{never['id']}"
    dropped = await registry.http.post(f"{path}/discard", json={"reason": "sent by mistake"})
    assert dropped.json()["reason"] == {"code": "discarded", "message": "sent by mistake"}
    again = await registry.http.post(f"{path}/discard", json={"reason": "sent by mistake"})
    assert (again.status_code, "found it discarded: sent by mistake" in again.text) == (404, True)

    unknown = await registry.http.get(f"/v1/quarantine/dien-bien/{new_uuid()}")
    assert (unknown.status_code, "found none with id" in unknown.text) == (404, True)


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/v1/quarantine?after=17", None, "expected the `next` of an earlier page, found '17'"),
        ("GET", "/v1/quarantine?older_than=soon", None, "expected a number and s, m, h or d"),
        ("GET", "/v1/quarantine?code=unknown-subjects", None, "code: expected one of "),
        ("POST", "/v1/quarantine/retry", {"code": "unknown-subjects"}, "found 'unknown-subjects'"),
        ("POST", "/v1/quarantine/retry", {}, "expected source, code or subject"),
        ("POST", "/v1/quarantine/retry", {"source": "a", "limit": 501}, "limit"),
        ("POST", "/v1/quarantine/retry", {"sauce": "a"}, "sauce"),
        ("POST", "/v1/quarantine/retry", {"subject": "person/\0"}, "subject: expected text without NUL"),
        ("GET", "/v1/quarantine?sauce=a", None, "expected parameters among source, code, subject"),
        ("POST", "/v1/quarantine/a/00000000-0000-4000-8000-000000000000/discard", {"reason": ""}, "reason"),
    ],
    ids=[
        "cursor",
        "older_than",
        "code",
        "code to retry",
        "no filter",
        "too many",
        "unknown member",
        "NUL",
        "unknown parameter",
        "no reason",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_with_what_was_expected(
    registry: RunningRegistry, method: str, path: str, body: Any, said: str
) -> None:
    answer = await registry.http.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text
    assert said in answer.json()["detail"]


async def test_metrics_count_by_source_code_and_age_and_health_warns_of_what_waits_for_long(
    registry: RunningRegistry, source: Source
) -> None:
    old, new = admitted(new_uuid(), "2022-06-01"), identified(new_uuid(), "2022-06-01", "new-cell")
    await source.publish(old, new)
    assert "warnings" not in await registry.get("/health/ready")
    await aged(registry, old, timedelta(days=3))

    engine = create_engine(registry.database.url("ketnap_registry"), "metrics")
    await RegistryCollector(Readings(engine), WaitingReadings(engine)).collect()
    await engine.dispose()

    def metric(name: str, **labels: str) -> float | None:
        return REGISTRY.get_sample_value(f"ketnap_registry_quarantine_{name}", labels)

    assert metric("events", source="dien-bien", code="unknown-subject", age="under_7d") == 1
    assert metric("events", source="dien-bien", code="unknown-organisation", age="under_1h") == 1
    oldest = metric("age_seconds", source="dien-bien")
    assert oldest is not None
    assert 3 * 86400 <= oldest < 3 * 86400 + 300
    ready = await registry.get("/health/ready")
    assert ready["status"] == "ok"
    assert "more than 1h: 1 of dien-bien, the oldest since" in ready["warnings"]["quarantine"]
