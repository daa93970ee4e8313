"""The AsyncAPI document names every event type and refers to nothing that is not there."""

from collections.abc import Iterator
from typing import Any

from shared.events.asyncapi import document
from shared.events.catalogue import CATALOGUE


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere() -> None:
    whole = document()
    for reference in set(references(whole)):
        found: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_every_event_type_is_a_message_of_the_ingest_channel() -> None:
    assert set(document()["channels"]["ingest"]["messages"]) == set(CATALOGUE)
