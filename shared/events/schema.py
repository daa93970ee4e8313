"""JSON Schema of each event type, for those who publish it."""

from typing import Any

import msgspec

from shared.events.catalogue import CATALOGUE, EventType
from shared.events.envelope import Envelope

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(entry: EventType) -> dict[str, Any]:
    """JSON Schema 2020-12 of one event of this type, envelope included."""
    (envelope, data), components = msgspec.json.schema_components(
        (Envelope, entry.data), ref_template="#/$defs/{name}"
    )
    body = dict(components.pop(envelope["$ref"].rsplit("/", 1)[1]))
    properties = {
        **body["properties"],
        "type": {"const": entry.type},
        "subject": {"type": "string", "pattern": f"^{entry.subject or '(organisation|place|person)'}/.+$"},
        "data": data,
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
