"""Bad input: each event ends in its own outcome with a message to act on, and nothing else is harmed."""

import json
from typing import Any

import pytest

from tests.connected.conftest import RunningRegistry, Source
from tests.given import admitted, encoded, event, identified, new_uuid, organisation, root


@pytest.fixture
async def source(registry: RunningRegistry) -> Source:
    """A source whose root and cell are on record."""
    source = await registry.source()
    await source.publish(root(), organisation("cell"))
    return source


def without(found: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != member}


def nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


def cases() -> dict[str, tuple[dict[str, Any], str, str | None]]:
    """What is wrong: the event, the code, the path."""
    person = f"person/{new_uuid()}"
    good = identified(new_uuid(), "2022-01-05")
    return {
        "effectiveon of 30 February": ({**good, "effectiveon": "2022-02-30"}, "not-a-cloudevent", "$.effectiveon"),
        "time without offset": ({**good, "time": "2022-01-05T09:00:00"}, "not-a-cloudevent", "$.time"),
        "the last effectiveon": ({**good, "effectiveon": "9999-12-31"}, "not-a-cloudevent", "$.effectiveon"),
        "time before time": ({**good, "time": "0001-01-01T00:00:00+14:00"}, "not-a-cloudevent", "$.time"),
        "no id": (without(good, "id"), "not-a-cloudevent", "$.id"),
        "id that is no UUID": ({**good, "id": "17"}, "not-a-cloudevent", "$.id"),
        "no data": (without(good, "data"), "not-a-cloudevent", "$.data"),
        "subject without kind": ({**good, "subject": "17"}, "not-a-cloudevent", "$.subject"),
        "person who is no UUID": ({**good, "subject": "person/17"}, "not-a-cloudevent", "$.subject"),
        "nested extension": ({**good, "extra": {"a": 1}}, "not-a-cloudevent", "$.extra"),
        "seventeen extensions": (
            {**good, **{f"extra{number}": 1 for number in range(17)}}, "not-a-cloudevent", "$"
        ),
        "data nested too deep": ({**good, "data": nested(200)}, "malformed-json", None),
        "person in capital letters": (
            {**good, "subject": "person/7F3C0000-0000-4000-8000-00000000000A"}, "not-a-cloudevent", "$.subject"
        ),
        "a name where a code is meant": (
            event("MembershipEnded", person, "2022-01-05", {"reason": "Nguyen Van A"}),
            "invalid-data", "$.data.reason",
        ),
        "reserved attribute": ({**good, "position": 1}, "not-a-cloudevent", "$.position"),
        "another source": ({**good, "source": "son-la"}, "source-mismatch", "$.source"),
        "unknown type": ({**good, "type": "MemberPromoted.v1"}, "unknown-type", "$.type"),
        "unknown version": ({**good, "type": "CandidateIdentified.v9"}, "unknown-version", "$.type"),
        "wrong type of a member": (
            event("CandidateIdentified", person, "2022-01-05", {"organisation_id": 7, "categories": []}),
            "invalid-data", "$.data.organisation_id",
        ),
        "missing member": (
            event("CandidateIdentified", person, "2022-01-05", {"categories": []}),
            "invalid-data", "$.data.organisation_id",
        ),
        "unknown member": (
            event("CandidateListed", person, "2022-01-05", {"full_name": "x"}), "invalid-data", "$.data.full_name"
        ),
        "unknown category": (
            event(
                "CandidateIdentified", person, "2022-01-05", {"organisation_id": "cell", "categories": ["poet"]}
            ),
            "invalid-data", "$.data.categories[0]",
        ),
        "ceremony on another day": (
            event(
                "MemberAdmitted", person, "2022-01-05", {"organisation_id": "cell", "ceremony_on": "2022-01-06"}
            ),
            "invalid-data", "$.data.ceremony_on",
        ),
        "subject of another kind": (
            event("CandidateListed", "organisation/cell", "2022-01-05"), "invalid-data", "$.subject"
        ),
    }  # fmt: skip


async def test_each_bad_event_of_a_batch_gets_its_own_outcome_and_the_good_ones_are_recorded(
    registry: RunningRegistry, source: Source
) -> None:
    bad = cases()
    good = identified(new_uuid(), "2022-01-05")

    receipts = await source.publish(*(each for each, _, _ in bad.values()), good)

    found = {
        what: (receipt["outcome"], receipt.get("reason", {}).get("code"), receipt.get("reason", {}).get("path"))
        for what, receipt in zip(bad, receipts, strict=False)
    }
    assert found == {what: ("rejected", code, path) for what, (_, code, path) in bad.items()}
    assert receipts[-1]["outcome"] == "recorded"
    assert all(receipt["reason"]["message"] for receipt in receipts[:-1])
    assert "Nguyen" not in str(receipts)
    assert receipts[list(bad).index("no id")]["event_id"] is None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b'[{"specversion": "1.0", "id"', "malformed-json"),
        (b"\xff\xfe rubbish", "malformed-json"),
        (b"[]", "not-a-cloudevent"),
        (b'{"a": 1}', "not-a-cloudevent"),
        (encoded([{"a": 1}] * 1001), "too-large"),
        (b"x" * 2_000_000, "too-large"),
        (b"[" * 100_000, "malformed-json"),
    ],
    ids=["truncated", "not UTF-8", "empty", "no array", "1,001 events", "two megabytes of rubbish", "deep"],
)
async def test_a_batch_that_cannot_be_read_has_one_outcome_and_the_next_message_goes_on(
    source: Source, payload: bytes, code: str
) -> None:
    sequence = await source.send(payload)
    (receipt,) = await source.outcomes(sequence)
    assert (receipt["outcome"], receipt["reason"]["code"], receipt["batch_index"]) == ("rejected", code, 0)
    assert (await source.publish(identified(new_uuid(), "2022-01-05")))[0]["outcome"] == "recorded"


async def test_an_event_over_64_kib_is_too_large_and_its_neighbour_is_recorded(source: Source) -> None:
    large = {**identified(new_uuid(), "2022-01-05"), "comment": "x" * 70_000}
    receipts = await source.publish(large, identified(new_uuid(), "2022-01-05"))
    assert [receipt["outcome"] for receipt in receipts] == ["rejected", "recorded"]
    assert receipts[0]["reason"]["code"] == "too-large"


async def test_the_last_token_of_the_subject_must_be_the_events_type(source: Source) -> None:
    one = identified(new_uuid(), "2022-01-05")
    (receipt,) = await source.outcomes(await source.send(encoded(one), "MemberAdmitted"))
    assert receipt["reason"]["code"] == "source-mismatch"
    (receipt,) = await source.outcomes(await source.send(encoded(one), "CandidateIdentified"))
    assert receipt["outcome"] == "recorded"


async def test_the_same_event_again_is_a_duplicate_and_other_content_under_its_id_a_conflict(
    source: Source,
) -> None:
    one = identified(new_uuid(), "2022-01-05", sequence="5")
    (first,) = await source.publish(one)
    reordered = dict(reversed(list(one.items())))
    again, other = await source.publish(reordered, {**one, "sequence": "6"})
    assert (again["outcome"], again["position"]) == ("duplicate", first["position"])
    assert (other["outcome"], other["reason"]["code"]) == ("rejected", "id-conflict")


async def test_a_rejected_event_may_be_sent_again_mended(source: Source) -> None:
    one = identified(new_uuid(), "2022-01-05")
    (rejected,) = await source.publish({**one, "data": {}})
    (mended,) = await source.publish(one)
    assert (rejected["outcome"], mended["outcome"]) == ("rejected", "recorded")


async def test_a_quarantined_event_holds_its_id_until_it_is_discarded(
    registry: RunningRegistry, source: Source
) -> None:
    early = admitted(new_uuid(), "2022-06-01")
    first, again, other = await source.publish(early, early, {**early, "sequence": "9"})
    assert [first["outcome"], again["outcome"], other["outcome"]] == ["quarantined", "duplicate", "rejected"]
    assert "position" not in again

    path = f"/v1/quarantine/dien-bien/{early['id']}"
    retried = await registry.http.post(f"{path}/retry")
    assert retried.json()["outcome"] == "quarantined"
    discarded = await registry.http.post(f"{path}/discard", json={"reason": "sent by mistake"})
    assert discarded.json()["outcome"] == "discarded"
    assert (await registry.http.post(f"{path}/retry")).status_code == 404
    assert (await source.publish(early))[0]["outcome"] == "quarantined"


async def test_someone_elses_organisation_is_rejected(registry: RunningRegistry, source: Source) -> None:
    other = await registry.source("son-la", "other-root")
    founding = root("other-root", source="son-la")
    receipts = await other.publish(
        founding,
        organisation("intruder", parent="cell", source="son-la"),
        identified(new_uuid(), "2022-01-05", source="son-la"),
        organisation("cell", parent="other-root", source="son-la"),
    )
    assert [receipt["outcome"] for receipt in receipts] == ["recorded", "rejected", "rejected", "quarantined"]
    assert [receipt["reason"]["code"] for receipt in receipts[1:]] == [
        "foreign-organisation", "foreign-organisation", "rule-violated",
    ]  # fmt: skip


async def test_unknown_attributes_survive(registry: RunningRegistry, source: Source) -> None:
    one = {**identified(new_uuid(), "2022-01-05"), "traceparent": "00-abc", "retries": 3, "urgent": True}
    await source.publish(one)
    found = (await registry.get(f"/v1/events/dien-bien/{one['id']}"))["event"]
    assert {name: found[name] for name in one} == one


async def test_a_dry_run_says_the_same_and_stores_nothing(registry: RunningRegistry, source: Source) -> None:
    person = new_uuid()
    early = admitted(person, "2022-06-01")
    batch = [early, identified(person, "2022-01-05"), {**early, "id": "17"}, {**early, "source": "nobody"}]
    batch.append({**early, "source": ""})
    answer = await registry.http.post("/v1/validate", content=json.dumps(batch))
    outcomes = [(receipt["outcome"], receipt["batch_index"]) for receipt in answer.json()]
    assert outcomes == [("recorded", 0), ("recorded", 1), ("rejected", 2), ("rejected", 3), ("rejected", 4)]
    assert answer.json()[4]["reason"]["code"] == "not-a-cloudevent"
    assert len((await registry.get("/v1/events"))["events"]) == 2
    assert (await registry.http.post("/v1/validate", content=b"[{")).status_code == 400


async def test_a_dry_run_gives_what_repeats_another_of_its_events_no_position(
    registry: RunningRegistry, source: Source
) -> None:
    one = identified(new_uuid(), "2022-01-05")
    other = {**one, "time": "2022-01-05T23:00:00+07:00"}
    answer = await registry.http.post("/v1/validate", content=json.dumps([one, one, other]))
    recorded, repeated, conflicting = answer.json()
    assert (recorded["outcome"], repeated["outcome"]) == ("recorded", "duplicate")
    assert "position" not in recorded | repeated
    assert "waiting in quarantine, or among these events, with other content" in conflicting["reason"]["message"]


async def test_a_dry_run_lets_what_waits_take_part(registry: RunningRegistry, source: Source) -> None:
    person = new_uuid()
    waits = admitted(person, "2022-06-01")
    await source.publish(waits)
    confirmed = event("MemberConfirmed", f"person/{person}", "2023-06-01", {"official_from": "2023-06-01"})
    batch = [identified(person, "2022-01-05"), confirmed, waits]
    answer = await registry.http.post("/v1/validate", content=json.dumps(batch))
    assert [receipt["outcome"] for receipt in answer.json()] == ["recorded", "recorded", "duplicate"]
    assert len((await registry.get("/v1/quarantine"))["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"a": 1}', 400, "expected a JSON array of events"),
        (b"\xff", 400, "expected a JSON array of events"),
        (b"[]", 400, "expected 1 to 5,000 events, found 0"),
        (encoded([{"a": 1}] * 5001), 400, "expected 1 to 5,000 events, found 5,001"),
        (
            encoded([identified(new_uuid(), "2022-01-05", source="nobody")]),
            400,
            "registered source, found 'nobody'",
        ),
        (b"[" + b" " * (8 * 1024 * 1024) + b"]", 413, "at most 8,388,608 bytes"),
    ],
    ids=["an object", "no JSON", "empty", "too many", "unknown source", "too large"],
)
async def test_what_a_dry_run_cannot_judge_is_a_problem_with_what_was_expected(
    registry: RunningRegistry, source: Source, body: bytes, status: int, said: str
) -> None:
    answer = await registry.http.post("/v1/validate", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said in answer.json()["detail"]


async def test_what_no_event_can_be_called_is_refused_by_the_api_too(registry: RunningRegistry) -> None:
    for path in (
        "/v1/events?source=%00",
        "/v1/receipts?source=%00",
        "/v1/quarantine?subject=%00",
        "/v1/sources/%00",
        f"/v1/events?after={10**30}",
        f"/v1/quarantine?after={10**30}",
        f"/v1/receipts?source=a&after_stream_sequence={10**30}",
        "/v1/events?limit=0",
    ):
        answer = await registry.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), path
    assert (await registry.http.get("/v1/sources/nobody")).status_code == 404
    assert (await registry.get("/asyncapi"))["asyncapi"] == "3.0.0"
