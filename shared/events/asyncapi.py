"""The AsyncAPI document: which messages travel on which subjects of NATS, for those who publish and subscribe."""

from typing import Any

import msgspec

from shared.events.catalogue import CATALOGUE
from shared.events.codec import MAX_BATCH
from shared.events.receipts import OUTCOMES, Receipt
from shared.events.schema import explained, schemas
from shared.events.subjects import LOG_SUBJECT

_SOURCE = {"description": "name of the registered source, such as `dien-bien`"}
_ABOUT = (
    "Sources publish domain events, receive receipts, and internal readers follow the log. An event has at most "
    "64 KiB, a message at most 1 MiB. A source may publish and hear what is its own, with inboxes under "
    "`_INBOX_SOURCE`. JetStream acknowledges each message, and a receipt says later what became of each event. "
    "docs/integrators.md says more. Examples are made up."
)
_WAITING = {
    "event_id": "01976c1e-0000-7000-8000-000000000005",
    "source": "dien-bien",
    "outcome": "quarantined",
    "stream_sequence": 3,
    "batch_index": 0,
    "at": "2026-11-24T01:49:27.547323Z",
    "findings": [],
    "reason": {
        "code": "unknown-organisation",
        "message": "expected organisation cell-9 to be on record, found none",
    },
}


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
            "description": _ABOUT,
        },
        "defaultContentType": "application/json",
        "channels": {
            "ingest": {
                "address": "ingest.{source}.{eventName}",
                "description": "One event a message, JSON.",
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
                "description": "A JSON array of 1 to 1,000 events of any types, judged one by one.",
                "parameters": {"source": _SOURCE},
                "messages": {"batch": {"$ref": "#/components/messages/batch"}},
            },
            "receipts": {
                "address": "receipt.{source}.{outcome}",
                "description": "At least once, while one listens; GET /v1/receipts has them for good.",
                "parameters": {
                    "source": _SOURCE,
                    "outcome": {"description": "what became of the event", "enum": list(OUTCOMES)},
                },
                "messages": {"receipt": {"$ref": "#/components/messages/receipt"}},
            },
            "log": {
                "address": LOG_SUBJECT,
                "description": "Recorded events from `Ketnap-First` to `Ketnap-Last`, for internal readers.",
                "messages": {"recorded": {"$ref": "#/components/messages/recorded"}},
            },
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
    components = {name: explained(shape, name) for name, shape in components.items()}
    any_event = {"anyOf": [{"$ref": f"#/components/messages/{type_}/payload"} for type_ in CATALOGUE]}
    return {
        "batch": {
            "name": "batch",
            "contentType": "application/cloudevents-batch+json",
            "payload": {"type": "array", "minItems": 1, "maxItems": MAX_BATCH, "items": any_event},
        },
        "receipt": {
            "name": "receipt",
            "contentType": "application/json",
            "payload": _shared({**receipt, "$defs": components}, shapes),
            "examples": [{"name": "waiting", "payload": _WAITING}],
        },
        "recorded": {
            "name": "recorded",
            "contentType": "application/cloudevents-batch+json",
            "headers": {
                "type": "object",
                "properties": {
                    "Ketnap-First": {"type": "string", "description": "position of the first event of the array"},
                    "Ketnap-Last": {"type": "string", "description": "position of the last one"},
                },
            },
            "payload": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["position", "recordedat"],
                    "properties": {
                        "position": {
                            "type": "integer",
                            "minimum": 1,
                            "description": "place in the log, without gaps",
                        },
                        "recordedat": {
                            "type": "string",
                            "format": "date-time",
                            "description": "when it was recorded; never decreases with position",
                        },
                    },
                },
            },
        },
    }
