"""Versions of one event type: earlier ones are accepted as ever, and read as the newest one."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest

from shared.events.catalogue import CATALOGUE, NEWEST, EventType
from shared.events.codec import Submitted, read
from shared.events.data import read_data_as
from shared.events.earlier import TrainingCompletedV1
from shared.events.person import Certificate, MemberAdmitted, TrainingCompleted
from shared.events.receipts import Reason
from shared.events.recorded import UnknownRecorded, read_data
from shared.events.schema import schema
from shared.events.upcasting import STEPS, newest
from tests.given import event, new_uuid
from tests.unit.registry.given import turn

V1 = {"class_id": "L-7", "certificate_ref": "GCN-1", "issued_on": "2021-05-10", "expires_on": "2026-05-10"}
V2 = {
    "class_id": "L-7",
    "certificate": {"ref": "GCN-1", "issued_on": "2021-05-10", "expires_on": "2026-05-10", "grade": "good"},
}
ISSUED, EXPIRES = date(2021, 5, 10), date(2026, 5, 10)
FROM_V1 = TrainingCompleted(
    class_id="L-7", certificate=Certificate(ref="GCN-1", issued_on=ISSUED, expires_on=EXPIRES)
)
FROM_V2 = TrainingCompleted(
    class_id="L-7", certificate=Certificate(ref="GCN-1", issued_on=ISSUED, expires_on=EXPIRES, grade="good")
)


def trained(version: int, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = event("TrainingCompleted", f"person/{new_uuid()}", "2021-05-10", data, **more)
    return {**found, "type": f"TrainingCompleted.v{version}"}


def submitted(found: dict[str, Any]) -> Submitted:
    return read(json.dumps(found).encode(), "dien-bien", "TrainingCompleted")


def members(entry: EventType) -> tuple[object, ...]:
    return entry.name, entry.subject, entry.opens


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.type)
def test_every_version_but_the_newest_has_a_step_to_the_next_one(entry: EventType) -> None:
    following = CATALOGUE.get(f"{entry.name}.v{entry.version + 1}")

    if following is None:
        assert NEWEST[entry.name] is entry
        assert entry.data not in STEPS
    else:
        assert members(following) == members(entry)
        assert STEPS[entry.data].__annotations__["data"] is entry.data
        assert STEPS[entry.data].__annotations__["return"] is following.data


def test_versions_of_a_name_begin_with_1_and_are_without_gaps() -> None:
    for name, entry in NEWEST.items():
        versions = [each.version for each in CATALOGUE.values() if each.name == name]
        assert versions == list(range(1, entry.version + 1))


def test_what_is_submitted_in_either_version_is_read_in_the_newest() -> None:
    assert submitted(trained(1, V1)).data == FROM_V1
    assert submitted(trained(2, V2)).data == FROM_V2
    assert newest(TrainingCompletedV1(certificate_ref="GCN-1", issued_on=ISSUED)) == TrainingCompleted(
        certificate=Certificate(ref="GCN-1", issued_on=ISSUED)
    )


def test_what_is_recorded_in_either_version_is_read_in_the_newest_and_stays_as_it_was_written() -> None:
    first, second = submitted(trained(1, V1)), submitted(trained(2, V2))

    assert read_data("TrainingCompleted.v1", json.dumps(V1).encode(), 1) == FROM_V1
    assert read_data("TrainingCompleted.v2", json.dumps(V2).encode(), 1) == FROM_V2
    assert json.loads(first.canonical)["data"] == V1
    assert json.loads(second.canonical)["data"] == V2


def test_what_was_read_and_written_down_again_under_its_entrys_type_reads_the_same() -> None:
    again = read_data(NEWEST["TrainingCompleted"].type, msgspec.json.encode(FROM_V1), 1)
    assert again == FROM_V1


def test_values_that_stand_for_data_are_read_as_the_type_and_version_that_is_named() -> None:
    with pytest.raises(UnknownRecorded, match=r"position 9 holds TrainingCompleted.v99"):
        read_data("TrainingCompleted.v99", json.dumps(V2).encode(), 9)

    assert read_data_as(CATALOGUE["TrainingCompleted.v1"], V1, ISSUED) == FROM_V1
    mixed = read_data_as(CATALOGUE["TrainingCompleted.v1"], V2, ISSUED, "$.data.replacement.data")
    assert isinstance(mixed, Reason)
    assert (mixed.code, mixed.path) == ("invalid-data", "$.data.replacement.data.certificate")
    admission = {"organisation_id": "cell", "ceremony_on": "2021-05-11"}
    other_day = read_data_as(CATALOGUE["MemberAdmitted.v1"], admission, ISSUED, "$.data.replacement.data")
    assert isinstance(other_day, Reason)
    assert other_day.path == "$.data.replacement.data.ceremony_on"
    assert isinstance(read_data_as(CATALOGUE["MemberAdmitted.v1"], admission, date(2021, 5, 11)), MemberAdmitted)


@pytest.mark.parametrize(
    ("version", "data", "path"),
    [
        (1, V2, "$.data.certificate"),
        (2, V1, "$.data.certificate_ref"),
        (1, {"certificate_ref": "GCN-1"}, "$.data.issued_on"),
        (2, {"certificate": {"ref": "GCN-1"}}, "$.data.certificate.issued_on"),
        (1, {**V1, "issued_on": "1492-01-01"}, "$.data.issued_on"),
        (2, {"certificate": {"ref": "GCN-1", "issued_on": "1492-01-01"}}, "$.data.certificate.issued_on"),
    ],
)
def test_each_version_is_checked_by_its_own_shape(version: int, data: dict[str, Any], path: str) -> None:
    fault = submitted(trained(version, data)).fault
    assert fault is not None
    assert (fault.code, fault.path) == ("invalid-data", path)


def test_a_version_that_is_not_there_is_refused_with_those_that_are() -> None:
    fault = submitted(trained(3, V2)).fault
    assert fault is not None
    assert (fault.code, fault.path) == ("unknown-version", "$.type")
    assert "TrainingCompleted.v1, TrainingCompleted.v2" in fault.message


def test_the_schema_of_the_earlier_version_says_what_it_always_said() -> None:
    found = schema(CATALOGUE["TrainingCompleted.v1"])
    data = found["$defs"][found["properties"]["data"]["$ref"].rpartition("/")[2]]

    assert found["properties"]["type"]["const"] == "TrainingCompleted.v1"
    assert set(data["properties"]) == {"class_id", "certificate_ref", "issued_on", "expires_on"}
    assert data["required"] == ["certificate_ref", "issued_on"]
    assert data["additionalProperties"] is False


def test_one_id_in_two_versions_is_a_conflict_and_not_a_duplicate() -> None:
    first = trained(1, V1)
    same_fact = {**first, "type": "TrainingCompleted.v2", "data": V2}

    said = turn([first, same_fact, first]).outcomes.receipts

    assert [receipt.outcome for receipt in said] == ["recorded", "rejected", "duplicate"]
    assert isinstance(said[1].reason, Reason)
    assert said[1].reason.code == "id-conflict"
