"""Made-up events for tests, as a source would publish them."""

import json
import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

_SEEDED = random.Random(7)


def new_uuid() -> str:
    """A made-up id, the same ones in every run."""
    return str(UUID(int=_SEEDED.getrandbits(128), version=4))


def event(
    name: str,
    subject: str,
    day: str,
    data: dict[str, Any] | None = None,
    *,
    source: str = "dien-bien",
    time: str | None = None,
    **attributes: Any,
) -> dict[str, Any]:
    """A CloudEvent of type `name.v1` about `subject` that takes effect on `day`."""
    return {
        "specversion": "1.0",
        "id": new_uuid(),
        "source": source,
        "type": f"{name}.v1",
        "subject": subject,
        "time": time or f"{day}T09:00:00+07:00",
        "effectiveon": day,
        "datacontenttype": "application/json",
        "data": data or {},
        **attributes,
    }


def organisation(
    organisation_id: str,
    day: str = "2020-01-01",
    kind: str = "cell",
    sector: str = "territorial",
    parent: str | None = "root",
    **more: Any,
) -> dict[str, Any]:
    """An organisation's founding."""
    data = {"name": f"Tổ chức {organisation_id}", "kind": kind, "sector": sector, "tags": []}
    if parent is not None:
        data["parent_id"] = parent
    return event("OrganisationEstablished", f"organisation/{organisation_id}", day, data, **more)


def root(organisation_id: str = "root", **more: Any) -> dict[str, Any]:
    """The founding of a source's registered root."""
    return organisation(organisation_id, kind="provincial_committee", parent=None, **more)


def way_down() -> list[dict[str, Any]]:
    """The founding of a root, a district, a commune in it, and the commune's cell."""
    return [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("commune", kind="grassroots_committee", parent="district"),
        organisation("cell", parent="commune"),
    ]


def identified(person: str, day: str, organisation_id: str = "cell", **more: Any) -> dict[str, Any]:
    """A candidacy begins."""
    data = {"organisation_id": organisation_id, "categories": []}
    return event("CandidateIdentified", f"person/{person}", day, data, **more)


def admitted(person: str, day: str, organisation_id: str = "cell", **more: Any) -> dict[str, Any]:
    """A candidate becomes a probationary member."""
    data = {"organisation_id": organisation_id, "ceremony_on": day}
    return event("MemberAdmitted", f"person/{person}", day, data, **more)


def enrolled(
    person: str,
    day: str,
    organisation_id: str = "cell",
    status: str = "official",
    in_opening_balance: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """An existing member is registered."""
    data = {"organisation_id": organisation_id, "status": status, "in_opening_balance": in_opening_balance}
    return event("MemberEnrolled", f"person/{person}", day, data, **more)


def balance(organisation_id: str, day: str, official: int, probationary: int = 0) -> dict[str, Any]:
    """Members who are not known one by one."""
    data = {"as_of": day, "official": official, "probationary": probationary}
    return event("OpeningBalanceDeclared", f"organisation/{organisation_id}", day, data)


def target(organisation_id: str, day: str = "2022-01-01", **data: Any) -> dict[str, Any]:
    """A target for the admissions of 2022, but for what `data` says otherwise."""
    assigned = {
        "target_id": f"target-{organisation_id}",
        "metric": "admissions",
        "basis": "resolution",
        "issuer_id": organisation_id,
        "from": "2022-01-01",
        "to": "2022-12-31",
        "comparison": "at_least",
        "value": 10,
        **{name.rstrip("_"): value for name, value in data.items()},
    }
    return event("TargetAssigned", f"organisation/{organisation_id}", day, assigned)


def corrected(original: dict[str, Any], replacement: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """A correction of an event: what it says instead, or with None that it was no fact."""
    data = {"corrects": original["id"], "replacement": replacement, "reason": "other"}
    return event("FactCorrected", original["subject"], "2025-12-31", data, source=original["source"], **more)


def merged(survivor: str, day: str, *sources: str, targets: str = "keep", **more: Any) -> dict[str, Any]:
    """Organisations that become one."""
    data = {"sources": list(sources), "targets": targets}
    return event("OrganisationsMerged", f"organisation/{survivor}", day, data, **more)


def split(divided: str, day: str, **allocations: list[str]) -> dict[str, Any]:
    """Persons who go from one organisation to others."""
    found = [{"organisation_id": name, "person_ids": persons} for name, persons in allocations.items()]
    return event("OrganisationSplit", f"organisation/{divided}", day, {"allocations": found})


def linked(person: str, other: str, day: str, **more: Any) -> dict[str, Any]:
    """Two ids that turn out to be one person's; the first one stays."""
    return event("PersonsLinked", f"person/{person}", day, {"other_person_id": other}, **more)


def encoded(events: Iterable[dict[str, Any]] | dict[str, Any]) -> bytes:
    """JSON of one event, or of a batch."""
    return json.dumps(events if isinstance(events, dict) else list(events), ensure_ascii=False).encode()
