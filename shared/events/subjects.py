"""Names on NATS: the subjects and streams that publishers and readers hold on to."""

LOG_STREAM = "LOG"
LOG_SUBJECT = "log.recorded"
RECEIPTS_STREAM = "RECEIPTS"
RECEIPTS_SUBJECT = "receipt.>"
BATCH = "batch"

FIRST_HEADER = "Ketnap-First"
LAST_HEADER = "Ketnap-Last"


def ingest_stream(source: str) -> str:
    """Name of the JetStream stream that holds what `source` published."""
    return f"INGEST_{source}"


def ingest_subject(source: str, event_name: str = BATCH) -> str:
    """Subject under which `source` publishes one event of type `event_name`, or a batch."""
    return f"ingest.{source}.{event_name}"


def receipt_subject(source: str, outcome: str) -> str:
    """Subject under which the registry tells `source` what became of an event."""
    return f"receipt.{source}.{outcome}"
