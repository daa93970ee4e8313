"""The language: what is read, what survives, and that others can read what we write."""

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from shared.events.catalogue import CATALOGUE
from shared.events.codec import Submitted, read, split_batch
from shared.events.recorded import read_recorded, write_batch, write_recorded
from shared.events.refusing import Unreadable
from shared.events.schema import schema, schemas
from tests.given import admitted, enrolled, event, identified, new_uuid, organisation, target

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ONE = {**admitted(new_uuid(), "2022-11-18"), "sequence": "4711", "traceparent": "00-abc", "retries": 3}
EXAMPLES = [
    ONE,
    identified(new_uuid(), "2022-01-01"),
    enrolled(new_uuid(), "2022-01-01"),
    organisation("cell"),
    target("cell"),
    event("PlaceCovered", "place/ban-1", "2022-01-01", {"cell_id": None, "shared": False}),
    event("TransferInitiated", f"person/{new_uuid()}", "2022-01-01", {"from": "a", "to": "b", "kind": "official"}),
]


def submitted(found: dict[str, Any]) -> Submitted:
    return read(json.dumps(found).encode(), found["source"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda found: found["type"])
def test_the_official_sdk_reads_a_recorded_event(example: dict[str, Any]) -> None:
    recorded = write_recorded(submitted(example).canonical, 17, NOW)
    found = JSONFormat().read(None, recorded)
    assert (found.get_id(), found.get_type(), found.get_source()) == (
        example["id"],
        example["type"],
        example["source"],
    )
    assert found.get_data() == example["data"]
    assert found.get_extension("effectiveon") == example["effectiveon"]
    assert found.get_extension("position") == 17


def test_an_event_survives_recording_with_its_unknown_attributes() -> None:
    recorded = write_recorded(submitted(ONE).canonical, 17, NOW)
    assert json.loads(recorded) == {**ONE, "position": 17, "recordedat": NOW.isoformat()}
    (found,) = read_recorded(write_batch([recorded]))
    assert (found.position, found.recordedat, found.subject) == (17, NOW, ONE["subject"])


def content(**extras: Any) -> bytes:
    return submitted({**ONE, **extras}).canonical


def test_equal_json_values_are_equal_content() -> None:
    assert content() == submitted(dict(reversed(list(ONE.items())))).canonical
    assert content(retries=3) == content(retries=3.0)
    assert content(retries=3) != content(retries="3")
    assert content(retries=3) != content(retries=3.5)


@pytest.mark.parametrize("type_", CATALOGUE)
def test_every_type_has_a_valid_json_schema(type_: str) -> None:
    found = schemas()[type_]
    jsonschema.Draft202012Validator.check_schema(found)
    assert "sealed" not in json.dumps(found)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda found: found["type"])
def test_the_json_schema_accepts_what_the_codec_accepts(example: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema(CATALOGUE[example["type"]]))
    assert submitted(example).fault is None
    validator.validate(example)
    for broken in (
        {**example, "data": {**example["data"], "unknown": 1}},
        {**example, "subject": "thing/1"},
        {name: value for name, value in example.items() if name != "effectiveon"},
    ):
        assert not validator.is_valid(broken)


def test_a_profile_may_not_come_sealed_already() -> None:
    found = identified(new_uuid(), "2022-01-01")
    found["data"]["profile"] = "sealed:v1:AAAA"
    fault = submitted(found).fault
    assert fault is not None
    assert (fault.code, fault.path) == ("invalid-data", "$.data.profile")


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("specversion", "0.3", "expected '1.0', found '0.3'"),
        (
            "id",
            "012345678901",
            "expected a UUID, found a string that is none",
        ),  # an identity number is not repeated
    ],
)
def test_an_attribute_of_the_envelope_is_refused_with_what_was_expected(
    attribute: str, value: str, message: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        submitted({**ONE, attribute: value})
    reason = refused.value.reason
    assert (reason.code, reason.path, reason.message) == ("not-a-cloudevent", f"$.{attribute}", message)


def test_nothing_personal_is_echoed() -> None:
    found = identified(new_uuid(), "2022-01-01")
    found["data"]["profile"] = {"sex": "Nguyễn Văn A"}
    fault = submitted(found).fault
    assert fault is not None
    assert "Nguyễn" not in fault.message
    with pytest.raises(Unreadable) as unreadable:
        submitted({**found, "subject": "person/Nguyễn Văn A"})
    assert "Nguyễn" not in unreadable.value.reason.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(sorted(ONE)), _JSON))
def test_whatever_stands_in_an_event_is_read_or_refused_with_a_reason(members: dict[str, Any]) -> None:
    payload = json.dumps({**ONE, **members}).encode()
    try:
        found = read(payload, "dien-bien")
    except Unreadable as unreadable:
        assert unreadable.reason.code in ("not-a-cloudevent", "source-mismatch", "malformed-json")
        assert unreadable.reason.message.isprintable()
    else:
        assert found.fault is None or found.fault.message.isprintable()


@given(st.binary(max_size=200))
def test_whatever_bytes_arrive_are_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(Unreadable):
        read(payload, "dien-bien")
    try:
        assert split_batch(payload)
    except Unreadable as unreadable:
        assert unreadable.reason.message.isprintable()


def test_a_number_that_no_machine_holds_is_no_json_of_ours() -> None:
    payload = json.dumps(ONE).replace('"retries": 3', '"retries": 1e400').encode()
    with pytest.raises(Unreadable, match="out of range"):
        read(payload, "dien-bien")


HALF_A_CHARACTER = [rb"\ud800", rb"\udc00", rb"a\uDBFFb", rb"\ud800\ud800"]


@pytest.mark.parametrize("half", HALF_A_CHARACTER)
def test_half_a_character_in_one_event_harms_no_other_of_its_batch(half: bytes) -> None:
    before, after = {**ONE, "comment": 'a ] , " \\'}, {**ONE, "long": 10**4000, "half": "😀"}
    given = [json.dumps(before).encode(), b'{"comment": "' + half + b'"}', json.dumps(after).encode()]
    events = split_batch(b" [\n" + b" ,\t".join(given) + b"\r]\n")

    assert [bytes(each) for each in events] == given
    assert read(events[0], ONE["source"]).content == before
    with pytest.raises(Unreadable) as refused:
        read(events[1], ONE["source"])
    assert refused.value.reason.code == "malformed-json"


@pytest.mark.parametrize(
    "no_json",
    [
        rb'["\ud800"', rb'["\ud800"] x', rb'["\ud800",]', rb'["\ud800" 1]', rb'["\ud800", NaN]',
        b'["\\ud800", "\x01"]',
        rb'["\ud800", 01]', rb'["\ud800", ' + b"[" * 100_000, rb'"\ud800"', rb'["\ud800", -Infinity]',
    ],
)  # fmt: skip
def test_what_the_grammar_of_json_forbids_is_no_batch(no_json: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        split_batch(no_json)
    assert refused.value.reason.code == "malformed-json"


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ({"specversion": "2.0"}, "4711"),
        ({"id": "no-uuid"}, "4711"),
        ({"comment": {}}, "4711"),
        ({"source": "son-la"}, None),
        ({"specversion": "2.0", "sequence": "minus one"}, None),
        ({"specversion": "2.0", "sequence": 4711}, None),
    ],
)
def test_the_number_of_an_event_that_cannot_be_read_is_its_sources_where_it_says_so(
    given: dict[str, Any], number: str | None
) -> None:
    with pytest.raises(Unreadable) as refused:
        read(json.dumps({**ONE, **given}).encode(), ONE["source"])
    assert refused.value.sequence == number
