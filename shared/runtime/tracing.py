"""Traces of OpenTelemetry across NATS, where a collector is named; else nothing of it is loaded or costs.

Which traces are kept, and what a service is called, OpenTelemetry's own settings say (`OTEL_TRACES_SAMPLER`,
`OTEL_RESOURCE_ATTRIBUTES`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shared.runtime.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span, Tracer

TRACEPARENT = "traceparent"
"""Header of a message that says which span it comes from, as W3C Trace Context has it."""

_tracer: "Tracer | None" = None


def on() -> bool:
    """Whether anything is traced; ask before doing anything for it."""
    return _tracer is not None


def begin(service: str, url: str | None) -> None:
    """Trace from now on, to the collector at `url` (OTLP over HTTP), if there is one. Raises SettingsError."""
    if url is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(
            "KETNAP_OTLP_URL is set, but OpenTelemetry is not installed: pip install 'ketnap[telemetry]'"
        ) from None
    begin_with(service, BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))


def begin_with(service: str, processor: "SpanProcessor") -> "TracerProvider":
    """Trace from now on, to `processor`."""
    global _tracer
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": f"ketnap-{service}"}))
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("ketnap")
    return provider


def end() -> None:
    """Trace no more."""
    global _tracer
    _tracer = None


@contextmanager
def span(name: str, parent: str | None, **attributes: str | int) -> Iterator[str | None]:
    """A span around what is done in the `with`; gives its traceparent, None where it is not kept."""
    if _tracer is None:
        yield None
        return
    current = _begun(_tracer, name, parent, time.time_ns(), attributes)
    try:
        yield _traceparent(current)
    finally:
        current.end()


def past(name: str, parent: str | None, began: int, **attributes: str | int) -> str | None:
    """A span that began at `began` (`time.time_ns()`) and is over; its traceparent, None where it is not kept."""
    if _tracer is None:
        return None
    current = _begun(_tracer, name, parent, began, attributes)
    current.end()
    return _traceparent(current)


def _begun(tracer: "Tracer", name: str, parent: str | None, began: int, attributes: dict[str, Any]) -> "Span":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    # A parent that cannot be read is none: whoever sent it wrote it freely.
    context = TraceContextTextMapPropagator().extract({TRACEPARENT: parent or ""}, Context())
    return tracer.start_span(name, context, attributes=attributes, start_time=began)


def _traceparent(current: "Span") -> str | None:
    context = current.get_span_context()
    if not context.trace_flags.sampled:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
