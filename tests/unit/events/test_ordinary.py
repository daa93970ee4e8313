"""The ordinary event is read as the careful way reads it, and what the careful way refuses is never ordinary."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.province import Province
from shared.events.codec import Submitted, read, read_carefully
from shared.events.envelope import Envelope
from shared.events.ordinary import OrdinaryEvent
from shared.events.refusing import Unreadable
from tests.given import admitted, corrected, enrolled, event, new_uuid, organisation, target

EXAMPLES = [
    {**admitted(new_uuid(), "2022-11-18"), "sequence": "4711"},
    event(
        "CandidateIdentified",
        f"person/{new_uuid()}",
        "2022-01-01",
        {"organisation_id": "cell", "categories": [], "profile": {"sex": "female", "birth_year": 1990}},
    ),
    enrolled(new_uuid(), "2022-01-01"),
    organisation("cell"),
    target("cell"),
    event("PlaceCovered", "place/ban-1", "2022-01-01", {"cell_id": None, "shared": False}),
    corrected(organisation("cell"), {"data": {"value": 1.0}}),
]
WRONG = st.sampled_from(
    [None, True, 1.0, 1e30, [], {}, "", "x", "x\n", "1.0", "person/x", "place/ban-1", "2022-11-18", "1899-12-31",
     "2200-01-01T00:00:00+00:00", "1899-12-31T23:00:00-07:00", "dien-bien ", "sealed:v1:abc", "MemberAdmitted.v1",
     "MemberAdmitted.v2", "TrainingCompleted.v2", "application/cloudevents+json"]
)  # fmt: skip


def _number(literal: str) -> int | float:
    number = float(literal)
    return int(number) if number.is_integer() else number


_CONTENT = msgspec.json.Decoder(float_hook=_number)


def _read(payload: bytes) -> Any:
    try:
        return read(payload, "dien-bien")
    except Unreadable as refused:
        return refused.reason, refused.event_id


def _read_carefully(payload: bytes) -> Any:
    try:
        return read_carefully(_CONTENT.decode(payload), "dien-bien", None)
    except Unreadable as refused:
        return refused.reason, refused.event_id


def _said(found: Any) -> Any:
    if not isinstance(found, Submitted):
        return found
    envelope = [getattr(found.envelope, each) for each in Envelope.__struct_fields__]
    return envelope, found.canonical, found.data, found.fault


@given(
    st.sampled_from(EXAMPLES),
    st.dictionaries(st.sampled_from([*EXAMPLES[0], "data_base64", "traceparent", "position"]), WRONG, max_size=2),
    st.dictionaries(
        st.sampled_from(["organisation_id", "ceremony_on", "profile", "categories", "value", "name"]),
        WRONG,
        max_size=1,
    ),
)
def test_both_ways_read_the_same(example: dict[str, Any], outer: dict[str, Any], inner: dict[str, Any]) -> None:
    payload = json.dumps({**example, "data": {**example["data"], **inner}, **outer}).encode()

    found = _read(payload)

    assert _said(found) == _said(_read_carefully(payload))


def test_a_made_up_history_is_ordinary_and_reads_the_same() -> None:
    for payload in Province("dien-bien", communes=2, grassroots=6).events(2_000):
        found = _read(payload)

        assert isinstance(found.envelope, OrdinaryEvent)
        assert _said(found) == _said(_read_carefully(payload))


@pytest.mark.parametrize("example", EXAMPLES[:-1], ids=lambda found: found["type"])
def test_what_was_published_for_another_type_is_not_ordinary(example: dict[str, Any]) -> None:
    payload = json.dumps(example).encode()

    with pytest.raises(Unreadable, match="published on"):
        read(payload, "dien-bien", "PersonErased")
