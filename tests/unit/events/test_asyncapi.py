"""The AsyncAPI document names every event type and refers to nothing that is not there."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jsonschema
import msgspec
import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from shared.events.asyncapi import document
from shared.events.catalogue import CATALOGUE
from shared.events.receipts import Reason, Receipt
from tests.given import identified, new_uuid, root


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


def test_another_reader_of_asyncapi_takes_the_document() -> None:
    read = ApplicationSchema.model_validate(document())
    assert set(read.channels) == {"ingest", "ingestBatch", "receipts", "log"}
    assert read.components is not None
    assert set(read.components.messages or {}) == {*CATALOGUE, "batch", "receipt", "recorded"}


def test_a_receipt_and_a_batch_are_described_as_they_are_sent() -> None:
    whole = document()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rejected = Receipt(UUID(int=1), "dien-bien", "rejected", 7, 0, at, reason=Reason("a", "b", "$"))
    receipt = msgspec.json.decode(msgspec.json.encode(rejected))

    def check(message: str, value: Any) -> None:
        payload = whole["components"]["messages"][message]["payload"]
        jsonschema.Draft202012Validator({**payload, "components": whole["components"]}).validate(value)

    check("receipt", receipt)
    check("batch", [identified(new_uuid(), "2022-01-05"), root()])
    with pytest.raises(jsonschema.ValidationError):
        check("receipt", {**receipt, "outcome": "lost"})
    with pytest.raises(jsonschema.ValidationError):
        check("batch", [])
