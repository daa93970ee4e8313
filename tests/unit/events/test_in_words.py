"""Whoever sends an event is told of its members, and of what is wrong with them, in words that need no Python."""

import json
import re
from typing import Any

import jsonschema
import pytest

from shared.events.asyncapi import document as asyncapi
from shared.events.catalogue import CATALOGUE
from shared.events.codec import read
from shared.events.refusing import Unreadable
from shared.events.schema import MEANINGS, schema, schemas
from tests.given import admitted, event, identified, new_uuid

PYTHON = re.compile(r"`(str|int|bool|float|array|object|null|date|datetime|uuid)|regex|RFC3339|\\Z")


def reason(given: dict[str, Any]) -> tuple[str, str | None]:
    """Message and path of what is wrong with the event."""
    try:
        found = read(json.dumps(given).encode(), given["source"])
    except Unreadable as refused:
        return refused.reason.message, refused.reason.path
    assert found.fault is not None
    return found.fault.message, found.fault.path


def saying(**data: Any) -> dict[str, Any]:
    given = admitted(new_uuid(), "2022-11-18")
    return {**given, "data": {**given["data"], **data}}


@pytest.mark.parametrize(
    ("given", "expected", "path"),
    [
        (saying(organisation_id=5), "expected a string, found a whole number", "$.data.organisation_id"),
        (saying(organisation_id="Tỉnh ủy"), "expected an id of 1 to 64 letters", "$.data.organisation_id"),
        (saying(decision_ref=True), "expected a string or null, found a boolean", "$.data.decision_ref"),
        (saying(decision_ref=""), "expected a string of at least 1 characters", "$.data.decision_ref"),
        (saying(ceremony_on="18/11/2022"), "expected a calendar date such as 2022-11-30", "$.data.ceremony_on"),
        (saying(categories=["farmer"]), "expected one of village_head, front_", "$.data.categories[0]"),
        (saying(profile=7), "expected an object or null, found a whole number", "$.data.profile"),
        (saying(profile="x"), "expected an object or null, found a string", "$.data.profile"),
        (saying(profile={"birth_year": 85}), "whole number of at least 1900", "$.data.profile.birth_year"),
        (saying(ceremony=1), "expected no unknown member, found `ceremony`", "$.data.ceremony"),
        ({**saying(), "data": {}}, "expected the member `organisation_id`, found none", "$.data.organisation_id"),
        ({**saying(), "data": []}, "expected an object, found an array", "$.data"),
        ({**saying(), "sequence": 5}, "expected a string or null, found a whole number", "$.sequence"),
        ({**saying(), "sequence": "A5"}, "expected a string of 1 to 18 digits", "$.sequence"),
        ({**saying(), "time": "2022-11-18T09:00:00"}, "its offset, such as 2022-11-18T09:00:00+07:00", "$.time"),
        ({**saying(), "time": 5}, "expected a time with its offset", "$.time"),
        ({**saying(), "datacontenttype": "text/xml"}, "a JSON media type", "$.datacontenttype"),
        (
            event("VoteHeld", f"person/{new_uuid()}", "2022-01-01", {"eligible": 1.5}),
            "expected a whole number, found a number",
            "$.data.eligible",
        ),
        (
            event("MentorAssigned", f"person/{new_uuid()}", "2022-01-01", {"mentor_id": "An"}),
            "expected a UUID, found a string that is none",
            "$.data.mentor_id",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_wrong_is_said_in_words_of_json(given: dict[str, Any], expected: str, path: str) -> None:
    message, where = reason(given)

    assert expected in message
    assert where == path
    assert PYTHON.search(message) is None, message


@pytest.mark.parametrize("sent", ["Nguyễn Văn An", "farmer of An"])
def test_what_stands_where_a_code_is_meant_is_not_repeated(sent: str) -> None:
    for given in (saying(categories=[sent]), saying(organisation_id=sent), saying(profile={"sex": sent})):
        assert sent not in reason(given)[0]


def test_every_member_says_what_it_means_and_nothing_else_is_explained() -> None:
    used = set()
    told = asyncapi()["components"]["schemas"]
    receipts = {name: told[name] for name in ("Receipt", "Reason", "Finding")}
    for document in schemas().values():
        shapes = {"Envelope": document, **document["$defs"], **receipts}
        for name, shape in shapes.items():
            for member, form in shape.get("properties", {}).items():
                assert form["description"], f"say in shared/events/members.json what {name}.{member} means"
                used.add(f"{name}.{member}" if f"{name}.{member}" in MEANINGS else member)

    assert set(MEANINGS) - used == set()


@pytest.mark.parametrize("subject", ["person/An", "person/7F3C2F6E-6D0B-4C1A-9F44-0D3C5A1B2E01", "place/ban-1"])
def test_a_schema_refuses_the_subjects_that_the_registry_refuses(subject: str) -> None:
    given = identified(new_uuid(), "2022-01-01")
    validator = jsonschema.Draft202012Validator(schema(CATALOGUE[given["type"]]))

    assert validator.is_valid(given)
    assert not validator.is_valid({**given, "subject": subject})
