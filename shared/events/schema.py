"""JSON Schema of each event type, for those who publish it."""

from importlib.resources import files
from typing import Any

import msgspec

from shared.events.catalogue import CATALOGUE, EventType
from shared.events.envelope import Envelope
from shared.events.vocabulary import OUTER_ID, PERSON_ID

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SUBJECTS = {
    "organisation": f"organisation/{OUTER_ID}",
    "place": f"place/{OUTER_ID}",
    "person": f"person/{PERSON_ID}",
}
MEANINGS = msgspec.json.decode(files("shared.events").joinpath("members.json").read_bytes(), type=dict[str, str])
"""`Shape.member`, or `member` in every shape that says nothing else → what it means."""


def schema(entry: EventType) -> dict[str, Any]:
    """JSON Schema 2020-12 of one event of this type, envelope included."""
    (envelope, data), components = msgspec.json.schema_components(
        (Envelope, entry.data), ref_template="#/$defs/{name}"
    )
    components = {name: explained(shape, name) for name, shape in components.items()}
    body = dict(components.pop(envelope["$ref"].rsplit("/", 1)[1]))
    subject = _SUBJECTS[entry.subject] if entry.subject else f"({'|'.join(_SUBJECTS.values())})"
    properties = {
        **body["properties"],
        "type": {"const": entry.type, "description": MEANINGS["Envelope.type"]},
        "subject": {**body["properties"]["subject"], "pattern": f"^{subject}$"},
        "data": {**data, "description": MEANINGS["Envelope.data"]},
    }
    document = {
        **body,
        "$schema": _DIALECT,
        "title": entry.type,
        "description": (entry.data.__doc__ or "").strip(),
        "properties": properties,
        "required": [*body["required"], "data"],
        "$defs": components,
    }
    cleaned = _for_publishers(document)
    assert isinstance(cleaned, dict)
    return cleaned


def schemas() -> dict[str, dict[str, Any]]:
    """All of them, by CloudEvents type."""
    return {type_: schema(entry) for type_, entry in CATALOGUE.items()}


def meaning(shape: str, member: str) -> str:
    """What a member of this shape means. Raises KeyError if nobody has said it."""
    return MEANINGS.get(f"{shape}.{member}") or MEANINGS[member]


def explained(shape: dict[str, Any], name: str) -> dict[str, Any]:
    """The schema of a shape with what each of its members means."""
    members = {
        member: {**form, "description": meaning(name, member)}
        for member, form in shape.get("properties", {}).items()
    }
    return {**shape, "properties": members}


def _for_publishers(node: Any) -> Any:
    """Leave out what only the registry writes (sealed profiles), and put `\\Z` as JSON Schema knows it."""
    if isinstance(node, dict):
        if "anyOf" in node:
            choices = [each for each in node["anyOf"] if "^sealed:" not in str(each.get("pattern", ""))]
            node = {**node, "anyOf": choices}
        return {key: _for_publishers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_for_publishers(each) for each in node]
    if isinstance(node, str) and node.endswith(r"\Z"):
        return node.removesuffix(r"\Z") + "$"
    return node
