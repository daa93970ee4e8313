"""The AsyncAPI document: which messages travel on which subjects of NATS, for those who publish and subscribe."""

from typing import Any

import msgspec

from shared.events.catalogue import CATALOGUE
from shared.events.codec import MAX_BATCH
from shared.events.receipts import OUTCOMES, Receipt
from shared.events.schema import schemas
from shared.events.subjects import LOG_SUBJECT

_SOURCE = {"description": "name of the registered source, such as `dien-bien`"}


def document() -> dict[str, Any]:
    """AsyncAPI 3.0, as JSON values."""
    shapes: dict[str, Any] = {}
    events = {
        type_: {
            "name": type_,
            "title": CATALOGUE[type_].name,
            "summary": schema["description"],
            "contentType": "application/cloudevents+json",
            "payload": _shared(schema, shapes),
        }
        for type_, schema in schemas().items()
    }
    return {
        "asyncapi": "3.0.0",
        "id": "urn:ketnap:registry",
        "info": {
            "title": "ketnap registry",
            "version": "1",
            "description": "Sources publish domain events, receive receipts, and internal readers follow the log.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "ingest": {
                "address": "ingest.{source}.{eventName}",
                "parameters": {
                    "source": _SOURCE,
                    "eventName": {
                        "description": "type of the event without its version, such as `MemberAdmitted`"
                    },
                },
                "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in events},
            },
            "ingestBatch": {
                "address": "ingest.{source}.batch",
                "parameters": {"source": _SOURCE},
                "messages": {"batch": {"$ref": "#/components/messages/batch"}},
            },
            "receipts": {
                "address": "receipt.{source}.{outcome}",
                "parameters": {
                    "source": _SOURCE,
                    "outcome": {"enum": list(OUTCOMES)},
                },
                "messages": {"receipt": {"$ref": "#/components/messages/receipt"}},
            },
            "log": {"address": LOG_SUBJECT, "messages": {"recorded": {"$ref": "#/components/messages/recorded"}}},
        },
        "operations": {
            name: {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}
            for name, action, channel, summary in (
                ("takeEvent", "receive", "ingest", "A source publishes one event."),
                ("takeBatch", "receive", "ingestBatch", f"A source publishes 1 to {MAX_BATCH:,} events."),
                ("sendReceipt", "send", "receipts", "What became of each event, at least once."),
                ("sendLog", "send", "log", "Recorded events in order; ranges may overlap: skip by position."),
            )
        },
        "components": {"messages": events | _others(shapes), "schemas": shapes},
    }


def _shared(schema: dict[str, Any], shapes: dict[str, Any]) -> Any:
    """The schema with its definitions moved to `shapes`, where references of this document can reach them."""
    moved = _pointed({name: value for name, value in schema.items() if name not in ("$defs", "$schema")})
    shapes.update(_pointed(schema.get("$defs", {})))
    return moved


def _pointed(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _pointed(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_pointed(value) for value in node]
    if isinstance(node, str) and node.startswith("#/$defs/"):
        return node.replace("#/$defs/", "#/components/schemas/")
    return node


def _others(shapes: dict[str, Any]) -> dict[str, Any]:
    (receipt,), components = msgspec.json.schema_components([Receipt], ref_template="#/$defs/{name}")
    any_event = {"anyOf": [{"$ref": f"#/components/messages/{type_}/payload"} for type_ in CATALOGUE]}
    return {
        "batch": {
            "name": "batch",
            "contentType": "application/cloudevents-batch+json",
            "payload": {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": any_event},
        },
        "receipt": {"name": "receipt", "payload": _shared({**receipt, "$defs": components}, shapes)},
        "recorded": {
            "name": "recorded",
            "contentType": "application/cloudevents-batch+json",
            "headers": {
                "type": "object",
                "properties": {"Ketnap-First": {"type": "string"}, "Ketnap-Last": {"type": "string"}},
            },
            "payload": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["position", "recordedat"],
                    "properties": {
                        "position": {"type": "integer", "minimum": 1},
                        "recordedat": {"type": "string", "format": "date-time"},
                    },
                },
            },
        },
    }
